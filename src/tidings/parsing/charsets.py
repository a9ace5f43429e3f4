"""What the labels of character encodings mean, as browsers read them."""

import re
from encodings.aliases import aliases

MAX_LABEL = 40

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
"""Labels by Python codec, without their punctuation. UTF-16 and UTF-32 are missing because bytes
tell them better than labels do."""

_OLD = """
cp037 cp273 cp424 cp437 cp500 cp720 cp737 cp775 cp850 cp852 cp855 cp856 cp857 cp858 cp860 cp861
cp862 cp863 cp864 cp865 cp869 cp875 cp1006 cp1026 cp1125 cp1140 hp_roman8 iso2022_jp_1
iso2022_jp_2 iso2022_jp_2004 iso2022_jp_3 koi8_t kz1048 mac_arabic mac_croatian mac_farsi
mac_greek mac_iceland mac_latin2 mac_romanian mac_turkish ptcp154 shift_jis_2004 shift_jisx0213
euc_jisx0213
"""
"""Codecs that no browser knows any more; Python's own names lead to them. Nothing else ever reaches
a codec: some of Python's are no character sets but decompress, or build what text describes."""


_KNOWN = frozenset(_OLD.split())


def _plain(label: str) -> str:
    return re.sub(r"[^a-z0-9]", "", label.lower())


_COMMON = (
    {_plain(name): codec for name, codec in aliases.items() if codec in _KNOWN}
    | {_plain(codec): codec for codec in _KNOWN}
    | {label: codec for codec, labels in _CODECS.items() for label in labels.split()}
)

_LABELS = {
    _plain(name): _COMMON[_plain(codec)]
    for name, codec in aliases.items()
    if _plain(codec) in _COMMON
} | _COMMON
"""What Python calls these codecs besides, such as "euccn", is understood, too."""

_SUPERSETS = {"euc_jp": "euc_jis_2004", "big5hkscs": "cp950", "cp949": "johab"}

WESTERN = "cp1252"
"""What servers and editors claim by default, and what any bytes can be read as."""

_RARE = {
    *("hz", "iso2022_kr", "johab"),
    *("iso8859_3", "iso8859_4", "iso8859_10", "iso8859_13", "iso8859_14", "iso8859_16"),
    "mac_roman",
}

DETECTABLE = tuple(codec for codec in _CODECS if codec not in _RARE)
"""The codecs worth guessing: a rare one is a wrong guess more often than a right one."""


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
    """Return `label` fit for a message."""
    return ascii(label[:MAX_LABEL])[1:-1]
