"""What `tidings poll` makes of sources that do as they should."""

import gzip
import signal
from contextlib import suppress

import pytest

from fake_publisher import answer, redirect
from feed_documents import an_item, atom, items, json_feed, rss
from installation import on_sqlite
from tidings.cli.poll import ended_by_ctrl_c


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(atom(*items(3)), id="Atom"),
        pytest.param(rss(*items(3)), id="RSS"),
        pytest.param(json_feed(*items(3)), id="JSON Feed"),
    ],
)
def test_a_poll_stores_every_entry_once(tidings, web, body):
    url = web.serve(answer(body=body))
    tidings.add(url)

    first, second = tidings.polled(), tidings.polled("--all")

    assert first[url] | {"id": 0} == {
        "id": 0,
        "url": url,
        "outcome": "new",
        "new": 3,
        "updated": 0,
        "error": None,
    }
    assert second[url]["outcome"] == "unchanged"
    titles = [entry["title"] for entry in tidings("entry", "list", "--json").json]
    assert titles == ["Entry 3", "Entry 2", "Entry 1"]


def test_a_new_version_of_an_entry_is_an_update_and_keeps_its_place(tidings, web):
    before = atom(an_item(2), an_item(1))
    after = atom(an_item(2), an_item(1, text="Corrected."), an_item(0, title="Found late"))
    url = web.serve(answer(body=before), answer(body=after))
    tidings.add(url)
    tidings("poll")
    [_, old] = tidings("entry", "list", "--json").json

    second = tidings.polled("--all")

    assert (second[url]["outcome"], second[url]["new"], second[url]["updated"]) == ("new", 1, 1)
    shown = tidings("entry", "show", old["id"], "--json").json
    assert shown["content"] == "<p>Corrected.</p>"
    assert shown["seq"] == old["seq"]
    assert shown["sort_at"] == old["sort_at"]


def test_an_update_alone_is_called_updated(tidings, web):
    url = web.serve(
        answer(body=atom(an_item(1))), answer(body=atom(an_item(1, title="Better title")))
    )
    tidings.add(url)
    tidings("poll")

    second = tidings("poll", "--all", "--json").json

    assert (second["new"], second["updated"], second["unchanged"]) == (0, 1, 0)
    assert second["sources"][0]["outcome"] == "updated"


def test_a_date_alone_is_no_update(tidings, web):
    entry, later = an_item(1), an_item(1, published=an_item(2).published)
    url = web.serve(answer(body=atom(entry)), answer(body=atom(later)))
    tidings.add(url)
    tidings("poll")

    second = tidings.polled("--all")

    assert second[url]["outcome"] == "unchanged"


def test_validators_are_sent_back_and_304_is_not_modified(tidings, web):
    body = atom(*items(1))
    url = web.serve(
        answer(body=body, ETag='W/"one"', Last_Modified="an opaque text"),
        answer("304 Not Modified"),
    )
    tidings.add(url)
    tidings("poll")

    second = tidings.polled("--all")

    assert second[url]["outcome"] == "not_modified"
    sent = web.requests(url)[1].headers
    assert sent["if-none-match"] == 'W/"one"'
    assert sent["if-modified-since"] == "an opaque text"


def test_only_what_is_due_is_polled_unless_asked_for(tidings, web):
    url = web.serve(answer(body=atom(*items(1))))
    tidings.add(url)
    tidings("poll")

    nothing_due, by_name = tidings.polled(), tidings.polled("1")

    assert nothing_due == {}
    assert by_name[url]["outcome"] == "unchanged"


def test_a_paused_source_is_left_alone(tidings, web):
    url = web.serve(answer(body=atom(*items(1))))
    tidings.add(url)
    tidings("source", "pause", 1)

    assert tidings.polled("--all") == {}

    tidings("source", "resume", 1)
    assert tidings.polled()[url]["new"] == 1


@on_sqlite
def test_a_compressed_feed_behind_redirects_is_read(tidings, web):
    there = web.publisher()
    body = gzip.compress(atom(*items(2)))
    goal = there.serve("/b", answer(body=body, Content_Encoding="gzip"))
    there.serve("/a", redirect("/b", "301 Moved Permanently"))
    url = web.serve(redirect(there.url("/a")))
    tidings.add(url)

    first = tidings.polled()

    assert first[url]["new"] == 2
    assert [request.path for request in web.requests(goal)] == ["/a", "/b"]
    assert tidings("source", "show", 1, "--json").json["url"] == url


def test_the_user_agent_says_who_we_are(tidings_on_sqlite, web):
    url = web.serve(answer(body=atom()))
    tidings_on_sqlite.add(url)

    tidings_on_sqlite("poll", FETCH__CONTACT_URL="https://tidings.example/about")

    agent = web.requests(url)[0].headers["user-agent"]
    assert agent.startswith("tidings/")
    assert agent.endswith("(+https://tidings.example/about)")


@pytest.mark.parametrize(
    ("setting", "public"),
    [
        pytest.param({}, 5, id="the newest five unless told otherwise"),
        pytest.param({"PUBLISH__FIRST_POLL": 2}, 2, id="two"),
        pytest.param({"PUBLISH__FIRST_POLL": 0}, 0, id="none"),
        pytest.param({"PUBLISH__FIRST_POLL": 100}, 8, id="all there are"),
    ],
)
@on_sqlite
def test_the_first_poll_publishes_the_newest_only(tidings, web, setting, public):
    later = atom(an_item(9), *items(8))
    url = web.serve(answer(body=atom(*items(8))), answer(body=later))
    tidings.add(url)

    tidings("poll", **setting)

    listed = tidings("entry", "list", "--json").json
    stored = tidings("entry", "list", "--json", "--all").json
    assert [entry["title"] for entry in listed] == [f"Entry {n}" for n in range(8, 8 - public, -1)]
    assert [entry["seq"] for entry in listed] == list(range(public, 0, -1))
    assert [entry["state"] for entry in stored] == ["public"] * public + ["backfill"] * (8 - public)
    assert tidings.polled("--all", **setting)[url]["new"] == 1
    newest = tidings("entry", "list", "--json", "--limit", 1).json[0]
    assert (newest["title"], newest["seq"]) == ("Entry 9", public + 1)


def test_a_first_answer_without_entries_is_not_the_first_poll(tidings_on_sqlite, web):
    url = web.serve(answer(body=atom()), answer(body=atom(*items(8))))
    tidings_on_sqlite.add(url)
    tidings_on_sqlite("poll")

    tidings_on_sqlite("poll", "--all")

    assert len(tidings_on_sqlite("entry", "list", "--json").json) == 5


def test_a_ctrl_c_that_is_dropped_on_its_way_ends_a_poll_all_the_same():
    with pytest.raises(KeyboardInterrupt):
        _poll_that_drops_ctrl_c()


def _poll_that_drops_ctrl_c():
    with ended_by_ctrl_c() as stop:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert stop.wait(10)
