"""The tree of an HTML page, built in time and memory linear in its size."""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from tidings.errors import InvalidError
from tidings.model.page_rules import PageRules
from tidings.parsing.absolute_urls import absolute_url
from tidings.parsing.decoding import decode
from tidings.parsing.text_cleaning import is_affordable

MAX_BODY = 4_000_000

# Characters of a page, without its scripts, that are parsed.
MAX_PAGE = 1_000_000

_UNSEEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|svg|template|textarea)\b.*?(?:</\1\b[^>]*+>?+|\Z)",
    re.DOTALL | re.IGNORECASE,
)

_META_CHARSET = re.compile(
    rb"<meta\s[^<>]{0,200}?\bcharset\s{0,9}=[\s\"']{0,9}([\w.:-]{1,40})", re.IGNORECASE
)


def page_text(body: bytes, charset: str | None) -> str:
    """Return the text of a page; `charset` is the label in the HTTP header, which wins."""
    labelled = _META_CHARSET.search(body[:4096])
    label = charset or (labelled[1].decode() if labelled else None)
    return decode(body[:MAX_BODY], label).text


def page_tree(text: str) -> LexborHTMLParser:
    """Return the tree of what a page shows; an empty one if to build it would cost too much."""
    shown = _UNSEEN.sub(" ", text)[:MAX_PAGE]
    return LexborHTMLParser(shown if is_affordable(shown) else "")


def base_of(tree: LexborHTMLParser, url: str) -> str | None:
    """Return what the URLs in a page are relative to, where that is not the page itself."""
    base = tree.css_first("base[href]")
    return absolute_url(base.attributes.get("href") or "", url) if base else None


def text_at(tree: LexborHTMLParser, selector: str) -> str:
    """Return the text of the first element that fits; empty if none does."""
    node = tree.css_first(selector)
    return node.text() if node else ""


def attribute(node: LexborNode, name: str) -> str:
    """Return an attribute without blanks around it; empty if there is none."""
    return (node.attributes.get(name) or "").strip()


def checked_rules(rules: PageRules) -> PageRules:
    """Return rules whose selectors belong together, and can be read.

    Raises:
        InvalidError: They do not, or one cannot; in the words of the command line.
    """
    if bool(rules.item) == bool(rules.watch):
        because = "name what to read: either --item CSS or --watch CSS"
        raise InvalidError("selector", rules.summary, because)
    if rules.watch and len(rules.selectors) > 1:
        because = "--title, --link and --date are parts of an --item"
        raise InvalidError("selector", rules.summary, because)
    for selector in rules.selectors.values():
        check_selector(selector)
    return rules


def check_selector(selector: str) -> None:
    """Refuse a CSS selector that cannot be read.

    Raises:
        InvalidError: It cannot; the message says from where on.
    """
    if is_selector(selector):
        return
    ends = range(len(selector) - 1, 0, -1)
    read = next((end for end in ends if is_selector(selector[:end])), 0)
    unread = selector[read:].strip()
    because = f"cannot be read from {unread!r} on" if read and unread else "is no selector of CSS"
    raise InvalidError("selector", selector, because)


def is_selector(selector: str) -> bool:
    """Tell whether a text is a CSS selector as far as we know them."""
    try:
        LexborHTMLParser("").css(selector)
    except SelectolaxError:
        return False
    return True
