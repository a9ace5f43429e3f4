"""Match near-duplicate entries of different sources, and group them into stories.

A missed story costs a second glance; a wrong one hides an entry. So in case of doubt entries are
no match. The limits were chosen with the set of pairs in `tests/data/stories` in view.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tidings.model.minhash import Sketch

# How long an entry can be matched by newer ones.
MATCH_WINDOW = timedelta(days=14)

# How far apart two entries may be that match by their titles alone.
SAME_DAYS = timedelta(days=2)

# Entries that one is compared with: those that share the most keys with it.
MAX_CANDIDATES = 16

# Words of a title that makes up for a short text, and of one that needs no text.
LONG_TITLE, DISTINCT_TITLE = 6, 8

# Words of an opening: fewer than these are too few to compare; short; enough without a title.
NO_TEXT, SHORT_TEXT, LONG_TEXT = 8, 24, 60

# Jaccard similarity of the words of two titles.
SAME_TITLE, SIMILAR_TITLE = 0.7, 0.25

# How many times as long an opening is of which another may be an excerpt.
EXCERPT_RATIO = 1.5


class MatchReason(StrEnum):
    """Why two entries are one story."""

    LINK = "link"
    """Both lead to the same page."""
    HEADLINE = "headline"
    """The same long title in the same days, and one of them has no text."""
    TITLE = "title"
    """Nearly the same title, and text that agrees."""
    TEXT = "text"
    """Nearly the same text."""
    OPERATOR = "operator"
    """The operator said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """Why two entries match, and how similar they are, up to 1."""

    because: MatchReason
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An entry, as a member of the story that it is or may be in."""

    seq: int
    source_id: int
    story_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryCandidate(Member):
    """A member, with the sketch that is compared.

    Attributes:
        seen_at: Its `first_seen_at`.
    """

    seen_at: datetime
    sketch: Sketch


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Two entries of one story."""

    one: Member
    other: Member
    similarity: Similarity


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryUpdate:
    """A story as it is to be stored.

    Attributes:
        story_ids: The stories it is made of; none if it is new.
        members: The oldest first.
        matches: Those that have made or extended it now.
    """

    story_ids: tuple[int, ...]
    members: tuple[Member, ...]
    matches: tuple[Match, ...]


def find_candidates(
    new: Sequence[StoryCandidate], known: Mapping[int, Collection[int]]
) -> dict[int, list[int]]:
    """Return by the `seq` of each new entry those it is to be compared with.

    Args:
        new: In the order of publication.
        known: The `seq` of earlier entries, by key.
    """
    by_key: dict[int, list[int]] = defaultdict(list)
    likely: dict[int, list[int]] = {}
    for one in new:
        shared: Counter[int] = Counter()
        for key in one.sketch.keys:
            shared.update(known.get(key, ()))
            # Entries of one batch are compared as well, each pair once: the later with the earlier.
            shared.update(by_key[key])
            by_key[key].append(one.seq)
        # What shares most keys is most likely similar; a crowd that shares one is not looked at.
        likely[one.seq] = [seq for seq, _ in shared.most_common(MAX_CANDIDATES)]
    return likely


def find_matches(one: StoryCandidate, others: Iterable[StoryCandidate]) -> list[Match]:
    """Return which entries of other sources match `one`, the most similar first."""
    near = list(others)
    # A page that all entries of a source link to, or a text that stands under each of them, is
    # boilerplate, and no sign of the same story.
    page = one.sketch.page
    is_page_boilerplate = _is_boilerplate(
        one, (other for other in near if page and other.sketch.page == page)
    )
    is_text_boilerplate = _is_boilerplate(
        one, (other for other in near if have_same_text(one.sketch, other.sketch))
    )
    found = [
        Match(one=one, other=other, similarity=similarity)
        for other in near
        # What a publisher says twice is no news from another side.
        if other.source_id != one.source_id
        if (similarity := find_similarity(one.sketch, other.sketch))
        if similarity.because is not MatchReason.HEADLINE or _are_of_same_days(one, other)
        if not (
            is_page_boilerplate if similarity.because is MatchReason.LINK else is_text_boilerplate
        )
    ]
    # By `seq` among equals: every run must come to the same stories.
    return sorted(found, key=lambda match: (-match.similarity.score, match.other.seq))


def group_matches(
    matches: Sequence[Match], stories: Iterable[Member], apart: Collection[frozenset[int]]
) -> list[StoryUpdate]:
    """Return the stories that matches make or extend.

    A story has one entry of each source at most, and no two that the operator keeps apart; a
    match that would break that is left out.

    Args:
        matches: The most similar of each new entry first.
        stories: All members of the stories that matched entries are in.
        apart: Pairs of `seq` that are never one story.
    """
    groups = _Groups(matches, stories)
    for match in matches:
        one, other = groups.of(match.one), groups.of(match.other)
        if one is not other and _may_merge(one.members, other.members, apart):
            groups.merge(one, other, match)
    return groups.joined()


@dataclass(slots=True)
class _Group:
    members: list[Member]
    matches: list[Match]


class _Groups:
    """Members by their group, while groups are merged (union-find, by relabelling)."""

    def __init__(self, matches: Sequence[Match], stories: Iterable[Member]) -> None:
        self._of: dict[int, _Group] = {}
        known: dict[int, _Group] = {}
        for member in stories:
            group = known.setdefault(member.story_id or 0, _Group([], []))
            group.members.append(member)
            self._of[member.seq] = group
        for match in matches:
            for member in (match.one, match.other):
                self._of.setdefault(member.seq, _Group([member], []))

    def of(self, member: Member) -> _Group:
        return self._of[member.seq]

    def merge(self, one: _Group, other: _Group, match: Match) -> None:
        other.members += one.members
        other.matches += [*one.matches, match]
        self._of |= dict.fromkeys((member.seq for member in one.members), other)

    def joined(self) -> list[StoryUpdate]:
        # By identity, since all members of a group lead to the same one.
        grown = {id(group): group for group in self._of.values() if group.matches}
        return [
            StoryUpdate(
                story_ids=tuple(sorted({one.story_id for one in group.members if one.story_id})),
                members=tuple(sorted(group.members, key=lambda member: member.seq)),
                matches=tuple(group.matches),
            )
            for group in grown.values()
        ]


