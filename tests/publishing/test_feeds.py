"""Feeds and their archives: what each holds, for how long, and when its tag moves."""

import json
from dataclasses import replace
from datetime import timedelta

import feedparser
import pytest
from sqlalchemy import select, update

from browser.showcase import SITE
from installation import on_sqlite
from newsletter_site import NewsletterSite
from parsed_entries import DAY, HOUR, NOON, an_entry
from polls_by_hand import read_poll
from published_documents import PublishedDocuments, topic
from tidings.catalog import sources, topics
from tidings.db.tables import entry, source
from tidings.errors import NotFoundError
from tidings.model.entries import Republish
from tidings.model.feed import Enclosure, Image
from tidings.model.scopes import EVERYTHING, ArchiveAddress, Scope
from tidings.operator.store import maintenance
from tidings.polling.store import leases, polls, visibility
from w3c_feed_rules import faults


@pytest.fixture
def room(database):
    return NewsletterSite(database)


@pytest.fixture
def published_site(database):
    return PublishedDocuments(database, feed_size=20)


def publish(room, source_id, number):
    """Let so many entries become public, in polls of a few: more would be held for the operator."""
    return [
        one
        for start in range(0, number, 25)
        for one in room.publish(source_id, min(25, number - start))
    ]


def hide(room, *entry_ids):
    with room.database.write() as connection:
        visibility.hide(connection, entry_ids, now=room.now)


def poll(room, source_id, *entries, **feed):
    """Poll a source whose document holds these entries."""
    with room.database.write() as connection:
        [due] = leases.due(connection, [source_id])
        leases.claim_one(connection, "test", due.host)
        known = polls.known_entries(connection, [source_id])[source_id]
        polls.save(
            connection, "test", [read_poll(due, *entries, known=known, now=room.now, **feed)]
        )


def edit(room, entry_id, **fields):
    """Let a publisher change an entry."""
    with room.database.read() as connection:
        row = connection.execute(select(entry).where(entry.c.id == entry_id)).one()
    poll(room, row.source_id, an_entry(row.guid, published=row.published, **fields))


def atom_ids(room, *rules):
    with room.database.read() as connection:
        shown = select(entry.c.atom_id).where(*rules).order_by(entry.c.seq.desc())
        return list(connection.scalars(shown))


def test_walking_the_archives_reaches_every_public_entry_once_newest_first(room, published_site):
    ids = publish(room, room.follow(), 350)
    hide(room, *ids[3::40])

    walked = published_site.walk()

    held = [one for document in walked for one in document.ids]
    assert held == atom_ids(room, entry.c.state == "public")
    assert len(held) == 350 - len(ids[3::40])
    assert [document.is_archive for document in walked] == [False, True, True, True]
    assert [document.link("next-archive") for document in walked[1:]] == [
        None,
        "https://news.example/archive/3.atom",
        "https://news.example/archive/2.atom",
    ]
    assert {document.link("current") for document in walked[1:]} == {
        "https://news.example/feed.atom"
    }


@pytest.mark.parametrize(
    ("published", "current", "archives"),
    [(0, 0, 0), (19, 19, 0), (100, 100, 0), (119, 119, 0), (120, 20, 1), (219, 119, 1)],
)
@on_sqlite
def test_the_feed_holds_what_no_archive_does_and_never_too_little(
    room, published_site, published, current, archives
):
    publish(room, room.follow(), published)

    walked = published_site.walk()

    assert len(walked[0].ids) == current
    assert len(walked) - 1 == archives


def test_an_archive_holds_the_same_for_ever(room, published_site):
    source_id = room.follow()
    publish(room, source_id, 130)
    before, tag = (
        published_site.publication.body(ArchiveAddress(number=1)),
        published_site.archive_tag(1),
    )
    room.now += DAY

    publish(room, source_id, 30)

    assert published_site.archive_tag(1) == tag
    assert published_site.publication.body(ArchiveAddress(number=1)) == before


