"""What is known of a person: shown to them, and forgotten at their wish."""

from datetime import datetime

from tidings.db.database import Connection
from tidings.model.newsletters import Subscription
from tidings.model.subscribers import Consent, ConsentEvent, SubscriberProfile, SuppressionReason
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import consents, subscribers, suppressions


def erase(
    connection: Connection, links: SignedLinks, reader: SubscriberProfile, *, now: datetime
) -> None:
    """Delete a person with all that belongs to them.

    A keyed hash of the address stays, so that no import brings them back; signing up
    themselves does.
    """
    hashed = links.suppression_hash(reader.key)
    suppressions.add(connection, hashed, SuppressionReason.ERASED, now=now)
    record = consents.of_subscriber(connection, reader.id)
    moves = [line for line in record if line.event is ConsentEvent.ADDRESS_CHANGED]
    former = {line.details["from"].casefold() for line in moves}
    subscribers.remove(connection, reader, former=former)


def known_of(connection: Connection, reader: SubscriberProfile) -> dict[str, object]:
    """Return all that is known of a person, ready for JSON."""
    return {
        "address": reader.address,
        "subscriptions": [_subscription(one) for one in reader.subscriptions],
        "consent": [_line(one) for one in consents.of_subscriber(connection, reader.id)],
        "letters": [
            {
                "issue": letter.slug,
                "subject": letter.subject,
                "state": letter.state,
                "finished_at": _moment(letter.finished_at),
            }
            for letter in subscribers.letters(connection, reader.id)
        ],
    }


def _subscription(one: Subscription) -> dict[str, object]:
    return {
        "newsletter": one.newsletter.slug,
        "frequency": one.schedule.frequency.value,
        "hour": one.schedule.hour,
        "timezone": one.schedule.timezone,
        "language": one.language,
        "topics": list(one.topics),
        "paused_at": _moment(one.paused_at),
        "ended_at": _moment(one.ended_at),
        "ended_because": one.ended_because and one.ended_because.value,
    }


def _line(one: Consent) -> dict[str, object]:
    return {
        "at": _moment(one.at),
        "event": one.event.value,
        "newsletter": one.newsletter,
        "form": one.form,
        "wording": one.wording,
        "network": one.network,
        "details": dict(one.details),
    }


def _moment(value: datetime | None) -> str | None:
    return value.isoformat(timespec="seconds") if value else None