def one_per_story(
    entry_ids: Iterable[int], story_of: Mapping[int, int], *, seen: Collection[int]
) -> tuple[int, ...]:
    """Return the first entry of each story, and those in none; without stories seen before.

    Args:
        entry_ids: In the order of publication.
        story_of: The stories of those that are in one.
        seen: Stories of which an entry was sent before.
    """
    known, chosen = set(seen), []
    for one in entry_ids:
        story_id = story_of.get(one)
        # None, for those in no story, is never in it.
        if story_id not in known:
            chosen.append(one)
        if story_id is not None:
            known.add(story_id)
    return tuple(chosen)


def _are_of_same_days(one: StoryCandidate, other: StoryCandidate) -> bool:
    return abs(one.seen_at - other.seen_at) <= SAME_DAYS


def _is_boilerplate(one: StoryCandidate, same: Iterable[StoryCandidate]) -> bool:
    """Tell whether any source, also that of `one`, has the same under different titles."""
    titles: dict[int, set[tuple[str, ...]]] = defaultdict(set)
    for said in (one, *same):
        titles[said.source_id].add(said.sketch.title)
    return any(len(several) > 1 for several in titles.values())


def _may_merge(
    some: Sequence[Member], others: Sequence[Member], apart: Collection[frozenset[int]]
) -> bool:
    # Two entries of a source are two things to tell, however alike.
    sources = {member.source_id for member in some}
    if any(member.source_id in sources for member in others):
        return False
    return not any(frozenset((one.seq, other.seq)) in apart for one in some for other in others)


def find_similarity(one: Sketch, other: Sketch) -> Similarity | None:
    """Return why two entries are one story; None if they are not.

    The more the titles differ, the more similar the texts have to be.
    """
    # Before anything that speaks against a match: only the same page outweighs that.
    if one.page and one.page == other.page:
        return Similarity(because=MatchReason.LINK, score=1.0)
    # Other numbers in titles are those of a series ("part 2", "4.2.1"); other numbers in texts
    # those of a form that is filled in again: weather, earthquakes, share prices.
    if _differ(one.title_numbers, other.title_numbers) or _is_form(one.numbers, other.numbers):
        return None
    titles = _overlap(set(one.title), set(other.title))
    words = min(one.text_words, other.text_words)
    # One of the two is a bare headline: the title has to be enough, or nothing is.
    if words < NO_TEXT:
        is_same = one.title == other.title and one.title_words >= DISTINCT_TITLE
        return Similarity(because=MatchReason.HEADLINE, score=titles) if is_same else None
    texts = _Agreement.of(one.grams, other.grams)
    is_distinct = words >= SHORT_TEXT or min(one.title_words, other.title_words) >= LONG_TITLE
    if titles >= SAME_TITLE and is_distinct and texts.is_at_least(0.35, containment=0.6):
        return Similarity(because=MatchReason.TITLE, score=texts.score)
    is_similar = (
        titles >= SIMILAR_TITLE and words >= SHORT_TEXT and texts.is_at_least(0.6, containment=0.75)
    )
    # Titles with little in common speak against it, so there has to be more text; without one
    # nothing does.
    least = LONG_TEXT if one.title and other.title else SHORT_TEXT
    if is_similar or (words >= least and texts.jaccard >= 0.8):
        return Similarity(because=MatchReason.TEXT, score=texts.score)
    return None


def have_same_text(one: Sketch, other: Sketch) -> bool:
    """Tell whether two texts are nearly the same, whatever their titles."""
    has_text = min(one.text_words, other.text_words) >= NO_TEXT
    return has_text and _Agreement.of(one.grams, other.grams).is_at_least(0.6, containment=0.75)


@dataclass(frozen=True, slots=True)
class _Agreement:
    """How similar two openings are.

    Attributes:
        jaccard: The part of all n-grams that both have.
        containment: The part of the shorter one that the longer one has, which finds excerpts;
            0 if that is hardly longer.
    """

    jaccard: float
    containment: float

    @classmethod
    def of(cls, one: AbstractSet[int], other: AbstractSet[int]) -> "_Agreement":
        shorter, longer = sorted((len(one), len(other)))
        shared = len(one & other)
        # Of texts of about the same length it would only be a more lenient Jaccard.
        containment = shared / shorter if longer >= shorter * EXCERPT_RATIO else 0.0
        return cls(shared / (shorter + longer - shared), containment)

    @property
    def score(self) -> float:
        return max(self.jaccard, self.containment)

    def is_at_least(self, jaccard: float, *, containment: float) -> bool:
        return self.jaccard >= jaccard or self.containment >= containment


def _overlap(one: Collection[str], other: Collection[str]) -> float:
    shared = len(set(one) & set(other))
    return shared / (len(one) + len(other) - shared) if shared else 0.0


def _differ(one: Collection[str], other: Collection[str]) -> bool:
    """Tell whether each has a number that the other lacks."""
    # Of each: one that only leaves a number out may still be the same.
    return bool(set(one) - set(other)) and bool(set(other) - set(one))


def _is_form(one: Collection[str], other: Collection[str]) -> bool:
    """Tell whether both have numbers, and most of them differ."""
    fewer = min(len(one), len(other))
    return fewer >= 2 and len(set(one) & set(other)) < fewer / 2
