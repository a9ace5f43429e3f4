"""What a digest tells, and in which order."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_digests import DATABASES, LEMMA, MATHEMATICS, MORNING, NOON, an_entry
from tidings.newsletters.digests import compose, fold, issue_key, matches


def shown(digest):
    return [
        (section.topic and section.topic.slug, [entry.id for entry in section.entries])
        for section in digest.sections
    ]


@pytest.mark.parametrize(
    ("topics", "selections", "expected"),
    [
        pytest.param((), (), True, id="no choice: everything"),
        pytest.param((), ((),), True, id="an empty choice: everything"),
        pytest.param(("art",), (("art", "law"),), True, id="one of the chosen"),
        pytest.param(("art",), (("law",),), False, id="another one"),
        pytest.param((), (("law",),), False, id="none at all"),
        pytest.param(("art", "law"), (("art",), ("law",)), True, id="of newsletter and reader"),
        pytest.param(("art",), (("art",), ("law",)), False, id="not of the reader's"),
    ],
)
def test_an_entry_is_selected_by_the_topics_of_its_source(topics, selections, expected):
    assert matches(topics, *selections) is expected


def test_entries_stand_under_their_first_topic_the_newest_first_those_without_at_the_end():
    both = (MATHEMATICS, DATABASES)
    entries = [
        an_entry(3, topics=(DATABASES,)),
        an_entry(1, topics=both),
        an_entry(4),
        an_entry(2, topics=(DATABASES,)),
    ]

    digest = compose(MORNING, "en", entries)

    assert shown(digest) == [("databases", [2, 3]), ("mathematics", [1]), (None, [4])]


def test_a_newsletter_about_some_topics_has_sections_of_no_others():
    newsletter = replace(MORNING, topics=("databases",))
    entries = [an_entry(1, topics=(MATHEMATICS, DATABASES))]

    digest = compose(newsletter, "en", entries)

    assert shown(digest) == [("databases", [1])]


def test_the_period_is_that_in_which_the_entries_were_first_seen():
    entries = [an_entry(1), an_entry(40)]

    digest = compose(MORNING, "en", entries)

    assert (digest.since, digest.until) == (entries[1].first_seen_at, entries[0].first_seen_at)
    assert (digest.from_seq, digest.to_seq) == (959, 999)


def test_a_period_within_one_day_of_the_newsletters_zone_has_no_beginning():
    late = NOON.replace(hour=23, minute=30)  # half past midnight in Berlin
    entries = [
        an_entry(1, first_seen_at=late),
        an_entry(2, first_seen_at=late + timedelta(hours=9)),
    ]

    digest = compose(MORNING, "en", entries)

    assert digest.since is None


@given(
    st.permutations([an_entry(number, topics=(DATABASES,) * (number % 2)) for number in range(9)])
)
def test_the_order_of_what_was_found_makes_no_difference(entries):
    assert compose(MORNING, "en", entries) == compose(MORNING, "en", sorted(entries, key=id))


@pytest.mark.parametrize(
    ("loud", "quiet", "shown", "aside"),
    [
        pytest.param(9, 1, [1, 2, 3, 4, 5, 10], [6, 7, 8, 9], id="more than its share: put aside"),
        pytest.param(6, 1, [1, 2, 3, 4, 5, 6, 7], [], id="one more: it takes as much room"),
        pytest.param(9, 0, [1, 2, 3, 4, 5, 6, 7, 8, 9], [], id="nobody else has anything to say"),
    ],
)
def test_one_loud_source_leaves_room_for_the_others(loud, quiet, shown, aside):
    entries = [an_entry(number) for number in range(1, loud + 1)]
    entries += [an_entry(loud + number, source=LEMMA) for number in range(1, quiet + 1)]

    [section] = fold(compose(MORNING, "en", entries)).sections

    assert [entry.id for entry in section.entries] == shown
    assert [entry.id for one in section.folds for entry in one.entries] == aside
    assert section.total == loud + quiet
    assert {one.source.slug for one in section.folds} <= {"pages-and-logs"}


KEY = issue_key(1, [1, 2], language="en", template_version="a")


def test_equal_letters_have_equal_keys():
    assert issue_key(1, [2, 1], language="en", template_version="a") == KEY


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(issue_key(2, [1, 2], language="en", template_version="a"), id="newsletter"),
        pytest.param(issue_key(1, [12], language="en", template_version="a"), id="entries"),
        pytest.param(issue_key(1, [1, 2, 3], language="en", template_version="a"), id="one more"),
        pytest.param(issue_key(1, [1, 2], language="zh", template_version="a"), id="language"),
        pytest.param(issue_key(1, [1, 2], language="en", template_version="b"), id="templates"),
    ],
)
def test_different_letters_have_different_keys(other):
    assert other != KEY
