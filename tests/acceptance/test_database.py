"""The database as the operator looks after it: backups, damage, age."""

import sqlite3

import pytest

from fake_publisher import answer
from feed_documents import an_item, atom, items


@pytest.fixture
def followed(tidings, web):
    tidings("source", "add", web.serve(answer(body=atom(*items(8)))))
    return tidings


def test_a_backup_brings_back_what_was_there(tidings_on_sqlite, web, tmp_path):
    tidings = tidings_on_sqlite
    tidings("source", "add", web.serve(answer(body=atom(*items(3)))))
    before = tidings("entry", "list", "--json").json

    made = tidings("db", "backup", tmp_path / "backup.db")
    tidings("source", "remove", 1, "--yes")
    restored = tidings("db", "restore", tmp_path / "backup.db", "--yes")

    assert made.status == restored.status == 0
    assert tidings("entry", "list", "--json").json == before
    assert tidings("db", "check").out == "nothing is wrong\n"


def test_a_backup_never_replaces_a_file(tidings_on_sqlite, tmp_path):
    (tmp_path / "backup.db").write_text("precious")

    refused = tidings_on_sqlite("db", "backup", tmp_path / "backup.db")

    assert refused.status == 1
    assert (tmp_path / "backup.db").read_text() == "precious"


def test_what_is_no_backup_is_not_restored(tidings_on_sqlite, tmp_path):
    tidings_on_sqlite("topic", "add", "kept")
    (tmp_path / "notes.txt").write_text("Dear diary")

    refused = tidings_on_sqlite("db", "restore", tmp_path / "notes.txt", "--yes")

    assert refused.status == 1
    assert refused.err.startswith(f"tidings: cannot read {tmp_path / 'notes.txt'}")
    assert [topic["slug"] for topic in tidings_on_sqlite("topic", "list", "--json").json] == [
        "kept"
    ]


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_postgresql_has_tools_of_its_own_for_backups(install, postgres_url, tmp_path, command):
    tidings = install(postgres_url)
    (tmp_path / "file").write_text("")

    refused = tidings("db", command, tmp_path / "file")

    assert refused.status == 2
    assert "use pg_" in refused.err


def test_damage_is_found(followed):
    followed.execute("UPDATE counter SET seq = 0")

    done = followed("db", "check")

    assert done.status == 1
    assert done.err == "tidings: 5 entries with a publish sequence beyond the counter\n"


def test_a_schema_that_is_up_to_date_stays_as_it_is(followed):
    first, second = followed("db", "upgrade"), followed("db", "upgrade")

    assert first.status == second.status == 0
    assert first.out == second.out
    assert len(followed("entry", "list", "--json").json) == 5


def test_what_was_pruned_does_not_come_back(tidings, web):
    after = atom(an_item(9), *items(8))
    url = web.serve(answer(body=atom(*items(8))), answer(body=after))
    tidings("source", "add", url)
    tidings.execute("UPDATE entry SET first_seen_at = '2020-01-01 00:00:00.000000+00:00'")

    pruned = tidings("db", "prune", "--older-than", 30)

    assert pruned.out.endswith("3 entries removed\n")
    assert tidings.polled("--all")[url]["new"] == 1
    assert len(tidings("entry", "list", "--json", "--all").json) == 6
    assert tidings("db", "check").out == "nothing is wrong\n"


def test_a_copy_goes_into_an_empty_database_only(followed, tmp_path):
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE mine (id INTEGER)")
    connection.close()

    refused = followed("db", "copy", f"sqlite:///{tmp_path}/other.db")

    assert refused.status == 2
    assert refused.err.count("\n") == 1
    assert "not tidings' own" in refused.err
