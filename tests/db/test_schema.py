import sqlite3

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select

from installation import on_sqlite
from parsed_entries import NOON, an_entry
from polls_by_hand import read_poll
from tidings.catalog import entries, sources, topics
from tidings.catalog.entries import ListWindow, Selection
from tidings.db import backups, schema
from tidings.db.all_tables import all_tables
from tidings.db.database import Database
from tidings.db.tables import metadata
from tidings.errors import ConfigError, ConflictError, ImportFileError, StorageError
from tidings.model.entries import EntryState
from tidings.polling.source_list import remove_source
from tidings.polling.store import leases, polls
from tidings.search.store import index

EVERY = Selection(states=tuple(EntryState))


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_migrations_lead_to_the_tables_as_declared(database):
    with database.read() as connection:
        options = {"compare_type": True, "include_name": _is_declared}
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, metadata)

    assert differences == []


def test_the_versions_are_those_of_the_migrations_in_their_order():
    scripts = ScriptDirectory(str(schema.MIGRATIONS)).walk_revisions()

    assert list(schema.known_versions()) == [one.revision for one in scripts][::-1]


def test_an_upgrade_that_is_not_needed_changes_nothing(database):
    assert schema.upgrade(database, rebuild_index=index.rebuild) == schema.latest_version()


def test_a_database_made_by_a_newer_version_is_refused(database):
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(ConfigError, match="newer tidings"):
        schema.prepare(database, rebuild_index=index.rebuild)


def test_an_empty_postgresql_database_waits_for_the_operators_word(postgres_url):
    database = Database(postgres_url)
    with database.write() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")

    with pytest.raises(ConfigError, match="tidings db upgrade"):
        schema.prepare(database, rebuild_index=index.rebuild)

    assert schema.upgrade(database, rebuild_index=index.rebuild) == schema.latest_version()
    database.close()


def test_tables_of_somebody_else_are_left_alone(sqlite_url):
    database = Database(sqlite_url)
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (id INTEGER)")

    with pytest.raises(ConfigError, match="not tidings' own"):
        schema.prepare(database, rebuild_index=index.rebuild)
    database.close()


@on_sqlite
def test_a_backup_restores_what_was_there(database, follow, poll, tmp_path):
    poll(follow(), an_entry())
    backups.backup(database, tmp_path / "backup.db")
    with database.write() as connection:
        remove_source(connection, 1, now=NOON)

    backups.restore(database, tmp_path / "backup.db")

    with database.read() as connection:
        assert len(entries.select_entries(connection, EVERY, ListWindow(limit=None))) == 1
    assert backups.check(database, index_problems=index.problems) == []


def test_a_backup_never_overwrites(sqlite_url, tmp_path):
    database = Database(sqlite_url)
    schema.prepare(database, rebuild_index=index.rebuild)
    (tmp_path / "there").write_text("mine")

    with pytest.raises(ConflictError):
        backups.backup(database, tmp_path / "there")

    assert (tmp_path / "there").read_text() == "mine"
    database.close()


def test_rubbish_is_not_restored(sqlite_url, tmp_path):
    database = Database(sqlite_url)
    schema.prepare(database, rebuild_index=index.rebuild)
    (tmp_path / "rubbish").write_text("no database at all")

    with pytest.raises(ImportFileError, match="not a sound tidings database"):
        backups.restore(database, tmp_path / "rubbish")

    assert backups.check(database, index_problems=index.problems) == []
    database.close()


def test_a_restore_waits_for_nobody_who_has_the_database_open(sqlite_url, tmp_path):
    database = Database(sqlite_url)
    schema.prepare(database, rebuild_index=index.rebuild)
    backups.backup(database, tmp_path / "backup.db")
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(ConflictError, match="stop tidings first"):
        backups.restore(database, tmp_path / "backup.db")
    other.close()
    database.close()


def test_check_tells_what_is_wrong(database, follow, poll):
    poll(follow(), an_entry())
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE entry SET seq = NULL")

    assert backups.check(database, index_problems=index.problems) == [
        "1 public entries without a publish sequence"
    ]


@pytest.mark.parametrize("direction", ["to PostgreSQL", "to SQLite"])
def test_a_copy_of_the_other_kind_holds_the_same(direction, sqlite_url, postgres_url, tmp_path):
    urls = [sqlite_url, postgres_url]
    origin, target = (
        Database(url) for url in (urls if direction == "to PostgreSQL" else urls[::-1])
    )
    for one in (origin, target):
        schema.upgrade(one, rebuild_index=index.rebuild)
    _fill(origin)

    backups.copy(origin, target, rebuild_index=index.rebuild, advance=lambda *_: None)

    assert _everything(target) == _everything(origin)
    with target.write() as connection:
        assert sources.add(
            connection, [sources.NewSource(url="https://next.example/")], now=NOON
        ) == [2]
    with pytest.raises(ConflictError, match="not empty"):
        backups.copy(origin, target, rebuild_index=index.rebuild, advance=lambda *_: None)
    origin.close()
    target.close()


def test_a_database_that_is_not_there_is_an_error_in_one_line(tmp_path):
    database = Database(f"postgresql://nobody@/none?host={tmp_path}")

    with pytest.raises(StorageError) as caught, database.read() as connection:
        schema.version(connection)

    assert "\n" not in str(caught.value)


def test_an_old_schema_is_backed_up_and_upgraded_at_start(sqlite_url, tmp_path):
    database = Database(sqlite_url)
    with database.write() as connection:
        command.upgrade(_alembic(connection), "0001")

    schema.prepare(database, rebuild_index=index.rebuild)

    [backup] = tmp_path.glob("*.bak")
    with database.read() as connection:
        assert schema.version(connection) == schema.latest_version()
    with Database(f"sqlite:///{backup}").read() as connection:
        assert schema.version(connection) == "0001"
    database.close()


def _is_declared(name, kind, _parents):
    """Leave out what has a form of its own on each kind of database, and what is Procrastinate's."""
    if kind == "index":
        return name not in {"ix_host_ready", "ix_source_failing"}
    return kind != "table" or not name.startswith(("entry_words", "entry_index", "procrastinate"))


def _alembic(connection):
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _fill(database):
    with database.write() as connection:
        topics.ensure(connection, ["science"], now=NOON)
        new = sources.NewSource(url="https://example.org/feed", topics=["science"])
        sources.add(connection, [new], now=NOON)
        [due] = leases.due(connection, [1])
        leases.claim_one(connection, "test", due.host)
        found = [an_entry(f"urn:example:{number}", title="标题 & title") for number in range(3)]
        polls.save(connection, "test", [read_poll(due, *found)])


def _everything(database):
    with database.read() as connection:
        return {
            table.name: [
                tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))
            ]
            for table in all_tables()
        }
