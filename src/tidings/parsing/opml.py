"""Read OPML lists of sources, as other programs write them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from lxml import etree

from tidings.errors import ParseError, one_line
from tidings.model.page_rules import PAGE_RULES, SELECTORS, PageRules
from tidings.model.scopes import FeedOutline
from tidings.model.urls import host_of, is_private, mask
from tidings.parsing.decoding import decode
from tidings.parsing.list_extras import ListExtras, read_extras
from tidings.parsing.page_tree import is_selector
from tidings.parsing.xml_repair import repair

# Nesting of folders; only an attack has more.
MAX_DEPTH = 50

# Outlines of one list, folders included.
MAX_OUTLINES = 20_000

# Characters of a title that are kept.
MAX_TITLE = 300

# Characters of an address: as much as browsers and indexes of databases take.
MAX_URL = 2000

# Topics of one source that are kept.
MAX_TOPICS = 50

# Lines of broken XML that are reported.
MAX_DEFECTS = 20


_ADDRESS = re.compile(r"(?<=\s)(?:xml|html)Url\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*')", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)(\w{1,64});")
# In place of an ambiguous ampersand; a private-use character.
_AMBIGUOUS = "\ue000"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceList:
    """The sources of a list.

    Attributes:
        outlines: Each source once, in the order of the list; topics from folders and categories.
        problems: Lines that could not be read, and why.
        left: What is said of sources that there is nothing for here, each with its source.
    """

    outlines: tuple[FeedOutline, ...]
    problems: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def read_opml(body: bytes) -> SourceList:
    """Return the sources that an OPML document lists; nothing is fetched.

    Raises:
        ParseError: `body` is no OPML, nests too deep, or lists too many.
    """
    parser = etree.XMLParser(
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        encoding="utf-8",
    )
    repaired = repair(_ADDRESS.sub(_mark_ambiguous, decode(body).text))
    if not repaired.text:
        raise _refusal("it is not OPML")
    before = repaired.first_line - 1
    root = _root(repaired.text.encode(), parser)
    outlines: dict[str, FeedOutline] = {}
    problems = _defects(parser.error_log, before=before)
    left: list[str] = []
    for element, attributes, folders in _walk(root):
        if _is_folder(element, attributes):
            continue
        try:
            extras = read_extras(attributes)
            outline = _outline(attributes, folders, extras)
        except ValueError as error:
            name = _title(attributes) or "without title"
            line = (
                int(str(element.sourceline)) + before
            )  # the stubs do not know that it is a number
            problems.append(one_line(f"line {line}, {name}: {error}"))
        else:
            known = outlines.get(outline.url)
            outlines[outline.url] = _merged(known, outline) if known else outline
            shown = mask(outline.url) if is_private(outline.url) else outline.url
            name = outline.title or shown
            left += [one_line(f"{name}: {what}") for what in extras.left]
    return SourceList(outlines=tuple(outlines.values()), problems=tuple(problems), left=tuple(left))


def _root(body: bytes, parser: etree.XMLParser) -> etree._Element:
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise _refusal(str(error)) from error
    # Where not even a first tag can be recovered, lxml returns None.
    if root is None or {"opml", "outline"}.isdisjoint(_name(element) for element in root.iter()):
        raise _refusal("it is not OPML")
    return root


def _refusal(because: str) -> ParseError:
    return ParseError("the list", because)


def _mark_ambiguous(attribute: re.Match[str]) -> str:
    """Mark references in a URL that may be parameters after a bare "&", such as `&copy;`."""
    return _REFERENCE.sub(lambda found: f"{_AMBIGUOUS}{found[1]};", attribute[0])


def _defects(errors: Iterable[etree._LogEntry], *, before: int) -> list[str]:
    """Return the broken lines, each once, with what is wrong first."""
    by_line: dict[int, str] = {}
    for error in errors:
        line = error.line + before
        by_line.setdefault(line, one_line(f"line {line}: {error.message}"))
    return list(by_line.values())[:MAX_DEFECTS]


def _walk(
    root: etree._Element,
) -> Iterator[tuple[etree._Element, dict[str, str], tuple[str, ...]]]:
    """Yield each outline, its attributes, and the folders it lies in, in document order."""
    count = 0
    waiting: list[tuple[etree._Element, tuple[str, ...], int]] = [(root, (), 0)]
    while waiting:
        element, folders, depth = waiting.pop()
        if _name(element) == "outline":
            count, depth = count + 1, depth + 1
            _check(count, depth)
            attributes = _attributes(element)
            yield element, attributes, folders
            if _is_folder(element, attributes) and (title := _title(attributes)):
                folders = (*folders, title)
        waiting.extend((child, folders, depth) for child in reversed(element))


def _check(count: int, depth: int) -> None:
    if count > MAX_OUTLINES:
        raise _refusal(f"it has more than {MAX_OUTLINES} outlines")
    if depth > MAX_DEPTH:
        raise _refusal(f"its folders are nested more than {MAX_DEPTH} deep")


def _name(element: etree._Element) -> str:
    """Return the tag in lower case, without namespace; of a comment, some other text."""
    return str(element.tag).rpartition("}")[2].lower()


def _attributes(element: etree._Element) -> dict[str, str]:
    return {str(name).lower(): " ".join(str(text).split()) for name, text in element.items()}


def _is_folder(element: etree._Element, attributes: dict[str, str]) -> bool:
    # An outline with nothing in it is a feed that lost its address.
    return "xmlurl" not in attributes and any(_name(child) == "outline" for child in element)


def _outline(
    attributes: dict[str, str], folders: tuple[str, ...], extras: ListExtras
) -> FeedOutline:
    url = feed_url(attributes.get("xmlurl", ""))
    title = _title(attributes)
    return FeedOutline(
        url=url,
        title="" if title == url[:MAX_TITLE] else title,
        site_url=find_site_url(attributes.get("htmlurl", "")),
        topics=_distinct(folders, _topics(attributes.get("category", ""))),
        page=_find_rules(attributes),
        full_text=extras.full_text,
        access=extras.access,
        is_paused=extras.is_paused,
    )


def _find_rules(attributes: dict[str, str]) -> PageRules | None:
    """Return how a page without a feed is read, which our own lists say."""
    said = {name: attributes.get(f"{{{PAGE_RULES}}}{name}", "") for name in SELECTORS}
    if not (said["item"] or said["watch"]):
        return None
    for selector in filter(None, said.values()):
        if not is_selector(selector):
            raise ValueError(f"its selector {selector!r} cannot be read")
    return PageRules.of(said)


def feed_url(claimed: str) -> str:
    """Return `claimed` as an http(s) URL without the schemes that only feed readers know."""
    if not claimed:
        raise ValueError("no feed address")
    if _AMBIGUOUS in claimed:
        sign = claimed.partition(_AMBIGUOUS)[2].partition(";")[0]
        raise ValueError(f"&{sign}; in its address can be a sign or a parameter")
    url = claimed.replace(" ", "%20")
    if url.lower().startswith("feed:"):
        rest = url[len("feed:") :]
        url = f"http:{rest}" if rest.startswith("//") else rest
    scheme, colon, rest = url.partition(":")
    url = scheme.lower() + colon + rest
    try:
        host_of(url)
    except ValueError as error:
        raise ValueError("not an http(s) address") from error
    if len(url) > MAX_URL or not url.isprintable():
        raise ValueError(f"longer than {MAX_URL} characters, or with some that no address has")
    return url


def find_site_url(claimed: str) -> str | None:
    """Return the address of a site's pages; None if it is none."""
    try:
        return feed_url(claimed)
    except ValueError:
        return None


def _title(attributes: dict[str, str]) -> str:
    return (attributes.get("title") or attributes.get("text") or "")[:MAX_TITLE]


def _topics(category: str) -> Iterator[str]:
    for path in category.split(",", MAX_TOPICS)[:MAX_TOPICS]:
        topic = path.strip().removeprefix("/").strip()
        if topic:
            yield topic.replace("%2C", ",").replace("%25", "%")[:MAX_TITLE]


def _distinct(topics: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*topics, *more)))[:MAX_TOPICS]


def _merged(known: FeedOutline, again: FeedOutline) -> FeedOutline:
    return replace(
        known,
        title=known.title or again.title,
        site_url=known.site_url or again.site_url,
        topics=_distinct(known.topics, again.topics),
    )
