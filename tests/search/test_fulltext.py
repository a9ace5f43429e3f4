from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, insert, select, text

from installation import on_sqlite
from newsletter_site import NewsletterSite
from parsed_entries import DAY, NOON, an_entry
from polls_by_hand import read_poll
from tidings.catalog import sources
from tidings.db import backups, schema
from tidings.db.database import Database
from tidings.db.tables import entry, source
from tidings.model.words import words_of
from tidings.operator.store import maintenance
from tidings.polling.source_list import remove_source
from tidings.polling.store import leases, polls, visibility
from tidings.search.query import MAX_HITS, SearchInput, Zone, parse_query, rank
from tidings.search.store import fulltext, index


@pytest.fixture
def room(database):
    return NewsletterSite(database)


@pytest.fixture
def tell(room):
    """Let a source publish an entry of title and text; return its id."""
    source_id = room.follow(topic="science")

    def publish(title="A title", text="Its text.", **fields):
        [entry_id] = room.publish(source_id, title=title, text=text, **fields)
        return entry_id

    return publish


@pytest.fixture
def found(database):
    """Search, and return the ids of what is found, the best first."""

    def find(question, **narrowed):
        with database.read() as connection:
            hits = fulltext.find(connection, parse_query(SearchInput(q=question, **narrowed))).hits
            return [hit.entry_id for hit in rank(hits)]

    return find


CORPUS = [
    ("WAL mode of SQLite", "Readers do not block a writer: the write-ahead log."),
    ("机器学习入门", "深度学习是机器学习的一部分。用 Python 写。"),
    ("Machine learning with C++", "Deep networks in C++, not in C#. Zürich 2026."),
    ("京都の紅葉", "ガイドと一緒に歩く。"),
    ("", "An entry without title, of machine tools and of learning."),
]


FOUND = {
    "sqlite": [1],  # a word
    "SQLite writer": [1],  # words of title and text
    '"write ahead log"': [1],  # a phrase
    '"ahead write"': [],  # no phrase
    '"sqlite readers"': [],  # no phrase goes on from the title to the text
    "machine learning": [3, 5],  # all words
    '"machine learning"': [3],  # words side by side
    "machine -tools": [3],  # without a word
    'machine -"machine learning"': [5],  # without a phrase
    "c++": [3],  # C++
    "C": [],  # C is neither
    "zurich": [3],  # without its accent
    "学": [2],  # one character
    "分": [2],  # one character at the end of a stretch
    "学习": [2],  # two characters
    "深度学习": [2],  # four characters
    "习学": [],  # the other way round
    "学习的": [2],  # across words
    "用 Python 写": [2],  # both scripts
    '"Python 写"': [2],  # a phrase that ends with a character
    '"Python 学"': [],  # no such phrase
    "学习 -python": [],  # Chinese without English
    "ｶﾞｲﾄﾞ": [4],  # Japanese in another width
    "topic:science sqlite": [1],  # of a topic
    "topic:life sqlite": [],  # of a topic that there is not
    "source:1-example-org 京都": [4],  # of a source
    "source:nobody 京都": [],  # of a source that there is not
    "source:1-example-org -the -learning": [2, 4],  # without any word
}
"""What is found in it by which question."""


def test_what_is_found(tell, found):
    for title, said in CORPUS:
        tell(title, said)

    assert {question: sorted(found(question)) for question in FOUND} == FOUND


HOSTILE = [
    "'; DROP TABLE entry; --",  # SQL
    'title : "a" NEAR(b, 2) OR {body} : c*',  # FTS5
    "a <-> b:* | !c & 'd'",  # tsquery
    "\\ ' \" ( ) * ^ - + : %s %(x)s :x",  # signs
    "\x00\x1b\ufffe\u202e",  # control characters
    "§s1 §",  # our own marks
    "𠀀𠀁 🙂 \U0010ffff",  # beyond the basic plane
    "字" * 10_000,  # ten thousand characters
    "since:0001-01-01 until:9999-12-31 a",  # all of time
    "since:2027 until:2026 a",  # no time at all
]


