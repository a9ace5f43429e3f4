"""Sources on the operator's pages: finding and following them, lists, access, filters."""

import html
import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import update

from fake_publisher import FakePublisher, answer
from feed_documents import atom, items, rss
from installation import on_sqlite
from parsed_entries import DAY
from tidings.catalog import entries, private_sources, source_edits, sources
from tidings.catalog.entries import ListWindow, Selection
from tidings.catalog.source_edits import SourceEdit
from tidings.db.tables import entry, source
from tidings.filters import store as filters
from tidings.model.entries import EntryState
from tidings.model.full_text import TextNote
from tidings.model.operators import Role
from tidings.model.page_rules import PageRules
from tidings.operator.store import sessions
from tidings.parsing import article
from tidings.polling.store import full_texts

ONE = "/operator/sources/1-example-org"
TWO = "/operator/sources/2-example-org"
PAGE = "/operator/follow/page"
OPML = """<?xml version="1.0" encoding="ISO-8859-1"?>
<opml version="2.0"><body>
<outline text="Küste"><outline text="Tides" xmlUrl="https://tides.example/feed"/></outline>
<outline text="Followed" xmlUrl="https://1.example.org/feed"/>
<outline text="Lost"/>
</body></opml>"""


@pytest.fixture
def publisher(control):
    with FakePublisher() as publisher:
        control.allow = publisher.host
        yield publisher


def post(control, path, **fields):
    return control.post(path, {"proof": control.proof(), "back": path} | fields)


def upload(control, path, *, file=b"", **fields):
    """Send a form as browsers send it that has a file."""
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in ({"proof": control.proof(), "back": path} | fields).items()
    ]
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.opml"\r\n\r\n'
    body = b"".join([*parts, head, file, b"\r\n--x--\r\n"])
    headers = {"Content_Type": "multipart/form-data; boundary=x", "Cookie": control.cookie}
    return control.visitor.ask(path, method="POST", body=body, **headers)


def followed(control):
    with control.database.read() as connection:
        return sources.every(connection)


def states(control, source_id):
    everything = Selection(source=source_id, states=tuple(EntryState))
    with control.database.read() as connection:
        found = entries.select_entries(connection, everything, ListWindow(limit=100))
    return [one.state for one in found]


def change(control, **columns):
    with control.database.write() as connection:
        connection.execute(update(source).values(columns))


def test_what_an_address_leads_to_is_shown_and_followed(control, publisher):
    feed = publisher.serve("/feed", answer(body=atom(*items(30), title="Write-Ahead")))
    page = f'<link rel="alternate" type="application/atom+xml" href="{feed}">'
    site = publisher.serve("/", answer(body=page.encode(), Content_Type="text/html"))

    found = control.get(f"/operator/follow?address={site}").body.decode()
    made = post(
        control, "/operator/follow", feed=feed, title="Mine", topic="", new_topic="Databases",
        public="all", republish="excerpt",
    )  # fmt: skip

    assert "One feed found" in found
    assert "Write-Ahead" in found
    assert "30 entries" in found
    [one] = followed(control)
    assert (made.status, made.headers["location"]) == (303, f"/sources/{one.slug}")
    assert (one.url, one.title, one.republish) == (feed, "Mine", "excerpt")
    assert [topic.slug for topic in one.topics] == ["databases"]
    assert states(control, one.id) == [EntryState.PUBLIC] * 30
    assert "tidings-said=follow" in made.headers["set-cookie"]


@on_sqlite
def test_without_another_wish_as_much_is_public_as_the_settings_say(control, publisher):
    feed = publisher.serve("/feed", answer(body=rss(*items(30))))

    post(control, "/operator/follow", feed=feed, republish="full", public="")

    assert 0 < states(control, 1).count(EntryState.PUBLIC) < 30


