"""Operators over HTTP: who is one, what they see and do, and that nobody else notices."""

import logging
import re
from datetime import timedelta

import pytest
from sqlalchemy import event, select
from starlette.responses import Response

from browser.showcase import serving, shipped_templates
from installation import on_sqlite
from operator_site import COOKIE, OperatorSite
from parsed_entries import DAY, NOON
from tidings.catalog import entries, sources, topics
from tidings.db.tables import entry, operator_session, operator_token
from tidings.model.entries import EntryState
from tidings.model.operators import ACTS, Role
from tidings.operator.store import sessions
from tidings.stories.store import records
from tidings.web.operator_sessions import OperatorCookies, own_path
from web.visitors import Visitor

PAGES = ("/", "/sources", "/topics", "/entries/1", "/sources/1-example-org", "/feed.atom")


@pytest.fixture
def control(database):
    control = OperatorSite(database)
    with serving(control.app()) as url:
        control.visitor = Visitor(url)
        yield control


@pytest.fixture
def news(control):
    """Publish three entries of a source; return their ids."""
    return control.room.publish(control.room.follow(), 3)


SOURCE = "/operator/sources/1-example-org"


def state_of(control, entry_id):
    with control.database.read() as connection:
        return entries.get(connection, entry_id).state


def source_of(control):
    with control.database.read() as connection:
        return sources.get(connection, 1)


def cookie_of(answer):
    return COOKIE.search(answer.headers["set-cookie"])[0]


def hold(control, *entry_ids):
    with control.database.write() as connection:
        held = entry.update().where(entry.c.id.in_(entry_ids))
        connection.execute(held.values(state=EntryState.HELD))


def test_an_operator_signs_in_hides_an_entry_and_takes_that_back(control, news):
    signed_in = control.sign_in()
    acted = control.act("hide", news[0], back="/?page=1")
    hidden = state_of(control, news[0])
    control.act("unhide", news[0])

    assert (signed_in.status, signed_in.headers["location"]) == (303, "/operator")
    assert (acted.status, acted.headers["location"]) == (303, "/?page=1")
    assert hidden is EntryState.HIDDEN
    assert state_of(control, news[0]) is EntryState.PUBLIC
    with control.database.read() as connection:
        history = connection.scalar(select(entry.c.history).where(entry.c.id == news[0]))
        [token] = sessions.every(connection)
    assert [words for _, words in history] == [
        "hidden by the operator",
        "made public by the operator",
    ]
    assert token.last_used_at == control.room.now


@on_sqlite
def test_what_was_done_is_told_once_with_a_way_back(control, news):
    control.sign_in()
    acted = control.act("hide", news[0])
    said = re.search(r"tidings-said=([^;]+)", acted.headers["set-cookie"])[0]

    told = control.get("/", Cookie=f"{control.cookie}; {said}")
    later = control.get("/")

    assert b'role="status"' in told.body
    assert b"<title>Hidden \xc2\xb7 Latest updates" in told.body
    assert b'value="unhide"' in told.body
    assert "tidings-said=" in told.headers["set-cookie"]
    assert "Max-Age=0" in told.headers["set-cookie"]
    assert b'role="status"' not in later.body


@on_sqlite
def test_a_made_up_report_breaks_nothing(control, news):
    control.sign_in()
    made_up = ("nonsense", "hide.99", "hide", "pause.1", "hide.1.2", "poll.x")

    pages = [control.get("/", Cookie=f"{control.cookie}; tidings-said={one}") for one in made_up]

    assert {page.status for page in pages} == {200}


@on_sqlite
def test_nobody_else_gets_a_byte_more_or_less(control, news):
    before = [control.get(path) for path in PAGES]
    control.sign_in()
    for_operator = [control.get(path) for path in PAGES]
    control.cookie = ""
    after = [control.get(path) for path in PAGES]
    with_nonsense = [control.get(path, Cookie=f"tidings-operator={'x' * 43}") for path in PAGES]

    told = [
        [(one.body, one.headers["etag"], one.headers.get("set-cookie")) for one in answers]
        for answers in (before, after, with_nonsense)
    ]
    assert told[0] == told[1] == told[2]
    # What acts is a form with a proof; the way to the sign-in stands on every page.
    assert [b'name="proof"' in one.body for one in before] == [False] * len(PAGES)
    assert [b'name="proof"' in one.body for one in for_operator] == [True] * 5 + [False]


@on_sqlite
def test_what_an_operator_sees_is_kept_nowhere(control, news):
    etag = control.get("/").headers["etag"]
    control.sign_in()

    answer = control.get("/", If_None_Match=etag)

    assert answer.status == 200
    assert "no-store" in answer.headers["cache-control"]
    assert "etag" not in answer.headers
    assert "last-modified" not in answer.headers
    assert answer.headers["x-robots-tag"] == "noindex"


