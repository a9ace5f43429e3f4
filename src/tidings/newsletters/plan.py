"""Planning: due slots become windows, windows become issues and deliveries, exactly once.

```
read ─► decide ─► compose what is missing ─► write
due     window    issues, by content         deliveries and watermarks, one transaction
```

A plan is made on what was read, and written only if it still stands so. Two services, or a
crash in between, lead to the same windows, because the cut of a slot is frozen.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from tidings.catalog import change_log, newsletters
from tidings.catalog.newsletters import Edition
from tidings.db.database import Connection, Database
from tidings.errors import PlanOutdatedError
from tidings.model.newsletters import Frequency, Newsletter
from tidings.newsletters.compose import Composer, DueEdition, plan_edition
from tidings.newsletters.digest_candidates import DigestCandidates
from tidings.newsletters.plan_batch import DueCase, plan_batch
from tidings.newsletters.restore_guard import hold_restored
from tidings.newsletters.store import issues, plans
from tidings.newsletters.store.plans import DueSubscription
from tidings.newsletters.windows import (
    BY_HAND,
    Slot,
    find_due_slot,
    is_flood,
    next_due,
    slot_of_cut,
)

logger = logging.getLogger(__name__)

FLOOD = (
    "many more letters than usual: `tidings delivery resend --issue` sends them to those who"
    " have never had one"
)

# Subscriptions that are planned in one transaction.
CHUNK = 500


# A newsletter's id, and when its slot fell due; None for who wants news as it happens.
_Turn = tuple[int, datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What planning came to.

    Attributes:
        deliveries: How many, by the id of their issue.
        listed: The key of the issue that the operator's word put into the archive.
    """

    deliveries: Mapping[int, int]
    listed: bytes | None = None


