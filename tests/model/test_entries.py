from dataclasses import replace

import pytest

from parsed_entries import NOON
from tidings.model.entries import Entry, EntryState, Republish, SourceCredit, permitted
from tidings.model.feed import Enclosure, Image

WITHHELD = ("content", "excerpt", "image", "pictures", "enclosures")


def an_entry(republish, **fields):
    source = SourceCredit(
        id=1, slug="a", title="A", url="https://a.example/", site_url=None, republish=republish
    )
    values = {
        "id": 1,
        "seq": 1,
        "source": source,
        "atom_id": "urn:example:1",
        "title": "A title",
        "url": "https://a.example/1",
        "authors": ("Ann",),
        "categories": ("birds",),
        "first_seen_at": NOON,
        "changed_at": NOON,
        "sort_at": NOON,
        "state": EntryState.PUBLIC,
        "excerpt": "Some.",
        "content": "<p>All of it.</p>",
        "image": Image(url="https://a.example/a.png"),
        "pictures": (Image(url="https://a.example/b.png"),),
        "enclosures": (Enclosure(url="https://a.example/a.mp3"),),
    }
    return Entry(**values | fields)


@pytest.mark.parametrize(
    ("republish", "shown"),
    [
        (Republish.FULL, set(WITHHELD)),
        (Republish.EXCERPT, {"excerpt", "image", "enclosures"}),
        (Republish.TITLE, set()),
    ],
)
def test_of_an_entry_is_shown_what_its_source_permits(republish, shown):
    entry = an_entry(republish)

    found = permitted(entry)

    assert {name for name in WITHHELD if getattr(found, name)} == shown
    kept = {name: getattr(entry, name) for name in WITHHELD}
    assert replace(found, **kept) == entry


@pytest.mark.parametrize("republish", Republish)
def test_content_that_was_not_asked_for_stays_unknown(republish):
    assert permitted(an_entry(republish, content=None)).content is None
