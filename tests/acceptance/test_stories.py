"""What the operator sees of stories, and how they mend them."""

import pytest

from fake_publisher import answer
from feed_documents import an_item, atom
from installation import on_sqlite
from parsed_entries import DAY, NOON

BOMB = (
    "The harbour of Tallmoor will be closed to ships from Monday on, because divers found"
    " a bomb of the last war beside the northern pier. Engineers of the navy are to carry it"
    " out to sea and blow it up there, as the mayor told reporters on Friday evening."
)


@pytest.fixture
def told(tidings, web):
    """Follow two sources that tell the same, and one that tells something else."""
    for name, title, text in (
        ("gazette", "Bomb found in the harbour of Tallmoor", BOMB),
        ("mirror", "Tallmoor: bomb found in harbour", BOMB),
        ("herald", "Owls are back", "A pair of owls has been seen in the belfry."),
    ):
        item = an_item(
            guid=f"urn:{name}:1",
            title=title,
            text=text,
            url=f"https://{name}.example/1",
            published=NOON - DAY,
        )
        tidings.add(web.serve(answer(body=atom(item, title=name))))
    assert tidings("poll", "--all").status == 0
    return tidings


def ids(tidings):
    """Return the ids of the entries by the name of their source."""
    entries = tidings("entry", "list", "--json").json
    return {one["guid"].split(":")[1]: one["id"] for one in entries}


def test_a_story_is_listed_shown_and_explained(told):
    [story] = told("story", "list", "--json").json
    shown = told("story", "show", story["id"], "--json").json["entries"]
    lead, follower = story["entries"]

    assert {one["guid"] for one in shown} == {"urn:gazette:1", "urn:mirror:1"}
    assert [one["follows"] for one in shown] == [False, True]
    assert "Bomb" in told("story", "list").out + told("story", "show", story["id"]).out
    said = told("explain", "entry", follower).out
    assert f"in story {story['id']}, with {lead}; {lead} leads: it was public first" in said
    assert f"one story with {lead} since" in said
    assert "nearly the same title, and the texts agree (100%)" in said
    assert "it leads" in told("explain", "entry", lead).out


def test_a_split_entry_stands_alone_until_it_is_merged_again(told):
    entries = ids(told)
    one, other = entries["gazette"], entries["mirror"]

    split = told("story", "split", other)

    assert split.out == f"entry {other} is kept apart from {one}\n"
    assert told("story", "list").out == ""
    assert f"kept apart from {one} by the operator since" in told("explain", "entry", other).out
    assert told("story", "split", other).status == 1
    merged = told("story", "merge", one, other, entries["herald"])
    [story] = told("story", "list", "--json").json
    assert merged.out == f"one story: {story['id']}\n"
    assert sorted(story["entries"]) == sorted(entries.values())
    assert "by the operator's word" in told("explain", "entry", entries["herald"]).out
    assert "kept apart" not in told("explain", "entry", other).out
    assert told("story", "merge", one, other).out == merged.out


@on_sqlite
def test_what_makes_no_sense_is_refused(told):
    one = ids(told)["gazette"]

    assert told("story", "show", 99).status == 1
    assert told("story", "split", 99).status == 1
    assert told("story", "merge", one, 99).status == 1
    assert told("story", "merge", one, one).status == 2
