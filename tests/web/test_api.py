"""The API as programs read it: nothing but what is public, part by part, and as it is described."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from sqlalchemy import update

from api_visitor import ApiVisitor
from browser.showcase import Showcase, serving
from installation import on_sqlite
from newsletter_site import NEWS
from operator_site import OperatorSite
from parsed_entries import DAY, NOON
from parsed_entries import an_entry as a_parsed_entry
from polls_by_hand import read_poll
from tidings.db.tables import entry, source
from tidings.errors import DatabaseAwayError
from tidings.model.entries import EntryState, Republish
from tidings.model.feed import Enclosure, Image
from tidings.polling.store import leases, polls
from web.visitors import Visitor, app_of


@pytest.fixture
def room(control):
    return control.room


@pytest.fixture
def ask(control):
    return ApiVisitor(control.visitor)


def ids(answer):
    return [one["id"] for one in answer.value["entries"]]


def set_state(room, entry_id, state):
    with room.database.write() as connection:
        connection.execute(update(entry).where(entry.c.id == entry_id).values(state=state))


def test_entries_come_in_parts_that_neither_miss_nor_repeat_any_while_new_ones_come_in(room, ask):
    source_id = room.follow(topic="birds")
    known = room.publish(source_id, 5)

    first = ask("/entries?limit=2")
    room.publish(source_id, 3)
    rest = ask.every(first.value["next"].partition("/api/v1")[2], "entries")

    assert [*ids(first), *(one["id"] for one in rest)] == known[::-1]
    assert first.value["next"].startswith("http://news.example/api/v1/entries?limit=2&before=")


def test_who_knows_some_entries_asks_for_those_that_became_public_since(room, ask):
    source_id = room.follow()
    room.publish(source_id, 3)
    newest = ask("/entries?limit=1").value["entries"][0]["seq"]
    later = room.publish(source_id, 3)

    news = ask.every(f"/entries?after={newest}&limit=2", "entries")

    assert [one["id"] for one in news] == later[::-1]
    assert ids(ask(f"/entries?after={newest + 3}")) == []


def test_entries_of_a_topic_and_of_a_source_are_found_part_by_part(room, ask):
    one, two, other = room.follow(topic="birds"), room.follow(topic="birds"), room.follow()
    of_topic = []
    for source_id in (one, other, two, one, two, other):
        made = room.publish(source_id, 2)
        of_topic += made if source_id != other else []

    # Both ways to find them: with fewer sources than are wanted, and with as many.
    for limit in (1, 2, 3, 7):
        found = ask.every(f"/entries?topic=birds&limit={limit}", "entries")
        assert [entry["id"] for entry in found] == of_topic[::-1]
    of_source = ask.every("/entries?source=3-example-org&limit=3", "entries")
    assert {entry["source"]["slug"] for entry in of_source} == {"3-example-org"}
    assert len(of_source) == 4


def test_an_entry_says_what_feeds_say_of_it(room, ask):
    source_id = room.follow(topic="birds")
    [entry_id] = room.publish(
        source_id,
        title="The <Tern>\u200b 燕鸥",
        content="<p>It flies.</p>",
        excerpt="It flies.",
        authors=("Ada",),
        categories=("birds",),
        language="en",
        image=Image(url="https://example.org/a.png", width=3, alt="a tern"),
        enclosures=(Enclosure(url="https://example.org/a.mp3", type="audio/mpeg", duration=60),),
    )

    whole = ask(f"/entries/{entry_id}").value
    [listed] = ask("/entries").value["entries"]
    [fed] = json.loads(ask.visitor.ask("/feed.json").body)["items"]

    assert whole == {**listed, "content": "<p>It flies.</p>", "pictures": []}
    assert (whole["atom_id"], whole["title"], whole["url"]) == (fed["id"], fed["title"], fed["url"])
    assert whole["published"].replace("Z", "+00:00") == fed["date_published"]
    assert whole["page_url"] == f"http://news.example/entries/{entry_id}"
    assert whole["source"]["slug"] == "1-example-org"
    assert whole["topics"] == ["birds"]
    assert whole["enclosures"] == [
        {"url": "https://example.org/a.mp3", "type": "audio/mpeg", "length": None, "duration": 60}
    ]


def test_stories_say_where_else_they_are_told(room, ask):
    for slug in ("a", "b"):
        room.publish(room.follow(topic=slug), **NEWS)

    later, earlier = ask("/entries").value["entries"]

    assert [mate["id"] for mate in later["also_at"]] == [earlier["id"]]
    assert later["also_at"][0]["source"] == earlier["source"]["slug"]


@pytest.mark.parametrize("state", [EntryState.HELD, EntryState.HIDDEN])
def test_what_has_no_page_is_not_in_the_api(room, ask, state):
    source_id = room.follow()
    kept, gone = room.publish(source_id, 2, text="lighthouse")
    set_state(room, gone, state)

    assert ids(ask("/entries")) == ids(ask("/search?q=lighthouse")) == [kept]
    assert ask(f"/entries/{gone}").status == 404


def test_backfill_is_found_but_was_never_news(room, ask):
    [older] = room.publish(room.follow(), text="lighthouse")
    set_state(room, older, EntryState.BACKFILL)

    assert ids(ask("/entries")) == []
    assert ids(ask("/search?q=lighthouse")) == [older]
    assert ask(f"/entries/{older}").status == 200


@pytest.mark.parametrize(
    ("republish", "shown"), [(Republish.EXCERPT, "an excerpt"), (Republish.TITLE, "")]
)
def test_what_a_source_does_not_let_us_show_is_not_in_the_api(room, ask, republish, shown):
    [entry_id] = room.publish(room.follow(), content="<p>its body</p>", excerpt="an excerpt")
    with room.database.write() as connection:
        connection.execute(update(source).values(republish=republish))

    whole = ask(f"/entries/{entry_id}").value

    assert (whole["content"], whole["excerpt"]) == ("", shown)
    assert ask("/sources/1-example-org").value["republish"] == republish


def test_a_private_address_is_in_no_answer(room, ask):
    [entry_id] = room.publish(room.follow())
    shown = ask("/sources").value["sources"][0]["feed_url"]
    with room.database.write() as connection:
        connection.execute(
            update(source).values(url="https://1.example.org/feed?token=s3cret", hides_address=True)
        )

    answers = [
        ask(path).value
        for path in ("/sources", "/sources/1-example-org", "/entries", f"/entries/{entry_id}")
    ]

    assert shown == "https://1.example.org/feed"
    assert "s3cret" not in json.dumps(answers)
    assert answers[1]["feed_url"] is None


def test_sources_and_topics_are_listed_with_what_stands_under_them(room, ask):
    room.publish(room.follow(topic="birds"), 2)
    for _ in range(3):
        room.follow(topic="fish")

    every = ask.every("/sources?limit=2", "sources")
    of_topic = ask.every("/sources?topic=fish&limit=1", "sources")

    assert [one["id"] for one in every] == [1, 2, 3, 4]
    assert [one["id"] for one in of_topic] == [2, 3, 4]
    assert (every[0]["entries"], every[0]["topics"], every[0]["health"]) == (2, ["birds"], "fine")
    assert every[0] == ask("/sources/1-example-org").value
    topics = ask("/topics").value["topics"]
    assert [(one["slug"], one["sources"]) for one in topics] == [("birds", 1), ("fish", 3)]
    assert topics[1]["latest_at"] is None


def test_search_finds_what_the_page_finds_part_by_part(room, ask):
    source_id = room.follow(topic="birds")
    for text in ("燕鸥飞过灯塔", "A lighthouse", "燕鸥和海鸥", "灯塔与燕鸥"):
        room.publish(source_id, text=text)

    found = ask.every("/search?q=%E7%87%95%E9%B8%A5&limit=2", "entries")
    narrowed = ask("/search?q=%E7%81%AF%E5%A1%94&topic=birds&since=2026-11&limit=1")

    assert sorted(one["excerpt"] for one in found) == ["灯塔与燕鸥", "燕鸥和海鸥", "燕鸥飞过灯塔"]
    assert (narrowed.value["count"], narrowed.value["is_all"]) == (2, True)
    assert ask("/search?q=nothing").value == {
        "next": None, "count": 0, "is_all": True, "entries": []
    }  # fmt: skip


def test_the_status_is_what_the_page_of_it_says(room, ask):
    room.publish(room.follow(), 2)

    status = ask("/status")

    assert status.value["sources"]["fine"] == 1
    assert status.headers["cache-control"] == "public, max-age=60"
    assert ask("/status", If_None_Match=status.headers["etag"]).status == 304


def test_who_has_a_current_copy_is_told_so_and_a_change_is_seen_at_once(room, ask):
    source_id = room.follow(topic="birds")
    [entry_id] = room.publish(source_id, text="lighthouse")
    paths = (
        "/entries",
        "/entries?topic=birds",
        "/entries?source=1-example-org",
        f"/entries/{entry_id}",
        "/search?q=lighthouse",
        "/sources",
        "/sources/1-example-org",
        "/topics",
    )
    tags = {path: ask(path).headers["etag"] for path in paths}
    assert [ask(path, If_None_Match=tag).status for path, tag in tags.items()] == [304] * 8

    with room.database.write() as connection:
        [due] = leases.due(connection, [source_id])
        leases.claim_one(connection, "test", due.host)
        known = polls.known_entries(connection, [source_id])[source_id]
        again = a_parsed_entry("urn:example:9", text="lighthouse", published=NOON)
        settled = read_poll(due, again, known=known, now=NOON + DAY, title="Another name")
        polls.save(connection, "test", [settled])

    assert [ask(path, If_None_Match=tag).status for path, tag in tags.items()] == [200] * 8


def test_answers_may_be_read_by_scripts_of_any_site_and_come_compressed_and_without_a_body(
    room, ask
):
    room.publish(room.follow(), 3)

    packed = ask("/entries?limit=2", Accept_Encoding="gzip")
    head = ask("/entries?limit=2", method="HEAD")

    assert packed.headers["access-control-allow-origin"] == "*"
    assert packed.headers["access-control-expose-headers"] == "ETag, Link"
    assert "access-control-allow-credentials" not in packed.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["x-robots-tag"] == "noindex"
    assert head.status == 200
    assert head.headers["link"] == packed.headers["link"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/entries?colour=red", 400, "expected one of topic, source, after, before, limit"),
        ("/topics?limit=3", 400, "expected none"),
        ("/status?at=now", 400, "expected none"),
        ("/entries?limit=0", 400, "expected a number from 1 to 100"),
        ("/entries?limit=1&limit=2", 400, "given twice"),
        ("/entries?after=-1", 400, "expected a whole number"),
        (f"/entries?before={'9' * 30}", 400, "expected a whole number"),
        ("/entries?topic=a&source=b", 400, "either"),
        ("/entries?topic=%00", 400, "one line"),
        ("/entries?topic=none", 404, "no topic none"),
        ("/entries?source=none", 404, "no source none"),
        ("/sources?topic=none", 404, "no topic none"),
        ("/sources/none", 404, "no source none"),
        ("/sources/%00", 404, "no"),
        ("/entries/99", 404, "no entry 99"),
        (f"/entries/{'9' * 30}", 404, "no"),
        ("/entries/a", 404, "no"),
        ("/search", 400, "say what to look for"),
        ("/search?q=a&since=yesterday", 400, "write it as in 2026-11-21"),
        ("/search?q=a&after=99", 400, "begin again"),
        ("/nothing", 404, "/api/openapi.json"),
    ],
)
@on_sqlite
def test_what_cannot_be_answered_is_said_with_what_to_do(room, ask, path, status, said):
    room.follow(topic="a")

    answer = ask(path)

    assert answer.status == answer.value["status"] == status
    assert said in answer.value["detail"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["access-control-allow-origin"] == "*"


@on_sqlite
def test_other_methods_are_refused_and_pages_keep_their_own_errors(ask):
    refused = ask("/entries", method="POST", body={})

    assert refused.status == 405
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert b"<!doctype html>" in ask.visitor.ask("/apiary").body


@on_sqlite
def test_below_a_path_the_addresses_are_those_of_the_site(database):
    control = OperatorSite(database, base_url="http://news.example/feeds")
    with serving(control.app()) as url:
        control.room.publish(control.room.follow(), 2)
        ask = ApiVisitor(Visitor(url))

        first = ask("/entries?limit=1")
        through_proxy = Visitor(url).ask("/feeds/api/v1/nothing")

    assert ask.description["servers"] == [{"url": "http://news.example/feeds/api/v1"}]
    assert first.value["next"].startswith("http://news.example/feeds/api/v1/entries?")
    assert through_proxy.headers["content-type"] == "application/problem+json"


@on_sqlite
def test_a_mistake_of_ours_is_told_as_a_problem_without_its_details(control):
    control.room.publish(control.room.follow())
    with control.database.write() as connection:
        connection.exec_driver_sql("UPDATE entry SET authors = '{'")

    answer = ApiVisitor(control.visitor)("/entries")

    assert answer.status == 500
    assert "authors" not in answer.value["detail"]


class AwayPublication(Showcase):
    """A publication whose database is away."""

    def stamp(self, address):
        raise DatabaseAwayError("read", f"it is locked: {address}")


def test_a_database_that_is_away_is_told_as_a_problem_with_when_to_come_again(operations):
    with serving(app_of(AwayPublication(), operations)) as url:
        answer = ApiVisitor(Visitor(url))("/entries")

    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
    assert "try again" in answer.value["detail"]


@on_sqlite
def test_what_is_described_is_what_is_there(control, ask):
    routed = {
        (method.lower(), route.path.removeprefix("/api/v1"))
        for route in control.app().routes
        if route.path.startswith("/api/v1")
        for method in route.methods - {"HEAD"}
    }

    described = {
        (method, path) for path, methods in ask.description["paths"].items() for method in methods
    }

    assert described == routed
    assert len(described) > 15


@on_sqlite
def test_the_description_is_sound(ask):
    schemas = ask.description["components"]["schemas"]
    text = json.dumps(ask.description)

    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    used = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert used == set(schemas)
    operations = [one for path in ask.description["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)


PARAMETERS = ("topic", "source", "after", "before", "limit", "q", "since", "until", "page", "x")
VALUES = st.one_of(
    st.text(max_size=20),
    st.integers().map(str),
    st.sampled_from(["1", "birds", "1-example-org", "tern", "te*", '"a tern"', "2026-11", "-"]),
)


def test_whatever_is_asked_is_answered_as_described(room, ask):
    room.publish(room.follow(topic="birds"), 3, text="a tern")
    readable = [path for path in ask.description["paths"] if not path.startswith("/operator")]

    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(
        st.sampled_from(readable),
        VALUES,
        st.lists(st.tuples(st.sampled_from(PARAMETERS), VALUES), max_size=3),
    )
    def try_one(path, key, asked):
        filled = path.replace("{id}", quoted(key)).replace("{slug}", quoted(key))
        answer = ask(f"{filled}?{'&'.join(f'{name}={quoted(value)}' for name, value in asked)}")
        assert answer.status in {200, 400, 404}

    try_one()


def quoted(text):
    return "".join(f"%{byte:02x}" for byte in text.encode(errors="surrogatepass")) or "1"
