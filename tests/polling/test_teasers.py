import pytest

from parsed_entries import an_entry
from tidings.polling.teasers import is_teaser

LONG = "A sentence that says something about the log. " * 40


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("", True, id="nothing"),
        pytest.param("<p>The beginning…</p>", True, id="dots"),
        pytest.param("<p>The beginning [...]</p><p>The post X appeared first on Y.</p>", True, id="wordpress"),
        pytest.param("<p>It began. <a href='https://example.org/else'>Read more »</a></p>", True, id="read more"),
        pytest.param("<p>It began.</p><p>Continue reading the whole story →</p>", True, id="continue"),
        pytest.param("<p>日志先于数据页落盘。</p><p>阅读全文 »</p>", True, id="chinese"),
        pytest.param('<p>It began. <a href="https://example.org/1#more">On</a></p>', True, id="link to itself"),
        pytest.param("<p>A whole note. It ends.</p>", False, id="whole"),
        pytest.param("<p>I read more than I write.</p><p>That is all.</p>", False, id="in a sentence"),
        pytest.param(f"<p>{LONG} and so on…</p>", False, id="long"),
        pytest.param(f"<p>{'日志先于数据页落盘。' * 60}……</p>", False, id="long in chinese"),
    ],
)  # fmt: skip
def test_a_teaser_is_short_and_says_that_there_is_more(content, expected):
    assert is_teaser(an_entry(content=content, url="https://example.org/1")) is expected
