"""How alike two entries are, and when that makes them one story."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from tidings.domain.sketches import Sketch

FULL_TITLE, TELLING_TITLE = 6, 8
"""Words of a title that makes up for a short text, and of one that needs no text."""

SCANT, SHORT, AMPLE = 8, 24, 60
"""Words of an opening that says nothing; little; enough without a title."""

SAME_TITLE, AKIN_TITLE = 0.7, 0.25
"""The part of two titles' words that they share."""

QUOTED = 1.5
"""Times as long as another an opening is that may hold it as a whole."""


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
