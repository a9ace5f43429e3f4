import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from tidings.parsing.text_cleaning import clean_line, clean_text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param("<b>x</b>", "x", id="markup goes"),
        pytest.param("&lt;b&gt;x&lt;/b&gt;", "x", id="markup escaped twice goes"),
        pytest.param("the &lt;b&gt; tag", "the <b> tag", id="a tag that is talked about stays"),
        pytest.param("a < b", "a < b", id="a comparison is text"),
        pytest.param("vector<int>", "vector<int>", id="no element of HTML is text"),
        pytest.param("1 <b 2", "1 <b 2", id="an unfinished tag is text"),
        pytest.param("AT&amp;T", "AT&T", id="entities are decoded"),
        pytest.param("AT&T", "AT&T", id="a bare ampersand is text"),
        pytest.param(
            "x<sub>2</sub>y", "x₂y", id="inline elements end no word, and keep their meaning"
        ),
        pytest.param("one<br/>two", "one two", id="a line break ends a word"),
        pytest.param("a<script>b</script>c", "a c", id="scripts are not read"),
        pytest.param("<![CDATA[x]]>", "x", id="the wrapping of character data goes"),
        pytest.param(" a \n\t b ", "a b", id="blanks collapse"),
        pytest.param("a\u202eb\u2066c", "abc", id="overrides of direction go"),
        pytest.param("a\u200b\ufeff\x00\x85b", "a b", id="what nobody sees goes"),
        pytest.param("\ud800\ufdd0\U0001ffff", "", id="no characters at all"),
        pytest.param(
            "\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e", id="Persian keeps its joiners"
        ),
    ],
)
def test_clean_line_of_html(raw, expected):
    assert clean_line(raw, html=True) == expected


def test_plain_text_keeps_what_looks_like_markup():
    line = clean_line("<b>x</b> &amp; y", html=False)

    assert line == "<b>x</b> &amp; y"


def test_an_emoji_family_stays_together():
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"

    assert clean_line(f" {family} ", html=False) == family


def test_a_line_is_cut_between_grapheme_clusters():
    line = clean_line("ab" + "e\u0301" * 10, html=False, limit=5)

    assert line == "abe\u0301"


def test_a_cluster_longer_than_the_limit_is_cut_itself():
    line = clean_line("e" + "\u0301" * 50, html=False, limit=10)

    assert len(line) == 10


@given(st.text())
def test_a_clean_line_is_one_printable_line_and_stays_as_it_is(raw):
    line = clean_line(raw, html=False, limit=50)

    assert len(line) <= 50
    assert line == clean_line(line, html=False, limit=50)
    assert not regex.search(r"[\p{Cc}\p{Cs}\n\u202a-\u202e\u2066-\u2069]", line)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("<a " * 100_000, id="unfinished tags"),
        pytest.param("<!--" * 100_000, id="unfinished comments"),
        pytest.param("<b>" * 100_000, id="unclosed elements"),
        pytest.param("&lt;b&gt;" * 100_000, id="unclosed escaped elements"),
    ],
)
def test_only_the_beginning_of_an_endless_title_is_read(raw):
    assert len(clean_line(raw, html=True)) <= 1000


@given(
    st.text(
        st.characters(exclude_categories=())
        | st.sampled_from("\x00\x0b\x1f\ufffe\uffff\ud800\udfff")
    )
)
def test_clean_text_holds_what_xml_allows(raw):
    text = clean_text(raw)

    assert not regex.search(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    assert clean_text(text) == text


def test_clean_text_leaves_good_text_alone():
    text = "Grüße\t\r\n\x85 \U0001f600 e\u0301"

    assert clean_text(text) == text
