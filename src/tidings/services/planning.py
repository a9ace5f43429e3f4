"""Planning: due slots become windows, windows become issues and deliveries, exactly once.

```
read ─► decide ─► compose what is missing ─► write
due     window    issues, by content         deliveries and watermarks, one transaction
```

A plan is made on what was read, and written only if it still stands so. Two services, or a
crash in between, lead to the same windows, because the cut of a slot is frozen.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from tidings.domain.newsletters import Newsletter, Subscription
from tidings.domain.planning import find_due_slot, next_due, slot_of_cut
from tidings.errors import PlanOutdatedError
from tidings.services.drafts import Case, PlanTools, draw_up, draw_up_edition
from tidings.services.filtering import Sieve
from tidings.storage import issues, newsletters, plans, publishing, subscriptions
from tidings.storage.newsletters import Edition

CHUNK = 500
"""Subscriptions that are planned in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What planning came to: deliveries by the id of their issue."""

    deliveries: Mapping[int, int]


def plan_due(tools: PlanTools) -> Planned:
    """Plan every edition and every subscription whose slot has come."""
    now, sieve = tools.clock(), Sieve()
    _plan_editions(tools, sieve, now=now)
    deliveries: Counter[int] = Counter()
    while True:
        with tools.database.read() as connection:
            due = subscriptions.due(connection, now=now, limit=CHUNK)
        if not due:
            return Planned(deliveries=deliveries)
        with suppress(PlanOutdatedError):  # somebody was quicker: what is due is read again
            cases = _due_cases(tools, due, now=now)
            deliveries += _plan(tools, cases, sieve=sieve, now=now)


def plan_now(tools: PlanTools, newsletter: Newsletter) -> Planned:
    """Plan everybody who has something new in a newsletter, at the operator's word.

    Their slots stay where they are: the next one tells of what is newer.
    """
    now, sieve = tools.clock(), Sieve()
    with tools.database.read() as connection:
        cut = publishing.last_seq(connection)
    slot, last = slot_of_cut("now", cut, now), 0
    deliveries: Counter[int] = Counter()
    while True:
        with tools.database.read() as connection:
            found = subscriptions.of_newsletter(connection, newsletter.id, after=last, limit=CHUNK)
        if not found:
            return Planned(deliveries=deliveries)
        cases = [
            Case(subscription=one, slot=slot, cut=cut, next_issue_at=one.next_issue_at)
            for one in found
        ]
        with suppress(PlanOutdatedError):  # they have changed: they are read again
            deliveries += _plan(tools, cases, sieve=sieve, now=now)
            last = found[-1].id


def _due_cases(tools: PlanTools, due: Sequence[Subscription], *, now: datetime) -> list[Case]:
    schedules = {one.schedule for one in due}
    slots = {schedule: find_due_slot(schedule, now) for schedule in schedules}
    again_at = {schedule: next_due(schedule, now) for schedule in schedules}
    moments = sorted({slot.due_at for slot in slots.values() if slot})
    with tools.database.write() as connection:
        cuts = {moment: plans.freeze_cut(connection, moment) for moment in moments}
        latest = publishing.last_seq(connection)
    cases = []
    for one in due:
        slot = slots[one.schedule]
        cut = cuts[slot.due_at] if slot else latest
        cases.append(
            Case(
                subscription=one,
                slot=slot or slot_of_cut("e", cut, now),
                cut=cut,
                next_issue_at=again_at[one.schedule],
            )
        )
    return cases


def _plan(tools: PlanTools, cases: Sequence[Case], *, sieve: Sieve, now: datetime) -> Counter[int]:
    """Plan some subscriptions; return how many deliveries each issue has got."""
    with tools.database.read() as connection:
        plan, new = draw_up(tools, connection, cases, sieve=sieve, now=now)
    with tools.database.write() as connection:
        issues.save(connection, new, now=now)
        ids = issues.ids(connection, {one.issue_key for one in plan.deliveries})
        plans.save(connection, plan, ids, now=now)
    return Counter(ids[one.issue_key] for one in plan.deliveries)


def _plan_editions(tools: PlanTools, sieve: Sieve, *, now: datetime) -> None:
    """Freeze the editions that the archive lists: everything of a newsletter, by its own slots."""
    with tools.database.read() as connection:
        due = newsletters.due(connection, now=now)
    for edition in due:
        with suppress(PlanOutdatedError):  # somebody was quicker
            _plan_edition(tools, edition, sieve=sieve, now=now)


def _plan_edition(tools: PlanTools, edition: Edition, *, sieve: Sieve, now: datetime) -> None:
    schedule = edition.newsletter.schedule
    slot = find_due_slot(schedule, now)
    with tools.database.write() as connection:
        latest = publishing.last_seq(connection)
        cut = plans.freeze_cut(connection, slot.due_at) if slot else latest
    with tools.database.read() as connection:
        issue = draw_up_edition(tools, connection, edition, sieve=sieve, cut=cut)
    with tools.database.write() as connection:
        newsletters.move(
            connection,
            edition,
            watermark=max(cut, edition.watermark),
            next_issue_at=next_due(schedule, now),
        )
        issues.save(connection, [issue] if issue else [], now=now)
