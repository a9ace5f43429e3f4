"""The static site: complete, the same from both databases, and left alone when nothing changed."""

import json
import re
import signal
import time
from io import BytesIO
from pathlib import Path

import feedparser
import pytest
from lxml import etree

from fake_publisher import answer
from feed_documents import an_item, atom, items, rss
from installation import on_sqlite, wait_until
from tidings.publishing.static_site import MANIFEST

BASE = {"WEB__BASE_URL": "https://news.example"}


@pytest.fixture
def followed(tidings, web):
    body = rss(*items(4), title="Four <entries> & more")
    tidings("source", "add", web.serve(answer(body=body)), "--topic", "机器学习")
    strange = an_item(9, title="數學 $x^2$ \u202e 🗞", text="<script>alert(1)</script>Über")
    tidings("source", "add", web.serve(answer(body=atom(strange, *items(20)))), "--topic", "news")
    return tidings


def files_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


@on_sqlite
def test_everything_is_there_and_nothing_is_written_twice(followed, tmp_path):
    first = followed("publish", tmp_path / "public", **BASE)
    before = files_of(tmp_path / "public")
    second = followed("publish", tmp_path / "public", **BASE)

    assert first.status == second.status == 0
    assert second.out.startswith(f"0 of {len(before)} files written")
    assert {"feed.atom", "feed.rss", "feed.json", "index.html", "sources.opml"} < set(before)
    assert {"topics/index.html", "sources/index.html", "topics/news.rss"} < set(before)
    entries = followed("entry", "list", "--all", "--limit", 0, "--json").json
    assert {f"entries/{entry['id']}/index.html" for entry in entries} < set(before)
    assert files_of(tmp_path / "public") == before


@on_sqlite
def test_only_what_changed_is_written_again(followed, web, tmp_path):
    followed("publish", tmp_path / "public", **BASE)
    before = files_of(tmp_path / "public")
    latest = an_item(1, guid="urn:other:1", title="The latest", url="https://other.example/1")
    url = web.serve(answer(body=atom(latest)))
    followed("source", "add", url)

    followed("publish", tmp_path / "public", **BASE)

    after = files_of(tmp_path / "public")
    assert b"The latest" in after["index.html"]
    assert b"The latest" in after["feed.atom"]
    assert after["topics/news.atom"] == before["topics/news.atom"]


def test_both_databases_publish_the_same_bytes(install, web, sqlite_url, postgres_url, tmp_path):
    one, other = install(sqlite_url), install(postgres_url)
    one("source", "add", web.serve(answer(body=rss(*items(30)))), "--topic", "机器学习")
    one("source", "add", web.serve(answer(body=atom(an_item(9, text="Über 🗞")))), "--topic", "b")
    one.add(web.serve(answer("404 Not Found")))
    one("poll")

    copied = one("db", "copy", postgres_url)
    back = install(f"sqlite:///{tmp_path}/back.db")
    copied_back = other("db", "copy", back.url)

    assert copied.status == copied_back.status == 0
    for name, tidings in {"one": one, "other": other, "back": back}.items():
        assert tidings("publish", tmp_path / name, **BASE).status == 0
        assert tidings("db", "check").status == 0
    assert files_of(tmp_path / "one") == files_of(tmp_path / "other")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "back")
    assert one("db", "copy", postgres_url).status == 1


def test_a_copy_holds_what_only_polls_know(install, web, sqlite_url, postgres_url):
    one, other = install(sqlite_url), install(postgres_url)
    one("source", "add", web.serve(answer(body=atom(*items(3)))))
    one("source", "access", 1, "--user", "ada")

    copied = one.call("db", "copy", postgres_url)  # which imports no more than it needs

    assert copied.status == 0
    assert other("poll", "--replay", 1).status == 0
    assert "login" in other("source", "show", 1).out


def test_life_goes_on_in_a_copy(install, web, sqlite_url, postgres_url):
    before, after = atom(*items(3)), atom(an_item(4), *items(3))
    one, other = install(sqlite_url), install(postgres_url)
    url = web.serve(answer(body=before), answer(body=after))
    one("source", "add", url)
    one("db", "copy", postgres_url)

    polled = other.polled("--all")

    assert polled[url]["new"] == 1
    [newest, *_] = other("entry", "list", "--json").json
    assert (newest["title"], newest["seq"]) == ("Entry 4", 4)
    assert other("source", "add", web.serve(answer(body=atom()))).status == 0


