"""Following sources: added, looked at, changed, left alone, removed."""

from xml.sax.saxutils import quoteattr

import pytest

from fake_publisher import answer, redirect
from feed_documents import atom, items
from installation import on_sqlite

PAGE = b"""<!doctype html><html><head><title>A page</title>
<link rel="alternate" type="application/atom+xml" title="News" href="/feed">
<link rel="alternate" type="application/rss+xml" title="Comments" href="/comments">
</head><body><p>Welcome.</p></body></html>"""


def test_adding_asks_once_and_keeps_what_came(tidings, web):
    url = web.serve(answer(body=atom(*items(7), title="A feed"), ETag='"1"'))

    added = tidings("source", "add", url, "--topic", "databases", "--topic", "机器学习")

    assert added.status == 0
    assert added.out == "1: A feed\n7 entries found, 5 of them public now\n"
    [source] = tidings("source", "list", "--json").json
    assert source["topics"][0] == "databases"
    assert (source["entries"], source["last_ok_at"] is None) == (7, False)
    assert tidings.polled() == {}
    assert len(web.requests(url)) == 1
    tidings("poll", "--all")
    assert web.requests(url)[1].headers["if-none-match"] == '"1"'


def test_the_operator_says_how_much_of_a_new_source_is_public(tidings_on_sqlite, web):
    url = web.serve(answer(body=atom(*items(7))))

    added = tidings_on_sqlite("source", "add", url, "--public", 7, "--republish", "title")

    assert added.out == "1: A feed\n7 entries found, 7 of them public now\n"
    assert tidings_on_sqlite("source", "show", 1, "--json").json["republish"] == "title"


def test_the_operators_title_stands_whatever_the_feed_says(tidings, web):
    first, later = atom(*items(1), title="Theirs"), atom(*items(2), title="Theirs, renamed")
    url = web.serve(answer(body=first), answer(body=later))

    tidings("source", "add", url, "--title", "Ours")
    tidings("poll", "--all")

    assert tidings("source", "list", "--json").json[0]["title"] == "Ours"
    tidings("source", "edit", 1, "--title", "")
    assert tidings("source", "list", "--json").json[0]["title"] == "Theirs, renamed"


def test_a_duplicate_is_refused_and_the_message_says_which_it_is(tidings, web):
    url = web.serve(answer(body=atom(title="A feed")))
    tidings("source", "add", url)

    again = tidings("source", "add", url)

    assert again.status == 1
    assert again.err == f"tidings: source {url} exists already: 1 A feed\n"
    assert len(web.requests(url)) == 1


@on_sqlite
def test_a_page_is_no_feed_but_its_feeds_are_named(tidings, web):
    publisher = web.publisher()
    page = publisher.serve("/", answer(body=PAGE, Content_Type="text/html; charset=utf-8"))

    refused = tidings("source", "add", page)

    assert refused.status == 1
    assert refused.out == ""
    assert refused.err == (
        f"tidings: no feed at {page}: an HTML page, not a feed (200 OK, text/html,"
        f" {len(PAGE)} bytes); feeds found: {publisher.url('/feed')},"
        f" {publisher.url('/comments')}\n"
        "follow one by its own address, or the first with --first\n"
    )
    assert tidings("source", "list", "--json").json == []


@on_sqlite
def test_the_first_advertised_feed_is_followed_if_asked_for(tidings, web):
    publisher = web.publisher()
    page = publisher.serve("/", answer(body=PAGE, Content_Type="text/html"))
    feed = publisher.serve("/feed", answer(body=atom(*items(2))))

    added = tidings("source", "add", page, "--first")

    assert added.status == 0
    assert [source["url"] for source in tidings("source", "list", "--json").json] == [feed]
    assert [request.path for request in publisher.received] == ["/", "/feed"]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        pytest.param(answer("404 Not Found", b"gone"), "404 Not Found", id="404"),
        pytest.param(answer("503 Service Unavailable"), "503 Service Unavailable", id="503"),
        pytest.param(answer(body=b""), "an empty document", id="nothing"),
        pytest.param(answer(body=b"root:x:0:0:root"), "plain text", id="text"),
        pytest.param(answer(body=b"\x89PNG\r\n\x1a\n"), "a picture", id="a picture"),
        pytest.param(answer(body=b'{"items": {}}'), "JSON, but no JSON Feed", id="JSON"),
        pytest.param(redirect("/feed"), "redirect", id="a redirect for ever"),
        pytest.param(redirect("file:///etc/passwd"), "http(s)", id="a redirect to a file"),
        pytest.param(redirect("http://127.0.0.1:9/"), "127.0.0.1", id="a redirect inside"),
    ],
)
def test_what_is_no_feed_is_not_stored(tidings_on_sqlite, web, reply, said):
    url = web.serve(reply)

    refused = tidings_on_sqlite("source", "add", url)

    assert refused.status == 1
    assert said in refused.err
    assert refused.err.count("\n") == 1
    assert len(refused.err) <= 1100
    assert tidings_on_sqlite("source", "list", "--json").json == []
    assert tidings_on_sqlite("topic", "list", "--json").json == []


