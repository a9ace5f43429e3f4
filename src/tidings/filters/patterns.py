"""What a filter looks for: words and regular expressions.

Matched by RE2, in time linear in the text: texts come from strangers, and a backtracking engine
can be kept busy for years.
"""

import re
import unicodedata
from collections.abc import Callable

import re2

from tidings.errors import InvalidError
from tidings.filters.rules import Field, Kind, Rule

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

# A word that begins or ends with a sign, like C++, or in a script without blanks.
_NEEDS_NO_BOUNDARY = re2.compile(f"[^{_LETTER}]|[{_UNSPACED}]")

_WORD = re.compile('["\u201c\u201d]([^"\u201c\u201d]+)["\u201c\u201d]|([^\\s"\u201c\u201d]+)')

_TAG = re.compile(r"[a-z]{2,8}(?:-[a-z0-9]{1,8})*")

# Word processors write typographic apostrophes, people who type a filter do not.
_APOSTROPHES = str.maketrans("\u2018\u2019", "''")


def matcher_of(rule: Rule) -> Matcher:
    """Return a predicate on texts for a rule.

    Raises:
        InvalidError: The rule is not valid; the message says which part of it.
    """
    wanted = rule.pattern
    if len(wanted) > MAX_LENGTH:
        raise InvalidError(rule.kind, wanted[:20] + "…", f"at most {MAX_LENGTH} characters")
    # Nobody could see them in a verdict; and PostgreSQL refuses NUL.
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
    # With a hyphen: `zh` finds zh-hans, but `ha` does not find haw.
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
    # Whether there is a match is all that is asked; without groups RE2 need not look for where.
    options.never_capture = True
    # RE2 would write to standard error itself.
    options.log_errors = False
    try:
        return re2.compile(expression, options)
    except re2.error as error:
        raise InvalidError("pattern", expression, error.args[0].decode()) from error
