r"""Find formulas in HTML: `$…$`, `\(…\)`, KaTeX, MathJax, MathML, pictures of TeX."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import parse_qs, unquote, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from tidings.parsing import mathml, mathml_tex
from tidings.parsing.sanitizer import Attributes
from tidings.parsing.text_cleaning import collapse_whitespace


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A formula as TeX.

    Attributes:
        tex: One line, without delimiters.
        display: Whether it stands on a line of its own.
        native: The publisher's own MathML, made safe; empty if there is none.
    """

    tex: str
    display: bool = False
    native: str = ""

    @property
    def source(self) -> str:
        """The TeX between the delimiters of its kind."""
        return rf"\[{self.tex}\]" if self.display else rf"\({self.tex}\)"


# Single dollars by Pandoc's rule: no blank behind the opening one, no digit behind the closing one,
# so that "$20 or $30" is money.
_DOLLARS = r"[^$\\]*+(?:\\.[^$\\]*+)*+"
_BRACKETS = r"[^\\]*+(?:\\[^()\[\]][^\\]*+)*+"
_DELIMITED = re.compile(
    rf"(?<!\\)\$\$(?P<double>{_DOLLARS})\$\$"
    rf"|(?<![\\0-9A-Za-z])\$(?![\s$])(?P<single>{_DOLLARS})\$(?!\d)"
    rf"|(?<!\\)\\\((?P<round>{_BRACKETS})\\\)"
    rf"|(?<!\\)\\\[(?P<square>{_BRACKETS})\\\]"
    r"|(?P<environment>\\begin\{(?P<name>(?:align|alignat|eqnarray|equation|flalign|gather|multline)"
    r"\*?)\}.{1,2000}?\\end\{(?P=name)\})",
    re.DOTALL,
)
_COMMAND = re.compile(r"\\(?:[A-Za-z]+|[{}|,;:!\\])")
_SIGN = re.compile(r"[\^_=+<>]")
_ALGEBRA = re.compile(
    r"[\w\s^{}()\[\]+\-*/=<>|,.!:;'~&\u2026\xd7\xb7\u2212\u0370-\u03ff\u2200-\u22ff]+", re.ASCII
)
_WORD = re.compile(r"[A-Za-z]{3}")
_TWO_WORDS = re.compile(r"[A-Za-z]{2,}\s+[A-Za-z]{2,}")
_LETTER_OR_DIGIT = re.compile(r"[0-9A-Za-z\u0370-\u03ff]")
_COMMENT = re.compile(r"(?<!\\)%[^\n\v]*")
_TEX_TYPE = re.compile(r"(?:\b|la)tex\b", re.IGNORECASE)
_MATHML = re.compile(r"<(?:\w+:)?math[\s>].{1,5000}?</(?:\w+:)?math\s*>", re.IGNORECASE | re.DOTALL)
_PREFIX = re.compile(r"<(/?)\w+:")
# Commands to CodeCogs' renderer, no TeX.
_FOR_PICTURES = re.compile(r"\\(?:inline|large|dpi\{\d+\}|bg_\w+|fn_\w+)\s*")
# WordPress.com writes `$latex …$`.
_WORDPRESS = "latex "

_WRAPPERS = frozenset(
    {"katex", "katex-display", "mwe-math-element", "MathJax", "MathJax_Display", "MathJax_SVG"}
    | {"MathJax_SVG_Display", "MathJax_CHTML", "MathJax_Preview", "MJXc-display"}
)
_PANDOC = frozenset({"math", "arithmatex", "language-math"})
_KINDS = {"inline": False, "math-inline": False, "display": True, "math-display": True}
_PICTURE_CLASSES = frozenset({"latex", "tex", "math", "mathtex", "ee_img", "equation"})
# Zhihu, WordPress, Google Charts, GitHub: by the last part of the path, the query's parameter.
_PICTURE_PARAMETERS = {"equation": "tex", "latex.php": "latex", "chart": "chl", "math": "math"}
_TEX_HOSTS = frozenset({"latex.codecogs.com", "i.upmath.me", "math.now.sh"})


