"""One document, from bytes to clean values."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tidings.errors import ParseError
from tidings.model.feed import ParsedFeed
from tidings.parsing import feeds, json_feed
from tidings.parsing.decoding import decode
from tidings.parsing.entries import clean_feed
from tidings.parsing.raw import RawFeed
from tidings.parsing.text import language_tag
from tidings.parsing.xml_repair import Mended, mend

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a server sent.

    Attributes:
        url: The address that answered, after redirects.
        body: Decoded from its content encoding.
        content_type: Media type without parameters; the body itself is believed more.
        charset: The charset parameter of Content-Type, as written.
        language: What is known of its language from elsewhere; it is believed least.
    """

    url: str
    body: bytes
    content_type: str | None = None
    charset: str | None = None
    language: str | None = None


def parse(document: Document, known: Mapping[bytes, bytes]) -> ParsedFeed:
    """Return the feed that `document` is, whatever its format.

    Args:
        document: Any bytes at all.
        known: The raw hash of every entry we have of this source, by key; entries whose
            hash is the same are counted, not cleaned.

    Raises:
        ParseError: It is no feed, or reading it fails.
    """
    try:
        feed = _read(document)
        around = language_tag(document.language or "")
        return clean_feed(feed, known, url=document.url, around=around)
    except ParseError:
        raise
    except MemoryError as error:
        raise ParseError(document.url, "reading it takes too much memory") from error
    except RecursionError as error:
        raise ParseError(document.url, "it nests too deep") from error
    except Exception as error:  # what hostile bytes make a parser raise is listed nowhere
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
        mended = None
        feed, kind = _from_json(document.url, content), "JSON, but no JSON Feed"
    else:
        mended = mend(decoded.text)
        kind = _kind(mended, content)
        feed = None if mended.root == "html" else feeds.read(mended, url=document.url)
    if feed is None:
        raise ParseError(document.url, kind)
    mending = mended.problems if mended else ()
    return replace(feed, problems=(*decoded.problems, *mending, *feed.problems))


def _from_json(url: str, content: str) -> RawFeed | None:
    try:
        return json_feed.read(content)
    except ValueError as error:
        raise ParseError(url, f"broken JSON: {error}") from error


def _kind(mended: Mended, content: str) -> str:
    """Say what a document is, should it turn out to be no feed."""
    if content[:14].lower() == "<!doctype html":
        return "an HTML page, not a feed"
    if not mended.root:
        return "plain text, not a feed"
    name = _ROOTS.get(mended.root)
    return f"{name}, not a feed" if name else f"a document of <{mended.root}>, not a feed"
