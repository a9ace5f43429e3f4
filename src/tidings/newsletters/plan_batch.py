"""The plan for a chunk of subscriptions, decided on one snapshot, and the issues it lacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tidings.db.database import Connection
from tidings.model.drafts import Draft
from tidings.newsletters.compose import Composer, IssueRequest
from tidings.newsletters.digest_candidates import Audience, DigestCandidates
from tidings.newsletters.store import drafts, issues, plans
from tidings.newsletters.store.issues import NewIssue
from tidings.newsletters.store.plans import (
    DueSubscription,
    Omitted,
    Plan,
    PlannedDelivery,
    SubscriptionStep,
)
from tidings.newsletters.windows import BY_HAND, Omission, Slot, Window, time_to_live, window_of
from tidings.stories.store import records
from tidings.stories.store.records import SentStories


@dataclass(frozen=True, slots=True, kw_only=True)
class DueCase:
    """A subscription with the slot it is planned for.

    Attributes:
        upto_seq: The upper bound of its window.
        next_issue_at: When it is due again.
        held: Why its delivery waits for the operator; None if it does not.
    """

    subscription: DueSubscription
    slot: Slot
    upto_seq: int
    next_issue_at: datetime
    held: str | None = None


def plan_batch(
    composer: Composer,
    connection: Connection,
    cases: Sequence[DueCase],
    *,
    candidates: DigestCandidates,
    now: datetime,
) -> tuple[Plan, list[NewIssue]]:
    """Return the plan for some subscriptions, and the issues that are not stored yet."""
    windows = _windows(connection, cases, now=now)
    first = min((window.from_seq for window in windows), default=0)
    last = max((window.to_seq for window in windows), default=0)
    candidates.read(connection, from_seq=first, to_seq=last)
    reviewed = drafts.latest_done(connection, {case.subscription.newsletter.id for case in cases})
    batch = _Batch(composer, reviewed, now=now)
    told = records.stories_sent_to(
        connection, [case.subscription.id for case in cases], candidates.stories()
    )
    # Hundreds of subscriptions have the same window, topics and history: each such group is decided
    # once. `_windows` returns the same object for equal windows, so its `id` serves as the key.
    filled: dict[tuple[object, ...], tuple[Window, tuple[int, ...]]] = {}
    for case, window in zip(cases, windows, strict=True):
        one = case.subscription
        before = _told_before(window, told.get(one.id, {}))
        alike = (id(window), one.newsletter.id, one.topics, before)
        if alike not in filled:
            filled[alike] = candidates.fill(
                connection, window, case.slot, audience=_audience(one, before)
            )
        batch.add(case, *filled[alike])
    stored = issues.ids(connection, batch.wanted)
    new = [
        composer.compose(connection, wanted, key=key)
        for key, wanted in batch.wanted.items()
        if key not in stored
    ]
    return batch.plan, new


def _windows(connection: Connection, cases: Sequence[DueCase], *, now: datetime) -> list[Window]:
    marks = {case.subscription.id: case.subscription.watermark for case in cases}
    progress = plans.progress_of(connection, marks, {case.slot.key for case in cases})
    made: dict[tuple[object, ...], Window] = {}
    windows = []
    for case in cases:
        schedule, own_progress = case.subscription.schedule, progress[case.subscription.id]
        # What an editor approves goes when that is done: their slot may be over for long.
        seen_at = case.slot.due_at if case.subscription.newsletter.review else now
        alike = (id(schedule), id(case.slot), id(own_progress), case.upto_seq, seen_at)
        if alike not in made:
            made[alike] = window_of(
                schedule, case.slot, own_progress, upto_seq=case.upto_seq, now=seen_at
            )
        windows.append(made[alike])
    return windows


def _told_before(window: Window, told: SentStories) -> frozenset[int]:
    """Return the stories in earlier issues, but those that this window supersedes."""
    return frozenset(story_id for story_id, seq in told.items() if seq <= window.from_seq)


def _audience(one: DueSubscription, told: frozenset[int]) -> Audience:
    return Audience(
        newsletter=one.newsletter,
        schedule=one.schedule,
        topics=one.topics,
        watermark=one.watermark,
        told=told,
        takes_any=one.newsletter.review,
    )


class _Batch:
    """A plan in the making."""

    def __init__(self, composer: Composer, reviewed: Mapping[int, Draft], *, now: datetime) -> None:
        self._composer = composer
        self._reviewed = reviewed
        self._now = now
        self._deliveries: list[PlannedDelivery] = []
        self._omitted: list[Omitted] = []
        self._superseded: list[int] = []
        self._steps: list[SubscriptionStep] = []
        self._keys: dict[tuple[object, ...], bytes] = {}
        self.wanted: dict[bytes, IssueRequest] = {}

    @property
    def plan(self) -> Plan:
        return Plan(
            deliveries=self._deliveries,
            omitted=self._omitted,
            superseded=self._superseded,
            steps=self._steps,
        )

    def add(self, case: DueCase, window: Window, chosen: tuple[int, ...]) -> None:
        self._superseded += window.supersedes
        self._step(case, window)
        if chosen:
            self._deliver(case, window, chosen)
        else:
            self._omit(case, window)

    def _deliver(self, case: DueCase, window: Window, chosen: tuple[int, ...]) -> None:
        one = case.subscription
        self._deliveries.append(
            PlannedDelivery(
                subscription_id=one.id,
                issue_key=self._want(one, window, chosen),
                slot=window.slot,
                from_seq=window.from_seq,
                to_seq=window.to_seq,
                message_id=self._composer.message_id(one.id, window),
                expires_at=self._now + time_to_live(one.schedule.frequency),
                held=case.held,
            )
        )

    def _want(self, one: DueSubscription, window: Window, chosen: tuple[int, ...]) -> bytes:
        draft = self._reviewed.get(one.newsletter.id)
        # An editor's note is of one issue: who waited through several drafts gets the last.
        is_of_draft = draft is not None and window.from_seq < draft.to_seq <= window.to_seq
        # equal selections are one object, and to compare long ones takes long
        asked = (one.newsletter.id, one.language, id(chosen), is_of_draft)
        if asked not in self._keys:
            edits = draft.edits_for(one.language, chosen) if draft and is_of_draft else None
            wanted = IssueRequest(
                newsletter=one.newsletter, language=one.language, entry_ids=chosen, edits=edits
            )
            self._keys[asked] = self._composer.key_of(wanted)
            self.wanted[self._keys[asked]] = wanted
        return self._keys[asked]

    def _omit(self, case: DueCase, window: Window) -> None:
        if window.from_seq == window.to_seq and window.slot.startswith(("e:", f"{BY_HAND}:")):
            return  # outside the calendar nobody expects a message: no log line every 15 minutes
        self._omitted.append(
            Omitted(
                subscription_id=case.subscription.id,
                slot=window.slot,
                reason=window.omission or Omission.EMPTY,
                from_seq=window.from_seq,
                to_seq=window.to_seq,
            )
        )

    def _step(self, case: DueCase, window: Window) -> None:
        one = case.subscription
        self._steps.append(
            SubscriptionStep(
                subscription_id=one.id,
                from_watermark=one.watermark,
                to_watermark=window.to_seq,
                was_due_at=one.next_issue_at,
                next_issue_at=case.next_issue_at,
            )
        )
