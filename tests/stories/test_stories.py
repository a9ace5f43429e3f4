"""Which entries become one story: pure decisions, and what always holds of them."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from parsed_entries import DAY, NOON
from tidings.model.minhash import sketch_of
from tidings.stories.matching import (
    MAX_CANDIDATES,
    Match,
    MatchReason,
    Member,
    Similarity,
    StoryCandidate,
    find_candidates,
    find_matches,
    group_matches,
    one_per_story,
)

TEXT = " ".join(f"word{number}" for number in range(50))
TITLE = "Nobody comes upon such a title by mere chance"


def told(seq, source=None, *, title=TITLE, text=TEXT, url=None, at=NOON):
    sketch = sketch_of(title, url, text)
    return StoryCandidate(seq=seq, source_id=source or seq, seen_at=at, sketch=sketch)


def mates(one, *others):
    return [match.other.seq for match in find_matches(one, others)]


def test_another_source_with_the_same_text_is_a_mate():
    assert mates(told(2), told(1)) == [1]


def test_the_own_source_never_is():
    assert mates(told(2, source=1), told(1)) == []


def test_a_text_that_a_source_has_under_several_titles_tells_nothing():
    again = told(2, source=1, title="Under another title")

    assert mates(told(3), told(1), again) == []


def test_a_text_that_the_own_source_has_under_another_title_tells_nothing():
    own = told(2, source=3, title="Under another title")

    assert mates(told(3), told(1), own) == []


def test_a_page_that_a_source_has_under_several_titles_tells_nothing():
    page = "https://x.example/changes"
    first, second = (
        told(n, source=1, title=f"Change {n}", text=f"{n} changed", url=page) for n in (1, 2)
    )

    assert mates(told(3, text="", url=page), first, second) == []


def test_what_a_source_tells_twice_in_the_same_words_is_a_mate_all_the_same():
    assert mates(told(3), told(1, source=7), told(2, source=7)) == [1, 2]


def test_a_title_alone_stands_for_a_few_days_only():
    bare = told(1, text="")

    assert mates(told(2, at=NOON + 2 * DAY), bare) == [1]
    assert mates(told(2, at=NOON + 3 * DAY), bare) == []


def test_the_surest_mate_comes_first():
    near = told(1, text=TEXT.replace("word5 ", "other ").replace("word30 ", "more "))

    assert mates(told(3), near, told(2)) == [2, 1]


def test_an_entry_is_compared_with_those_that_share_most_with_it_and_not_with_a_crowd():
    crowd = {key: range(100, 140) for key in told(1).sketch.keys[:2]}
    crowd[told(1).sketch.keys[5]] = [139]

    [likely] = find_candidates([told(1)], crowd).values()

    assert likely[0] == 139
    assert len(likely) == MAX_CANDIDATES


def test_entries_of_one_batch_find_each_other_once():
    assert find_candidates([told(1), told(2)], {}) == {1: [], 2: [1]}


def test_each_story_is_told_by_the_first_entry_that_is_wanted():
    assert one_per_story([1, 2, 3, 4, 5], {2: 7, 4: 7, 5: 8}, seen={8}) == (1, 2, 3)


SURE = Similarity(because=MatchReason.TEXT, score=1.0)


def drawn_from(places, matched, separated):
    """Return members of some sources and stories, matches among them, and pairs kept apart."""
    stories = set()
    members = []
    for seq, (source, drawn) in enumerate(places, start=1):
        story = drawn if drawn and (source, drawn) not in stories else None
        stories.add((source, story))
        members.append(Member(seq=seq, source_id=source, story_id=story))

    def pairs(numbers):
        both = [sorted((one % len(members), other % len(members))) for one, other in numbers]
        return [(members[one], members[other]) for one, other in both if one != other]

    matches = [Match(one=new, other=old, similarity=SURE) for old, new in pairs(matched)]
    apart = {
        frozenset((one.seq, other.seq))
        for one, other in pairs(separated)
        if one.story_id is None or one.story_id != other.story_id
    }
    return members, matches, apart


NUMBERS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=8)
PLACES = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3)), min_size=2, max_size=8)
joinings = st.builds(drawn_from, PLACES, NUMBERS, NUMBERS)


@given(joinings)
def test_no_story_ever_has_two_of_a_source_or_two_that_are_kept_apart(drawn):
    members, matches, apart = drawn

    joined = group_matches(matches, [one for one in members if one.story_id], apart)

    for story in joined:
        assert len({one.source_id for one in story.members}) == len(story.members)
        assert not any(
            frozenset((one.seq, other.seq)) in apart
            for one, other in combinations(story.members, 2)
            if one.story_id is None or one.story_id != other.story_id
        )


@given(joinings)
def test_every_entry_is_in_one_story_and_no_member_is_lost(drawn):
    members, matches, apart = drawn

    joined = group_matches(matches, [one for one in members if one.story_id], apart)

    seqs = [one.seq for story in joined for one in story.members]
    assert len(seqs) == len(set(seqs))
    for story in joined:
        known = {one.seq for one in members if one.story_id in story.story_ids}
        assert known <= {one.seq for one in story.members}
        assert [one.seq for one in story.members] == sorted(one.seq for one in story.members)
        assert len(story.matches) == len(story.members) - len(known) + len(story.story_ids) - 1


@given(joinings)
def test_joining_again_changes_nothing(drawn):
    members, matches, apart = drawn
    joined = group_matches(matches, [one for one in members if one.story_id], apart)
    place = {one.seq: n for n, story in enumerate(joined, start=10) for one in story.members}
    after = [
        Member(seq=one.seq, source_id=one.source_id, story_id=place.get(one.seq, one.story_id))
        for one in members
    ]

    again = group_matches(matches, [one for one in after if one.story_id], apart)

    assert again == []
