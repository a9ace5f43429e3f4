import pytest

from tidings.errors import ParseError
from tidings.model.feed import Document, Image, ParsedEntry
from tidings.parsing.document import parse

URL = "https://example.org/posts/1"
TEXT = "".join(
    f"<p>第{number}次实验中,预写日志总是先于数据页落盘,因此崩溃不会丢失已经承诺的数据,剩下的问题只是恢复需要多长时间。</p>"
    for number in range(5)
)
PAGE = (
    "<html><head><title>T</title><base href='/files/'></head><body><div class=nav><a href=/>首页</a></div>"
    "<div class=post-body><h1>标题</h1>{}</div><div class=comment>评论</div></body></html>"
)


def an_entry(**fields):
    given = {"key": b"k", "raw_hash": b"h", "revision": b"r", "title": "标题", "url": URL}
    return ParsedEntry(**given | fields)


def read(page, entry):
    body = page if isinstance(page, bytes) else page.encode()
    document = Document(url=URL, body=body, charset="utf-8", entry=entry)
    return parse(document, {}).entries[0]


def test_the_body_is_the_article_and_all_else_is_as_the_feed_has_it():
    before = an_entry(content="摘要", excerpt="摘要", language="zh")

    after = read(PAGE.format(TEXT), before)

    assert "第4次实验" in after.content
    assert "首页" not in after.content
    assert "评论" not in after.content
    assert "标题" not in after.content
    assert (after.excerpt, after.revision, after.raw_hash) == ("摘要", b"r", b"h")


def test_without_an_excerpt_of_its_own_an_entry_has_the_beginning_of_the_article():
    assert read(PAGE.format(TEXT), an_entry()).excerpt.startswith("第0次实验")


def test_pictures_are_relative_to_the_page_and_stand_once():
    beside = (Image(url="https://example.org/files/a.png"), Image(url="https://example.org/b.png"))

    after = read(PAGE.format(f"{TEXT}<img src=a.png>"), an_entry(pictures=beside))

    assert 'src="https://example.org/files/a.png"' in after.content
    assert after.pictures == beside[1:]
    assert after.image == Image(url="https://example.org/files/a.png")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        pytest.param("<pre><code>a = 1\n  b &lt; 2</code></pre>", "\n  ", id="code"),
        pytest.param("<script type='math/tex; mode=display'>a<b</script>", "<math", id="mathjax"),
        pytest.param("<math><mi>x</mi></math>", "<math", id="mathml"),
        pytest.param(
            "<span class=katex><span class=katex-mathml><math><semantics><mi>x</mi><annotation"
            " encoding='application/x-tex'>x</annotation></semantics></math></span><span"
            " class=katex-html aria-hidden=true>x</span></span>",
            "<math",
            id="katex",
        ),
        pytest.param(
            "<table><thead><tr><th>rows<th>milliseconds</tr></thead><tr><td>100,000<td>12.5</table>",
            "<td>12.5</td>",
            id="table",
        ),
    ],
)
def test_what_is_no_text_survives(written, kept):
    assert kept in read(PAGE.format(TEXT + written + TEXT), an_entry()).content


@pytest.mark.parametrize(
    "page", [b"", b"plain text", b"<p>short", b"\x00\xff" * 100, b"<div>" * 50_000]
)
def test_a_page_without_an_article_is_a_failure(page):
    with pytest.raises(ParseError):
        read(page, an_entry(content="摘要"))
