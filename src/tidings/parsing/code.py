"""Code blocks: extract the source from any highlighter's markup, and highlight it anew."""

import html
import re
from dataclasses import dataclass

from pygments.lexer import Lexer
from pygments.lexers import get_all_lexers, get_lexer_by_name
from pygments.token import STANDARD_TYPES
from selectolax.lexbor import LexborNode

from tidings.parsing.text_cleaning import clean_text

# Characters of a block that is highlighted; Pygments would take too long for more.
MAX_HIGHLIGHTED = 50_000
MAX_DEPTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A block of code.

    Attributes:
        source: The text as its author typed it.
        language: A Pygments alias; empty if unknown.
    """

    source: str
    language: str = ""


_LANGUAGES = frozenset(alias for lexer in get_all_lexers(plugins=False) for alias in lexer[1])
_LANGUAGE = re.compile(r"(?:language|lang|highlight-source|highlight|brush)[-:]\s*([\w+#.-]+)")
_MARKS = frozenset({"highlight", "hljs", "sourcecode", "codehilite", "prettyprint"})
_GUTTER_COLUMN = "td.gutter, td.linenos, td.lntd, td.rouge-gutter, td.hljs-ln-numbers"
_GUTTERS = frozenset(
    {"gutter", "linenos", "lineno", "linenodiv", "rouge-gutter", "line-numbers-rows", "crayon-nums"}
    | {"hljs-ln-numbers", "hljs-ln-n", "line-number", "blob-num", "lnt", "ln"}
)
_UNREAD = frozenset({"script", "style", "button", "template", "textarea", "select"})
_LINES = frozenset({"div", "p", "tr", "li"})
_LINE = re.compile(r"(?:^|\s)(?:code-|token-|view-|cm-)?line(?:\s|$)")
_BLOCK_STYLE = re.compile(r"display\s*:\s*(?:block|flex|grid)")
_ANCESTORS = 6
_COLOURLESS = frozenset({"", "n", "p", "w"})


def find_in_element(node: LexborNode) -> Code | None:
    """Return the code in a `<pre>`, or in a table with line numbers beside one.

    A `<pre>` without language but with links or pictures is prose.
    """
    if node.tag != "table":
        return _of_block(node)
    if not node.css_first(_GUTTER_COLUMN):
        return None
    blocks = node.css("pre")
    if len(blocks) > 2:  # the numbers and the code
        return None
    found = [code for block in blocks if (code := _of_block(block)) and code.source]
    return found[0] if len(found) == 1 else None


def to_html(code: Code) -> str:
    """Return `code` as a block of HTML, highlighted if its language is known."""
    lexer = _find_lexer(code.language) if len(code.source) <= MAX_HIGHLIGHTED else None
    if lexer is None:
        written, mark = html.escape(code.source, quote=False), ""
    else:
        written = _coloured(lexer, code.source)
        mark = f' class="language-{html.escape(code.language)}"'
    return f'<pre class="code"><code{mark}>{written}</code></pre>'


def _of_block(pre: LexborNode) -> Code | None:
    language = _language_of(pre)
    if not language and pre.css_first("a[href], img"):
        return None
    if _is_gutter(pre) or (pre.parent is not None and _is_gutter(pre.parent)):
        return Code(source="")
    lines: list[str] = []
    _read(pre, lines, 0)
    return Code(source=clean_text("".join(lines)).strip("\n"), language=language)


def _read(node: LexborNode, lines: list[str], depth: int) -> None:
    for child in node.iter(include_text=True):
        tag = child.tag or ""
        if tag == "-text" or depth > MAX_DEPTH:
            lines.append(child.text_lexbor())
        elif tag == "br":
            lines.append("\n")
        elif not (tag.startswith("-") or tag in _UNREAD or _is_gutter(child)):
            if _follows_line(child):
                lines.append("\n")
            if tag in _LINES:
                _end_line(lines)
            _read(child, lines, depth + 1)
            if tag in _LINES:
                _end_line(lines)


def _follows_line(node: LexborNode) -> bool:
    """Tell whether two elements are lines without a line break between them: CSS makes it."""
    before = node.prev
    if before is None or not (_is_line(before) and _is_line(node)):
        return False
    return not before.text_lexbor().endswith("\n")


def _is_line(node: LexborNode) -> bool:
    attributes = node.attributes
    if node.tag == "code":
        return True
    return node.tag == "span" and (
        "data-line" in attributes
        or _LINE.search(attributes.get("class") or "") is not None
        or _BLOCK_STYLE.search(attributes.get("style") or "") is not None
    )


def _end_line(lines: list[str]) -> None:
    if lines and not lines[-1].endswith("\n"):
        lines.append("\n")


def _is_gutter(node: LexborNode) -> bool:
    classes = node.attributes.get("class")
    return bool(classes) and not _GUTTERS.isdisjoint((classes or "").split())


def _language_of(pre: LexborNode) -> str:
    around: list[LexborNode | None] = [pre, pre.css_first("code")]
    ancestor = pre.parent
    for _ in range(_ANCESTORS):
        around.append(ancestor)
        ancestor = ancestor.parent if ancestor is not None else None
    for node in around:
        for name in _names_at(node.attributes) if node is not None else ():
            if name in _LANGUAGES:
                return name
    return ""


def _names_at(attributes: dict[str, str | None]) -> list[str]:
    classes = (attributes.get("class") or "").lower()
    names = _LANGUAGE.findall(classes)
    names += [attributes.get(name) or "" for name in ("data-lang", "data-language", "lang")]
    tokens = classes.split()
    if not _MARKS.isdisjoint(tokens):
        names += [token for token in tokens if token not in _MARKS]
    return [name.lower() for name in names if name]


def _find_lexer(language: str) -> Lexer | None:
    # `stripnl` would remove blank lines at the beginning, which the source has on purpose.
    return get_lexer_by_name(language, stripnl=False) if language in _LANGUAGES else None


def _coloured(lexer: Lexer, source: str) -> str:
    written = []
    for kind, text in lexer.get_tokens(source):
        name = STANDARD_TYPES.get(kind, "")
        shown = html.escape(text, quote=False)
        written.append(shown if name in _COLOURLESS else f'<span class="{name}">{shown}</span>')
    return "".join(written).removesuffix("\n")
