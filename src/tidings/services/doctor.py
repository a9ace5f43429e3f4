"""The doctor: looks at everything that letters need, and says what is wrong and what to do."""

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from tidings.delivery.dkim import Signer
from tidings.delivery.dns import Dns
from tidings.delivery.inquiry import ClickAnswer, click
from tidings.delivery.settings import SmtpSettings
from tidings.domain.findings import Finding, Level, ok, problem, warning
from tidings.domain.watching import ENOUGH_SPACE, LITTLE_SPACE
from tidings.errors import DeliveryError, DnsError, UnreachableError
from tidings.services.composing import PlanTools
from tidings.services.doctor_domains import Senders, examine_domains
from tidings.services.doctor_letters import examine_letters, samples
from tidings.services.doctor_relay import examine_relay
from tidings.services.issue_messages import IssueMessages
from tidings.services.issue_queue import IssueSender
from tidings.storage import hub_pings, leases, newsletters
from tidings.storage.database import Database

EXAMPLE = "example.org"
"""The domain of what the shipped settings leave to the operator."""

UNFIT = "look at the sender and reply-to of the newsletter"

MAX_DRIFT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorTools:
    """What is examined.

    Attributes:
        smtp: The relay; None where letters stay in a folder.
        signer: None where the relay signs.
        returns_to: The address that bounces go to.
        base_url: As it is set; empty if it is not.
        contact_url: What publishers are told about us.
        host: What this machine calls itself.
        faults: Of the runtime.
        disk: Gives the free bytes and all bytes of the disk with the database, if it is a file.
    """

    database: Database
    clock: Callable[[], datetime]
    dns: Dns
    smtp: SmtpSettings | None
    signer: Signer | None
    returns_to: str
    base_url: str
    contact_url: str
    host: str
    faults: Sequence[str]
    disk: Callable[[], tuple[int, int] | None]
    planning: PlanTools
    messages: IssueMessages
    sender: IssueSender


def examine(tools: DoctorTools) -> Iterator[Finding]:
    """Look at one thing after the other; nothing is changed, and nobody gets mail."""
    yield from _machine(tools)
    yield from _clock(tools)
    yield _contact(tools)
    yield from _letters(tools)
    if tools.smtp is None:
        yield ok("transport", "letters stay in a folder: no relay, no DNS to look at")
    else:
        senders = _senders(tools)
        yield from examine_relay(tools.smtp, now=tools.clock())
        yield from examine_domains(tools.dns, senders)
    yield from _site(tools)
    yield from _hubs(tools)


def send_test(tools: DoctorTools, address: str) -> Finding:
    """Send an issue to one address, for a look at what others make of it; it counts for nothing."""
    what = f"test to {address}"
    try:
        sample = next(samples(tools.planning, tools.messages, tools.signer), None)
        if sample is None:
            advice = "add a newsletter and a source, and come back"
            return problem(what, "nothing was sent: no newsletter has anything to tell", advice)
        message = tools.messages.sample(sample.issue, address, now=tools.clock())
        reply = tools.sender.send_unrecorded(message)
    except ValueError as error:
        return problem(what, str(error), UNFIT)
    except DeliveryError as error:
        return problem(what, error.because, "see what is said of the relay")
    advice = "look for spf=pass, dkim=pass and dmarc=pass in the source of what arrives"
    return Finding(level=Level.OK, what=what, said=f"sent: {reply}", advice=advice)


def _letters(tools: DoctorTools) -> Iterator[Finding]:
    try:
        yield from examine_letters(tools.planning, tools.messages, tools.signer)
    except ValueError as error:
        yield problem("letters", str(error), UNFIT)


def _machine(tools: DoctorTools) -> Iterator[Finding]:
    yield from (warning("versions", one, "update it") for one in tools.faults)
    if not tools.faults:
        yield ok("versions", "no known faults")
    space = tools.disk()
    if space is None:
        return
    free, whole = space
    said = f"{free // 1_000_000:,} MB of {whole // 1_000_000:,} MB are free"
    if free < min(ENOUGH_SPACE, LITTLE_SPACE * whole):
        yield problem("disk", said, "make room: a full disk stops everything")
    else:
        yield ok("disk", said)


def _clock(tools: DoctorTools) -> Iterator[Finding]:
    with tools.database.read() as connection:
        theirs = leases.clock(connection)
    drift = abs(tools.clock() - theirs)
    if drift > MAX_DRIFT:
        said = f"{drift.total_seconds():.0f} s apart from the clock of the database"
        yield problem("clock", said, "let both machines set their clocks by NTP")


def _contact(tools: DoctorTools) -> Finding:
    host = urlsplit(tools.contact_url).hostname or ""
    if host == EXAMPLE or not host:
        said = "publishers cannot find out who polls them"
        return warning("contact", said, "set [fetch] contact_url to a page of yours")
    return ok("contact", f"publishers are told {tools.contact_url}")


def _senders(tools: DoctorTools) -> Senders:
    with tools.database.read() as connection:
        series = newsletters.every(connection)
    letterheads = [tools.messages.letterhead_of(one) for one in series]
    addresses = [tools.messages.sender, *(one.sender.address for one in letterheads)]
    relay = tools.smtp.host if tools.smtp else ""
    return Senders(
        domains=tuple(dict.fromkeys(_domain(one) for one in addresses)),
        envelope=_domain(tools.returns_to),
        relay=tools.host if _is_loopback(relay) else relay,
        is_this_machine=_is_loopback(relay),
        signer=tools.signer,
    )


def _site(tools: DoctorTools) -> Iterator[Finding]:
    """Look at the pages, from outside as far as that can be done from here."""
    bad = problem if tools.smtp else warning
    url = urlsplit(tools.base_url)
    if url.scheme != "https":
        said = f"[web] base_url is {tools.base_url or 'not set'}"
        yield bad("site", said, "set it to the https address that readers use: links in letters")
    elif tools.smtp and not _is_public(tools.dns, url.hostname or ""):
        said = f"{url.hostname} has no public address"
        yield bad("site", said, "readers and mail programs must reach it from everywhere")
    else:
        yield ok("site", f"readers find it at {tools.base_url}")
    yield from (
        Finding(level=Level.WARNING, what=one.what, said=one.said, advice=one.advice)
        if one.level is Level.PROBLEM and not tools.smtp
        else one
        for one in _one_click(tools)
    )


def _hubs(tools: DoctorTools) -> Iterator[Finding]:
    """Look whether hubs take it that our feeds have changed."""
    with tools.database.read() as connection:
        told = hub_pings.standings(connection, since=tools.clock())
    for one in told:
        if one.failing:
            said = f"{one.hub} was not told that feeds have changed, {one.failing} of them"
            yield warning(
                "hub", f"{said}: {one.error}", "look at [websub] hubs, and whether it is up"
            )


def _one_click(tools: DoctorTools) -> Iterator[Finding]:
    """Press the button of mail programs, with a link of ours that is nobody's."""
    what = "one-click"
    try:
        answer = click(tools.messages.unsubscribe_url(0, 0))
    except UnreachableError as error:
        yield problem(what, str(error), "is `tidings run` running, and [web] base_url right?")
        return
    if said := _wrong_with(answer):
        yield problem(what, said, "mail programs want a plain 200 (RFC 8058): look at your proxy")
    else:
        yield ok(what, "the link by which readers leave answers as it should")
    if answer.at and abs(answer.at - tools.clock()) > MAX_DRIFT:
        drift = abs(answer.at - tools.clock()).total_seconds()
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
