"""What programs rely on: the shape of JSON, times, limits, statuses."""

import re

import pytest

from fake_publisher import answer
from feed_documents import an_item, atom, items
from installation import on_sqlite

SOURCE_KEYS = [
    "id",
    "url",
    "title",
    "site_url",
    "topics",
    "state",
    "next_poll_at",
    "last_polled_at",
    "last_ok_at",
    "failures",
    "last_error",
    "entries",
    "next_poll_because",
    "failing_with",
    "is_dead",
    "notice",
    "page",
    "full_text",
]
WHOLE_KEYS = ["content", "enclosures", "image", "language", "pictures", "pinned_at"]
ENTRY_KEYS = [
    "id",
    "seq",
    "source",
    "guid",
    "title",
    "url",
    "authors",
    "categories",
    "published",
    "updated",
    "first_seen_at",
    "sort_at",
    "excerpt",
    "state",
]
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture
def followed(tidings, web):
    """A healthy source with sixty entries, and a dead one."""
    url = web.serve(answer(body=atom(*items(60), title="A feed")))
    assert tidings("source", "add", url, "--topic", "databases", PUBLISH__FIRST_POLL=55).status == 0
    tidings.add(web.serve(answer("500 Internal Server Error")))
    assert tidings("poll").status == 1
    return tidings


def test_a_source_has_exactly_the_keys_of_the_contract(followed):
    healthy, dead = followed("source", "list", "--json").json

    assert list(healthy) == list(dead) == SOURCE_KEYS
    assert (healthy["topics"], healthy["state"]) == (["databases"], "active")
    assert (healthy["failures"], healthy["last_error"], healthy["entries"]) == (0, None, 60)
    assert (healthy["title"], healthy["site_url"]) == ("A feed", "https://example.org/")
    for name in ("next_poll_at", "last_polled_at", "last_ok_at"):
        assert RFC_3339.fullmatch(healthy[name])
    assert (dead["failures"], dead["last_ok_at"], dead["site_url"]) == (1, None, None)
    assert "500 Internal Server Error" in dead["last_error"]


def test_a_single_source_has_the_same_keys_and_its_problems(followed):
    shown = followed("source", "show", 1, "--json").json

    details = ["deferred", "problems", "interval", "former_url", "republish", "noindex"]
    assert list(shown) == [*SOURCE_KEYS, *details, "access", "hub", "history"]
    assert shown["problems"] == []


def test_an_entry_has_exactly_the_keys_of_the_contract(followed):
    newest = followed("entry", "list", "--json").json[0]

    assert list(newest) == ENTRY_KEYS
    assert newest | {"id": 0, "first_seen_at": ""} == {
        "id": 0,
        "seq": 55,
        "source": 1,
        "guid": "urn:example:60",
        "title": "Entry 60",
        "url": "https://example.org/60",
        "authors": [],
        "categories": [],
        "published": "2026-11-01T02:24:00Z",
        "updated": "2026-11-01T02:24:00Z",
        "first_seen_at": "",
        "sort_at": "2026-11-01T02:24:00Z",
        "excerpt": "What entry 60 says.",
        "state": "public",
    }
    assert RFC_3339.fullmatch(newest["first_seen_at"])


def test_a_single_entry_has_its_content_as_well(followed):
    [newest] = followed("entry", "list", "--json", "--limit", 1).json

    shown = followed("entry", "show", newest["id"], "--json").json

    assert list(shown) == [*ENTRY_KEYS, *WHOLE_KEYS]
    assert shown["content"] == "<p>What entry 60 says.</p>"
    assert (shown["enclosures"], shown["image"], shown["language"]) == ([], None, "en")


def test_entries_are_listed_newest_first_as_many_as_asked_for(followed):
    def listed(*options):
        found = followed("entry", "list", "--json", *options).json
        dates = [entry["sort_at"] for entry in found]
        assert dates == sorted(dates, reverse=True)
        return len(found)

    assert listed() == 50
    assert listed("--limit", 7) == 7
    assert listed("--limit", 0) == 55
    assert listed("--limit", 0, "--all") == 60
    assert listed("--limit", 0, "--source", 1) == 55
    assert listed("--limit", 0, "--source", 2) == 0
    assert listed("--limit", 0, "--topic", "databases") == 55


