"""Stories on both databases: found, joined, led, and shown once."""

import random
import re
from collections import defaultdict
from contextlib import suppress

import pytest
from sqlalchemy import event, select

from installation import on_sqlite
from parsed_entries import DAY, HOUR, NOON, an_entry
from tidings.catalog import change_log, entries, topics
from tidings.catalog.entries import ListWindow, Selection
from tidings.db import backups, schema
from tidings.db.database import Database
from tidings.db.tables import entry, story, story_key
from tidings.errors import ConflictError
from tidings.model.entries import EntryState
from tidings.operator.store import maintenance
from tidings.operator.store.maintenance import Retention
from tidings.polling.source_list import remove_source
from tidings.polling.store import visibility
from tidings.search.store import index
from tidings.stories.matching import MATCH_WINDOW
from tidings.stories.store import records, stories

NEWS = (
    "The harbour of Tallmoor will be closed to ships from Monday on, because divers found"
    " a bomb of the last war beside the northern pier. Engineers of the navy are to carry it"
    " out to sea and blow it up there, as the mayor told reporters on Friday evening."
)
TITLE = "Bomb found in the harbour of Tallmoor"


@pytest.fixture
def tell(follow, poll):
    """Let a source of its own publish an entry; return the source's id."""

    def publish(name, *, title=TITLE, text=NEWS, now=NOON, topics=(), **fields):
        source_id = follow(f"https://{name}.example/feed", topics=list(topics), title=name)
        url = f"https://{name}.example/story"
        new = {"title": title, "text": text, "url": url} | fields
        poll(source_id, an_entry(f"urn:{name}:1", **new), now=now)
        return source_id

    return publish


def seen(database, **selection):
    """Return who tells what, the oldest first, of a selection: everything, if none is named."""
    chosen = Selection(**{"one_per_story": True} | selection)
    with database.read() as connection:
        found = entries.select_entries(connection, chosen, ListWindow(limit=None, by_seq=True))
    return found[::-1]


def names(database, **selection):
    return [one.source.slug for one in seen(database, **selection)]


def every(database):
    return {one.source.slug: one for one in seen(database, one_per_story=False)}


def test_the_same_text_at_two_sources_is_told_once_by_the_first(database, tell):
    tell("gazette")
    tell("mirror", title="Tallmoor: bomb found in the harbour", now=NOON + HOUR)

    [lead] = seen(database)

    assert lead.source.slug == "gazette"
    assert [(mate.source.slug, mate.url) for mate in lead.also_at] == [
        ("mirror", "https://mirror.example/story")
    ]
    assert [mate.source.slug for mate in every(database)["mirror"].also_at] == ["gazette"]
    assert every(database)["mirror"].follows


def test_the_same_page_is_the_same_story_whatever_is_said_of_it(database, tell):
    tell("gazette", text="First.", title="One", url="https://www.navy.example/bomb/")
    tell("mirror", text="Second.", title="Two", url="http://navy.example/bomb")

    assert names(database) == ["gazette"]


def test_a_source_never_joins_itself(database, follow, poll):
    source_id = follow()

    poll(
        source_id,
        an_entry("urn:example:1", title=TITLE, text=NEWS),
        an_entry("urn:example:2", title=TITLE, text=NEWS),
    )

    assert len(seen(database)) == 2


def test_joining_moves_nothing_of_the_lead_but_its_change(database, tell):
    tell("gazette")
    before = every(database)["gazette"]

    tell("mirror", now=NOON + HOUR)

    after = every(database)["gazette"]
    assert (after.seq, after.changed_at, after.sort_at) == (
        before.seq,
        before.changed_at,
        before.sort_at,
    )
    assert after.change == every(database)["mirror"].change > before.change


def test_joining_touches_what_shows_one_of_them_and_nothing_else(database, tell):
    with database.write() as connection:
        topics.ensure(connection, ["sea", "law", "art"], now=NOON)
    tell("gazette", topics=["sea"])
    tell("other", topics=["art"], title="A new hall", text="Nothing of the kind.")

    tell("mirror", topics=["law"])

    with database.read() as connection:
        last, _ = change_log.get_change(connection, "all")
        touched = {
            scope: change_log.get_change(connection, scope)[0] == last
            for scope in ("source:gazette", "topic:sea", "topic:law", "source:other", "topic:art")
        }
    assert [scope for scope, is_new in touched.items() if not is_new] == [
        "source:other",
        "topic:art",
    ]


def test_a_topic_tells_a_story_once_and_its_own(database, tell):
    with database.write() as connection:
        topics.ensure(connection, ["sea", "law"], now=NOON)
    tell("gazette", topics=["sea"])
    tell("mirror", topics=["law"])
    tell("herald", topics=["law", "sea"])

    assert names(database) == ["gazette"]
    assert names(database, topic="sea") == ["gazette"]
    assert names(database, topic="law") == ["mirror"]


