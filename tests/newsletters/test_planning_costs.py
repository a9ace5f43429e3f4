"""What planning asks of the database, however many it plans for."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event

from installation import on_sqlite
from newsletter_site import NewsletterSite
from parsed_entries import DAY, HOUR, NOON
from tidings.newsletters.digest_candidates import DigestCandidates, whole_audience

SEVEN = NOON - 5 * HOUR + DAY
MANY = 90


@pytest.fixture
def newsletter_site(database):
    newsletter_site = NewsletterSite(database)
    newsletter_site.add_newsletter()
    return newsletter_site


@contextmanager
def statements(newsletter_site):
    """Note what the database is asked."""
    asked = []

    def note(_connection, _cursor, statement, *_more):
        asked.append(statement)

    engine = newsletter_site.database._engine
    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


@on_sqlite
def test_the_number_of_statements_does_not_grow_with_the_readers(newsletter_site):
    for number in range(MANY):
        newsletter_site.subscribe(f"reader{number}@example.org")
    newsletter_site.publish(newsletter_site.follow(), 2)
    newsletter_site.now = SEVEN
    with statements(newsletter_site) as first:
        planned = newsletter_site.plan()
    newsletter_site.publish(1)
    newsletter_site.now += DAY
    with statements(newsletter_site) as second:  # nothing was sent: all of it is taken back
        again = newsletter_site.plan()

    assert sum(planned.deliveries.values()) == sum(again.deliveries.values()) == MANY
    assert max(len(first), len(second)) < MANY


@on_sqlite
def test_who_has_had_everything_is_not_read(newsletter_site):
    for number in range(MANY):
        newsletter_site.subscribe(f"reader{number}@example.org", topics=())
    newsletter_site.publish(newsletter_site.follow())
    newsletter_site.now = SEVEN
    newsletter_site.plan()
    newsletter_site.now += DAY
    with statements(newsletter_site) as asked:
        newsletter_site.plan()

    assert len(newsletter_site.log()) == MANY
    assert not [statement for statement in asked if "delivery.from_seq" in statement]


def test_what_a_round_has_read_is_not_read_again(newsletter_site):
    entries = newsletter_site.publish(newsletter_site.follow(), 4)
    series = newsletter_site.add_newsletter("other")
    news = DigestCandidates()

    with newsletter_site.database.read() as connection:
        news.read(connection, from_seq=0, to_seq=3)
        with statements(newsletter_site) as asked:
            news.read(connection, from_seq=1, to_seq=3)
    with newsletter_site.database.read() as connection:
        chosen = news.of(connection, whole_audience(series, watermark=0), from_seq=1, to_seq=3)

    # Only what editors did meanwhile, which is little.
    assert [one for one in asked if "draft_entry" not in one] == []
    assert list(chosen) == entries[1:3]


@pytest.mark.parametrize("span", [(0, 3), (1, 4), (0, 4)])
def test_what_goes_beyond_is_read_as_well(newsletter_site, span):
    entries = newsletter_site.publish(newsletter_site.follow(), 4)
    series = newsletter_site.add_newsletter("other")
    news, (first, last) = DigestCandidates(), span

    with newsletter_site.database.read() as connection:
        news.read(connection, from_seq=1, to_seq=3)
        news.of(connection, whole_audience(series, watermark=0), from_seq=1, to_seq=3)
        news.read(connection, from_seq=first, to_seq=last)
        chosen = news.of(
            connection, whole_audience(series, watermark=0), from_seq=first, to_seq=last
        )

    assert list(chosen) == entries[first:last]
