"""What a source does not let us show is shown nowhere, from the moment that is set."""

import pytest
from sqlalchemy import update

from newsletter_site import NewsletterSite, render
from published_documents import PublishedDocuments, topic
from tidings.catalog import entries, sources
from tidings.db.mail_tables import issue
from tidings.db.tables import source
from tidings.model.entries import Republish
from tidings.model.feed import Enclosure, Image
from tidings.model.scopes import (
    EVERYTHING,
    EntryAddress,
    FeedAddress,
    IssueAddress,
    PageAddress,
    Scope,
)
from tidings.publishing.formats.registry import FORMATS

BODY, EXCERPT, PICTURE, FILE = "the-whole-body", "the-excerpt", "a-picture.png", "a-file.mp3"
PARTS = (BODY, EXCERPT, PICTURE, FILE)


@pytest.fixture
def room(database):
    return NewsletterSite(database)


def publish(room):
    """Let an entry with everything become public; return its id and its source's."""
    source_id = room.follow(topic="birds")
    [entry_id] = room.publish(
        source_id,
        title="The Tern",
        content=f'<p>{BODY}</p><img src="https://example.org/{PICTURE}">',
        excerpt=EXCERPT,
        enclosures=(Enclosure(url=f"https://example.org/{FILE}", type="audio/mpeg"),),
        image=Image(url=f"https://example.org/{PICTURE}"),
    )
    return entry_id, source_id


def allow(room, republish):
    with room.database.write() as connection:
        connection.execute(update(source).values(republish=republish))


def everywhere(room, entry_id, source_id):
    """Yield everything public that shows an entry, by where that is."""
    with room.database.read() as connection:
        scopes = EVERYTHING, topic("birds"), scope_of(connection, source_id)
    publication = PublishedDocuments(room.database).publication
    for scope in scopes:
        yield f"page {scope.path}", publication.body(PageAddress(scope=scope)).decode()
        for form in FORMATS:
            address = FeedAddress(scope=scope, form=form)
            yield scope.feed_path(form), publication.body(address).decode()
    yield "entry", publication.body(EntryAddress(id=entry_id)).decode()
    for slug in slugs_of_issues(room):
        yield "issue", publication.body(IssueAddress(slug=slug)).decode()


def scope_of(connection, source_id):
    return Scope(kind="source", slug=sources.get(connection, source_id).slug)


def slugs_of_issues(room):
    with room.database.read() as connection:
        return list(connection.scalars(issue.select().with_only_columns(issue.c.slug)))


@pytest.mark.parametrize(
    ("republish", "withheld"),
    [
        pytest.param(Republish.FULL, (), id="full"),
        pytest.param(Republish.EXCERPT, (BODY,), id="excerpt"),
        pytest.param(Republish.TITLE, PARTS, id="title"),
    ],
)
def test_what_is_withheld_is_nowhere_to_be_seen(room, republish, withheld):
    room.add_newsletter()
    room.subscribe()
    entry_id, source_id = publish(room)
    allow(room, republish)
    digests = []

    def written(digest, issue_url):
        digests.append(repr(digest))
        return render(digest, issue_url)

    room.now = room.subscription(1).next_issue_at
    room.plan(render=written)

    shown = dict(everywhere(room, entry_id, source_id)) | {"letter": "".join(digests)}
    assert {"issue", "entry", "letter", "/feed.atom", "page /topics/birds"} < set(shown)
    assert all("The Tern" in text for text in shown.values())
    seen = {(place, part) for place, text in shown.items() for part in withheld if part in text}
    assert seen == set()
    assert all(part in shown["letter"] for part in set(PARTS) - set(withheld))


def test_the_operator_sees_everything(room):
    entry_id, _ = publish(room)
    allow(room, Republish.TITLE)

    with room.database.read() as connection:
        found = entries.get(connection, entry_id, whole=True)

    assert BODY in found.content
    assert found.excerpt == EXCERPT
