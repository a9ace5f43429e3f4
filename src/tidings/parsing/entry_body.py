"""The body of an entry: choose it among an entry's texts, clean it, and make an excerpt."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from selectolax.lexbor import LexborHTMLParser, LexborNode

from tidings.model.feed import Image
from tidings.model.text import text_of
from tidings.parsing import code, excerpts, formulas, text_cleaning
from tidings.parsing.absolute_urls import absolute_url
from tidings.parsing.code import Code
from tidings.parsing.formulas import Formula
from tidings.parsing.raw import Node, Text, node_text, nodes
from tidings.parsing.rewriting import BodyRewriter
from tidings.parsing.sanitizer import sanitize
from tidings.parsing.text_cleaning import clean_text, collapse_whitespace

# Characters that are checked first for visible text: mostly they are enough.
SAMPLE = 1000

# Characters of HTML for each of its text, mostly.
MARKUP_ALLOWANCE = 4

# Characters of a reference such as `&CounterClockwiseContourIntegral;`, and more.
MAX_REFERENCE = 40

_XHTML = "application/xhtml+xml"

_HTML_TYPES = ("text/html", _XHTML)

_CONTENT = ("content", "content:encoded", "fullitem", "body", "xhtml:body", "xhtml:div")

_LESSER_TEXTS = ("dc:description", "media:description", "itunes:summary", "itunes:subtitle")

# Elements by what they mean, the one for the whole text first; "" is all others, like a summary.
_ORDER = (*_CONTENT, "description", "", *_LESSER_TEXTS)

_SHOWN = re.compile(
    r"<(?:img|video|audio|iframe|math|svg|object)\b(?![^>]*\b(?:width|height)\s*=\s*[\"']?[01]\b)",
    re.IGNORECASE,
)

# Characters of HTML that are read.
MAX_INPUT = 1_000_000

MAX_GROWTH = 10

GROWTH_ALLOWANCE = 64 * 1024

# Characters of formulas and code that are typeset and highlighted; the rest stays as its source.
MAX_SET = 100_000

_TOP_HEADING = 3

_HEADING = re.compile(r"<h([12])[\s>]", re.IGNORECASE)

_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")

# HTML parsers take all that follows `plaintext` for text, to the end: no feed means that.
_PLAINTEXT = re.compile(r"</?plaintext(?:[\s/][^<>]*)?>", re.IGNORECASE)

_LINE_END = re.compile(r"\r\n?")


def find_body(texts: Sequence[Node]) -> Text:
    """Return the body among `texts`: by element, then HTML before plain text, then the longest.

    HTML also wins over the same in plain text, whatever their elements.
    """
    typed = [(detail, found) for detail in texts if (found := typed_text(detail))]
    ranked = [one for _, one in sorted(typed, key=lambda pair: _rank(*pair))]
    chosen = next(filter(is_visible, ranked), Text())
    if "<" in chosen.value:
        return chosen
    said = _plain(chosen)
    rivals = (one for one in ranked if one.html and "<" in one.value)
    return next((one for one in rivals if said and _plain(one) == said), chosen)


def as_previously_parsed(texts: Sequence[Node]) -> list[Node]:
    """Return `texts` as an earlier version of ours parsed them, for revisions by its rules."""
    earlier = ((detail, dict.get(detail, "before", {})) for detail in texts)
    return [{**detail, **before} for detail, before in earlier if isinstance(before, dict)]


def typed_text(detail: Node) -> Text | None:
    """Return a text as plain or HTML by its type; None if it is no text at all."""
    kind, value = node_text(detail, "type").partition(";")[0].strip(), node_text(detail, "value")
    base = node_text(detail, "base")
    element, declared = node_text(detail, "element"), node_text(detail, "declared")
    if element.startswith("media:"):
        kind = declared or "plain"  # the default of Media RSS
    if element == "description" and kind == "text/plain" and not declared:
        kind = "text/html"  # feedparser takes a second text for plain
    if "html" in kind:
        if kind == _XHTML:
            value = value.replace("</br>", "")  # HTML reads it as one more line break
        return Text(value=value, html=True, base=base)
    if kind.startswith("text/") or kind == "plain":
        return Text(value=value, base=base)
    # A word that is no media type, such as "CDATA": the text itself has to tell.
    return (
        None
        if "/" in kind
        else Text(value=value, html=text_cleaning.looks_like_html(value), base=base)
    )


def is_visible(candidate: Text) -> bool:
    """Tell whether anything of a text is visible: words, or a picture larger than a pixel."""
    if not candidate.html:
        return bool(candidate.value)
    beginning = candidate.value[:SAMPLE]
    return bool(
        visible_text(beginning)
        or _SHOWN.search(candidate.value)
        or (len(candidate.value) > SAMPLE and visible_text(candidate.value))
    )


def find_body_by_first_rule(node: Node) -> Text:
    """Return the body by the first version of our rules: the longest text, captions included.

    Entries stored by it have keys and revisions by it, for ever.
    """
    details = nodes(node, "content") + nodes(node, "summary_detail")
    candidates = [
        typed_text_by_first_rule(detail)
        for detail in details
        if _was_text(node_text(detail, "type"))
    ]
    summary = node_text(node, "summary")
    if summary not in [node_text(detail, "value") for detail in details]:
        candidates.append(Text(value=summary, html=True))
    return max(candidates, key=lambda candidate: len(candidate.value), default=Text())


def typed_text_by_first_rule(detail: Node) -> Text:
    """Return a text as plain or HTML by the first version of our rules."""
    kind, value = node_text(detail, "type").partition(";")[0].strip(), node_text(detail, "value")
    if kind == _XHTML:
        value = value.replace("</br>", "")
    return Text(value=value, html=kind in _HTML_TYPES)


def _was_text(kind: str) -> bool:
    return not kind or kind.startswith("text/") or kind.partition(";")[0] in _HTML_TYPES


def _rank(detail: Node, typed: Text) -> tuple[int, bool, int]:
    element = node_text(detail, "element")
    rank = _ORDER.index(element if element in _ORDER else "")
    return rank, not typed.html, -len(typed.value)


def _plain(candidate: Text) -> str:
    said = candidate.value
    return visible_text(said) if candidate.html else " ".join(said.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanBody:
    """A cleaned body.

    Attributes:
        html: Sanitized; formulas as MathML, code highlighted.
        excerpt: Plain text for people, one line.
        image: The first picture that can be the entry's main one.
        pictures: The URLs of all pictures in it.
    """

    html: str
    excerpt: str
    image: Image | None
    pictures: frozenset[str] = frozenset()


def clean_body(raw_html: str, *, bases: Sequence[str], language: str | None) -> CleanBody:
    """Return the body of an entry as we show it.

    HTML that would cost too much time or memory is shown as plain text.

    Args:
        raw_html: As the publisher wrote it; at most `MAX_INPUT` characters are read.
        bases: What relative URLs are relative to, innermost first; a URL that is only a
            fragment belongs to the first.
        language: BCP 47, if known.
    """
    source = text_cleaning.unescape_html(
        text_cleaning.without_sections(clean_text(raw_html[:MAX_INPUT]))
    )
    source = _PLAINTEXT.sub(" ", source)
    if not text_cleaning.is_affordable(source):
        return _plain_body(source, language)
    mark = blake2b(source.encode(), digest_size=16).hexdigest() + "-"
    rewriting = BodyRewriter(base=_base_of(bases), mark=mark, shift=_heading_shift(source))
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
    """Return the text of a body in one line; it does not depend on how we clean bodies."""
    return collapse_whitespace(text_of(text_cleaning.unescape_html(raw_html[:MAX_INPUT]))).strip()


def beginning_of_text(raw_html: str, length: int) -> str:
    """Return at least `length` characters of the visible text of a body, as far as it has them."""
    beginning = raw_html[: MARKUP_ALLOWANCE * length]
    if "<" in beginning:  # without a tag, whether the text is HTML may be told by the rest
        # What is cut in two, a tag or a reference, changes no more than the end of the text.
        text = visible_text(beginning)
        if len(text) >= length + MAX_REFERENCE:
            return text
    return visible_text(raw_html)


def plain_to_html(text: str) -> str:
    """Return plain text as paragraphs of HTML; URLs in it stay text."""
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
    # Behind `wbr`, elements can neither move to the head nor make the document a frameset.
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
