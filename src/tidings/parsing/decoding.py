"""Bytes to text: byte order marks, labels, guesses from the bytes, and mojibake undone.

Labels of encodings mean what they mean to browsers (WHATWG Encoding); the bytes win over them.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from encodings.aliases import aliases

from charset_normalizer import from_bytes

# Bytes of the sample for detecting an encoding.
MAX_SAMPLE = 16_384

_EBCDIC = "<?xm".encode("cp037")

# Share of the characters beyond ASCII that may be unreadable before a label is not trusted.
TOLERATED_DAMAGE = 0.05

# Characters beyond ASCII from which on their density is telling.
MIN_FOR_DENSITY = 12

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

MAX_LABEL = 40

# Labels by Python codec, without their punctuation. UTF-16 and UTF-32 are missing because bytes
# tell them better than labels do.
_CODECS = {
    "big5hkscs": "big5 big5hkscs cnbig5 cp950 csbig5 xxbig5",
    "cp1250": "cp1250 windows1250 xcp1250",
    "cp1251": "cp1251 windows1251 xcp1251",
    "cp1252": "ansix341968 ascii cp1252 cp819 csisolatin1 ibm819 iso88591 iso885911987 isoir100 "
    "l1 latin1 usascii windows1252 xcp1252",
    "cp1253": "cp1253 windows1253 xcp1253",
    "cp1254": "cp1254 csisolatin5 iso88599 iso885991989 isoir148 l5 latin5 windows1254 xcp1254",
    "cp1255": "cp1255 windows1255 xcp1255",
    "cp1256": "cp1256 windows1256 xcp1256",
    "cp1257": "cp1257 windows1257 xcp1257",
    "cp1258": "cp1258 windows1258 xcp1258",
    "cp866": "866 cp866 csibm866 ibm866",
    "cp874": "cp874 dos874 iso885911 tis620 windows874",
    "cp932": "cp932 csshiftjis ms932 mskanji shiftjis sjis windows31j xsjis",
    "cp949": "cp949 cseuckr csksc56011987 euckr isoir149 korean ksc56011987 ksc56011989 ksc5601 "
    "ms949 uhc windows949",
    "euc_jp": "cseucpkdfmtjapanese eucjp xeucjp",
    "gb18030": "chinese cp936 csgb2312 csiso58gb231280 gb18030 gb2312 gb231280 gbk isoir58 ms936 xgbk",
    "iso2022_jp_ext": "csiso2022jp iso2022jp",
    "iso8859_10": "csisolatin6 iso885910 isoir157 l6 latin6",
    "iso8859_13": "iso885913",
    "iso8859_14": "iso885914",
    "iso8859_15": "csisolatin9 iso885915 l9 latin9",
    "iso8859_16": "iso885916",
    "iso8859_2": "csisolatin2 iso88592 iso885921987 isoir101 l2 latin2",
    "iso8859_3": "csisolatin3 iso88593 iso885931988 isoir109 l3 latin3",
    "iso8859_4": "csisolatin4 iso88594 iso885941988 isoir110 l4 latin4",
    "iso8859_5": "csisolatincyrillic cyrillic iso88595 iso885951988 isoir144",
    "iso8859_6": "arabic asmo708 csiso88596e csiso88596i csisolatinarabic ecma114 iso88596 "
    "iso885961987 iso88596e iso88596i isoir127",
    "iso8859_7": "csisolatingreek ecma118 elot928 greek greek8 iso88597 iso885971987 isoir126 sungreek",
    "iso8859_8": "csiso88598e csiso88598i csisolatinhebrew hebrew iso88598 iso885981988 iso88598e "
    "iso88598i isoir138 logical visual",
    "hz": "hz hzgb hzgb2312",
    "iso2022_kr": "csiso2022kr iso2022kr",
    "johab": "cp1361 johab ms1361",
    "koi8_r": "cskoi8r koi koi8 koi8r",
    "koi8_u": "koi8ru koi8u",
    "mac_cyrillic": "maccyrillic macukrainian xmaccyrillic xmacukrainian",
    "mac_roman": "csmacintosh mac macintosh macroman xmacroman",
    "utf-8": "unicode11utf8 unicode20utf8 utf8 utf8mb4 xunicode20utf8",
}

# Codecs that no browser knows any more, by Python's own names. No other label ever reaches Python:
# some of its codecs are no encodings, but decompress (zip bombs) or evaluate escapes.
_LEGACY_CODECS = """
cp037 cp273 cp424 cp437 cp500 cp720 cp737 cp775 cp850 cp852 cp855 cp856 cp857 cp858 cp860 cp861
cp862 cp863 cp864 cp865 cp869 cp875 cp1006 cp1026 cp1125 cp1140 hp_roman8 iso2022_jp_1
iso2022_jp_2 iso2022_jp_2004 iso2022_jp_3 koi8_t kz1048 mac_arabic mac_croatian mac_farsi
mac_greek mac_iceland mac_latin2 mac_romanian mac_turkish ptcp154 shift_jis_2004 shift_jisx0213
euc_jisx0213
"""

_KNOWN = frozenset(_LEGACY_CODECS.split())

# Runs beyond ASCII that must be valid when decoded once more: one may be chance.
MIN_RUNS = 2

_BYTES = {
    bytes([byte]).decode("cp1252", errors="ignore") or chr(byte): byte for byte in range(128, 256)
}

_DOUBLED_RUN = re.compile(r"[^\x00-\x7f]+")

# What is left of a no-break space (C2 A0) whose second byte became a blank.
_LEFTOVER = "Â"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A document as text.

    Attributes:
        encoding: The codec that decoded it.
        problems: Wrong labels and unreadable characters, in words.
    """

    text: str
    encoding: str
    problems: tuple[str, ...] = ()


