"""Filter rules: words and regular expressions, and how keep and drop are weighed.

Matched by RE2, in time linear in the text: texts come from strangers, and a backtracking engine
can be kept busy for years.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import re2

from tidings.errors import InvalidError
from tidings.model.entries import Entry

# Characters of a pattern.
MAX_LENGTH = 1000

# Bytes of one compiled expression, at most: `a{1000}{1000}` is short as well.
MAX_MEMORY = 1 << 20

Matcher = Callable[[str], bool]

# RE2's own \b knows ASCII only.
_LETTER = r"\pL\pM\pN_"

_UNSPACED = (  # scripts without blanks between words, or with particles joined to them
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}\x{30fc}"
    r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
)

_WORD_START = f"(?:^|[^{_LETTER}]|[{_UNSPACED}])"

_WORD_END = f"(?:$|[^{_LETTER}]|[{_UNSPACED}])"

_NEEDS_NO_BOUNDARY = re2.compile(f"[^{_LETTER}]|[{_UNSPACED}]")

_WORD = re.compile('["\u201c\u201d]([^"\u201c\u201d]+)["\u201c\u201d]|([^\\s"\u201c\u201d]+)')

_TAG = re.compile(r"[a-z]{2,8}(?:-[a-z0-9]{1,8})*")

# Word processors write typographic apostrophes, people who type a filter do not.
_APOSTROPHES = str.maketrans("\u2018\u2019", "''")


class Action(StrEnum):
    """What becomes of an entry that a filter matches."""

    KEEP = "keep"
    DROP = "drop"


class Field(StrEnum):
    """Where a filter looks."""

    TITLE = "title"
    TEXT = "text"
    """The excerpt, and the content without markup."""
    AUTHOR = "author"
    """Any of them."""
    CATEGORY = "category"
    """Any of the publisher's labels."""
    LANGUAGE = "language"


class Kind(StrEnum):
    """The syntax of a filter's pattern."""

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
        """What is true of an entry that it matches."""
        return f"{self.field} {'has' if self.kind is Kind.WORDS else 'matches'} {self.pattern}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A rule for one source or for one newsletter.

    Attributes:
        id: None while it is on trial.
        newsletter: The slug.
    """

    id: int | None = None
    source_id: int | None = None
    newsletter: str | None = None
    rule: Rule

    @property
    def name(self) -> str:
        """Its name in messages."""
        return "the new filter" if self.id is None else f"filter {self.id}"

    @property
    def owner(self) -> str:
        """The source or newsletter it belongs to, in words."""
        return f"source {self.source_id}" if self.source_id else f"newsletter {self.newsletter}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterVerdict:
    """Whether filters keep an entry, and why.

    Attributes:
        found_by: All filters that match it.
    """

    is_kept: bool
    because: str
    found_by: tuple[Filter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterTrial:
    """What filters would do to some entries."""

    filters: tuple[Filter, ...]
    verdicts: tuple[tuple[Entry, FilterVerdict], ...]

    @property
    def kept(self) -> int:
        """How many entries would be kept."""
        return sum(verdict.is_kept for _, verdict in self.verdicts)

    @property
    def finds(self) -> dict[Filter, int]:
        """How many entries each filter matches."""
        return {
            one: sum(one in verdict.found_by for _, verdict in self.verdicts)
            for one in self.filters
        }


def decide(filters: Sequence[Filter], finds: Callable[[Filter], bool]) -> FilterVerdict:
    """Decide whether an entry is kept.

    Drop wins over keep. If any filter says keep, an entry needs one that does.

    Args:
        filters: All of one source, or of one newsletter.
        finds: Tells whether a filter matches the entry.
    """
    found_by = tuple(one for one in filters if finds(one))
    against = _first_with(found_by, Action.DROP)
    if against:
        because = f"dropped by {against.name}: {against.rule.finding}"
        return FilterVerdict(is_kept=False, because=because, found_by=found_by)
    keeper = _first_with(found_by, Action.KEEP)
    if keeper:
        because = f"kept by {keeper.name}: {keeper.rule.finding}"
        return FilterVerdict(is_kept=True, because=because, found_by=found_by)
    if _first_with(filters, Action.KEEP):
        return FilterVerdict(is_kept=False, because="dropped: no filter keeps it", found_by=())
    return FilterVerdict(is_kept=True, because="kept: no filter drops it", found_by=())


def _first_with(filters: Sequence[Filter], action: Action) -> Filter | None:
    return next((one for one in filters if one.rule.action is action), None)


def matcher_of(rule: Rule) -> Matcher:
    """Return a predicate on texts for a rule.

    Raises:
        InvalidError: The rule is not valid; the message says which part of it.
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
    """Match texts with all words and quoted phrases, ignoring case, width and normal form."""
    words = [phrase.strip() or word for phrase, word in _WORD.findall(_normalised(text))]
    if not all(words) or not words:
        raise InvalidError("words", text, "name at least one, and nothing empty")
    searches = [_compiled(_whole_word_pattern(word)).search for word in words]

    def has_all(text: str) -> bool:
        folded = _normalised(text)
        return all(search(folded) for search in searches)

    return has_all


def _normalised(text: str) -> str:
    """Return `text` with one spelling for what looks the same."""
    # Twice: casefold can leave the normal form.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.translate(_APOSTROPHES).split())


def _whole_word_pattern(word: str) -> str:
    """Return an expression for a word that is no part of a longer one."""
    before = "" if _NEEDS_NO_BOUNDARY.fullmatch(word[0]) else _WORD_START
    after = "" if _NEEDS_NO_BOUNDARY.fullmatch(word[-1]) else _WORD_END
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
