"""Sending by hand: now instead of at the next slot, or a sample that counts for nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import make_msgid
from threading import Event

from tidings.delivery.letters import Recipient, prepare
from tidings.delivery.transports import Envelope, Reply
from tidings.domain.newsletters import Issue, Newsletter
from tidings.domain.planning import Forecast, is_flood
from tidings.errors import ConflictError
from tidings.services.delivering import DeliverTools, deliver_due
from tidings.services.news import News, reader_of_everything
from tidings.services.planning import Planner
from tidings.storage import audience, issues, publishing, relays, subscriptions
from tidings.storage.database import Connection

LOOK_BACK = 20
"""Issues of a newsletter that tell how long one usually is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What went out.

    Attributes:
        issues: Each with the number of its new deliveries.
        listed: The one that everybody finds in the archive; None if nothing is new there.
        accepted: Letters, those of other issues whose time had come as well.
    """

    issues: Sequence[tuple[Issue, int]]
    listed: Issue | None
    accepted: int
    failed: int


def forecast(connection: Connection, newsletter: Newsletter) -> Forecast:
    """Return what sending a newsletter by hand would come to."""
    readers = subscriptions.count_of_newsletter(connection, newsletter.id)
    first = audience.least_watermark(connection, newsletter.id)
    last = publishing.last_seq(connection)
    news = News()
    news.read(connection, from_seq=first, to_seq=last)
    reader = reader_of_everything(newsletter, watermark=first)
    entries = len(news.of(connection, reader, from_seq=first, to_seq=last))
    written_to = audience.written_to(connection, newsletter.id, limit=readers)
    most_entries = audience.most_entries(connection, newsletter.id, issues=LOOK_BACK)
    is_unusual = is_flood(readers, usual=written_to) or is_flood(entries, usual=most_entries)
    return Forecast(readers=readers, entries=entries, is_unusual=is_unusual)


def send_now(planner: Planner, delivering: DeliverTools, newsletter: Newsletter) -> Sent:
    """Send what is new to everybody who has not had it; what else is due goes out as well.

    Raises:
        ConflictError: The relay is paused; nothing is planned.
    """
    _refuse_pause(delivering)
    planned = planner.plan_now(newsletter)
    delivered = deliver_due(delivering, stop=Event())
    with delivering.database.read() as connection:
        sent = [(issues.get(connection, key), n) for key, n in planned.deliveries.items()]
        ids = issues.ids(connection, [planned.listed] if planned.listed else [])
        listed = [issues.get(connection, key) for key in ids.values()]
    return Sent(
        issues=sent,
        listed=listed[0] if listed else None,
        accepted=delivered.accepted,
        failed=delivered.failed,
    )


def sample_letter(tools: DeliverTools, issue: Issue, address: str) -> bytes:
    """Return an issue as the letter somebody would get; its links are nobody's."""
    return _letter(tools, issue, _nobody(tools, issue, address))


def send_sample(tools: DeliverTools, issue: Issue, address: str) -> Reply:
    """Send an issue to one address, the way letters go, and record nothing.

    Raises:
        DeliveryError: It was not accepted.
    """
    recipient = _nobody(tools, issue, address)
    letter = _letter(tools, issue, recipient)
    sender = recipient.unsubscribe_address or tools.sender
    with tools.connect() as send:
        return send(Envelope(sender=sender, recipient=address), letter, lambda: None)


def _letter(tools: DeliverTools, issue: Issue, recipient: Recipient) -> bytes:
    return prepare(issue, tools.letterhead_of(issue.newsletter)).letter(recipient)


def _nobody(tools: DeliverTools, issue: Issue, address: str) -> Recipient:
    """Return somebody at an address who is no subscriber."""
    message_id = make_msgid(domain=tools.sender.rpartition("@")[2])
    return Recipient(
        address=address,
        message_id=message_id,
        date=tools.clock(),
        unsubscribe_url=tools.unsubscribe_url(0, 0),
        preferences_url=tools.preferences_url(0, 0),
        feedback_id=f"0:{issue.newsletter.slug}:tidings",
        unsubscribe_address=tools.bounces_to(0, message_id),
    )


def _refuse_pause(tools: DeliverTools) -> None:
    with tools.database.read() as connection:
        pause = relays.find_pause(connection, tools.relay, now=tools.clock())
    if pause:
        until, reason = pause
        because = f"is paused until {until:%Y-%m-%d %H:%M:%SZ}: {reason}"
        raise ConflictError("relay", tools.relay, because=because)
