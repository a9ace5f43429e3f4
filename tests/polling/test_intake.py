"""What is new, exactly once: documents through parsing, comparing and saving, poll after poll."""

from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import event, func, select, update

from feed_documents import an_item, atom, items, rss
from installation import on_sqlite
from parsed_entries import DAY, HOUR, NOON
from polls_by_hand import RULES, parse_here
from tidings.catalog import change_log, entries, sources
from tidings.catalog.entries import ListWindow, Selection
from tidings.catalog.sources import NewSource
from tidings.db.intake_tables import alias
from tidings.db.tables import entry
from tidings.fetching.outcomes import Fetched, Validators
from tidings.model.entries import EntryState
from tidings.operator.store import maintenance
from tidings.operator.store.maintenance import Retention
from tidings.polling.compare import MAX_ALIASES, MAX_UPDATES
from tidings.polling.host_leases import HostRules
from tidings.polling.poll import Poller
from tidings.publishing.repaginate import repaginate_some

URL = "https://example.org/feed"
RECORDED = Path(__file__).parents[1] / "data" / "sequences"
EVERYTHING = Selection(states=tuple(EntryState))


class Publisher:
    """One source, and what its publisher does to it: each document is polled once, in turn."""

    def __init__(self, database):
        self.database = database
        self.now = NOON
        self._body = b""
        self._poller = Poller(
            database,
            fetch=self._fetch,
            parse=parse_here,
            clock=lambda: self.now,
            owner="here:1:a",
            rules=RULES,
            hosts=HostRules(concurrency=1, pause_of=lambda _: timedelta(0)),
            repaginate=partial(repaginate_some, database, size=5, clock=lambda: self.now),
        )
        with database.write() as connection:
            [self.id] = sources.add(connection, [NewSource(url=URL)], now=NOON)

    def publish(self, body, *, after=HOUR):
        """Put out a document, have it polled, and return what came of it."""
        self._body = body
        self.now += after
        [result] = self._poller.poll_sources([self.id], report=str, stop=Event()).sources
        assert result.error is None
        return result.new, result.updated

    def entries(self):
        with self.database.read() as connection:
            return entries.select_entries(connection, EVERYTHING, ListWindow(limit=None))

    def titles(self):
        return sorted(one.title for one in self.entries())

    def column(self, column):
        with self.database.read() as connection:
            return list(connection.scalars(select(column).order_by(entry.c.id)))

    def aliases(self):
        with self.database.read() as connection:
            return connection.scalar(select(func.count()).select_from(alias))

    def last_seq(self):
        with self.database.read() as connection:
            return change_log.last_seq(connection)

    def _fetch(self, requests, done):
        for request in requests:
            answer = Fetched(url=URL, body=self._body, validators=Validators(url=URL))
            done(request, answer)


@pytest.fixture
def publisher(database):
    return Publisher(database)


def moved(numbers, host="https://example.org", *, guid="urn:example:", path=""):
    return [an_item(n, guid=f"{guid}{n}", url=f"{host}{path}/{n}") for n in numbers]


SIX = range(6, 0, -1)


@pytest.mark.parametrize(
    "renamed",
    [
        pytest.param(moved(SIX, guid="tag:example.org,2026:"), id="the scheme of the guids"),
        pytest.param(moved(SIX, "http://www.example.org"), id="host and scheme of the links"),
        pytest.param(moved(SIX, "http://b.example", guid="http://b.example/"), id="both"),
        pytest.param(moved(SIX, path="/posts", guid="https://x.example/"), id="the addresses"),
        pytest.param(
            [an_item(6, guid="a-slug", url="https://example.org/slug"), *items(5)], id="one slug"
        ),
    ],
)
@on_sqlite
def test_entries_that_were_renamed_are_not_new_and_flipping_back_is_no_news(publisher, renamed):
    publisher.publish(atom(*items(6)))
    before = [(one.id, one.seq, one.atom_id, one.changed_at) for one in publisher.entries()]

    there, back, again = (publisher.publish(atom(*doc)) for doc in (renamed, items(6), renamed))

    assert [there, back, again] == [(0, 0)] * 3
    after = [(one.id, one.seq, one.atom_id, one.changed_at) for one in publisher.entries()]
    assert after == before
    assert {one.url for one in publisher.entries()} == {item.url for item in renamed}


def test_a_renamed_entry_that_was_rewritten_is_updated_once(publisher):
    publisher.publish(atom(*items(3)))

    edited = [an_item(3, guid="b:3", text="Corrected."), *moved([2, 1], guid="b:")]
    results = [publisher.publish(rss(*edited)), publisher.publish(atom(*edited, title="Other"))]

    assert results == [(0, 1), (0, 0)]
    assert len(publisher.entries()) == 3


