"""Filters as an operator meets them: tried, added, at work while sources are polled, removed."""

from dataclasses import replace

import pytest

from fake_publisher import answer
from feed_documents import an_item, atom, recent_items
from installation import on_sqlite


@pytest.fixture
def followed(tidings, web):
    """A source with two entries, and two more of which one is an advertisement."""
    first, second, third, fourth = recent_items(4)[::-1]
    ad = replace(third, title="SPONSORED: entry 3", text="Buy this.")
    later = [replace(fourth, text="Nothing new."), ad, second, first]
    documents = [atom(second, first), atom(*later), atom(*later, an_item(0)), atom(*later)]
    tidings("source", "add", web.serve(*(answer(body=document) for document in documents)))
    return tidings


def states(tidings):
    return {one["title"]: one["state"] for one in tidings("entry", "list", "--all", "--json").json}


def test_what_a_filter_drops_is_hidden_and_never_comes_back(followed):
    added = followed("filter", "add", "--source", 1, "--drop", "--field=title", "--words=sponsored")

    first = followed("poll", "--all")
    hidden = states(followed)
    again = followed("poll", "--all")
    followed("filter", "remove", 1)
    last = followed("poll", "--all")

    assert (added.status, added.out) == (0, "1: drop if title has sponsored\n")
    assert hidden == {
        "Entry 1": "public",
        "Entry 2": "public",
        "Entry 4": "public",
        "SPONSORED: entry 3": "hidden",
    }
    assert [done.out.splitlines()[-1].split(", ")[1] for done in (first, again, last)] == [
        "2 entries new",
        "1 entries new",
        "0 entries new",
    ]
    assert states(followed) == hidden | {"Entry 0": "public"}


def test_what_a_filter_dropped_can_be_published_after_all(followed):
    followed("filter", "add", "--source", 1, "--drop", "--field=text", "--words=buy")
    followed("poll", "--all")
    [ad] = [
        entry
        for entry in followed("entry", "list", "--all", "--json").json
        if entry["state"] == "hidden"
    ]

    done = followed("entry", "unhide", ad["id"])

    assert (ad["seq"], done.status) == (None, 0)
    newest = max(followed("entry", "list", "--json").json, key=lambda entry: entry["seq"])
    assert newest == ad | {"state": "public", "seq": 4}


def test_the_newest_of_what_is_kept_are_public_after_the_first_poll(tidings, web):
    documents = [replace(one, title=f"Entry {n % 2}") for n, one in enumerate(recent_items(9))]
    tidings.add(web.serve(answer(body=atom(*documents))))
    tidings("filter", "add", "--source", 1, "--keep", "--field=title", "--pattern=1$")

    tidings("poll", PUBLISH__FIRST_POLL=3)

    listed = tidings("entry", "list", "--all", "--json").json
    assert [(one["title"], one["state"]) for one in listed] == [
        ("Entry 0", "hidden"),
        ("Entry 1", "public"),
        ("Entry 0", "hidden"),
        ("Entry 1", "public"),
        ("Entry 0", "hidden"),
        ("Entry 1", "public"),
        ("Entry 0", "hidden"),
        ("Entry 1", "backfill"),
        ("Entry 0", "hidden"),
    ]


def test_trying_shows_what_each_filter_would_do_and_changes_nothing(followed):
    followed("filter", "add", "--source", 1, "--drop", "--field=title", "--words=nonsense")
    followed("poll", "--all")
    before = states(followed)

    tried = followed(
        "filter", "try", "--source", 1, "--drop", "--field", "title", "--pattern", "^SPON", "--json"
    )

    assert tried.json["kept"] == 3
    assert [one["because"] for one in tried.json["entries"] if not one["kept"]] == [
        "dropped by the new filter: title matches ^SPON"
    ]
    assert [(one["id"], one["finds"]) for one in tried.json["filters"]] == [(1, 0), (None, 1)]
    assert set(tried.json["entries"][0]) == {"id", "title", "kept", "because", "filters"}
    assert states(followed) == before
    assert len(followed("filter", "list", "--json").json) == 1


