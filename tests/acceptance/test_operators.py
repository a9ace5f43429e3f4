"""What operators do on the command line: tokens for the pages, pins, what may be shown of a source."""

from sqlalchemy import select

from fake_publisher import answer
from feed_documents import atom, items
from tidings.db.all_tables import all_tables


def test_a_token_is_printed_once_and_kept_as_a_hash_only(tidings):
    made = [
        tidings("token"),
        tidings("token", "create", "--label", "laptop", "--days", "7"),
    ]
    texts = [one.out.strip() for one in made]

    listed = tidings("token", "list", "--json").json
    with tidings.opened() as app, app.database.read() as connection:
        tables = [str(connection.execute(select(table)).all()) for table in all_tables()]

    assert [one.status for one in made] == [0, 0]
    assert [len(text) for text in texts] == [43, 43]
    assert all("/operator until " in one.err for one in made)
    assert [(one["id"], one["label"], one["state"]) for one in listed] == [
        (2, "laptop", "valid"),
        (1, "", "valid"),
    ]
    assert [one for one in tables if texts[0] in one or texts[1] in one] == []


def test_a_token_is_taken_back_once(tidings_on_sqlite):
    tidings = tidings_on_sqlite
    tidings("token")

    said = [tidings("token", "revoke", 1).out for _ in range(2)]
    unknown = tidings("token", "revoke", 2)

    assert said == ["token 1 revoked\n", "token 1 is not valid any more\n"]
    assert (unknown.status, unknown.err) == (1, "tidings: no operator token 2\n")
    assert tidings("token", "list").out.split("\t")[:3] == ["1", "", "revoked"]


def test_a_token_that_was_revoked_does_not_come_back_with_a_backup(tidings_on_sqlite):
    tidings = tidings_on_sqlite
    tidings("token")
    tidings("db", "backup", "backup.db")
    tidings("token", "revoke", 1)

    restored = tidings("db", "restore", "backup.db", "--yes")

    assert restored.status == 0
    assert [one["state"] for one in tidings("token", "list", "--json").json] == ["revoked"]


def test_entries_are_pinned_and_unpinned(tidings, web):
    tidings.add(web.serve(answer(body=atom(*items(2)))))
    tidings("poll")

    said = [tidings("entry", verb, 1).out for verb in ("pin", "pin", "unpin", "unpin")]
    pinned = tidings("entry", "pin", 2)
    shown = tidings("entry", "show", 2, "--json").json
    tidings("entry", "hide", 1)
    refused = tidings("entry", "pin", 1)

    assert said == [
        "entry 1 pinned\n",
        "entry 1 is pinned already\n",
        "entry 1 unpinned\n",
        "entry 1 is not pinned\n",
    ]
    assert pinned.out == "entry 2 pinned\n"
    assert shown["pinned_at"]
    assert (refused.status, refused.err) == (1, "tidings: entry 1 is hidden, not public\n")


def test_what_may_be_shown_of_a_source_is_set_and_told(tidings_on_sqlite, web):
    tidings = tidings_on_sqlite
    tidings.add(web.serve(answer(body=atom(*items(1)))))

    before = tidings("source", "show", 1, "--json").json
    done = tidings("source", "edit", 1, "--republish", "excerpt", "--noindex")
    after = tidings("source", "show", 1, "--json").json
    tidings("source", "edit", 1, "--index")
    wrong = tidings("source", "edit", 1, "--republish", "nothing")

    assert (before["republish"], before["noindex"]) == ("full", False)
    assert done.status == 0
    assert (after["republish"], after["noindex"]) == ("excerpt", True)
    assert after["history"][-1]["text"] == "changed by the operator: republish, noindex"
    assert tidings("source", "show", 1, "--json").json["noindex"] is False
    assert wrong.status == 2
