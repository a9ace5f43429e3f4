"""Sending by hand (`issue send`): a newsletter right now, or a test to one address."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event

from tidings.catalog import change_log
from tidings.catalog.newsletters import Edition
from tidings.db.database import Connection
from tidings.errors import ConflictError
from tidings.mail.transport import Reply
from tidings.model.newsletters import Issue, Newsletter
from tidings.newsletters.compose import Composer, sample
from tidings.newsletters.digest_candidates import DigestCandidates, whole_audience
from tidings.newsletters.issue_messages import IssueMessages
from tidings.newsletters.issue_queue import IssueSender
from tidings.newsletters.plan import Planner
from tidings.newsletters.store import issues, plans
from tidings.newsletters.windows import Forecast, enough_to_compare, is_flood

# The last issues of a newsletter, the longest of which counts as its usual length.
USUAL_LENGTH_ISSUES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SentSummary:
    """What was sent.

    Attributes:
        issues: Each with the number of its new deliveries.
        listed: The one that was added to the archive; None if nothing is new there.
        accepted: Messages, those of other issues that were due included.
    """

    issues: Sequence[tuple[Issue, int]]
    listed: Issue | None
    accepted: int
    failed: int


def forecast(connection: Connection, newsletter: Newsletter) -> Forecast:
    """Return how much sending a newsletter by hand would send."""
    recipients = plans.count_active(connection, newsletter.id)
    first = plans.least_watermark(connection, newsletter.id)
    last = change_log.last_seq(connection)
    candidates = DigestCandidates()
    candidates.read(connection, from_seq=first, to_seq=last)
    audience = whole_audience(newsletter, watermark=first)
    entries = len(candidates.of(connection, audience, from_seq=first, to_seq=last))
    enough = enough_to_compare(recipients)
    written_to = plans.count_recipients(connection, newsletter.id, limit=enough)
    most_entries = plans.most_entries(connection, newsletter.id, issues=USUAL_LENGTH_ISSUES)
    is_unusual = is_flood(recipients, usual=written_to) or is_flood(entries, usual=most_entries)
    return Forecast(recipients=recipients, entries=entries, is_unusual=is_unusual)


def send_now(planner: Planner, sender: IssueSender, newsletter: Newsletter) -> SentSummary:
    """Send what is new to all subscribers of a newsletter, and whatever else is due.

    Raises:
        ConflictError: The relay is paused; nothing is planned.
    """
    # Before planning: who is told that nothing was sent does not expect it to go out by itself
    # later.
    _refuse_pause(sender)
    planned = planner.plan_now(newsletter)
    delivered = sender.send_due(stop=Event())
    with sender.database.read() as connection:
        sent = [(issues.get(connection, key), n) for key, n in planned.deliveries.items()]
        ids = issues.ids(connection, [planned.listed] if planned.listed else [])
        listed = [issues.get(connection, key) for key in ids.values()]
    return SentSummary(
        issues=sent,
        listed=listed[0] if listed else None,
        accepted=delivered.accepted,
        failed=delivered.failed,
    )


def send_test(
    sender: IssueSender, edition: Edition, *, composer: Composer, messages: IssueMessages, to: str
) -> Reply:
    """Send the next issue, failing that one of the newest entries, to one address.

    No row is kept of it, and its links belong to no subscription.

    Raises:
        ConflictError: The newsletter never had an entry.
        DeliveryError: It was not accepted.
    """
    now = sender.clock()
    with sender.database.read() as connection:
        issue = sample(composer, connection, edition, at=now)
    if issue is None:
        because = "has nothing to tell yet: nothing was sent; add a source for it first"
        raise ConflictError("newsletter", edition.newsletter.slug, because=because)
    return sender.send_unrecorded(messages.sample(issue, to, now=now))


def _refuse_pause(sender: IssueSender) -> None:
    if pause := sender.find_pause():
        until, reason = pause
        because = f"is paused until {until:%Y-%m-%d %H:%M:%SZ}: {reason}"
        raise ConflictError("relay", sender.relay, because=because)
