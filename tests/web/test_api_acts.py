"""Operators' actions by the API: by token and role, recorded, and refused with what is wrong."""

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from api_visitor import ApiVisitor
from fake_publisher import FakePublisher, answer
from feed_documents import atom, items
from installation import on_sqlite
from newsletter_site import NEWS
from tidings.catalog import source_edits
from tidings.db.tables import entry
from tidings.model.entries import EntryState
from tidings.model.operators import Role
from tidings.model.sources import SourceState
from tidings.operator.sessions import TRIES
from tidings.operator.store import sessions

ONE = "/operator/sources/1-example-org"


@pytest.fixture
def room(control):
    return control.room


@pytest.fixture
def ask(control):
    return ApiVisitor(control.visitor, token=control.token()[0])


@pytest.fixture
def publisher(control):
    with FakePublisher() as publisher:
        control.allow = publisher.host
        yield publisher


def acts(control):
    with control.database.read() as connection:
        return [(one.act, one.what) for one in sessions.latest_acts(connection, limit=None)]


def states(room):
    with room.database.read() as connection:
        return dict(connection.execute(select(entry.c.id, entry.c.state)).all())


def test_a_source_is_followed_changed_and_removed(control, ask, publisher):
    feed = publisher.serve("/feed", answer(body=atom(*items(30), title="Write-Ahead")))

    made = ask(
        "/operator/sources",
        method="POST",
        body={"url": feed, "topics": ["Databases"], "all_public": True, "republish": "excerpt"},
    )
    slug = made.value["slug"]
    path = f"/operator/sources/{slug}"
    edited = ask(path, method="PATCH", body={"title": "Mine", "interval": "3h", "noindex": True})
    watched = ask(path)
    removed = ask(path, method="DELETE")

    assert (made.status, made.value["title"]) == (201, "Write-Ahead")
    assert made.headers["location"] == f"http://news.example/api/v1{path}"
    assert (made.value["entries"], made.value["topics"]) == (30, ["databases"])
    assert edited.value == watched.value
    assert (watched.value["title"], watched.value["interval"]) == ("Mine", "3h")
    # What is not named stays.
    assert (watched.value["republish"], watched.value["noindex"]) == ("excerpt", True)
    assert watched.value["topics"] == ["databases"]
    assert watched.value["why"]
    assert removed.status == 204
    assert ask(path).status == 404
    done = [("remove", f"source {slug}"), ("edit", f"source {slug}"), ("follow", f"source {slug}")]
    assert acts(control) == done


def test_what_cannot_be_followed_is_said(ask, publisher):
    page = publisher.serve("/", answer(body=b"<p>no feed", Content_Type="text/html"))
    feed = publisher.serve("/feed", answer(body=atom(*items(1))), answer(body=atom(*items(1))))

    def follow(url):
        return ask("/operator/sources", method="POST", body={"url": url})

    followed, again = follow(feed), follow(feed)
    refused = follow(page), follow("http://10.0.0.1/feed"), follow("no address at all")

    assert (followed.status, again.status) == (201, 409)
    assert [one.status for one in refused] == [422, 422, 422]
    assert all(one.value["detail"] for one in refused)


def test_a_source_is_paused_resumed_and_polled(control, room, ask):
    room.publish(room.follow())

    def act(do):
        return ask(ONE, method="POST", body={"do": do})

    paused, refused, resumed, queued = act("pause"), act("poll"), act("resume"), act("poll")

    assert (paused.value["state"], resumed.value["state"]) == ("paused", "active")
    assert (refused.status, queued.status) == (409, 200)
    assert "paused" in refused.value["detail"]
    assert [act for act, _ in acts(control)] == ["poll", "resume", "pause"]


def test_sources_are_listed_with_their_states_and_reasons(control, room, ask):
    for _ in range(51):
        room.follow()
    with control.database.write() as connection:
        source_edits.set_state(connection, 7, SourceState.PAUSED, now=room.now)

    first = ask("/operator/sources?q=example")
    paused = ask("/operator/sources?health=paused")

    assert (len(first.value["sources"]), first.value["pages"]) == (50, 2)
    rest = ask(first.value["next"].partition("/api/v1")[2])
    assert (len(rest.value["sources"]), rest.value["next"]) == (1, None)
    assert [one["id"] for one in paused.value["sources"]] == [7]
    assert ask("/operator/sources?page=3").status == 404
    assert ask("/operator/sources?health=ill").status == ask("/operator/audit?x=1").status == 400


