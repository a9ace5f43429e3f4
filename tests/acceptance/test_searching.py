"""Searching as an operator meets it: entries are found, and searches saved."""

from fake_publisher import answer
from feed_documents import an_item, atom
from installation import on_sqlite


def test_entries_are_found_and_a_search_is_saved_and_published(tidings, web, tmp_path):
    items = [
        an_item(1, title="SQLite in practice"),
        an_item(2, title="机器学习", text="All about SQLite."),
        an_item(3, title="Something else"),
    ]
    tidings("source", "add", web.serve(answer(body=atom(*items))))

    found = tidings("search", "find", "--json", "sqlite")
    lines = tidings("search", "find", "--", "sqlite", "-学习").out.splitlines()
    added = tidings("search", "add", "sqlite", "--title", "On SQLite", "sqlite", "all about")
    listed = tidings("search", "list", "--json").json
    published = tidings("publish", tmp_path / "public")
    shown = tidings("search", "show", "sqlite")
    removed = tidings("search", "remove", "sqlite")

    assert [one["title"] for one in found.json] == ["SQLite in practice", "机器学习"]
    assert [line.split("\t")[3] for line in lines] == ["SQLite in practice"]
    assert added.status == published.status == removed.status == 0
    assert listed == [{"slug": "sqlite", "title": "On SQLite", "query": 'sqlite "all about"'}]
    assert shown.out == 'On SQLite\nsqlite "all about"\n'
    page = (tmp_path / "public/searches/sqlite/index.html").read_text("utf-8")
    assert "<mark>All about</mark> <mark>SQLite</mark>" in page
    assert 'role="search"' not in page
    assert (tmp_path / "public/searches/sqlite.atom").exists()
    assert tidings("search", "list").out == ""


@on_sqlite
def test_what_cannot_be_a_saved_search_is_refused(tidings):
    tidings("search", "add", "fox", "fox")

    refused = [
        tidings("search", "add", "fox", "hen"),
        tidings("search", "add", "Füchse", "fox"),
        tidings("search", "add", "nothing", "--", "-fox"),
        tidings("search", "add", "when", "fox since:yesterday"),
        tidings("search", "add", "long", "x " * 600),
        tidings("search", "remove", "hen"),
    ]

    assert [one.err for one in refused] == [
        "tidings: search fox exists already\n",
        "tidings: slug 'Füchse': use lower-case ASCII letters, digits and hyphens, as in fuchse\n",
        "tidings: query '-fox': say what to look for\n",
        "tidings: date 'yesterday': write it as in 2026-11-21\n",
        f"tidings: query {('x ' * 30)!r}: it is too long\n",
        "tidings: no search hen\n",
    ]
    assert [one.status for one in refused] == [1, 2, 2, 2, 2, 1]
