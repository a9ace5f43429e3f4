"""Generated feeds for benchmarks: 25 full-content entries each, the same at every run."""

from datetime import UTC, datetime, timedelta
from functools import cache
from html import escape
from random import Random

ENTRIES = 25
"""Entries in a document."""

BODY = 4800
"""Bytes that the HTML of an entry has, about."""

NEWEST = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)

_ENGLISH = [
    "the",
    "of",
    "a",
    "to",
    "and",
    "in",
    "we",
    "measured",
    "each",
    "station",
    "over",
    "twelve",
    "months",
    "while",
    "harbour",
    "lights",
    "moved",
    "slowly",
    "against",
    "winter",
    "wind",
    "because",
    "nobody",
    "had",
    "expected",
    "such",
    "large",
    "waves",
    "again",
    "engineers",
    "then",
    "wrote",
    "down",
    "what",
    "they",
    "saw",
    "before",
    "dawn",
    "and",
    "compared",
    "it",
    "with",
    "older",
    "maps",
    "it",
    "turns",
    "out",
    "that",
    "simple",
    "machines",
    "outlive",
    "clever",
    "ones",
    "whenever",
    "salt",
    "water",
    "is",
    "near",
]
_CHINESE = [
    "我们",
    "在",
    "港口",
    "测量",
    "了",
    "十二",
    "个",
    "月",
    "的",
    "潮汐",
    "数据",
    "结果",
    "表明",
    "简单",
    "的",
    "机器",
    "比",
    "复杂",
    "的",
    "更",
    "耐用",
    "工程师",
    "每天",
    "清晨",
    "记录",
    "风速",
    "并",
    "与",
    "旧",
    "地图",
    "对照",
    "没有人",
    "预料",
    "到",
    "冬季",
    "的",
    "海浪",
    "会",
    "如此",
    "之",
    "大",
    "这些",
    "方法",
    "可以",
    "推广",
    "到",
    "其他",
    "城市",
    "读者",
    "可以",
    "下载",
    "完整",
    "的",
    "报告",
]
_FORMULAS = (
    r"\(E = mc^2\)",
    r"\(\sum_{i=1}^{n} i = \frac{n(n+1)}{2}\)",
    r"\[\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2}\]",
)
_CODE = (
    '<pre><code class="language-python">def tide(hours: float) -&gt; float:\n'
    "    return 2.4 * sin(hours / 12.4 * tau)\n</code></pre>"
)
_SHAPES = (
    '<p>{0} <a href="https://example.org/{2}?utm_source=feed">{1}</a>, <em>{3}</em></p>',
    "<p><strong>{1}</strong> {0}</p>",
    '<figure><img src="/pictures/{2}.jpg" width="640" height="360"></figure><p>{0}</p>',
    "<blockquote><p>{0}</p></blockquote>",
    "<h2>{1}</h2><p>{0}</p>",
    "<ul><li>{0}</li><li><code>{1}</code></li><li>{3}</li></ul>",
)
_RSS = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>{title}</title>'
    "<link>{home}</link><description>{title}, every day</description>"
    "<language>{language}</language>{entries}</channel></rss>\n"
)
_ITEM = (
    "<item><title>{title}</title><link>{url}</link><guid>{url}</guid>"
    "<dc:creator>{author}</dc:creator><category>tides</category><category>field notes</category>"
    "<pubDate>{date:%a, %d %b %Y %H:%M:%S} +0000</pubDate><description>{teaser}</description>"
    "<content:encoded><![CDATA[{body}]]></content:encoded></item>\n"
)
_ATOM = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" '
    'xml:lang="{language}"><id>{home}</id><title>{title}</title><link href="{home}"/>'
    "<updated>2026-11-20T08:00:00Z</updated>{entries}</feed>\n"
)
_ENTRY = (
    '<entry><id>{url}</id><title>{title}</title><link href="{url}"/>'
    '<author><name>{author}</name></author><category term="tides"/>'
    "<published>{date:%Y-%m-%dT%H:%M:%SZ}</published><updated>{date:%Y-%m-%dT%H:%M:%SZ}</updated>"
    '<summary>{teaser}</summary><content type="html">{escaped}</content></entry>\n'
)


def feed(number: int, *, version: int = 0) -> bytes:
    """Return the document of one feed; every version has two entries that the last lacked.

    Every third feed is in Chinese, with formulas and code; every second is Atom, else RSS.
    """
    home = f"https://feed-{number}.example.org/"
    frame, item = (_RSS, _ITEM) if number % 2 else (_ATOM, _ENTRY)
    newest = 2 * version + ENTRIES - 1
    entries = [
        _entry(item, number, position, home=home)
        for position in range(newest, newest - ENTRIES, -1)
    ]
    document = frame.format(
        title=f"Notes from station {number}",
        home=home,
        language="zh-cn" if _is_chinese(number) else "en",
        entries="".join(entries),
    )
    return document.encode()


def body(number: int, position: int) -> str:
    """Return the HTML of an entry."""
    pieces = _pieces(_is_chinese(number))
    chosen = Random(number * 7919 + position)  # noqa: S311 - the same feeds at every run
    parts = [f"<p>Entry {position} of station {number}.</p>"]
    size = 0
    while size < BODY:
        parts.append(chosen.choice(pieces))
        size += len(parts[-1].encode())
    return "\n".join(parts)


def _entry(item: str, number: int, position: int, *, home: str) -> str:
    html = body(number, position)
    return item.format(
        title=f"{'潮汐记录' if _is_chinese(number) else 'Tides and lights'} {position}",
        url=f"{home}{position}",
        author="Ada Strand",
        date=NEWEST - timedelta(hours=number % 24, days=ENTRIES) + timedelta(days=position),
        teaser=f"What the tide gauge of station {number} says, part {position}",
        body=html,
        escaped=escape(html, quote=False) if item is _ENTRY else "",
    )


def _is_chinese(number: int) -> bool:
    return number % 3 == 0


@cache
def _pieces(is_chinese: bool) -> tuple[str, ...]:  # noqa: FBT001 - the key of a cache
    chosen = Random(is_chinese)  # noqa: S311
    words, blank = (_CHINESE, "") if is_chinese else (_ENGLISH, " ")

    def some(count: int) -> str:
        return blank.join(chosen.choices(words, k=count))

    shaped = [
        _SHAPES[index % len(_SHAPES)].format(some(60), some(5), index, some(8))
        for index in range(60)
    ]
    if is_chinese:
        shaped += [f"<p>{some(20)}{formula}{some(9)}。</p>" for formula in _FORMULAS * 3]
        shaped += [_CODE] * 3
    return tuple(shaped)
