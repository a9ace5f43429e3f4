"""Lists of subscribers and of what they agreed to, ready to be written as CSV."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import groupby, islice

from tidings.domain.newsletters import Subscription
from tidings.domain.readers import Consent, ConsentEvent
from tidings.storage import consents, rosters
from tidings.storage.database import Connection
from tidings.storage.rosters import SubscriptionFilter

CONSENT_COLUMNS = (
    "address",
    "newsletter",
    "at",
    "event",
    "form",
    "wording",
    "network",
    "details",
)


def subscriber_rows(connection: Connection, newsletter: str | None) -> Iterator[Mapping[str, str]]:
    """Yield who is subscribed, paused ones too, as an import takes it.

    Args:
        connection: Open until the last has been read.
        newsletter: A slug; None for all newsletters.
    """
    for state in ("active", "paused"):
        wanted = SubscriptionFilter(newsletter=newsletter, state=state)
        found = rosters.select_subscriptions(connection, wanted, limit=0)
        while page := list(islice(found, rosters.PAGE)):
            yield from _page(connection, page)


def consent_rows(
    connection: Connection, newsletter: str | None, key: str | None
) -> Iterator[Mapping[str, str]]:
    """Yield the consent record, in the order it was written.

    Args:
        connection: Open until the last has been read.
        newsletter: The slug of the newsletter it is about; None for all.
        key: Whose, by their address as it is told apart; None for everybody's.
    """
    for address, line in consents.every(connection, key=key, newsletter=newsletter):
        yield {
            "address": address,
            "newsletter": line.newsletter or "",
            "at": _moment(line.at),
            "event": line.event.value,
            "form": line.form or "",
            "wording": line.wording or "",
            "network": line.network or "",
            "details": json.dumps(dict(line.details), ensure_ascii=False, sort_keys=True),
        }


def _page(connection: Connection, page: list[Subscription]) -> Iterator[Mapping[str, str]]:
    ordered = sorted(page, key=lambda one: (one.newsletter.slug, one.address))
    for slug, theirs in groupby(ordered, key=lambda one: one.newsletter.slug):
        group = list(theirs)
        grounds = consents.consent_evidence(
            connection, slug, [one.address.casefold() for one in group]
        )
        for one in group:
            yield _row(one, grounds.get(one.address.casefold()))


def _row(one: Subscription, ground: Consent | None) -> Mapping[str, str]:
    return {
        "address": one.address,
        "newsletter": one.newsletter.slug,
        "confirmed_at": _moment(one.confirmed_at),
        "proof": _proof(ground),
        "frequency": one.schedule.frequency.value,
        "hour": str(one.schedule.hour),
        "timezone": one.schedule.timezone,
        "language": one.language,
        "topics": " ".join(one.topics),
        "paused_at": _moment(one.paused_at),
    }


def _proof(ground: Consent | None) -> str:
    if ground is None:
        return "on record before consent was recorded"
    match ground.event:
        case ConsentEvent.IMPORTED:
            return str(ground.details["proof"])
        case ConsentEvent.ADDED:
            return "added by the operator"
        case _:
            return f"form {ground.form}, wording {ground.wording}, confirmed by letter"


def _moment(value: datetime | None) -> str:
    return value.isoformat(timespec="seconds") if value else ""
