"""The article of a page, in place of what the feed has of an entry. Needs the extra `text`."""

import re
from dataclasses import replace
from html import escape, unescape
from importlib.util import find_spec

from tidings.errors import ParseError
from tidings.model.feed import ParsedEntry
from tidings.model.text import text_of
from tidings.parsing.entry_body import clean_body
from tidings.parsing.page_tree import MAX_PAGE, base_of, page_tree
from tidings.parsing.pictures import picture_key

MISSING = "full text needs the extra: pip install 'tidings[text]'"

# Formulas that MathJax typesets in the browser: they stand in scripts, which are dropped. Bounded, so
# that a page of nothing but beginnings takes no quadratic time.
_FORMULA = re.compile(
    r"<script\b[^<>]{0,100}\btype\s{0,9}=\s{0,9}[\"']?math/tex(?P<display>[^<>]{0,40}\bdisplay\b)?"
    r"[^<>]{0,100}>(?P<tex>[^<]{1,2000}(?:<(?!/script)[^<]{0,2000}){0,9})</script\s{0,9}>",
    re.IGNORECASE,
)

_TOP_HEADING = re.compile(r"<h([12])\b[^>]*>(.*?)</h\1\s*>", re.DOTALL | re.IGNORECASE)


def is_installed() -> bool:
    """Tell whether articles can be read at all."""
    return find_spec("readability") is not None


def with_article(entry: ParsedEntry, page: str, *, url: str) -> ParsedEntry:
    """Return an entry with the article of its page as its body.

    Everything else stays as the feed has it, the excerpt and the hashes as well: what the
    publisher changes on the page is no edit of the entry.

    Args:
        entry: As the feed has it.
        page: The text of the page.
        url: Where it came from.

    Raises:
        ParseError: There is no article on it, or less of it than in the feed.
    """
    base = base_of(page_tree(page), url)
    article = _without_title(article_html(page), entry.title)
    body = clean_body(article, bases=[*filter(None, [base]), url], language=entry.language)
    if len(text_of(body.html)) <= len(text_of(entry.content)):
        raise ParseError(url, "its page has no longer text than the feed")
    inside = {picture_key(one) for one in body.pictures}
    return replace(
        entry,
        content=body.html,
        excerpt=entry.excerpt or body.excerpt,
        image=entry.image or body.image,
        pictures=tuple(one for one in entry.pictures if picture_key(one.url) not in inside),
        terms=None,
    )


def article_html(page: str) -> str:
    """Return the article of a page, as HTML that is not clean yet; empty if there is none."""
    # Here: it takes a tenth of a second, and is an extra.
    from readability import Document

    return str(Document(_FORMULA.sub(_as_text, page[:MAX_PAGE])).summary(html_partial=True))


def _as_text(formula: re.Match[str]) -> str:
    tex = escape(unescape(formula["tex"]), quote=False)
    return rf"\[{tex}\]" if formula["display"] else rf"\({tex}\)"


def _without_title(article: str, title: str) -> str:
    """Return an article without the heading that is the title of its entry."""
    heading = _TOP_HEADING.search(article)
    if heading is None or text_of(heading[2]) != title:
        return article
    return article[: heading.start()] + article[heading.end() :]
