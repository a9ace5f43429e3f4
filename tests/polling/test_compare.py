"""What a poll decides: new, updated, renamed or nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from parsed_entries import HOUR, NOON, a_feed, an_entry
from tidings.model.feed import REMOVED
from tidings.model.identity import digest
from tidings.polling.compare import MAX_ALIASES, QUIET_FOR, KnownEntry, compare
from tidings.polling.guid_changes import StoredEntry
from tidings.polling.new_entries import Circumstances, FirstPoll

OCCASION = Circumstances(source_url="https://example.org/feed", now=NOON)


def known(*entries, **fields):
    """Return what is remembered of entries; their ids are 1, 2, …"""
    return {
        entry.key: KnownEntry(
            **{"id": number, "raw_hash": entry.raw_hash, "revision": entry.revision} | fields
        )
        for number, entry in enumerate(entries, 1)
    }


def namesakes(*entries):
    return [
        StoredEntry(
            id=n, url=one.url, title=one.title, published=one.published, revision=one.revision
        )
        for n, one in enumerate(entries, 1)
    ]


def changes_of(*entries, stored=(), remembered=None, unchanged=()):
    """Return what a document brings whose source holds `stored`."""
    feed = a_feed(*entries, unchanged_keys=frozenset(one.key for one in unchanged))
    memory = known(*stored) if remembered is None else remembered
    return compare(feed, memory, stored=namesakes(*stored), circumstances=OCCASION)


def titles(changes):
    return [new.entry.title for new in changes.new]


def renamed(entry, guid="b:1", **fields):
    """Return the same entry under another guid."""
    fields = {"key": digest("guid", guid), "guid": guid, "raw_hash": guid.encode()} | fields
    return replace(entry, **fields)


def edits_of(changes):
    return [(edit.entry_id, edit.is_news, edit.is_renamed) for edit in changes.edits]


def test_what_is_not_known_is_new_oldest_first():
    one = an_entry("a:1", title="older", published=NOON - 2 * HOUR)
    other = an_entry("a:2", title="newer", published=NOON - HOUR)

    changes = changes_of(other, one)

    assert titles(changes) == ["older", "newer"]
    assert (changes.published, changes.updated) == (2, 0)


def test_what_a_reader_would_see_makes_an_update():
    before, after = an_entry(text="Before."), an_entry(text="After.")

    changes = changes_of(after, stored=[before])

    assert (changes.new, edits_of(changes)) == ((), [(1, True, False)])
    assert changes.edits[0].entry == after


def test_what_no_reader_sees_is_written_but_no_news():
    before = an_entry()
    after = replace(before, raw_hash=b"another", published=NOON)

    changes = changes_of(after, stored=[before])

    assert (changes.new, edits_of(changes)) == ((), [(1, False, False)])


@pytest.mark.parametrize("reading", ["first_revision", "revision_before"])
def test_what_was_stored_by_an_older_rule_of_reading_is_no_update_only_because_of_the_rule(reading):
    before = an_entry(revision=b"old rule")
    better = replace(before, revision=b"new rule", raw_hash=b"2", **{reading: b"old rule"})

    changes = changes_of(better, stored=[before])

    assert [edit.is_news for edit in changes.edits] == [False]


def test_what_changed_by_either_rule_is_an_update():
    before = an_entry(revision=b"old rule")
    edited = replace(
        before, revision=b"new rule", first_revision=b"old rule, edited", raw_hash=b"2"
    )

    assert changes_of(edited, stored=[before]).updated == 1


def test_the_same_again_is_nothing():
    entry = an_entry()

    changes = changes_of(entry, stored=[entry])

    assert (changes.new, changes.edits) == ((), ())


def test_a_removed_entry_does_not_come_back_even_if_it_changed():
    removed, returned = an_entry(text="Before."), an_entry(text="After.")

    changes = changes_of(returned, remembered=known(removed, id=None, raw_hash=REMOVED))

    assert (changes.new, changes.edits) == ((), ())


@pytest.mark.parametrize(
    ("quiet_for", "expected"),
    [
        pytest.param(QUIET_FOR - HOUR, False, id="changed lately: no news"),
        pytest.param(QUIET_FOR, True, id="at rest for a week: news again"),
    ],
)
def test_what_changes_at_every_poll_is_no_news_for_ever(quiet_for, expected):
    before, after = an_entry(text="1 comment"), an_entry(text="2 comments")

    changes = changes_of(after, remembered=known(before, touched_at=NOON - quiet_for))

    assert edits_of(changes) == [(1, expected, False)]


def test_a_renamed_entry_is_neither_new_nor_updated_and_its_key_is_remembered():
    before = an_entry("a:1")

    changes = changes_of(renamed(before), stored=[before])

    assert (changes.new, edits_of(changes)) == ((), [(1, False, True)])


def test_a_renamed_entry_that_was_rewritten_is_updated():
    before = an_entry("a:1")

    changes = changes_of(renamed(before, revision=b"2", title="New title"), stored=[before])

    assert (changes.new, edits_of(changes)) == ((), [(1, True, True)])


def test_a_new_address_alone_is_no_news():
    stored = [an_entry(f"a:{n}", title=f"{n}", published=NOON - n * HOUR) for n in range(1, 7)]
    moved = [
        renamed(one, f"b:{one.title}", url=f"https://new.example/x{one.title}") for one in stored
    ]

    changes = changes_of(*moved, stored=stored)

    assert changes.new == ()
    assert sorted(edits_of(changes)) == [(n, False, True) for n in range(1, 7)]


def test_an_entry_that_is_in_the_document_under_its_own_key_was_not_renamed():
    before = an_entry("a:1")

    changes = changes_of(renamed(before), stored=[before], unchanged=[before])

    assert titles(changes) == ["An entry"]


def test_under_two_keys_at_once_its_own_counts():
    before, alias = an_entry("a:1"), renamed(an_entry("a:1"))
    memory = known(before) | known(alias, is_alias=True, raw_hash=before.raw_hash)

    both = changes_of(alias, unchanged=[before], remembered=memory)
    alone = changes_of(alias, remembered=memory)

    assert both.edits == ()
    assert edits_of(alone) == [(1, False, False)]


def test_a_guid_that_is_another_one_each_time_is_remembered_a_few_times_only():
    before = an_entry("a:0")
    aliases = [renamed(before, f"a:{n}") for n in range(1, MAX_ALIASES + 1)]
    memory = known(before)
    for alias in aliases:
        memory |= known(alias, is_alias=True)

    again = changes_of(renamed(before, "a:x"), stored=[before], remembered=memory)
    rewritten = renamed(before, "a:y", revision=b"2")
    updated = changes_of(rewritten, stored=[before], remembered=memory)

    assert (again.new, again.edits) == ((), ())
    assert edits_of(updated) == [(1, True, False)]


def test_what_was_removed_cannot_be_renamed():
    changes = changes_of(
        renamed(an_entry("a:1")), remembered=known(an_entry("a:1"), id=None, raw_hash=REMOVED)
    )

    assert titles(changes) == ["An entry"]


def test_the_occasion_decides_what_becomes_of_new_entries():
    first = FirstPoll(public=1, imported=False)
    circumstances = replace(OCCASION, first=first)
    entries = [an_entry(f"a:{n}", published=NOON - timedelta(hours=n)) for n in range(3)]

    changes = compare(a_feed(*entries), {}, circumstances=circumstances)

    assert (len(changes.new), changes.published) == (3, 1)
