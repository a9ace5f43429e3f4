"""The body of an entry: from a publisher's HTML to ours, and to an excerpt."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from selectolax.lexbor import LexborHTMLParser, LexborNode

from tidings.domain.documents import Image
from tidings.domain.markup import text_of
from tidings.parsing import code, excerpts, formulas, markup
from tidings.parsing.code import Code
from tidings.parsing.formulas import Formula
from tidings.parsing.rewriting import Rewriting
from tidings.parsing.sanitizer import sanitize
from tidings.parsing.text import clean_text, spaced_once
from tidings.parsing.urls import absolute_url

MAX_INPUT = 1_000_000
"""Characters of HTML that are read."""
MAX_GROWTH = 10
GROWTH_ALLOWANCE = 64 * 1024
MAX_SET = 100_000
"""Characters of formulas and code that are set; what is beyond stays as its source."""

_TOP_HEADING = 3
_HEADING = re.compile(r"<h([12])[\s>]", re.IGNORECASE)
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
_PLAINTEXT = re.compile(r"</?plaintext(?:[\s/][^<>]*)?>", re.IGNORECASE)
"""To a parser all that follows it is text, to the end of the document: no feed means that."""
_LINE_END = re.compile(r"\r\n?")


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanBody:
    """What is left of a body, once it is clean.

    Attributes:
        html: Sanitized; formulas as MathML, code highlighted.
        excerpt: Plain text for people, one line.
        image: The first picture that can stand for the entry.
        pictures: The addresses of all.
    """

    html: str
    excerpt: str
    image: Image | None
    pictures: frozenset[str] = frozenset()


def clean_body(raw_html: str, *, bases: Sequence[str], language: str | None) -> CleanBody:
    """Return the body of an entry as we show it.

    What a parser would spend too much time or memory on is shown as plain text.

    Args:
        raw_html: As the publisher wrote it; at most `MAX_INPUT` characters are read.
        bases: What relative addresses are relative to, innermost first; an address that is
            only a fragment belongs to the first.
        language: BCP 47, if known.
    """
    source = markup.unescaped(markup.without_sections(clean_text(raw_html[:MAX_INPUT])))
    source = _PLAINTEXT.sub(" ", source)
    if not markup.is_affordable(source):
        return _plain_body(source, language)
    mark = blake2b(source.encode(), digest_size=16).hexdigest() + "-"
    rewriting = Rewriting(base=_base_of(bases), mark=mark, shift=_heading_shift(source))
    rewriting.read(_first_node(source))
    written = "".join(rewriting.written)
    if len(written) > MAX_GROWTH * len(source) + GROWTH_ALLOWANCE:
        return _plain_body(source, language)
    return CleanBody(
        html=_set(clean_text(sanitize(written)), mark, rewriting.marked),
        excerpt=excerpts.excerpt(rewriting.pieces, language=language),
        image=rewriting.image,
        pictures=frozenset(rewriting.pictures),
    )


def visible_text(raw_html: str) -> str:
    """Return the text of a body in one line, whatever the way we clean it."""
    return spaced_once(text_of(markup.unescaped(raw_html[:MAX_INPUT]))).strip()


def plain_to_html(text: str) -> str:
    """Return plain text as paragraphs of HTML; addresses in it stay text."""
    lines = _LINE_END.sub("\n", clean_text(text)).strip()
    escaped = html.escape(lines, quote=False)
    return "\n".join(
        f"<p>{paragraph}</p>".replace("\n", "<br>")
        for paragraph in _PARAGRAPH.split(escaped)
        if paragraph
    )


def _plain_body(source: str, language: str | None) -> CleanBody:
    text = visible_text(source)
    excerpt = excerpts.excerpt([text], language=language)
    return CleanBody(html=plain_to_html(text), excerpt=excerpt, image=None)


def _first_node(source: str) -> LexborNode | None:
    # After an element of its own, a body can neither move to the head nor become a frameset.
    body = LexborHTMLParser("<!DOCTYPE html><body><wbr>" + source).body
    first = body.first_child if body is not None else None
    return first.next if first is not None else None


def _base_of(bases: Sequence[str]) -> str | None:
    base = None
    for candidate in reversed(bases):
        base = absolute_url(candidate, base) or base
    return base


def _heading_shift(source: str) -> int:
    """Return by how many levels headings are lowered, so that none stands above ours."""
    levels = [int(level) for level in _HEADING.findall(source)]
    return _TOP_HEADING - min(levels, default=_TOP_HEADING)


def _set(cleaned: str, mark: str, marked: Sequence[Formula | Code]) -> str:
    """Put formulas and code in the place of their marks, nowhere but between tags."""
    if not marked:
        return cleaned
    memo: dict[tuple[Formula | Code, bool], str] = {}
    shown = []
    room = MAX_SET
    for thing in marked:
        room -= len(thing.source)
        key = thing, room < 0
        if key not in memo:
            memo[key] = _html_of(thing, plain=room < 0)
        shown.append(memo[key])

    def replaced(found: re.Match[str]) -> str:
        number = found[1] or found[2]
        return shown[int(number)] if number else found[0]

    return re.sub(rf"<pre>{mark}(\d+)\.</pre>|{mark}(\d+)\.|<[^>]*>", replaced, cleaned)


def _html_of(thing: Formula | Code, *, plain: bool) -> str:
    if isinstance(thing, Code):
        return code.to_html(replace(thing, language="") if plain else thing)
    return html.escape(thing.source, quote=False) if plain else formulas.to_html(thing)
