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
def newsletter_site(database):
    newsletter_site = NewsletterSite(database)
    newsletter_site.add_newsletter()
    newsletter_site.publish(newsletter_site.follow(topic="art"), 3)
    return newsletter_site


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


def save(newsletter_site, *new, now=NOON):
    with newsletter_site.database.write() as connection:
        issues.save(connection, new, now=now)
        return issues.ids(connection, [one.key for one in new])


def slugs(newsletter_site, *, only_listed=True, limit=None):
    with newsletter_site.database.read() as connection:
        found = issues.latest(connection, only_listed=only_listed, limit=limit)
    return [one.slug for one in found]


def test_an_issue_is_kept_as_it_was_composed(newsletter_site):
    ids = save(newsletter_site, an_issue())

    with newsletter_site.database.read() as connection:
        kept = issues.get(connection, ids[b"one"])
        entries = issues.entries_of(connection, [kept.id])[kept.id]
        assert issues.get_by_slug(connection, "news-1") == kept
    assert (kept.subject, kept.html, kept.text) == ("三条", "<p>html</p>", "text")
    assert (kept.newsletter.slug, kept.language, kept.entries) == ("news", "zh", 3)
    assert [entry.id for entry in entries] == [3, 1, 2]


def test_equal_issues_are_one_and_what_was_first_stays(newsletter_site):
    first = save(newsletter_site, an_issue())

    again = save(newsletter_site, replace(an_issue(), subject="another"), now=NOON + HOUR)

    with newsletter_site.database.read() as connection:
        kept = issues.get(connection, first[b"one"])
    assert again == first
    assert (kept.subject, kept.created_at) == ("三条", NOON)


def test_an_issue_that_becomes_an_edition_is_listed_and_stays_so(newsletter_site):
    save(newsletter_site, an_issue())
    before = slugs(newsletter_site)
    save(newsletter_site, an_issue(listed=True))
    save(newsletter_site, an_issue())

    assert before == []
    assert slugs(newsletter_site) == ["news-1"]


def test_the_newest_comes_first_and_private_ones_only_if_asked_for(newsletter_site):
    save(newsletter_site, an_issue(b"one", "news-1", listed=True))
    save(newsletter_site, an_issue(b"two", "news-2"), now=NOON + HOUR)
    save(newsletter_site, an_issue(b"three", "news-3", listed=True), now=NOON + 2 * HOUR)

    assert slugs(newsletter_site) == ["news-3", "news-1"]
    assert slugs(newsletter_site, only_listed=False) == ["news-3", "news-2", "news-1"]
    assert slugs(newsletter_site, only_listed=False, limit=1) == ["news-3"]


def test_an_issue_keeps_what_was_hidden_since_and_loses_what_is_gone(newsletter_site):
    ids = save(newsletter_site, an_issue(), an_issue(b"two", "news-2", entry_ids=[2]))
    newsletter_site.hide(1)
    with newsletter_site.database.write() as connection:
        connection.execute(delete(entry).where(entry.c.id == 2))

    with newsletter_site.database.read() as connection:
        told = issues.entries_of(connection, ids.values())

    states = [[(one.id, one.state) for one in told[number]] for number in ids.values()]
    assert states == [[(3, "public"), (1, "hidden")], []]


def test_an_issue_that_is_not_there_is_not_found(newsletter_site):
    with newsletter_site.database.read() as connection:
        with pytest.raises(NotFoundError, match="no issue 7"):
            issues.get(connection, 7)
        with pytest.raises(NotFoundError, match="no issue nothing"):
            issues.get_by_slug(connection, "nothing")
        assert issues.ids(connection, [b"none"]) == {}
        assert issues.latest(connection, only_listed=False, limit=None) == []