def test_an_archive_leads_to_the_next_as_soon_as_that_is_full(room, published_site):
    source_id = room.follow()
    publish(room, source_id, 199)
    before, tag = published_site.archive(1), published_site.archive_tag(1)

    room.publish(source_id)

    after = published_site.archive(1)
    assert before.link("next-archive") is None
    assert after.link("next-archive") == "https://news.example/archive/2.atom"
    assert after.ids == before.ids
    assert published_site.archive_tag(1) != tag


@pytest.mark.parametrize("number", [0, 2, 10**14])
def test_there_is_no_archive_that_is_not_full(room, published_site, number):
    publish(room, room.follow(), 199)
    address = ArchiveAddress(number=number)

    with pytest.raises(NotFoundError, match="archive"):
        published_site.publication.body(address)
    with pytest.raises(NotFoundError, match="archive"):
        published_site.publication.stamp(address)


def test_hubs_are_named_where_they_are_told_of_changes(room):
    published_site = PublishedDocuments(
        room.database, site=replace(SITE, hubs=("https://hub.example/",)), feed_size=1
    )
    publish(room, room.follow(), 101)

    assert published_site.feed().link("hub") == "https://hub.example/"
    assert published_site.archive(1).link("hub") is None


def test_what_is_hidden_leaves_its_archive_and_comes_back(room, published_site):
    ids = publish(room, room.follow(), 205)
    whole, tags = (
        published_site.archive(1).ids,
        [published_site.archive_tag(1), published_site.archive_tag(2)],
    )

    hide(room, *ids[:100])
    empty, hidden_tags = (
        published_site.archive(1),
        [published_site.archive_tag(1), published_site.archive_tag(2)],
    )
    with room.database.write() as connection:
        visibility.unhide(connection, ids[:100], now=room.now)

    assert empty.ids == []
    assert empty.link("current") == "https://news.example/feed.atom"
    assert hidden_tags[0] != tags[0]
    assert hidden_tags[1] == tags[1]
    assert published_site.archive(1).ids == whole
    assert published_site.archive_tag(1) not in {tags[0], hidden_tags[0]}


def test_an_empty_archive_does_not_change_with_what_is_new(room, published_site):
    source_id = room.follow()
    hide(room, *publish(room, source_id, 100))
    before, tag = (
        published_site.publication.body(ArchiveAddress(number=1)),
        published_site.archive_tag(1),
    )
    room.now += HOUR

    room.publish(source_id)

    assert published_site.archive_tag(1) == tag
    assert published_site.publication.body(ArchiveAddress(number=1)) == before
    assert faults(before) == []


def test_what_was_removed_for_good_leaves_its_archive(room, published_site):
    ids = publish(room, room.follow(), 101)
    tag = published_site.archive_tag(1)

    with room.database.write() as connection:
        maintenance.remove(connection, ids[:2], now=room.now)

    assert len(published_site.archive(1).ids) == 98
    assert published_site.archive_tag(1) != tag


def test_an_archived_entry_that_changes_is_told_again_for_a_week(room, published_site):
    source_id = room.follow()
    ids = publish(room, source_id, 130)
    room.now += DAY
    tag = published_site.archive_tag(1)

    edit(room, ids[7], title="Mended")
    told, archived = published_site.feed(), published_site.archive(1)
    room.now += 8 * DAY
    room.publish(source_id)

    assert told.titles[-1] == "Mended"
    assert len(told.ids) == 31
    assert "Mended" in archived.titles
    assert published_site.archive_tag(1) != tag
    assert "Mended" not in published_site.feed().titles
    assert "Mended" in published_site.archive(1).titles


def test_no_more_than_twenty_archived_entries_are_told_again_the_last_changed(room, published_site):
    ids = publish(room, room.follow(), 130)
    for minutes, entry_id in enumerate(ids[:22]):
        room.now = NOON + timedelta(minutes=1 + minutes)
        edit(room, entry_id, title=f"Mended {minutes}")

    mended = [title for title in published_site.feed().titles if title.startswith("Mended")]

    assert mended == [f"Mended {number}" for number in range(21, 1, -1)]


