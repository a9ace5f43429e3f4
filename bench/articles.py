"""What libraries that extract the article of a page keep of it: on thirty pages of our own.

Five articles, English and Chinese, with code, formulas, tables, figures and lists, each in six
layouts as sites have them: with navigation, banners, comments, related posts and cookie notices.
Counted are the parts of the article that are kept, each in its own element, and the parts of the
layout that are not left out. Libraries that are not installed are passed over.
"""

import html
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

from measure import table

MATH = (
    '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block"><mrow><msup><mi>e</mi><mrow>'
    "<mi>i</mi><mi>π</mi></mrow></msup><mo>+</mo><mn>1</mn><mo>=</mo><mn>{0}</mn></mrow></math>"
)
CODE = (
    '<pre><code class="language-python">def step_{0}(rows):\n    for row in rows:\n'
    "        if row &lt; {0}:\n            yield row\n</code></pre>"
)
TABLE = (
    "<table><thead><tr><th>rows</th><th>ms {0}</th><th>pages</th></tr></thead><tbody>"
    "<tr><td>100</td><td>{0}.5</td><td>12</td></tr><tr><td>1,000</td><td>{0}.9</td><td>97</td></tr>"
    "<tr><td>10,000</td><td>{0}1.2</td><td>1,021</td></tr></tbody></table>"
)
FIGURE = (
    '<figure><img src="/img/{0}.png" alt="A plot" width="600" height="400">'
    "<figcaption>Latency of run {0}</figcaption></figure>"
)
LIST = "<ul><li>Point {0} of the list: keep the log apart.</li><li>Then measure run {0}.</li></ul>"

ENGLISH = (
    (
        "The write-ahead log of run {0} is flushed before any page it describes, so a crash loses"
        " nothing that was promised to a client; what remains is to find out how long that takes."
    ),
    (
        "We measured {0} builds on the same machine, one after the other, and threw away the first"
        " of each, because the cache of the file system decides more than anything that we do."
    ),
    (
        "A checkpoint writes all dirty pages, and from then on, the log before mark {0} is of no use"
        " to recovery; the smaller the distance, the shorter the restart, and the more is written."
    ),
    (
        "None of this is new, of course: the papers of the nineties say as much about method {0},"
        " with other words, and with disks on which a seek took ten milliseconds."
    ),
)
CHINESE = (
    "第{0}次实验中,预写日志总是先于数据页落盘,因此崩溃不会丢失已经承诺的数据,剩下的问题只是恢复需要多长时间。",
    "我们在同一台机器上依次测量了{0}个版本,并丢弃每一次的首轮结果,因为文件系统缓存的影响大于我们所做的任何改动。",
    "检查点会写出所有脏页,此后标记{0}之前的日志对恢复不再有用,间隔越短,重启越快,写入也就越多。",
    "设随机变量服从参数为{0}的分布,由大数定律可知样本均值收敛于期望,收敛速度由方差决定,这里不再赘述。",
)

NOISE = (
    "Home", "About us", "Archive", "We use cookies to improve your experience",
    "Subscribe to our newsletter and never miss a post", "Share on Mastodon",
    "Great post, thank you for writing this up, it helped me a lot last week.",
    "I disagree with the second part: my measurements show the very opposite of that.",
    "Related: ten editors compared", "Related: why we left the cloud", "All rights reserved 2026",
    "相关文章:如何选择编辑器", "评论:写得很好,受益匪浅,期待作者的下一篇文章。", "版权所有,未经许可不得转载",
)  # fmt: skip

ARTICLES = {
    "english, code": (ENGLISH, "ppcptplpcp"),
    "english, formulas": (ENGLISH, "ppmpmpfppm"),
    "english, short": (ENGLISH, "pfp"),
    "chinese, code": (CHINESE, "ppcplptpc"),
    "chinese, formulas": (CHINESE, "pmppmpfp"),
}
BLOCKS = {"c": CODE, "m": MATH, "t": TABLE, "f": FIGURE, "l": LIST}

_NAV = f"<ul class=menu><li><a href=/>{NOISE[0]}</a><li><a href=/a>{NOISE[1]}</a><li><a href=/r>{NOISE[2]}</a></ul>"
_COOKIES = f"<div class=cookie-banner><p>{NOISE[3]}</p><button>OK</button></div>"
_SIGN_UP = f"<div class=newsletter><p>{NOISE[4]}</p><form><input name=m></form></div>"
_SHARE = f"<div class=share><a href=/s>{NOISE[5]}</a></div>"
_COMMENTS = f"<div class=comment><p>{NOISE[6]}</p></div><div class=comment><p>{NOISE[7]}</p></div><div class=comment><p>{NOISE[12]}</p></div>"
_RELATED = f"<ul><li><a href=/1>{NOISE[8]}</a><li><a href=/2>{NOISE[9]}</a><li><a href=/3>{NOISE[11]}</a></ul>"
_FOOT = f"<p>{NOISE[10]}</p><p>{NOISE[13]}</p>"