@on_sqlite
def test_where_nothing_is_found_that_is_said_beside_the_address(control, publisher):
    site = publisher.serve("/", answer(body=b"<p>Nothing", Content_Type="text/html"))

    nothing = control.get(f"/operator/follow?address={site}")
    nonsense = control.get("/operator/follow?address=no%00where:x")
    unsaved = post(control, "/operator/follow", feed=site, title="Mine", new_topic="Art",
                   republish="title")  # fmt: skip

    assert (nothing.status, nonsense.status, unsaved.status) == (422, 422, 422)
    assert f'value="{site}"' in nothing.body.decode()
    assert "no feed at" in nothing.body.decode()
    assert re.search(r'role="alert"[^>]*>no feed at', unsaved.body.decode())
    assert 'value="Mine"' in unsaved.body.decode()
    assert 'value="Art"' in unsaved.body.decode()
    assert 'value="title" checked' in unsaved.body.decode()
    assert followed(control) == []


@on_sqlite
def test_a_page_without_a_feed_is_followed_by_selectors_that_were_tried(control, publisher):
    body = b"<title>Tides</title><li><a href=/1>Spring tide</a><li><a href=/2>Neap tide</a>"
    site = publisher.serve("/", answer(body=body, Content_Type="text/html"))
    chosen = {"address": site, "selector_item": "li", "selector_title": "a"}

    nothing = html.unescape(control.get(f"/operator/follow?address={site}").body.decode())
    asked = control.get(f"{PAGE}?address={site}")
    tried = control.get(f"{PAGE}?{urlencode(chosen)}")
    missed = control.get(f"{PAGE}?{urlencode(chosen | {'selector_item': 'nav'})}")
    broken = control.get(f"{PAGE}?{urlencode(chosen | {'selector_item': 'li['})}")
    before = followed(control)
    unsaved = post(
        control, PAGE, **chosen | {"selector_item": "nav"}, title="Mine", republish="full"
    )
    made = post(control, PAGE, **chosen, title="", new_topic="Sea", republish="title", public="all")

    assert f'href="{PAGE}?{urlencode({"address": site})}"' in nothing
    assert [one.status for one in (asked, tried, missed, broken)] == [200, 200, 200, 422]
    assert "Follow this page" not in asked.body.decode() + missed.body.decode()
    assert f"Spring tide {publisher.url('/1')}" in words_of(tried)
    assert before == []
    assert unsaved.status == 422
    assert 'value="Mine"' in unsaved.body.decode()
    [one] = followed(control)
    assert (made.status, made.headers["location"]) == (303, f"/sources/{one.slug}")
    assert (one.title, one.republish, one.entries) == ("Tides", "title", 2)
    assert one.page == PageRules(item="li", title="a")
    assert [topic.slug for topic in one.topics] == ["sea"]


@on_sqlite
def test_a_source_that_fails_gets_another_feed_of_its_page(control, publisher):
    feed = publisher.serve("/new", answer(body=atom(*items(1))))
    page = f'<link rel="alternate" type="application/atom+xml" href="{feed}">'
    old = publisher.serve("/old", answer(body=page.encode(), Content_Type="text/html"))
    control.room.follow()
    change(control, url=old, failures=3, failing_with="html", last_error="an HTML page")

    listed = control.get("/operator/sources").body.decode()
    found = control.get("/operator/follow?instead=1-example-org").body.decode()
    taken = post(control, "/operator/follow", feed=feed, instead="1-example-org")

    assert "/operator/follow?instead=1-example-org" in listed
    assert feed in found
    assert (taken.status, taken.headers["location"]) == (303, f"{ONE}?wait=yes")
    assert [one.url for one in followed(control)] == [feed]


def test_a_source_that_cannot_be_gets_no_other_feed(control):
    asked = control.get("/operator/follow?instead=%00")
    taken = post(control, "/operator/follow", feed="https://a.example/", instead="\0")

    assert (asked.status, taken.status) == (404, 400)


@on_sqlite
def test_a_bookmark_pressed_elsewhere_comes_by_a_page_of_ours(control):
    path = "/operator/follow?address=https%3A%2F%2Fa.example%2F%22"
    signed_in, control.cookie = control.cookie, ""

    step = control.get(path, Sec_Fetch_Site="cross-site")
    stranger = control.get(path, Sec_Fetch_Site="same-origin")
    control.cookie = signed_in
    offered = control.get("/operator/follow").body.decode()

    [there] = re.findall(r'http-equiv="refresh" content="0; url=([^"]+)"', step.body.decode())
    assert html.unescape(there) == path
    assert b'name="token"' in stranger.body
    assert "javascript:location.href=&#39;http://news.example/operator/follow?address=" in offered