def test_all_forms_of_the_feed_hold_the_same(room, published_site):
    ids = publish(room, room.follow(), 130)
    room.now += HOUR
    edit(room, ids[0], title="Mended")

    in_atom = published_site.feed().ids

    assert len(in_atom) == 31
    rss = feedparser.parse(published_site.body(form="rss"))
    assert [one.id for one in rss.entries] == in_atom
    assert [one["id"] for one in json.loads(published_site.body(form="json"))["items"]] == in_atom


def test_what_an_older_entry_stands_for_has_no_place_of_its_own(room, published_site):
    ids = publish(room, room.follow(), 103)
    with room.database.write() as connection:
        connection.execute(update(entry).where(entry.c.id.in_(ids[::50])).values(follows=True))

    assert len(published_site.archive(1).ids) == 98
    assert len(published_site.feed().ids) == 102 - 2


def test_a_story_is_told_once_and_leads_to_all_who_tell_it(room, published_site):
    page = "https://example.org/the-story"
    one, other = room.follow(), room.follow()
    room.publish(one, title="Terns are back", url=page)
    had, before = published_site.change(), published_site.feed()

    room.now += HOUR
    room.publish(other, title="Terns are back", url=page)

    feed = published_site.feed()
    assert feed.ids == before.ids
    assert feed.texts("a:updated | a:entry/a:updated") == before.texts(
        "a:updated | a:entry/a:updated"
    )
    assert feed.texts("a:entry/a:content")[0].endswith(
        f'<p>Also at: <a href="{page}">A feed</a></p>'
    )
    assert published_site.feed(since=had).ids == feed.ids
    assert len(published_site.feed(source_scope(room, other)).ids) == 1


def test_a_change_in_one_topic_leaves_the_tags_of_others_alone(room, published_site):
    birds, rocks = room.follow(topic="birds"), room.follow(topic="rocks")
    room.publish(birds)
    room.publish(rocks)
    scopes = [EVERYTHING, topic("birds"), topic("rocks"), source_scope(room, rocks)]
    before = [published_site.tag(scope) for scope in scopes]

    room.publish(birds, title="A new bird")

    after = [published_site.tag(scope) for scope in scopes]
    assert [old != new for old, new in zip(before, after, strict=True)] == [
        True,
        True,
        False,
        False,
    ]


def test_feeds_are_called_what_they_are_of(room, published_site):
    source_id = room.follow(topic="birds")
    poll(room, source_id, an_entry(), title="The Tern", language="de")

    titles = [published_site.feed(scope).texts("a:title") for scope in (EVERYTHING, topic("birds"))]
    of_source = feedparser.parse(published_site.body(source_scope(room, source_id), "rss")).feed

    assert titles == [["Latest updates"], ["birds · Latest updates"]]
    assert of_source.title == "The Tern · Latest updates"
    assert of_source.language == "de"


def source_scope(room, source_id):
    with room.database.read() as connection:
        return Scope(kind="source", slug=sources.get(connection, source_id).slug)


def test_what_a_document_calls_itself_and_its_rights_are_credited(room, published_site):
    source_id = room.follow()
    poll(room, source_id, an_entry(), guid="tag:example.org,2026:feed", rights="© The Tern")

    feed = published_site.feed()

    assert feed.texts("a:entry/a:source/a:id") == ["tag:example.org,2026:feed"]
    assert feed.texts("a:entry/a:source/a:rights") == ["© The Tern"]


def test_what_a_document_no_longer_says_of_itself_stays_known(room, published_site):
    source_id = room.follow()
    poll(room, source_id, an_entry(), title="The Tern", rights="© The Tern")
    tag = published_site.tag()

    poll(room, source_id, an_entry(), title="")

    assert published_site.feed().texts("a:entry/a:source/a:title") == ["The Tern"]
    assert published_site.feed().texts("a:entry/a:source/a:rights") == ["© The Tern"]
    assert published_site.tag() == tag


def test_a_source_keeps_the_first_name_for_all_the_world_that_it_gave_itself(room, published_site):
    source_id = room.follow()
    poll(room, source_id, an_entry(), guid="tag:example.org,2026:feed")
    tag = published_site.tag()

    poll(room, source_id, an_entry(), guid="urn:uuid:5d0cbd2d-4c9c-4d2e-9d5c-0f2f5a7e3a11")

    assert published_site.feed().texts("a:entry/a:source/a:id") == ["tag:example.org,2026:feed"]
    assert published_site.tag() == tag