def decode(body: bytes, charset: str | None = None) -> Decoded:
    """Decode `body`, in the encoding it is really in.

    A byte order mark counts first, then valid UTF-8 beyond ASCII, which no text in another
    encoding looks like by chance; then the labels, then a guess from the bytes, and at last
    Windows-1252. Text that was encoded twice is decoded twice.

    Args:
        body: The document, without its content encoding.
        charset: The label in the HTTP header, which wins over the XML declaration.
    """
    found = _by_bom(body)
    if found is None:
        labels = list(_labels(body, charset))
        found = _by_escapes(body, labels) or _by_utf_8(body, labels) or _by_labels(body, labels)
    text = None if found.text.isascii() else undo_mojibake(found.text)
    return replace(found, text=text, problems=(*found.problems, "encoded twice")) if text else found


def _by_bom(body: bytes) -> Decoded | None:
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
    """Decode Unicode that is marked as such; None if too much of it is unreadable."""
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
    """Decode the 7-bit encodings of East Asia, which look like ASCII."""
    if not body.isascii():
        return None
    named = [codec for label in labels for codec in codecs_of(label)]
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
    """Decode by the first label that fits: exactly, then with a little damage; else guess."""
    candidates = [codec for label in labels for codec in codecs_of(label)]
    # Last: servers say "ISO-8859-1" by default, and any bytes can be decoded as that.
    candidates.sort(key=lambda codec: codec == WESTERN)
    if found := _without_damage(body, candidates, labels):
        return found
    if all(codec == "utf-8" for codec in candidates) and _is_mostly_utf_8(body):
        return _labelled(body.decode(errors="replace"), "utf-8", labels)

    for codec in ("utf-8", *candidates):
        text = body.decode(codec, errors="replace")
        is_misread = codec == WESTERN and _is_dense(text)
        if _damage(text) <= TOLERATED_DAMAGE and not is_misread:
            return _labelled(text, codec, labels)

    for codec in (_guess(body), *candidates):
        text = body.decode(codec, errors="replace")
        if _damage(text) <= TOLERATED_DAMAGE:
            return _labelled(text, codec, labels)
    return _labelled(body.decode(WESTERN, errors="replace"), WESTERN, labels)


def _without_damage(body: bytes, candidates: list[str], labels: list[str]) -> Decoded | None:
    for codec in candidates:
        try:
            text = body.decode(codec)
        except UnicodeDecodeError:
            continue
        if codec != WESTERN or not _is_dense(text):
            return _labelled(text, codec, labels)
    return None


def _is_mostly_utf_8(body: bytes) -> bool:
    """Tell whether at least twice as many characters are valid UTF-8 as are not.

    Of text in another encoding at most one character of five is, by chance. So a short text with
    one broken byte differs from one with a wrong label.
    """
    text = body.decode(errors="replace")
    beyond_ascii = len(text) - len(text.encode("ascii", errors="ignore"))
    return beyond_ascii >= 2 * text.count("\ufffd")


