"""What programs read of everything that is published: entries, sources, topics, search, as JSON.

Lists are cut by what their last item is known by, not by its place, so that nothing is missed or
told twice while new items come in.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from tidings.catalog import change_log, entries, sources, topics
from tidings.catalog.entries import ListWindow, Selection
from tidings.db.database import Connection
from tidings.errors import InvalidError, NotFoundError
from tidings.model.entries import Entry
from tidings.model.scopes import API_PATH, DataAddress
from tidings.model.sources import Source
from tidings.publishing.formats.data_values import (
    entry_value,
    source_value,
    topic_value,
    whole_entry_value,
)
from tidings.publishing.site_context import SiteContext
from tidings.search.query import SearchInput, parse_query, rank
from tidings.search.store import fulltext

# Items in a part of a list, unless it is asked for another number.
LIMIT = 50

_Item = TypeVar("_Item")


def data_document(connection: Connection, address: DataAddress, context: SiteContext) -> bytes:
    """Return the JSON document at `address`; that of a list begins with where it goes on.

    Raises:
        NotFoundError: There is nothing at that address.
        InvalidError: A parameter cannot be what it should be.
    """
    value = _value(connection, address, base_url=context.site.base_url)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _value(connection: Connection, address: DataAddress, *, base_url: str) -> Mapping[str, object]:
    match address.name:
        case "entry":
            return whole_entry_value(_entry(connection, int(address.key)), base_url=base_url)
        case "source":
            return source_value(_source(connection, address.key), base_url=base_url)
        case "topics":
            found = topics.summaries(connection)
            return {"topics": [topic_value(one, base_url=base_url) for one in found]}
        case "sources":
            return _sources(connection, address, base_url=base_url)
        case "search":
            return _search(connection, address, base_url=base_url)
        case _:
            return _entries(connection, address, base_url=base_url)


def _entries(
    connection: Connection, address: DataAddress, *, base_url: str
) -> Mapping[str, object]:
    asked = dict(address.asked)
    limit, topic, slug = int(asked.get("limit", LIMIT)), asked.get("topic"), asked.get("source")
    selection = Selection(
        source=_source(connection, str(slug)).id if slug else None,
        topic=str(topic) if topic else None,
        before=_number(asked, "before"),
        after=_number(asked, "after"),
    )
    window = ListWindow(limit=limit + 1, by_seq=True)
    found = entries.select_entries(connection, selection, window)
    shown, last = _cut(found, limit)
    return {
        "next": last and _next(address, base_url, before=last.seq),
        "entries": [entry_value(one, base_url=base_url) for one in shown],
    }


def _sources(
    connection: Connection, address: DataAddress, *, base_url: str
) -> Mapping[str, object]:
    asked = dict(address.asked)
    limit, topic = int(asked.get("limit", LIMIT)), str(asked.get("topic", ""))
    if topic and topics.find(connection, topic) is None:
        raise NotFoundError("topic", topic)
    after = int(asked.get("after", 0))
    ids = sources.following_ids(connection, after=after, limit=limit + 1, topic_slug=topic)
    shown, last = _cut(ids, limit)
    return {
        "next": last and _next(address, base_url, after=last),
        "sources": [
            source_value(one, base_url=base_url) for one in sources.of_ids(connection, shown)
        ],
    }


def _search(connection: Connection, address: DataAddress, *, base_url: str) -> Mapping[str, object]:
    asked = dict(address.asked)
    given = {name: str(asked[name]) for name in SearchInput.__slots__ if name in asked}
    query = parse_query(SearchInput(**given))
    if not query.has_criteria:
        raise InvalidError("q", given.get("q", ""), "say what to look for, or narrow it down")
    if query.invalid_dates:
        raise InvalidError("date", query.invalid_dates[0], "write it as in 2026-11-21")
    found = fulltext.find(connection, query)
    ids = [hit.entry_id for hit in rank(found.hits)]
    rest = ids
    if after := asked.get("after"):
        if after not in ids:
            raise InvalidError("after", after, "is not found any more; begin again without it")
        rest = ids[ids.index(int(after)) + 1 :]
    shown, last = _cut(rest, int(asked.get("limit", LIMIT)))
    return {
        "next": last and _next(address, base_url, after=last),
        "count": len(ids),
        "is_all": found.is_all,
        "entries": [
            entry_value(one, base_url=base_url) for one in entries.in_order(connection, shown)
        ],
    }


def _cut(found: Sequence[_Item], limit: int) -> tuple[Sequence[_Item], _Item | None]:
    """Return as many as are wanted, and the last of them if there are more."""
    shown = found[:limit]
    return shown, shown[-1] if len(found) > limit else None


def _next(address: DataAddress, base_url: str, **cursor: int | None) -> str:
    return f"{base_url}{API_PATH}/{address.name}?{urlencode(dict(address.asked) | cursor)}"


def _number(asked: Mapping[str, str | int], name: str) -> int | None:
    return int(asked[name]) if name in asked else None


def _source(connection: Connection, slug: str) -> Source:
    found = sources.find_by_slug(connection, slug)
    if found is None:
        raise NotFoundError("source", slug)
    return found


def _entry(connection: Connection, entry_id: int) -> Entry:
    found = entries.get(connection, entry_id)
    if found.state not in change_log.OPEN_STATES:
        raise NotFoundError("entry", entry_id)
    return found
