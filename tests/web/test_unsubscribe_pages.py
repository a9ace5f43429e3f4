"""Leaving a newsletter over HTTP: what a reader, a mail program and a scanner of links do."""

import logging
import re
from urllib.parse import quote

import pytest
from sqlalchemy import select, update

from browser.showcase import SITE, Readers, Showcase, serving
from newsletter_site import NewsletterSite, Outbox
from subscriber_service import way_out
from tidings.db.mail_tables import subscription
from tidings.model.newsletters import Ending
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import subscribers
from tidings.subscribers.unsubscribe import Unsubscriber
from web.visitors import Operations, Visitor, app_of

ENGLISH, CHINESE = "/unsubscribe/1.ines", "/unsubscribe/2.lin"
FORM = {"Content_Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content_Type": "multipart/form-data; boundary=b"}
ONE_CLICK = {
    "urlencoded": (FORM, b"List-Unsubscribe=One-Click"),
    "multipart": (
        MULTIPART,
        b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
    ),
}
SECRET = b"the secret of these tests"


@pytest.fixture
def readers():
    return Readers()


@pytest.fixture
def app(readers):
    return app_of(Showcase(), Operations(), SITE, readers)


@pytest.fixture
def newsletter_site(database):
    room = NewsletterSite(database)
    room.add_newsletter()
    return room


@pytest.fixture
def address_of(newsletter_site):
    """Return the path of the link in somebody's letters."""
    return lambda number: (
        f"/unsubscribe/{way_out(newsletter_site.database, SignedLinks(SECRET), number)}"
    )


@pytest.fixture
def reader(newsletter_site):
    """Somebody with a mail program, in front of a real database."""
    links = SignedLinks(SECRET)
    leaving = Unsubscriber(newsletter_site.database, links=links, clock=lambda: newsletter_site.now)
    with serving(app_of(Showcase(), Operations(), SITE, leaving)) as url:
        yield Visitor(url)


@pytest.fixture
def outbox():
    return Outbox()


def erase(newsletter_site):
    with newsletter_site.database.write() as connection:
        subscribers.remove(connection, subscribers.get_of(connection, "ann@example.org"))


def rows(newsletter_site):
    with newsletter_site.database.read() as connection:
        return connection.execute(select(subscription).order_by(subscription.c.id)).all()


def test_the_page_names_the_newsletter_and_offers_a_button_and_names_nobody(visitor):
    page = visitor.ask(ENGLISH)

    assert page.status == 200
    assert b"Morning tidings" in page.body
    assert b'<form method="post"><button type="submit">Unsubscribe</button></form>' in page.body
    assert page.headers["x-robots-tag"] == "noindex"
    assert b"1.ines" not in page.body
    assert b"mail.example" not in page.body


def test_the_page_speaks_the_language_of_the_letters(visitor):
    assert "退订" in visitor.ask(CHINESE).body.decode()
    assert "已退订" in visitor.ask(CHINESE, method="POST").body.decode()


def test_who_reads_a_language_that_the_pages_lack_can_leave_all_the_same(readers, visitor):
    readers.speak("1.ines", "fr")

    assert b'<html lang="en"' in visitor.ask(ENGLISH).body
    assert b"You are unsubscribed" in visitor.ask(ENGLISH, method="POST").body


def test_the_button_ends_the_subscription_and_says_so(readers, visitor):
    answer = visitor.ask(ENGLISH, method="POST", body=b"", **FORM)

    assert answer.status == 200
    assert b"You are unsubscribed" in answer.body
    assert b"Undo: I want to stay" in answer.body
    assert ("end", "1.ines", Ending.READER) in readers.asked


@pytest.mark.parametrize(("headers", "body"), ONE_CLICK.values(), ids=ONE_CLICK)
def test_one_click_of_a_mail_program_ends_it_with_a_word(readers, visitor, headers, body):
    answer = visitor.ask(ENGLISH, method="POST", body=body, **headers)

    assert (answer.status, answer.body) == (200, b"unsubscribed\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert readers.asked == [("end", "1.ines", Ending.ONE_CLICK)]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"])