@on_sqlite
def test_a_visitor_without_a_cookie_costs_no_read_more(control, news):
    asked = []
    control.get("/")

    def note(_connection, _cursor, statement, *_):
        asked.append(statement)

    event.listen(control.database._engine, "before_cursor_execute", note)
    control.get("/feed.atom")

    assert asked
    assert [one for one in asked if "operator" in one] == []


@on_sqlite
def test_what_is_held_or_hidden_has_a_page_for_the_operator_alone(control, news):
    hold(control, news[0])
    path = f"/entries/{news[0]}"
    before = control.get(path).status
    control.sign_in()

    page = control.get(path)
    desk = control.get("/operator")

    assert before == 404
    assert page.status == 200
    assert b"Held: nobody else sees this" in page.body
    assert b'value="release"' in page.body
    assert b"1 entry held" in desk.body


@on_sqlite
def test_all_that_waits_of_a_source_is_released_at_once(control, news):
    hold(control, *news[:2])
    control.sign_in()

    control.act_on("1-example-org", "release")

    assert {state_of(control, one) for one in news} == {EntryState.PUBLIC}


@on_sqlite
def test_an_operator_edits_a_source(control, news):
    with control.database.write() as connection:
        topics.add(connection, "databases", title="Databases", now=control.room.now)
    control.sign_in()
    form = control.get("/operator/sources/1-example-org")

    filled = {"title": "Mine", "topic": "databases", "interval": "3h", "republish": "excerpt"}
    saved = control.act_on("1-example-org", "edit", noindex="yes", **filled)

    found = source_of(control)
    assert form.status == 200
    assert (saved.status, saved.headers["location"]) == (303, "/sources/1-example-org")
    assert (found.title, [one.slug for one in found.topics]) == ("Mine", ["databases"])
    assert (found.given_interval, found.republish) == (timedelta(hours=3), "excerpt")
    assert found.noindex
    assert found.history[-1].text.startswith("changed by the operator: ")


@on_sqlite
def test_a_form_about_a_source_that_cannot_be_is_shown_again_as_it_was(control, news):
    control.sign_in()

    answer = control.act_on(
        "1-example-org", "edit", title="Mine", interval="often", republish="title"
    )

    assert answer.status == 422
    assert b'value="often"' in answer.body
    assert b"Write it like 90m, 3h or 2d." in answer.body
    assert source_of(control).given_title is None


@on_sqlite
def test_an_operator_pauses_resumes_and_asks_a_source(control, news):
    control.sign_in()
    control.act_on("1-example-org", "pause")
    paused = source_of(control).state
    refused = control.act_on("1-example-org", "poll")
    control.act_on("1-example-org", "resume")
    control.room.now += timedelta(minutes=1)
    control.act_on("1-example-org", "poll")

    found = source_of(control)
    assert (paused, refused.status, found.state) == ("paused", 409, "active")
    assert found.next_poll_at == control.room.now
    assert [one.text for one in found.history[-3:]] == [
        "paused by the operator",
        "resumed by the operator",
        "due at once: the operator asked",
    ]


@on_sqlite
def test_what_cannot_be_done_is_answered_with_a_page(control, news):
    control.sign_in()
    wishes = (("hide", 4711), ("hide", "x"), ("burn", news[0]))

    answers = [control.act(do, number) for do, number in wishes]
    answers += [control.act_on(slug, "pause") for slug in ("nothing", "%00")]
    answers += [control.act_on("1-example-org", "burn")]

    assert [one.status for one in answers] == [404, 400, 400, 404, 404, 400]
    assert all(b"<h1" in one.body for one in answers)


@on_sqlite
def test_pinning_what_is_not_public_is_refused(control, news):
    hold(control, news[0])
    control.sign_in()

    answer = control.act("pin", news[0])

    assert answer.status == 409
    assert f"entry {news[0]} is held, not public".encode() in answer.body


# Who is an operator, and who is not


@pytest.mark.parametrize(
    ("base_url", "name", "path", "is_secure"),
    [
        ("https://news.example", "__Host-tidings-operator", "/", True),
        ("https://example.org/news", "__Secure-tidings-operator", "/news", True),
        ("http://127.0.0.1:8000", "tidings-operator", "/", False),
    ],
)
def test_the_cookie_is_kept_as_close_as_can_be(base_url, name, path, is_secure):
    answer = Response()

    OperatorCookies(base_url).keep_secret(answer, "x" * 43, until=NOON)

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{name}=")
    assert cookie.endswith("; Secure") is is_secure
    assert f"; Path={path};" in cookie
    assert "; HttpOnly; " in cookie
    assert "; SameSite=strict" in cookie
    assert "; expires=Fri, 20 Nov 2026 12:00:00 GMT; " in cookie
    assert "Domain" not in cookie


