"""Text as people read it: no characters that are illegal, invisible or misleading.

HTML as a row of tokens: what can be said of it in one pass, without building a tree.

Language tags: as publishers claim them, and as scripts give them away.
"""

import html
import re
from collections import Counter

import regex  # type: ignore[import-untyped]

from tidings.model.cjk import HAN, HANGUL, JAMO, KANA
from tidings.model.text import HIDDEN, INLINE, TAG, joined, with_scripts

# How many times its limit a line may be long in HTML: the rest is not looked at.
MARKUP_ALLOWANCE = 16

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_NONCHARACTERS = "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
)

_UNSEEN = re.compile(
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

# Elements without end, or whose end may be left out: they say nothing about depth.
NEVER_CLOSED = frozenset(_NEVER_CLOSED.split())

# What a parser opens anew in every block until it is closed.
FORMATTING = frozenset(_FORMATTING.split())

# Characters of a body with few tags that cannot cost much, however hostile.
SMALL = 20_000

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

# Characters that a guess looks at.
SAMPLE = 500

_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}")

_SCRIPTS = {
    "ja": re.compile(f"[{KANA}]"),
    "ko": re.compile(f"[{JAMO}{HANGUL}]"),
    "zh": re.compile(f"[{HAN}]"),
}


def clean_line(raw: str, *, html: bool, limit: int = 1000) -> str:
    """Return one line of plain text of at most `limit` characters.

    Zero-width joiners stay: emoji, Persian and the scripts of India are written with them.
    So do the marks that give the direction of a word, but not those that override it.

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
    line = spaced_once(line).strip(_JOINERS)
    return line if len(line) <= limit else cut(line, limit)


def clean_text(raw: str) -> str:
    """Return `raw` with nothing but characters that XML 1.0 allows."""
    return _NOT_XML.sub("", raw)


def spaced_once(raw: str) -> str:
    """Return `raw` without what nobody sees, every stretch of blanks as one space."""
    line = " ".join(raw.split())
    if not line.isprintable():
        line = " ".join(_UNSEEN.sub("", line).split())
    before = " " if raw[:1].isspace() else ""
    after = " " if line and raw[-1:].isspace() else ""
    return f"{before}{line}{after}"


def cut(line: str, limit: int) -> str:
    """Return the whole grapheme clusters among the first `limit` characters."""
    ends = [cluster.end() for cluster in _CLUSTER.finditer(line[: limit + 1])]
    whole = [end for end in ends if end <= limit]
    return line[: whole[-1] if whole else limit].rstrip()


def unescaped(raw_html: str) -> str:
    """Return HTML that was escaped once too often as it was meant: it has no tag of its own."""
    if "<" in raw_html or not raw_html.lstrip().startswith("&lt;"):
        return raw_html
    meant = html.unescape(raw_html)
    return meant if _KNOWN_TAG.match(meant.lstrip()) and "</" in meant else raw_html


def without_sections(text: str) -> str:
    """Return a text without the marks of CDATA sections, which some publishers escape as well."""
    return _SECTION.sub(r"\1", text) if "<![CDATA[" in text else text


def has_element(text: str) -> bool:
    """Tell whether an element of HTML begins or ends in `text`."""
    return bool(_KNOWN_TAG.search(text))


def is_likely(text: str) -> bool:
    """Tell whether `text` of an unknown type is HTML: it has an element, or a reference."""
    return has_element(text) or bool(_REFERENCE.search(text))


def without_known_tags(line: str) -> str:
    """Return a line of HTML without its markup; only elements of HTML count as such.

    Markup that was escaped once too often goes as well, provided that an element is both
    opened and closed: the title "the &lt;b&gt; tag" keeps its tag.
    """
    if "<" in line:
        bare = HIDDEN.sub(" ", with_scripts(line)).replace("<![CDATA[", "").replace("]]>", "")
        line = joined(_KNOWN_TAG.split(bare))
    if "&" in line:
        line = html.unescape(line)
        tags = _KNOWN_TAG.findall(line)
        if {name for slash, name in tags if slash} & {name for slash, name in tags if not slash}:
            line = joined(_KNOWN_TAG.split(line))
    return line


def is_affordable(raw_html: str) -> bool:
    """Tell whether a tree of `raw_html` costs time and memory in proportion to its size.

    Parsers need quadratic time for deep nesting and for tags with thousands of attributes,
    and open formatting elements anew in every block that follows them unclosed.
    """
    if len(raw_html) < SMALL and raw_html.count("<") < FEW_TAGS:
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
    """Return the language that the script of `text` stands for; None if many share it.

    Japanese is told from Chinese by its syllables, so they are looked for first.
    """
    start = text[:SAMPLE]
    for language, script in _SCRIPTS.items():
        if len(script.findall(start)) * 10 > len(start):
            return language
    return None
