"""Which of the texts of an entry is its body: by what they are, not by how long they are."""

import re
from collections.abc import Sequence

from tidings.parsing import markup
from tidings.parsing.body import visible_text
from tidings.parsing.nodes import Node, node_text, nodes
from tidings.parsing.raw import Text

ENOUGH = 1000
"""Characters in which a text mostly shows that it says something."""

_XHTML = "application/xhtml+xml"
_HTML_TYPES = ("text/html", _XHTML)

_CONTENT = ("content", "content:encoded", "fullitem", "body", "xhtml:body", "xhtml:div")
_LAST = ("dc:description", "media:description", "itunes:summary", "itunes:subtitle")
_ORDER = (*_CONTENT, "description", "", *_LAST)
"""Elements, the one that means the whole text first; "" is all others, such as a summary."""

_SHOWN = re.compile(
    r"<(?:img|video|audio|iframe|math|svg|object)\b(?![^>]*\b(?:width|height)\s*=\s*[\"']?[01]\b)",
    re.IGNORECASE,
)


def find_body(texts: Sequence[Node]) -> Text:
    """Return what `texts` mean as the body; of one meaning the marked up, then the longest.

    What is marked up also comes before the same in plain text, whatever it means.
    """
    typed = [(detail, found) for detail in texts if (found := find_typed(detail))]
    ranked = [one for _, one in sorted(typed, key=lambda pair: _rank(*pair))]
    chosen = next(filter(says_something, ranked), Text())
    if "<" in chosen.value:
        return chosen
    said = _plain(chosen)
    rivals = (one for one in ranked if one.html and "<" in one.value)
    return next((one for one in rivals if said and _plain(one) == said), chosen)


def as_before(texts: Sequence[Node]) -> list[Node]:
    """Return `texts` as an earlier version of ours read them, whose choice entries are known by."""
    earlier = ((detail, dict.get(detail, "before", {})) for detail in texts)
    return [{**detail, **before} for detail, before in earlier if isinstance(before, dict)]


def find_typed(detail: Node) -> Text | None:
    """Return a text with what its type says of it; None if it is no text at all."""
    kind, value = node_text(detail, "type").partition(";")[0].strip(), node_text(detail, "value")
    base = node_text(detail, "base")
    element, declared = node_text(detail, "element"), node_text(detail, "declared")
    if element.startswith("media:"):
        kind = declared or "plain"  # that is what Media RSS says of no type
    if element == "description" and kind == "text/plain" and not declared:
        kind = "text/html"  # feedparser takes a second text for plain
    if "html" in kind:
        if kind == _XHTML:
            value = value.replace("</br>", "")  # HTML reads it as one more line break
        return Text(value=value, html=True, base=base)
    if kind.startswith("text/") or kind == "plain":
        return Text(value=value, base=base)
    # A word that is no media type, such as "CDATA": the text itself has to tell.
    return None if "/" in kind else Text(value=value, html=markup.is_likely(value), base=base)


def says_something(candidate: Text) -> bool:
    """Tell whether a reader would see anything of a text: words, or a picture that is one."""
    if not candidate.html:
        return bool(candidate.value)
    beginning = candidate.value[:ENOUGH]
    return bool(
        visible_text(beginning)
        or _SHOWN.search(candidate.value)
        or (len(candidate.value) > ENOUGH and visible_text(candidate.value))
    )


def longest(node: Node) -> Text:
    """Return what the first rule took for the body: the longest text, captions included.

    Entries that were stored by that rule are recognised by it for ever.
    """
    details = nodes(node, "content") + nodes(node, "summary_detail")
    candidates = [first_typed(detail) for detail in details if _was_text(node_text(detail, "type"))]
    summary = node_text(node, "summary")
    if summary not in [node_text(detail, "value") for detail in details]:
        candidates.append(Text(value=summary, html=True))
    return max(candidates, key=lambda candidate: len(candidate.value), default=Text())


def first_typed(detail: Node) -> Text:
    """Return a text as the first rule understood its type."""
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
