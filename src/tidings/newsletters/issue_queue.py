"""The queue of issues, and the pauses that refusals cause: of an issue, a domain, the relay."""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Lock

from tidings.db.database import Connection, Database
from tidings.mail.message import PreparedIssue
from tidings.mail.transport import OutgoingMessage
from tidings.model.newsletters import DeliveryState
from tidings.model.refusals import IssueReplies
from tidings.newsletters.attempt import domain_of
from tidings.newsletters.issue_messages import IssueMessages
from tidings.newsletters.message_queue import AttemptResult, Pauses
from tidings.newsletters.restore_guard import claim_guarded
from tidings.newsletters.retries import FAULT_PAUSE, ISSUE_PAUSE, CircuitBreakers, Verdict
from tidings.newsletters.sender import Sender
from tidings.newsletters.store import deliveries, issues, relay_pauses
from tidings.newsletters.store.deliveries import ClaimedDelivery

logger = logging.getLogger(__name__)

# Encoded issues that are kept, some 80 kB each. Claims are ordered by issue, so few are in use.
MAX_PREPARED = 16

# How far back the outcomes of all issues together are looked at.
OUTCOMES_WINDOW = timedelta(days=1)


class IssueQueue:
    """Due deliveries; an issue is encoded once for all its recipients.

    Args:
        database: Where they are.
        messages: Builds them.
        clock: Aware UTC.
        without: Domains of recipients that are left to others.
        withdraws: Whether it withdraws, for all that send at the same time: that is to look at
            everything that waits.
    """

    outbox = deliveries.OUTBOX

    def __init__(
        self,
        database: Database,
        messages: IssueMessages,
        *,
        clock: Callable[[], datetime],
        without: tuple[str, ...] = (),
        withdraws: bool = True,
    ) -> None:
        self._without = without
        self._withdraws = withdraws
        self._database = database
        self._messages = messages
        self._prepared: dict[int, tuple[str, PreparedIssue]] = {}
        self._preparing = Lock()
        self.pauses: Pauses[ClaimedDelivery] = IssuePauses(database, clock=clock)

    def is_any_due(self, connection: Connection, *, now: datetime) -> bool:  # noqa: ARG002
        """Tell that there is always something to do."""
        # Even an empty claim raises the high-water mark that detects a restored backup; and
        # deliveries of subscriptions that have ended are cancelled before their next try is due.
        return True

    def withdraw(self, connection: Connection, *, now: datetime) -> None:
        """Cancel what is for people who have unsubscribed; expire what has waited too long."""
        if self._withdraws:
            deliveries.withdraw(connection, now=now)

    def claim(self, owner: str, *, limit: int, now: datetime) -> Sequence[ClaimedDelivery]:
        """Lease deliveries, the longest waiting first; those of one issue come together."""
        return claim_guarded(self._database, owner, limit=limit, now=now, without=self._without)

    def message_of(self, claimed: ClaimedDelivery) -> OutgoingMessage:
        """Address the issue of a delivery.

        Raises:
            NotFoundError: The issue is not there any more.
            ValueError: Something of it cannot stand in a message.
        """
        slug, prepared = self._prepare(claimed.issue_id)
        return self._messages.message_of(claimed, prepared, slug=slug)

    def _prepare(self, issue_id: int) -> tuple[str, PreparedIssue]:
        """Return the slug of an issue's newsletter, and the encoded issue."""
        # All threads begin with the same issue: one encodes it, the others wait for that.
        with self._preparing:
            if issue_id not in self._prepared:
                with self._database.read() as connection:
                    issue = issues.get(connection, issue_id)
                while len(self._prepared) >= MAX_PREPARED:
                    del self._prepared[next(iter(self._prepared))]
                self._prepared[issue_id] = issue.newsletter.slug, self._messages.prepare(issue)
            return self._prepared[issue_id]


