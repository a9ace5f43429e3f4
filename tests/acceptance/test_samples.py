"""Real documents, as they are in the wild: the folder that TIDINGS_SAMPLES names has them."""

import json
import re
from html import unescape
from io import BytesIO
from threading import Event

import feedparser
import pytest

from fake_publisher import answer
from real_samples import SAMPLES, needs
from tidings.app.polling import polling
from tidings.model.feed import Document
from tidings.parsing import rss_atom
from tidings.parsing.dates import parse_date
from tidings.parsing.decoding import decode
from tidings.parsing.document import parse
from tidings.parsing.xml_repair import repair

FEEDS = 60
SEQUENCES = sorted(folder.parent.name for folder in SAMPLES.glob("sequences/*/steps.json"))

pytestmark = needs("feeds.jsonl")


def described():
    """Return what is known of each document of the collection."""
    lines = (SAMPLES / "feeds.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def samples():
    """Return documents from all over the collection that hold entries by any count."""
    full = [one for one in described() if one["entries"] and one["raw_items"]]
    chosen = full[:: len(full) // FEEDS][:FEEDS]
    return {one["path"]: (SAMPLES / "feeds" / one["path"]).read_bytes() for one in chosen}


def other_bytes(body):
    """Return the same document in other bytes, where that is done by a blank at its end."""
    is_wide = body.startswith((b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<"))
    return body if is_wide else body + b"\n"


def test_real_feeds_bring_their_entries_once(tidings, web, tmp_path):
    urls = {
        path: web.serve(answer(body=body), answer(body=other_bytes(body)))
        for path, body in samples().items()
    }
    tidings.add(*urls.values())

    first = tidings("poll", "--json", PARSE__PROCESSES=2).json
    second = tidings("poll", "--all", "--json", PARSE__PROCESSES=2).json
    published = tidings("publish", tmp_path / "public", WEB__BASE_URL="https://news.example")

    assert (first["polled"], first["failed"]) == (FEEDS, 0)
    assert {source["outcome"] for source in first["sources"]} == {"new"}
    assert (second["polled"], second["new"], second["updated"]) == (FEEDS, 0, 0)
    assert second["unchanged"] == FEEDS
    assert published.status == 0
    for form in ("atom", "rss"):
        body = (tmp_path / "public" / f"feed.{form}").read_bytes()
        feed = feedparser.parse(BytesIO(body))
        assert not feed.bozo
        assert 50 <= len(feed.entries) < 50 + 100  # what follows the last full archive
    assert tidings("db", "check").out == "nothing is wrong\n"


def letters(text):
    return re.sub(r"\W", "", re.sub(r"<[^>]*>", "", unescape(text)))


def test_no_document_has_fewer_entries_or_titles_than_it_holds():
    few, untitled, dated, undated = [], [], 0, 0
    for one in described():
        body = (SAMPLES / "feeds" / one["path"]).read_bytes()
        if not one["raw_items"]:
            continue
        if one["format"].startswith("json"):
            count = len(parse(Document(url="https://notes.example/", body=body), {}).entries)
        else:
            decoded = decode(body)
            raw = rss_atom.read(repair(decoded.text), url="https://notes.example/")
            count = len(raw.entries) + raw.cut
            theirs = feedparser.parse(BytesIO(body), sanitize_html=False)
            ours = {letters(entry.title.value) for entry in raw.entries}
            titles = {letters(entry.get("title", "")) for entry in theirs.entries}
            is_mojibake = "encoded twice" in decoded.problems
            if not theirs.bozo and not is_mojibake and not titles <= ours:
                untitled.append(one["path"])
            dated += sum("published_parsed" in entry for entry in theirs.entries)
            undated += sum(
                bool(entry.get("published_parsed")) and not parse_date(entry.published)
                for entry in theirs.entries
            )
        if count < one["raw_items"]:
            few.append(one["path"])

    assert (few, untitled) == ([], [])
    assert undated <= dated / 200


# By name and step: what `steps.json` does not call edited, although the entry that returned is
# another one than the entry that went.
RETURNED_CHANGED = {("olshansk_cursor", "017_2026-03-29_b0f91c9a.xml"): 3}

# New entries and updates by name and step, beyond what `steps.json` counts: it takes a guid for an
# entry, and for a day this site gave one address to three posts, each with title, text and date.
SHARED_GUID = {
    ("healchow_atom", "003_2018-09-09_82075631.xml"): (2, -1),
    ("healchow_atom", "004_2018-09-09_9120536f.xml"): (0, -1),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_successive_versions_of_a_feed_bring_each_entry_and_each_edit_once(
    tidings_on_sqlite, web, name
):
    folder = SAMPLES / "sequences" / name
    steps = json.loads((folder / "steps.json").read_text(encoding="utf-8"))
    bodies = [answer(body=(folder / step["file"]).read_bytes()) for step in steps]
    tidings_on_sqlite.add(web.serve(*bodies))

    with tidings_on_sqlite.opened(FETCH__HOST_INTERVAL=0) as app, polling(app) as gathering:
        rounds = [gathering.poller().poll_sources([1], report=str, stop=Event()) for _ in steps]

    told_apart = [SHARED_GUID.get((name, step["file"]), (0, 0)) for step in steps]
    assert [(one.failed, one.new) for one in rounds] == [
        (0, step["new"] + new) for step, (new, _) in zip(steps, told_apart, strict=True)
    ]
    assert [one.updated for one in rounds] == [
        step["edited"]
        - step["edited_date_only"]
        + RETURNED_CHANGED.get((name, step["file"]), 0)
        + updated
        for step, (_, updated) in zip(steps, told_apart, strict=True)
    ]
    [manifest] = [one for one in manifests() if one["name"] == name]
    [source] = tidings_on_sqlite("source", "list", "--json").json
    assert source["entries"] == manifest["distinct_ids_ever"] + sum(new for new, _ in told_apart)


def manifests():
    return json.loads((SAMPLES / "sequences" / "manifest.json").read_text(encoding="utf-8"))
