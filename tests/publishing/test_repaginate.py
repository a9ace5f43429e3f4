"""Pages that keep their number and their entries while new ones come, on both databases."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from paged_lists import EVERYTHING, PagedLists
from parsed_entries import NOON
from published_documents import publication_of
from tidings.catalog import change_log, source_edits, topics
from tidings.db.tables import entry, source
from tidings.errors import NotFoundError
from tidings.model.scopes import EntryAddress, PageAddress, Scope
from tidings.publishing import repaginate
from tidings.publishing.repaginate import repaginate_some


@pytest.fixture
def paged(database):
    return PagedLists(database)


def test_a_page_keeps_its_number_and_its_entries_while_new_ones_come(paged):
    source_id = paged.room.follow()
    paged.publish(source_id, *range(10, 17))
    paged.keep()
    before = paged.pages()

    for minute in range(17, 24):
        paged.publish(source_id, minute)
        paged.keep()

    assert before == [[12, 11, 10], [16, 15, 14, 13]]
    assert paged.pages() == [
        [12, 11, 10],
        [15, 14, 13],
        [18, 17, 16],
        [23, 22, 21, 20, 19],
    ]


def test_a_long_list_is_cut_in_pieces_into_the_same_pages(paged, monkeypatch):
    source_id = paged.room.follow(topic="news")
    paged.publish(source_id, *range(40))

    monkeypatch.setattr(repaginate, "AT_ONCE", 2)
    left = 0
    while repaginate_some(paged.database, size=3, clock=lambda: NOON):
        assert sorted(minute for page in paged.pages() for minute in page) == list(range(40))
        left += 1

    assert left > 5
    assert paged.pages()[:2] == [[2, 1, 0], [5, 4, 3]]
    assert max(map(len, paged.pages())) < 6
    of_topic = paged.pages(Scope(kind="topic", slug="news"))
    assert max(map(len, of_topic)) < 6


def test_what_fits_on_one_page_is_on_the_front_and_no_page_has_a_number(paged):
    source_id = paged.room.follow()
    paged.publish(source_id, *range(5))
    paged.keep()

    assert paged.pages() == [[4, 3, 2, 1, 0]]
    with pytest.raises(NotFoundError):
        paged.page(1)


def test_a_list_that_is_yet_to_be_cut_shows_everything(paged):
    paged.publish(paged.room.follow(), *range(20))

    assert paged.page() == list(range(20))[::-1]


def test_what_comes_late_joins_the_page_it_belongs_to(paged):
    one, other = paged.room.follow(), paged.room.follow()
    paged.publish(one, 10, 20, 30, 40, 50, 60)
    paged.keep()

    paged.publish(other, 25)
    paged.keep()

    assert paged.pages() == [[30, 25, 20, 10], [60, 50, 40]]


def test_what_is_hidden_leaves_its_page_and_the_others_stay_where_they_are(paged):
    paged.publish(paged.room.follow(), *range(9))
    paged.keep()

    paged.hide(1, 4)
    paged.keep()

    assert paged.pages() == [[2, 0], [5, 3], [8, 7, 6]]


def test_a_page_that_many_come_late_to_is_cut_anew_with_all_that_follow(paged):
    one, other = paged.room.follow(), paged.room.follow()
    paged.publish(one, *range(10, 100, 10))
    paged.keep()
    paged.publish(other, *range(41, 46))
    paged.keep()
    first = paged.page(1)

    paged.publish(other, 46, 47)
    paged.keep()

    assert first == paged.page(1) == [30, 20, 10]
    assert paged.pages()[1:] == [[42, 41, 40], [45, 44, 43], [50, 47, 46], [90, 80, 70, 60]]


def test_pages_that_were_cut_stay_when_another_size_is_set(paged):
    source_id = paged.room.follow()
    paged.publish(source_id, *range(9))
    paged.keep()

    paged.publish(source_id, *range(9, 12))
    paged.keep(size=2)

    assert paged.pages() == [[2, 1, 0], [5, 4, 3], [7, 6], [9, 8], [11, 10]]


def test_a_new_entry_changes_the_front_and_no_page(paged):
    source_id = paged.room.follow()
    paged.publish(source_id, *range(12))
    paged.keep()
    before = paged.stamps()

    paged.publish(source_id, 12)
    paged.keep()

    assert paged.stamps() == before


def test_a_page_says_how_far_from_the_newest_it_is_and_has_a_new_tag_once_that_is_another(paged):
    publication, address = publication_of(paged.database), PageAddress(scope=EVERYTHING, number=1)
    source_id = paged.room.follow()
    paged.publish(source_id, *range(15))
    paged.keep()
    before, stamp = publication.body(address).decode(), publication.stamp(address)

    paged.publish(source_id, *range(15, 18))
    paged.keep()

    assert 'aria-label="Page 5">5</span>' in before
    assert 'aria-label="Page 6">6</span>' in publication.body(address).decode()
    assert publication.stamp(address).change == stamp.change
    assert publication.stamp(address).etag != stamp.etag


def test_a_page_that_is_cut_changes_only_those_that_link_to_it(paged):
    source_id = paged.room.follow()
    paged.publish(source_id, *range(15))
    paged.keep()
    *untouched, one, other = paged.stamps()

    paged.publish(source_id, 15, 16, 17)
    paged.keep()

    after = paged.stamps()
    assert after[:-3] == untouched
    assert min(after[-3:]) > max(one, other)


@pytest.mark.parametrize("is_late", [True, False], ids=["comes late", "is hidden"])
def test_an_entry_that_comes_late_or_goes_changes_its_page_alone(paged, is_late):
    one, other = paged.room.follow(), paged.room.follow()
    paged.publish(one, *range(0, 120, 10))
    paged.keep()
    before = paged.stamps()

    if is_late:
        paged.publish(other, 45)
    else:
        paged.hide(40)
    paged.keep()

    after = paged.stamps()
    assert [new > old for new, old in zip(after, before, strict=True)] == [False, True, False]


def test_as_long_as_it_is_open_where_a_change_belongs_every_page_may_have_changed(paged):
    paged.publish(paged.room.follow(), *range(12))
    paged.keep()
    before = paged.stamps()

    paged.hide(4)

    assert min(paged.stamps()) > max(before)


def test_a_change_at_one_source_leaves_the_pages_of_other_entries_alone(paged):
    one, other = paged.room.follow(), paged.room.follow()
    paged.publish(one, 1)
    paged.publish(other, 2)
    first, second = (EntryAddress(id=paged.id_of(n)) for n in (1, 2))
    before = paged.stamp(first), paged.stamp(second)

    with paged.database.write() as connection:
        change, _ = change_log.next_change(connection)
        connection.execute(update(entry).where(entry.c.id == first.id).values(change=change))

    assert paged.stamp(first) > before[0]
    assert paged.stamp(second) == before[1]


def test_what_concerns_the_whole_site_changes_every_page(paged):
    paged.publish(paged.room.follow(), *range(9))
    paged.keep()
    address = EntryAddress(id=paged.id_of(1))
    before = [*paged.stamps(), paged.stamp(address)]

    with paged.database.write() as connection:
        topics.add(connection, "news", title="News", now=NOON)
    paged.keep()

    assert min([*paged.stamps(), paged.stamp(address)]) > max(before)


def test_a_topic_and_a_source_have_pages_of_their_own(paged):
    one, other = paged.room.follow(topic="science"), paged.room.follow()
    paged.publish(one, *range(0, 14, 2))
    paged.publish(other, *range(1, 14, 2))
    paged.keep()

    science = Scope(kind="topic", slug="science")
    assert paged.pages(science) == [[4, 2, 0], [12, 10, 8, 6]]
    with paged.database.read() as connection:
        slug = connection.scalar(select(source.c.slug).where(source.c.id == other))
    assert paged.span(1, Scope(kind="source", slug=slug)).last == 1


def test_a_topic_that_a_source_comes_into_is_cut_anew(paged):
    one, other = paged.room.follow(topic="science"), paged.room.follow()
    paged.publish(one, *range(0, 12, 2))
    paged.publish(other, *range(1, 12, 2))
    paged.keep()

    with paged.database.write() as connection:
        edit = source_edits.SourceEdit(topics=["science"])
        source_edits.edit(connection, other, edit, now=NOON)
    paged.keep()

    assert paged.pages(Scope(kind="topic", slug="science")) == [
        [2, 1, 0],
        [5, 4, 3],
        [8, 7, 6],
        [11, 10, 9],
    ]


def test_two_that_cut_at_once_cut_once(paged):
    paged.publish(paged.room.follow(), *range(30))

    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda _: paged.keep(), range(4)))

    assert [len(page) for page in paged.pages()] == [3] * 10


def test_where_nothing_has_changed_nothing_is_written(paged):
    paged.publish(paged.room.follow(), *range(9))
    paged.keep()
    before = paged.stamps()

    paged.keep(size=1)

    assert paged.stamps() == before
    assert paged.pages() == [[2, 1, 0], [5, 4, 3], [8, 7, 6]]
