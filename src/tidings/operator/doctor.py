"""The doctor: checks everything that sending needs, and says what is wrong and what to do."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import urlsplit

from tidings.catalog import newsletters
from tidings.channels.store import channels
from tidings.db.database import Connection, Database
from tidings.errors import DeliveryError, DnsError, UnreachableError
from tidings.mail.dkim import Signer
from tidings.mail.dns import Dns
from tidings.mail.probes import ClickAnswer, click_unsubscribe
from tidings.mail.settings import SmtpSettings
from tidings.model.newsletters import PREFERENCES_URL, UNSUBSCRIBE_URL, Issue
from tidings.model.operators import MIN_FREE_BYTES, MIN_FREE_SHARE
from tidings.newsletters.compose import Composer
from tidings.newsletters.compose import sample as sample_issue
from tidings.newsletters.issue_messages import IssueMessages
from tidings.newsletters.issue_queue import IssueSender
from tidings.operator.checks import Finding, Level, ok, problem, warning
from tidings.operator.doctor_dns import Senders, examine_domains, examine_relay
from tidings.polling.store import leases
from tidings.publishing.store import pings

# The domain in the shipped settings that the operator has to replace.
EXAMPLE = "example.org"

UNFIT = "look at the sender and reply-to of the newsletter"

# From here on letters leave noticeably early or late.
MAX_DRIFT = timedelta(seconds=60)

# Bytes; Gmail clips longer ones, and hides the unsubscribe link with the rest.
MAX_HTML = 102_000

# Beyond what any message has, what large mailbox providers ask of bulk senders: a List-Id of its
# own, one click to leave (RFC 8058), and a Feedback-ID, by which Gmail groups its reports.
REQUIRED = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "List-Id",
    "List-Archive",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
    "Auto-Submitted",
)

# RFC 8058 wants both headers of the one click under a DKIM signature.
SIGNED = ("from", "list-unsubscribe", "list-unsubscribe-post")

_LINE_WITH_LINK = re.compile(r"^\s*(https?://\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A message as it is sent, and the issue that it was made from."""

    issue: Issue
    letter: bytes


