"""Which entry is which."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.model.identity import KEY_SIZE, Identifiers, digest, entry_keys

PLAIN = Identifiers(guid=None, link=None, title="A title", date="2026-11-20", text="Its text.")
LINKED = replace(PLAIN, link="https://example.org/1")
NAMED = replace(LINKED, guid="urn:example:1")
PAGE = replace(LINKED, guid=LINKED.link)
NOTE = replace(NAMED, title="")
HEADLINE = replace(NAMED, text="")
UNDATED = replace(NAMED, date=None)


def key_of(marks, known=()):
    [key] = entry_keys([marks], known)
    return key


def another(marks, **fields):
    """Return an entry that has nothing of `marks` but what identifies it."""
    return replace(marks, **{"title": "Other", "date": "2026-11-21", "text": "Other."} | fields)


def test_a_guid_outlives_every_other_change():
    moved = Identifiers(
        guid=NAMED.guid, link="https://example.com/", title="New", date=None, text=""
    )

    assert key_of(moved) == key_of(NAMED)
    assert len(key_of(NAMED)) == KEY_SIZE


def test_without_a_guid_the_link_counts():
    rewritten = replace(LINKED, title="Another", text="Another text.", date=None)

    assert key_of(rewritten) == key_of(LINKED)
    assert key_of(replace(LINKED, link="https://example.org/2")) != key_of(LINKED)


def test_without_either_title_date_and_text_do():
    assert key_of(replace(PLAIN)) == key_of(PLAIN)
    for change in ({"title": "x"}, {"date": None}, {"text": "x"}):
        assert key_of(replace(PLAIN, **change)) != key_of(PLAIN)


def test_a_guid_of_any_length_makes_a_short_key():
    long = replace(NAMED, guid="g" * 8000)

    assert len(key_of(long)) == KEY_SIZE
    assert key_of(long) != key_of(replace(NAMED, guid="g" * 7999))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(NAMED, replace(NAMED, link="https://example.org/2"), id="a guid, two links"),
        pytest.param(LINKED, replace(LINKED, title="Another"), id="a link, two titles"),
        pytest.param(NAMED, another(NAMED), id="a guid and link, nothing else in common"),
        pytest.param(NOTE, another(NOTE, title=""), id="the same, without titles"),
        pytest.param(NAMED, another(NAMED, date=None), id="the same, one undated"),
        pytest.param(NAMED, another(NAMED, date=NAMED.date), id="the same, but for the date"),
        pytest.param(NAMED, another(NAMED, text=""), id="the same, one without text"),
        pytest.param(HEADLINE, another(HEADLINE, text=""), id="the same, both without text"),
        pytest.param(UNDATED, another(UNDATED, date=None), id="the same, undated"),
        pytest.param(
            replace(NOTE, date=None), another(NOTE, title="", date=None), id="undated notes"
        ),
        pytest.param(PAGE, another(PAGE), id="a page that all entries of a feed share"),
        pytest.param(PAGE, another(PAGE, date=PAGE.date), id="such a page, and a date"),
        pytest.param(LINKED, another(LINKED, title=LINKED.title), id="a link and title"),
        pytest.param(
            replace(LINKED, title="", date=None),
            another(LINKED, title="", date=None),
            id="a link, and neither title nor date",
        ),
    ],
)
def test_two_entries_of_one_name_are_told_apart(one, other):
    keys = entry_keys([one, other])

    assert len(set(keys)) == 2
    assert keys == entry_keys([other, one])[::-1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(NAMED, NAMED, id="to the letter"),
        pytest.param(NAMED, replace(NAMED, title="Again"), id="retitled"),
        pytest.param(NAMED, replace(NAMED, text="Again."), id="rewritten"),
        pytest.param(NAMED, replace(NAMED, date="2026-11-21"), id="redated"),
        pytest.param(NAMED, another(NAMED, title=NAMED.title), id="rewritten and redated"),
        pytest.param(NAMED, another(NAMED, text=NAMED.text), id="retitled and redated"),
        pytest.param(PAGE, another(PAGE, title=PAGE.title), id="a page, with a title"),
        pytest.param(PAGE, another(PAGE, text=PAGE.text), id="a page, with a text"),
        pytest.param(
            replace(NOTE, text=""), replace(NOTE, text="", date="2026-11-21"), id="an empty one"
        ),
        pytest.param(LINKED, replace(LINKED, text="Again."), id="without a guid"),
        pytest.param(PLAIN, PLAIN, id="without guid and link"),
    ],
)
def test_an_entry_that_is_listed_twice_has_one_key(one, other):
    assert len(set(entry_keys([one, other]))) == 1


@pytest.mark.parametrize("marks", [NAMED, LINKED], ids=["guid", "link"])
def test_entries_of_one_name_keep_their_keys_as_others_come_and_go(marks):
    numbered = [
        another(marks, link=marks.link, title=f"{n}", date=f"{n}", text=f"{n}") for n in range(6)
    ]

    early, late = entry_keys(numbered[3::-1]), entry_keys(numbered[:1:-1])

    assert early[:2] == late[2:]


@pytest.mark.parametrize("marks", [NAMED, LINKED], ids=["guid", "link"])
def test_the_last_one_of_its_name_keeps_the_key_that_told_it_apart(marks):
    both = entry_keys([another(marks), marks])

    alone = key_of(marks, known=set(both))

    assert alone == both[1]


def test_a_guid_is_never_taken_for_a_link():
    link = "https://example.org/1"

    assert key_of(replace(PLAIN, guid=link)) != key_of(replace(PLAIN, link=link))


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_parts_do_not_run_into_each_other(one, other):
    assert (digest(*one) == digest(*other)) is (one == other)