LAYOUTS = {
    "semantic": "<header><nav>{nav}</nav></header><main><article><h1>{title}</h1>{body}{share}</article>"
    "<section id=comments>{comments}</section></main><aside>{related}</aside><footer>{foot}</footer>{cookies}",
    "blog of divs": "<div id=header>{nav}</div><div id=content><div class='post hentry'><h1 class=entry-title>"
    "{title}</h1><div class=entry-content>{body}</div>{share}</div><div id=respond>{comments}</div></div>"
    "<div id=sidebar>{related}{sign_up}</div><div id=footer>{foot}</div>{cookies}",
    "table of 1999": "<table><tr><td>{nav}<td><font size=2><h1>{title}</h1>{body}</font><td>{related}"
    "<tr><td colspan=3>{foot}</table>",
    "documentation": "{cookies}<div class=layout><div class=sidenav>{nav}{related}</div><div class=main role=main>"
    "<h1>{title}</h1><div class=section>{body}</div><div class=feedback>{comments}</div></div></div><footer>{foot}</footer>",
    "portal": "{cookies}<div class=top>{nav}</div><div class=wrap><div class=left><h1>{title}</h1><div class=article-body>"
    "{body}</div>{share}{sign_up}<div class=comments>{comments}</div></div><div class=right>{related}</div></div><div class=bottom>{foot}</div>",
    "names that say nothing": "<div class=a1>{nav}</div><div class=b2><div class=c3><h1>{title}</h1></div><div class=d4>"
    "{body}</div><div class=e5>{comments}</div></div><div class=f6>{related}{foot}</div>{cookies}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchPage:
    """A page, and what of it is the article: text, or the beginning of an element."""

    html: str
    parts: tuple[str, ...]


def pages() -> Iterator[BenchPage]:
    for number, (name, (sentences, pattern)) in enumerate(ARTICLES.items()):
        blocks, parts = [], []
        for place, kind in enumerate(pattern):
            mark = 1000 + 100 * number + place
            if kind == "p":
                text = sentences[place % len(sentences)].format(mark)
                blocks.append(f"<p>{text}</p>")
                parts.append(text)
            else:
                blocks.append(BLOCKS[kind].format(mark))
                parts.append(_sign(kind, mark))
        given = {
            "title": name.title(), "body": "\n".join(blocks), "nav": _NAV, "cookies": _COOKIES,
            "sign_up": _SIGN_UP, "share": _SHARE, "comments": _COMMENTS, "related": _RELATED,
            "foot": _FOOT,
        }  # fmt: skip
        for layout in LAYOUTS.values():
            text = f"<!doctype html><html><head><meta charset=utf-8><title>{name}</title></head><body>{layout.format(**given)}</body></html>"
            yield BenchPage(html=text, parts=tuple(parts))


def _sign(kind: str, mark: int) -> str:
    """Return a pattern of what is left of a block where it was kept as what it is."""
    return {
        "c": rf"<pre[^>]*>(?:(?!</pre>).)*step_{mark}\((?:(?!</pre>).)*\n {{4}}for row",
        "m": rf"<math(?:(?!</math>).)*<mn[^>]*>{mark}</mn>",
        "t": rf"<t[dh][^>]*>(?:<p>)?ms {mark}.*?</t[dh]>",
        "f": rf"<img[^>]*/img/{mark}\.png",
        "l": rf"<li[^>]*>(?:<p>)?Point {mark}",
    }[kind]


def kept(page: BenchPage, found: str) -> Iterator[bool]:
    text = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", found)).split())
    for part in page.parts:
        is_pattern = part.startswith("<")
        yield bool(re.search(part, found, re.DOTALL)) if is_pattern else part in text


def leaked(found: str) -> int:
    text = html.unescape(re.sub(r"<[^>]*>", "\n", found))
    return sum(line in text for line in NOISE if len(line) > 8)


def _trafilatura(**options: object) -> Callable[[str], str]:
    extract = import_module("trafilatura").extract
    return lambda page: (
        extract(
            page,
            output_format="html",
            include_images=True,
            include_links=True,
            include_formatting=True,
            include_comments=False,
            **options,
        )
        or ""
    )


def _readability() -> Callable[[str], str]:
    document = import_module("readability").Document
    return lambda page: str(document(page).summary(html_partial=True))


def _resiliparse() -> Callable[[str], str]:
    extract = import_module("resiliparse.extract.html2text").extract_plain_text
    return lambda page: str(extract(page, main_content=True, alt_texts=False))


EXTRACTORS: dict[str, Callable[[], Callable[[str], str]]] = {
    "readability-lxml": _readability,
    "trafilatura": _trafilatura,
    "trafilatura, recall": lambda: _trafilatura(favor_recall=True),
    "trafilatura, fast": lambda: _trafilatura(fast=True),
    "resiliparse": _resiliparse,
}


def main() -> None:
    every = list(pages())
    rows = []
    for name, load in EXTRACTORS.items():
        try:
            extract = load()
        except ImportError:
            continue
        extract(every[0].html)
        started = time.process_time()
        found = [extract(page.html) for page in every]
        taken = time.process_time() - started
        texts, things, noise = [], [], 0
        for page, one in zip(every, found, strict=True):
            for part, is_kept in zip(page.parts, kept(page, one), strict=True):
                (things if part.startswith("<") else texts).append(is_kept)
            noise += leaked(one)
        shares = (f"{sum(some) / len(some):.0%}" for some in (texts, things))
        rows.append(
            [name, *shares, f"{noise / len(every):.1f}", f"{1000 * taken / len(every):.1f}"]
        )
    title = "What is kept of thirty pages"
    table(title, ["extractor", "paragraphs", "code, formulas …", "noise a page", "ms a page"], rows)


if __name__ == "__main__":
    main()
