"""Newsletters on the operator's pages: settings, review, sending."""

import re

import pytest

from installation import on_sqlite
from parsed_entries import HOUR
from tidings.catalog import newsletters
from tidings.model.operators import Role
from tidings.newsletters.store import drafts

NEXT = "/operator/newsletters/news/next"
SETTINGS = {
    "title": "The week",
    "slug": "weekly",
    "frequency": "weekly",
    "hour": "7",
    "timezone": "Asia/Shanghai",
    "language": "zh",
    "review": "2h",
    "min_entries": "1",
    "max_entries": "50",
}


@pytest.fixture
def news(control):
    """Put three entries of a reviewed newsletter under review; return their ids."""
    control.room.add_newsletter(review=True)
    control.room.subscribe()
    entries = control.room.publish(control.room.follow(), 3)
    control.room.now += 20 * HOUR
    control.room.plan()
    return entries


def post(control, path, **fields):
    return control.post(path, {"proof": control.proof(), "back": path} | fields)


def review(control, do, **fields):
    """Post the form of the draft as it is now."""
    with control.database.read() as connection:
        version = drafts.find_open(connection, 1).version
    return post(control, NEXT, do=do, version=version, **fields)


def draft_of(control):
    with control.database.read() as connection:
        return drafts.find_open(connection, 1)


def test_a_newsletter_is_made_and_changed(control):
    made = post(control, "/operator/newsletters", **SETTINGS)
    changed = post(
        control, "/operator/newsletters/weekly", **SETTINGS | {"title": "Weekly", "review": "no"}
    )

    assert (made.status, changed.status) == (303, 303)
    with control.database.read() as connection:
        one = newsletters.get(connection, "weekly")
    assert (one.title, one.schedule.timezone, one.review) == ("Weekly", "Asia/Shanghai", False)
    assert b"Weekly" in control.get("/operator/newsletters").body


@on_sqlite
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("hour", "00000000071", "hour &#39;00000000071&#39;: expected a number from 0 to 23"),
        ("hour", "24", "hour &#39;24&#39;: expected a number from 0 to 23"),
        ("review", "soon", "expected yes, no or a duration such as 2h"),
        ("timezone", "Mars", "no such zone"),
        ("reply_to", "nobody", "nobody"),
        ("slug", "Zwei Wörter", "Zwei"),
        ("language", "fr", "there are no letters in it"),
        ("frequency", "never", "expected one of daily"),
    ],
)
def test_what_cannot_be_is_said_in_the_form_which_keeps_the_rest(control, field, value, said):
    answer = post(control, "/operator/newsletters", **SETTINGS | {field: value})

    page = answer.body.decode()
    assert answer.status == 422
    assert re.search(f'role="alert"[^>]*>[^<]*{re.escape(said)}', page)
    assert 'value="The week"' in page
    with control.database.read() as connection:
        assert newsletters.every(connection) == []


def test_an_issue_is_reviewed_and_approved(control, news):
    dropped, postponed, kept = news
    acts = {f"entry-{dropped}": "drop", f"entry-{postponed}": "postpone", f"entry-{kept}": "keep"}
    texts = {"note-en": "Hello\r\n\r\n*all*", "subject-en": "A quiet week", "note-zh": "大家好"}

    saved = review(control, "save", lead=str(kept), **acts, **texts)
    found = draft_of(control).edits
    page = control.get(NEXT).body.decode()
    approved = review(control, "approve", lead=str(kept), **acts, **texts)

    assert (saved.status, approved.status) == (303, 303)
    assert (found.dropped, found.postponed, found.lead_id) == ({dropped}, {postponed}, kept)
    assert found.texts["en"].note == "Hello\n\n*all*"
    assert found.texts["zh"].note == "大家好"
    assert f'name="lead" value="{kept}" checked' in page
    assert re.search(rf'entry-{dropped}".*?value="drop" selected', page, re.DOTALL)
    assert draft_of(control).approved_at == control.room.now


@on_sqlite
def test_who_leaves_the_lead_out_has_none(control, news):
    review(control, "save", lead=str(news[0]), **{f"entry-{news[0]}": "drop"})

    assert draft_of(control).edits.lead_id is None


@on_sqlite
def test_what_was_approved_is_not_changed_any_more(control, news):
    review(control, "approve")
    again = review(control, "save", **{f"entry-{news[0]}": "drop"})

    assert again.status == 409
    assert b"approved already" in again.body
    assert draft_of(control).edits.dropped == frozenset()


@on_sqlite
def test_a_draft_is_opened_before_its_hour(control):
    control.room.add_newsletter(review=True)
    nothing = post(control, NEXT, do="open")
    control.room.publish(control.room.follow())
    opened = post(control, NEXT, do="open")

    assert (nothing.status, opened.status) == (409, 303)
    assert b"has nothing new to tell" in nothing.body
    assert draft_of(control) is not None


def test_an_issue_is_sent_to_as_many_as_were_agreed_to(control):
    control.room.add_newsletter()
    control.room.subscribe("ann@example.org")
    control.room.publish(control.room.follow())
    asked = control.get("/operator/newsletters/news/send").body.decode()
    [agreed] = re.findall(r'name="recipients" value="(\d+)"', asked)
    control.room.subscribe("bob@example.org")
    refused = post(control, "/operator/newsletters/news/send", recipients=agreed)
    sent = post(control, "/operator/newsletters/news/send", recipients="2")

    assert "Send to 1 person now?" in asked
    assert refused.status == 409
    assert b"has 2 subscribers by now" in refused.body
    assert sent.status == 303
    # To the one who subscribed after the news there is nothing to tell.
    assert len(control.room.deliveries()) == 1


@on_sqlite
def test_a_letter_is_shown_as_a_document_without_rights(control, news):
    html = control.get("/operator/newsletters/news/preview?language=zh")
    text = control.get("/operator/newsletters/news/preview?format=text")

    assert "sandbox" in html.headers["content-security-policy"]
    assert html.headers["cache-control"] == "no-store"
    assert html.body.startswith(b"[")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"


@on_sqlite
def test_a_moderator_reviews_and_does_not_send(control, news):
    control.sign_in(control.token(role=Role.MODERATE)[0])
    saved = review(control, "save", **{f"entry-{news[0]}": "drop"})
    sent = post(control, "/operator/newsletters/news/send", recipients="1")
    changed = post(control, "/operator/newsletters/news", **SETTINGS)

    assert (saved.status, sent.status, changed.status) == (303, 403, 403)
    assert control.room.deliveries() == []


@on_sqlite
def test_a_form_that_is_out_of_date_changes_nothing(control, news):
    old = draft_of(control).version
    review(control, "save", **{f"entry-{news[0]}": "drop"})
    again = post(control, NEXT, do="approve", version=old)

    assert again.status == 409
    assert b"look at it again" in again.body
    assert draft_of(control).edits.dropped == {news[0]}
    assert draft_of(control).approved_at is None


@on_sqlite
def test_a_cookie_that_is_made_up_opens_no_long_form(control):
    control.cookie = f"tidings-operator={'x' * 43}"

    answer = control.post("/operator/newsletters", {"title": "x" * 20_000})

    assert answer.status == 413
