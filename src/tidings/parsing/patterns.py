"""Words and regular expressions that texts are searched for, in time linear in the text."""

import re
import unicodedata
from collections.abc import Callable

import re2

from tidings.domain.filters import Field, Kind, Rule
from tidings.errors import InvalidError

MAX_LENGTH = 1000
"""Characters of what is searched for."""

MAX_MEMORY = 1 << 20
"""Bytes that one compiled expression takes at most."""

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
