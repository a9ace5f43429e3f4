"""Bytes to text: whatever the labels say, the bytes have the last word."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from charset_normalizer import from_bytes

from tidings.parsing import charsets
from tidings.parsing.doubling import undo_mojibake

MAX_SAMPLE = 16_384
"""Bytes that the detection of an encoding looks at."""

_EBCDIC = "<?xm".encode("cp037")

TOLERATED_DAMAGE = 0.05
"""Share of the characters beyond ASCII that may be unreadable while we still trust a label."""

DENSE_TEXT = 12
"""Characters beyond ASCII in a text that are enough to tell how close together they stand."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_BYTES_TOGETHER = re.compile(rb"[\x80-\xff]{2}")
_RUN = re.compile(r"[^\x00-\x7f]{3,}")
_ASCII_TAG = re.compile(rb"<[\t\n\r -;=?-~]{1,500}>")
_DECLARATION = re.compile(rb"<\?xml\s[^>]{0,200}?\bencoding\s{0,20}=\s{0,20}[\"']([^\"'<>]{0,200})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A document as text.

    Attributes:
        encoding: The codec that read it.
        problems: What its labels got wrong, in words.
    """

    text: str
    encoding: str
    problems: tuple[str, ...] = ()


def decode(body: bytes, charset: str | None = None) -> Decoded:
    """Read `body` as text, in the encoding it is really in.

    A byte order mark counts first, then bytes that happen to be valid UTF-8 beyond
    ASCII: no text in another encoding looks like that by chance. Then come the labels,
    then a guess from the bytes, and at last UTF-8 with what is unreadable replaced. What
    turns out to have been encoded twice is decoded twice.

    Args:
        body: The document, without its content encoding.
        charset: The label of the HTTP header, which goes before that of the XML declaration.
    """
    found = _by_marks(body)
    if found is None:
        labels = list(_labels(body, charset))
        found = _by_escapes(body, labels) or _by_utf_8(body, labels) or _by_labels(body, labels)
    text = None if found.text.isascii() else undo_mojibake(found.text)
    return replace(found, text=text, problems=(*found.problems, "encoded twice")) if text else found


def _by_marks(body: bytes) -> Decoded | None:
    for mark, marked in _BOMS:
        if body.startswith(mark):
            return _unless_broken(body[len(mark) :], marked)
    codec = _codec_by_zeros(body[:256])
    return _unless_broken(body, codec) if codec else None


def _by_utf_8(body: bytes, labels: list[str]) -> Decoded | None:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    problems = () if body.isascii() else _disagreements(labels, "utf-8")
    return Decoded(text=text, encoding="utf-8", problems=problems)


def _unless_broken(body: bytes, codec: str) -> Decoded | None:
    """Read Unicode that says so; None if too much of it is unreadable."""
    text = body.decode(codec, errors="replace").removeprefix("\ufeff")
    damage = _damage(text)
    if damage > TOLERATED_DAMAGE:
        return None
    return Decoded(text=text, encoding=codec, problems=_unreadable(text, codec) if damage else ())


def _codec_by_zeros(start: bytes) -> str | None:
    """Return the codec of unmarked UTF-16 and UTF-32: markup has a zero in every ASCII character."""
    zeros = [start[offset::4].count(0) for offset in range(4)]
    quads, pairs = len(start) // 4, len(start) // 2
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    if quads and zeros[2] == zeros[3] == quads:
        return "utf-32-le"
    if quads and zeros[0] == zeros[1] == quads:
        return "utf-32-be"
    if odd * 3 > pairs > even * 20:
        return "utf-16-le"
    if even * 3 > pairs > odd * 20:
        return "utf-16-be"
    return None


def _by_escapes(body: bytes, labels: list[str]) -> Decoded | None:
    """Read the 7-bit encodings of East Asia, which would else pass for ASCII."""
    if not body.isascii():
        return None
    named = [codec for label in labels for codec in charsets.codecs_of(label)]
    codecs_7_bit = [codec for codec in named if codec.startswith("iso2022")]
    if b"\x1b$)C" in body:
        codecs_7_bit.append("iso2022_kr")
    elif b"\x1b$" in body:
        codecs_7_bit.append("iso2022_jp_ext")
    elif b"~{" in body and "hz" in named:
        codecs_7_bit = ["hz"]
    else:
        return None
    for codec in codecs_7_bit:
        if found := _unless_broken(body, codec):
            return replace(found, problems=(*_disagreements(labels, codec), *found.problems))
    return None


def _labels(body: bytes, charset: str | None) -> Iterator[str]:
    if charset:
        yield charset
    start = body[:1024]
    is_ebcdic = start.startswith(_EBCDIC)
    if is_ebcdic:
        start = start.decode("cp037").encode("ascii", errors="replace")
    declared = _DECLARATION.search(start)
    if declared:
        yield declared[1].decode("ascii", errors="replace")
    if is_ebcdic:
        yield "cp037"


def _by_labels(body: bytes, labels: list[str]) -> Decoded:
    """Read `body` by the first label that fits: exactly, then with a little damage; else guess."""
    candidates = [codec for label in labels for codec in charsets.codecs_of(label)]
    # The western label is the least telling one, and means nothing for text that looks eastern.
    candidates.sort(key=lambda codec: codec == charsets.WESTERN)
    if found := _without_damage(body, candidates, labels):
        return found
    if all(codec == "utf-8" for codec in candidates) and _is_mostly_utf_8(body):
        return _labelled(body.decode(errors="replace"), "utf-8", labels)

    for codec in ("utf-8", *candidates):
        text = body.decode(codec, errors="replace")
        is_misread = codec == charsets.WESTERN and _is_dense(text)
        if _damage(text) <= TOLERATED_DAMAGE and not is_misread:
            return _labelled(text, codec, labels)

    for codec in (_guess(body), *candidates):
        text = body.decode(codec, errors="replace")
        if _damage(text) <= TOLERATED_DAMAGE:
            return _labelled(text, codec, labels)
    return _labelled(body.decode(charsets.WESTERN, errors="replace"), charsets.WESTERN, labels)


def _without_damage(body: bytes, candidates: list[str], labels: list[str]) -> Decoded | None:
    for codec in candidates:
        try:
            text = body.decode(codec)
        except UnicodeDecodeError:
            continue
        if codec != charsets.WESTERN or not _is_dense(text):
            return _labelled(text, codec, labels)
    return None


def _is_mostly_utf_8(body: bytes) -> bool:
    """Tell whether there are more characters in UTF-8 than bytes that are none.

    Text in another encoding looks like UTF-8 in one character of five at most, by chance. So a
    short text that one byte of is broken is told from one that has a wrong label.
    """
    text = body.decode(errors="replace")
    beyond_ascii = len(text) - len(text.encode("ascii", errors="ignore"))
    return beyond_ascii >= 2 * text.count("\ufffd")


def _labelled(text: str, codec: str, labels: list[str]) -> Decoded:
    problems = _disagreements(labels, codec) + _unreadable(text, codec)
    return Decoded(text=text, encoding=codec, problems=problems)


def _is_dense(text: str) -> bool:
    """Tell whether letters beyond ASCII stand together: those of western languages stand alone."""
    count = len(text) - len(text.encode("ascii", errors="ignore"))
    together = sum(map(len, _RUN.findall(text)))
    return count >= DENSE_TEXT and together * 2 > count


def _damage(text: str) -> float:
    if "\ufffd" not in text:
        return 0.0
    beyond_ascii = len(text) - len(text.encode("ascii", errors="ignore"))
    return text.count("\ufffd") / beyond_ascii


def _guess(body: bytes) -> str:
    """Return the likeliest codec, judged by the text of the lines that are not plain ASCII."""
    lines = (line for line in body[: 64 * MAX_SAMPLE].split(b"\n") if not line.isascii())
    sample = _ASCII_TAG.sub(b" ", b"\n".join(lines)[: 4 * MAX_SAMPLE])[:MAX_SAMPLE]
    beyond_ascii = sum(map(len, _BEYOND_ASCII.findall(sample)))
    if beyond_ascii < DENSE_TEXT and not _BYTES_TOGETHER.search(sample):
        return charsets.WESTERN  # a few letters apart: too little to guess from
    detectable = list(charsets.DETECTABLE)
    matches = from_bytes(sample, cp_isolation=detectable, preemptive_behaviour=False)
    best = matches.best()
    if best is None:
        return charsets.WESTERN
    # The alphabet decides ties, and would make every short western text an eastern one.
    ties = [
        match for match in matches if (match.chaos, match.coherence) == (best.chaos, best.coherence)
    ]
    western = any("cp1252" in match.could_be_from_charset for match in ties)
    return "cp1252" if western else best.encoding


def _disagreements(labels: list[str], codec: str) -> tuple[str, ...]:
    """Say which labels are not true of a text that `codec` reads."""
    return tuple(
        f"says {charsets.printable(label)}, is {codec}"
        for label in dict.fromkeys(labels)
        if codec not in charsets.codecs_of(label)
    )


def _unreadable(text: str, codec: str) -> tuple[str, ...]:
    count = text.count("\ufffd")
    return (f"{count} unreadable characters in {codec}",) if count else ()
