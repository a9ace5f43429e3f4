"""Personal data of a subscriber: export and erasure (GDPR, articles 15 and 17)."""

from datetime import datetime

from tidings.db.database import Connection
from tidings.model.newsletters import WEEKDAYS, Subscription
from tidings.model.subscribers import Consent, ConsentEvent, SubscriberProfile, SuppressionReason
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import consents, subscribers, suppressions


def erase(
    connection: Connection, links: SignedLinks, profile: SubscriberProfile, *, now: datetime
) -> None:
    """Delete a subscriber with all their data.

    A keyed hash of the address stays, so that no import subscribes them again; they can
    still sign up themselves.
    """
    hashed = links.suppression_hash(profile.key)
    # In the transaction that deletes them: an import can never come in between.
    suppressions.add(connection, hashed, SuppressionReason.ERASED, now=now)
    # Former addresses are known from the consent record; messages to them are deleted as well.
    record = consents.of_subscriber(connection, profile.id)
    moves = [line for line in record if line.event is ConsentEvent.ADDRESS_CHANGED]
    former = {line.details["from"].casefold() for line in moves}
    subscribers.remove(connection, profile, former=former)


def personal_data(connection: Connection, profile: SubscriberProfile) -> dict[str, object]:
    """Return all data of a subscriber, ready for JSON."""
    return {
        "address": profile.address,
        "subscriptions": [_subscription(one) for one in profile.subscriptions],
        "consent": [_line(one) for one in consents.of_subscriber(connection, profile.id)],
        "letters": [
            {
                "issue": sent.slug,
                "subject": sent.subject,
                "state": sent.state,
                "finished_at": _moment(sent.finished_at),
            }
            for sent in subscribers.sent_issues(connection, profile.id)
        ],
    }


def _subscription(one: Subscription) -> dict[str, object]:
    return {
        "newsletter": one.newsletter.slug,
        "frequency": one.schedule.frequency.value,
        "hour": one.schedule.hour,
        "timezone": one.schedule.timezone,
        "weekday": WEEKDAYS[one.schedule.weekday],
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
