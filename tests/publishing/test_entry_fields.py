"""Nothing that a document says of an entry is lost in silence on its way into our feeds.

Every value is made from the fields themselves: a new one takes part without a word here, and fails
where nobody carries it on.
"""

from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from types import NoneType
from typing import get_args, get_origin, get_type_hints

import pytest

from newsletter_site import NewsletterSite
from parsed_entries import NOON
from polls_by_hand import read_poll
from tidings.catalog import entries
from tidings.catalog.entries import Selection
from tidings.model.entries import Entry, EntryState, SourceCredit
from tidings.model.feed import Document, Enclosure, Image, ParsedEntry
from tidings.model.minhash import Sketch, sketch_of
from tidings.model.scopes import FeedDocument
from tidings.model.words import IndexedText, index_text
from tidings.parsing.document import parse
from tidings.polling.store import leases, polls
from tidings.publishing.formats.registry import FORMATS
from tidings.publishing.formats.values import publishable

KNOWN_BY = {"key", "raw_hash", "revision", "first_revision", "revision_before", "published_raw"}
KNOWN_BY |= {"terms"}
"""What an entry is recognised by, and what explains its date: no reader sees it."""
OURS = {"id", "seq", "state", "sort_at", "change", "pinned_at", "story_id", "follows", "topics"}
"""How we keep an entry: feeds do not speak of it."""
UNSAID = OURS | {"guid"}
"""The publisher's identifier is in our feeds as `atom_id`, if it is one."""

SPECIAL = {
    "url": "https://example.org/a/file.mp3",
    "type": "audio/mpeg",
    "language": "pt",
    "content": "<p>The whole text.</p>",
}
FORMER = {
    "url": "https://example.org/another.ogg",
    "type": "audio/ogg",
    "language": "gl",
    "content": "<p>Another text.</p>",
}
"""Values that have to be good ones, and others."""

DOCUMENT = b"""<?xml version="1.0"?>
<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:media="http://search.yahoo.com/mrss/" xmlns:atom="http://www.w3.org/2005/Atom"
  xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>News</title><link>https://example.org/</link><language>en</language><item>
<guid>urn:one</guid><title>One</title><link>https://example.org/one</link>
<author>Ann</author><category>birds</category>
<pubDate>Fri, 20 Nov 2026 10:00:00 GMT</pubDate><atom:updated>2026-11-20T11:00:00Z</atom:updated>
<description>Short.</description><content:encoded>&lt;p&gt;All of it.&lt;/p&gt;</content:encoded>
<enclosure url="https://example.org/a.mp3" type="audio/mpeg" length="9"/>
<itunes:duration>1:30</itunes:duration>
<media:thumbnail url="https://example.org/t.png" width="64" height="48"/>
<media:content url="https://example.org/p.png" medium="image" width="640" height="480">
<media:description>A tern</media:description></media:content>
</item></channel></rss>"""


DERIVED = {IndexedText: index_text("title", "content"), Sketch: sketch_of("title", None, "content")}


def a_value(hint, name, special=SPECIAL, *, number=7):
    """Return a value of a type that is not what a field has by default."""
    [hint, *_] = [one for one in get_args(hint) or (hint,) if one is not NoneType]
    if name in special and hint is str:
        return special[name]
    return {
        str: f"{name} {number}",
        int: number,
        float: number / 2,
        bool: True,
        bytes: bytes([number]) * 16,
        datetime: NOON - timedelta(hours=number),
        timedelta: timedelta(minutes=number),
    }[hint]


def filled(kind, special=SPECIAL, *, number=7):
    """Return a dataclass whose every field has a value of its own."""
    values = {}
    for name, hint in get_type_hints(kind).items():
        if hint in DERIVED:
            values[name] = DERIVED[hint]
            continue
        whole = get_args(hint)[0] if get_origin(hint) is tuple else hint
        inner = next((one for one in (*get_args(whole), whole) if is_dataclass(one)), None)
        one = (
            filled(inner, special, number=number)
            if inner
            else a_value(whole, name, special, number=number)
        )
        values[name] = (one,) if get_origin(hint) is tuple else one
    return kind(**values)


def names_of(kind, *, but=()):
    return [one.name for one in fields(kind) if one.name not in but]


