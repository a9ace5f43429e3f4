import pytest

from tidings.domain.urls import without_credentials


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        pytest.param("https://example.org/feed?a=1", "https://example.org/feed?a=1", id="none"),
        pytest.param("https://me:secret@example.org/f", "https://example.org/f", id="both"),
        pytest.param("https://key@example.org:8443/f", "https://example.org:8443/f", id="a name"),
        pytest.param("https://a:b@c@example.org/f", "https://example.org/f", id="an @ within"),
        pytest.param("https://example.org/@user", "https://example.org/@user", id="in the path"),
    ],
)
def test_an_address_is_shown_without_credentials(url, shown):
    assert without_credentials(url) == shown
