"""Clean lines of text, checks of HTML without building a tree, language tags and guesses."""

import html
import re
from collections import Counter

import regex  # type: ignore[import-untyped]

from tidings.model.cjk import HAN, HANGUL, JAMO, KANA
from tidings.model.text import HIDDEN, INLINE, TAG, join_blocks, with_scripts

# How many times its limit a line may be long in HTML: the rest is not read.
MARKUP_ALLOWANCE = 16

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_NONCHARACTERS = "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
)

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u180e\u200b\u202a-\u202e\u2060-\u206f"
    f"\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ud800-\udfff{_NONCHARACTERS}]"
)

_CLUSTER = regex.compile(r"\X")

_JOINERS = "\u200c\u200d "

_BLOCK = (
    "address applet area article aside audio blink blockquote body br button canvas caption center"
    " col colgroup dd details dialog dir div dl dt embed fieldset figcaption figure footer form"
    " frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe img input label legend li"
    " link listing main map marquee menu meta nav noscript object ol optgroup option p param picture pre"
    " progress script section select source style summary table tbody td template textarea tfoot"
    " th thead title tr track ul video xmp"
)

_NEVER_CLOSED = (
    "area base br col embed hr img input link meta param source track wbr"
    " p li dd dt tr td th thead tbody tfoot option optgroup colgroup"
)

_FORMATTING = "a b big code em font i nobr s small strike strong tt u"

# All other elements of HTML.
BLOCKS = frozenset(_BLOCK.split())

# Elements without end tag, or with an optional one: they do not count as depth.
NEVER_CLOSED = frozenset(_NEVER_CLOSED.split())

# Elements that HTML parsers reopen in every block until they are closed.
FORMATTING = frozenset(_FORMATTING.split())

# Characters of a body with few tags that cannot cost much, however hostile.
ALWAYS_AFFORDABLE = 20_000

FEW_TAGS = 1000

MAX_DEPTH = 2000

MAX_REOPENED = 200_000

# Characters of one tag, quoted values not counted.
MAX_ATTRIBUTES = 1000

_QUOTED = re.compile(r""""[^"]*+"|'[^']*+'""")

_KNOWN_TAG = re.compile(
    rf"<(/?)({'|'.join(sorted(INLINE.union(_BLOCK.split())))})(?:\s[^<>]*+|/)?+>", re.IGNORECASE
)

_SECTION = re.compile(r"<!\[CDATA\[(?:<!\[CDATA\[)*(.*?)(?:\]\]>(?:\]\]>)*|\Z)", re.DOTALL)

_REFERENCE = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,8}\d?);", re.IGNORECASE)

# Characters that a guess of the language is made from.
SAMPLE = 500

_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}")

_SCRIPTS = {
    "ja": re.compile(f"[{KANA}]"),
    "ko": re.compile(f"[{JAMO}{HANGUL}]"),
    "zh": re.compile(f"[{HAN}]"),
}


def clean_line(raw: str, *, html: bool, limit: int = 1000) -> str:
    """Return one line of plain text of at most `limit` characters.

    Zero-width joiners stay: emoji, Persian and Indic scripts need them. So do marks of
    direction, but not overrides, which can disguise a text.

    Args:
        raw: As the publisher wrote it.
        html: Whether `raw` is HTML: entities are decoded and tags go, as far as their names
            are those of HTML ("vector<int>" and "a < b" are text).
        limit: Characters; the line is cut between two grapheme clusters.
    """
    line = raw[: limit * MARKUP_ALLOWANCE]
    if line.lstrip().startswith("<![CDATA["):
        line = without_sections(line)
    if html:
        line = without_known_tags(line)
    line = collapse_whitespace(line).strip(_JOINERS)
    return line if len(line) <= limit else truncate_line(line, limit)


def clean_text(raw: str) -> str:
    """Return `raw` without characters that XML 1.0 forbids."""
    return _NOT_XML.sub("", raw)


def collapse_whitespace(raw: str) -> str:
    """Return `raw` without invisible characters, every run of white space as one space."""
    line = " ".join(raw.split())
    if not line.isprintable():
        line = " ".join(_INVISIBLE.sub("", line).split())
    before = " " if raw[:1].isspace() else ""
    after = " " if line and raw[-1:].isspace() else ""
    return f"{before}{line}{after}"


def truncate_line(line: str, limit: int) -> str:
    """Return the complete grapheme clusters among the first `limit` characters."""
    ends = [cluster.end() for cluster in _CLUSTER.finditer(line[: limit + 1])]
    whole = [end for end in ends if end <= limit]
    return line[: whole[-1] if whole else limit].rstrip()


def unescape_html(raw_html: str) -> str:
    """Return HTML unescaped once, if it was escaped once too often: it has no tag of its own."""
    if "<" in raw_html or not raw_html.lstrip().startswith("&lt;"):
        return raw_html
    meant = html.unescape(raw_html)
    return meant if _KNOWN_TAG.match(meant.lstrip()) and "</" in meant else raw_html


def without_sections(text: str) -> str:
    """Return a text without the markup of CDATA sections, which some publishers escape as well."""
    return _SECTION.sub(r"\1", text) if "<![CDATA[" in text else text


def has_element(text: str) -> bool:
    """Tell whether there is a start or end tag of HTML in `text`."""
    return bool(_KNOWN_TAG.search(text))


def looks_like_html(text: str) -> bool:
    """Tell whether `text` of an unknown type is HTML: it has an element, or a reference."""
    return has_element(text) or bool(_REFERENCE.search(text))


def without_known_tags(line: str) -> str:
    """Return a line of HTML without its markup; only names of HTML elements count as tags.

    Markup that was escaped once too often is removed as well, if an element is both opened and
    closed: the title "the &lt;b&gt; tag" keeps its tag.
    """
    if "<" in line:
        bare = HIDDEN.sub(" ", with_scripts(line)).replace("<![CDATA[", "").replace("]]>", "")
        line = join_blocks(_KNOWN_TAG.split(bare))
    if "&" in line:
        line = html.unescape(line)
        tags = _KNOWN_TAG.findall(line)
        if {name for slash, name in tags if slash} & {name for slash, name in tags if not slash}:
            line = join_blocks(_KNOWN_TAG.split(line))
    return line


def is_affordable(raw_html: str) -> bool:
    """Tell whether parsing `raw_html` takes time and memory in proportion to its size.

    HTML parsers take quadratic time for deep nesting and for tags with thousands of attributes,
    and reopen unclosed formatting elements in every block that follows.
    """
    if len(raw_html) < ALWAYS_AFFORDABLE and raw_html.count("<") < FEW_TAGS:
        return True
    open_elements: Counter[str] = Counter()
    depth = formatting = reopened = 0
    for tag in TAG.finditer(raw_html):
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


def language_tag(claim: str) -> str | None:
    """Return `claim` as a BCP 47 tag, lower-case; None if it is none."""
    tag = claim.strip().lower().replace("_", "-")
    return tag if _TAG.fullmatch(tag) else None


def guess_language(text: str) -> str | None:
    """Return the language that the script of `text` belongs to; None if many share it."""
    # Kana first: Japanese is written with Han characters as well.
    start = text[:SAMPLE]
    for language, script in _SCRIPTS.items():
        if len(script.findall(start)) * 10 > len(start):
            return language
    return None
