import pytest

from tidings.parsing.sanitizer import sanitize


def test_what_the_allow_list_names_stays():
    html = (
        '<p dir="rtl">a <b>b</b> <img src="https://example.org/a.png" alt="x" loading="lazy"></p>'
    )

    assert sanitize(html) == html


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        pytest.param(
            "<p onclick=x style=x class=x id=x>a</p>", "<p>a</p>", id="no handlers, styles, names"
        ),
        pytest.param("<script>a</script><style>b</style>c", "c", id="no scripts and styles"),
        pytest.param("<form action=x><input>a</form>", "a", id="no forms"),
        pytest.param('<img src="javascript:x">', "<img>", id="no scripts for pictures"),
        pytest.param('<img src="//evil.example/x">', "<img>", id="no relative addresses"),
        pytest.param('<img loading="eager">', "<img>", id="our attributes have our values"),
        pytest.param(
            "<svg><style><a title='</style><img src=x onerror=y>'>",
            "",
            id="no way through another namespace",
        ),
        pytest.param("<b>a", "<b>a</b>", id="balanced"),
        pytest.param("</div></main>a", "a", id="nothing is closed that was not opened"),
    ],
)
def test_everything_else_goes(html, expected):
    assert sanitize(html) == expected


def test_links_are_made_harmless():
    html = sanitize('<a href="https://example.org/" target="_blank" rel="opener" ping="x">a</a>')

    assert html == '<a href="https://example.org/" rel="noopener noreferrer nofollow ugc">a</a>'
