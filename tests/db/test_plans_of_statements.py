"""What runs again and again finds its rows by an index: a table of millions is never read whole."""

import re
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from parsed_entries import NOON
from tidings.catalog import entries, sources
from tidings.catalog.entries import ListWindow, Selection
from tidings.newsletters.store import deliveries, plans
from tidings.operator.store import moderation, people, status
from tidings.polling.store import kept_documents, leases
from tidings.polling.store.leases import LeaseRequest
from tidings.publishing.store import page_cuts
from tidings.publishing.store.page_cuts import Progress
from tidings.subscribers.store import bounces, bulk, sign_ups, subscribers, transactional
from tidings.subscribers.store.bulk import SubscriptionFilter

LARGE = {
    "source",
    "host",
    "entry",
    "feed_state",
    "subscriber",
    "subscription",
    "delivery",
    "notice",
    "consent",
    "sign_up",
    "bounce",
}
READS_WHOLE = {
    "sqlite": re.compile(r"^SCAN (\w+)$"),
    "postgresql": re.compile(r"Seq Scan on (\w+)"),
}
MARKS = Progress(change=9, marked=1)


def programs_read(connection, **fields):
    window = ListWindow(limit=51, by_seq=True)
    return entries.select_entries(connection, Selection(**fields), window)


WORK = {
    "a claim": lambda one: leases.claim(one, "me", wanted=LeaseRequest(due_at=NOON), limit=64),
    "how much is due": lambda one: leases.count_free(one, due_at=NOON, most=800),
    "leases renewed": lambda one: leases.renew(one, "me"),
    "leases released": lambda one: leases.release_all(one, "me"),
    "lost sources": kept_documents.lost_sources,
    "sources that are gone": lambda one: sources.retired(one, limit=6),
    "longest failing": lambda one: status.longest_failing(one, limit=10),
    "how many fail": moderation.count_failing,
    "first to fail": lambda one: moderation.longest_failing(one, limit=6),
    "who holds entries": moderation.held_sources,
    "any source": sources.has_any,
    "something to cut": page_cuts.has_changed,
    "long lists": lambda one: page_cuts.long_lists_of_sources(one, MARKS, least=24),
    "pages cut": lambda one: page_cuts.end(one, unfinished=["all"]),
    "who is due": lambda one: plans.due_subscriptions(one, now=NOON, limit=500),
    "who ever got a letter": lambda one: plans.first_time_recipients(one, [1, 2]),
    "letters claimed": lambda one: deliveries.claim(one, "me", limit=64, now=NOON),
    "letters marked": lambda one: deliveries.OUTBOX.mark(one, "me", [1, 2], now=NOON),
    "letters of the dead": lambda one: deliveries.OUTBOX.recover(one, gone=["me"]),
    "letters of nobody": lambda one: deliveries.withdraw(one, now=NOON),
    "subscribers of a search": lambda one: bulk.piece(
        one, SubscriptionFilter(newsletter="news", state="bouncing", like="x"), after="a", limit=50
    ),
    "subscribers by newsletter": people.active_by_newsletter,
    "subscribers by week": lambda one: people.weeks(one, [NOON]),
    "sign-ups that wait": lambda one: people.count_unconfirmed(one, now=NOON),
    "the latest that wait": lambda one: sign_ups.pending(one, None, now=NOON, limit=9),
    "bounces of somebody": lambda one: bounces.latest(one, key="x", kind=None, limit=9),
    "a subscriber": lambda one: subscribers.bounce_history(one, "x"),
    "entries for programs": lambda one: programs_read(one, before=9),
    "entries of a source for programs": lambda one: programs_read(one, source=3, before=9),
    "entries of a topic for programs": lambda one: programs_read(one, topic="birds", before=9),
    "news for programs": lambda one: programs_read(one, after=9),
    "sources for programs": lambda one: sources.following_ids(one, after=9, limit=51),
    "messages of nobody": lambda one: transactional.withdraw(one, now=NOON),
}


@pytest.mark.parametrize("name", WORK)
def test_no_large_table_is_read_as_a_whole(database, name):
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            # Small tables are read whole, and these are empty: only where there is no other way.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        with statements_of(connection) as asked:
            WORK[name](connection)
        plans = [plan_of(connection, *one) for one in asked]

    assert plans
    assert read_whole(plans, kind=connection.dialect.name) & LARGE == set()


@contextmanager
def statements_of(connection):
    asked = []

    def note(_connection, _cursor, statement, values, *_):
        asked.append((statement, values[0] if isinstance(values, list) else values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def plan_of(connection, statement, values):
    """Return the lines of a plan."""
    how = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    return [row[-1] for row in connection.exec_driver_sql(how + statement, values)]


def read_whole(plans, *, kind):
    """Return the tables that are read from one end to the other."""
    found = [READS_WHOLE[kind].search(line) for plan in plans for line in plan]
    return {match[1] for match in found if match}
