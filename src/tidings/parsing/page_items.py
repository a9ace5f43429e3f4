"""A page without a feed, read as one: its items by CSS selectors, and what each selector finds."""

from collections.abc import Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from tidings.errors import ParseError
from tidings.model.feed import MAX_ENTRIES
from tidings.model.page_rules import PageRules, WatchedText
from tidings.model.text import text_of
from tidings.parsing.page_tree import attribute, base_of, is_selector, page_tree, text_at
from tidings.parsing.raw import EarlierVersion, RawEntry, RawFeed, Text
from tidings.parsing.text_cleaning import clean_line
from tidings.parsing.text_diff import text_lines, to_html

# What an item has where its own selectors do not say.
TITLE, DATE = "h1, h2, h3, h4, h5, h6", "time"

# Examples of what a selector finds, and the characters of each.
MAX_EXAMPLES, MAX_EXAMPLE = 3, 60

# Characters of a watched element's text that are compared.
MAX_WATCHED = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectorFinding:
    """What one selector finds on a page.

    Attributes:
        name: What it is for: `item`, `title`, `link`, `date` or `watch`.
        selector: As it was given, or what stands in for it.
        found: How many elements; of parts of an item, how many items have one.
        examples: The first texts or addresses.
        hint: What may be wrong, if something seems to be.
    """

    name: str
    selector: str
    found: int
    examples: tuple[str, ...] = ()
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ItemParts:
    """The elements of an item that mean something, as far as it has them."""

    title: LexborNode | None
    date: LexborNode | None
    link: str


def read_page_feed(text: str, rules: PageRules, *, url: str) -> tuple[RawFeed, WatchedText | None]:
    """Return a page as a feed, and the element that is watched, if one is.

    Raises:
        ParseError: Nothing fits the selector.
    """
    tree = page_tree(text)
    base = base_of(tree, url) or ""
    seen = None
    if rules.watch:
        seen = _watched(tree, rules.watch, url=url)
        entries = tuple(_change(tree, rules, seen.text, url=url))
    else:
        entries = tuple(_entries(tree, rules, base=base))
        if not entries:
            raise ParseError(url, _nothing(rules.item))
    root = tree.css_first("html")
    feed = RawFeed(
        title=Text(value=text_at(tree, "title")),
        subtitle=Text(),
        site_url=url,
        language=attribute(root, "lang") if root else "",
        format="page",
        entries=entries,
    )
    return feed, seen


def find_on_page(text: str, rules: PageRules) -> list[SelectorFinding]:
    """Return what each selector finds on a page, whatever that is."""
    tree = page_tree(text)
    if rules.watch:
        watched = _fitting(tree, rules.watch)
        hint = "the first of them is watched" if len(watched) > 1 else ""
        return [_finding(tree, "watch", rules.watch, watched, hint=hint)]
    items = _fitting(tree, rules.item)[:MAX_ENTRIES]
    findings = [_finding(tree, "item", rules.item, items)]
    if not items:
        return findings
    parts = [_parts(item, rules) for item in items]
    titles = [_line(one.title) for one in parts if one.title]
    dates = [_written_date(one.date) for one in parts if one.date]
    links = [one.link for one in parts if one.link]
    likely = {
        "title": f"({TITLE}, or the first link)",
        "link": "(that of the title, or the first one)",
        "date": f"({DATE})",
    }
    for name, texts in {"title": titles, "link": links, "date": dates}.items():
        given = rules.selectors.get(name)
        hint = f"no item has {given}" if given and not texts else ""
        findings.append(_part(name, given or likely[name], texts, hint=hint))
    return findings


def _entries(tree: LexborHTMLParser, rules: PageRules, *, base: str) -> Iterator[RawEntry]:
    for item in _fitting(tree, rules.item)[: MAX_ENTRIES + 1]:
        parts = _parts(item, rules)
        title = Text(value=parts.title.inner_html or "" if parts.title else "", html=True)
        body = Text(value=_body(item, parts), html=True)
        yield RawEntry(
            url=parts.link,
            base=base,
            title=title,
            body=body,
            published=_written_date(parts.date) if parts.date else "",
            by_first_rule=EarlierVersion(title=title, body=body),
        )