@on_sqlite
def test_people_see_a_line_for_each_entry_and_each_filter(followed):
    followed("filter", "add", "--source", 1, "--keep", "--field=title", "--words", "entry 2")

    done = followed("filter", "try", "--source", 1)

    *entries, of_filter, kept = done.out.splitlines()
    assert [line.split("\t")[2:] for line in entries] == [
        ["Entry 2", "kept by filter 1: title has entry 2"],
        ["Entry 1", "dropped: no filter keeps it"],
    ]
    assert of_filter == "filter 1 finds 1: keep if title has entry 2"
    assert kept == "1 of 2 entries kept"


def test_filters_are_listed_by_whose_they_are(followed):
    followed("newsletter", "add", "weekly", "--title", "This week")
    followed("filter", "add", "--source", 1, "--drop", "--field=author", "--words", "O'Brien")
    followed("filter", "add", "--newsletter=weekly", "--keep", "--field=language", "--words=zh")

    listed = followed("filter", "list", "--json").json

    assert listed == [
        {
            "id": 1,
            "source": 1,
            "newsletter": None,
            "action": "drop",
            "field": "author",
            "kind": "words",
            "pattern": "O'Brien",
        },
        {
            "id": 2,
            "source": None,
            "newsletter": "weekly",
            "action": "keep",
            "field": "language",
            "kind": "words",
            "pattern": "zh",
        },
    ]
    assert followed("filter", "list", "--source", 1, "--json").json == listed[:1]
    assert followed("filter", "list", "--newsletter", "weekly", "--json").json == listed[1:]
    assert followed("filter", "list").out == (
        "1\tsource 1\tdrop if author has O'Brien\n2\tnewsletter weekly\tkeep if language has zh\n"
    )


def test_filters_go_with_what_they_are_of(followed):
    followed("newsletter", "add", "weekly", "--title", "This week")
    for owner in ("--source=1", "--newsletter=weekly"):
        followed("filter", "add", owner, "--drop", "--field=title", "--words=x")

    followed("source", "remove", 1, "--yes")
    followed("newsletter", "remove", "weekly", "--yes")

    assert followed("filter", "list", "--json").json == []


RULE = ("--drop", "--field=title", "--words=x")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        pytest.param(("add", "--source=9", *RULE), 1, "no source 9", id="no such source"),
        pytest.param(("add", "--newsletter=x", *RULE), 1, "no newsletter x", id="no newsletter"),
        pytest.param(("list", "--source=9"), 1, "no source 9", id="list of no source"),
        pytest.param(("try", "--newsletter=x"), 1, "no newsletter x", id="try for no newsletter"),
        pytest.param(("remove", 9), 1, "no filter 9", id="no such filter"),
        pytest.param(("add", *RULE), 2, "either --source or --newsletter", id="nobody's"),
        pytest.param(
            ("add", "--source=1", "--newsletter=x", *RULE), 2, "either --source", id="of two"
        ),
        pytest.param(("add", "--source=1"), 2, "say what to do", id="no rule"),
        pytest.param(("try", "--source=1", *RULE[1:]), 2, "say what to do", id="half a rule"),
        pytest.param(
            ("add", "--source=1", *RULE, "--pattern=x"), 2, "say what to do", id="words and pattern"
        ),
        pytest.param(
            ("add", "--source=1", *RULE[:2], "--pattern=a(b"), 2, "missing ): a(b", id="bad pattern"
        ),
        pytest.param(("add", "--source=1", *RULE[:2], "--words="), 2, "at least one", id="no word"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(tidings_on_sqlite, arguments, status, said):
    done = tidings_on_sqlite("filter", *arguments)

    assert done.status == status
    assert said in done.err
    assert "Traceback" not in done.err
    assert tidings_on_sqlite("filter", "list", "--json").json == []
