import pytest

from tidings.model.urls import is_stable_iri


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/",
        "http://example.org:8080/a/b.html?c=d&e=(f)#g",
        "https://example.org/%E6%BD%AE",
        "urn:uuid:5D0CBD2D-4c9c-4d2e-9d5c-0f2f5a7e3a11",
        "urn:isbn:0451450523",
        "tag:example.org,2026:1",
        "tag:ann@example.org,2026-11-20:blog/1.post-2",
    ],
)
def test_a_name_for_all_the_world(text):
    assert is_stable_iri(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("17", id="a number"),
        pytest.param("/a", id="relative"),
        pytest.param("http://example.org", id="an address without a path"),
        pytest.param("HTTP://example.org/", id="a scheme in capitals"),
        pytest.param("https://Example.org/", id="a host in capitals"),
        pytest.param("https://example.org/a b", id="a blank"),
        pytest.param("https://example.org/潮", id="a character that is not escaped"),
        pytest.param("https://example.org/%e6", id="an escape in small letters"),
        pytest.param("https://example.org/100%", id="a stray percent sign"),
        pytest.param("https://example.org/a/../b", id="a step back"),
        pytest.param("https://example.org/./a", id="no step"),
        pytest.param("https://example.org/[a]", id="brackets"),
        pytest.param("https://user@example.org/", id="a user"),
        pytest.param("urn:uuid:nonsense", id="a UUID that is none"),
        pytest.param("urn:x:1", id="a namespace that is too short"),
        pytest.param("urn:isbn:", id="a URN of nothing"),
        pytest.param("tag:example.org:1", id="a tag without a date"),
        pytest.param("tag:Example.org,2026:1", id="a tag in capitals"),
        pytest.param("javascript:alert(1)", id="a script"),
        pytest.param(f"https://example.org/{'a' * 500}", id="too long"),
        pytest.param("https://example.org/\n", id="a line break"),
    ],
)
def test_what_is_none_or_could_be_written_otherwise(text):
    assert not is_stable_iri(text)
