"""Issues on both databases: frozen, and shared by content."""

from dataclasses import replace

import pytest
from sqlalchemy import delete

from newsletter_site import NewsletterSite
from parsed_entries import HOUR, NOON
from tidings.db.tables import entry
from tidings.errors import NotFoundError
from tidings.newsletters.store import issues
from tidings.newsletters.store.issues import NewIssue


@pytest.fixture
def newsroom(database):
    newsroom = NewsletterSite(database)
    newsroom.add_newsletter()
    newsroom.publish(newsroom.follow(topic="art"), 3)
    return newsroom


def an_issue(key=b"one", slug="news-1", *, entry_ids=(3, 1, 2), **fields):
    usual = {
        "key": key,
        "slug": slug,
        "newsletter_id": 1,
        "listed": False,
        "language": "zh",
        "timezone": "UTC",
        "from_seq": 0,
        "to_seq": 3,
        "since": NOON - HOUR,
        "entry_ids": entry_ids,
        "subject": "三条",
        "text": "text",
        "html": "<p>html</p>",
    }
    return NewIssue(**usual | fields)


def save(newsroom, *new, now=NOON):
    with newsroom.database.write() as connection:
        issues.save(connection, new, now=now)
        return issues.ids(connection, [one.key for one in new])


def slugs(newsroom, *, only_listed=True, limit=None):
    with newsroom.database.read() as connection:
        found = issues.latest(connection, only_listed=only_listed, limit=limit)
    return [one.slug for one in found]


def test_an_issue_is_kept_as_it_was_composed(newsroom):
    ids = save(newsroom, an_issue())

    with newsroom.database.read() as connection:
        kept = issues.get(connection, ids[b"one"])
        entries = issues.entries_of(connection, [kept.id])[kept.id]
        assert issues.get_by_slug(connection, "news-1") == kept
    assert (kept.subject, kept.html, kept.text) == ("三条", "<p>html</p>", "text")
    assert (kept.newsletter.slug, kept.language, kept.entries) == ("news", "zh", 3)
    assert [entry.id for entry in entries] == [3, 1, 2]


def test_equal_issues_are_one_and_what_was_first_stays(newsroom):
    first = save(newsroom, an_issue())

    again = save(newsroom, replace(an_issue(), subject="another"), now=NOON + HOUR)

    with newsroom.database.read() as connection:
        kept = issues.get(connection, first[b"one"])
    assert again == first
    assert (kept.subject, kept.created_at) == ("三条", NOON)


def test_an_issue_that_becomes_an_edition_is_listed_and_stays_so(newsroom):
    save(newsroom, an_issue())
    before = slugs(newsroom)
    save(newsroom, an_issue(listed=True))
    save(newsroom, an_issue())

    assert before == []
    assert slugs(newsroom) == ["news-1"]


def test_the_newest_comes_first_and_private_ones_only_if_asked_for(newsroom):
    save(newsroom, an_issue(b"one", "news-1", listed=True))
    save(newsroom, an_issue(b"two", "news-2"), now=NOON + HOUR)
    save(newsroom, an_issue(b"three", "news-3", listed=True), now=NOON + 2 * HOUR)

    assert slugs(newsroom) == ["news-3", "news-1"]
    assert slugs(newsroom, only_listed=False) == ["news-3", "news-2", "news-1"]
    assert slugs(newsroom, only_listed=False, limit=1) == ["news-3"]


def test_an_issue_keeps_what_was_hidden_since_and_loses_what_is_gone(newsroom):
    ids = save(newsroom, an_issue(), an_issue(b"two", "news-2", entry_ids=[2]))
    newsroom.hide(1)
    with newsroom.database.write() as connection:
        connection.execute(delete(entry).where(entry.c.id == 2))

    with newsroom.database.read() as connection:
        told = issues.entries_of(connection, ids.values())

    states = [[(one.id, one.state) for one in told[number]] for number in ids.values()]
    assert states == [[(3, "public"), (1, "hidden")], []]


def test_an_issue_that_is_not_there_is_not_found(newsroom):
    with newsroom.database.read() as connection:
        with pytest.raises(NotFoundError, match="no issue 7"):
            issues.get(connection, 7)
        with pytest.raises(NotFoundError, match="no issue nothing"):
            issues.get_by_slug(connection, "nothing")
        assert issues.ids(connection, [b"none"]) == {}
        assert issues.latest(connection, only_listed=False, limit=None) == []
