"""Lists of subscribers, brought in: a line at a time is judged, a thousand are written at once.

Lists of subscribers and of what they agreed to, ready to be written as CSV.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice

from tidings.catalog import newsletters
from tidings.db.database import Connection, Database
from tidings.errors import ConflictError, InvalidError, TidingsError
from tidings.model.newsletters import Subscription
from tidings.model.subscribers import (
    Consent,
    ConsentEvent,
    MessageKind,
    Preferences,
    PreferencesForm,
    SuppressionReason,
)
from tidings.subscribers import consent_log
from tidings.subscribers.consent_log import Actor
from tidings.subscribers.sign_up import default_preferences, offered_topics, read_preferences
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import (
    bulk,
    consents,
    sign_ups,
    subscriptions,
    suppressions,
    transactional,
)
from tidings.subscribers.store.bulk import Entrant, SubscriptionFilter
from tidings.subscribers.store.sign_ups import NewSignUp
from tidings.subscribers.store.transactional import NewMessage
from tidings.subscribers.subscriber_access import in_record, read_address
from tidings.subscribers.subscriber_csv import CsvLine, LineResult, Membership, membership_of

# Lines that are written in one transaction; what is in stays in, should a later one fail.
BATCH = 1000

_NUMBER = re.compile(r"\d+")

# Characters.
MAX_PROOF = 1000

FORM = "import"

# Why people get nothing who got nothing any more where the list comes from.
LETTING_GO: Mapping[Membership, SuppressionReason] = {
    Membership.LEFT: SuppressionReason.ERASED,  # so that they can come back by signing up
    Membership.BOUNCED: SuppressionReason.BOUNCES,
    Membership.COMPLAINED: SuppressionReason.COMPLAINT,
    Membership.BLOCKED: SuppressionReason.OPERATOR,
}

CONSENT_COLUMNS = (
    "address",
    "newsletter",
    "at",
    "event",
    "form",
    "wording",
    "network",
    "details",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What is to be done with a list.

    Attributes:
        newsletter: The slug of what they are subscribed to.
        asks: Whether who agreed to nothing that can be shown is asked by a letter.
        is_rehearsal: Whether nothing is to be written.
    """

    newsletter: str
    asks: bool
    is_rehearsal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    line: int
    entrant: Entrant
    proof: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaver:
    line: int
    key: str
    reason: SuppressionReason
    evidence: str
    since: datetime | None


