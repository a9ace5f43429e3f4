"""Fill PostgreSQL with many sources and as many subscribers, by SQL alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection, create_engine, text

from filling import store_entries
from tidings.db.database import Database
from tidings.newsletters.windows import Slot

DAYS = 5
"""How many issues each subscriber has had; a table of months is longer in proportion."""

NEWS = 200
"""Entries that no subscriber has had yet."""

KINDS = 12
"""Issues a day, by language and topic."""

BIG = 0.02
"""The share of sources that stand on one host, which is held; all of them are due."""

# A fifth of sources on platforms of several sizes, the others two to a host.
_SOURCES = r"""
INSERT INTO source (slug, url, host, feed_title, site_url, language, state, imported, added_at,
    first_polled_at, next_poll_at, last_polled_at, last_ok_at, failures, problems, validators_url,
    etag, last_modified, body_hash, read_at, silent_polls, learned_entries, learned_seconds,
    next_poll_because, failing_with, last_error)
SELECT 'source-' || n, 'https://' || host || '/feeds/' || n || '.xml', host || '\:443',
    'Journal number ' || n, 'https://' || host || '/', 'en', 'active', false,
    :now - interval '100 days', :now - interval '100 days',
    CASE WHEN n <= :most * :big THEN :now - interval '1 hour'
        ELSE :now + (random() - 0.02) * interval '1 hour' END,
    :now - interval '1 hour', :now - CASE WHEN n % 50 = 0 THEN '9 days' ELSE '1 hour' END::interval,
    CASE WHEN n % 50 = 0 THEN 3 ELSE 0 END, '[]',
    'https://' || host || '/feeds/' || n || '.xml', '"' || md5(n::text) || '"',
    'Mon, 02 Nov 2026 07:00:00 GMT', decode(md5(n::text), 'hex'), :now - interval '1 day', n % 9,
    3.5, 604800, 'an hour: what it was last time', CASE WHEN n % 50 = 0 THEN 'timeout' END,
    CASE WHEN n % 50 = 0 THEN 'no answer within 30 seconds' END
FROM (
    SELECT n, CASE
        WHEN n <= :most * :big THEN 'platform.example'
        WHEN n <= :most * 0.06 THEN 'large-' || n % 4 || '.example'
        WHEN n <= :most * 0.2 THEN 'middle-' || n % 140 || '.example'
        ELSE 'site-' || n / 2 || '.example' END AS host
    FROM generate_series(1, :most) AS n
) AS numbered
"""
_HOSTS = """
INSERT INTO host (name, lease_owner, lease_until, due_at)
SELECT host, NULL, NULL, min(next_poll_at) FROM source GROUP BY host
"""
_HELD = r"""
UPDATE host SET lease_owner = 'somebody else', lease_until = :now + interval '1 day'
WHERE name = 'platform.example\:443'
"""
_TOPICS = """
INSERT INTO topic (slug, title) SELECT 'topic-' || n, 'Topic ' || n FROM generate_series(1, 5) AS n;
INSERT INTO source_topic (source_id, topic_id)
SELECT id, 1 + id % 5 FROM source WHERE id % 200 = id % 5 OR id > :most - :news;
"""
_SCOPES = """
INSERT INTO feed_state (scope, change, changed_at, is_paged)
SELECT scope, 1, :now, true FROM (
    SELECT 'source:' || slug AS scope FROM source UNION SELECT 'topic:' || slug FROM topic
    UNION SELECT unnest(ARRAY['all', 'sources', 'issues', 'site'])
) AS scopes ON CONFLICT (scope) DO UPDATE SET is_paged = true
"""
# Pages of a hundred entries, as the service would have cut them.
_PAGES = """
INSERT INTO page_mark (scope, number, sort_at, entry_id, change)
SELECT 'all', seq / 100, sort_at, id, 1 FROM entry WHERE seq % 100 = 0
UNION ALL SELECT 'topic:' || slug, place / 100, sort_at, entry_id, 1 FROM (
    SELECT slug, entry.id AS entry_id, sort_at,
        row_number() OVER (PARTITION BY topic_id ORDER BY sort_at, entry.id) AS place
    FROM entry JOIN source_topic USING (source_id) JOIN topic ON topic.id = topic_id
) AS placed WHERE place % 100 = 0
"""
_COUNTER = "UPDATE counter SET seq = :most, change = 1, marked = 1"
_NEWSLETTER = """
INSERT INTO newsletter (slug, title, frequency, hour, timezone, language, watermark, next_issue_at)
VALUES ('daily', 'The Daily', 'daily', :hour, 'UTC', 'en', :seq, :due_at + interval '1 day')
"""
_SUBSCRIBERS = """
INSERT INTO subscriber (address, key, added_at, token_version)
SELECT address, address, :due_at - interval '100 days', n % 1000000
FROM (SELECT n, 'reader' || n || '@domain' || n % 5000 || '.example' AS address
    FROM generate_series(1, :most) AS n) AS numbered
