"""Which stories somebody has been told of already, by the letters that were planned."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, func, select

from tidings.domain.newsletters import DeliveryState
from tidings.storage.mail_tables import delivery, issue, issue_entry
from tidings.storage.tables import entry

Told = Mapping[int, int]
"""Stories, each with the `seq` of its first member that was told of."""

_NOT_SENT = (DeliveryState.SUPERSEDED, DeliveryState.CANCELLED)


def stories_sent_to(
    connection: Connection, subscription_ids: Collection[int], story_ids: Collection[int]
) -> dict[int, Told]:
    """Return what subscriptions were told of some stories; of those that were told anything.

    What a letter tells of counts, whatever became of the entry since.
    """
    found: dict[int, dict[int, int]] = defaultdict(dict)
    if not story_ids:
        return {}
    statement = (
        select(delivery.c.subscription_id, entry.c.story_id, func.min(entry.c.seq))
        .join(issue_entry, issue_entry.c.entry_id == entry.c.id)
        .join(delivery, delivery.c.issue_id == issue_entry.c.issue_id)
        .where(
            entry.c.story_id.in_(story_ids),
            delivery.c.subscription_id.in_(subscription_ids),
            delivery.c.state.not_in(_NOT_SENT),
        )
        .group_by(delivery.c.subscription_id, entry.c.story_id)
    )
    for subscription_id, story_id, seq in connection.execute(statement):
        found[subscription_id][story_id] = seq
    return dict(found)


def stories_sent_by(connection: Connection, newsletter_id: int, story_ids: Collection[int]) -> Told:
    """Return what the listed issues of a newsletter tell of some stories."""
    if not story_ids:
        return {}
    statement = (
        select(entry.c.story_id, func.min(entry.c.seq).label("seq"))
        .join(issue_entry, issue_entry.c.entry_id == entry.c.id)
        .join(issue, issue.c.id == issue_entry.c.issue_id)
        .where(
            entry.c.story_id.in_(story_ids),
            issue.c.newsletter_id == newsletter_id,
            issue.c.listed,
        )
        .group_by(entry.c.story_id)
    )
    return {row.story_id: row.seq for row in connection.execute(statement)}
