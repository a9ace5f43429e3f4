"""Filters: which entries of a source, or for a newsletter, the operator wants.

Words and regular expressions that texts are searched for, in time linear in the text.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import re2

from tidings.errors import InvalidError
from tidings.model.entries import Entry

# Characters of what is searched for.
MAX_LENGTH = 1000

# Bytes that one compiled expression takes at most.
MAX_MEMORY = 1 << 20

Matcher = Callable[[str], bool]

_LETTER = r"\pL\pM\pN_"

_UNSPACED = (  # the scripts that put no blanks between words, or join what belongs to one
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}\x{30fc}"
    r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
)

_BEFORE = f"(?:^|[^{_LETTER}]|[{_UNSPACED}])"

_AFTER = f"(?:$|[^{_LETTER}]|[{_UNSPACED}])"

_ENDS_NO_WORD = re2.compile(f"[^{_LETTER}]|[{_UNSPACED}]")

_WORD = re.compile('["\u201c\u201d]([^"\u201c\u201d]+)["\u201c\u201d]|([^\\s"\u201c\u201d]+)')

_TAG = re.compile(r"[a-z]{2,8}(?:-[a-z0-9]{1,8})*")

_APOSTROPHES = str.maketrans("\u2018\u2019", "''")


class Action(StrEnum):
    """What becomes of an entry that a filter finds."""

    KEEP = "keep"
    DROP = "drop"


class Field(StrEnum):
    """Where a filter looks."""

    TITLE = "title"
    TEXT = "text"
    """The excerpt, and what a reader sees of the content."""
    AUTHOR = "author"
    """Any of them."""
    CATEGORY = "category"
    """Any of the publisher's labels."""
    LANGUAGE = "language"


class Kind(StrEnum):
    """How a filter says what it looks for."""

    WORDS = "words"
    PATTERN = "pattern"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What to look for, and what to do with an entry that has it."""

    action: Action
    field: Field
    kind: Kind
    pattern: str

    def __str__(self) -> str:
        return f"{self.action} if {self.finding}"

    @property
    def finding(self) -> str:
        """What is true of an entry that it finds."""
        return f"{self.field} {'has' if self.kind is Kind.WORDS else 'matches'} {self.pattern}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A rule for one source or for one newsletter.

    Attributes:
        id: None while it is only tried.
        newsletter: The slug.
    """

    id: int | None = None
    source_id: int | None = None
    newsletter: str | None = None
    rule: Rule

    @property
    def name(self) -> str:
        """What to call it."""
        return "the new filter" if self.id is None else f"filter {self.id}"

    @property
    def owner(self) -> str:
        """Whose it is."""
        return f"source {self.source_id}" if self.source_id else f"newsletter {self.newsletter}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterVerdict:
    """What filters make of an entry.

    Attributes:
        found_by: All filters that find it.
    """

    is_kept: bool
    because: str
    found_by: tuple[Filter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterTrial:
    """What filters would make of some entries."""

    filters: tuple[Filter, ...]
    verdicts: tuple[tuple[Entry, FilterVerdict], ...]

    @property
    def kept(self) -> int:
        """How many entries would be kept."""
        return sum(verdict.is_kept for _, verdict in self.verdicts)

    @property
    def finds(self) -> dict[Filter, int]:
        """How many entries each filter finds."""
        return {
            one: sum(one in verdict.found_by for _, verdict in self.verdicts)
            for one in self.filters
        }


def decide(filters: Sequence[Filter], finds: Callable[[Filter], bool]) -> FilterVerdict:
    """Decide whether an entry is kept.

    A filter that drops it wins over every one that keeps it. Where there are filters that
    keep, it takes one of them to be kept.

    Args:
        filters: All of one source, or of one newsletter.
        finds: Tells whether a filter finds the entry.
    """
    found_by = tuple(one for one in filters if finds(one))
    against = _first(found_by, Action.DROP)
    if against:
        because = f"dropped by {against.name}: {against.rule.finding}"
        return FilterVerdict(is_kept=False, because=because, found_by=found_by)
    keeper = _first(found_by, Action.KEEP)
    if keeper:
        because = f"kept by {keeper.name}: {keeper.rule.finding}"
        return FilterVerdict(is_kept=True, because=because, found_by=found_by)
    if _first(filters, Action.KEEP):
        return FilterVerdict(is_kept=False, because="dropped: no filter keeps it", found_by=())
    return FilterVerdict(is_kept=True, because="kept: no filter drops it", found_by=())


def _first(filters: Sequence[Filter], action: Action) -> Filter | None:
    return next((one for one in filters if one.rule.action is action), None)


def matcher_of(rule: Rule) -> Matcher:
    """Return what tells whether a text has what a rule looks for.

    Raises:
        InvalidError: The rule cannot be understood; the message says which part of it.
    """
    wanted = rule.pattern
    if len(wanted) > MAX_LENGTH:
        raise InvalidError(rule.kind, wanted[:20] + "…", f"at most {MAX_LENGTH} characters")
    if not wanted.isprintable():
        raise InvalidError(rule.kind, wanted, "it holds characters that are no text")
    if rule.kind is Kind.PATTERN:
        return _pattern_matcher(wanted)
    return _language_matcher(wanted) if rule.field is Field.LANGUAGE else _words_matcher(wanted)


def _pattern_matcher(expression: str) -> Matcher:
    search = _compiled(expression).search
    return lambda text: search(text) is not None


def _language_matcher(text: str) -> Matcher:
    tag = text.strip().lower().replace("_", "-")
    if not _TAG.fullmatch(tag):
        raise InvalidError("language", text, "name one, as in zh or zh-hant")
    return lambda language: f"{language}-".startswith(f"{tag}-")


def _words_matcher(text: str) -> Matcher:
    """Look for all words and quoted phrases, whatever their case, width or accents' spelling."""
    words = [phrase.strip() or word for phrase, word in _WORD.findall(_folded(text))]
    if not all(words) or not words:
        raise InvalidError("words", text, "name at least one, and nothing empty")
    searches = [_compiled(_whole(word)).search for word in words]

    def has_all(text: str) -> bool:
        folded = _folded(text)
        return all(search(folded) for search in searches)

    return has_all


def _folded(text: str) -> str:
    """Return `text` with one spelling for what reads the same."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.translate(_APOSTROPHES).split())


def _whole(word: str) -> str:
    """Return an expression for a word that is not part of a longer one."""
    before = "" if _ENDS_NO_WORD.fullmatch(word[0]) else _BEFORE
    after = "" if _ENDS_NO_WORD.fullmatch(word[-1]) else _AFTER
    return f"{before}{re2.escape(word)}{after}"


def _compiled(expression: str) -> re2._Regexp:
    options = re2.Options()
    options.max_mem = MAX_MEMORY
    options.never_capture = True
    options.log_errors = False
    try:
        return re2.compile(expression, options)
    except re2.error as error:
        raise InvalidError("pattern", expression, error.args[0].decode()) from error