def _parts(item: LexborNode, rules: PageRules) -> _ItemParts:
    title = item.css_first(rules.title or TITLE)
    if title is None and not rules.title:
        title = item.css_first("a[href]")
    around = item.css_first(rules.link) if rules.link else title
    link = _link_of(around, item) if around else ""
    if not link and not rules.link:
        first = item.css_first("a[href]")
        link = attribute(first, "href") if first else ""
    return _ItemParts(title=title, date=item.css_first(rules.date or DATE), link=link)


def _link_of(node: LexborNode, item: LexborNode) -> str:
    """Return the link that an element is, holds, or lies in, as far as that is in the item."""
    if inner := node.css_first("a[href]"):  # the element itself counts as well
        return attribute(inner, "href")
    outer: LexborNode | None = node
    while outer is not None and outer.mem_id != item.mem_id:
        outer = outer.parent
        if outer is not None and outer.tag == "a" and (link := attribute(outer, "href")):
            return link
    return ""


def _body(item: LexborNode, parts: _ItemParts) -> str:
    """Return what an item says beside its title and its date, which may be "3 days ago"."""
    said = item.inner_html or ""
    for part in (parts.title, parts.date):
        # By text: an element taken out of the tree would take the other one with it.
        said = said.replace(part.html or "", "", 1) if part else said
    is_title = parts.title is not None and parts.title.mem_id == item.mem_id
    return "" if is_title else said


def _written_date(node: LexborNode) -> str:
    inner = node.css_first("[datetime]")
    return attribute(inner, "datetime") if inner else _line(node)


def _line(node: LexborNode) -> str:
    return text_of(node.html or "")


def _watched(tree: LexborHTMLParser, selector: str, *, url: str) -> WatchedText:
    node = tree.css_first(selector)
    if node is None:
        raise ParseError(url, _nothing(selector))
    text = "\n".join(text_lines(node.html or ""))[:MAX_WATCHED]
    return WatchedText(selector=selector, text=text)


def _change(tree: LexborHTMLParser, rules: PageRules, text: str, *, url: str) -> Iterator[RawEntry]:
    """Yield an entry that tells what changed since the page was read last, if anything did."""
    if rules.seen is None or rules.seen == text:
        return
    title = Text(value=text_at(tree, "title"))
    body = Text(value=to_html(rules.seen, text), html=True)
    yield RawEntry(
        # Numbered: a page that goes back and forth changes each time.
        guid=f"change-{rules.changes + 1}",
        url=url,
        title=title,
        body=body,
        by_first_rule=EarlierVersion(title=title, body=body),
    )


def _nothing(selector: str) -> str:
    return (
        f"the selector {selector!r} finds nothing any more; the page may have changed,"
        " or a script fills it in"
    )


def _finding(
    tree: LexborHTMLParser, name: str, selector: str, nodes: list[LexborNode], *, hint: str = ""
) -> SelectorFinding:
    hint = hint if nodes else _hint(tree, selector)
    return _part(name, selector, [_line(node) for node in nodes], hint=hint)


def _part(name: str, selector: str, texts: list[str], *, hint: str = "") -> SelectorFinding:
    shown = (clean_line(text, html=False, limit=MAX_EXAMPLE) for text in texts[:MAX_EXAMPLES])
    return SelectorFinding(
        name=name, selector=selector, found=len(texts), examples=tuple(shown), hint=hint
    )


def _hint(tree: LexborHTMLParser, selector: str) -> str:
    """Return up to where a selector of several steps finds something."""
    steps = selector.split(" ")
    for count in range(len(steps) - 1, 0, -1):
        start = " ".join(steps[:count]).rstrip(" >+~")
        # Cut at a blank, it may be no selector at all.
        if is_selector(start) and (found := len(_fitting(tree, start))):
            return f"{start} fits {found}, and {selector} none of them"
    return "what a script adds in a browser is not there: look at the source of the page"


def _fitting(tree: LexborHTMLParser, selector: str) -> list[LexborNode]:
    # An element that fits two of several selectors is found twice.
    return list({node.mem_id: node for node in tree.css(selector)}.values())