def test_a_private_address_is_refused_unless_it_is_allowed(tidings_on_sqlite, web):
    url = web.serve(answer(body=atom(*items(1))))

    refused = tidings_on_sqlite("source", "add", url, FETCH__ALLOW="")

    assert refused.status == 1
    assert "127.0.0.1" in refused.err
    assert web.requests(url) == []
    assert tidings_on_sqlite("source", "add", url).status == 0


def test_a_new_address_is_polled_at_once_and_keeps_the_entries(tidings, web):
    old = web.serve(answer(body=atom(*items(2)), ETag='"1"'))
    new = web.serve(answer(body=atom(*items(3)), ETag='"1"'))
    tidings("source", "add", old, "--topic", "news")

    edited = tidings("source", "edit", 1, "--url", new)

    assert edited.status == 0
    assert tidings.polled()[new]["new"] == 1
    assert "if-none-match" not in web.requests(new)[0].headers
    [source] = tidings("source", "list", "--json").json
    assert (source["url"], source["entries"], source["topics"]) == (new, 3, ["news"])


def test_topics_are_replaced_or_taken_away(tidings, web):
    tidings("source", "add", web.serve(answer(body=atom())), "--topic", "old")

    tidings("topic", "add", "new")
    tidings("topic", "add", "newer")
    tidings("source", "edit", 1, "--topic", "new", "--topic", "newer")
    replaced = tidings("source", "show", 1, "--json").json["topics"]
    tidings("source", "edit", 1, "--no-topics")
    taken_away = tidings("source", "show", 1, "--json").json["topics"]

    assert (replaced, taken_away) == (["new", "newer"], [])


def test_a_topic_that_does_not_exist_is_not_made_by_a_slip(tidings, web):
    tidings("source", "add", web.serve(answer(body=atom())), "--topic", "databases")

    refused = tidings("source", "edit", 1, "--topic", "datbases")

    assert refused.status == 1
    assert refused.err == (
        "tidings: no topic datbases (databases?); `tidings topic add datbases` adds it\n"
    )
    assert [one["slug"] for one in tidings("topic", "list", "--json").json] == ["databases"]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["source", "show"], id="show"),
        pytest.param(["source", "edit", "--title", "Ours"], id="edit"),
        pytest.param(["source", "access", "--user", "ada"], id="access"),
        pytest.param(["source", "pause"], id="pause"),
        pytest.param(["source", "resume"], id="resume"),
        pytest.param(["explain", "source"], id="explain"),
        pytest.param(["poll"], id="poll"),
        pytest.param(["poll", "--replay"], id="poll again what was kept"),
        pytest.param(["entry", "list", "--source"], id="an option"),
        pytest.param(["filter", "list", "--source"], id="another option"),
        pytest.param(["source", "remove", "--yes"], id="remove"),
    ],
)
def test_a_source_is_named_by_its_slug_or_its_address(tidings_on_sqlite, web, command):
    url = web.serve(answer(body=atom(*items(1), title="The Daily Query")))
    tidings_on_sqlite("source", "add", url)

    by_slug = tidings_on_sqlite(*command, "the-daily-query")
    tidings_on_sqlite("source", "add", url)
    by_url = tidings_on_sqlite(*command, url)

    assert (by_slug.status, by_url.status) == (0, 0), by_slug.err + by_url.err


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        pytest.param("the-daily-qery", "the-daily-query", id="a slug with a slip"),
        pytest.param("The Daily Query", "the-daily-query", id="a title"),
        pytest.param("x", None, id="nothing like it"),
    ],
)
def test_a_name_that_no_source_has_gets_a_suggestion(tidings_on_sqlite, web, said, meant):
    tidings_on_sqlite("source", "add", web.serve(answer(body=atom(title="The Daily Query"))))

    refused = tidings_on_sqlite("source", "pause", said)

    hint = f" ({meant}?)" if meant else ""
    assert (refused.status, refused.err) == (1, f"tidings: no source {said}{hint}\n")


