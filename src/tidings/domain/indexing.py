"""What an entry is found by: its words, as an index takes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidings.domain.markup import readable
from tidings.domain.words import FILLER, characters_of, limited, words_of

MAX_CONTENT = 500_000
"""Characters of an entry's HTML that are searched."""

LEAD = 100
"""Words of a text that are its beginning."""

EVERY = "§"
"""The mark that every entry has; all others begin with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """The words of an entry; then a mark for each character of a script without blanks.

    Attributes:
        lead: The title and the beginning of the text.
        body: The title and the whole text.
    """

    title: str
    lead: str
    body: str


def indexed(title: str, content: str) -> Indexed:
    """Return the words of an entry; `content` is clean HTML."""
    named, said = words_of(title), words_of(readable(content[:MAX_CONTENT]))
    return Indexed(
        title=_joined(named),
        lead=_joined([*named, FILLER, *said[:LEAD]]),
        body=_joined([*named, FILLER, *said]),
    )


def _joined(words: Sequence[str]) -> str:
    kept = limited(words)
    return " ".join([*kept, *(f"{EVERY}{character}" for character in sorted(characters_of(kept)))])
