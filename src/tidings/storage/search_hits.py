"""What both kinds of database are asked when somebody searches, and what they answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from tidings.domain.searching import MAX_FOUND, Term
from tidings.domain.words import EVERY
from tidings.storage.tables import entry

ENOUGH = MAX_FOUND + 1
"""Hits that are asked for: one more tells that there are more."""

COLUMNS = (entry.c.id, entry.c.sort_at, entry.c.story_id, entry.c.follows)
"""What `Hit` has of an entry, in its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexQuery:
    """What the index is asked for, and what is looked at in the entries themselves.

    Attributes:
        terms: All of them are to be found.
        without: None of them may be found.
        marks: Of each group at least one is to be found.
        rules: Conditions on the `entry` table.
    """

    terms: Sequence[Term]
    without: Sequence[Term]
    marks: Sequence[Sequence[str]]
    rules: Sequence[ColumnElement[bool]]


def written(term: Term) -> tuple[str, ...]:
    """Return the words of a term as they stand in the index: a single character is a mark."""
    if term.is_open and len(term.words) == 1:
        return (f"{EVERY}{term.words[0]}",)
    return term.words


def is_beginning(term: Term) -> bool:
    """Tell whether the last word of a term is the beginning of one in the index."""
    return term.is_open and len(term.words) > 1
