"""A round over many hostile publishers and a healthy one, and what it left in the database."""

import json
import re
import unicodedata
from dataclasses import dataclass
from threading import Event
from urllib.parse import urlsplit

import lxml.html
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import select

from fake_publisher import answer
from feed_documents import atom, items
from hostile_web import Ring
from tidings.app.app import App, utc_now
from tidings.app.polling import polling
from tidings.catalog import sources
from tidings.catalog.sources import NewSource
from tidings.config import load
from tidings.db.tables import entry, source
from tidings.parsing.sanitizer import ATTRIBUTES, FIXED, TAGS
from tidings.resources import data_dir

MAX_ERROR = 1000
"""Bytes of what is kept of an error."""

MAX_LINE = 3000
"""Characters of a title or an excerpt, whatever they consist of."""

HEALTHY = "a healthy source"

_MATHEMATICS = re.compile(r"m[a-z]+|none")
_NAMES = frozenset().union(*ATTRIBUTES.values(), *FIXED.values(), {"rel", "alttext", "display"})
_NEVER = frozenset(
    {"base", "button", "embed", "form", "frame", "iframe", "input", "link", "meta", "object"}
    | {"script", "style", "svg", "template"}
)
_CLASSES = re.compile(r"code|tex|language-[a-z0-9+#.-]+|[a-z][a-z0-9]{0,2}")
_ADDRESSES = frozenset({"href", "src", "poster"})
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundResult:
    """What a round left of one source.

    Attributes:
        error: As the round reports it.
        source: Its row.
        entries: Theirs.
        requests: What its server was asked.
    """

    error: str | None
    source: dict
    entries: list[dict]
    requests: list

    @property
    def text(self):
        """Everything that was stored of it, but for its own address."""
        columns = {name: value for name, value in self.source.items() if name != "url"}
        return json.dumps([columns, self.entries], default=str, ensure_ascii=False)


def an_app(database, hosts=(), **changes):
    """Return the program on `database`, polling nobody beyond the public but `hosts`."""
    environment = {
        "TIDINGS_FETCH__ALLOW": ",".join(hosts),
        "TIDINGS_FETCH__HOST_INTERVAL": "0.01s",
        "TIDINGS_PARSE__PROCESSES": "2",
        "TIDINGS_PUBLISH__FIRST_POLL": "100",
    } | {f"TIDINGS_{name}": value for name, value in changes.items()}
    settings = load(data_dir("config") / "tidings.toml", None, environment)
    return App(settings=settings, database=database)


def poll_beside_a_healthy_source(database, scripts, *, rounds=1, **changes):
    """Poll all of `scripts` and a healthy source; return what was left of each by its name."""
    feed = answer(body=atom(*items(3), title="Healthy"))
    with Ring({**scripts, HEALTHY: feed}) as ring:
        app = an_app(database, ring.hosts, **changes)
        left = poll(app, ring.urls, rounds=rounds)
        requests = {name: list(one.received) for name, one in ring.publishers.items()}
    return {name: RoundResult(**one, requests=requests[name]) for name, one in left.items()}


def poll(app, urls, *, rounds=1):
    """Follow `urls` and poll them; return error, row and entries of each by its name."""
    with app.database.write() as connection:
        ids = sources.add(connection, [NewSource(url=url) for url in urls.values()], now=utc_now())
    with polling(app) as gathering:
        for _ in range(rounds):
            summary = gathering.poller().poll_sources(ids, report=lambda _: None, stop=Event())
    errors = {result.source_id: result.error for result in summary.sources}
    with app.database.read() as connection:
        rows = {row["id"]: dict(row) for row in connection.execute(select(source)).mappings()}
        stored = {number: [] for number in rows}
        for row in connection.execute(select(entry).order_by(entry.c.id)).mappings():
            stored[row["source_id"]].append(dict(row))
    return {
        name: {"error": errors[number], "source": rows[number], "entries": stored[number]}
        for name, number in zip(urls, ids, strict=True)
    }


def assert_healthy(left):
    """Assert that the healthy source suffered nothing from its neighbours."""
    assert left.error is None
    assert [row["title"] for row in left.entries] == ["Entry 1", "Entry 2", "Entry 3"]


def assert_contained(left):
    """Assert that an error is short and kept, and that nothing stored can hurt anybody."""
    if left.error is not None:
        assert len(left.error.encode()) <= MAX_ERROR
        assert left.source["last_error"] == left.error
    assert not _NOT_XML.search(left.text)
    assert "root:x:0" not in left.text
    for line in (left.source["feed_title"], *_lines(left.entries)):
        assert_readable(line or "")
    for url in (left.source["site_url"], *_urls(left.entries)):
        assert_web_address(url)
    for row in left.entries:
        assert len(row["title"]) <= MAX_LINE
        assert len(row["excerpt"]) <= MAX_LINE
        assert_harmless(row["content"])


def assert_readable(line):
    """Assert that `line` is one line that says what it seems to say."""
    assert not _OVERRIDES.search(line)
    assert not [letter for letter in line if unicodedata.category(letter) in {"Cc", "Zl", "Zp"}]


def assert_web_address(url):
    """Assert that whoever follows `url`, if there is one, lands on a page."""
    if url is not None:
        parts = urlsplit(url)
        assert url.isascii()
        assert url.isprintable()
        assert parts.scheme in {"http", "https"}
        assert parts.hostname
        assert parts.username is None


def assert_harmless(html):
    """Assert that HTML holds nothing but what we allow, whichever parser reads it."""
    for node in LexborHTMLParser(f"<!DOCTYPE html><body>{html}").body.traverse():
        _assert_allowed(node.tag, node.attributes)
    for element in lxml.html.fragments_fromstring(f"<div>{html}</div>")[0].iter():
        assert isinstance(element.tag, str), "a comment or an instruction"
        _assert_allowed(element.tag, element.attrib)


def _assert_allowed(tag, attributes):
    is_math = bool(_MATHEMATICS.fullmatch(tag))
    assert tag not in _NEVER
    assert tag in TAGS or is_math or tag == "body"
    for name, value in attributes.items():
        assert name in _NAMES or name == "class" or is_math
        assert not name.startswith("on")
        assert name not in {"style", "id", "name", "target", "srcset", "ping", "xlink:href"}
        if name == "class":
            assert _CLASSES.fullmatch(value)
        if name in _ADDRESSES and not (value or "").startswith("mailto:"):
            assert_web_address(value)


def _lines(rows):
    for row in rows:
        yield from (row["title"], row["excerpt"], row["published_raw"] or "")
        yield from (*row["authors"], *row["categories"])


def _urls(rows):
    for row in rows:
        yield row["url"]
        yield from (enclosure["url"] for enclosure in row["enclosures"])
        if row["image"]:
            yield row["image"]["url"]