def test_a_session_ends_when_it_is_signed_out_revoked_or_over(control, news):
    cookies = []
    tokens = [control.token() for _ in range(2)] + [control.token(days=1)]
    for text, _ in tokens:
        control.sign_in(text)
        cookies.append(control.cookie)
    control.cookie = cookies[0]
    out = control.post("/operator", {"do": "sign out", "proof": control.proof()})
    with control.database.write() as connection:
        sessions.revoke(connection, tokens[1][1], now=control.room.now)
    control.room.now += DAY

    pages = [control.get("/", Cookie=cookie).body for cookie in cookies]
    again = [control.post("/operator", {"token": text}).status for text, _ in tokens]

    assert "Max-Age=0" in out.headers["set-cookie"]
    assert [b'name="proof"' in page for page in pages] == [False, False, False]
    assert again == [303, 403, 403]


@on_sqlite
def test_taking_an_entry_out_of_its_story_is_a_press_of_a_button(control):
    ids = [control.room.publish(control.room.follow())[0] for _ in range(2)]
    with control.database.write() as connection:
        records.merge(connection, ids, now=control.room.now)
    control.sign_in()
    page = control.get(f"/entries/{ids[1]}")

    acted = control.act("split", ids[1])
    again = control.act("split", ids[1])

    assert b'value="split"' in page.body
    assert (acted.status, again.status) == (303, 409)
    assert b'value="split"' not in control.get(f"/entries/{ids[1]}").body


def test_where_nothing_signs_nobody_signs_in(visitor):
    assert visitor.ask("/operator").status == 404


@on_sqlite
def test_signing_in_always_makes_a_new_session_and_ends_the_former_one(control):
    text, _ = control.token()
    control.cookie = planted = f"tidings-operator={'a' * 43}"
    control.cookie = first = cookie_of(control.post("/operator", {"token": text}))
    second = cookie_of(control.post("/operator", {"token": text}))

    desks = [control.get("/operator", Cookie=one).body for one in (planted, first, second)]

    assert len({planted, first, second}) == 3
    assert [b'type="password"' in one for one in desks] == [True, True, False]


@on_sqlite
def test_guessing_comes_to_an_end_even_with_the_right_token(control):
    wrong = [control.post("/operator", {"token": f"guess {n}"}).status for n in range(20)]
    text, _ = control.token()

    right_too_late = control.post("/operator", {"token": text})
    control.room.now += timedelta(hours=1)
    right = control.post("/operator", {"token": text})

    assert wrong == [403] * 20
    assert right_too_late.status == 429
    assert "set-cookie" not in right_too_late.headers
    assert right.status == 303


@on_sqlite
def test_a_form_without_the_proof_of_its_session_does_nothing(control, news):
    control.sign_in()
    of_another = control.proof()
    control.sign_in()

    answers = [
        control.post(path, {"do": do, "entry": news[0], "proof": proof, "back": "/"}).status
        for path, do in (
            ("/operator/entries", "hide"),
            (SOURCE, "pause"),
            ("/operator", "sign out"),
        )
        for proof in ("", "0" * 64, of_another, "ü")
    ]

    assert answers == [403] * 12
    assert state_of(control, news[0]) is EntryState.PUBLIC
    assert source_of(control).state == "active"
    assert b"/operator" in control.get("/").body


@on_sqlite
def test_a_form_from_elsewhere_does_nothing(control, news):
    control.sign_in()
    filled = {"do": "hide", "entry": news[0], "proof": control.proof()}
    elsewhere = (
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "https://evil.example"},
    )

    answers = [
        control.post(path, filled, **headers).status
        for path in ("/operator", "/operator/entries", SOURCE)
        for headers in elsewhere
    ]

    assert answers == [403] * 9
    assert state_of(control, news[0]) is EntryState.PUBLIC


@on_sqlite
def test_without_a_session_nothing_is_done_and_signing_in_is_offered(control, news):
    answer = control.post("/operator/entries", {"do": "hide", "entry": news[0]})
    form = control.get("/operator/sources/1-example-org")

    assert answer.status == 403
    assert b"You were signed out" in answer.body
    assert b'type="password"' in form.body
    assert b"1.example.org" not in form.body
    assert state_of(control, news[0]) is EntryState.PUBLIC