def test_the_page_of_a_source_shows_everything(database, tell):
    tell("gazette")
    mirror = tell("mirror")

    assert names(database, source=mirror, one_per_story=False) == ["mirror"]


def test_when_the_lead_is_hidden_the_next_one_leads_and_gives_way_again(database, tell):
    for name in ("gazette", "mirror", "herald"):
        tell(name)
    lead = every(database)["gazette"].id

    with database.write() as connection:
        visibility.hide(connection, [lead], now=NOON + HOUR)
    without = names(database), [mate.source.slug for mate in seen(database)[0].also_at]
    with database.write() as connection:
        visibility.unhide(connection, [lead], now=NOON + HOUR)

    assert without == (["mirror"], ["herald"])
    assert names(database) == ["gazette"]


def test_when_the_lead_is_removed_the_next_one_leads(database, tell):
    gazette = tell("gazette")
    tell("mirror")
    tell("herald")

    with database.write() as connection:
        remove_source(connection, gazette, now=NOON)

    assert names(database) == ["mirror"]


def test_a_story_of_one_is_none(database, tell):
    gazette = tell("gazette")
    tell("mirror")

    with database.write() as connection:
        remove_source(connection, gazette, now=NOON)

    [alone] = seen(database)
    assert (alone.story_id, alone.follows) == (None, False)
    with database.read() as connection:
        assert connection.execute(select(story)).all() == []


def test_pruning_leaves_a_story_with_a_lead(database, tell):
    tell("gazette")
    tell("mirror", now=NOON + DAY)
    with database.write() as connection:
        old = Retention(seen_since=NOON + HOUR, newest=0, public=False)
        going = maintenance.removable(connection, old)

        maintenance.remove(connection, going, now=NOON + DAY)

    assert len(going) == 1
    assert names(database) == ["mirror"]


def test_what_is_released_finds_its_story(database, follow, poll, tell):
    source_id = follow("https://flood.example/feed", title="flood")
    poll(source_id, an_entry("urn:flood:0"))
    tell("gazette")
    flood = [an_entry(f"urn:flood:{number}", published=None) for number in range(1, 31)]
    poll(source_id, an_entry("urn:flood:99", title=TITLE, text=NEWS, published=None), *flood)
    with database.read() as connection:
        held = visibility.held_ids(connection, source_id)
        [found] = [one for one in entries.by_ids(connection, held) if one.title == TITLE]

    with database.write() as connection:
        visibility.release(connection, [found.id], now=NOON + HOUR)

    [lead] = [one for one in seen(database) if one.title == TITLE]
    assert [mate.source.slug for mate in lead.also_at] == ["flood"]


def test_one_that_tells_the_same_as_two_stories_makes_them_one(database, tell):
    page = "https://navy.example/bomb"
    tell("gazette", title="A bomb", text="Found.", url=page)
    tell("mirror", title="Bomb", text="In the harbour.", url=page)
    tell("herald")
    tell("courier")
    assert names(database) == ["gazette", "herald"]

    tell("post", url=page)

    assert names(database) == ["gazette"]
    assert len(seen(database)[0].also_at) == 4
    with database.read() as connection:
        assert len(connection.execute(select(story)).all()) == 1


def test_what_several_sources_tell_is_not_folded_away(database, follow, poll, tell):
    source_id = follow("https://flood.example/feed")
    poll(source_id, an_entry("urn:flood:0"))
    flood = [
        an_entry(f"urn:flood:{number}", title=f"Note {number}", published=NOON + number * HOUR)
        for number in range(1, 6)
    ]
    first = an_entry("urn:flood:9", title=TITLE, text=NEWS, published=NOON)
    poll(source_id, first, *flood, now=NOON + DAY)
    assert TITLE not in [one.title for one in seen(database, folded=False)]

    tell("gazette", now=NOON + DAY)

    assert TITLE in [one.title for one in seen(database, folded=False)]


def test_what_is_forgotten_is_joined_by_nobody(database, tell):
    tell("gazette")
    with database.write() as connection:
        kept = stories.delete_old_keys(connection, now=NOON + MATCH_WINDOW)
        gone = stories.delete_old_keys(connection, now=NOON + MATCH_WINDOW + HOUR)
        left = connection.execute(select(story_key)).all()

    tell("mirror")

    assert (kept, gone, left) == (0, 1, [])
    assert names(database) == ["gazette", "mirror"]


def test_a_key_that_a_crowd_has_tells_nothing_and_costs_nothing(database, tell):
    for number in range(stories.MAX_PER_KEY + 3):
        tell(f"s{number}", title=f"Number {number}", text="x", url="https://one.example/page")

    with database.read() as connection:
        assert len(connection.execute(select(story_key)).all()) <= stories.MAX_PER_KEY


