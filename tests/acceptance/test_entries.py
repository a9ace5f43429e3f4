"""What the operator does with entries: looks at what is held, releases it, hides and shows."""

import pytest

from fake_publisher import answer
from feed_documents import an_item, atom, items
from installation import on_sqlite
from parsed_entries import DAY, NOON

OLD = [an_item(n, published=NOON - 900 * DAY + n * DAY) for n in range(135, 100, -1)]


@pytest.fixture
def flooded(tidings, web):
    """Follow a source whose second document pours out 35 old entries."""
    tidings.add(web.serve(answer(body=atom(*items(3))), answer(body=atom(*OLD, *items(3)))))
    for _ in range(2):
        assert tidings("poll", "--all").status == 0
    return tidings


def titles(tidings, *options):
    return [one["title"] for one in tidings("entry", "list", "--limit", 0, *options, "--json").json]


def test_an_outburst_waits_until_its_source_is_released(flooded):
    assert len(titles(flooded)) == 3
    assert len(titles(flooded, "--held")) == 35

    released = flooded("entry", "release", "--source", 1)

    assert (released.status, released.out) == (0, "35 entries of source 1 released\n")
    assert titles(flooded, "--held") == []
    assert len(titles(flooded)) == 38


def test_entries_are_released_hidden_and_shown_one_by_one(flooded):
    held, *_ = flooded("entry", "list", "--held", "--json").json

    said = [
        flooded("entry", verb, held["id"]).out.removeprefix(f"entry {held['id']} ")
        for verb in ("release", "release", "hide", "hide", "unhide")
    ]

    assert said == [
        "released\n",
        "is public already\n",
        "hidden\n",
        "is hidden already\n",
        "shown again\n",
    ]
    assert held["title"] in titles(flooded)


@on_sqlite
def test_what_makes_no_sense_is_refused(flooded):
    held, *_ = flooded("entry", "list", "--held", "--json").json

    unhidden = flooded("entry", "unhide", held["id"])
    missing = flooded("entry", "hide", 4711)
    neither = flooded("entry", "release")
    both = flooded("entry", "release", held["id"], "--source", 1)

    assert (unhidden.status, unhidden.err) == (
        1,
        f"tidings: entry {held['id']} is not hidden but held; release it\n",
    )
    assert (missing.status, missing.err) == (1, "tidings: no entry 4711\n")
    assert (neither.status, both.status) == (2, 2)
    assert len(titles(flooded, "--held")) == 35