@pytest.fixture
def stored(database):
    """A parsed entry with everything, and the same as it is read from the database."""
    room = NewsletterSite(database)
    parsed = replace(filled(ParsedEntry), first_revision=b"", revision_before=b"")
    source_id = room.follow()
    with database.write() as connection:
        [due] = leases.due(connection, [source_id])
        polls.save(connection, None, [read_poll(due, parsed)])
        [entry_id] = entries.ids(connection, Selection(source=source_id))
    with database.read() as connection:
        return parsed, entries.get(connection, entry_id)


def a_feed(entry):
    forms = tuple(one.at(f"https://example.com/feed.{one.name}") for one in FORMATS.values())
    return FeedDocument(
        id="urn:feed",
        title="News",
        subtitle="",
        page_url="https://example.com/",
        forms=forms,
        updated=NOON,
        entries=(entry,),
    )


def test_what_is_parsed_is_stored_and_read_again(stored):
    parsed, entry = stored

    for name in names_of(ParsedEntry, but=KNOWN_BY):
        assert getattr(entry, name) == getattr(parsed, name), name


def test_what_is_read_is_published(stored):
    _, entry = stored

    [clean] = publishable(a_feed(entry)).entries

    for name in names_of(Entry):
        assert getattr(clean, name) == getattr(entry, name), name


def an_entry():
    source = SourceCredit(
        id=1, slug="one", title="One", url="https://example.org/feed", site_url=None
    )
    parsed = filled(ParsedEntry)
    said = {name: getattr(parsed, name) for name in names_of(ParsedEntry, but=KNOWN_BY)}
    ours = {"id": 1, "seq": 1, "source": source, "atom_id": "urn:one", "sort_at": NOON}
    clocks = {"first_seen_at": NOON - timedelta(days=1), "changed_at": NOON}
    return Entry(**said, **ours, **clocks, state=EntryState.PUBLIC)


def written(entry):
    return {name: one.render(a_feed(entry)) for name, one in FORMATS.items()}


OF_ENTRY = [name for name in names_of(ParsedEntry, but=KNOWN_BY) if name not in UNSAID]


@pytest.mark.parametrize("name", OF_ENTRY)
def test_every_field_of_an_entry_is_written_into_some_format(name):
    entry = an_entry()
    other = getattr(filled(ParsedEntry, FORMER, number=9), name)

    assert written(replace(entry, **{name: other})) != written(entry)


@pytest.mark.parametrize("name", names_of(Enclosure))
def test_every_field_of_a_file_is_written_into_every_format(name):
    entry = an_entry()
    other = getattr(filled(Enclosure, FORMER, number=9), name)
    changed = replace(entry, enclosures=(replace(entry.enclosures[0], **{name: other}),))

    before, after = written(entry), written(changed)

    assert [form for form in FORMATS if before[form] == after[form]] == []


@pytest.mark.parametrize("name", names_of(Image))
def test_every_field_of_a_picture_is_written_into_some_format(name):
    entry = an_entry()
    other = getattr(filled(Image, FORMER, number=9), name)
    changed = replace(entry, pictures=(replace(entry.pictures[0], **{name: other}),))

    assert written(changed) != written(entry)


def test_documents_fill_every_field():
    [entry] = parse(Document(url="https://example.org/feed", body=DOCUMENT), {}).entries

    for one in (entry, entry.enclosures[0], entry.pictures[0]):
        empty = [name for name in names_of(type(one)) if not getattr(one, name)]
        assert [name for name in empty if name not in KNOWN_BY] == []


@pytest.mark.parametrize("name", names_of(Enclosure))
def test_a_file_that_changes_is_read_anew(name):
    said = {
        "url": b"https://example.org/a.mp3",
        "type": b"audio/mpeg",
        "length": b'length="9"',
        "duration": b"1:30",
    }
    other = {
        "url": b"https://example.org/b.mp3",
        "type": b"audio/ogg",
        "length": b'length="8"',
        "duration": b"1:31",
    }
    document = Document(url="https://example.org/feed", body=DOCUMENT)
    changed = replace(document, body=DOCUMENT.replace(said[name], other[name]))

    [before], [after] = (parse(one, {}).entries for one in (document, changed))

    assert getattr(before.enclosures[0], name) != getattr(after.enclosures[0], name)
    assert before.raw_hash != after.raw_hash