def test_no_question_is_an_error(tell, found):
    tell("Something else", "of no interest")

    assert not any(found(question) for question in HOSTILE)


def test_a_text_beyond_all_measure_is_found_by_its_beginning(tell, found):
    words = [f"\u16a0{number:05}".ljust(60, "\u16a0") for number in range(30_000)]
    tell("fox", " ".join(words))

    assert found(f"{words[0]} {words[1000]} fox") == [1]
    assert found(words[-1]) == []


def test_where_it_stands_is_told(database, tell):
    tell("fox", "nothing")
    tell("nothing", "a fox " + "word " * 100)
    tell("nothing", "word " * 100 + "fox")

    with database.read() as connection:
        hits = fulltext.find(connection, parse_query(SearchInput(q="fox"))).hits

    assert {hit.entry_id: hit.zone for hit in hits} == {1: Zone.TITLE, 2: Zone.LEAD, 3: Zone.BODY}


def test_days_bound_a_search(room, tell, found):
    for month in (3, 4, 5):
        room.now = datetime(2026, month, 10, 12, tzinfo=UTC)
        tell("fox")
    room.now = datetime(2027, 1, 31, 23, 59, tzinfo=UTC)
    tell("fox")

    assert found("fox since:2026-04") == [4, 3, 2]
    assert found("fox until:2026-04-09") == [1]
    assert found("fox since:2026-04-10 until:2026-05-10") == [3, 2]
    assert found("fox since:2026 until:2026") == [3, 2, 1]
    assert found("fox", since="2027-01-31", until="2027-01-31") == [4]


def test_an_edit_is_found_by_its_new_words_alone(database, room, found):
    source_id = room.follow()
    for said in ("before", "after"):
        with database.write() as connection:
            [due] = leases.due(connection, [source_id])
            leases.claim_one(connection, "test", due.host)
            known = polls.known_entries(connection, [source_id])[source_id]
            changed = an_entry(title=said, text=said)
            polls.save(connection, "test", [read_poll(due, changed, known=known)])

    assert (found("before"), found("after")) == ([], [1])


def test_only_what_everybody_may_see_is_found(database, tell, found):
    tell("fox")
    with database.write() as connection:
        visibility.hide(connection, [1], now=NOON)
    hidden = found("fox")
    with database.write() as connection:
        connection.execute(text("UPDATE entry SET state = 'held'"))
    held = found("fox")
    with database.write() as connection:
        connection.execute(text("UPDATE entry SET state = 'backfill'"))

    assert (hidden, held, found("fox")) == ([], [], [1])


def test_what_is_removed_is_forgotten(database, room, tell, found):
    other = room.follow()
    tell("fox")
    room.publish(other, title="fox")
    with database.write() as connection:
        maintenance.remove(connection, [1], now=NOON)
    pruned = found("fox")
    with database.write() as connection:
        remove_source(connection, other, now=NOON)

    assert (pruned, found("fox")) == ([2], [])
    assert backups.check(database, index_problems=index.problems) == []


def test_of_many_the_newest_are_ranked(database, room):
    room.now = NOON - 900 * DAY
    room.publish(room.follow(), 3, title="fox")
    room.now = NOON
    room.publish(room.follow(), MAX_HITS, title="fox")

    with database.read() as connection:
        everything = fulltext.find(connection, parse_query(SearchInput(q="fox")))
        fewer = fulltext.find(connection, parse_query(SearchInput(q="fox until:2025")))

    assert {hit.entry_id for hit in everything.hits} == set(range(4, MAX_HITS + 4))
    assert not everything.is_all
    assert fewer.is_all


def test_what_polls_bring_costs_two_statements_more_at_most(database, room, tell):
    tell()
    statements = []
    event.listen(
        database._engine, "before_cursor_execute", lambda *call: statements.append(call[2])
    )

    room.publish(1, 5)
    after_news = [one for one in statements if "entry_words" in one]
    statements.clear()
    with database.write() as connection:
        [due] = leases.due(connection, [1])
        polls.save(connection, "test", [read_poll(due)])

    assert len(after_news) == 1
    assert not [one for one in statements if "entry_words" in one]


