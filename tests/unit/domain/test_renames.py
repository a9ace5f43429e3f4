"""Which unknown entries are stored ones that were renamed."""

from dataclasses import replace

import pytest

from factories import DAY, HOUR, NOON, an_entry
from tidings.domain.identity import digest
from tidings.domain.renames import MIN_BACKING, Namesake, find_renames

STORED = an_entry("a:1", title="Rain", url="https://old.example/2026/rain?p=1")


def namesake(entry, entry_id=1):
    return Namesake(
        id=entry_id,
        url=entry.url,
        title=entry.title,
        published=entry.published,
        revision=entry.revision,
    )


def renamed(entry, **fields):
    return replace(entry, key=digest("guid", str(fields), entry.title), **fields)


def ids_of(*unknown, stored=(STORED,), recognised=MIN_BACKING):
    namesakes = [namesake(entry, number) for number, entry in enumerate(stored, 1)]
    renames = find_renames(unknown, namesakes, recognised=recognised)
    return [renames[entry.key].stored.id if entry.key in renames else None for entry in unknown]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"guid": "b:1"}, id="only the guid"),
        pytest.param({"url": "https://old.example/2026/rain/?p=1"}, id="a slash at the end"),
        pytest.param({"url": "https://new.example/2026/rain?p=1"}, id="host"),
        pytest.param({"title": "Rain (again)", "revision": b"2"}, id="title: place and time agree"),
        pytest.param({"published": NOON - 3 * HOUR}, id="date only"),
        pytest.param({"published": None}, id="date lost"),
        pytest.param({"url": "https://old.example/storm"}, id="place: title and time agree"),
        pytest.param({"url": None}, id="link lost"),
    ],
)
def test_what_agrees_in_two_of_three_is_the_same(change):
    assert ids_of(renamed(STORED, **change)) == [1]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"published": NOON, "revision": b"2"}, id="the same page on another day"),
        pytest.param({"published": None, "revision": b"2"}, id="the same page, undated"),
        pytest.param({"title": "Snow", "published": NOON}, id="only the place agrees"),
        pytest.param({"url": "https://old.example/2", "published": NOON}, id="only the title"),
        pytest.param({"url": "https://old.example/2", "title": "Snow"}, id="only the time"),
    ],
)
def test_what_agrees_in_less_is_another(change):
    assert ids_of(renamed(STORED, **change)) == [None]


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param({"title": ""}, id="titles"),
        pytest.param({"url": "https://old.example/"}, id="pages"),
        pytest.param({"url": None}, id="links"),
        pytest.param({"published": None}, id="dates"),
    ],
)
def test_what_both_lack_is_nothing_that_they_agree_in(missing):
    stored = replace(STORED, **missing)
    changed = {"title": "Snow", "url": "https://old.example/2", "published": NOON}
    other = {name: value for name, value in changed.items() if name not in missing}

    assert ids_of(renamed(stored, revision=b"2", **other), stored=[stored]) == [None]


def test_title_and_time_alone_need_a_document_whose_other_entries_are_recognised():
    moved = renamed(STORED, url="https://old.example/storm")

    assert ids_of(moved, recognised=MIN_BACKING - 2) == [None]
    assert ids_of(moved, recognised=MIN_BACKING - 1) == [1]


def test_a_site_that_moved_as_a_whole_is_recognised():
    stored = [
        an_entry(
            f"a:{n}", title=f"Post {n}", url=f"https://a.example/{n}", published=NOON - n * DAY
        )
        for n in range(MIN_BACKING)
    ]
    moved = [renamed(entry, url=f"https://b.example/posts/{entry.title}") for entry in stored]

    assert ids_of(*moved, stored=stored, recognised=0) == [1, 2, 3, 4, 5]


def test_twins_stay_apart():
    twin = replace(STORED, key=b"twin")

    assert ids_of(renamed(STORED, guid="b:1"), stored=[STORED, twin]) == [None]
    assert ids_of(renamed(STORED, guid="b:1"), renamed(STORED, guid="b:2")) == [None, None]


def test_thousands_of_twins_stay_apart():
    twins = [renamed(STORED, guid=f"a:{n}") for n in range(2000)]
    unknown = [renamed(STORED, guid=f"b:{n}") for n in range(2000)]

    assert set(ids_of(*unknown, stored=twins)) == {None}