@on_sqlite
def test_the_feeds_can_be_read_by_feedparser(followed, tmp_path):
    followed("publish", tmp_path / "public", **BASE)
    listed = followed("entry", "list", "--limit", 0, "--json").json
    by_seq = [entry["title"] for entry in sorted(listed, key=lambda entry: -entry["seq"])]

    for form in ("atom", "rss"):
        body = (tmp_path / "public" / f"feed.{form}").read_bytes()
        feed = feedparser.parse(BytesIO(body))
        assert not feed.bozo
        assert feed.feed.title == "Latest updates"
        assert [entry.title for entry in feed.entries] == by_seq
        assert len({entry.id for entry in feed.entries}) == len(by_seq)
        assert b"<script" not in body
    feed = json.loads((tmp_path / "public" / "feed.json").read_text())
    assert [entry["title"] for entry in feed["items"]] == by_seq


@on_sqlite
def test_what_is_xml_is_well_formed_and_the_list_of_sources_complete(followed, tmp_path):
    followed("publish", tmp_path / "public", **BASE)

    files = files_of(tmp_path / "public")
    for name, body in files.items():
        if name.endswith((".atom", ".rss", ".opml")):
            etree.fromstring(body)
    outlines = etree.fromstring(files["sources.opml"]).iter("outline")
    listed = [outline.get("xmlUrl") for outline in outlines if outline.get("xmlUrl")]
    known = followed("source", "list", "--json").json
    assert sorted(listed) == sorted(source["url"] for source in known)


@on_sqlite
def test_a_site_without_any_source_is_published_too(tidings, tmp_path):
    done = tidings("publish", tmp_path / "public", **BASE)

    assert done.status == 0
    assert feedparser.parse(BytesIO((tmp_path / "public/feed.atom").read_bytes())).bozo is False


@on_sqlite
def test_the_status_is_a_page_as_of_the_last_poll(followed, tmp_path):
    followed("publish", tmp_path / "public", **BASE)
    page = tmp_path / "public" / "status" / "index.html"
    first = page.read_text()
    polled = followed("source", "list", "--json").json[0]["last_polled_at"]

    followed("publish", tmp_path / "public", **BASE)

    assert page.read_text() == first
    assert re.sub(r"(.*)T(\d\d:\d\d).*", r"\2", polled) in first
    assert '<link rel="stylesheet" href="/status.css' in first
    assert (tmp_path / "public" / "status.css").is_file()
    assert 'href="/status"' in (tmp_path / "public" / "index.html").read_text()


@on_sqlite
def test_who_watches_publishes_what_changes_and_removes_what_is_gone(tidings, web, tmp_path):
    public = tmp_path / "public"
    tidings("source", "add", web.serve(answer(body=atom(*items(3)))))
    with tidings.start("publish", public, "--watch", "--pause", "1s", **BASE) as process:
        wait_until((public / "search" / "index.json").exists)
        manifest = (public / MANIFEST).stat().st_mtime_ns
        time.sleep(2.5)
        assert (public / MANIFEST).stat().st_mtime_ns == manifest

        news = an_item(9, guid="urn:other:9", title="The latest", url="https://other.example/9")
        tidings("source", "add", web.serve(answer(body=atom(news))))
        wait_until(lambda: "The latest" in (public / "index.html").read_text())
        second = tidings("publish", public, **BASE)
        tidings("source", "remove", 2, "--yes")
        wait_until(lambda: "The latest" not in (public / "index.html").read_text())
        wait_until(lambda: len(list((public / "entries").iterdir())) == 3)

        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)

    assert process.returncode == 0, err
    assert (second.status, second.err) == (
        1,
        f"tidings: folder {public} is being written by another process\n",
    )
    first, *_ = out.splitlines()
    assert re.fullmatch(rf"(\d+) of \1 files written into {public}", first)


@on_sqlite
def test_a_pause_is_a_second_at_least(tidings, tmp_path):
    refused = tidings("publish", tmp_path / "public", "--watch", "--pause", "0s")

    assert refused.status == 2
    assert "expected a second at least" in refused.err
    assert not (tmp_path / "public").exists()
