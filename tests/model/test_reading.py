import pytest

from tidings.model.text import minutes_to_read


@pytest.mark.parametrize(
    ("content", "minutes"),
    [
        pytest.param("<p>a few words</p>", 1, id="at least one"),
        pytest.param("<p>" + "don’t stop " * 500 + "</p>", 4, id="words"),  # noqa: RUF001
        pytest.param("潮汐" * 600, 3, id="characters"),
        pytest.param("潮汐 tide " * 250, 2, id="both"),
        pytest.param("<math><mi>x</mi></math> " * 250, 1, id="a formula is a word"),
        pytest.param('<a href="https://a.example/b-c-d">x</a>' * 250, 1, id="markup is none"),
    ],
)
def test_minutes_to_read(content, minutes):
    assert minutes_to_read(content) == minutes
