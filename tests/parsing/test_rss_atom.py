import dataclasses
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tidings.model.feed import MAX_ENTRIES, Document
from tidings.parsing.document import parse

POINTS = sorted(Path(__file__).parents[1].glob("data/feeds/*.xml"))


def written(value):
    """Return a parsed value in the words of JSON."""
    if dataclasses.is_dataclass(value):
        return {
            field.name: written(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, frozenset):
        return sorted(value)
    return [written(element) for element in value] if isinstance(value, tuple) else value


def a_document(*items, head="<title>Notes</title>"):
    body = f'<rss version="2.0"><channel>{head}{"".join(items)}</channel></rss>'
    return Document(url="https://notes.example/feed", body=body.encode())


def an_item(number=1, *, extra=""):
    return f"<item><guid>{number}</guid><title>Note {number}</title>{extra}</item>"


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in POINTS])
def test_a_document_is_read_for_what_it_says(path):
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))

    feed = parse(Document(url="https://poll.example/feed.xml", body=path.read_bytes()), {})

    found = written(feed)
    assert {key: found[key] for key in expected["feed"]} == expected["feed"]
    pairs = zip(found["entries"], expected["entries"], strict=True)
    differences = [
        {key: entry[key] for key in claims if entry[key] != claims[key]} for entry, claims in pairs
    ]
    assert not any(differences), differences


def test_every_document_has_its_expectation():
    expectations = Path(__file__).parents[1].glob("data/feeds/*.json")

    assert sorted(path.stem for path in POINTS) == sorted(path.stem for path in expectations)


def test_only_the_newest_entries_of_an_endless_document_are_read():
    dates = [f"<pubDate>{2000 + n % 20}-01-01</pubDate>" for n in range(MAX_ENTRIES + 400)]
    document = a_document(*(an_item(n, extra=date) for n, date in enumerate(dates)))

    feed = parse(document, {})

    assert feed.cut == 400
    assert len(feed.entries) == MAX_ENTRIES
    assert min(entry.published.year for entry in feed.entries) == 2003
    assert feed.entries[0].guid == "3"


def test_an_undated_endless_document_keeps_its_first_entries():
    document = a_document(*(an_item(n) for n in range(MAX_ENTRIES + 1)))

    feed = parse(document, {})

    assert feed.cut == 1
    assert feed.entries[-1].guid == str(MAX_ENTRIES - 1)


def test_an_entry_has_at_most_fifty_categories_and_enclosures():
    many = "".join(
        f'<category>c{n}</category><enclosure url="https://files.example/{n}" length="1"/>'
        for n in range(60)
    )

    (entry,) = parse(a_document(an_item(extra=many)), {}).entries

    assert len(entry.categories) == 50
    assert len(entry.enclosures) == 50


def test_a_guid_is_kept_short_but_known_by_its_whole_length():
    same_start = "x" * 5000
    document = a_document(an_item(f"{same_start}1"), an_item(f"{same_start}2"))

    first, second = parse(document, {}).entries

    assert first.guid == second.guid == "x" * 2048
    assert first.key != second.key


def test_a_huge_body_is_cut():
    document = a_document(an_item(extra=f"<description>{'rain ' * 400_000}</description>"))

    (entry,) = parse(document, {}).entries

    assert len(entry.content) < 1_100_000


@pytest.mark.parametrize(
    ("hint", "seconds"),
    [
        pytest.param("<ttl>60</ttl>", 3600, id="minutes"),
        pytest.param("<ttl>9999999</ttl>", 31 * 86400, id="for ages: a month at most"),
        pytest.param("<ttl>-5</ttl>", None, id="negative"),
        pytest.param("<ttl>0</ttl>", None, id="zero"),
        pytest.param("<ttl>soon</ttl>", None, id="a word"),
        pytest.param(f"<ttl>{'9' * 5000}</ttl>", None, id="thousands of digits"),
    ],
)
def test_a_pause_that_makes_sense_is_passed_on(hint, seconds):
    feed = parse(a_document(head=hint), {})

    assert feed.ttl == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("1:02:03", 3723),
        ("34:10", 2050),
        ("2050", 2050),
        ("2050.5", 2050),
        (" 90 ", 90),
        ("0", None),
        ("half an hour", None),
        ("1:2:3:4", None),
        ("-5", None),
        ("999999", None),
    ],
)
def test_a_recording_lasts_as_long_as_is_believable(said, seconds):
    sound = '<enclosure url="https://notes.example/1.mp3" type="audio/mpeg" length="9"/>'
    picture = '<enclosure url="https://notes.example/1.png" type="image/png" length="9"/>'
    lasting = f'<duration xmlns="http://www.itunes.com/dtds/podcast-1.0.dtd">{said}</duration>'

    [entry] = parse(a_document(an_item(extra=sound + picture + lasting)), {}).entries

    assert [file.duration for file in entry.enclosures] == [seconds, None]