def test_each_change_says_in_one_line_what_it_did(tidings_on_sqlite, web):
    tidings_on_sqlite("source", "add", web.serve(answer(body=atom(title="A feed"))))
    steps = [
        (["source", "pause", 1], "paused: A feed"),
        (["source", "pause", 1], "is paused already: A feed"),
        (["source", "resume", 1], "resumed: A feed"),
        (["source", "edit", 1, "--title", "Ours"], "changed (title): Ours"),
        (["source", "edit", 1, "--title", "Ours"], "is like that already: Ours"),
        (["topic", "add", "sea", "--title", "The sea"], "added: The sea"),
        (["topic", "remove", "sea"], "removed: sea; its sources stay"),
        (["search", "add", "tides", "tide"], "added: tide, at /searches/tides"),
        (["search", "remove", "tides"], "removed: tides"),
        (["newsletter", "add", "day", "--title", "Day"], "added: Day, daily at 8:00 UTC"),
        (["newsletter", "edit", "day", "--hour", 9], "changed: Day, daily at 9:00 UTC"),
        (
            ["newsletter", "edit", "day", "--hour", 9],
            "is like that already: Day, daily at 9:00 UTC",
        ),
        (["subscriber", "add", "a@b.org", "--newsletter", "day"], "subscribed to Day: a@b.org"),
        (
            ["subscriber", "edit", "a@b.org", "--newsletter", "day", "--hour", 7],
            "changed: a@b.org, day",
        ),
        (
            ["subscriber", "edit", "a@b.org", "--newsletter", "day", "--hour", 7],
            "is like that already: a@b.org, day",
        ),
        (["subscriber", "remove", "a@b.org", "--newsletter", "day"], "ended: a@b.org, day"),
        (["suppression", "add", "c@b.org"], "suppressed: c@b.org"),
        (["suppression", "add", "c@b.org"], "is suppressed already: c@b.org"),
        (
            ["suppression", "remove", "c@b.org"],
            "can be subscribed again: c@b.org",
        ),
        (["subscriber", "remove", "a@b.org", "--yes"], "forgotten: a@b.org"),
        (["newsletter", "remove", "day", "--yes"], "removed, with 0 subscriptions: Day"),
        (["source", "remove", 1, "--yes"], "removed, with 0 entries: Ours"),
    ]

    said = [tidings_on_sqlite(*command).out for command, _ in steps]

    assert said == [f"{line}\n" for _, line in steps]


def test_an_export_into_a_folder_that_is_not_there_is_one_line(tidings_on_sqlite, tmp_path):
    refused = tidings_on_sqlite("source", "export", tmp_path / "none" / "out.opml")

    assert refused.status == 1
    assert refused.err.count("\n") == 1
    assert "No such file or directory" in refused.err


def test_a_removed_source_takes_its_entries_along(tidings, web):
    one, other = web.serve(answer(body=atom(*items(2)))), web.serve(answer(body=atom(*items(3))))
    tidings("source", "add", one)
    tidings("source", "add", other)

    removed = tidings("source", "remove", 1, "--yes")

    assert removed.status == 0
    assert [entry["source"] for entry in tidings("entry", "list", "--json").json] == [2, 2, 2]
    assert tidings("source", "show", 1).status == 1
    assert tidings("source", "add", one).status == 0
    assert tidings("db", "check").out == "nothing is wrong\n"


def test_pause_and_resume_are_seen_in_the_list(tidings, web):
    tidings("source", "add", web.serve(answer(body=atom())))

    tidings("source", "pause", 1)
    paused = tidings("source", "list", "--json").json[0]["state"]
    tidings("source", "resume", 1)
    resumed = tidings("source", "list", "--json").json[0]["state"]

    assert (paused, resumed) == ("paused", "active")


@on_sqlite
def test_what_was_exported_can_be_imported_elsewhere(tidings, install, tmp_path, web):
    urls = [
        web.serve(answer(body=atom(*items(1), title=f"Feed {n} 新闻 & more"))) for n in range(3)
    ]
    for url in urls:
        tidings("source", "add", url, "--topic", "news", "--topic", "databases")
    tidings("source", "edit", 2, "--title", "Ours")
    exported = tidings("source", "export", tmp_path / "out.opml")

    elsewhere = install(f"sqlite:///{tmp_path}/elsewhere.db")
    imported = elsewhere("source", "import", tmp_path / "out.opml")

    assert exported.status == imported.status == 0
    assert imported.out == "3 added, 0 followed already\n"
    assert traits(elsewhere) == traits(tidings)
    assert elsewhere("source", "import", tmp_path / "out.opml").out == (
        "0 added, 3 followed already\n"
    )


def traits(tidings):
    names = ("url", "title", "site_url", "topics", "state")
    listed = tidings("source", "list", "--json").json
    return sorted([source[name] for name in names] for source in listed)


TOPICS = ("C", "C++", "C#", "数学 博客", "数学 C", "TCP/IP, UDP & QUIC", "100 %", "c sharp")


