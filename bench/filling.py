"""Fill databases with generated entries, by SQL alone: a million in seconds."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, text

from tidings.catalog import change_log, topics
from tidings.db.database import Database
from tidings.db.tables import source, source_topic
from tidings.model.sources import SourceState

SOURCES = 1_000
TOPICS = {"broad": 200, "narrow": 5}
"""How many sources each topic has; they come first in the alphabet of sources."""

NEW = 2_000
"""Entries that have a body like those of real feeds; the others have a line, to save room."""

LINE = "<p>What was said then.</p>"
BODY = f"<p>{'What a page of a journal says, in more words than it takes. ' * 8}</p>" * 10

_INSERT = """
    INSERT INTO entry (source_id, key_version, key, raw_hash, revision, seq, state,
        digest_eligible, atom_id, title, url, authors, categories, first_seen_at, changed_at,
        sort_at, enclosures, updates, excerpt, change, content)
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :stored)
    SELECT 1 + n % :sources, 1, {key}, {key}, {key}, n, 'public', 1 = 1, 'urn:example:' || n,
        'What happened at minute ' || n, 'https://example.org/' || n, '["Ann Author"]', '["news"]',
        {time}, {time}, {time}, '[]', 0, 'What was said at minute ' || n || ', in two sentences.',
        1, CASE WHEN n > :stored - :new THEN :body ELSE :line END
    FROM numbers
"""
_WORDS = {
    "sqlite": {
        "key": "CAST(printf('%016x', n) AS BLOB)",
        "time": "strftime('%Y-%m-%d %H:%M:%S.000000', :latest, (n - :stored) || ' minutes')",
    },
    "postgresql": {
        "key": "decode(lpad(to_hex(n), 16, '0'), 'hex')",
        "time": "CAST(:latest AS timestamptz) + (n - :stored) * interval '1 minute'",
    },
}


def fill(database: Database, *, stored: int, latest: datetime) -> None:
    """Store sources, topics and `stored` public entries, one a minute up to `latest`."""
    with database.write() as connection:
        store_sources(connection, now=latest)
        store_entries(connection, stored=stored, sources=SOURCES, latest=latest)
        change, _ = change_log.next_change(connection, published=stored)
        scopes = [change_log.ALL, change_log.SOURCES]
        every = range(1, SOURCES + 1)
        change_log.touch(connection, scopes, with_sources=every, change=change, now=latest)
    if not database.is_sqlite:
        with database.write() as connection:
            connection.execute(text("ANALYZE"))


def store_sources(connection: Connection, *, now: datetime) -> None:
    rows = [
        {
            "slug": f"source-{number}",
            "url": f"https://{number}.example.org/feed",
            "host": f"{number}.example.org:443",
            "feed_title": f"Journal {number}",
            "state": SourceState.ACTIVE,
            "imported": False,
            "added_at": now,
            "first_polled_at": now - timedelta(days=1),
            "next_poll_at": now + timedelta(days=1),
            "last_ok_at": now,
            "failures": 0,
            "problems": [],
        }
        for number in range(1, SOURCES + 1)
    ]
    connection.execute(insert(source), rows)
    for topic_id, (slug, number) in enumerate(TOPICS.items(), 1):
        topics.add(connection, slug, title=slug.title(), now=now)
        links = [{"source_id": one, "topic_id": topic_id} for one in _members(number)]
        connection.execute(insert(source_topic), links)


def _members(number: int) -> Sequence[int]:
    """Return ids of sources, spread over all."""
    return range(1, SOURCES + 1, SOURCES // number)


def store_entries(connection: Connection, *, stored: int, sources: int, latest: datetime) -> None:
    """Store public entries, one a minute up to `latest`, of the first sources in turn."""
    statement = _INSERT.format(**_WORDS[connection.dialect.name])
    values = {
        "stored": stored,
        "sources": sources,
        "latest": latest.isoformat(" ", "seconds"),
        "new": NEW,
        "body": BODY,
        "line": LINE,
    }
    connection.execute(text(statement), values)
