"""Rewrite a body from its tree in one pass: HTML to be sanitized, and text for the excerpt.

Formulas and code are replaced by marks, which are filled in after the sanitizer. A mark starts
with a digest of the whole body, which no body can contain: publishers cannot forge one.
"""

import html
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from selectolax.lexbor import LexborNode

from tidings.model.feed import Image
from tidings.model.text import INLINE, script_of, text_of
from tidings.parsing import code, formulas, pictures, text_cleaning
from tidings.parsing.absolute_urls import absolute_url
from tidings.parsing.code import Code
from tidings.parsing.excerpts import Break, Piece
from tidings.parsing.formulas import Formula
from tidings.parsing.sanitizer import FIXED, TAGS, Attributes, allowed_attributes, start_tag
from tidings.parsing.text_cleaning import clean_line

# Nesting of elements; what is deeper is read as text.
MAX_DEPTH = 200

_RENAMED = {
    **dict.fromkeys(("article", "aside", "center", "section"), "div"),
    **dict.fromkeys(("dir", "menu"), "ul"),
    **dict.fromkeys(("listing", "xmp"), "pre"),
    "acronym": "abbr",
    "strike": "s",
    "tt": "code",
}
_SKIPPED = frozenset(
    {"applet", "area", "base", "button", "canvas", "col", "colgroup", "datalist", "embed", "frame"}
    | {"frameset", "head", "input", "link", "math", "meta", "noembed", "noframes", "param"}
    | {"script", "select", "source", "style", "svg", "template", "textarea", "title", "track"}
)
_LITERAL = frozenset({"code", "kbd", "listing", "pre", "samp", "tt", "var", "xmp"})
_SCRIPTS = frozenset({"sub", "sup"})
_UNSPOKEN = frozenset({"rp", "rt"})
_KEPT_EMPTY = frozenset({"table", "tbody", "td", "tfoot", "th", "thead", "tr"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
# Texts of permalinks beside headings.
_ANCHORS = frozenset({"#", "\xb6", "\xa7", "\U0001f517"})
_MAIL = re.compile(r"mailto:[\w.+%-]+@[\w.-]+", re.ASCII | re.IGNORECASE)
# In place of `<br>` in text: white space that XML cannot contain.
_LINE_BREAK = "\v"


@dataclass(slots=True, kw_only=True)
class BodyRewriter:
    """Rewrites one body.

    Attributes:
        base: What relative URLs are relative to.
        mark: What the marks of this body start with.
        shift: By how many levels headings are lowered.
        written: HTML, with marks.
        pieces: The same as text, formulas and code, for the excerpt.
        marked: What the marks stand for, in their order.
        image: The first picture that can be the entry's main one.
        pictures: The URLs of all pictures.
    """

    base: str | None
    mark: str
    shift: int = 0
    written: list[str] = field(default_factory=list, init=False)
    pieces: list[Piece] = field(default_factory=list, init=False)
    marked: list[Formula | Code] = field(default_factory=list, init=False)
    image: Image | None = field(default=None, init=False)
    pictures: set[str] = field(default_factory=set, init=False)
    _substance: int = field(default=0, init=False)
    _literal: int = field(default=0, init=False)
    _noscript: int = field(default=0, init=False)
    _numbers: list[int | None] = field(default_factory=list, init=False)
    _keys: set[str] = field(default_factory=set, init=False)
    _in_noscript: set[str] = field(default_factory=set, init=False)

    def read(self, first: LexborNode | None, depth: int = 0) -> None:
        """Write `first` and what follows it within the same element."""
        run = ""
        child = first
        while child is not None:
            tag = child.tag or ""
            if tag == "-text":
                run += child.text_content or ""
            elif tag == "br":
                run += _LINE_BREAK
            elif not tag.startswith("-"):
                self._write_text(run)
                run = ""
                self._read_element(child, tag, depth)
            child = child.next
        self._write_text(run)

    def _write_text(self, text: str) -> None:
        if not text:
            return
        if self._literal or not formulas.may_hold(text):
            self._write_plain(text)
            return
        for part in formulas.split(text):
            if isinstance(part, Formula):
                self._write_mark(part)
            elif part:
                self._write_plain(part)

    def _write_plain(self, text: str) -> None:
        escaped = html.escape(text, quote=False)
        if _LINE_BREAK in text:
            escaped = escaped.replace(_LINE_BREAK, "<br>")
            text = text.replace(_LINE_BREAK, " ")
        self.written.append(escaped)
        self.pieces.append(text)
        self._substance += not text.isspace()

    def _write_mark(self, marked: Formula | Code) -> None:
        mark = f"{self.mark}{len(self.marked)}."
        # In `pre`, so that the sanitizer closes paragraphs around a block of code.
        self.written.append(f"<pre>{mark}</pre>" if isinstance(marked, Code) else mark)
        self.marked.append(marked)
        self.pieces.append(marked)
        self._substance += 1

    def _read_element(self, node: LexborNode, tag: str, depth: int) -> None:
        attributes = node.attributes
        if depth >= MAX_DEPTH:
            self._write_text(text_of(node.html or ""))
        elif attributes and _is_hidden(node, attributes):
            return
        elif not self._literal and (marked := _find_marked(node, tag, attributes)):
            if marked.source:
                self._write_mark(marked)
        elif not self._write_apart(node, tag, attributes) and tag not in _SKIPPED:
            self._write_element(node, tag, attributes, depth=depth)

    def _write_apart(self, node: LexborNode, tag: str, attributes: Attributes) -> bool:
        """Write an element without text inside; return whether `node` is one."""
        match tag:
            case "img":
                self._write_picture(attributes)
            case "iframe":
                self._write_frame(attributes)
            case "audio" | "video":
                self._write_player(node, tag, attributes)
            case "hr":
                self.written.append("<hr>")
                self._substance += 1
                self.pieces.append(Break.BLOCK)
            case _:
                return False
        return True

    def _write_element(
        self, node: LexborNode, tag: str, attributes: Attributes, *, depth: int
    ) -> None:
        name = self._name(tag)
        start, substance, said = len(self.written), self._substance, len(self.pieces)
        opened = self._open(name, attributes) if name in TAGS else ""
        self.written.append(opened)
        if tag in text_cleaning.BLOCKS:
            self._begin_block(tag, attributes)
        self._literal += tag in _LITERAL
        self._noscript += tag == "noscript"
        around = self.base
        if own := attributes.get("xml:base"):
            self.base = absolute_url(own, around) or around
        self.read(node.first_child, depth + 1)
        self.base = around
        self._literal -= tag in _LITERAL
        self._noscript -= tag == "noscript"
        if tag in text_cleaning.BLOCKS:
            self._end_block(tag)
        if opened:
            self.written.append(f"</{name}>")
        if tag in _UNSPOKEN:
            del self.pieces[said:]
        elif tag in _SCRIPTS:
            self._say_script(tag, said)
        if self._substance == substance and tag not in _KEPT_EMPTY:
            self._drop(start, said, inline=tag in INLINE)

    def _say_script(self, tag: str, said: int) -> None:
        """Rewrite the text of `sup` or `sub` since `said` so that it keeps its meaning."""
        pieces = [piece for piece in self.pieces[said:] if isinstance(piece, str)]
        if pieces and len(pieces) == len(self.pieces) - said:
            self.pieces[said:] = [script_of(tag, "".join(pieces))]

    def _drop(self, start: int, said: int, *, inline: bool) -> None:
        """Remove an element in which nothing is visible; at most a space stays."""
        between: Piece = " " if inline else Break.BLOCK
        if inline and len(self.pieces) > said:
            self.written[start:] = [" "]
        else:
            del self.written[start:]
        self.pieces[said:] = [between] if len(self.pieces) > said else []

    def _name(self, tag: str) -> str:
        if tag in _HEADINGS:
            return f"h{min(int(tag[1]) + self.shift, 6)}"
        return _RENAMED.get(tag, tag)

    def _open(self, name: str, attributes: Attributes) -> str:
        """Return the start tag; empty if the element means nothing without its attributes."""
        if name == "a":
            address = self._address(attributes.get("href"))
            return (
                start_tag("a", {"href": address, **allowed_attributes("a", attributes)})
                if address
                else ""
            )
        if not attributes:
            return f"<{name}>" if name != "span" else ""
        found = allowed_attributes(name, attributes)
        return start_tag(name, found) if found or name != "span" else ""

    def _address(self, href: str | None) -> str | None:
        if href and _MAIL.match(href):
            return href.partition("?")[0]
        return absolute_url(href, self.base)

    def _begin_block(self, tag: str, attributes: Attributes) -> None:
        self.pieces.append(Break.BLOCK)
        if tag == "ol":
            first = allowed_attributes("ol", attributes).get("start", "1")
            self._numbers.append(None if "reversed" in attributes else int(first))
        elif tag == "ul":
            self._numbers.append(None)
        elif tag == "li" and self._numbers:
            number = self._numbers[-1]
            if number is not None:
                self.pieces.append(f"{number}. ")
                self._numbers[-1] = number + 1

    def _end_block(self, tag: str) -> None:
        self.pieces.append(Break.BLOCK)
        if tag in {"ol", "ul"}:
            self._numbers.pop()

    def _write_picture(self, attributes: Attributes) -> None:
        if word := pictures.find_emoji(attributes):
            self._write_plain(word)
            return
        picture = pictures.find_picture(attributes, self.base)
        if picture is None or self._is_twin(picture):
            return
        self.pictures.add(picture.url)
        if self.image is None and pictures.can_be_main_picture(picture, attributes):
            self.image = picture
        shown = {"src": picture.url, "alt": picture.alt, **allowed_attributes("img", attributes)}
        shown |= FIXED["img"]
        sizes = {"width": picture.width, "height": picture.height}
        self.written.append(start_tag("img", {**shown, **sizes}))
        self._substance += 1

    def _is_twin(self, picture: Image) -> bool:
        """Tell whether a picture is a second copy, inside or outside of `noscript`."""
        # Lazy-loading scripts put the real picture into `noscript`, beside a copy for themselves.
        key = pictures.picture_key(picture.url)
        if key in self._keys:
            return self._noscript > 0
        if self._noscript:
            self._in_noscript.add(key)
            return False
        if key in self._in_noscript:
            self._in_noscript.remove(key)
            return True
        self._keys.add(key)
        return False

    def _write_player(self, node: LexborNode, tag: str, attributes: Attributes) -> None:
        own = {name: absolute_url(attributes.get(name), self.base) for name in ("src", "poster")}
        files = [
            absolute_url(source.attributes.get("src"), self.base) for source in node.css("source")
        ]
        sources = "".join(start_tag("source", {"src": url}) for url in files if url)
        if own["src"] or sources:
            opened = start_tag(tag, {**own, **FIXED[tag]})
            self.written.append(f"{opened}{sources}</{tag}>")
            self._substance += 1

    def _write_frame(self, attributes: Attributes) -> None:
        src = attributes.get("src") or attributes.get("data-src")
        # Frames are not allowed: they would run scripts of others on our pages. A link instead.
        page = pictures.find_player_page(src, self.base)
        if page:
            title = clean_line(attributes.get("title") or "", html=False)
            label = html.escape(title or urlsplit(page).hostname or "", quote=False)
            self.written.append(f"{start_tag('a', {'href': page})}\u25b6 {label}</a>")
            self._substance += 1


def _is_hidden(node: LexborNode, attributes: Attributes) -> bool:
    """Tell whether an element is hidden, an anchor beside a heading, or a formula's preview."""
    if "hidden" in attributes or _HIDDEN.search(attributes.get("style") or ""):
        return True
    if (attributes.get("href") or "").startswith("#"):
        return node.text_lexbor().strip() in _ANCHORS
    return formulas.is_preview(node, attributes)


def _find_marked(node: LexborNode, tag: str, attributes: Attributes) -> Formula | Code | None:
    formula = None
    if attributes or tag in {"math", "pre"} or tag.endswith(":math"):
        formula = formulas.find_in_element(node, attributes)
    if formula is None and tag in {"pre", "table"}:
        return code.find_in_element(node)
    return formula