def _labelled(text: str, codec: str, labels: list[str]) -> Decoded:
    problems = _disagreements(labels, codec) + _unreadable(text, codec)
    return Decoded(text=text, encoding=codec, problems=problems)


def _is_dense(text: str) -> bool:
    """Tell whether most letters beyond ASCII stand together; in western languages they do not."""
    count = len(text) - len(text.encode("ascii", errors="ignore"))
    together = sum(map(len, _RUN.findall(text)))
    return count >= MIN_FOR_DENSITY and together * 2 > count


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
    if beyond_ascii < MIN_FOR_DENSITY and not _BYTES_TOGETHER.search(sample):
        return WESTERN  # a few letters apart: too little to guess from
    detectable = list(DETECTABLE)
    matches = from_bytes(sample, cp_isolation=detectable, preemptive_behaviour=False)
    best = matches.best()
    if best is None:
        return WESTERN
    # The detector breaks ties by the names of codecs, and would make short western texts eastern.
    ties = [
        match for match in matches if (match.chaos, match.coherence) == (best.chaos, best.coherence)
    ]
    western = any("cp1252" in match.could_be_from_charset for match in ties)
    return "cp1252" if western else best.encoding


def _disagreements(labels: list[str], codec: str) -> tuple[str, ...]:
    """Return which labels are wrong for a text in `codec`, in words."""
    return tuple(
        f"says {printable(label)}, is {codec}"
        for label in dict.fromkeys(labels)
        if codec not in codecs_of(label)
    )


def _unreadable(text: str, codec: str) -> tuple[str, ...]:
    count = text.count("\ufffd")
    return (f"{count} unreadable characters in {codec}",) if count else ()


def _plain(label: str) -> str:
    return re.sub(r"[^a-z0-9]", "", label.lower())


_COMMON = (
    {_plain(name): codec for name, codec in aliases.items() if codec in _KNOWN}
    | {_plain(codec): codec for codec in _KNOWN}
    | {label: codec for codec, labels in _CODECS.items() for label in labels.split()}
)

# Python's other names of these codecs, such as "euccn".
_LABELS = {
    _plain(name): _COMMON[_plain(codec)]
    for name, codec in aliases.items()
    if _plain(codec) in _COMMON
} | _COMMON

_SUPERSETS = {"euc_jp": "euc_jis_2004", "big5hkscs": "cp950", "cp949": "johab"}

# What servers and editors claim by default, and what almost any bytes can be decoded as.
WESTERN = "cp1252"

_RARE = {
    *("hz", "iso2022_kr", "johab"),
    *("iso8859_3", "iso8859_4", "iso8859_10", "iso8859_13", "iso8859_14", "iso8859_16"),
    "mac_roman",
}

# The codecs worth guessing: a guess of a rare one is more often wrong than right.
DETECTABLE = tuple(codec for codec in _CODECS if codec not in _RARE)


def codecs_of(label: str) -> tuple[str, ...]:
    """Return the codecs that `label` may mean, likeliest first; none if it is unknown."""
    if len(label) > MAX_LABEL:
        return ()
    plain = _plain(label)
    codec = _LABELS.get(plain) or _LABELS.get(plain.removeprefix("x"))
    if codec is None:
        return ()
    relative = _SUPERSETS.get(codec)
    return (codec, relative) if relative else (codec,)


def printable(label: str) -> str:
    """Return `label` in printable ASCII, for a message."""
    return ascii(label[:MAX_LABEL])[1:-1]


def undo_mojibake(text: str) -> str | None:
    """Return `text` as it was before its second encoding ("itâ€™s"); None if it had only one."""
    # Only if every single run beyond ASCII is valid when decoded once more. That happens in no
    # language, and texts about mojibake have other letters as well.
    meant = {_LEFTOVER: ""}
    count = 0
    for found in _DOUBLED_RUN.finditer(text):
        run = found[0]
        if run not in meant:
            try:
                meant[run] = bytes(_BYTES[letter] for letter in run).decode()
            except (KeyError, UnicodeDecodeError):
                return None
        count += run != _LEFTOVER
    if count < MIN_RUNS:
        return None
    return _DOUBLED_RUN.sub(lambda run: meant[run[0]], text)