def test_entries_are_hidden_shown_released_and_pinned(control, room, ask):
    source_id = room.follow()
    one, two, three = room.publish(source_id, 3)
    with control.database.write() as connection:
        connection.execute(update(entry).where(entry.c.id == two).values(state="held", seq=None))

    def act(number, do):
        return ask(f"/operator/entries/{number}", method="POST", body={"do": do}).status

    queue = ask("/operator/entries").value
    done = [act(one, "hide"), act(two, "release"), act(three, "pin"), act(one, "pin")]
    after = ask("/operator/entries").value

    assert done == [204, 204, 204, 409]
    assert [held["id"] for held in queue["held"]] == [two]
    assert queue["waiting"] == [{"slug": "1-example-org", "title": "A feed", "entries": 1}]
    assert [found["id"] for found in after["hidden"]] == [one]
    assert [found["id"] for found in after["pinned"]] == [three]
    assert states(room)[two] == EntryState.PUBLIC
    assert (act(one, "unhide"), act(99, "hide")) == (204, 404)
    assert acts(control)[0] == ("unhide", f"entry {one}")


def test_a_draft_is_opened_and_approved(control, room, ask):
    room.add_newsletter(review=True)
    room.add_newsletter("other")
    [entry_id] = room.publish(room.follow(), **NEWS)
    path = "/operator/newsletters/news/draft"

    none = ask(path)
    opened = ask(path, method="POST", body={"do": "open"})
    listed = ask("/operator/newsletters").value["newsletters"]
    approved = ask(path, method="POST", body={"do": "approve"})
    again = ask(path, method="POST", body={"do": "approve"})

    assert (none.status, again.status) == (409, 409)
    assert (opened.value["entry_ids"], opened.value["approved_at"]) == ([entry_id], None)
    assert [(one["slug"], one["has_draft"]) for one in listed] == [("news", True), ("other", False)]
    assert approved.value["approved_at"]
    assert acts(control) == [("approve", "issue of news"), ("open", "issue of news")]
    assert ask("/operator/audit").value["acts"][0]["act"] == "approve"


OPERATIONS = [
    ("GET", "/operator/sources", None, Role.READ),
    ("POST", "/operator/sources", {"url": "http://10.0.0.1/"}, Role.ALL),
    ("GET", ONE, None, Role.READ),
    ("POST", ONE, {"do": "pause"}, Role.MODERATE),
    ("PATCH", ONE, {"title": "x"}, Role.MODERATE),
    ("DELETE", ONE, None, Role.ALL),
    ("GET", "/operator/entries", None, Role.READ),
    ("POST", "/operator/entries/1", {"do": "hide"}, Role.MODERATE),
    ("GET", "/operator/newsletters", None, Role.READ),
    ("GET", "/operator/newsletters/news/draft", None, Role.READ),
    ("POST", "/operator/newsletters/news/draft", {"do": "approve"}, Role.MODERATE),
    ("GET", "/operator/audit", None, Role.READ),
]


def test_every_act_takes_a_token_of_its_role(control, room, ask):
    room.publish(room.follow())

    for method, path, body, needed in OPERATIONS:
        bare = ask(path, method=method, body=body, token="")
        assert (bare.status, bare.headers["www-authenticate"]) == (401, 'Bearer realm="tidings"')
        for role in Role:
            token, _ = control.token(role=role)
            answered = ask(path, method=method, body=body, token=token)
            assert (answered.status == 403) == (not role.includes(needed)), (path, role)
    described = ask.description["paths"].items()
    own = [path for path, methods in described for _ in methods if path.startswith("/operator")]
    assert len(own) == len(OPERATIONS)


@on_sqlite
def test_a_token_that_is_revoked_or_of_another_scheme_opens_nothing(control, ask):
    text, number = control.token()
    before = ask("/operator/audit", token=text).status
    with control.database.write() as connection:
        sessions.revoke(connection, number, now=control.clock())

    as_password = control.visitor.ask("/api/v1/operator/audit", Authorization=f"Basic {text}")

    assert before == 200
    assert ask("/operator/audit", token=text).status == 401
    assert as_password.status == 401
    assert "token create" in json.loads(as_password.body)["detail"]