@on_sqlite
def test_topics_keep_their_names_through_import_and_export(tidings, install, tmp_path):
    feeds = "".join(
        f'<outline text={quoteattr(name)}><outline text="Inner">'
        f'<outline xmlUrl="https://{n}.example/feed"/></outline></outline>'
        for n, name in enumerate(TOPICS)
    )
    file = tmp_path / "nested.opml"
    file.write_text(f'<opml version="2.0"><body>{feeds}</body></opml>', encoding="utf-8")
    elsewhere = install(f"sqlite:///{tmp_path}/elsewhere.db")

    tidings("source", "import", file)
    tidings("source", "export", tmp_path / "out.opml")
    elsewhere("source", "import", tmp_path / "out.opml")
    again = elsewhere("source", "import", file)

    expected = {"Inner": 8, **dict.fromkeys(TOPICS, 1)}
    for one in (tidings, elsewhere):
        listed = one("topic", "list", "--json").json
        assert {topic["title"]: topic["sources"] for topic in listed} == expected
        assert len({topic["slug"] for topic in listed}) == len(expected)
    assert again.out == "0 added, 8 followed already\n"


def test_an_export_goes_to_standard_output_unless_a_file_is_named(tidings_on_sqlite, web):
    url = web.serve(answer(body=atom()))
    tidings_on_sqlite.add(url)

    exported = tidings_on_sqlite("source", "export")

    assert exported.status == 0
    assert exported.out.startswith("<?xml")
    assert url in exported.out


def test_a_long_list_is_followed_whole_and_polled_later(tidings, tmp_path):
    file = tmp_path / "long.opml"
    folders = "".join(
        f'<outline text="Topic {topic}">'
        + "".join(
            f'<outline text="{n}" xmlUrl="https://host{topic}-{n}.example/feed"/>'
            for n in range(25)
        )
        + "</outline>"
        for topic in range(24)
    )
    file.write_text(f'<opml version="2.0"><body>{folders}</body></opml>', encoding="utf-8")

    imported = tidings("source", "import", file)

    assert imported.out == "600 added, 0 followed already\n"
    assert {source["last_polled_at"] for source in tidings("source", "list", "--json").json} == {
        None
    }
    assert len(tidings("topic", "list", "--json").json) == 24


def test_an_import_does_what_it_can_and_lists_the_rest(tidings, tmp_path):
    file = tmp_path / "broken.opml"
    file.write_text(
        '<opml version="2.0"><body><outline text="Tech">'
        '<outline type="rss" text="Good" xmlUrl="https://example.org/good"/>'
        '<outline type="rss" text="Bad address" xmlUrl="gopher://example.org/"/>'
        '<outline type="rss" text="R&D" xmlUrl="https://example.org/also-good"/>'
        "</outline><outline"
    )

    imported = tidings("source", "import", file)

    assert imported.status == 1
    assert imported.out == "2 added, 0 followed already\n"
    assert "Bad address" in imported.err
    assert "Traceback" not in imported.err
    listed = tidings("source", "list", "--json").json
    assert [source["url"] for source in listed] == [
        "https://example.org/good",
        "https://example.org/also-good",
    ]
    assert all(source["topics"] == ["tech"] for source in listed)


def test_what_is_no_list_is_refused_whole(tidings_on_sqlite, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("milk, bread")

    refused = tidings_on_sqlite("source", "import", file)

    assert refused.status == 1
    assert refused.err == f"tidings: cannot read {file}: it is not OPML\n"


@on_sqlite
def test_a_list_of_another_program_is_carried_over_as_far_as_there_is_the_same_here(tidings):
    (tidings.folder / "miniflux.opml").write_text(
        '<opml version="2.0"><body>'
        '<outline text="A" xmlUrl="https://a.example/feed" crawler="true" userAgent="agent/1.0"'
        ' cookie="sid=secret" blocklistRules="ads"/>'
        '<outline text="B" xmlUrl="https://me:secret@b.example/feed" disabled="true"'
        ' proxyUrl="http://p.example:8080"/></body></opml>'
    )
    (tidings.folder / "planet.ini").write_text("[Planet]\n[https://c.example/feed]\nname = C\n")

    imported = tidings("source", "import", tidings.folder / "miniflux.opml")
    planet = tidings("source", "import", tidings.folder / "planet.ini")

    assert imported.out == "2 added, 0 followed already\n"
    assert "A: its rules for entries (see `filter add`)" in imported.err
    assert "B: its proxy (see `source access`)" in imported.err
    assert "secret" not in imported.out + imported.err
    assert planet.out == "1 added, 0 followed already\n"
    first, second, _ = (tidings("source", "show", n, "--json").json for n in (1, 2, 3))
    assert (first["full_text"], first["state"]) == ("on", "active")
    assert first["access"] == "1 cookie, user agent"
    assert second["state"] == "paused"
    assert second["access"] == "login"