@on_sqlite
def test_a_list_is_looked_through_and_then_imported(control):
    control.room.follow()

    preview = upload(control, "/operator/opml", do="preview", file=OPML.encode("latin-1"))
    shown = preview.body.decode()
    before = len(followed(control))
    [new] = re.findall(r'name="list" value="([^"]+)"', shown)
    done = upload(control, "/operator/opml", do="import", list=html.unescape(new))

    assert preview.status == 200
    assert "Küste" in shown
    assert "no feed address" in shown
    assert "Follow 1 source" in shown
    assert before == 1
    assert "1 source added" in done.body.decode()
    [_, one] = followed(control)
    assert (one.url, one.topics[0].title) == ("https://tides.example/feed", "Küste")
    with control.database.read() as connection:
        assert [line.what for line in sessions.latest_acts(connection, limit=1)] == ["1 sources"]


@on_sqlite
def test_a_list_is_pasted_whatever_encoding_it_claims(control):
    pasted = post(control, "/operator/opml", do="preview", list=OPML)
    nonsense = post(control, "/operator/opml", do="preview", list="hello")
    no_form = control.visitor.ask(
        "/operator/opml",
        method="POST",
        body=b"hello",
        Content_Type="multipart/form-data",
        Cookie=control.cookie,
    )

    assert "Küste" in pasted.body.decode()
    assert nonsense.status == 422
    assert b"it is not OPML" in nonsense.body
    assert no_form.status == 400
    assert followed(control) == []


@on_sqlite
def test_a_file_that_is_too_long_is_refused(control):
    answered = upload(control, "/operator/opml", do="preview", file=b"x" * 5_000_001)

    assert answered.status == 413


def test_sources_are_listed_with_those_that_fail_first(control):
    first, second = control.room.follow(), control.room.follow()
    with control.database.write() as connection:
        failing = update(source).where(source.c.id == second)
        connection.execute(
            failing.values(failures=2, failing_with="timeout", last_error="too slow")
        )
        source_edits.set_state(connection, first, sources.SourceState.PAUSED, now=control.room.now)

    everything = control.get("/operator/sources").body.decode()
    paused = control.get("/operator/sources?health=paused").body.decode()
    missing = control.get("/operator/sources?page=9")
    nonsense = control.get("/operator/sources?health=%00&page=x")

    links = re.findall(r'<th scope="row"><a href="(/operator/sources/[\w-]+)"', everything)
    assert links == ["/operator/sources/2-example-org", ONE]
    assert "Too slow; 2 tries. Last reached: never" in words_of(control.get("/operator/sources"))
    assert 'value="resume"' in paused
    assert "2-example-org" not in paused
    assert (missing.status, nonsense.status) == (404, 404)
    assert '<b>1<span class="unseen"> to look at' in everything


@on_sqlite
def test_a_source_says_why_and_waits_for_a_poll_only_when_asked_to(control):
    control.room.follow()
    control.room.publish(1)
    asked = control.act_on("1-example-org", "poll", back=f"{ONE}?wait=yes")

    waiting = control.get(f"{ONE}?wait=yes").body.decode()
    form = control.get(ONE).body.decode()
    change(control, next_poll_at=control.room.now + DAY)
    polled = control.get(f"{ONE}?wait=yes").body.decode()

    assert asked.headers["location"] == f"{ONE}?wait=yes"
    assert 'http-equiv="refresh"' in waiting
    assert 'name="interval"' not in waiting
    assert "due at once: the operator asked" in form
    assert 'http-equiv="refresh"' not in form + polled
    assert 'name="interval"' in form
    assert 'name="interval"' in polled


def test_access_is_set_and_never_shown_again(control):
    control.room.follow()
    path = f"{ONE}/access"

    saved = post(control, path, user="annabel", password="s3cret", headers="X-Key: k3y\n\nX-B: b")
    shown = control.get(path).body.decode()
    kept = post(control, path, user="bob")
    wrong = post(control, path, user="ann", headers="no colon", password="s3cret")

    assert (saved.status, kept.status, wrong.status) == (303, 303, 422)
    assert "login, 2 headers" in shown
    assert not re.search("annabel|s3cret|k3y", shown)
    assert "s3cret" not in wrong.body.decode()
    assert "expected NAME:VALUE" in wrong.body.decode()
    assert "no colon" in wrong.body.decode()
    with control.database.read() as connection:
        own = private_sources.of_sources(connection, [1])[1]
    assert (own.user, own.password, own.headers["X-Key"]) == ("bob", "s3cret", "k3y")
    post(control, path, afresh="yes")
    with control.database.read() as connection:
        assert private_sources.of_sources(connection, [1]) == {}