def test_a_poll_has_exactly_the_keys_of_the_contract(tidings, web):
    tidings.add(web.serve(answer(body=atom(*items(2)))), web.serve(answer("404 Not Found")))

    done = tidings("poll", "--json")

    assert done.status == 1
    assert list(done.json) == ["polled", "new", "updated", "unchanged", "failed", "sources"]
    assert [done.json[name] for name in list(done.json)[:-1]] == [2, 2, 0, 0, 1]
    for source in done.json["sources"]:
        assert list(source) == ["id", "url", "outcome", "new", "updated", "error"]
    assert [source["outcome"] for source in done.json["sources"]] == ["new", "failed"]
    assert [bool(source["error"]) for source in done.json["sources"]] == [False, True]


def test_poll_tells_people_a_line_for_each_source_and_a_summary(tidings_on_sqlite, web):
    tidings = tidings_on_sqlite
    good, bad = web.serve(answer(body=atom(*items(2)))), web.serve(answer("404 Not Found"))
    tidings.add(good, bad)

    done = tidings("poll")

    *lines, summary = done.out.splitlines()
    assert sorted(lines) == [f"1\tnew: 2 new, 0 updated\t{good}", f"2\tfailed\t{bad}"]
    assert summary == "2 polled, 2 entries new, 0 updated, 0 sources unchanged, 1 failed"
    assert done.err == f"tidings: source 2: cannot fetch {bad}: 404 Not Found\n"


def test_what_is_not_ascii_stays_readable_in_json(tidings_on_sqlite, web):
    entry = an_item(1, title="数据库 éclair 🗞", text="机器学习")
    tidings_on_sqlite.add(web.serve(answer(body=atom(entry, title="新闻"))))
    tidings_on_sqlite("poll")

    listed = tidings_on_sqlite("entry", "list", "--json")

    assert "数据库 éclair 🗞" in listed.out
    assert tidings_on_sqlite("source", "list", "--json").json[0]["title"] == "新闻"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["source", "show", 99], id="source show"),
        pytest.param(["source", "edit", 99, "--title", "x"], id="source edit"),
        pytest.param(["source", "pause", 99], id="source pause"),
        pytest.param(["source", "resume", 99], id="source resume"),
        pytest.param(["source", "remove", 99, "--yes"], id="source remove"),
        pytest.param(["poll", 99], id="poll"),
        pytest.param(["entry", "show", 99], id="entry show"),
        pytest.param(["entry", "list", "--source", 99], id="entry list of a source"),
        pytest.param(["entry", "list", "--topic", "none"], id="entry list of a topic"),
        pytest.param(["topic", "remove", "none"], id="topic remove"),
        pytest.param(["entry", "show", 2**40], id="an id beyond 32 bits"),
    ],
)
@on_sqlite
def test_what_does_not_exist_is_said_in_one_line(tidings, command):
    done = tidings(*command)

    assert done.status == 1
    assert done.out == ""
    assert re.fullmatch(r"tidings: no (source|entry|topic) \S+\n", done.err)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["nonsense"], id="no such command"),
        pytest.param(["entry", "show", "abc"], id="not a number"),
        pytest.param(["entry", "list", "--limit", "-1"], id="a negative limit"),
        pytest.param(["entry", "list", "--limit", 10**30], id="a limit no database can hold"),
        pytest.param(["source", "show", 2**70], id="an id no database can hold"),
        pytest.param(["poll", "1", "--all"], id="options that exclude each other"),
        pytest.param(["topic", "add", "Not A Slug"], id="an impossible slug"),
        pytest.param(["source", "add", "ftp://example.org/"], id="a foreign scheme"),
        pytest.param(["source", "add", "https://exa mple.org/"], id="a blank in an address"),
        pytest.param(["source", "import", "no-such-file"], id="no such file"),
    ],
)
def test_wrong_usage_has_status_2_and_no_traceback(tidings_on_sqlite, command):
    done = tidings_on_sqlite(*command)

    assert done.status == 2
    assert done.out == ""
    assert done.err
    assert "Traceback" not in done.err


def test_topics_are_added_listed_and_removed(tidings, web):
    url = web.serve(answer(body=atom(*items(3))))
    assert tidings("topic", "add", "databases", "--title", "Databases 数据库").status == 0
    tidings("source", "add", url, "--topic", "databases")

    listed = tidings("topic", "list", "--json").json
    again = tidings("topic", "add", "databases")
    removed = tidings("topic", "remove", "databases")

    assert listed == [
        {
            "slug": "databases",
            "title": "Databases 数据库",
            "sources": 1,
            "entries": 3,
            "latest_at": tidings("entry", "list", "--json").json[0]["sort_at"],
        }
    ]
    assert (again.status, again.err) == (1, "tidings: topic databases exists already\n")
    assert removed.status == 0
    assert tidings("topic", "list", "--json").json == []
    assert tidings("source", "show", 1, "--json").json["topics"] == []