class Importer:
    """Brings lists in, one newsletter at a time.

    Args:
        database: Where subscriptions are.
        plan: What is to be done.
        links: Hashes addresses, to know those that get nothing.
        clock: Tells the time.
        languages: In which letters are written.

    Raises:
        NotFoundError: There is no such newsletter.
    """

    def __init__(
        self,
        database: Database,
        plan: ImportPlan,
        *,
        links: SignedLinks,
        clock: Callable[[], datetime],
        languages: Collection[str],
    ) -> None:
        self._database = database
        self._plan = plan
        self._links = links
        self._clock = clock
        self._languages = languages
        with database.read() as connection:
            self._newsletter = newsletters.get(connection, plan.newsletter)
            self._offered = offered_topics(connection, self._newsletter)
        self._usual = default_preferences(self._newsletter)
        self._seen: dict[str, int] = {}
        self._wishes: dict[PreferencesForm, Preferences] = {}

    def run(self, lines: Iterable[CsvLine]) -> Iterator[LineResult]:
        """Yield what comes of each line, in their order, once it is written."""
        remaining = iter(lines)
        while batch := list(islice(remaining, BATCH)):
            yield from self._take(batch)

    def _take(self, batch: Sequence[CsvLine]) -> list[LineResult]:
        results: list[LineResult] = []
        candidates: list[_Candidate] = []
        leavers: list[_Leaver] = []
        for line in batch:
            try:
                one = self._judge(line)
            except TidingsError as error:
                results.append(_left_out(line.number, str(line.problem or error), _cause_of(error)))
            else:
                if isinstance(one, _Leaver):
                    leavers.append(one)
                else:
                    candidates.append(one)
        seam = self._database.read if self._plan.is_rehearsal else self._database.write
        with seam() as connection:
            results.extend(self._settle(connection, candidates))
            results.extend(self._let_go(connection, leavers))
        return sorted(results, key=lambda one: one.line)

    def _judge(self, line: CsvLine) -> _Candidate | _Leaver:
        cells = line.cells
        if line.problem:
            raise InvalidError("line", line.number, line.problem)
        address = read_address(cells["address"])
        membership = membership_of(cells)
        if reason := LETTING_GO.get(membership):
            return _leaver(line, address.key, membership, reason)
        if address.key in self._seen:
            earlier = self._seen[address.key]
            raise ConflictError("address", address.address, because=f"is on line {earlier} too")
        self._seen[address.key] = line.number
        other = cells.get("newsletter")
        if other and other != self._plan.newsletter:
            raise InvalidError("newsletter", other, f"this list is for {self._plan.newsletter}")
        now = self._clock()
        proof = cells.get("proof", "") if membership is Membership.SUBSCRIBED else ""
        if len(proof) > MAX_PROOF:
            raise InvalidError("proof", f"{proof[:40]}…", f"use {MAX_PROOF} characters at most")
        confirmed_at = _find_moment("confirmed_at", cells, now)
        if not (proof and confirmed_at) and not self._plan.asks:
            because = "no proof of consent: fill in confirmed_at and proof, or use --ask"
            raise InvalidError("address", address.address, because)
        entrant = Entrant(
            address=address.address,
            key=address.key,
            wish=self._wish(cells),
            confirmed_at=confirmed_at or now,
            paused_at=_find_moment("paused_at", cells, now),
        )
        return _Candidate(line=line.number, entrant=entrant, proof=proof if confirmed_at else "")

    def _wish(self, cells: Mapping[str, str]) -> Preferences:
        choice = PreferencesForm(
            frequency=cells.get("frequency", ""),
            hour=cells.get("hour", ""),
            timezone=cells.get("timezone", ""),
            language=cells.get("language", ""),
            topics=tuple(cells.get("topics", "").split()),
        )
        if choice not in self._wishes:
            languages, offered = self._languages, self._offered
            wish = read_preferences(choice, self._usual, languages=languages, offered=offered)
            self._wishes[choice] = wish
        return self._wishes[choice]

    def _settle(
        self, connection: Connection, candidates: Sequence[_Candidate]
    ) -> Iterator[LineResult]:
        hashes = {
            one.entrant.key: self._links.suppression_hash(one.entrant.key) for one in candidates
        }
        barred = suppressions.suppressed(connection, hashes.values())
        known = bulk.standings(connection, self._newsletter.id, hashes)
        entering: list[_Candidate] = []
        asking: list[_Candidate] = []
        for one in candidates:
            key = one.entrant.key
            ended_at = known.get(key)
            if hashes[key] in barred:
                problem = f"address {key} is suppressed"
                yield _left_out(one.line, problem, "is suppressed")
            elif ended_at is not None:
                problem = f"address {key} left on {ended_at:%Y-%m-%d}: only they can come back"
                yield _left_out(one.line, problem, "left: only they can come back")
            elif key in known:
                yield LineResult(line=one.line, is_known=True)
            elif one.proof:
                entering.append(one)
                yield LineResult(line=one.line, is_in=True)
            else:
                asking.append(one)
        if entering and not self._plan.is_rehearsal:
            self._bring_in(connection, entering)
        yield from self._ask(connection, asking)

    def _let_go(self, connection: Connection, leavers: Sequence[_Leaver]) -> Iterator[LineResult]:
        act = Actor(now=self._clock(), by="operator")
        for one in leavers:
            address = one.key, self._links.suppression_hash(one.key)
            confirmed = [found.confirmed_at for found in subscriptions.of_key(connection, one.key)]
            if one.since and any(moment and moment > one.since for moment in confirmed):
                yield LineResult(
                    line=one.line, is_known=True
                )  # who came back has changed their mind
                continue
            if not self._plan.is_rehearsal:
                consent_log.suppress(
                    connection, address, one.reason, evidence=one.evidence, act=act
                )
            yield LineResult(line=one.line, is_suppressed=True)

    def _ask(self, connection: Connection, asking: Sequence[_Candidate]) -> Iterator[LineResult]:
        if self._plan.is_rehearsal:
            yield from (LineResult(line=one.line, is_asked=True) for one in asking)
            return
        now = self._clock()
        wishes = [self._sign_up(one.entrant) for one in asking]
        asked = sign_ups.ask_many(connection, wishes, now=now)
        letters = [
            self._letter(one.entrant, asked[one.entrant.key])
            for one in asking
            if one.entrant.key in asked
        ]
        transactional.add_many(connection, letters, now=now)
        for one in asking:
            if one.entrant.key in asked:
                yield LineResult(line=one.line, is_asked=True)
            else:
                because = "has been asked often enough"
                yield _left_out(one.line, f"address {one.entrant.key} {because}", because)

    def _sign_up(self, wanted: Entrant) -> NewSignUp:
        return NewSignUp(
            address=wanted.address,
            key=wanted.key,
            newsletter_id=self._newsletter.id,
            wish=wanted.wish,
            form=FORM,
            wording="",
            network=None,
        )

    def _letter(self, wanted: Entrant, sign_up_id: int) -> NewMessage:
        return NewMessage(
            kind=MessageKind.CONFIRM,
            address=wanted.address,
            language=wanted.wish.language,
            newsletter_id=self._newsletter.id,
            sign_up_id=sign_up_id,
        )

    def _bring_in(self, connection: Connection, entering: Sequence[_Candidate]) -> None:
        now = self._clock()
        entrants = [one.entrant for one in entering]
        owners = bulk.save(connection, self._newsletter.id, entrants, now=now)
        lines = [(owners[one.entrant.key], self._record(one, now)) for one in entering]
        consents.add_many(connection, lines)

    def _record(self, one: _Candidate, now: datetime) -> Consent:
        told = {"proof": one.proof, "confirmed_at": one.entrant.confirmed_at.isoformat()}
        return Consent(
            at=now,
            event=ConsentEvent.IMPORTED,
            newsletter=self._newsletter.slug,
            form=FORM,
            details=told | in_record(one.entrant.wish),
        )