def split(text: str) -> list[str | Formula]:
    """Return `text` split into formulas and other text.

    A dollar sign is a currency until what follows is clearly TeX.
    """
    parts: list[str | Formula] = []
    done = start = 0
    while found := _DELIMITED.search(text, start):
        kind = found.lastgroup or ""
        formula = _delimited(kind, found[kind])
        if formula is None:
            start = found.start() + 1
            continue
        parts += [text[done : found.start()], formula]
        done = start = found.end()
    parts.append(text[done:])
    return parts


def may_hold(text: str) -> bool:
    """Tell whether `split` could find anything in `text`."""
    return "$" in text or "\\" in text


def to_html(formula: Formula) -> str:
    """Return the formula as MathML, failing that its source as code."""
    written = formula.native or mathml.from_tex(formula.tex, display=formula.display)
    return written or f'<code class="tex">{html.escape(formula.tex, quote=False)}</code>'


def with_sources(line: str) -> str:
    """Return a line of HTML with the source of each formula in place of its MathML."""
    if "math" not in line:
        return line
    return _MATHML.sub(_source_of, line)


def _source_of(math: re.Match[str]) -> str:
    written = _PREFIX.sub(r"<\1", math[0])
    formula = _of_written(written)
    return html.escape(formula.source, quote=False) if formula else written


def find_in_element(node: LexborNode, attributes: Attributes) -> Formula | None:
    """Return the formula that an element as a whole represents."""
    find = _BY_TAG.get(mathml.local_name(node), _of_element)
    return find(node, attributes)


def is_preview(node: LexborNode, attributes: Attributes) -> bool:
    """Tell whether an element is MathJax's preview of the `<script>` after it."""
    if "MathJax" not in (attributes.get("class") or ""):
        return False
    return any(
        sibling.tag == "script"
        and (sibling.attributes.get("type") or "").startswith(("math/tex", "math/mml"))
        for sibling in islice(_following(node), 3)
    )


def _following(node: LexborNode) -> Iterator[LexborNode]:
    sibling = node.next
    while sibling is not None:
        yield sibling
        sibling = sibling.next


def _delimited(kind: str, content: str) -> Formula | None:
    if kind == "environment":
        return _of_tex(content, display=True)
    if kind == "single" and content.startswith(_WORDPRESS):
        return _of_tex(content.removeprefix(_WORDPRESS), display=False)
    if not _is_tex(kind, content):
        return None
    return _of_tex(content, display=kind in {"double", "square"})


def _is_tex(kind: str, content: str) -> bool:
    if not content.strip() or (kind == "single" and (content[-1].isspace() or "\n\n" in content)):
        return False
    if _COMMAND.search(content):
        return True
    if not _ALGEBRA.fullmatch(content) or not _LETTER_OR_DIGIT.search(content):
        return False
    wordless = not _WORD.search(content)
    return {
        "round": not _TWO_WORDS.search(content),
        "square": bool(_SIGN.search(content)),
        "double": wordless or bool(_SIGN.search(content)),
        "single": wordless and content[-1] not in "+-*/=<,.:;([",
    }[kind]


def _of_tex(tex: str, *, display: bool, native: str = "") -> Formula | None:
    # A comment goes first: on one line it would hide all that follows.
    line = collapse_whitespace(_COMMENT.sub("", tex)).strip()
    return Formula(tex=line, display=display, native=native) if line else None


def _of_script(node: LexborNode, attributes: Attributes) -> Formula | None:
    kind = attributes.get("type") or ""
    if kind.startswith("math/mml"):
        return _of_written(node.text_lexbor())
    if not kind.startswith("math/tex"):
        return None
    return _of_tex(node.text_lexbor(), display="mode=display" in kind.replace(" ", ""))


def _of_math(node: LexborNode, attributes: Attributes) -> Formula | None:
    return _of_native(node, display=attributes.get("display") == "block")


def _of_native(node: LexborNode, *, display: bool) -> Formula | None:
    line = collapse_whitespace(_written_tex(node) or mathml_tex.to_tex(node)).strip()
    native = mathml.from_node(node, tex=line, display=display)
    return _of_tex(line, display=display, native=native or "")