@on_sqlite
def test_wrong_tokens_are_counted_and_right_ones_are_not(control, room, ask):
    right = [ask("/operator/audit").status for _ in range(TRIES + 5)]
    wrong = [ask("/operator/audit", token=f"guess{n}").status for n in range(TRIES)]
    locked, sign_in = ask("/operator/audit"), control.post("/operator", {"token": ask.token})
    room.now += timedelta(hours=2)
    later = ask("/operator/audit")

    assert set(right) == {200}
    # One less: the operator has signed in, in the browser.
    assert wrong == [401] * (TRIES - 1) + [429]
    assert (locked.status, sign_in.status) == (429, 429)
    assert locked.headers["retry-after"] == "3600"
    assert later.status == 200


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 422, "expected JSON"),
        (b"[" * 60_000, 422, "expected JSON"),
        (b'{"do": "\xff"}', 422, "expected JSON"),
        (b"[]", 422, "expected a JSON object"),
        ({}, 422, "is missing"),
        ({"do": "explode"}, 422, "expected one of pause, resume, poll, release"),
        ({"do": "pause", "and": 1}, 422, "expected one of do"),
        ({"do": 1}, 422, "expected string"),
        (b'{"do": "pause", "x": "' + b"y" * 100_000 + b'"}', 413, "too long"),
    ],
)
@on_sqlite
def test_a_body_that_cannot_be_is_refused_with_what_is_wrong(room, ask, body, status, said):
    room.follow()

    refused = ask(ONE, method="POST", body=body)

    assert refused.status == status
    assert said in refused.value["detail"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"title": "a\0b"}, "one line"),
        ({"title": "\ud800"}, "one line"),
        ({"topics": "birds"}, "expected array"),
        ({"topics": ["\0"]}, "one line"),
        ({"topics": ["a"] * 101}, "at most 100"),
        ({"noindex": 1}, "expected boolean"),
        ({"interval": "often"}, "expected a duration"),
        ({"republish": "all"}, "expected one of full, excerpt, title"),
    ],
)
@on_sqlite
def test_a_setting_that_cannot_be_changes_nothing(control, room, ask, given, said):
    room.follow()
    before = ask(ONE).value

    refused = ask(ONE, method="PATCH", body=given)

    assert refused.status == 422
    assert said in refused.value["detail"]
    assert ask(ONE).value == before
    assert acts(control) == []


@on_sqlite
def test_a_topic_that_is_not_there_and_a_form_of_a_browser_are_refused(control, room, ask):
    room.follow()
    cookie = {"Cookie": control.cookie, "Content_Type": "application/json"}

    unknown = ask(ONE, method="PATCH", body={"topics": ["none"]})
    by_cookie = control.visitor.ask(f"/api/v1{ONE}", method="POST", body=b"{}", **cookie)
    form = control.visitor.ask(
        f"/api/v1{ONE}", method="POST", body=b"do=pause", Authorization=f"Bearer {ask.token}"
    )

    assert (unknown.status, unknown.value["detail"]) == (404, "no topic none")
    assert by_cookie.status == 401
    assert form.status == 415


@on_sqlite
def test_answers_to_operators_are_kept_by_nobody_and_read_by_no_other_site(room, ask):
    room.follow()

    answered = ask(ONE)
    preflight = ask.visitor.ask(f"/api/v1{ONE}", method="OPTIONS", Origin="https://evil.example")

    assert answered.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in answered.headers
    assert preflight.status == 405


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def test_whatever_is_sent_is_answered_as_described(control, room, ask):
    room.publish(room.follow(), 2)
    writing = [
        (method, path)
        for method, path, body, _ in OPERATIONS
        if body and path != "/operator/sources"
    ]
    names = st.sampled_from(["do", "title", "topics", "interval", "noindex", "republish", "x"])
    values = JSON | st.sampled_from(["pause", "hide", "approve", "3h", "full"])

    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(
        st.sampled_from(writing),
        st.dictionaries(names, values) | JSON.filter(lambda one: one is not None),
    )
    def try_one(operation, body):
        method, path = operation
        assert ask(path, method=method, body=body).status in {200, 204, 404, 409, 422}

    try_one()
