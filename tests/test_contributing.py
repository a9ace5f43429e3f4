"""What CONTRIBUTING.md tells a newcomer holds."""

import re
from pathlib import Path

import pytest

from tidings.model.newsletters import Frequency
from tidings.newsletters.windows import CALENDARS

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
PACKAGES = sorted(
    path.name for path in (ROOT / "src" / "tidings").iterdir() if (path / "__init__.py").exists()
)
EXAMPLES = TEXT.partition("## Three changes, worked through")[2].partition("\n## ")[0]
CATALOGUES = [f"templates/{kind}/{code}.toml" for kind in ("web", "email") for code in ("en", "zh")]


def table():
    rows = TEXT.partition("## What is where")[2].partition("\n\nIn a package")[0]
    return [row.strip("|").split("|") for row in rows.splitlines() if row.startswith("| `")]


def test_every_package_has_its_row():
    named = [name for packages, *_ in table() for name in re.findall(r"`(\w+)`", packages)]

    assert sorted(named) == PACKAGES


@pytest.mark.parametrize("row", table(), ids=lambda row: row[0].strip())
def test_what_to_begin_with_is_there(row):
    folders = [ROOT / "src" / "tidings" / name for name in re.findall(r"`(\w+)`", row[0])]

    for name in re.findall(r"`([\w/.]+)`", row[2]):
        assert any((folder / name).exists() for folder in folders), name


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:src|templates|tests)/[\w/.]+)`", TEXT)))
)
def test_every_file_that_is_named_is_there(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("class Enclosure", "src/tidings/model/feed.py"),
        ("def enclosures", "src/tidings/parsing/media.py"),
        ("ELEMENTS", "src/tidings/parsing/feed_texts.py"),
        ("class Frequency", "src/tidings/model/newsletters.py"),
        ("CALENDARS", "src/tidings/newsletters/windows.py"),
        ("FORMATS", "src/tidings/publishing/formats/registry.py"),
    ],
)
def test_the_examples_name_what_is_in_their_files(name, path):
    assert name.split()[-1] in EXAMPLES
    assert path in EXAMPLES
    assert re.search(rf"^{name}\b", (ROOT / path).read_text("utf-8"), re.MULTILINE)


def test_whatever_knows_a_frequency_by_its_name_is_in_the_example():
    """Planning, forms and commands take frequencies as they come."""
    known = re.compile(r"Frequency\.(?:WEEKLY|MONTHLY|WEEKDAYS)|\bfrequency-weekly|\boften_weekly")

    files = {
        str(path.relative_to(ROOT))
        for folder in ("src", "templates")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".html", ".txt", ".toml"}
        and "demo" not in path.parts  # its newsletter happens to be weekly
        and known.search(path.read_text("utf-8"))
    }

    assert files == {"src/tidings/newsletters/windows.py", *CATALOGUES}
    assert set(CALENDARS) == set(Frequency)
    assert all(path in EXAMPLES for path in files)
