"""Markdown that operators write, as HTML that is safe in pages and messages."""

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

# HTML within Markdown is shown as the text that it is.
_MARKDOWN = MarkdownIt("commonmark", {"html": False})

# What a note needs. Headings would compete with those of the page, and pictures tell senders who
# reads: of both the text stays.
_CLEANER = nh3.Cleaner(
    tags={"a", "blockquote", "br", "code", "em", "hr", "li", "ol", "p", "pre", "strong", "ul"},
    attributes={"a": {"href"}, "ol": {"start"}},
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    link_rel="noopener",
)


def markdown_to_html(text: str) -> Markup:
    """Return CommonMark as HTML, with links of http, https and mailto alone."""
    return Markup(_CLEANER.clean(_MARKDOWN.render(text)).strip())  # noqa: S704 - just cleaned
