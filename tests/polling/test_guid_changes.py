"""Which unknown entries are stored ones that were renamed."""

from dataclasses import replace

import pytest

from parsed_entries import DAY, HOUR, NOON, an_entry
from tidings.model.identity import digest
from tidings.polling.guid_changes import MIN_RECOGNISED, StoredEntry, find_renames

STORED = an_entry("a:1", title="Rain", url="https://old.example/2026/rain?p=1")
UNNAMED = replace(STORED, guid=None, published=None)


def namesake(entry, entry_id=1):
    return StoredEntry(
        id=entry_id,
        url=entry.url,
        title=entry.title,
        published=entry.published,
        revision=entry.revision,
    )


def renamed(entry, **fields):
    return replace(entry, key=digest("guid", str(fields), entry.title), **fields)


def ids_of(*unknown, stored=(STORED,), recognised=MIN_RECOGNISED):
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
    moved = renamed(STORED, url="https://old.example/storm", revision=b"2")

    assert ids_of(moved, recognised=MIN_RECOGNISED - 2) == [None]
    assert ids_of(moved, recognised=MIN_RECOGNISED - 1) == [1]


@pytest.mark.parametrize(
    ("stored", "change", "expected"),
    [
        pytest.param(STORED, {"guid": None}, [1], id="dated: nobody could tell them apart"),
        pytest.param(STORED, {"guid": None, "excerpt": ""}, [1], id="dated, without text"),
        pytest.param(STORED, {"guid": None, "published": None}, [None], id="a date lost"),
        pytest.param(STORED, {}, [None], id="dated, but by a guid of its own"),
        pytest.param(UNNAMED, {}, [1], id="undated, without guid: a token in the link"),
        pytest.param(UNNAMED, {"excerpt": ""}, [None], id="a title alone tells too little"),
        pytest.param(UNNAMED, {"title": "Snow"}, [None], id="another title"),
        pytest.param(UNNAMED, {"revision": b"2"}, [None], id="another text"),
        pytest.param(UNNAMED, {"guid": "b:1"}, [None], id="undated, by a guid of its own"),
        pytest.param(
            UNNAMED, {"guid": "https://old.example/elsewhere"}, [None], id="by another address"
        ),
        pytest.param(
            UNNAMED,
            {
                "guid": "https://old.example/2026/rain?p=2",
                "url": "https://old.example/2026/rain?p=2",
            },
            [1],
            id="by an address with another token",
        ),
    ],
)
def test_one_entry_that_reads_like_one_that_is_gone_is_that(stored, change, expected):
    moved = renamed(stored, **{"url": "https://old.example/elsewhere"} | change)

    assert ids_of(moved, stored=[stored], recognised=0) == expected


def test_a_site_that_moved_as_a_whole_is_recognised():
    stored = [
        an_entry(
            f"a:{n}", title=f"Post {n}", url=f"https://a.example/{n}", published=NOON - n * DAY
        )
        for n in range(MIN_RECOGNISED)
    ]
    moved = [renamed(entry, url=f"https://b.example/posts/{entry.title}") for entry in stored]

    assert ids_of(*moved, stored=stored, recognised=0) == [1, 2, 3, 4, 5]


def test_twins_stay_apart():
    twin = replace(STORED, key=b"twin")

    assert ids_of(renamed(STORED, guid="b:1"), stored=[STORED, twin]) == [None]
    assert ids_of(renamed(STORED, guid="b:1"), renamed(STORED, guid="b:2")) == [None, None]


def test_of_twins_without_guids_each_takes_one():
    links = [{"url": f"https://old.example/{n}"} for n in range(3)]

    assert ids_of(*(renamed(UNNAMED, **link) for link in links), stored=[UNNAMED, UNNAMED]) == [
        1,
        2,
        None,
    ]


@pytest.mark.parametrize(
    ("guid", "expected"), [("b:{}", {None}), (None, set(range(1, 2001)))], ids=["guids", "none"]
)
def test_thousands_of_twins_are_told_apart_or_matched_in_no_time(guid, expected):
    twins = [renamed(STORED, guid=f"a:{n}") for n in range(2000)]
    unknown = [
        replace(renamed(STORED, url=f"b:{n}"), guid=guid and guid.format(n)) for n in range(2000)
    ]

    assert set(ids_of(*unknown, stored=twins)) == expected
