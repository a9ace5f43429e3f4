"""Planning: due slots become windows, windows become issues and deliveries, exactly once.

```
read ─► decide ─► compose what is missing ─► write
due     window    issues, by content         deliveries and watermarks, one transaction
```

Who has had everything already is moved on to the next slot before that, without being read.

A plan is made on a snapshot, and written only if no subscription has changed since (optimistic
locking). Two services, or a crash in between, plan the same windows: `upto_seq` is frozen.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from tidings.catalog import change_log, newsletters
from tidings.catalog.newsletters import Edition
from tidings.db.database import Connection, Database
from tidings.errors import PlanOutdatedError
from tidings.model.newsletters import Frequency, Newsletter, Schedule
from tidings.newsletters.compose import Composer, DueEdition, fill_edition, plan_edition
from tidings.newsletters.digest_candidates import DigestCandidates
from tidings.newsletters.plan_batch import DueCase, plan_batch
from tidings.newsletters.restore_guard import hold_restored
from tidings.newsletters.store import drafts, idle, issues, plans
from tidings.newsletters.store.plans import DueGroup, DueSubscription
from tidings.newsletters.turns import Turns
from tidings.newsletters.windows import (
    BY_HAND,
    Slot,
    Turn,
    enough_to_compare,
    find_due_slot,
    is_flood,
    is_too_late,
    next_due,
    slot_outside_calendar,
)

logger = logging.getLogger(__name__)

HELD_AS_FLOOD = (
    "many more letters than usual: `tidings delivery resend --issue` sends them to those who"
    " have never had one"
)

# Subscriptions that are planned in one transaction. One that was edited meanwhile costs the whole
# chunk a second run; smaller chunks cost more commits.
CHUNK = 500

# A newsletter's id, and when its slot fell due; None for the frequency `instant`.
_NewsletterSlot = tuple[int, datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What was planned.

    Attributes:
        deliveries: How many, by the id of their issue.
        listed: The key of the issue that `plan_now` put into the archive.
    """

    deliveries: Mapping[int, int]
    listed: bytes | None = None