class IssuePauses(Pauses[ClaimedDelivery]):
    """Pauses domains that refuse us, and holds issues that most recipients' servers refuse."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._breakers = CircuitBreakers()
        self._paused: dict[str, datetime] = {}
        self._refusing: dict[str, tuple[datetime, str]] = {}
        self._held: dict[int, tuple[datetime, str]] = {}
        self._taken_back: dict[timedelta, set[int]] = defaultdict(set)
        self._outcomes: dict[int | None, IssueReplies] = {}
        self._unsaved: list[ClaimedDelivery] = []

    def refresh(self, connection: Connection, *, now: datetime) -> None:
        """Load the domains that are paused, by this process or another."""
        self._paused = relay_pauses.paused_domains(connection, now=now)

    def pause_of(self, claimed: ClaimedDelivery, *, now: datetime) -> timedelta:
        """Return how long a delivery has to wait for its domain or its issue."""
        issue_until, _ = self._held.get(claimed.issue_id, (now, ""))
        until = max(self._paused.get(domain_of(claimed), now), issue_until)
        return max(until - now, timedelta(0))

    def adjust(self, result: AttemptResult[ClaimedDelivery], verdict: Verdict) -> Verdict:
        """Return the verdict in view of earlier replies: on the issue, the domain, the relay."""
        verdict = self._adjusted_by_issue(result, verdict)
        if verdict.state is DeliveryState.ACCEPTED:
            self._unsaved.append(result.claimed)
        domain, now = domain_of(result.claimed), self._clock()
        domain_pause, relay_pause = self._breakers.note(domain, verdict)
        if domain_pause:
            self._paused[domain] = now + domain_pause
            self._refusing[domain] = now + domain_pause, result.reply
            logger.warning("domain paused", extra={"domain": domain, "because": result.reply})
        return replace(verdict, relay_pause=relay_pause)

    def save(self, connection: Connection, *, now: datetime) -> None:
        """Pause domains, and hold issues."""
        for domain, (until, because) in self._refusing.items():
            relay_pauses.pause_domain(connection, domain, until=until, reason=because)
            deliveries.postpone(connection, domain, until=until)
        # Recipients who were refused wait longer than the rest of the issue: the next try is then
        # for somebody new, which tells more than the same refusal again.
        for pause, refused in self._taken_back.items():
            deliveries.hold_refused(connection, refused, until=now + pause)
        for issue_id, (until, because) in self._held.items():
            reason = f"most letters of this issue are refused: {because}"
            deliveries.hold_issue(connection, issue_id, until=until, reason=reason)

    def saved(self) -> None:
        """Forget what is written, but for held issues: more of them may be given back later."""
        self._refusing.clear()
        self._taken_back.clear()
        self._unsaved.clear()

    def _adjusted_by_issue(
        self, result: AttemptResult[ClaimedDelivery], verdict: Verdict
    ) -> Verdict:
        """Return the verdict in view of the rest of the issue.

        If most of it is refused in the same words, the addresses are not at fault: the relay or
        the content is, and no refusal may count as a bounce.
        """
        delivery, issue_id = result.claimed.id, result.claimed.issue_id
        if verdict.state is DeliveryState.ACCEPTED:
            for whose in self._outcomes.keys() & {issue_id, None}:
                self._outcomes[whose].note_accepted(delivery)
        if not verdict.is_refusal:
            return verdict
        # An issue may have a handful of recipients: then all messages of the last day say more.
        for outcomes in (self._outcomes_of(issue_id), self._outcomes_of(None)):
            outcomes.note_refused(delivery, domain_of(result.claimed), result.reply)
            if alike := outcomes.alike(delivery):
                domains = outcomes.domains_of(alike)
                is_of_one_domain = len(domains) == 1 and self._is_for_others(issue_id, *domains)
                self._taken_back[FAULT_PAUSE if is_of_one_domain else ISSUE_PAUSE] |= alike
                return self._refused_alike(result, verdict, is_of_one_domain=is_of_one_domain)
        return verdict

    def _refused_alike(
        self, result: AttemptResult[ClaimedDelivery], verdict: Verdict, *, is_of_one_domain: bool
    ) -> Verdict:
        """Hold a message that was refused like most others, and its issue with it.

        If all of them were for one domain, and the issue has messages for others, only that
        domain is paused.
        """
        # Too large, say: this holds the issue, not the relay; the next issue may be small enough.
        is_of_issue = verdict.state is DeliveryState.HELD and not verdict.blames_domain
        held = replace(verdict, state=DeliveryState.HELD, pause=max(verdict.pause, FAULT_PAUSE))
        if is_of_one_domain:
            return replace(held, blames_domain=not is_of_issue)
        pause, issue_id = ISSUE_PAUSE if is_of_issue else FAULT_PAUSE, result.claimed.issue_id
        self._held[issue_id] = self._clock() + pause, result.reply
        logger.warning("issue held", extra={"issue": issue_id, "because": result.reply})
        return held if is_of_issue else replace(held, relay_pause=FAULT_PAUSE)

    def _outcomes_of(self, issue_id: int | None) -> IssueReplies:
        """Return the replies to an issue's messages, or to all of the last day (None)."""
        if issue_id not in self._outcomes:
            since = self._clock() - OUTCOMES_WINDOW
            with self._database.read() as connection:
                found = deliveries.outcomes(connection, issue_id, since=since)
            self._outcomes[issue_id] = found
            # What was accepted since the last settlement is not in the database yet.
            for claimed in self._unsaved:
                if issue_id in {None, claimed.issue_id}:
                    found.note_accepted(claimed.id)
        return self._outcomes[issue_id]

    def _is_for_others(self, issue_id: int, domain: str) -> bool:
        with self._database.read() as connection:
            return deliveries.is_for_others(connection, issue_id, domain)


IssueSender = Sender[ClaimedDelivery]
