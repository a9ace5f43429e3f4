"""The shapes of what the API answers, as JSON Schemas; a test holds every answer against them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tidings.model.entries import Republish
from tidings.model.full_text import TextMode
from tidings.model.newsletters import Frequency
from tidings.model.service_status import LAGS, OUTCOMES, MessageOutcome
from tidings.model.sources import SourceHealth, SourceState
from tidings.web.api.operations import Schema, number, one_of

TEXT = {"type": "string"}
URL = {"type": "string", "format": "uri"}
MOMENT = {"type": "string", "format": "date-time", "pattern": "Z$"}
BOOLEAN = {"type": "boolean"}
COUNT = number()


def ref(name: str) -> Schema:
    """Return a reference to another schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def some(items: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def maybe(schema: Schema) -> Schema:
    """Return the schema of something that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def _shape(**members: Schema) -> dict[str, Any]:
    """Return the schema of an object that always has just these members."""
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def _numbers_of(*names: str) -> Schema:
    return _shape(**dict.fromkeys(names, COUNT))


_LAGS = _numbers_of(*(str(int(lag.total_seconds())) for lag in LAGS), "more")

_TALLY = {"polls": _numbers_of(*OUTCOMES), "entries": COUNT, "seen_within_seconds": _LAGS}

_MAILED = {"issues": COUNT, "letters": _numbers_of(*MessageOutcome)}

_NEXT = maybe(URL)

_ENTRY = {
    "id": COUNT,
    "seq": maybe(COUNT),
    "atom_id": TEXT,
    "title": TEXT,
    "url": maybe(TEXT),
    "page_url": URL,
    "excerpt": TEXT,
    "authors": some(TEXT),
    "categories": some(TEXT),
    "language": maybe(TEXT),
    "published": MOMENT,
    "updated": MOMENT,
    "first_seen_at": MOMENT,
    "source": ref("SourceCredit"),
    "topics": some(TEXT),
    "image": maybe(ref("Image")),
    "enclosures": some(ref("Enclosure")),
    "also_at": some(
        _shape(id=COUNT, title=TEXT, url=maybe(TEXT), source=TEXT),
    ),
}

_OWN_SOURCE = {
    "id": COUNT,
    "slug": TEXT,
    "url": TEXT,
    "title": TEXT,
    "site_url": maybe(TEXT),
    "topics": some(TEXT),
    "state": one_of(list(SourceState)),
    "next_poll_at": MOMENT,
    "last_polled_at": maybe(MOMENT),
    "last_ok_at": maybe(MOMENT),
    "failures": COUNT,
    "last_error": maybe(TEXT),
    "entries": COUNT,
    "next_poll_because": maybe(TEXT),
    "failing_with": maybe(TEXT),
    "is_dead": BOOLEAN,
    "notice": maybe(TEXT),
    "page": maybe({"type": "object", "additionalProperties": TEXT}),
    "full_text": maybe(one_of(list(TextMode))),
}

# What `tidings entry list --json` gives.
_OWN_ENTRY = {
    "id": COUNT,
    "seq": maybe(COUNT),
    "source": COUNT,
    "guid": maybe(TEXT),
    "title": TEXT,
    "url": maybe(TEXT),
    "authors": some(TEXT),
    "categories": some(TEXT),
    "published": maybe(MOMENT),
    "updated": maybe(MOMENT),
    "first_seen_at": MOMENT,
    "sort_at": MOMENT,
    "excerpt": TEXT,
    "state": TEXT,
}

SCHEMAS: Mapping[str, dict[str, Any]] = MappingProxyType(
    {
        "Entries": _shape(next=_NEXT, entries=some(ref("Entry"))),
        "Entry": _shape(**_ENTRY),
        "WholeEntry": _shape(**_ENTRY, content=TEXT, pictures=some(ref("Image"))),
        "SourceCredit": _shape(slug=TEXT, title=TEXT, site_url=maybe(TEXT), rights=maybe(TEXT)),
        "Image": _shape(url=TEXT, width=maybe(COUNT), height=maybe(COUNT), alt=TEXT),
        "Enclosure": _shape(url=TEXT, type=maybe(TEXT), length=maybe(COUNT), duration=maybe(COUNT)),
        "Sources": _shape(next=_NEXT, sources=some(ref("Source"))),
        "Source": _shape(
            id=COUNT,
            slug=TEXT,
            title=TEXT,
            site_url=maybe(TEXT),
            feed_url=maybe(TEXT),
            page_url=URL,
            topics=some(TEXT),
            health=one_of(list(SourceHealth)),
            entries=COUNT,
            latest_at=maybe(MOMENT),
            language=maybe(TEXT),
            rights=maybe(TEXT),
            republish=one_of(list(Republish)),
        ),
        "Topics": _shape(topics=some(ref("Topic"))),
        "Topic": _shape(
            slug=TEXT, title=TEXT, page_url=URL, sources=COUNT, latest_at=maybe(MOMENT)
        ),
        "Found": _shape(next=_NEXT, count=COUNT, is_all=BOOLEAN, entries=some(ref("Entry"))),
        "Status": _shape(
            at=MOMENT,
            since=MOMENT,
            last_polled_at=maybe(MOMENT),
            overdue_seconds=COUNT,
            sources=_numbers_of(*SourceHealth),
            **_TALLY,
            **_MAILED,
            steps=some(_shape(start=MOMENT, **_TALLY, **_MAILED)),
            failing=some(_shape(**{"source": COUNT, "title": TEXT, "with": TEXT, "since": MOMENT})),
            slow=some(_shape(source=COUNT, title=TEXT, lag_seconds=COUNT)),
            hubs=some(_shape(hub=TEXT, told=COUNT, waiting=COUNT, failing=COUNT)),
        ),
        "Problem": _shape(type=TEXT, title=TEXT, status=COUNT, detail=TEXT),
        "OwnSources": _shape(next=_NEXT, pages=COUNT, sources=some(ref("OwnSource"))),
        "OwnSource": _shape(**_OWN_SOURCE),
        "WatchedSource": _shape(
            **_OWN_SOURCE,
            interval=TEXT,
            republish=one_of(list(Republish)),
            noindex=BOOLEAN,
            access=TEXT,
            why=some(TEXT),
        ),
        "Queue": _shape(
            held=some(ref("OwnEntry")),
            pinned=some(ref("OwnEntry")),
            hidden=some(ref("OwnEntry")),
            waiting=some(_shape(slug=TEXT, title=TEXT, entries=COUNT)),
        ),
        "OwnEntry": _shape(**_OWN_ENTRY),
        "Newsletters": _shape(newsletters=some(ref("Newsletter"))),
        "Newsletter": _shape(
            slug=TEXT,
            title=TEXT,
            frequency=one_of(list(Frequency)),
            next_issue_at=MOMENT,
            subscribers=COUNT,
            is_more=BOOLEAN,
            has_draft=BOOLEAN,
        ),
        "Draft": _shape(
            newsletter=TEXT,
            to_seq=COUNT,
            opened_at=MOMENT,
            deadline_at=maybe(MOMENT),
            approved_at=maybe(MOMENT),
            lead_id=maybe(COUNT),
            entry_ids=some(COUNT),
            raised_ids=some(COUNT),
            dropped_ids=some(COUNT),
            postponed_ids=some(COUNT),
            texts={
                "type": "object",
                "additionalProperties": _shape(subject=maybe(TEXT), note=maybe(TEXT)),
            },
        ),
        "Audit": _shape(acts=some(_shape(at=MOMENT, who=TEXT, act=TEXT, what=TEXT))),
    }
)