def test_an_index_that_lacks_something_is_reported_and_made_anew(database, tell, found):
    tell("fox")
    with database.write() as connection:
        connection.execute(text("DELETE FROM entry_words"))
    missing = backups.check(database, index_problems=index.problems)

    with database.write() as connection:
        index.rebuild(connection, lambda _: None)

    assert missing == ["1 entries that cannot be searched"]
    assert found("fox") == [1]
    assert backups.check(database, index_problems=index.problems) == []


@on_sqlite
def test_an_index_that_does_not_fit_is_reported(database, tell):
    tell("fox")
    with database.write() as connection:
        connection.execute(text("DROP TRIGGER entry_words_removed"))
        connection.execute(text("DELETE FROM entry"))

    assert backups.check(database, index_problems=index.problems) == [
        "an index of 1 entries instead of 0"
    ]


def test_among_thousands_the_newest_are_found_and_the_rare(database, tell, found):
    tell("fox cow")
    tell("fox")
    with database.write() as connection:
        fox = connection.execute(select(entry).where(entry.c.id == 2)).mappings().one()
        own = ({"id": n, "seq": n, "key": b"%d" % n, "atom_id": f"urn:{n}"} for n in range(3, 6001))
        connection.execute(insert(entry), [dict(fox) | one for one in own])
        connection.execute(text("UPDATE entry SET title = 'fox hen' WHERE id % 100 = 0"))
        index.rebuild(connection, lambda _: None)

    assert set(found("fox")) == set(range(6001 - MAX_HITS, 6001))
    assert set(found("hen")) == set(range(100, 6001, 100))
    assert set(found('"fox hen"')) == set(range(100, 6001, 100))
    assert set(found("fox -hen -cow")) == set(sorted(set(range(6001)) - set(found("hen")))[-500:])
    assert found("cow") == [1]


def test_what_is_stored_before_there_is_an_index_is_found_by_it(sqlite_url):
    database = Database(sqlite_url)
    with database.write() as connection:
        config = Config()
        config.set_main_option("script_location", str(schema.MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
        connection.execute(insert(source).values(SOURCE))
        connection.execute(insert(entry).values(ENTRY))

    schema.prepare(database, rebuild_index=index.rebuild)

    with database.read() as connection:
        hits = fulltext.find(connection, parse_query(SearchInput(q="机器 fox"))).hits
    assert [hit.entry_id for hit in hits] == [1]
    database.close()


@given(st.text(min_size=1, max_size=40), st.text(max_size=60))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_saved_is_found_by_each_of_its_words(database, room, title, said):
    clean = "".join(one for one in f"{title} {said}" if one.isprintable() and one not in "<&")
    if not room_has_source(database):
        room.follow()
    [entry_id] = room.publish(1, title=clean, text="")

    with database.read() as connection:
        for word in words_of(clean):
            query = parse_query(SearchInput(q=f'"{word}"'))
            assert entry_id in {hit.entry_id for hit in fulltext.find(connection, query).hits}, word


SOURCE = {
    "slug": "a",
    "url": "https://a.example/",
    "host": "a.example:443",
    "state": "active",
    "imported": False,
    "added_at": NOON,
    "next_poll_at": NOON,
    "failures": 0,
    "problems": [],
}
ENTRY = {
    "source_id": 1,
    "key_version": 1,
    "key": b"1",
    "raw_hash": b"",
    "revision": b"",
    "state": "backfill",
    "digest_eligible": False,
    "atom_id": "urn:example:1",
    "title": "机器",
    "authors": [],
    "categories": [],
    "first_seen_at": NOON,
    "changed_at": NOON,
    "sort_at": NOON,
    "enclosures": [],
    "excerpt": "",
    "content": "<p>A <b>f</b>ox</p>",
}


def room_has_source(database):
    with database.read() as connection:
        return bool(sources.urls(connection))