@on_sqlite
def test_daily_picks_are_new_every_day(publisher):
    def picks(day, **fields):
        url = f"https://example.org/picks/{day}"
        published = NOON + day * DAY
        text = f"The picks of day {day}."
        defaults = {"guid": f"picks:{day}", "title": "Daily picks", "url": url, "text": text}
        return an_item(1, **defaults | fields, published=published)

    one_page = {"url": "https://example.org/picks"}
    publisher.publish(atom(picks(0)))

    results = [publisher.publish(atom(picks(day)), after=DAY) for day in (1, 2, 3)]
    results += [publisher.publish(atom(picks(day, **one_page)), after=DAY) for day in (4, 5, 6)]

    assert results == [(1, 0)] * 6


def test_an_entry_beside_its_twin_is_new(publisher):
    publisher.publish(atom(an_item(1)))

    result = publisher.publish(atom(an_item(1), an_item(1, guid="urn:example:twin")))

    assert result == (1, 0)


def recorded(name):
    return [path.read_bytes() for path in sorted(RECORDED.glob(f"{name}-v*.xml"))]


@pytest.mark.parametrize("count", [8, 1], ids=["all of them", "one"])
@on_sqlite
def test_a_token_in_the_link_of_what_has_no_guid_makes_no_news(publisher, count):
    documents = recorded("no-guid-token-link")

    results = [publisher.publish(only_the_first(document, count)) for document in documents]

    assert results == [(count, 0), (0, 0), (0, 0)]


def only_the_first(document, count):
    head, *written = document.split(b"<item>")
    return b"<item>".join([head, *written[:count]]) + b"</channel></rss>"


def test_an_archive_that_is_poured_out_heads_neither_pages_nor_feeds(publisher):
    before, after = recorded("old-entries-appear")
    publisher.publish(before)
    seq = publisher.last_seq()

    result = publisher.publish(after, after=DAY)

    newest = publisher.entries()[:8]
    assert result == (15, 0)
    assert publisher.last_seq() == seq
    assert [one.title for one in newest] == [f"Post {n}" for n in range(7, -1, -1)]


def a_page_for_all(number, **fields):
    """Return an entry of a changelog: all of them lead to one page, which is their guid, too."""
    page = "https://example.org/changes"
    return an_item(number, **{"guid": page, "url": page} | fields)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="of many days"),
        pytest.param({"published": NOON - DAY}, id="of one moment"),
        pytest.param({"text": ""}, id="without texts"),
    ],
)
@on_sqlite
def test_entries_of_one_page_are_all_kept_and_stay_the_same(publisher, fields):
    publisher.publish(rss(a_page_for_all(1, **fields)))

    results = [
        publisher.publish(rss(*[a_page_for_all(n, **fields) for n in range(last, 0, -1)], **title))
        for last, title in ((3, {}), (3, {"title": "Again"}), (5, {}))
    ]

    assert results == [(2, 0), (0, 0), (2, 0)]
    assert publisher.titles() == [f"Entry {n}" for n in range(1, 6)]


def test_what_has_nothing_to_show_is_hidden_until_it_has(publisher):
    empty = b"<guid isPermaLink='false'>1</guid>"
    written = empty + b"<description>Now it says something.</description>"

    results = [publisher.publish(rss_of(item)) for item in (empty, empty + b" ")]
    hidden = [one.state for one in publisher.entries()]
    results += [publisher.publish(rss_of(item)) for item in (written, written + b" ")]

    assert results == [(1, 0), (0, 0), (0, 1), (0, 0)]
    assert hidden == [EntryState.HIDDEN]
    assert [(one.state, one.seq) for one in publisher.entries()] == [(EntryState.PUBLIC, 1)]


def rss_of(item):
    return b"<rss version='2.0'><channel><title>A</title><item>%b</item></channel></rss>" % item


@on_sqlite
def test_guids_that_are_others_at_every_poll_cost_neither_entries_nor_room(publisher):
    publisher.publish(rss(*items(6)))

    results = {
        publisher.publish(rss(*[an_item(n, guid=f"{n}?rss={poll}") for n in SIX]))
        for poll in range(100)
    }

    assert results == {(0, 0)}
    assert len(publisher.entries()) == 6
    assert publisher.aliases() == 6 * MAX_ALIASES


@on_sqlite
def test_one_guid_for_all_entries_does_not_mix_them_up(publisher):
    entries_of = [
        [an_item(n, guid="same") for n in range(last, last - 4, -1)] for last in (4, 5, 6)
    ]

    results = [publisher.publish(atom(*document)) for document in entries_of]
    alone = publisher.publish(atom(an_item(6, guid="same")))

    assert results == [(4, 0), (1, 0), (1, 0)]
    assert alone == (0, 0)
    assert publisher.titles() == [f"Entry {n}" for n in range(1, 7)]


@on_sqlite
def test_a_guid_that_becomes_the_guid_of_all_renames_nothing(publisher):
    publisher.publish(atom(an_item(1, guid="same")))

    results = [publisher.publish(atom(*(an_item(n, guid="same") for n in (2, 1)))) for _ in "ab"]

    assert results[0] == (1, 0)
    assert publisher.titles() == ["Entry 1", "Entry 2"]


def test_notes_that_share_a_page_and_a_guid_by_accident_are_all_kept(publisher):
    notes = [
        an_item(n, guid="https://e.org/day#1", url="https://e.org/day", title="") for n in (2, 1)
    ]

    results = [publisher.publish(atom(*notes)), publisher.publish(atom(*notes, title="Again"))]

    assert results == [(2, 0), (0, 0)]