@on_sqlite
def test_looking_changes_nothing(control, news):
    control.sign_in()
    with control.database.read() as connection:
        before = [connection.execute(select(table)).all() for table in (entry, operator_session)]

    for path in (*PAGES, "/operator", "/operator/sources/1-example-org?do=pause"):
        control.get(path)
    control.get(f"/operator/entries?do=hide&entry={news[0]}")
    control.visitor.ask("/operator/entries", method="HEAD")

    with control.database.read() as connection:
        after = [connection.execute(select(table)).all() for table in (entry, operator_session)]
    assert after == before


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/../admin",
        "/sources/%2e%2E/%2e%2e/admin",
        "/./x",
        "/\t/evil.example",
        "/a\r\nSet-Cookie: x=1",
        "/\u2215evil",
        "entries/1",
        "",
        "/" + "x" * 600,
    ],
)
def test_an_act_never_leads_away(back):
    assert own_path(back) == "/operator"


@pytest.mark.parametrize("back", ["/", "/?page=2&q=a+b", "/sources/a-b", "/entries/1"])
def test_an_act_leads_back_to_our_own_pages(back):
    assert own_path(back) == back


@on_sqlite
def test_below_a_path_the_way_back_stays_there(database):
    control = OperatorSite(database, base_url="https://example.org/news")
    with serving(control.app()) as url:
        control.visitor = Visitor(url)
        [entry_id] = control.room.publish(control.room.follow())
        control.sign_in()

        page = control.get("/news/sources/1-example-org")
        acted = control.act("pin", entry_id, back="/sources/1-example-org")

    assert b'name="back" value="/sources/1-example-org"' in page.body
    assert b'action="/news/operator/entries"' in page.body
    assert acted.headers["location"] == "/news/sources/1-example-org"


@on_sqlite
def test_neither_log_nor_database_holds_what_one_could_sign_in_with(control, news, caplog):
    caplog.set_level(logging.DEBUG)
    text, _ = control.token()
    control.sign_in(text)
    control.post("/operator", {"token": "a-wrong-guess"})
    control.act("hide", news[0])
    secret = control.cookie.partition("=")[2]

    with control.database.read() as connection:
        stored = [
            str(connection.execute(select(table)).all())
            for table in (operator_token, operator_session)
        ]
    told = [*stored, *(str(vars(record)) for record in caplog.records)]

    assert len(caplog.records) > 3
    assert [one for one in told if text in one or secret in one or "a-wrong-guess" in one] == []
    assert [one for one in told if control.proof() in one] == []


@on_sqlite
def test_no_page_for_operators_can_be_framed(control):
    control.sign_in()

    for path in ("/", "/operator"):
        policy = control.get(path).headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy


# Several operators


@pytest.mark.parametrize(
    ("role", "hides", "edits"),
    [("read", 403, 403), ("moderate", 303, 303), ("all", 303, 303)],
)
@on_sqlite
def test_a_role_bounds_what_an_operator_does(control, news, role, hides, edits):
    control.sign_in(control.token(role=Role(role))[0])

    assert control.get("/operator").status == 200
    assert control.act("hide", news[0]).status == hides
    fields = {"do": "pause", "proof": control.proof(), "back": "/"}
    assert control.post(SOURCE, fields).status == edits
    has_buttons = b'value="hide"' in control.get("/").body
    assert has_buttons is (role != "read")


@on_sqlite
def test_what_operators_did_is_listed(control, news):
    control.sign_in()
    control.act("hide", news[0])
    control.act("unhide", news[0])

    page = control.get("/operator/audit").body.decode()

    assert re.findall(r"<td[^>]*>(\w+)</td><td[^>]*>(entry \d+)", page) == [
        ("unhide", f"entry {news[0]}"),
        ("hide", f"entry {news[0]}"),
    ]
    assert "#1" in page


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/operator/subscribers", {"like": "a\0b"}),
        ("/operator/suppression", {"do": "suppress", "address": "a@b.example", "evidence": "\0"}),
        (f"{SOURCE}/filters", {"do": "add", "kind": "pattern", "pattern": "\0"}),
        (f"{SOURCE}/access", {"user": "\0", "password": "x"}),
        ("/operator/newsletters", {"title": "\0", "slug": "a"}),
        ("/operator/newsletters/news/next", {"do": "save", "note-en": "\0"}),
    ],
)
def test_a_text_that_postgresql_does_not_take_is_refused_in_every_form(control, news, path, fields):
    control.room.add_newsletter(review=True)
    control.sign_in()

    answer = control.post(path, {"proof": control.proof(), "back": "/"} | fields)

    assert answer.status == 400


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_act_has_its_message(language):
    words = shipped_templates().words(language)

    assert all(words(f"did-{act}") for act in ACTS)