def test_a_batch_without_stories_asks_two_statements_more(database, tell, follow, poll):
    tell("gazette")
    source_id = follow()
    statements = []

    def note(*call):
        statements.append(call[2])

    event.listen(database._engine, "before_cursor_execute", note)
    poll(source_id, an_entry(title="Something else", text="Quite another matter."))
    event.remove(database._engine, "before_cursor_execute", note)

    about = re.compile(r"(FROM|INTO) (story|story_key|likeness|apart)\b|story_id IS NOT")
    assert len([one for one in statements if about.search(one)]) == 2


def test_an_edit_of_a_mate_is_a_change_of_all_that_name_it(database, tell, poll):
    tell("gazette")
    mirror = tell("mirror")
    edited = an_entry("urn:mirror:1", title=TITLE, text=NEWS, url="https://mirror.example/moved")

    poll(mirror, edited, now=NOON + HOUR)

    [lead] = seen(database)
    assert lead.also_at[0].url == "https://mirror.example/moved"
    assert lead.change == every(database)["mirror"].change
    assert lead.changed_at == NOON


def test_what_was_split_off_joins_none_of_its_former_mates_again(database, tell):
    for name in ("gazette", "mirror", "herald"):
        tell(name)
    split = every(database)["mirror"].id
    with database.write() as connection:
        kept_from = records.split(connection, split, now=NOON)

    tell("courier")

    ids = {name: one.id for name, one in every(database).items()}
    assert kept_from == [ids["gazette"], ids["herald"]]
    [lead, alone] = seen(database)
    assert [mate.source.slug for mate in lead.also_at] == ["herald", "courier"]
    assert (alone.source.slug, alone.also_at) == ("mirror", ())
    with database.read() as connection:
        assert [mate for mate, _ in records.kept_apart(connection, split)] == kept_from


def test_what_was_never_public_cannot_be_merged(database, follow, poll):
    source_id = follow()
    poll(source_id, *[an_entry(f"urn:x:{n}", published=NOON - n * DAY) for n in range(3)])
    with database.write() as connection, pytest.raises(ConflictError, match="never public"):
        records.merge(connection, [1, 2, 3], now=NOON)


def test_a_copy_of_the_database_has_the_stories(database, tell, tmp_path):
    tell("gazette")
    tell("mirror")
    target = Database(f"sqlite:///{tmp_path}/copy.db")
    schema.upgrade(target, rebuild_index=index.rebuild)

    backups.copy(database, target, rebuild_index=index.rebuild, advance=lambda *_: None)

    assert seen(target) == seen(database)
    with target.read() as copied, database.read() as connection:
        assert records.reasons(copied, [1]) == records.reasons(connection, [1])
        assert len(copied.execute(select(story_key)).all()) > 0
    target.close()


ACTS = ("tell", "again", "hide", "unhide", "split", "merge", "remove", "prune")


@on_sqlite
@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_each_story_has_one_lead(database, follow, poll, seed):
    chance = random.Random(seed)  # noqa: S311 - it deals acts, no secrets
    texts = [" ".join(f"w{chance.randrange(10**6)}" for _ in range(40)) for _ in range(3)]
    ids = [follow(f"https://{n}.example/feed") for n in range(6)]
    placed = {}
    for number in range(40):
        act = chance.choice(("tell", "tell", *ACTS))
        if act in {"tell", "again"} and ids:
            text = chance.choice(texts)
            new = an_entry(f"urn:{number}", title=text[:40], text=text, published=NOON)
            poll(chance.choice(ids), new, now=NOON + number * HOUR)
        else:
            _act(database, act, chance, ids, now=NOON + number * HOUR)

        _check(database, placed)

    assert placed


def _act(database, act, chance, ids, *, now):
    """Do what the operator may do; where it cannot be done, nothing happens."""
    with database.read() as connection:
        known = entries.ids(connection, Selection(states=tuple(EntryState)))
    with suppress(ConflictError), database.write() as connection:
        match act:
            case "hide" | "unhide" if known:
                getattr(visibility, act)(connection, [chance.choice(known)], now=now)
            case "split" if known:
                records.split(connection, chance.choice(known), now=now)
            case "merge" if len(known) > 2:
                records.merge(connection, chance.sample(known, 3), now=now)
            case "remove" if len(ids) > 3 and chance.random() < 0.3:
                remove_source(connection, ids.pop(), now=now)
            case "prune" if known and chance.random() < 0.5:
                maintenance.remove(connection, [chance.choice(known)], now=now)


def _check(database, placed):
    """Say that stories are sound, and that no entry has moved since it was placed."""
    with database.read() as connection:
        rows = connection.execute(select(entry)).all()
        ids = set(connection.scalars(select(story.c.id)))
    told = defaultdict(list)
    for row in rows:
        place = row.seq, row.changed_at
        assert placed.setdefault(row.atom_id, place) == place
        if row.story_id:
            told[row.story_id].append(row)
        else:
            assert not row.follows
    assert set(told) == ids
    for members in told.values():
        public = sorted(row.seq for row in members if row.state == "public")
        assert len(members) > 1
        leads = [row.seq for row in members if row.state == "public" and not row.follows]
        assert leads == public[:1]