def test_guids_of_eight_thousand_letters_tell_entries_apart(publisher):
    long = [an_item(n, guid="g" * 8000 + str(n)) for n in (2, 1)]

    assert publisher.publish(atom(*long)) == (2, 0)
    assert publisher.publish(atom(*long, title="Again")) == (0, 0)


def test_what_vanishes_and_returns_is_not_new(publisher):
    publisher.publish(atom(*items(3)))
    publisher.publish(atom(*items(2)))

    returned = publisher.publish(atom(*items(3)))
    changed = publisher.publish(atom(*items(2), an_item(3, text="Changed while it was away.")))

    assert (returned, changed) == ((0, 0), (0, 1))


def test_what_was_removed_does_not_return_by_any_of_its_names(publisher, database):
    publisher.publish(atom(*items(3)))
    publisher.publish(atom(*moved((3, 2, 1), guid="b:")))
    retention = Retention(seen_since=None, newest=1, public=False)
    with database.write() as connection:
        gone = maintenance.removable(connection, retention)
        maintenance.remove(connection, gone, now=publisher.now)

    results = [publisher.publish(atom(*doc)) for doc in (items(3), moved((3, 2, 1), guid="b:"))]

    assert len(gone) == 2
    assert results == [(0, 0), (0, 0)]
    assert publisher.titles() == ["Entry 3"]


def test_a_date_that_moves_is_stored_and_is_no_news(publisher):
    publisher.publish(atom(an_item(1)))
    [before] = publisher.entries()
    redated = an_item(1, published=NOON - HOUR)

    result = publisher.publish(atom(redated))

    [after] = publisher.entries()
    assert result == (0, 0)
    assert after.published == NOON - HOUR
    assert (after.seq, after.sort_at, after.changed_at) == (
        before.seq,
        before.sort_at,
        before.changed_at,
    )
    assert publisher.column(entry.c.retouched_at) == [publisher.now]
    assert publisher.column(entry.c.updates) == [0]


@on_sqlite
def test_a_counter_in_the_text_is_news_for_a_while_only(publisher):
    publisher.publish(atom(an_item(1, text="0 comments")))

    results = [
        publisher.publish(atom(an_item(1, text=f"{n} comments"))) for n in range(1, MAX_UPDATES + 9)
    ]
    stored = publisher.column(entry.c.content)
    rested = publisher.publish(atom(an_item(1, text="Corrected.")), after=8 * DAY)

    assert results == [(0, 1)] * MAX_UPDATES + [(0, 0)] * 8
    assert stored == [f"<p>{MAX_UPDATES + 8} comments</p>"]
    assert rested == (0, 1)
    assert publisher.column(entry.c.updates) == [MAX_UPDATES + 1]


def test_an_entry_that_was_stored_by_an_older_rule_is_not_news(publisher, database):
    publisher.publish(atom(*items(3)))
    with database.write() as connection:
        connection.execute(update(entry).values(key_version=0))

    assert publisher.publish(atom(*items(3), title="Again")) == (0, 0)
    assert publisher.publish(atom(an_item(4), *items(3))) == (1, 0)


def old_items(count):
    return [
        an_item(n, published=NOON - 400 * DAY + n * HOUR) for n in range(1000 + count, 1000, -1)
    ]


def test_an_outburst_is_held_and_says_why(publisher, database):
    publisher.publish(atom(*items(3)))
    seq = publisher.last_seq()

    flood = publisher.publish(atom(*old_items(31), *items(3)))
    later = publisher.publish(atom(an_item(9, published=publisher.now), *old_items(31), *items(3)))

    states = [one.state for one in publisher.entries()]
    assert (flood, later) == ((31, 0), (1, 0))
    assert states.count(EntryState.HELD) == 31
    assert publisher.last_seq() == seq + 1
    [[_, why], *_] = next(filter(None, publisher.column(entry.c.history)))
    assert "31 new entries at once" in why
    with database.read() as connection:
        told = [one.text for one in sources.get(connection, publisher.id).history]
    assert any("31" in text and "held" in text for text in told)


def test_our_own_downtime_is_no_outburst(publisher):
    publisher.publish(atom(*items(3)))
    missed = [an_item(n, published=NOON + n * HOUR) for n in range(110, 10, -1)]

    publisher.publish(atom(*missed), after=5 * DAY)

    assert [one.state for one in publisher.entries()].count(EntryState.HELD) == 0


def test_renamed_entries_cost_two_statements_more(publisher, database):
    publisher.publish(atom(*items(6)))
    counts = []
    event.listen(
        database._engine, "before_cursor_execute", lambda *call: counts[-1].append(call[2])
    )

    for document in ([an_item(6, text="New."), *items(5)], moved(SIX, guid="b:")):
        counts.append([])
        publisher.publish(atom(*document))

    edited, renamed = ([one for one in made if "BEGIN" not in one] for made in counts)
    assert len(renamed) == len(edited) + 2