def _of_written(markup: str, *, display: bool = False) -> Formula | None:
    math = LexborHTMLParser(markup).css_first("math")
    if math is None:
        return None
    return _of_native(math, display=display or math.attributes.get("display") == "block")


def _written_tex(math: LexborNode) -> str:
    """Return the TeX that a publisher gives beside MathML; empty if what is there is prose."""
    for annotation in math.css("annotation"):
        if _TEX_TYPE.search(annotation.attributes.get("encoding") or ""):
            return annotation.text_lexbor()
    alternative = math.attributes.get("alttext") or ""
    return alternative if _COMMAND.search(alternative) or not _WORD.search(alternative) else ""


def _of_container(node: LexborNode, attributes: Attributes) -> Formula | None:
    return _of_wrapper(node, attributes, display=attributes.get("display") == "true")


def _of_element(node: LexborNode, attributes: Attributes) -> Formula | None:
    tex = attributes.get("data-tex") or attributes.get("data-formula")
    if tex:
        return _of_tex(tex, display=attributes.get("data-eeimg") == "2")
    classes = (attributes.get("class") or "").split()
    if not _WRAPPERS.isdisjoint(classes):
        return _of_wrapper(node, attributes, display=any("isplay" in name for name in classes))
    return _of_pandoc(node, classes) if not _PANDOC.isdisjoint(classes) else None


def _of_wrapper(node: LexborNode, attributes: Attributes, *, display: bool) -> Formula | None:
    math = node.css_first("math")
    if math is None and (written := attributes.get("data-mathml")):
        return _of_written(written, display=display)
    if math is not None:
        return _of_native(math, display=display or math.attributes.get("display") == "block")
    tex = attributes.get("data-latex")
    drawn = node.css_first('mjx-math, [data-mml-node="math"]')
    if not tex and drawn is not None:
        tex = mathml_tex.to_tex(drawn)
    return _of_tex(tex, display=display) if tex else None


def _of_pandoc(node: LexborNode, classes: list[str]) -> Formula | None:
    text = node.text_lexbor().strip()
    found = _DELIMITED.fullmatch(text)
    display = next((_KINDS[name] for name in classes if name in _KINDS), None)
    if found is None:
        return _of_tex(text, display=display) if display is not None else None
    kind = found.lastgroup or ""
    if kind == "environment":
        return _of_tex(text, display=True)
    return _of_tex(
        found[kind], display=kind in {"double", "square"} if display is None else display
    )


def _of_picture(_: LexborNode, attributes: Attributes) -> Formula | None:
    alt = attributes.get("alt") or ""
    classes = (attributes.get("class") or "").split()
    display = attributes.get("eeimg") == "2"  # Zhihu
    if "eeimg" in attributes or not _PICTURE_CLASSES.isdisjoint(classes):
        tex = attributes.get("data-formula") or attributes.get("data-tex") or alt
    else:
        tex = attributes.get("data-formula") or _tex_of_address(attributes.get("src") or "")
    tex = _FOR_PICTURES.sub("", tex).strip().strip("$")
    return _of_tex(tex, display=display) if tex else None


def _tex_of_address(src: str) -> str:
    """Return the TeX in the URL of a server that renders formulas as pictures."""
    if "?" not in src and "codecogs" not in src and "upmath" not in src:
        return ""
    try:
        parts = urlsplit(src)
    except ValueError:
        return ""
    if parts.hostname in _TEX_HOSTS:
        return unquote(parts.query or parts.path.rpartition("/")[2])
    name = _PICTURE_PARAMETERS.get(parts.path.rpartition("/")[2])
    return parse_qs(parts.query).get(name, [""])[0] if name else ""


def _of_block(node: LexborNode, _: Attributes) -> Formula | None:
    code = node.css_first("code.language-math")
    return _of_tex(code.text_lexbor(), display=True) if code else None


_BY_TAG = {
    "script": _of_script,
    "math": _of_math,
    "img": _of_picture,
    "pre": _of_block,
    "mjx-container": _of_container,
}
