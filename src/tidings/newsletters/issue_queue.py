"""The queue of issues' deliveries, and what their refusals tell of issue, domain and relay."""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Lock

from tidings.db.database import Connection, Database
from tidings.mail.message import PreparedIssue
from tidings.model.newsletters import DeliveryState
from tidings.model.refusals import IssueReplies
from tidings.newsletters.issue_messages import IssueMessages
from tidings.newsletters.message_queue import AttemptResult, OutgoingMessage, Pauses
from tidings.newsletters.restore_guard import claim_guarded
from tidings.newsletters.retries import FAULT, ISSUE_REST, CircuitBreakers, Verdict
from tidings.newsletters.send_one import domain_of
from tidings.newsletters.sender import Sender
from tidings.newsletters.store import deliveries, issues, relay_pauses
from tidings.newsletters.store.deliveries import ClaimedDelivery

logger = logging.getLogger(__name__)

# Issues that are kept in the form of bytes.
PREPARED = 16

# How far it is looked back on what became of messages, whatever their issue.
LATELY = timedelta(days=1)


class IssueQueue:
    """Deliveries whose time has come; of each issue one encoding serves all its recipients."""

    outbox = deliveries.OUTBOX

    def __init__(
        self, database: Database, messages: IssueMessages, *, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._messages = messages
        self._prepared: dict[int, tuple[str, PreparedIssue]] = {}
        self._preparing = Lock()
        self.pauses: Pauses[ClaimedDelivery] = IssuePauses(database, clock=clock)

    def is_any_due(self, connection: Connection, *, now: datetime) -> bool:  # noqa: ARG002
        """Tell that a round is never in vain."""
        # Each claim, of nothing as well, moves on what detects a restored backup; and whose
        # subscription has ended is told so before the next try of a delivery is due.
        return True

    def withdraw(self, connection: Connection, *, now: datetime) -> None:
        """Cancel what is for people who have left, and let expire what has waited too long."""
        deliveries.withdraw(connection, now=now)

    def claim(self, owner: str, *, limit: int, now: datetime) -> Sequence[ClaimedDelivery]:
        """Take deliveries, the longest waiting first; those of one issue come together."""
        return claim_guarded(self._database, owner, limit=limit, now=now)

    def message_of(self, claimed: ClaimedDelivery) -> OutgoingMessage:
        """Address the issue of a delivery.

        Raises:
            NotFoundError: The issue is not there any more.
            ValueError: Something of it cannot stand in a message.
        """
        slug, prepared = self._prepare(claimed.issue_id)
        return self._messages.message_of(claimed, prepared, slug=slug)

    def _prepare(self, issue_id: int) -> tuple[str, PreparedIssue]:
        """Return the slug of an issue's newsletter, and the issue in the form of bytes."""
        # All threads come with the same issue first: one encodes it, the others wait for that.
        with self._preparing:
            if issue_id not in self._prepared:
                with self._database.read() as connection:
                    issue = issues.get(connection, issue_id)
                while len(self._prepared) >= PREPARED:
                    del self._prepared[next(iter(self._prepared))]
                self._prepared[issue_id] = issue.newsletter.slug, self._messages.prepare(issue)
            return self._prepared[issue_id]


class IssuePauses(Pauses[ClaimedDelivery]):
    """Leaves domains alone that refuse us, and issues that everybody is refused."""

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
        """Look up the domains that are paused, by whomever."""
        self._paused = relay_pauses.paused_domains(connection, now=now)

    def pause_of(self, claimed: ClaimedDelivery, *, now: datetime) -> timedelta:
        """Return for how long a delivery has to wait for its domain or its issue."""
        issue_until, _ = self._held.get(claimed.issue_id, (now, ""))
        until = max(self._paused.get(domain_of(claimed), now), issue_until)
        return max(until - now, timedelta(0))

    def weigh(self, result: AttemptResult[ClaimedDelivery], verdict: Verdict) -> Verdict:
        """Return what follows from a reply, in view of its issue, its domain and the relay."""
        verdict = self._weighed_by_issue(result, verdict)
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
        """Pause domains, and hold what everybody is refused."""
        for domain, (until, because) in self._refusing.items():
            relay_pauses.pause_domain(connection, domain, until=until, reason=because)
            deliveries.postpone(connection, domain, until=until)
        # What was refused waits longer than the rest of its issue, where that tells more: the next
        # to be tried is somebody who has not been.
        for rest, refused in self._taken_back.items():
            deliveries.hold_refused(connection, refused, until=now + rest)
        for issue_id, (until, because) in self._held.items():
            reason = f"most letters of this issue are refused: {because}"
            deliveries.hold_issue(connection, issue_id, until=until, reason=reason)

    def saved(self) -> None:
        """Forget what is written; an issue stays held, for what is given back of it later."""
        self._refusing.clear()
        self._taken_back.clear()
        self._unsaved.clear()

    def _weighed_by_issue(
        self, result: AttemptResult[ClaimedDelivery], verdict: Verdict
    ) -> Verdict:
        """Return what follows from an attempt, in view of what became of the rest of its issue.

        If most of it is refused in the same words, it is nobody's address that is at fault.
        """
        delivery, issue_id = result.claimed.id, result.claimed.issue_id
        if verdict.state is DeliveryState.ACCEPTED:
            for whose in self._outcomes.keys() & {issue_id, None}:
                self._outcomes[whose].note_accepted(delivery)
        if not verdict.is_refusal:
            return verdict
        # Issues may be for few: then what became of all messages lately says more.
        for outcomes in (self._outcomes_of(issue_id), self._outcomes_of(None)):
            outcomes.note_refused(delivery, domain_of(result.claimed), result.reply)
            if alike := outcomes.alike(delivery):
                of_domains = outcomes.domains_of(alike)
                is_of_one = len(of_domains) == 1 and self._is_for_others(issue_id, *of_domains)
                self._taken_back[FAULT if is_of_one else ISSUE_REST] |= alike
                return self._refused_alike(result, verdict, is_of_one_domain=is_of_one)
        return verdict

    def _refused_alike(
        self, result: AttemptResult[ClaimedDelivery], verdict: Verdict, *, is_of_one_domain: bool
    ) -> Verdict:
        """Hold a message that most others share their refusal with, and its issue with it.

        If all of them were for one domain, and the issue has messages for others, only that
        domain is left alone.
        """
        # What is too large stops its own issue; the next one may well be small enough.
        is_of_issue = verdict.state is DeliveryState.HELD and not verdict.blames_domain
        held = replace(verdict, state=DeliveryState.HELD, pause=max(verdict.pause, FAULT))
        if is_of_one_domain:
            return replace(held, blames_domain=not is_of_issue)
        rest, issue_id = ISSUE_REST if is_of_issue else FAULT, result.claimed.issue_id
        self._held[issue_id] = self._clock() + rest, result.reply
        logger.warning("issue held", extra={"issue": issue_id, "because": result.reply})
        return held if is_of_issue else replace(held, relay_pause=FAULT)

    def _outcomes_of(self, issue_id: int | None) -> IssueReplies:
        """Return what became of the messages of an issue, or of all of the last day."""
        if issue_id not in self._outcomes:
            since = self._clock() - LATELY
            with self._database.read() as connection:
                found = deliveries.outcomes(connection, issue_id, since=since)
            self._outcomes[issue_id] = found
            # The database does not know yet what was accepted since it was last written.
            for claimed in self._unsaved:
                if issue_id in {None, claimed.issue_id}:
                    found.note_accepted(claimed.id)
        return self._outcomes[issue_id]

    def _is_for_others(self, issue_id: int, domain: str) -> bool:
        with self._database.read() as connection:
            return deliveries.is_for_others(connection, issue_id, domain)


IssueSender = Sender[ClaimedDelivery]
