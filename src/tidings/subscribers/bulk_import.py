"""Importing lists of subscribers with proof of consent, and exporting them as rows."""

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
from tidings.model.newsletters import WEEKDAYS, Subscription
from tidings.model.subscribers import (
    Consent,
    ConsentEvent,
    MessageKind,
    Preferences,
    PreferencesForm,
    SuppressionReason,
)
from tidings.subscribers import subscription_changes
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
from tidings.subscribers.store.bulk import ImportedSubscriber, SubscriptionFilter
from tidings.subscribers.store.sign_ups import NewSignUp
from tidings.subscribers.store.transactional import NewMessage
from tidings.subscribers.subscriber_access import consent_details, read_address
from tidings.subscribers.subscriber_csv import CsvLine, LineResult, Membership, membership_of
from tidings.subscribers.subscription_changes import Actor

# Lines that are written in one transaction. Those stay written if a later one fails: an import can
# be repeated, and skips who is subscribed already.
BATCH = 1000

_NUMBER = re.compile(r"\d+")

# Characters.
MAX_PROOF = 1000

FORM = "import"

# The reason by which those who had left elsewhere are suppressed here.
SUPPRESSION_REASONS: Mapping[Membership, SuppressionReason] = {
    Membership.LEFT: SuppressionReason.ERASED,  # the one reason that allows them to sign up again
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
    """How a list is imported.

    Attributes:
        newsletter: A slug.
        asks: Whether those without proof of consent get a message to confirm.
        is_rehearsal: Whether nothing is written.
    """

    newsletter: str
    asks: bool
    is_rehearsal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    line: int
    imported: ImportedSubscriber
    proof: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _FormerSubscriber:
    line: int
    key: str
    reason: SuppressionReason
    evidence: str
    since: datetime | None


class Importer:
    """Imports lists of subscribers to one newsletter.

    Args:
        database: Where subscriptions are.
        plan: How to import.
        links: Hashes addresses, to find suppressed ones.
        clock: Aware UTC.
        languages: Those that messages are available in.

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
        """Yield the result of each line, in order, once its batch is committed."""
        remaining = iter(lines)
        while batch := list(islice(remaining, BATCH)):
            yield from self._take(batch)

    def _take(self, batch: Sequence[CsvLine]) -> list[LineResult]:
        results: list[LineResult] = []
        candidates: list[_Candidate] = []
        former: list[_FormerSubscriber] = []
        for line in batch:
            try:
                one = self._parse_line(line)
            except TidingsError as error:
                results.append(_skipped(line.number, str(line.problem or error), _cause_of(error)))
            else:
                if isinstance(one, _FormerSubscriber):
                    former.append(one)
                else:
                    candidates.append(one)
        transaction = self._database.read if self._plan.is_rehearsal else self._database.write
        # Lines are parsed before, outside of the transaction, which holds SQLite's only write lock.
        with transaction() as connection:
            # In this order: who is in the list twice, and gone on one line, ends up suppressed.
            results.extend(self._save(connection, candidates))
            results.extend(self._suppress(connection, former))
        return sorted(results, key=lambda one: one.line)

    def _parse_line(self, line: CsvLine) -> _Candidate | _FormerSubscriber:
        cells = line.cells
        if line.problem:
            raise InvalidError("line", line.number, line.problem)
        address = read_address(cells["address"])
        membership = membership_of(cells)
        # Before doubles are looked for: the line by which somebody is gone must never be the one
        # that is skipped.
        if reason := SUPPRESSION_REASONS.get(membership):
            return _to_former_subscriber(line, address.key, membership, reason)
        if address.key in self._seen:
            earlier = self._seen[address.key]
            raise ConflictError("address", address.address, because=f"is on line {earlier} too")
        self._seen[address.key] = line.number
        other = cells.get("newsletter")
        if other and other != self._plan.newsletter:
            raise InvalidError("newsletter", other, f"this list is for {self._plan.newsletter}")
        now = self._clock()
        # Whatever the column says: who never confirmed elsewhere has no proof.
        proof = cells.get("proof", "") if membership is Membership.SUBSCRIBED else ""
        # Refused, not cut: it is evidence.
        if len(proof) > MAX_PROOF:
            raise InvalidError("proof", f"{proof[:40]}…", f"use {MAX_PROOF} characters at most")
        confirmed_at = _find_moment("confirmed_at", cells, now)
        if not (proof and confirmed_at) and not self._plan.asks:
            because = "no proof of consent: fill in confirmed_at and proof, or use --ask"
            raise InvalidError("address", address.address, because)
        imported = ImportedSubscriber(
            address=address.address,
            key=address.key,
            preferences=self._wish(cells),
            confirmed_at=confirmed_at or now,
            paused_at=_find_moment("paused_at", cells, now),
        )
        return _Candidate(line=line.number, imported=imported, proof=proof if confirmed_at else "")

    def _wish(self, cells: Mapping[str, str]) -> Preferences:
        choice = PreferencesForm(
            frequency=cells.get("frequency", ""),
            hour=cells.get("hour", ""),
            timezone=cells.get("timezone", ""),
            weekday=cells.get("weekday", ""),
            language=cells.get("language", ""),
            topics=tuple(cells.get("topics", "").split()),
        )
        # Lists have thousands of lines with the same few wishes: each is checked once.
        if choice not in self._wishes:
            languages, offered = self._languages, self._offered
            preferences = read_preferences(
                choice, self._usual, languages=languages, offered=offered
            )
            self._wishes[choice] = preferences
        return self._wishes[choice]

    def _save(
        self, connection: Connection, candidates: Sequence[_Candidate]
    ) -> Iterator[LineResult]:
        hashes = {
            one.imported.key: self._links.suppression_hash(one.imported.key) for one in candidates
        }
        barred = suppressions.suppressed(connection, hashes.values())
        known = bulk.ended_at_by_key(connection, self._newsletter.id, hashes)
        confirmed: list[_Candidate] = []
        unconfirmed: list[_Candidate] = []
        for one in candidates:
            key = one.imported.key
            ended_at = known.get(key)
            # Suppression outranks any proof in the file: the list may be older than the complaint.
            if hashes[key] in barred:
                problem = f"address {key} is suppressed"
                yield _skipped(one.line, problem, "is suppressed")
            # An unsubscription outranks the file as well, which may have been exported before it.
            elif ended_at is not None:
                problem = f"address {key} left on {ended_at:%Y-%m-%d}: only they can come back"
                yield _skipped(one.line, problem, "left: only they can come back")
            elif key in known:
                yield LineResult(line=one.line, is_known=True)
            elif one.proof:
                confirmed.append(one)
                yield LineResult(line=one.line, is_in=True)
            else:
                unconfirmed.append(one)
        if confirmed and not self._plan.is_rehearsal:
            self._subscribe(connection, confirmed)
        yield from self._ask(connection, unconfirmed)

    def _suppress(
        self, connection: Connection, former: Sequence[_FormerSubscriber]
    ) -> Iterator[LineResult]:
        actor = Actor(now=self._clock(), by="operator")
        for one in former:
            address = one.key, self._links.suppression_hash(one.key)
            confirmed = [found.confirmed_at for found in subscriptions.of_key(connection, one.key)]
            if one.since and any(moment and moment > one.since for moment in confirmed):
                # They subscribed here after they had left there: that is what they want now.
                yield LineResult(line=one.line, is_known=True)
                continue
            if not self._plan.is_rehearsal:
                subscription_changes.suppress(
                    connection, address, one.reason, evidence=one.evidence, actor=actor
                )
            yield LineResult(line=one.line, is_suppressed=True)

    def _ask(
        self, connection: Connection, unconfirmed: Sequence[_Candidate]
    ) -> Iterator[LineResult]:
        if self._plan.is_rehearsal:
            yield from (LineResult(line=one.line, is_asked=True) for one in unconfirmed)
            return
        now = self._clock()
        wanted = [self._sign_up(one.imported) for one in unconfirmed]
        asked = sign_ups.ask_many(connection, wanted, now=now)
        confirmations = [
            self._confirmation(one.imported, asked[one.imported.key])
            for one in unconfirmed
            if one.imported.key in asked
        ]
        transactional.add_many(connection, confirmations, now=now)
        for one in unconfirmed:
            if one.imported.key in asked:
                yield LineResult(line=one.line, is_asked=True)
            else:
                because = "has been asked often enough"
                yield _skipped(one.line, f"address {one.imported.key} {because}", because)

    def _sign_up(self, wanted: ImportedSubscriber) -> NewSignUp:
        return NewSignUp(
            address=wanted.address,
            key=wanted.key,
            newsletter_id=self._newsletter.id,
            preferences=wanted.preferences,
            form=FORM,
            wording="",
            network=None,
        )

    def _confirmation(self, wanted: ImportedSubscriber, sign_up_id: int) -> NewMessage:
        return NewMessage(
            kind=MessageKind.CONFIRM,
            address=wanted.address,
            language=wanted.preferences.language,
            newsletter_id=self._newsletter.id,
            sign_up_id=sign_up_id,
        )

    def _subscribe(self, connection: Connection, confirmed: Sequence[_Candidate]) -> None:
        now = self._clock()
        imported = [one.imported for one in confirmed]
        owners = bulk.save(connection, self._newsletter.id, imported, now=now)
        lines = [(owners[one.imported.key], self._record(one, now)) for one in confirmed]
        consents.add_many(connection, lines)

    def _record(self, one: _Candidate, now: datetime) -> Consent:
        told = {"proof": one.proof, "confirmed_at": one.imported.confirmed_at.isoformat()}
        return Consent(
            at=now,
            event=ConsentEvent.IMPORTED,
            newsletter=self._newsletter.slug,
            form=FORM,
            details=told | consent_details(one.imported.preferences),
        )


def _skipped(line: int, problem: str, cause: str) -> LineResult:
    return LineResult(line=line, problem=problem, cause=cause)


def _to_former_subscriber(
    line: CsvLine, key: str, membership: Membership, reason: SuppressionReason
) -> _FormerSubscriber:
    said = line.cells.get("bounced_at") or line.cells.get("left_at") or ""
    # A date that cannot be read counts as none: they had left, whenever that was.
    since = None
    with suppress(ValueError):
        since = datetime.fromisoformat(said)
    return _FormerSubscriber(
        line=line.number,
        key=key,
        reason=reason,
        evidence=f"import: {membership} {said[:40]}".rstrip(),
        since=since.replace(tzinfo=since.tzinfo or UTC) if since else None,
    )


def _cause_of(error: TidingsError) -> str:
    """Return a reason without its numbers: lines with the same one are counted together."""
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
    # Year 1 or 9999 with an offset lies outside of what `datetime` can convert.
    try:
        is_past = moment.astimezone(UTC) <= now
    except OverflowError:
        is_past = False
    if not is_past:
        raise InvalidError(name, text, "lies in the future")
    return moment.astimezone(UTC)


def subscriber_rows(connection: Connection, newsletter: str | None) -> Iterator[Mapping[str, str]]:
    """Yield subscriptions, paused ones too, in the columns of an import.

    Args:
        connection: Open until the last has been read.
        newsletter: A slug; None for all newsletters.
    """
    # Not those that have ended: an import elsewhere must not subscribe them again.
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
        key: A normalised address; None for everybody.
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
    # `groupby` wants equal ones side by side; a page is ordered by address.
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
        "weekday": WEEKDAYS[one.schedule.weekday],
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
