"""What sources are asked with, where it stands."""

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from parsed_entries import DAY, NOON
from tidings.catalog import private_sources, source_edits, sources
from tidings.catalog.source_edits import SourceEdit
from tidings.catalog.sources import NewSource
from tidings.db import schema, subscriber_tables
from tidings.db.database import Database
from tidings.errors import ConflictError
from tidings.model.access import Access
from tidings.polling.source_list import remove_source
from tidings.polling.store import leases
from tidings.polling.store.leases import LeaseRequest
from tidings.search.store import index

FULL = Access(
    user="reäder",
    password="pass:wörd",
    headers={"X-Key": "1", "B": "2"},
    cookies={"a": "1"},
    proxy="http://me:secret@proxy.example:3128",
    user_agent="Reader/7",
)


def change(database, source_id, **fields):
    with database.write() as connection:
        source_edits.edit(connection, source_id, SourceEdit(**fields), now=NOON + DAY)


def due(database, source_id):
    with database.read() as connection:
        [found] = leases.due(connection, [source_id])
    return found


def test_what_a_source_is_asked_with_comes_with_its_claim(database, follow):
    private, plain = follow("https://a.example/feed"), follow("https://a.example/other")
    change(database, private, access=FULL)

    with database.write() as connection:
        [claimed] = leases.claim(connection, "me", wanted=LeaseRequest(), limit=9)

    assert {one.id: one.access for one in claimed} == {private: FULL, plain: None}


def test_who_is_asked_otherwise_is_asked_at_once_and_for_everything(database, follow, poll):
    source_id = follow()
    poll(source_id)
    assert due(database, source_id).etag is not None

    change(database, source_id, access=FULL)

    assert due(database, source_id).etag is None
    with database.read() as connection:
        assert sources.get(connection, source_id).next_poll_at == NOON + DAY


def test_an_empty_access_is_none(database, follow):
    source_id = follow()
    change(database, source_id, access=FULL)

    change(database, source_id, access=Access())

    assert due(database, source_id).access is None


def test_a_source_that_is_removed_leaves_no_secret(database, follow):
    source_id = follow()
    change(database, source_id, access=FULL)

    with database.write() as connection:
        remove_source(connection, source_id, now=NOON)

    with database.read() as connection:
        assert private_sources.of_sources(connection, [source_id]) == {}


@pytest.mark.parametrize("way", ["added", "edited"])
def test_a_login_in_an_address_is_kept_apart_from_it(database, follow, way):
    private = "https://me:s%40cret@example.org/feed"
    source_id = follow(private if way == "added" else "https://example.org/old")
    if way == "edited":
        change(database, source_id, url=private)

    found = due(database, source_id)

    assert found.url == "https://example.org/feed"
    assert found.access == Access(user="me", password="s@cret")


def test_a_source_is_the_same_with_a_login_and_without(database, follow):
    follow("https://example.org/feed")

    with pytest.raises(ConflictError) as refused:
        follow("https://me:secret@example.org/feed")

    assert "secret" not in str(refused.value)


def test_an_address_without_a_login_leaves_that_of_the_source(database, follow):
    source_id = follow("https://me:secret@example.org/feed")

    change(database, source_id, url="https://example.org/new")

    assert due(database, source_id).access == Access(user="me", password="secret")


def test_logins_that_older_versions_kept_in_addresses_are_taken_out(database_url):
    database = Database(database_url)
    with database.write() as connection:
        for name in ("entry_index", "entry_words", "alembic_version"):
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
        subscriber_tables.metadata.drop_all(connection)
        if not database.is_sqlite:  # functions and types are left of what is not ours
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        config = Config()
        config.set_main_option("script_location", str(schema.MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        add = text(
            "INSERT INTO source (id, slug, url, host, state, imported, added_at, next_poll_at,"
            " failures, problems) VALUES (:id, :slug, :url, 'h', 'active', false,"
            " '2026-01-01', '2026-01-01', 0, '[]')"
        )
        urls = (
            "https://a:b%40c@a.example/f",
            "https://b.example/@f",
            "https://key@c.example/",
            "https://c.example/",
        )
        for number, url in enumerate(urls, 1):
            connection.execute(add, {"id": number, "slug": str(number), "url": url})

    schema.upgrade(database, rebuild_index=index.rebuild)

    with database.read() as connection:
        found = {one.id: one.url for one in sources.every(connection)}
        own = private_sources.of_sources(connection, list(found))
    assert found == {
        1: "https://a.example/f",
        2: "https://b.example/@f",
        3: "https://c.example/#3",  # without the login it would be the fourth
        4: "https://c.example/",
    }
    assert own == {1: Access(user="a", password="b@c"), 3: Access(user="key", password="")}
    database.close()


def test_two_sources_are_added_each_with_its_own(database):
    new = [NewSource(url=f"https://{name}:p@{name}.example/") for name in ("a", "b")]

    with database.write() as connection:
        first, second = sources.add(connection, new, now=NOON)

    assert due(database, first).access == Access(user="a", password="p")
    assert due(database, second).access == Access(user="b", password="p")