class Planner:
    """Plans issues and deliveries: those that are due, or a newsletter's right now.

    Args:
        database: Entries, subscriptions and plans.
        clock: Aware UTC.
        composer: Composes the issues that are not stored yet.
    """

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime], composer: Composer
    ) -> None:
        self._database = database
        self._clock = clock
        self._composer = composer

    def plan_due(self) -> Planned:
        """Plan every edition and every subscription whose slot has come.

        On PostgreSQL nothing, if another service is planning.
        """
        if self._database.is_sqlite:
            return self._plan_due(hold=lambda: None)
        # Two at once would make the same plans, and each discard half of them.
        with self._database.write() as connection:
            if not plans.try_lock_rounds(connection):
                return Planned(deliveries={})
            return self._plan_due(hold=partial(plans.hold_rounds, connection))

    def _plan_due(self, *, hold: Callable[[], None]) -> Planned:
        now, candidates = self._clock(), DigestCandidates()
        # First: a database restored from a backup would plan again what has been sent since.
        hold_restored(self._database, now=now)
        self._finish_drafts(candidates, now=now)
        self._plan_editions(candidates, now=now)
        deliveries: Counter[int] = Counter()
        with self._database.read() as connection:
            groups = plans.count_due(connection, now=now)
        if not groups:
            return Planned(deliveries=deliveries)
        turns = Turns(self._database, now=now)
        # Before anybody is planned: afterwards fewer are due, and look harmless.
        flooded = self._flooded(groups, turns)
        self._move_idle(groups, turns, now=now, hold=hold)
        while True:
            hold()
            with self._database.read() as connection:
                due = plans.due_subscriptions(connection, now=now, limit=CHUNK)
                approved = newsletters.reviewed_upto(connection) if due else {}
            if not due:
                return Planned(deliveries=deliveries)
            with suppress(PlanOutdatedError):  # another service was quicker: read what is due again
                cases = _due_cases(due, turns, approved)
                if flooded:
                    cases = self._held(cases, flooded)
                deliveries += self._plan(cases, candidates=candidates, now=now)

    def plan_now(self, newsletter: Newsletter) -> Planned:
        """Plan a newsletter's edition, and all its subscriptions that have something new, at once.

        When they are due next does not change: the regular slot covers what is newer. Of one that
        is under review only what was approved is planned.
        """
        now, candidates = self._clock(), DigestCandidates()
        hold_restored(self._database, now=now)
        finished = self._finish_drafts(candidates, now=now)
        with self._database.read() as connection:
            approved = newsletters.reviewed_upto(connection)
            upto_seq = approved.get(newsletter.id, change_log.last_seq(connection))
        slot, last = slot_outside_calendar(BY_HAND, upto_seq, now), 0
        listed = self._plan_edition_now(
            newsletter, slot=slot, upto_seq=upto_seq, candidates=candidates
        )
        listed = listed or finished.get(newsletter.id)
        deliveries: Counter[int] = Counter()
        while True:
            with self._database.read() as connection:
                found = plans.subscriptions_of(connection, newsletter.id, after=last, limit=CHUNK)
            if not found:
                return Planned(deliveries=deliveries, listed=listed)
            cases = [
                DueCase(
                    subscription=one, slot=slot, upto_seq=upto_seq, next_issue_at=one.next_issue_at
                )
                for one in found
            ]
            with suppress(PlanOutdatedError):  # they have changed: they are read again
                deliveries += self._plan(cases, candidates=candidates, now=now)
                last = found[-1].id

    def _flooded(self, groups: Sequence[DueGroup], turns: Turns) -> set[_NewsletterSlot]:
        """Return the slots in which a newsletter has far more recipients than it ever had."""
        due: dict[_NewsletterSlot, int] = {}
        calendar: Counter[int] = Counter()
        known = turns.of(one.schedule for one in groups)
        for one in groups:
            slot = _newsletter_slot(one.newsletter_id, one.schedule, known[one.schedule].slot)
            due[slot] = due.get(slot, 0) + one.number
            calendar[one.newsletter_id] += one.number * (slot[1] is not None)
        with self._database.read() as connection:
            new = {
                (newsletter_id, due_at)
                for (newsletter_id, due_at), number in due.items()
                if _is_flood(
                    connection, newsletter_id, calendar[newsletter_id] if due_at else number
                )
            }
        slots = [(newsletter_id, due_at) for newsletter_id, due_at in due if due_at]
        # Frozen, as `upto_seq` is: after a crash halfway fewer are due, and would pass for
        # harmless.
        with self._database.write() as connection:
            frozen = [(newsletter_id, due_at) for newsletter_id, due_at in new if due_at]
            plans.freeze_floods(connection, frozen)
            return new | plans.floods(connection, slots)

    def _move_idle(
        self, groups: Sequence[DueGroup], turns: Turns, *, now: datetime, hold: Callable[[], None]
    ) -> None:
        """Move those on for whom there is nothing new; whoever is left is planned one by one."""
        alike: dict[tuple[Turn, Frequency], list[Schedule]] = defaultdict(list)
        for schedule, turn in turns.of(one.schedule for one in groups).items():
            if not is_too_late(schedule, turn.slot, now):
                alike[turn, schedule.frequency].append(schedule)
        for (turn, frequency), schedules in alike.items():
            with self._database.read() as connection:
                ids = idle.find(connection, turn, schedules, now=now)
            for start in range(0, len(ids), CHUNK):
                hold()
                some = ids[start : start + CHUNK]
                with self._database.write() as connection:
                    idle.move_on(connection, some, turn, frequency=frequency, now=now)

    def _held(
        self, cases: Sequence[DueCase], flooded: Collection[_NewsletterSlot]
    ) -> list[DueCase]:
        """Hold deliveries to first-time recipients of a newsletter that is flooded.

        The regular subscribers get their issue in time.
        """
        suspect = [
            one.id
            for one, slot in ((case.subscription, case.slot) for case in cases)
            if _newsletter_slot(one.newsletter.id, one.schedule, slot) in flooded
        ]
        with self._database.read() as connection:
            first_time = plans.first_time_recipients(connection, suspect)
        return [
            replace(case, held=HELD_AS_FLOOD) if case.subscription.id in first_time else case
            for case in cases
        ]

    def _plan(
        self, cases: Sequence[DueCase], *, candidates: DigestCandidates, now: datetime
    ) -> Counter[int]:
        """Plan a chunk of subscriptions; return the number of deliveries by issue."""
        # Composing takes seconds: it is done on a read snapshot, not inside the write transaction.
        with self._database.read() as connection:
            plan, new = plan_batch(
                self._composer, connection, cases, candidates=candidates, now=now
            )
        with self._database.write() as connection:
            issues.save(connection, new, now=now)
            ids = issues.ids(connection, {one.issue_key for one in plan.deliveries})
            plans.save(connection, plan, ids, now=now)
        return Counter(ids[one.issue_key] for one in plan.deliveries)

    def _plan_editions(self, candidates: DigestCandidates, *, now: datetime) -> None:
        """Store the issues that the archive lists: all of a newsletter, in its own slots."""
        with self._database.read() as connection:
            due = newsletters.due(connection, now=now)
        for edition in due:
            with suppress(PlanOutdatedError):  # another service was quicker
                self._plan_edition(edition, candidates=candidates, now=now)

    def _plan_edition(
        self, edition: Edition, *, candidates: DigestCandidates, now: datetime
    ) -> None:
        schedule = edition.newsletter.schedule
        slot = find_due_slot(schedule, now)
        with self._database.write() as connection:
            latest = change_log.last_seq(connection)
            upto_seq = plans.freeze_upto_seq(connection, slot.due_at) if slot else latest
        case = DueEdition(
            edition=edition,
            slot=slot or slot_outside_calendar("e", upto_seq, now),
            upto_seq=upto_seq,
        )
        following = next_due(schedule, now)
        if edition.newsletter.review:
            self._draft_edition(case, next_issue_at=following, candidates=candidates, now=now)
        else:
            self._freeze_edition(case, next_issue_at=following, candidates=candidates, now=now)

    def _draft_edition(
        self,
        case: DueEdition,
        *,
        next_issue_at: datetime,
        candidates: DigestCandidates,
        now: datetime,
    ) -> None:
        """Put what an edition has to tell under review; its watermark stays until that is done."""
        with self._database.read() as connection:
            window, chosen = fill_edition(connection, case, candidates=candidates)
        mark = case.edition.watermark if chosen else window.to_seq
        with self._database.write() as connection:
            newsletters.move(connection, case.edition, watermark=mark, next_issue_at=next_issue_at)
            if chosen:
                drafts.open_or_extend(connection, case.edition, to_seq=window.to_seq, now=now)

    def _finish_drafts(self, candidates: DigestCandidates, *, now: datetime) -> Mapping[int, bytes]:
        """Plan the editions whose drafts are approved, or go by themselves now.

        Return the keys of their issues, by newsletter.
        """
        with self._database.read() as connection:
            known = {one.newsletter.id: one for one in newsletters.editions(connection)}
            waiting = drafts.every_open(connection)
        over = [
            one.id
            for one in waiting
            if (one.deadline_at and one.deadline_at <= now)
            or not known[one.newsletter_id].newsletter.review
        ]
        if over:
            with self._database.write() as connection:
                for draft_id in over:
                    drafts.approve(connection, draft_id, now=now)
                # Read again: an editor may have changed one until just now.
                waiting = drafts.every_open(connection)
        listed = {}
        for draft in (one for one in waiting if one.approved_at):
            edition = known[draft.newsletter_id]
            case = DueEdition(
                edition=edition,
                # What was approved goes, be it ever so little.
                slot=slot_outside_calendar(BY_HAND, draft.to_seq, now),
                upto_seq=draft.to_seq,
                draft=draft,
            )
            with suppress(PlanOutdatedError):  # another service was quicker
                key = self._freeze_edition(
                    case, next_issue_at=edition.next_issue_at, candidates=candidates, now=now
                )
                if key:
                    listed[draft.newsletter_id] = key
        return listed

    def _plan_edition_now(
        self, newsletter: Newsletter, *, slot: Slot, upto_seq: int, candidates: DigestCandidates
    ) -> bytes | None:
        """List what is new in the archive; when the edition is due next does not change."""
        while True:
            with self._database.read() as connection:
                edition = newsletters.edition_of(connection, newsletter.slug)
            case = DueEdition(edition=edition, slot=slot, upto_seq=upto_seq)
            with suppress(PlanOutdatedError):  # it has changed: it is read again
                stays = edition.next_issue_at
                return self._freeze_edition(
                    case, next_issue_at=stays, candidates=candidates, now=slot.due_at
                )

    def _freeze_edition(
        self,
        case: DueEdition,
        *,
        next_issue_at: datetime,
        candidates: DigestCandidates,
        now: datetime,
    ) -> bytes | None:
        """Move an edition's watermark, and store its issue; return its key, None if it is empty."""
        with self._database.read() as connection:
            plan = plan_edition(self._composer, connection, case, candidates=candidates)
        with self._database.write() as connection:
            newsletters.move(
                connection, case.edition, watermark=plan.watermark, next_issue_at=next_issue_at
            )
            issues.save(connection, [plan.issue] if plan.issue else [], now=now)
            if case.draft:
                drafts.finish(connection, case.draft.id, now=now)
        return plan.issue.key if plan.issue else None


def _is_flood(connection: Connection, newsletter_id: int, recipients: int) -> bool:
    enough = enough_to_compare(recipients)
    usual = plans.count_recipients(connection, newsletter_id, limit=enough)
    if not is_flood(recipients, usual=usual):
        return False
    numbers = {"newsletter": newsletter_id, "letters": recipients, "usual": usual}
    logger.warning("letters held", extra=numbers)
    return True


def _due_cases(
    due: Sequence[DueSubscription], turns: Turns, approved: Mapping[int, int]
) -> list[DueCase]:
    """Return what each subscription is planned for; under review, all that is approved."""
    known = turns.of(one.schedule for one in due)
    return [
        DueCase(
            subscription=one,
            slot=turn.slot,
            upto_seq=approved.get(one.newsletter.id, turn.upto_seq),
            next_issue_at=turn.next_issue_at,
        )
        for one in due
        for turn in (known[one.schedule],)
    ]


def _newsletter_slot(newsletter_id: int, schedule: Schedule, slot: Slot) -> _NewsletterSlot:
    return newsletter_id, None if schedule.frequency is Frequency.INSTANT else slot.due_at