class Doctor:
    """Runs all checks; nothing is changed, and no mail is sent unless asked for.

    Args:
        database: Newsletters and entries.
        clock: Aware UTC.
        composer: Composes sample issues.
        messages: Builds their messages.
        sender: Sends the test message.
        smtp: The relay; None for the folder.
        signer: None where the relay signs.
        dns: Public DNS.
        returns_to: The address that bounces go to.
        base_url: As it is set; empty if it is not.
        contact_url: Named in our User-Agent.
        host: The name of this machine.
        faults: Of the runtime.
        disk: Gives the free bytes and all bytes of the disk with the database; None for a server.
    """

    def __init__(  # noqa: PLR0913 - all that is examined
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        composer: Composer,
        messages: IssueMessages,
        sender: IssueSender,
        smtp: SmtpSettings | None,
        signer: Signer | None,
        dns: Dns,
        returns_to: str,
        base_url: str,
        contact_url: str,
        host: str,
        faults: Sequence[str],
        disk: Callable[[], tuple[int, int] | None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._composer = composer
        self._messages = messages
        self._sender = sender
        self._smtp = smtp
        self._signer = signer
        self._dns = dns
        self._returns_to = returns_to
        self._base_url = base_url
        self._contact_url = contact_url
        self._host = host
        self._faults = faults
        self._disk = disk

    def examine(self) -> Iterator[Finding]:
        """Run all checks one after the other; nothing is changed, and no mail is sent."""
        yield from self._examine_machine()
        yield from self._examine_clock()
        yield self._examine_contact()
        yield from self._examine_letters()
        if self._smtp is None:
            yield ok("transport", "letters stay in a folder: no relay, no DNS to look at")
        else:
            senders = self._senders()
            yield from examine_relay(self._smtp, now=self._clock())
            yield from examine_domains(self._dns, senders)
        yield from self._examine_site()
        yield from self._examine_hubs()
        yield from self._examine_channels()

    def send_test(self, address: str) -> Finding:
        """Send a sample issue to one address; nothing is recorded."""
        what = f"test to {address}"
        try:
            sample = next(self._samples(), None)
            if sample is None:
                advice = "add a newsletter and a source, and come back"
                return problem(what, "nothing was sent: no newsletter has anything to tell", advice)
            message = self._messages.sample(sample.issue, address, now=self._clock())
            reply = self._sender.send_unrecorded(message)
        except ValueError as error:
            return problem(what, str(error), UNFIT)
        except DeliveryError as error:
            return problem(what, error.because, "see what is said of the relay")
        advice = "look for spf=pass, dkim=pass and dmarc=pass in the source of what arrives"
        return Finding(level=Level.OK, what=what, said=f"sent: {reply}", advice=advice)

    def _samples(self) -> Iterator[Sample]:
        """Build a message of each newsletter.

        Raises:
            ValueError: Something of one cannot stand in a letter.
        """
        with self._database.read() as connection:
            issues = sample_issues(connection, self._composer, at=self._clock())
        yield from samples(issues, self._messages, self._signer, now=self._clock())

    def _examine_letters(self) -> Iterator[Finding]:
        try:
            yield from examine_letters(
                self._samples(), way_out=self._messages.unsubscribe_url(0, 0)
            )
        except ValueError as error:
            yield problem("letters", str(error), UNFIT)

    def _examine_machine(self) -> Iterator[Finding]:
        yield from (warning("versions", one, "update it") for one in self._faults)
        if not self._faults:
            yield ok("versions", "no known faults")
        space = self._disk()
        if space is None:
            return
        free, whole = space
        said = f"{free // 1_000_000:,} MB of {whole // 1_000_000:,} MB are free"
        if free < min(MIN_FREE_BYTES, MIN_FREE_SHARE * whole):
            yield problem("disk", said, "make room: a full disk stops everything")
        else:
            yield ok("disk", said)

    def _examine_clock(self) -> Iterator[Finding]:
        with self._database.read() as connection:
            # Leases of all services run by the database's clock, slots by ours.
            drift = leases.find_drift(connection, self._clock)
        if drift:
            said = f"{abs(drift).total_seconds():.0f} s apart from the clock of the database"
            bad = problem if abs(drift) > MAX_DRIFT else warning
            yield bad("clock", said, leases.SET_CLOCKS)

    def _examine_contact(self) -> Finding:
        host = urlsplit(self._contact_url).hostname or ""
        if host == EXAMPLE or not host:
            said = "publishers cannot find out who polls them"
            return warning("contact", said, "set [fetch] contact_url to a page of yours")
        return ok("contact", f"publishers are told {self._contact_url}")

    def _senders(self) -> Senders:
        with self._database.read() as connection:
            series = newsletters.every(connection)
        list_headers = [self._messages.list_headers_of(one) for one in series]
        addresses = [self._messages.sender, *(one.sender.address for one in list_headers)]
        relay = self._smtp.host if self._smtp else ""
        return Senders(
            domains=tuple(dict.fromkeys(_domain(one) for one in addresses)),
            envelope=_domain(self._returns_to),
            # What others see of a relay on this machine is this machine.
            relay=self._host if _is_loopback(relay) else relay,
            is_this_machine=_is_loopback(relay),
            signer=self._signer,
        )

    def _examine_site(self) -> Iterator[Finding]:
        """Check the pages, from outside as far as that can be done from here."""
        # As long as mail stays in a folder, nobody outside follows its links.
        bad = problem if self._smtp else warning
        url = urlsplit(self._base_url)
        if url.scheme != "https":
            said = f"[web] base_url is {self._base_url or 'not set'}"
            yield bad(
                "site", said, "set it to the https address that readers use: links in letters"
            )
        elif self._smtp and not _is_public(self._dns, url.hostname or ""):
            said = f"{url.hostname} has no public address"
            yield bad("site", said, "readers and mail programs must reach it from everywhere")
        else:
            yield ok("site", f"readers find it at {self._base_url}")
        yield from (
            Finding(level=Level.WARNING, what=one.what, said=one.said, advice=one.advice)
            if one.level is Level.PROBLEM and not self._smtp
            else one
            for one in self._examine_one_click()
        )

    def _examine_hubs(self) -> Iterator[Finding]:
        """Check that our hubs accept pings."""
        with self._database.read() as connection:
            told = pings.hub_states(connection, since=self._clock())
        for one in told:
            if one.failing:
                said = f"{one.hub} was not told that feeds have changed, {one.failing} of them"
                yield warning(
                    "hub", f"{said}: {one.error}", "look at [websub] hubs, and whether it is up"
                )

    def _examine_channels(self) -> Iterator[Finding]:
        """Check that channels take what they are told."""
        with self._database.read() as connection:
            failing = channels.failing(connection)
        for one in failing:
            said = f"{one.name} does not take what it is told: {one.last_error}"
            advice = f"tidings channel test {one.name}; `channel edit` gives it another address"
            if one.paused_at:
                advice = f"tidings channel resume {one.name}, once it is back"
            yield warning("channel", said, advice)

    def _examine_one_click(self) -> Iterator[Finding]:
        """Send a one-click unsubscribe request, with a link that belongs to no subscription."""
        what = "one-click"
        try:
            # No subscription has the id 0.
            answer = click_unsubscribe(self._messages.unsubscribe_url(0, 0))
        except UnreachableError as error:
            yield problem(what, str(error), "is `tidings run` running, and [web] base_url right?")
            return
        if said := _wrong_with(answer):
            yield problem(
                what, said, "mail programs want a plain 200 (RFC 8058): look at your proxy"
            )
        else:
            yield ok(what, "the link by which readers leave answers as it should")
        # The Date of the answer: with SQLite the database's clock is our own, a proxy's may not be.
        if answer.at and abs(answer.at - self._clock()) > MAX_DRIFT:
            drift = abs(answer.at - self._clock()).total_seconds()
            yield problem("clock", f"{drift:.0f} s apart from that of the site", "set it by NTP")


def _wrong_with(answer: ClickAnswer) -> str:
    if answer.location:
        return f"the link by which readers leave redirects to {answer.location}"
    if answer.status != 200:
        return f"the link by which readers leave answers {answer.status}"
    return "the link by which readers leave sets a cookie" if answer.sets_cookie else ""


def _is_public(dns: Dns, host: str) -> bool:
    try:
        found = [host] if _is_address(host) else dns.addresses(host)
    except DnsError:
        return False
    return bool(found) and all(ipaddress.ip_address(one).is_global for one in found)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback if _is_address(host) else host == "localhost"


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def samples(
    issues: Iterable[Issue], messages: IssueMessages, signer: Signer | None, *, now: datetime
) -> Iterator[Sample]:
    """Build the messages of sample issues, signed if there is a signer.

    Raises:
        ValueError: Something of one cannot stand in a letter.
    """
    for issue in issues:
        letter = messages.sample(issue, messages.sender, now=now).content
        yield Sample(issue=issue, letter=signer.signed(letter) if signer else letter)


def sample_issues(connection: Connection, composer: Composer, *, at: datetime) -> list[Issue]:
    """Return an issue of each newsletter: the next one, or one of its newest entries."""
    editions = [
        newsletters.edition_of(connection, one.slug) for one in newsletters.every(connection)
    ]
    found = [sample_issue(composer, connection, one, at=at) for one in editions]
    return [issue for issue in found if issue]


def examine_letters(samples: Iterable[Sample], *, way_out: str) -> Iterator[Finding]:
    """Check sample messages.

    Args:
        samples: One of each newsletter.
        way_out: Their unsubscribe link.
    """
    is_any = False
    for sample in samples:
        is_any = True
        what = f"letter of {sample.issue.newsletter.slug}"
        found = [*_of_issue(what, sample.issue), *_of_head(what, sample.letter, way_out=way_out)]
        yield from found
        if not found:
            size = f"{len(sample.letter) // 1000} kB"
            yield ok(what, f"{size}, all headers, both parts tell of the same")
    if not is_any:
        advice = "add a newsletter and sources, poll, and come back"
        yield warning("letters", "there is no issue to look at", advice)


def _of_issue(what: str, issue: Issue) -> Iterator[Finding]:
    size = len(issue.html.encode())
    if size > MAX_HTML:
        said = f"{size // 1000} kB of HTML: some mail programs hide the end"
        yield problem(what, said, "make your template shorter")
    for name, part in (("HTML", issue.html), ("text", issue.text)):
        if UNSUBSCRIBE_URL not in part:
            yield problem(what, f"no way to leave in the {name}", "add it to your template")
        if PREFERENCES_URL not in part:
            yield warning(what, f"no link to the preferences in the {name}", "add it there as well")
    # Filters take a text part that says something else for spam, and some people read only that.
    if _links_in_html(issue.html) != _links_in_text(issue.text):
        said = "the text does not lead to the same pages in the same order as the HTML"
        yield warning(what, said, "change both templates alike")
    if not issue.newsletter.postal_address:
        advice = f"tidings newsletter edit {issue.newsletter.slug} --postal-address TEXT"
        yield warning(what, "no postal address; many countries ask for one", advice)


def _of_head(what: str, letter: bytes, *, way_out: str) -> Iterator[Finding]:
    """Check the headers as they are transmitted."""
    head = letter.partition(b"\r\n\r\n")[0].decode("ascii")
    # A line that begins with a blank continues the one before.
    fields = dict(field.split(": ", 1) for field in re.split(r"\r\n(?![ \t])", head))
    if missing := [name for name in REQUIRED if name not in fields]:
        yield problem(what, f"without {', '.join(missing)}", "report this: it is a bug")
    lists = [value for name, value in fields.items() if name.startswith("List-")]
    # Python folds and encodes long headers (RFC 2047), which is invalid here: Gmail drops them.
    if any("=?" in value or "\r\n" in value for value in lists):
        yield problem(what, "a List- header is folded or encoded", "report this: it is a bug")
    if f"<{way_out}>" not in fields.get("List-Unsubscribe", ""):
        yield problem(what, "List-Unsubscribe leads elsewhere", "report this: it is a bug")
    if signature := fields.get("DKIM-Signature"):
        covered = re.sub(r"\s", "", re.split(r"\bh=", signature)[1].split(";")[0]).split(":")
        if not set(SIGNED) <= set(covered):
            yield problem(what, "its signature leaves headers out", "report this: it is a bug")


def _links_in_html(html: str) -> list[str]:
    parser = _Links()
    parser.feed(html)
    return _once(parser.found)


def _links_in_text(text: str) -> list[str]:
    return _once(_LINE_WITH_LINK.findall(text))


def _once(links: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(links))


class _Links(HTMLParser):
    """Collects the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]