def test_a_source_that_is_called_otherwise_changes_the_archives(room, published_site):
    source_id = room.follow()
    publish(room, source_id, 101)
    tag = published_site.archive_tag(1)
    room.now += HOUR

    poll(room, source_id, title="The Tern", guid="tag:example.org,2026:feed")

    assert published_site.archive_tag(1) != tag
    assert published_site.archive(1).texts("a:entry/a:source/a:title") == ["The Tern"] * 100


def test_who_has_a_feed_is_told_what_changed_since(room, published_site):
    source_id = room.follow()
    ids = publish(room, source_id, 5)
    had = published_site.change()
    room.now += HOUR

    edit(room, ids[1], title="Mended")
    room.publish(source_id, title="New")

    assert published_site.feed(since=had).titles == ["New", "Mended"]
    assert published_site.feed(since=published_site.change()).titles == []
    assert [
        one["title"] for one in json.loads(published_site.body(form="json", since=had))["items"]
    ] == [
        "New",
        "Mended",
    ]
    assert len(feedparser.parse(published_site.body(form="rss", since=had)).entries) == 2


def test_who_has_a_feed_gets_all_of_it_after_what_stands_beside_entries_changed(
    room, published_site
):
    source_id = room.follow()
    publish(room, source_id, 5)
    had = published_site.change()

    with room.database.write() as connection:
        topics.ensure(connection, ["new topic"], now=room.now)

    assert len(published_site.feed(since=had).ids) == 5


def test_the_date_of_a_feed_moves_only_if_a_reader_would_see_it(room, published_site):
    source_id = room.follow()
    ids = publish(room, source_id, 3)
    before = published_site.feed()
    room.now += HOUR

    poll(room, source_id, title="The Tern")
    with room.database.write() as connection:
        topics.ensure(connection, ["new topic"], now=room.now)
    unseen = published_site.feed()
    edit(room, ids[0], title="Mended")

    dates = [feed.texts("a:updated | a:entry/a:updated") for feed in (before, unseen)]
    assert dates[0] == dates[1]
    after = published_site.feed()
    assert after.texts("a:updated") == [room.now.isoformat()]
    assert after.texts("a:entry/a:updated").count(room.now.isoformat()) == 1


@pytest.mark.parametrize(
    ("republish", "content", "excerpt", "enclosures", "image"),
    [
        pytest.param(Republish.FULL, "<p>All of it.</p>", "Some.", 1, True, id="full"),
        pytest.param(Republish.EXCERPT, None, "Some.", 1, True, id="excerpt"),
        pytest.param(Republish.TITLE, None, None, 0, False, id="title"),
    ],
)
@on_sqlite
def test_a_feed_holds_what_the_source_lets_us_show(
    room, published_site, republish, content, excerpt, enclosures, image
):
    allow(room, republish)

    [item] = json.loads(published_site.body(form="json"))["items"]
    [in_atom] = feedparser.parse(published_site.body()).entries
    [in_rss] = feedparser.parse(published_site.body(form="rss")).entries

    assert item["title"] == "A title"
    assert item.get("content_html") == content
    assert item.get("summary") == excerpt
    assert len(item.get("attachments", ())) == enclosures
    assert ("image" in item) == image
    for one in (in_atom, in_rss):
        assert len(one.enclosures) == enclosures
        assert [part.value for part in one.get("content", ())] == ([content] if content else [])
        assert one.get("summary") == excerpt


def allow(room, republish):
    """Let an entry with everything become public, of a source that lets us show so much."""
    source_id = room.follow()
    [entry_id] = room.publish(
        source_id,
        title="A title",
        content="<p>All of it.</p>",
        excerpt="Some.",
        enclosures=(Enclosure(url="https://example.org/a.mp3", type="audio/mpeg", length=7),),
        image=Image(url="https://example.org/a.png"),
    )
    with room.database.write() as connection:
        connection.execute(update(source).values(republish=republish))
    return entry_id