def _left_out(line: int, problem: str, cause: str) -> LineResult:
    return LineResult(line=line, problem=problem, cause=cause)


def _leaver(line: CsvLine, key: str, membership: Membership, reason: SuppressionReason) -> _Leaver:
    said = line.cells.get("bounced_at") or line.cells.get("left_at") or ""
    since = None
    with suppress(ValueError):
        since = datetime.fromisoformat(said)
    return _Leaver(
        line=line.number,
        key=key,
        reason=reason,
        evidence=f"import: {membership} {said[:40]}".rstrip(),
        since=since.replace(tzinfo=since.tzinfo or UTC) if since else None,
    )


def _cause_of(error: TidingsError) -> str:
    """Return what is the same for all lines that are left out for that reason."""
    because = error.because if isinstance(error, InvalidError | ConflictError) else str(error)
    return _NUMBER.sub("N", because)


def _find_moment(name: str, cells: Mapping[str, str], now: datetime) -> datetime | None:
    """Return the time in a cell, UTC if it names no zone; None if the cell is empty."""
    text = cells.get(name, "")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidError(name, text, "write it as in 2026-11-20T12:00:00Z") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        is_past = moment.astimezone(UTC) <= now
    except OverflowError:
        is_past = False
    if not is_past:
        raise InvalidError(name, text, "lies in the future")
    return moment.astimezone(UTC)


def subscriber_rows(connection: Connection, newsletter: str | None) -> Iterator[Mapping[str, str]]:
    """Yield who is subscribed, paused ones too, as an import takes it.

    Args:
        connection: Open until the last has been read.
        newsletter: A slug; None for all newsletters.
    """
    for state in ("active", "paused"):
        wanted = SubscriptionFilter(newsletter=newsletter, state=state)
        found = bulk.select_subscriptions(connection, wanted, limit=0)
        while page := list(islice(found, bulk.PAGE)):
            yield from _page(connection, page)


def consent_rows(
    connection: Connection, newsletter: str | None, key: str | None
) -> Iterator[Mapping[str, str]]:
    """Yield the consent record, in the order it was written.

    Args:
        connection: Open until the last has been read.
        newsletter: The slug of the newsletter it is about; None for all.
        key: Whose, by their address as it is told apart; None for everybody's.
    """
    for address, line in consents.every(connection, key=key, newsletter=newsletter):
        yield {
            "address": address,
            "newsletter": line.newsletter or "",
            "at": _moment(line.at),
            "event": line.event.value,
            "form": line.form or "",
            "wording": line.wording or "",
            "network": line.network or "",
            "details": json.dumps(dict(line.details), ensure_ascii=False, sort_keys=True),
        }


def _page(connection: Connection, page: list[Subscription]) -> Iterator[Mapping[str, str]]:
    ordered = sorted(page, key=lambda one: (one.newsletter.slug, one.address))
    for slug, theirs in groupby(ordered, key=lambda one: one.newsletter.slug):
        group = list(theirs)
        grounds = consents.consent_evidence(
            connection, slug, [one.address.casefold() for one in group]
        )
        for one in group:
            yield _row(one, grounds.get(one.address.casefold()))


def _row(one: Subscription, ground: Consent | None) -> Mapping[str, str]:
    return {
        "address": one.address,
        "newsletter": one.newsletter.slug,
        "confirmed_at": _moment(one.confirmed_at),
        "proof": _proof(ground),
        "frequency": one.schedule.frequency.value,
        "hour": str(one.schedule.hour),
        "timezone": one.schedule.timezone,
        "language": one.language,
        "topics": " ".join(one.topics),
        "paused_at": _moment(one.paused_at),
    }


def _proof(ground: Consent | None) -> str:
    if ground is None:
        return "on record before consent was recorded"
    match ground.event:
        case ConsentEvent.IMPORTED:
            return str(ground.details["proof"])
        case ConsentEvent.ADDED:
            return "added by the operator"
        case _:
            return f"form {ground.form}, wording {ground.wording}, confirmed by letter"


def _moment(value: datetime | None) -> str:
    return value.isoformat(timespec="seconds") if value else ""
