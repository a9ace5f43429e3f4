"""Finding entries by their words on PostgreSQL, whose index knows no order.

So the newest are asked for first, by the mark that entries of neighbouring ids share, and then
as many more as seem to be needed.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, cast, func, select
from sqlalchemy.dialects.postgresql import TSQUERY

from tidings.domain.searching import Hit, Term, Zone
from tidings.domain.words import EVERY
from tidings.storage.search_hits import COLUMNS, ENOUGH, IndexQuery, is_beginning, written
from tidings.storage.search_index import BLOCK
from tidings.storage.search_tables import entry_words
from tidings.storage.tables import entry

MAX_BLOCKS = 64
"""Blocks that are asked for by name; of what is rarer, all is asked for."""

FEW_BLOCKS = 4
"""Blocks that are not worth to be asked for one by one."""

MAX_CHECKED = 20_000
"""Entries with all words of a phrase that are looked at for whether they stand side by side."""


def newest_on_postgresql(connection: Connection, wanted: IndexQuery) -> list[Hit]:
    """Return the newest hits, one more than are ranked."""
    newest_id = connection.scalar(select(func.max(entry.c.id))) or 0
    top = newest_id // BLOCK
    hits: list[Hit] = []
    step = 1
    while top >= 0 and len(hits) < ENOUGH:
        if step > MAX_BLOCKS or top < FEW_BLOCKS:
            step = top + 1
        blocks = range(max(top - step + 1, 0), top + 1)
        hits += _hits(connection, wanted, blocks, limit=ENOUGH - len(hits))
        asked = (newest_id + 1) / BLOCK - blocks.start  # the newest block is not full yet
        top = blocks.start - 1
        step = int((ENOUGH - len(hits)) * asked / len(hits)) + 1 if hits else MAX_BLOCKS + 1
    return hits


def _hits(connection: Connection, wanted: IndexQuery, blocks: range, *, limit: int) -> list[Hit]:
    """Return the newest hits of some blocks; if the first is the first of all, without naming them."""
    groups = list(wanted.marks)
    if blocks.start:
        groups.append([f"§b{number}" for number in blocks])
    terms = [_words(term, joined_by=" <-> ") for term in wanted.terms]
    exactly = " & ".join(
        [*terms, *(f"!({_words(term, joined_by=' <-> ')})" for term in wanted.without)]
    )
    is_checked = any(len(term.words) > 1 for term in (*wanted.terms, *wanted.without))
    words = entry_words.c
    loosely = _postgresql_matches(words.body, _loose(wanted, groups))
    found = select(entry_words).where(loosely, words.entry_id < blocks.stop * BLOCK)
    if is_checked:
        found = found.order_by(words.entry_id.desc()).limit(MAX_CHECKED)
    hit = found.cte("found").prefix_with("MATERIALIZED")
    best = (
        select(*COLUMNS, hit.c.title, hit.c.lead)
        .join(hit, hit.c.entry_id == entry.c.id)
        .where(*wanted.rules, *([_postgresql_matches(hit.c.body, exactly)] if is_checked else ()))
        .order_by(hit.c.entry_id.desc())
        .limit(limit)
        .subquery()
    )
    zones = (best.c.title, best.c.lead) if terms else ()
    asked = [
        _postgresql_matches(zone, " & ".join(terms)).label(f"in_{zone.name}") for zone in zones
    ]
    rows = connection.execute(select(best, *asked).order_by(best.c.id.desc()))
    return [
        Hit(
            entry_id=row.id,
            sort_at=row.sort_at,
            story_id=row.story_id,
            follows=row.follows,
            zone=_zone(row) if terms else Zone.BODY,
        )
        for row in rows
    ]


def _zone(row: Row[*tuple[Any, ...]]) -> Zone:
    if row.in_title:
        return Zone.TITLE
    return Zone.LEAD if row.in_lead else Zone.BODY


def _loose(wanted: IndexQuery, groups: Sequence[Sequence[str]]) -> str:
    """Return what the index alone can tell: words and marks, but not which words are neighbours."""
    words = [_words(term, joined_by=" & ") for term in wanted.terms]
    marks = [" | ".join(f"'{mark}'" for mark in group) for group in groups]
    without = [f"!{_words(term, joined_by='')}" for term in wanted.without if len(term.words) == 1]
    groups_of_marks = (f"({group})" for group in marks)
    return " & ".join([*(words or [f"'{EVERY}'"]), *groups_of_marks, *without])


def _postgresql_matches(vector: ColumnElement[str], query: str) -> ColumnElement[bool]:
    return vector.bool_op("@@")(cast(query, TSQUERY))


def _words(term: Term, *, joined_by: str) -> str:
    """Return the words of a term as PostgreSQL reads them; none of them holds a quotation mark."""
    ending = ":*" if is_beginning(term) else ""
    return "(" + joined_by.join(f"'{word}'" for word in written(term)) + ending + ")"