class Planner:
    """Plans what is due, or what the operator wants sent now.

    Args:
        database: Where sources, subscriptions and plans are.
        clock: Tells what is due.
        composer: Writes the issues that are missing.
    """

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime], composer: Composer
    ) -> None:
        self._database = database
        self._clock = clock
        self._composer = composer

    def plan_due(self) -> Planned:
        """Plan every edition and every subscription whose slot has come."""
        now, news = self._clock(), DigestCandidates()
        hold_restored(self._database, now=now)
        self._plan_editions(news, now=now)
        deliveries: Counter[int] = Counter()
        flooded: Collection[_Turn] | None = None
        while True:
            with self._database.read() as connection:
                due = plans.due_subscriptions(connection, now=now, limit=CHUNK)
            if not due:
                return Planned(deliveries=deliveries)
            if flooded is None:
                flooded = self._flooded(now=now)
            with suppress(PlanOutdatedError):  # somebody was quicker: what is due is read again
                cases = self._due_cases(due, now=now)
                if flooded:
                    cases = self._held(cases, flooded)
                deliveries += self._plan(cases, news=news, now=now)

    def plan_now(self, newsletter: Newsletter) -> Planned:
        """Plan a newsletter's edition, and all who have something new in it, at the operator's word.

        Their slots stay where they are: the next one tells of what is newer.
        """
        now, news = self._clock(), DigestCandidates()
        hold_restored(self._database, now=now)
        with self._database.read() as connection:
            cut = change_log.last_seq(connection)
        slot, last = slot_of_cut(BY_HAND, cut, now), 0
        listed = self._plan_edition_now(newsletter, slot=slot, cut=cut, news=news)
        deliveries: Counter[int] = Counter()
        while True:
            with self._database.read() as connection:
                found = plans.subscriptions_of(connection, newsletter.id, after=last, limit=CHUNK)
            if not found:
                return Planned(deliveries=deliveries, listed=listed)
            cases = [
                DueCase(subscription=one, slot=slot, cut=cut, next_issue_at=one.next_issue_at)
                for one in found
            ]
            with suppress(PlanOutdatedError):  # they have changed: they are read again
                deliveries += self._plan(cases, news=news, now=now)
                last = found[-1].id

    def _due_cases(self, due: Sequence[DueSubscription], *, now: datetime) -> list[DueCase]:
        schedules = {one.schedule for one in due}
        slots = {schedule: find_due_slot(schedule, now) for schedule in schedules}
        moments = sorted({slot.due_at for slot in slots.values() if slot})
        with self._database.write() as connection:
            cuts = {moment: plans.freeze_cut(connection, moment) for moment in moments}
            latest = change_log.last_seq(connection)
        at_once, turns = slot_of_cut("e", latest, now), {}
        for schedule, slot in slots.items():
            cut = cuts[slot.due_at] if slot else latest
            turns[schedule] = (slot or at_once, cut, next_due(schedule, now))
        return [
            DueCase(subscription=one, slot=slot, cut=cut, next_issue_at=again_at)
            for one in due
            for slot, cut, again_at in (turns[one.schedule],)
        ]

    def _flooded(self, *, now: datetime) -> set[_Turn]:
        """Return where newsletters are about to write to many more people than they ever did.

        The verdict on a slot of the calendar is frozen, as its cut is: who goes on after a crash
        finds fewer that are due, and must not take them for harmless.
        """
        due: dict[_Turn, int] = {}
        calendar: Counter[int] = Counter()
        with self._database.read() as connection:
            for one in plans.count_due(connection, now=now):
                slot = find_due_slot(one.schedule, now)
                turn = one.newsletter_id, slot.due_at if slot else None
                due[turn] = due.get(turn, 0) + one.number
                calendar[one.newsletter_id] += one.number * (slot is not None)
            new = {
                (newsletter_id, due_at)
                for (newsletter_id, due_at), number in due.items()
                if _is_flood(
                    connection, newsletter_id, calendar[newsletter_id] if due_at else number
                )
            }
        slots = [(newsletter_id, due_at) for newsletter_id, due_at in due if due_at]
        with self._database.write() as connection:
            frozen = [(newsletter_id, due_at) for newsletter_id, due_at in new if due_at]
            plans.freeze_floods(connection, frozen)
            return new | plans.floods(connection, slots)

    def _held(self, cases: Sequence[DueCase], flooded: Collection[_Turn]) -> list[DueCase]:
        """Hold what is for those who have never had a letter from a newsletter that is flooded."""
        suspect = [case.subscription.id for case in cases if _turn_of(case) in flooded]
        with self._database.read() as connection:
            strangers = plans.first_time_recipients(connection, suspect)
        return [
            replace(case, held=FLOOD) if case.subscription.id in strangers else case
            for case in cases
        ]

    def _plan(
        self, cases: Sequence[DueCase], *, news: DigestCandidates, now: datetime
    ) -> Counter[int]:
        """Plan some subscriptions; return how many deliveries each issue has got."""
        with self._database.read() as connection:
            plan, new = plan_batch(self._composer, connection, cases, news=news, now=now)
        with self._database.write() as connection:
            issues.save(connection, new, now=now)
            ids = issues.ids(connection, {one.issue_key for one in plan.deliveries})
            plans.save(connection, plan, ids, now=now)
        return Counter(ids[one.issue_key] for one in plan.deliveries)

    def _plan_editions(self, news: DigestCandidates, *, now: datetime) -> None:
        """Freeze the editions that the archive lists: everything of a newsletter, by its own slots."""
        with self._database.read() as connection:
            due = newsletters.due(connection, now=now)
        for edition in due:
            with suppress(PlanOutdatedError):  # somebody was quicker
                self._plan_edition(edition, news=news, now=now)

    def _plan_edition(self, edition: Edition, *, news: DigestCandidates, now: datetime) -> None:
        schedule = edition.newsletter.schedule
        slot = find_due_slot(schedule, now)
        with self._database.write() as connection:
            latest = change_log.last_seq(connection)
            cut = plans.freeze_cut(connection, slot.due_at) if slot else latest
        case = DueEdition(edition=edition, slot=slot or slot_of_cut("e", cut, now), cut=cut)
        self._freeze_edition(case, next_issue_at=next_due(schedule, now), news=news, now=now)

    def _plan_edition_now(
        self, newsletter: Newsletter, *, slot: Slot, cut: int, news: DigestCandidates
    ) -> bytes | None:
        """List what is new for everybody to find; the edition's own slot stays where it is."""
        while True:
            with self._database.read() as connection:
                edition = newsletters.edition_of(connection, newsletter.slug)
            case = DueEdition(edition=edition, slot=slot, cut=cut)
            with suppress(PlanOutdatedError):  # it has changed: it is read again
                stays = edition.next_issue_at
                return self._freeze_edition(case, next_issue_at=stays, news=news, now=slot.due_at)

    def _freeze_edition(
        self, case: DueEdition, *, next_issue_at: datetime, news: DigestCandidates, now: datetime
    ) -> bytes | None:
        """Move an edition up to its cut; return the key of its issue, if there is one."""
        with self._database.read() as connection:
            draft = plan_edition(self._composer, connection, case, news=news)
        with self._database.write() as connection:
            newsletters.move(
                connection, case.edition, watermark=draft.watermark, next_issue_at=next_issue_at
            )
            issues.save(connection, [draft.issue] if draft.issue else [], now=now)
        return draft.issue.key if draft.issue else None


def _is_flood(connection: Connection, newsletter_id: int, letters: int) -> bool:
    usual = plans.count_recipients(connection, newsletter_id, limit=letters)
    if not is_flood(letters, usual=usual):
        return False
    numbers = {"newsletter": newsletter_id, "letters": letters, "usual": usual}
    logger.warning("letters held", extra=numbers)
    return True


def _turn_of(case: DueCase) -> _Turn:
    is_instant = case.subscription.schedule.frequency is Frequency.INSTANT
    return case.subscription.newsletter.id, None if is_instant else case.slot.due_at