"""
# One in twenty has left.
_SUBSCRIPTIONS = """
INSERT INTO subscription (subscriber_id, newsletter_id, nonce, frequency, hour, timezone, language,
    watermark, next_issue_at, confirmed_at, ended_at, ended_because)
SELECT n, 1, n % 1000000, 'daily', :hour, 'UTC', CASE n % 2 WHEN 0 THEN 'en' ELSE 'zh' END, :seq,
    :due_at, :due_at - interval '100 days', CASE n % 20 WHEN 0 THEN :due_at - interval '9 days' END,
    CASE n % 20 WHEN 0 THEN 'reader' END
FROM generate_series(1, :most) AS n
"""
_CHOSEN = """
INSERT INTO subscription_topic (subscription_id, topic_id)
SELECT n, 1 + n % 5 FROM generate_series(1, :most) AS n WHERE n % 12 < 10
"""
_ISSUES = """
INSERT INTO issue (newsletter_id, key, slug, listed, language, timezone, from_seq, to_seq, since,
    created_at, entries, subject, text, html)
SELECT 1, decode(md5(n::text), 'hex'), 'issue-' || n, n % :kinds = 0, 'en', 'UTC', 0, 1, NULL,
    :due_at - (1 + n / :kinds) * interval '1 day', 40, 'The Daily', repeat('What was said. ', 2000),
    repeat('<p>What was said.</p> ', 2000)
FROM generate_series(0, :days * :kinds - 1) AS n
"""
_DELIVERIES = """
INSERT INTO delivery (subscription_id, issue_id, slot, from_seq, to_seq, message_id, planned_at,
    state, attempts, next_try_at, expires_at, marked_at, resent, reply, finished_at)
SELECT n, 1 + :day * :kinds + n % :kinds, 'd:' || to_char(at, 'YYYY-MM-DD'), :seq - :day - 1,
    :seq - :day, md5(n::text || ' ' || :day) || '.d', at,
    CASE WHEN n % 100 = 0 THEN 'rejected' WHEN n % 500 = 1 THEN 'assumed_accepted'
        ELSE 'accepted' END,
    1, at, at + interval '1 day', at, false, '250 2.0.0 Ok: queued as ' || left(md5(n::text), 12), at
FROM generate_series(1, :most) AS n, (SELECT :due_at - (1 + :day) * interval '1 day' AS at) AS day
"""
_OTHER_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid = 'delivery'::regclass
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


def fill(database: Database, *, most: int, now: datetime, slot: Slot) -> None:
    """Store so many sources, entries and subscribers, with what they have had.

    Args:
        database: An empty one.
        most: Of each.
        now: For the sources: as many fall due each second of an hour.
        slot: For the subscribers: all are due then, and have had the slots before.
    """
    values = {"most": most, "now": now, "big": BIG, "due_at": slot.due_at, "kinds": KINDS}
    values |= {"news": NEWS, "hour": slot.due_at.hour, "seq": most - NEWS, "days": DAYS}
    with database.write() as connection:
        # Without triggers and checks of references, which would take longer than all the rest.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in (_SOURCES, _HOSTS, _HELD, *_TOPICS.split(";")[:2]):
            _run(connection, statement, values)
        store_entries(connection, stored=most, sources=most, latest=now - timedelta(minutes=5))
        for statement in (_SCOPES, _PAGES, _COUNTER, _NEWSLETTER, _SUBSCRIBERS, _SUBSCRIPTIONS):
            _run(connection, statement, values)
        for statement in (_CHOSEN, _ISSUES):
            _run(connection, statement, values)
        with _without_indexes(connection):
            for day in range(DAYS):
                _run(connection, _DELIVERIES, values | {"day": day})
    # What autovacuum would have done by and by.
    admin = create_engine(database.url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))
    admin.dispose()


def _run(connection: Connection, statement: str, values: dict[str, object]) -> None:
    named = text(statement)
    connection.execute(named, {name: values[name] for name in named.compile().params})


@contextmanager
def _without_indexes(connection: Connection) -> Iterator[None]:
    """Drop the indexes of deliveries and make them again: in a third of the time."""
    found = connection.execute(text(_OTHER_INDEXES)).all()
    for name, _ in found:
        connection.execute(text(f"DROP INDEX {name}"))
    yield
    for _, definition in found:
        connection.execute(text(definition))
