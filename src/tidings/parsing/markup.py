"""HTML as a row of tokens: what can be said of it in one pass, without building a tree."""

import html
import re
from collections import Counter

_INLINE = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd mark math nobr q rb rp rt"
    " ruby s samp small span strike strong sub sup svg time tt u var wbr"
)
_BLOCK = (
    "address applet area article aside audio blink blockquote body br button canvas caption center"
    " col colgroup dd details dialog dir div dl dt embed fieldset figcaption figure footer form"
    " frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe img input label legend li"
    " link main map marquee menu meta nav noscript object ol optgroup option p param picture pre"
    " progress script section select source style summary table tbody td template textarea tfoot"
    " th thead title tr track ul video"
)
_NEVER_CLOSED = (
    "area base br col embed hr img input link meta param source track wbr"
    " p li dd dt tr td th thead tbody tfoot option optgroup colgroup"
)
_FORMATTING = "a b big code em font i nobr s small strike strong tt u"

INLINE = frozenset(_INLINE.split())
"""Elements that end no word."""

BLOCKS = frozenset(_BLOCK.split())
"""All other elements of HTML."""

NEVER_CLOSED = frozenset(_NEVER_CLOSED.split())
"""Elements without end, or whose end may be left out: they say nothing about depth."""

FORMATTING = frozenset(_FORMATTING.split())
"""What a parser opens anew in every block until it is closed."""

SMALL = 20_000
"""Characters of a body with few tags that cannot cost much, however hostile."""
FEW_TAGS = 1000
MAX_DEPTH = 2000
MAX_REOPENED = 200_000
MAX_ATTRIBUTES = 1000
"""Characters of one tag, quoted values not counted."""

_INSIDE_TAG = r"""[^>=]*+(?:=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))?+[^>=]*+)*+"""
_HIDDEN = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))"
    rf"|<(script|style|template|textarea|select|iframe|title)(?=[\s/>]){_INSIDE_TAG}>?+"
    r".*?(?:</\1(?=[\s/>])[^>]*+>?+|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_TAG = re.compile(rf"<(/?)([a-zA-Z][^\s/>]*+){_INSIDE_TAG}>?+")
_DECLARATION = re.compile(r"<!\[CDATA\[|\]\]>|<[!?/][^>]*+>?+")
_QUOTED = re.compile(r""""[^"]*+"|'[^']*+'""")
_KNOWN_TAG = re.compile(
    rf"<(/?)({'|'.join((_INLINE + ' ' + _BLOCK).split())})(?:\s[^<>]*+|/)?+>", re.IGNORECASE
)


def text_of(raw_html: str) -> str:
    """Return what a reader would see, in one line; takes time linear in the input."""
    shown = raw_html
    if "<" in shown:
        shown = _spaced(_TAG.split(_HIDDEN.sub(" ", shown)))
        shown = _DECLARATION.sub(" ", shown)
    return " ".join(html.unescape(shown).split())


def unescaped(raw_html: str) -> str:
    """Return HTML that was escaped once too often as it was meant: it has no tag of its own."""
    if "<" in raw_html or not raw_html.lstrip().startswith("&lt;"):
        return raw_html
    meant = html.unescape(raw_html)
    return meant if _KNOWN_TAG.match(meant.lstrip()) and "</" in meant else raw_html


def without_known_tags(line: str) -> str:
    """Return a line of HTML without its markup; only elements of HTML count as such.

    Markup that was escaped once too often goes as well, provided that an element is both
    opened and closed: the title "the &lt;b&gt; tag" keeps its tag.
    """
    if "<" in line:
        bare = _HIDDEN.sub(" ", line).replace("<![CDATA[", "").replace("]]>", "")
        line = _spaced(_KNOWN_TAG.split(bare))
    if "&" in line:
        line = html.unescape(line)
        tags = _KNOWN_TAG.findall(line)
        if {name for slash, name in tags if slash} & {name for slash, name in tags if not slash}:
            line = _spaced(_KNOWN_TAG.split(line))
    return line


def _spaced(pieces: list[str]) -> str:
    """Join text, slash, name, text, …: the end of a block ends a word as well."""
    joined = pieces[:1]
    for name, text in zip(pieces[2::3], pieces[3::3], strict=True):
        joined.append(text if name.lower() in INLINE else f" {text}")
    return "".join(joined)


def is_affordable(raw_html: str) -> bool:
    """Tell whether a tree of `raw_html` costs time and memory in proportion to its size.

    Parsers need quadratic time for deep nesting and for tags with thousands of attributes,
    and open formatting elements anew in every block that follows them unclosed.
    """
    if len(raw_html) < SMALL and raw_html.count("<") < FEW_TAGS:
        return True
    open_elements: Counter[str] = Counter()
    depth = formatting = reopened = 0
    for tag in _TAG.finditer(raw_html):
        if tag.end() - tag.start() > MAX_ATTRIBUTES and _is_overloaded(tag[0]):
            return False
        name = tag[2].lower()
        if name not in NEVER_CLOSED:
            step = -1 if tag[1] else 1
            if step > 0 or open_elements[name] > 0:
                open_elements[name] += step
                depth += step
                formatting += step if name in FORMATTING else 0
        reopened += formatting
        if depth > MAX_DEPTH or reopened > MAX_REOPENED:
            return False
    return True


def _is_overloaded(tag: str) -> bool:
    return len(_QUOTED.sub("", tag)) > MAX_ATTRIBUTES
