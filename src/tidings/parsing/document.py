"""Parse one document: detect its kind, decode it, read the feed, clean the entries."""

from collections.abc import Mapping
from dataclasses import replace
from zlib import crc32

from tidings.errors import ParseError
from tidings.model.feed import Document, Newest, ParsedFeed
from tidings.parsing import json_feed, rss_atom
from tidings.parsing.clean_entries import clean_feed
from tidings.parsing.decoding import decode
from tidings.parsing.raw import RawFeed
from tidings.parsing.text_cleaning import language_tag
from tidings.parsing.xml_repair import RepairedXml, repair

# One document in so many is read by feedparser as well, which proves the fast reader wrong if need be.
JUDGED = 100

# Magic numbers of what servers send in place of feeds.
_SIGNATURES = {
    b"\x1f\x8b": "compressed data",
    b"PK\x03\x04": "a ZIP archive",
    b"%PDF-": "a PDF document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
}

_ROOTS = {
    "html": "an HTML page",
    "head": "an HTML page",
    "body": "an HTML page",
    "opml": "an OPML list",
    "urlset": "a site map",
    "sitemapindex": "a site map",
    "svg": "a picture",
    "error": "an error message in XML",
}


def parse(
    document: Document,
    known: Mapping[bytes, bytes],
    *,
    memo: bytes | None = None,
    newest: Newest | None = None,
) -> ParsedFeed:
    """Return the feed in `document`, whatever its format.

    Args:
        document: Any bytes at all.
        known: The raw hash of every stored entry of the source, by key; entries with the same
            hash are counted, not cleaned.
        memo: What the last reading of this document was made from, if it left a memo.
        newest: Which entries are wanted, the others being deferred; None for all.

    Raises:
        ParseError: It is no feed, or parsing it fails.
    """
    try:
        feed = _read(document)
        fallback_language = language_tag(document.language or "")
        parsed = clean_feed(
            feed,
            known,
            url=document.url,
            fallback_language=fallback_language,
            newest=newest,
        )
        return replace(parsed, disagreement=feed.disagreement)
    except ParseError:
        raise
    except MemoryError as error:
        raise ParseError(document.url, "reading it takes too much memory") from error
    except RecursionError as error:
        raise ParseError(document.url, "it nests too deep") from error
    except Exception as error:  # hostile bytes make parsers raise what they do not document
        because = f"reading it fails: {type(error).__name__}: {error}"
        raise ParseError(document.url, because) from error


def _read(document: Document) -> RawFeed:
    for signature, kind in _SIGNATURES.items():
        if document.body.startswith(signature):
            raise ParseError(document.url, f"{kind}, not a feed")
    decoded = decode(document.body, document.charset)
    content = decoded.text.strip("\ufeff \t\r\n\0")
    if not content:
        raise ParseError(document.url, "an empty document")

    if content.startswith(("{", "[")):
        repaired = None
        feed, kind = _from_json(document.url, content), "JSON, but no JSON Feed"
    else:
        repaired = repair(decoded.text)
        kind = _kind(repaired, content)
        # Chosen by its bytes, so that the same document is read the same way again.
        read = rss_atom.read_twice if crc32(document.body) % JUDGED == 0 else rss_atom.read
        feed = None if repaired.root == "html" else read(repaired, url=document.url)
    if feed is None:
        raise ParseError(document.url, kind)
    xml_problems = repaired.problems if repaired else ()
    return replace(feed, problems=(*decoded.problems, *xml_problems, *feed.problems))


def _from_json(url: str, content: str) -> RawFeed | None:
    try:
        return json_feed.read(content)
    except ValueError as error:
        raise ParseError(url, f"broken JSON: {error}") from error


def _kind(repaired: RepairedXml, content: str) -> str:
    """Return what a document is, for the error if it is no feed."""
    if content[:14].lower() == "<!doctype html":
        return "an HTML page, not a feed"
    if not repaired.root:
        return "plain text, not a feed"
    name = _ROOTS.get(repaired.root)
    return f"{name}, not a feed" if name else f"a document of <{repaired.root}>, not a feed"
