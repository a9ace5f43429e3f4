"""The API as a program meets it: the service, started, on loopback, with a token from the command line."""

import time
from contextlib import contextmanager
from urllib.parse import urlsplit

from api_visitor import ApiVisitor
from fake_publisher import answer
from feed_documents import an_item, atom, items
from installation import free_port, wait_until
from web.visitors import Visitor


@contextmanager
def serving(tidings, **environment):
    """Start `tidings web`; yield who speaks to it."""
    port = free_port()
    base_url = f"http://127.0.0.1:{port}/news"
    with tidings.start("web", WEB__PORT=port, WEB__BASE_URL=base_url, **environment) as process:
        visitor = Visitor(f"http://127.0.0.1:{port}")
        try:
            wait_until(lambda: answers(visitor))
            yield visitor
        finally:
            process.terminate()
            process.communicate(timeout=30)


def answers(visitor):
    try:
        return visitor.ask("/health/ready").status == 200
    except OSError:
        return False


def test_a_program_follows_a_source_reads_what_it_brings_and_hears_what_is_new(tidings, web):
    feed = web.serve(
        answer(body=atom(*items(30))),
        answer(body=atom(an_item(31, title="灯塔的新消息"), *items(30))),
    )
    token = tidings("token", "create", "--label", "program").out.strip()
    with serving(tidings) as visitor:
        ask = ApiVisitor(visitor, token=token)
        made = ask("/operator/sources", method="POST", body={"url": feed, "all_public": True})
        every = ask.every("/entries?limit=7", "entries")
        seen = every[0]["seq"]
        kept = ask("/entries?limit=7")
        same = ask("/entries?limit=7", If_None_Match=kept.headers["etag"])

        tidings("poll", "--all")
        time.sleep(0.6)  # what another process commits on PostgreSQL may be overlooked for a moment
        news = ask(f"/entries?after={seen}").value["entries"]
        found = ask("/search?q=%E7%81%AF%E5%A1%94").value
        other = ask("/entries?limit=7", If_None_Match=kept.headers["etag"])
        whole = ask(urlsplit(news[0]["page_url"]).path.removeprefix("/news"))
        status = ask("/status").value

    assert made.status == 201
    assert [one["title"] for one in every] == [f"Entry {n}" for n in range(30, 0, -1)]
    assert every[0]["page_url"].startswith(ask.description["servers"][0]["url"][:-7])
    assert (same.status, other.status) == (304, 200)
    assert [one["title"] for one in news] == ["灯塔的新消息"]
    assert [one["id"] for one in found["entries"]] == [news[0]["id"]]
    assert whole.value["title"] == "灯塔的新消息"
    assert (status["sources"]["fine"], status["entries"]) == (1, 31)
    [act] = tidings("token", "audit", "--json").json
    assert (act["who"], act["act"]) == ("program", "follow")
