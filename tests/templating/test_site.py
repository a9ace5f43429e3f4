"""What the page of an entry adds to its content."""
# ruff: noqa: RUF001 - Chinese text has Chinese punctuation

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.parsing.entry_body import clean_body
from tidings.templating.phrases import read_words
from tidings.templating.site import readable

CATALOGUE = Path(__file__).parents[2] / "templates" / "web" / "en.toml"
ENGLISH = read_words(CATALOGUE.read_text(encoding="utf-8"), name="en.toml")


def shown(raw):
    body = clean_body(raw, bases=["https://example.org/"], language="en")
    return readable(body.html, ENGLISH)


def test_code_scrolls_by_keyboard_and_says_what_it_is():
    page = shown('<pre><code class="language-python">x = 1</code></pre>')

    assert page.startswith('<pre class="code" tabindex="0" role="group" aria-label="Code">')


def test_a_table_scrolls_by_itself_and_a_table_in_it_with_it():
    cell = "<table><tr><td>inner</td></tr></table>"

    page = shown(f"<p>Before.</p><table><tr><td>{cell}</td></tr></table><p>After.</p>")

    assert page.count('<div class="scroll" tabindex="0" role="group" aria-label="Table">') == 1
    assert page.count("</table></div>") == 1
    assert page.index("inner") < page.index("</table></div>") < page.index("After.")


def test_a_formula_on_its_own_line_scrolls_and_one_in_a_line_does_not():
    page = shown(r"<p>Here \(x\) is.</p><p>\[x^2\]</p>")

    assert re.findall(r'<math display="(\w+)"[^>]*tabindex', page) == ["block"]


def test_no_line_begins_with_what_follows_a_formula():
    page = shown(r"<p>方差为 \(d\)，于是（\(x\)）变大，\(y\) 不变。</p>")

    assert re.sub("<math.*?</math>", "M", page) == (
        '<p>方差为 <span class="together">M，</span>于是<span class="together">（M）</span>变大，M 不变。</p>'
    )


@pytest.mark.parametrize(
    ("raw", "levels"),
    [
        pytest.param("<h1>a</h1><h2>b</h2>", [2, 3], id="a title of its own"),
        pytest.param("<h4>a</h4><h6>b</h6><h4>c</h4>", [2, 4, 2], id="deep ones"),
        pytest.param("<p>a</p>", [], id="none"),
    ],
)
def test_headings_go_on_from_the_title_of_the_page(raw, levels):
    page = shown(raw)

    assert [int(level) for level in re.findall(r"<h(\d)>", page)] == levels
    assert [int(level) for level in re.findall(r"</h(\d)>", page)] == levels


@pytest.mark.parametrize(
    "attribute", ['<table>" onload="x', "<pre>", "<h3>", '"><pre tabindex="7">', "</table>"]
)
def test_what_an_attribute_says_stays_in_it(attribute):
    escaped = attribute.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    raw = f'<p>See <abbr title="{escaped}">this</abbr> and <b>that</b>.</p>'
    content = clean_body(raw, bases=["https://example.org/"], language="en").html

    assert readable(content, ENGLISH) == content


@given(st.text(alphabet='<>"/ahtp1re=b&l', max_size=60))
def test_whatever_a_publisher_wrote_only_our_attributes_are_added(raw):
    content = clean_body(raw, bases=["https://example.org/"], language="en").html
    page = readable(content, ENGLISH)

    added = r' tabindex="0"(?: role="group" aria-label="(?:Code|Table)")?'
    back = re.sub(added, "", page).replace('<div class="scroll">', "")
    back = back.replace("</table></div>", "</table>")
    back = back.replace('<span class="together">', "").replace("</span>", "")
    assert re.sub(r"(</?h)\d", r"\1", back) == re.sub(r"(</?h)\d", r"\1", content)
