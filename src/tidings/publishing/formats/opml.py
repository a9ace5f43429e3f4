"""A list of sources as OPML 2.0."""

from collections.abc import Iterable, Sequence

from lxml import etree

from tidings.model.page_rules import PAGE_RULES
from tidings.model.scopes import FeedOutline
from tidings.templating.plain_text import xml_line, xml_text


def render_opml(outlines: Sequence[FeedOutline], *, title: str) -> bytes:
    """Return an outline for each source, in the given order, its topics as categories.

    `parsing.opml` reads the same sources back, topics included.
    """
    has_pages = any(outline.page for outline in outlines)
    opml = etree.Element(
        "opml", {"version": "2.0"}, nsmap={"page": PAGE_RULES} if has_pages else None
    )
    head = etree.SubElement(opml, "head")
    etree.SubElement(head, "title").text = xml_line(title)
    body = etree.SubElement(opml, "body")
    for outline in outlines:
        etree.SubElement(body, "outline", _attributes(outline))
    return etree.tostring(opml, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _attributes(outline: FeedOutline) -> dict[str, str]:
    url, title = xml_text(outline.url), xml_line(outline.title)
    selectors = outline.page.selectors if outline.page else {}
    attributes = {
        # For every format of feeds: OPML 2.0 has no other type for a subscription. A page without
        # a feed is none, and other programs are not to take it for one.
        "type": "page" if selectors else "rss",
        # Required by OPML 2.0.
        "text": title or url,
        "title": title,
        "xmlUrl": url,
        "htmlUrl": xml_text(outline.site_url or ""),
        "category": _category(outline.topics),
    } | {f"{{{PAGE_RULES}}}{name}": xml_text(said) for name, said in selectors.items()}
    return {name: value for name, value in attributes.items() if value}


def _category(topics: Iterable[str]) -> str:
    """Return `topics` as OPML categories; a comma within one is escaped."""
    names = (xml_line(topic) for topic in topics)
    # `%` first, or the escapes would be escaped. The slash makes it a category, not a tag (OPML
    # 2.0).
    return ",".join(f"/{name.replace('%', '%25').replace(',', '%2C')}" for name in names if name)