def test_a_filter_is_tried_added_and_removed(control):
    control.room.publish(control.room.follow(), title="Sponsored news")
    control.room.publish(1, title="Plain news")
    path, rule = f"{ONE}/filters", {"action": "drop", "field": "title", "kind": "words"}

    tried = post(control, path, do="try", pattern="sponsored", **rule).body.decode()
    unchanged = of_source(control)
    added = post(control, path, do="add", pattern="sponsored", **rule)
    [one] = of_source(control)
    listed = control.get(path).body.decode()
    removed = post(control, path, do="remove", filter=str(one.id))

    assert "1 of 2 kept" in tried
    assert re.search('class="dropped"><span[^>]*>Sponsored news', tried)
    assert "on trial" in tried
    assert 'value="sponsored"' in tried
    assert unchanged == []
    assert (added.status, removed.status) == (303, 303)
    assert str(one.rule) == "drop if title has sponsored"
    assert "finds 1 entry" in listed
    assert of_source(control) == []


@on_sqlite
@pytest.mark.parametrize(
    ("kind", "pattern", "said"),
    [("pattern", "(", "pattern"), ("words", " ", "say what to look for")],
)
def test_a_filter_that_cannot_be_is_said_in_the_form(control, kind, pattern, said):
    control.room.follow()

    answered = post(
        control, f"{ONE}/filters", do="add", action="keep", field="text", kind=kind, pattern=pattern
    )

    assert answered.status == 422
    assert said in answered.body.decode()
    assert 'value="text" selected' in answered.body.decode()
    assert of_source(control) == []


@on_sqlite
def test_a_filter_of_another_source_is_not_removed(control):
    control.room.follow()
    control.room.follow()
    rule = {"action": "drop", "field": "title", "kind": "words", "pattern": "x"}
    post(control, f"{ONE}/filters", do="add", **rule)

    answered = post(control, "/operator/sources/2-example-org/filters", do="remove", filter="1")

    assert answered.status == 404
    assert len(of_source(control)) == 1


@on_sqlite
@pytest.mark.parametrize(
    ("role", "found", "seen", "filtered", "polled"),
    [(Role.READ, 403, 403, 403, 403), (Role.MODERATE, 403, 403, 303, 303)],
)
def test_what_is_private_needs_the_highest_role(control, role, found, seen, filtered, polled):
    control.room.follow()
    control.sign_in(control.token(role=role)[0])
    rule = {"action": "drop", "field": "title", "kind": "words", "pattern": "x"}

    answers = [
        control.get("/operator/follow?address=a.example"),
        control.get(f"{PAGE}?address=a.example"),
        control.get("/operator/opml"),
        post(control, PAGE, address="https://a.example/", selector_item="li"),
        post(control, "/operator/follow", feed="https://a.example/"),
        post(control, "/operator/opml", do="import", list=OPML),
        control.get(f"{ONE}/access"),
        post(control, f"{ONE}/access", user="ann"),
        post(control, f"{ONE}/filters", do="add", **rule),
        control.act_on("1-example-org", "poll"),
    ]
    looked = [control.get(path).status for path in ("/operator", "/operator/sources", ONE)]

    expected = [found, found, found, found, found, found, seen, seen, filtered, polled]
    assert [one.status for one in answers] == expected
    assert looked == [200, 200, 200]
    assert len(followed(control)) == 1