def test_nothing_but_post_ends_a_subscription(readers, visitor, method):
    for _ in range(10):
        answer = visitor.ask(ENGLISH, method=method, Purpose="prefetch")

    assert answer.status == (200 if method in {"GET", "HEAD"} else 405)
    assert not readers.subscriptions["1.ines"].ended_at
    if answer.status == 405:
        allowed = {name.strip() for name in answer.headers["allow"].split(",")}
        assert allowed == {"GET", "HEAD", "POST"}


def test_what_is_answered_is_kept_nowhere_and_tells_nobody_where_it_was(visitor):
    wrong = visitor.ask("/unsubscribe/wrong", method="POST")
    answers = [visitor.ask(ENGLISH), wrong, visitor.ask(ENGLISH, method="POST", body=b"One-Click")]

    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "form-action 'self'" in answer.headers["content-security-policy"]
        assert not {"set-cookie", "etag", "last-modified"} & set(answer.headers)


@pytest.mark.parametrize(
    "token", ["wrong", "1", "1.", ".ines", "1.ines.", "1.INES", "é", "\0", "<b>", "9" * 5000]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_wrong_link_leads_nowhere_and_is_not_repeated(visitor, method, token):
    answer = visitor.ask(f"/unsubscribe/{quote(token)}", method=method)

    assert answer.status == 404
    assert answer.body == visitor.ask("/unsubscribe/wrong").body
    assert b"This link does not work" in answer.body
    assert b'href="/subscribe"' not in answer.body


def test_a_body_that_is_too_long_is_not_read_and_changes_nothing(readers, visitor):
    answer = visitor.ask(ENGLISH, method="POST", body=b"One-Click" + b"x" * 20_000, **FORM)

    assert answer.status == 413
    assert b"That was too much" in answer.body
    assert readers.asked == []
    assert visitor.ask(ENGLISH).status == 200


@pytest.mark.parametrize("target", [ENGLISH, "//unsubscribe/1.ines", "/news/unsubscribe/1.ines?x"])
def test_links_stay_out_of_the_log(visitor, caplog, target):
    caplog.set_level(logging.DEBUG, logger="tidings.web")

    for method in ("GET", "POST", "BREW"):
        visitor.ask(target, method=method)

    lines = [one for one in caplog.records if one.name == "tidings.web.access_log"]
    assert {one.path.rpartition("/")[2] for one in lines} == {"…"}
    assert not any("ines" in str(vars(one)) for one in lines)


def test_a_bug_does_not_put_a_link_into_the_log(readers, visitor, caplog):
    readers.find = lambda _: 1 / 0

    assert visitor.ask(ENGLISH).status == 500
    assert "ZeroDivisionError" in caplog.text
    assert "1.ines" not in caplog.text
    assert not any("ines" in str(vars(one).get("path")) for one in caplog.records)


def test_who_pressed_by_mistake_stays_with_one_more_press(readers, visitor):
    visitor.ask(ENGLISH, method="POST", body=b"", **FORM)

    answer = visitor.ask(ENGLISH, method="POST", body=b"do=undo", **FORM)

    assert b"Welcome back" in answer.body
    assert readers.subscriptions["1.ines"].ended_at is None


def test_what_is_offered_instead_is_less_often_only(visitor):
    page = visitor.ask(ENGLISH).body.decode()

    offered = re.findall(r'name="frequency" value="(\w+)"', page)
    assert offered == ["weekdays", "weekly", "fortnightly", "monthly"]


def test_who_wants_it_less_often_stays_subscribed(readers, visitor):
    answer = visitor.ask(ENGLISH, method="POST", body=b"do=slow+down&frequency=weekly", **FORM)

    assert (answer.status, b"Saved" in answer.body) == (200, True)
    assert readers.subscriptions["1.ines"].schedule.frequency == "weekly"
    assert readers.subscriptions["1.ines"].ended_at is None


def test_looking_changes_nothing_and_pressing_ends_one_subscription(
    newsletter_site, reader, address_of
):
    ann, bob = (
        newsletter_site.subscribe("ann@example.org"),
        newsletter_site.subscribe("bob@example.org"),
    )
    before = rows(newsletter_site)
    for _ in range(10):
        for method in ("GET", "HEAD", "OPTIONS"):
            reader.ask(address_of(ann), method=method)
    between = rows(newsletter_site)

    reader.ask(address_of(ann), method="POST")

    assert between == before
    assert newsletter_site.subscription(ann).ended_at == newsletter_site.now
    assert newsletter_site.subscription(bob).ended_at is None
    assert b"You are unsubscribed" in reader.ask(address_of(ann)).body


def test_pressing_again_is_the_same_as_pressing_once(newsletter_site, reader, address_of):
    ann = newsletter_site.subscribe()
    first = reader.ask(address_of(ann), method="POST")
    after_one = rows(newsletter_site)
    newsletter_site.now = newsletter_site.now.replace(hour=20)

    again = reader.ask(address_of(ann), method="POST")

    assert (again.status, again.body) == (first.status, first.body)
    assert rows(newsletter_site) == after_one


def test_who_comes_back_may_leave_again_by_an_old_letter(newsletter_site, reader, address_of):
    ann = newsletter_site.subscribe()
    newsletter_site.leave(ann)
    assert newsletter_site.subscribe() == ann

    reader.ask(address_of(ann), method="POST")

    assert newsletter_site.subscription(ann).ended_at == newsletter_site.now


def test_a_mail_program_of_somebody_removed_is_not_told_of_an_error(
    newsletter_site, reader, address_of
):
    headers, body = ONE_CLICK["urlencoded"]
    link = address_of(newsletter_site.subscribe())
    erase(newsletter_site)

    answer = reader.ask(link, method="POST", body=body, **headers)

    assert answer.status == 200
    assert reader.ask(link).status == 404


def test_an_old_letter_never_ends_the_subscription_of_who_came_after(
    newsletter_site, reader, address_of
):
    ann = newsletter_site.subscribe()
    link = address_of(ann)
    erase(newsletter_site)
    newsletter_site.subscribe("bob@example.org")
    with newsletter_site.database.write() as connection:  # as SQLite does by itself
        connection.execute(update(subscription).values(id=ann))

    reader.ask(link, method="POST")

    assert newsletter_site.subscription(ann).ended_at is None


def test_a_link_signed_by_somebody_else_ends_nothing(newsletter_site, reader):
    ann = newsletter_site.subscribe()
    forged = SignedLinks(b"another secret of others").unsubscribe.sign(ann)

    answers = [reader.ask(f"/unsubscribe/{forged}", method=method) for method in ("GET", "POST")]

    assert [answer.status for answer in answers] == [404, 404]
    assert newsletter_site.subscription(ann).ended_at is None


def test_where_nothing_signs_links_every_link_leads_nowhere(newsletter_site, address_of):
    ann = newsletter_site.subscribe()
    leaving = Unsubscriber(newsletter_site.database, links=None, clock=lambda: newsletter_site.now)

    with serving(app_of(Showcase(), Operations(), SITE, leaving)) as url:
        assert Visitor(url).ask(address_of(ann), method="POST").status == 404

    assert newsletter_site.subscription(ann).ended_at is None


def test_who_has_left_gets_nothing_that_was_planned(newsletter_site, reader, outbox, address_of):
    ann = newsletter_site.subscribe(hour=13)
    newsletter_site.publish(newsletter_site.follow())
    newsletter_site.now = newsletter_site.now.replace(hour=13)
    newsletter_site.plan()
    assert newsletter_site.states() == ["ready"]

    reader.ask(address_of(ann), method="POST", body=b"List-Unsubscribe=One-Click", **FORM)
    newsletter_site.deliver(outbox)

    assert outbox.sent == []
    assert newsletter_site.states() == ["cancelled"]
