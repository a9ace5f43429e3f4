"""Parse one document: detect its kind, decode it, read the feed, clean the entries."""

from collections.abc import Mapping
from dataclasses import replace
from zlib import crc32

from tidings.errors import ParseError
from tidings.model.feed import Document, Newest, ParsedEntry, ParsedFeed
from tidings.model.mail_lists import is_by_mail
from tidings.model.page_rules import PageRules
from tidings.parsing import json_feed, mail_items, rereading, rss_atom
from tidings.parsing.article import with_article
from tidings.parsing.clean_entries import EntryIdentity, clean_feed
from tidings.parsing.decoding import decode
from tidings.parsing.discovery import is_page
from tidings.parsing.page_items import read_page_feed
from tidings.parsing.page_tree import page_text
from tidings.parsing.raw import RawFeed
from tidings.parsing.rereading import Layout, Memory
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

    Of the page of an entry, that is the entry alone, with the article.

    Args:
        document: Any bytes at all.
        known: The raw hash of every stored entry of the source, by key; entries with the same
            hash are counted, not cleaned.
        memo: That of the last document of the source. With it the result is the same, sooner.
        newest: Which entries are wanted, the others being deferred; None for all.

    Raises:
        ParseError: It is no feed, or parsing it fails.
    """
    try:
        return _parse(document, known, memo, newest)
    except ParseError:
        raise
    except MemoryError as error:
        raise ParseError(document.url, "reading it takes too much memory") from error
    except RecursionError as error:
        raise ParseError(document.url, "it nests too deep") from error
    except Exception as error:  # hostile bytes make parsers raise what they do not document
        because = f"reading it fails: {type(error).__name__}: {error}"
        raise ParseError(document.url, because) from error


def _parse(
    document: Document,
    known: Mapping[bytes, bytes],
    memo: bytes | None,
    newest: Newest | None,
) -> ParsedFeed:
    if document.entry:
        return ParsedFeed(entries=(_completed(document, document.entry),))
    for signature, kind in _SIGNATURES.items():
        if document.body.startswith(signature):
            raise ParseError(document.url, f"{kind}, not a feed")
    if is_by_mail(document.url):
        return _cleaned(document, mail_items.read(document.body), known, newest)[0]
    if document.page:
        return _parse_page(document, document.page, known, newest)
    decoded = decode(document.body, document.charset)
    # What is read in part leaves nothing to go by.
    layout = None if decoded.problems or newest else rereading.lay_out(decoded.text)
    if layout is None:
        feed = _read(document, decoded.text)
        whole, _ = _cleaned(document, feed, known, newest)
        return replace(whole, problems=(*decoded.problems, *feed.problems))

    read: Memory | None
    frame = _frame(document, layout)
    memory = rereading.from_memo(memo, frame) if memo and not _is_judged(document) else {}
    if memory and (reread := _reread(document, layout, memory, known)):
        parsed, read = reread
    else:
        parsed, identities = _cleaned(document, _read(document, decoded.text), known)
        is_sound = not parsed.problems and not parsed.cut
        read = rereading.remembered(layout, identities) if is_sound else None
    return replace(parsed, memo=rereading.to_memo(frame, read)) if read else parsed


def _completed(document: Document, entry: ParsedEntry) -> ParsedEntry:
    if not is_page(document.body, document.content_type):
        raise ParseError(document.url, "no HTML page")
    page = page_text(document.body, document.charset)
    return with_article(entry, page, url=document.url)


def _parse_page(
    document: Document, rules: PageRules, known: Mapping[bytes, bytes], newest: Newest | None
) -> ParsedFeed:
    text = page_text(document.body, document.charset)
    feed, seen = read_page_feed(text, rules, url=document.url)
    parsed, _ = _cleaned(document, feed, known, newest)
    return replace(parsed, seen=seen)


def _reread(
    document: Document, layout: Layout, memory: Memory, known: Mapping[bytes, bytes]
) -> tuple[ParsedFeed, Memory] | None:
    """Read only those entries that changed; return None if that does not tell enough."""
    rest = rereading.remainder(layout, memory, known)
    if rest is None:
        return None
    try:
        parsed, identities = _cleaned(document, _read(document, rest.layout.text), known)
    except ParseError:
        return None  # without its entries it is no feed, or not well-formed
    read = rereading.remembered(rest.layout, identities)
    whole = None if read is None or parsed.problems else rest.whole(read)
    if whole is None:
        return None
    keys = parsed.unchanged_keys | {entry.key for entry in rest.unchanged.values()}
    return replace(parsed, unchanged_keys=keys, unchanged=len(keys)), whole


def _frame(document: Document, layout: Layout) -> bytes:
    names = (document.content_type, document.charset, document.language)
    return rereading.frame_digest(layout, document.url, *(name or "" for name in names))


def _is_judged(document: Document) -> bool:
    # By its bytes, so that the same document is read the same way again.
    return crc32(document.body) % JUDGED == 0


def _cleaned(
    document: Document,
    feed: RawFeed,
    known: Mapping[bytes, bytes],
    newest: Newest | None = None,
) -> tuple[ParsedFeed, list[EntryIdentity]]:
    parsed, identities = clean_feed(
        feed,
        known,
        url=document.url,
        fallback_language=language_tag(document.language or ""),
        newest=newest,
    )
    return replace(parsed, disagreement=feed.disagreement), identities


def _read(document: Document, text: str) -> RawFeed:
    content = text.strip("\ufeff \t\r\n\0")
    if not content:
        raise ParseError(document.url, "an empty document")

    if content.startswith(("{", "[")):
        repaired = None
        feed, kind = _from_json(document.url, content), "JSON, but no JSON Feed"
    else:
        repaired = repair(text)
        kind = _kind(repaired, content)
        read = rss_atom.read_twice if _is_judged(document) else rss_atom.read
        feed = None if repaired.root == "html" else read(repaired, url=document.url)
    if feed is None:
        raise ParseError(document.url, kind)
    xml_problems = repaired.problems if repaired else ()
    return replace(feed, problems=(*xml_problems, *feed.problems))


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