@on_sqlite
def test_the_desk_names_what_needs_attention_and_at_first_how_to_begin(control):
    first = control.get("/operator").body.decode()
    control.room.publish(control.room.follow(), 2)
    quiet = control.get("/operator").body.decode()
    with control.database.write() as connection:
        connection.execute(update(entry).values(state=EntryState.HELD))
        since = control.room.now - timedelta(days=3)
        connection.execute(
            update(source).values(failures=4, failing_with="http 401", last_ok_at=since)
        )
    busy = words_of(control.get("/operator"))
    read = control.get("/operator/entries").body.decode()
    change(control, state="retired")
    gone = words_of(control.get("/operator"))

    assert "1 · Follow a source" in first
    assert "New newsletter" in first
    assert "All clear" in quiet
    assert "Answers 401; 4 tries. Last reached: 17 November 2026" in busy
    assert f'href="{ONE}/access"' in control.get("/operator").body.decode()
    assert "2 entries held" in busy
    assert "Retired: its publisher says that it is gone." in gone
    assert 'id="of-1-example-org"' in read
    assert read.count('value="release"') == 3


@on_sqlite
def test_full_texts_show_others_the_excerpt_unless_the_operator_says_so_again(control):
    control.room.follow()
    filled = {"title": "", "interval": "", "republish": "full", "full_text": "auto"}

    control.act_on("1-example-org", "edit", **filled)
    [begun] = followed(control)
    control.act_on("1-example-org", "edit", **filled)
    [insisted] = followed(control)
    with control.database.write() as connection:
        got = {1: TextNote(fetched=41, failed=2, error="403 Forbidden")}
        full_texts.note(connection, got, now=control.room.now)
    shown = words_of(control.get(ONE))
    control.act_on("1-example-org", "edit", **filled | {"full_text": "off"})

    assert (begun.text_mode, begun.republish) == ("auto", "excerpt")
    assert (insisted.text_mode, insisted.republish) == ("auto", "full")
    assert "Full text: 41 fetched, 2 not. Failing since" in shown
    assert "403 Forbidden" in shown
    assert followed(control)[0].full_text is None
    assert control.act_on("1-example-org", "edit", **filled | {"full_text": "?"}).status == 422


@on_sqlite
def test_without_the_extra_a_full_text_cannot_begin_and_all_else_can_be_changed(
    control, monkeypatch
):
    control.room.follow()
    control.room.follow()
    filled = {"interval": "", "republish": "full", "full_text": "on"}
    control.act_on("1-example-org", "edit", **filled)
    monkeypatch.setattr(article, "find_spec", lambda _: None)

    shown = [html.unescape(control.get(path).body.decode()) for path in (ONE, TWO)]
    renamed = control.act_on("1-example-org", "edit", title="Mine", **filled)
    refused = control.act_on("2-example-org", "edit", title="Mine", **filled)

    assert all("pip install 'tidings[text]'" in one for one in shown)
    assert 'value="on" checked' in shown[0]
    assert 'value="on" disabled' in shown[1]
    assert (renamed.status, refused.status) == (303, 409)
    assert [one.title == "Mine" for one in followed(control)] == [True, False]


@on_sqlite
def test_the_selectors_of_a_page_are_changed_and_those_that_cannot_be_are_said(control):
    control.room.follow()
    control.room.follow()
    with control.database.write() as connection:
        rules = PageRules(watch="#tide", seen="High", changes=2)
        source_edits.edit(connection, 1, SourceEdit(page=rules), now=control.room.now)
    filled = {"interval": "", "republish": "full", "full_text": "off"}

    def edit(slug="1-example-org", **selectors):
        named = {f"selector_{name}": said for name, said in selectors.items()}
        return control.act_on(slug, "edit", **filled | named)

    both = edit(item="li", watch="p")
    broken = edit(item="li[")
    neither = edit()
    edit("2-example-org", item="li")
    control.act_on("1-example-org", "edit", title="Mine", **filled | {"selector_watch": "#tide"})
    [renamed, feed] = followed(control)
    edit(item=" main li ", date="time")

    assert [one.status for one in (both, broken, neither)] == [422, 422, 422]
    assert "either --item CSS or --watch CSS" in both.body.decode()
    assert 'value="li["' in broken.body.decode()
    assert "cannot be read from '[' on" in html.unescape(broken.body.decode())
    assert (renamed.title, renamed.page, feed.page) == ("Mine", rules, None)
    assert followed(control)[0].page == PageRules(item="main li", date="time", changes=2)
    assert 'value="main li"' in control.get(ONE).body.decode()
    assert "selector_item" not in control.get(TWO).body.decode()


def words_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.body.decode()))


def of_source(control):
    with control.database.read() as connection:
        return filters.select_filters(connection, 1, None)
