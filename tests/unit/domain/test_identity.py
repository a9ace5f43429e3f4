"""Which entry is which."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tidings.domain.identity import KEY_SIZE, Marks, digest, entry_keys, first_of_each

PLAIN = Marks(guid=None, link=None, title="A title", date="2026-11-20", text="Its text.")
LINKED = replace(PLAIN, link="https://example.org/1")
NAMED = replace(LINKED, guid="urn:example:1")


def key_of(marks):
    [key] = entry_keys([marks])
    return key


def test_a_guid_outlives_every_other_change():
    moved = Marks(guid=NAMED.guid, link="https://example.com/", title="New", date=None, text="")

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


def test_a_guid_used_twice_is_told_apart_by_the_links_and_the_first_keeps_its_key():
    twin = replace(NAMED, link="https://example.org/2")

    keys = entry_keys([NAMED, twin])

    assert keys[0] == key_of(NAMED)
    assert keys[1] != keys[0]


def test_a_link_used_twice_is_told_apart_by_the_titles_and_the_first_keeps_its_key():
    twin = replace(LINKED, title="Another title")

    keys = entry_keys([LINKED, twin])

    assert keys[0] == key_of(LINKED)
    assert keys[1] != keys[0]


def test_the_same_entry_twice_has_one_key():
    assert len(set(entry_keys([NAMED, replace(NAMED, title="Again")]))) == 1
    assert len(set(entry_keys([LINKED, replace(LINKED, text="Again.")]))) == 1


def test_a_guid_is_never_taken_for_a_link():
    link = "https://example.org/1"

    assert key_of(replace(PLAIN, guid=link)) != key_of(replace(PLAIN, link=link))


def test_first_of_each_finds_where_a_key_stands_first():
    assert first_of_each([b"a", b"b", b"a", b"c", b"b"]) == [0, 1, 3]


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_parts_do_not_run_into_each_other(one, other):
    assert (digest(*one) == digest(*other)) is (one == other)
