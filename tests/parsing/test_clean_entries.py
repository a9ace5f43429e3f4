from pathlib import Path

import pytest

from tidings.model.feed import Document
from tidings.parsing.document import parse

FEEDS = Path(__file__).parents[1] / "data" / "feeds"

ITEM = """<item><guid>{guid}</guid><title>{title}</title><link>{link}</link>
<pubDate>{date}</pubDate><description>{body}</description>
<enclosure url="{file}" type="audio/ogg" length="1"/><slash:comments>{comments}</slash:comments></item>"""

PLAIN = {
    "guid": "1",
    "title": "Rain",
    "link": "https://notes.example/1",
    "date": "Fri, 20 Nov 2026 08:00:00 GMT",
    "body": "&lt;p&gt;It &lt;a href='/a'&gt;rained&lt;/a&gt;.&lt;/p&gt;",
    "file": "https://files.example/1.ogg?session=1",
    "comments": "0",
}


def a_document(*items):
    head = '<rss version="2.0" xmlns:slash="http://purl.org/rss/1.0/modules/slash/"><channel>'
    text = "".join(ITEM.format(**(PLAIN | item)) for item in items)
    return Document(url="https://notes.example/feed", body=f"{head}{text}</channel></rss>".encode())


def only_entry(**item):
    (entry,) = parse(a_document(item), {}).entries
    return entry


def test_an_entry_known_as_it_is_is_only_counted():
    document = a_document({"guid": "1"}, {"guid": "2"})
    known = {entry.key: entry.raw_hash for entry in parse(document, {}).entries}

    feed = parse(document, known)

    assert (feed.entries, feed.unchanged) == ((), 2)


def test_an_entry_that_changed_comes_back_under_its_key():
    before = parse(a_document({"guid": "1"}, {"guid": "2"}), {}).entries
    known = {entry.key: entry.raw_hash for entry in before}

    feed = parse(a_document({"guid": "1"}, {"guid": "2", "title": "Storm"}), known)

    assert [(entry.title, entry.key) for entry in feed.entries] == [("Storm", before[1].key)]
    assert feed.unchanged == 1


@pytest.mark.parametrize(
    ("edit", "is_written_anew", "is_seen"),
    [
        pytest.param({"comments": "7"}, False, False, id="a counter: nothing"),
        pytest.param({"date": "Fri, 20 Nov 2026 09:00:00 GMT"}, True, False, id="a date"),
        pytest.param({"body": PLAIN["body"].replace("'/a", "'/b")}, True, True, id="a target"),
        pytest.param(
            {"file": "https://files.example/1.ogg?session=2"}, True, False, id="a session"
        ),
        pytest.param({"link": "https://notes.example/1#top"}, True, False, id="a fragment"),
        pytest.param({"title": "Storm"}, True, True, id="the title"),
        pytest.param({"body": "It poured."}, True, True, id="the text"),
        pytest.param({"link": "https://notes.example/2"}, True, False, id="the link"),
        pytest.param({"file": "https://files.example/2.ogg"}, True, True, id="the file"),
    ],
)
def test_an_edit_counts_as_far_as_readers_see_it(edit, is_written_anew, is_seen):
    before, after = only_entry(), only_entry(**edit)

    assert after.key == before.key
    assert (after.raw_hash != before.raw_hash) == is_written_anew
    assert (after.revision != before.revision) == is_seen


def test_a_moved_document_with_relative_links_is_cleaned_again():
    document = a_document({"link": "/1"})
    moved = Document(url="https://elsewhere.example/feed", body=document.body)

    (before,), (after,) = parse(document, {}).entries, parse(moved, {}).entries

    assert after.url == "https://elsewhere.example/1"
    assert (after.key, after.raw_hash == before.raw_hash) == (before.key, False)


def test_a_database_of_the_time_before_knows_its_entries_however_much_better_they_are_read():
    """The hashes were made by the version whose body was the longest text."""
    toot = """<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel><title>Toots</title>
<item><description>&lt;p&gt;Good morning!&lt;/p&gt;</description><media:content
url="https://files.example/1.png" medium="image"><media:description>Fog over the harbour, and the
ferry that waits.</media:description></media:content></item></channel></rss>"""

    (entry,) = parse(Document(url="https://toots.example/feed", body=toot.encode()), {}).entries

    assert entry.key.hex() == "a16fc0572bbe4b54d307451cd92ecab0"
    assert entry.reads_like(bytes.fromhex("47ad27aef71bcf7bd72136ff3923d910"))
    assert entry.content == "<p>Good morning!</p>"


@pytest.mark.parametrize(
    ("name", "guid", "before"),
    [
        pytest.param(
            "body-escaped-as-xhtml", "1", "3c189b42ae6b81396e10a30737240651", id="escaped as XHTML"
        ),
        pytest.param(
            "body-as-an-element", "1", "1cf9204b338b0bf03689c44b297caf19", id="beside a teaser"
        ),
        pytest.param(
            "enclosures-with-words", "1", "63177177a5280a510470161b32150285", id="title of a file"
        ),
        pytest.param(
            "body-types",
            "application/octet-stream",
            "3ea27b1eccda3fac7e0790dfbbbf8908",
            id="octets",
        ),
    ],
)
def test_a_better_reading_is_no_update(name, guid, before):
    """The hashes were made by the version that read them otherwise."""
    body = (FEEDS / f"{name}.xml").read_bytes()

    entries = parse(Document(url="https://feed.example/dir/f.xml", body=body), {}).entries

    (entry,) = (entry for entry in entries if entry.guid == guid)
    assert entry.reads_like(bytes.fromhex(before))
    assert entry.revision != bytes.fromhex(before)
