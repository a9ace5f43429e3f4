"""Sending by hand: now instead of at the next slot."""

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
from tidings.newsletters.windows import Forecast, is_flood

# Issues of a newsletter that tell how long one usually is.
LOOK_BACK = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SentSummary:
    """What went out.

    Attributes:
        issues: Each with the number of its new deliveries.
        listed: The one that everybody finds in the archive; None if nothing is new there.
        accepted: Messages, those of other issues whose time had come as well.
    """

    issues: Sequence[tuple[Issue, int]]
    listed: Issue | None
    accepted: int
    failed: int


def forecast(connection: Connection, newsletter: Newsletter) -> Forecast:
    """Return what sending a newsletter by hand would come to."""
    readers = plans.count(connection, newsletter.id)
    first = plans.least_watermark(connection, newsletter.id)
    last = change_log.last_seq(connection)
    news = DigestCandidates()
    news.read(connection, from_seq=first, to_seq=last)
    reader = whole_audience(newsletter, watermark=first)
    entries = len(news.of(connection, reader, from_seq=first, to_seq=last))
    written_to = plans.count_recipients(connection, newsletter.id, limit=readers)
    most_entries = plans.most_entries(connection, newsletter.id, issues=LOOK_BACK)
    is_unusual = is_flood(readers, usual=written_to) or is_flood(entries, usual=most_entries)
    return Forecast(readers=readers, entries=entries, is_unusual=is_unusual)


def send_now(planner: Planner, sender: IssueSender, newsletter: Newsletter) -> SentSummary:
    """Send what is new to everybody who has not had it; what else is due goes out as well.

    Raises:
        ConflictError: The relay is paused; nothing is planned.
    """
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
    """Send the next issue, failing that the newest entries once more, to one address.

    It counts for nothing: no row is kept of it, and its links are nobody's.

    Raises:
        ConflictError: There is nothing to tell.
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
