"""Stories: which entries of different sources tell the same, decided when they become public.

How alike two entries are, and when that makes them one story.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tidings.stories.minhash import Sketch

# How long an entry waits for others that tell the same.
MEMORY = timedelta(days=14)

# How far apart two entries may be that are known by their titles alone.
SAME_DAYS = timedelta(days=2)

# Entries that one is compared with: those that share the most keys with it.
MOST_LIKELY = 16

# Words of a title that makes up for a short text, and of one that needs no text.
FULL_TITLE, TELLING_TITLE = 6, 8

# Words of an opening that says nothing; little; enough without a title.
SCANT, SHORT, AMPLE = 8, 24, 60

# The part of two titles' words that they share.
SAME_TITLE, AKIN_TITLE = 0.7, 0.25

# Times as long as another an opening is that may hold it as a whole.
QUOTED = 1.5


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
    """That two entries are alike: why, and how much, up to 1."""

    because: MatchReason
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An entry as far as the stories go that it may be in."""

    seq: int
    source_id: int
    story_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryCandidate(Member):
    """A member, with what is compared of it.

    Attributes:
        seen_at: When we first saw it.
    """

    seen_at: datetime
    sketch: Sketch


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Two entries that tell the same."""

    one: Member
    mate: Member
    likeness: Similarity


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryUpdate:
    """A story as it is from now on.

    Attributes:
        story_ids: The stories it is made of; none if nobody in it had one.
        members: The oldest first.
        matches: What brought it together now.
    """

    story_ids: tuple[int, ...]
    members: tuple[Member, ...]
    matches: tuple[Match, ...]


def likely_matches(
    new: Sequence[StoryCandidate], known: Mapping[int, Collection[int]]
) -> dict[int, list[int]]:
    """Return, by the `seq` of each new entry, those of the entries it may tell the same as.

    Args:
        new: In the order of publication.
        known: What was public before, by key: the `seq` of each.
    """
    by_key: dict[int, list[int]] = defaultdict(list)
    likely: dict[int, list[int]] = {}
    for one in new:
        shared: Counter[int] = Counter()
        for key in one.sketch.keys:
            shared.update(known.get(key, ()))
            shared.update(by_key[key])
            by_key[key].append(one.seq)
        likely[one.seq] = [seq for seq, _ in shared.most_common(MOST_LIKELY)]
    return likely


def find_matches(one: StoryCandidate, others: Iterable[StoryCandidate]) -> list[Match]:
    """Return which entries of other sources tell the same as `one`, the surest first.

    What one source says under several titles tells nothing: a page that all its entries lead
    to, a text that stands under each of them.
    """
    near = list(others)
    page = one.sketch.page
    is_page_worn = _is_worn(one, (other for other in near if page and other.sketch.page == page))
    is_text_worn = _is_worn(
        one, (other for other in near if say_the_same(one.sketch, other.sketch))
    )
    found = [
        Match(one=one, mate=other, likeness=likeness)
        for other in near
        if other.source_id != one.source_id
        if (likeness := find_similarity(one.sketch, other.sketch))
        if likeness.because is not MatchReason.HEADLINE or _are_of_same_days(one, other)
        if not (is_page_worn if likeness.because is MatchReason.LINK else is_text_worn)
    ]
    return sorted(found, key=lambda match: (-match.likeness.score, match.mate.seq))


def group_matches(
    matches: Sequence[Match], stories: Iterable[Member], apart: Collection[frozenset[int]]
) -> list[StoryUpdate]:
    """Return the stories that matches lead to.

    A story has one entry of each source at most, and none that the operator took apart. A match
    that would break that is left out, and so are those that tell nothing new.

    Args:
        matches: The surest of each new entry first.
        stories: All members of the stories that matched entries are in.
        apart: Pairs of `seq` that are never one story.
    """
    groups = _Groups(matches, stories)
    for match in matches:
        one, mate = groups.of(match.one), groups.of(match.mate)
        if one is not mate and _fit(one.members, mate.members, apart):
            groups.merge(one, mate, match)
    return groups.joined()


@dataclass(slots=True)
class _Group:
    members: list[Member]
    matches: list[Match]


class _Groups:
    """Members by the story they are in, as it grows."""

    def __init__(self, matches: Sequence[Match], stories: Iterable[Member]) -> None:
        self._of: dict[int, _Group] = {}
        known: dict[int, _Group] = {}
        for member in stories:
            group = known.setdefault(member.story_id or 0, _Group([], []))
            group.members.append(member)
            self._of[member.seq] = group
        for match in matches:
            for member in (match.one, match.mate):
                self._of.setdefault(member.seq, _Group([member], []))

    def of(self, member: Member) -> _Group:
        return self._of[member.seq]

    def merge(self, one: _Group, other: _Group, match: Match) -> None:
        other.members += one.members
        other.matches += [*one.matches, match]
        self._of |= dict.fromkeys((member.seq for member in one.members), other)

    def joined(self) -> list[StoryUpdate]:
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
    entry_ids: Iterable[int], story_of: Mapping[int, int], *, told: Collection[int]
) -> tuple[int, ...]:
    """Return entries without those whose story was told, by one of them or before.

    Args:
        entry_ids: In the order of publication.
        story_of: The stories of those that are in one.
        told: Stories that are known already.
    """
    known, chosen = set(told), []
    for one in entry_ids:
        story_id = story_of.get(one)
        if story_id not in known:
            chosen.append(one)
        if story_id is not None:
            known.add(story_id)
    return tuple(chosen)


def _are_of_same_days(one: StoryCandidate, other: StoryCandidate) -> bool:
    return abs(one.seen_at - other.seen_at) <= SAME_DAYS


def _is_worn(one: StoryCandidate, same: Iterable[StoryCandidate]) -> bool:
    """Tell whether a source, be it that of `one`, says the same under different titles."""
    titles: dict[int, set[tuple[str, ...]]] = defaultdict(set)
    for said in (one, *same):
        titles[said.source_id].add(said.sketch.title)
    return any(len(several) > 1 for several in titles.values())


def _fit(
    some: Sequence[Member], others: Sequence[Member], apart: Collection[frozenset[int]]
) -> bool:
    sources = {member.source_id for member in some}
    if any(member.source_id in sources for member in others):
        return False
    return not any(frozenset((one.seq, other.seq)) in apart for one in some for other in others)


def find_similarity(one: Sketch, other: Sketch) -> Similarity | None:
    """Return why two entries are one story, if they are.

    The same page is enough. Else nothing may speak against it: titles with other numbers are
    those of a series, texts with other numbers those of a form that is filled in again. The
    more the titles differ, the more the texts have to agree.
    """
    if one.page and one.page == other.page:
        return Similarity(because=MatchReason.LINK, score=1.0)
    if _differ(one.title_figures, other.title_figures) or _is_form(one.figures, other.figures):
        return None
    titles = _overlap(set(one.title), set(other.title))
    words = min(one.text_words, other.text_words)
    if words < SCANT:
        is_same = one.title == other.title and one.title_words >= TELLING_TITLE
        return Similarity(because=MatchReason.HEADLINE, score=titles) if is_same else None
    texts = _Agreement.of(one.grams, other.grams)
    is_told = words >= SHORT or min(one.title_words, other.title_words) >= FULL_TITLE
    if titles >= SAME_TITLE and is_told and texts.is_at_least(0.35, held=0.6):
        return Similarity(because=MatchReason.TITLE, score=texts.score)
    is_akin = titles >= AKIN_TITLE and words >= SHORT and texts.is_at_least(0.6, held=0.75)
    least = AMPLE if one.title and other.title else SHORT
    if is_akin or (words >= least and texts.alike >= 0.8):
        return Similarity(because=MatchReason.TEXT, score=texts.score)
    return None


def say_the_same(one: Sketch, other: Sketch) -> bool:
    """Tell whether two texts are nearly the same, whatever stands above them."""
    has_text = min(one.text_words, other.text_words) >= SCANT
    return has_text and _Agreement.of(one.grams, other.grams).is_at_least(0.6, held=0.75)


@dataclass(frozen=True, slots=True)
class _Agreement:
    """How far two openings agree.

    Attributes:
        alike: The part of all n-grams that both have (Jaccard).
        held: The part of the shorter one that the longer one has; 0 if that is hardly longer.
    """

    alike: float
    held: float

    @classmethod
    def of(cls, one: Collection[int], other: Collection[int]) -> "_Agreement":
        shorter, longer = sorted((len(one), len(other)))
        shared = len(set(one) & set(other))
        held = shared / shorter if longer >= shorter * QUOTED else 0.0
        return cls(shared / (shorter + longer - shared), held)

    @property
    def score(self) -> float:
        return max(self.alike, self.held)

    def is_at_least(self, alike: float, *, held: float) -> bool:
        return self.alike >= alike or self.held >= held


def _overlap(one: Collection[str], other: Collection[str]) -> float:
    shared = len(set(one) & set(other))
    return shared / (len(one) + len(other) - shared) if shared else 0.0


def _differ(one: Collection[str], other: Collection[str]) -> bool:
    """Tell whether each has a number that the other has not."""
    return bool(set(one) - set(other)) and bool(set(other) - set(one))


def _is_form(one: Collection[str], other: Collection[str]) -> bool:
    """Tell whether both have numbers, and hardly the same."""
    fewer = min(len(one), len(other))
    return fewer >= 2 and len(set(one) & set(other)) < fewer / 2
