"""Signing up, confirming and changing one's mind over HTTP."""

import json
import logging
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from browser.showcase import serving
from installation import on_sqlite
from subscriber_pages import FORM, WAIT, SubscriberPages
from tidings.catalog import newsletters
from tidings.db.subscriber_tables import consent
from tidings.subscribers.sign_up import MAX_PER_NETWORK
from web.visitors import Visitor

TOKENS = ("confirm", "preferences", "address", "unsubscribe")


@pytest.fixture
def door(database):
    door = SubscriberPages(database, "Databases", "Mathematics")
    with serving(door.app()) as url:
        door.visitor = Visitor(url)
        yield door


@pytest.fixture
def room(door):
    return door.house.room


def test_a_visitor_signs_up_confirms_and_is_subscribed_as_they_wished(door):
    answer = door.sign_up(
        frequency="weekly", hour="9", timezone="Asia/Shanghai", language="zh", topic=["databases"]
    )
    asked = door.house.letters()
    shown = door.get(door.confirm_path())
    before = door.house.subscriptions()

    done = door.post(door.confirm_path())
    again = door.post(door.confirm_path())

    assert (answer.status, shown.status, done.status) == (200, 200, 200)
    assert b"Check your inbox" in answer.body
    assert asked == [("confirm", "ann@example.org")]
    assert before == []
    assert "确认订阅" in shown.body.decode()
    assert "订阅成功" in done.body.decode()
    assert (again.status, again.body) == (done.status, done.body)
    [made] = door.house.subscriptions()
    schedule = made.schedule
    assert (schedule.frequency, schedule.hour, schedule.timezone) == ("weekly", 9, "Asia/Shanghai")
    assert (made.language, made.topics) == ("zh", ("databases",))


@on_sqlite
def test_the_record_holds_the_sentence_that_was_agreed_to(door):
    page = door.get("/subscribe/news").body.decode()
    door.sign_up()
    door.post(door.confirm_path())

    with door.house.database.read() as connection:
        asked, _ = connection.execute(select(consent).order_by(consent.c.id)).all()

    assert (asked.event, asked.form, asked.newsletter) == ("asked", "page", "news")
    assert f'<p class="agreement">{asked.wording}</p>' in page
    assert asked.network
    assert "127.0.0.1" not in str(asked)


@on_sqlite
def test_a_page_about_an_error_leads_to_the_newsletters_if_there_are_any(door):
    with_newsletters = door.get("/nothing")
    with door.house.database.write() as connection:
        newsletters.remove(connection, "news", now=door.house.room.now)
    without = door.get("/nothing")

    for path in (b'<a href="/issues">', b'<a href="/subscribe">'):
        assert path in with_newsletters.body
        assert path not in without.body
    assert (with_newsletters.status, without.status) == (404, 404)


@on_sqlite
def test_a_single_newsletter_is_offered_at_once_and_several_to_choose_from(door, room):
    single = door.get("/subscribe")
    room.add_newsletter(slug="weekend", title="The weekend")

    several = door.get("/subscribe")

    assert b'action="/subscribe/news"' in single.body
    assert b'action="/subscribe/' not in several.body
    for slug in (b"news", b"weekend"):
        assert b'href="/subscribe/%s"' % slug in several.body


@on_sqlite
def test_the_language_of_letters_is_preset_from_the_browser(door):
    wanted = {
        "zh-CN,zh;q=0.9,en;q=0.8": "zh",
        "fr, de;q=0.7, zh;q=0.2, en;q=0": "zh",
        "en;q=0.1, zh;q=0.9": "zh",
        "ja": "en",
        ";;q=,=,zh;q=nonsense" + "," * 9000: "en",
    }

    preset = {}
    for header in wanted:
        page = door.get("/subscribe/news", Accept_Language=header).body.decode()
        [preset[header]] = re.findall(r'<option value="(\w+)" lang="\w+" selected>', page)

    assert preset == wanted


def test_every_address_gets_the_same_answer(door, room):
    room.subscribe("known@example.org")
    fields = {"stamp": door.stamp()}
    door.house.wait(WAIT)
    addresses = ["new@example.org", "known@example.org", "new@example.org", "NEW@Example.ORG"]

    answers = [door.post("/subscribe/news", fields | {"address": one}) for one in addresses]
    trap = {"address": "x@example.org", "homepage": "http://x"}
    answers.append(door.post("/subscribe/news", fields | trap))

    assert {(one.status, one.body) for one in answers} == {(200, answers[0].body)}
    assert door.house.letters() == [
        ("confirm", "new@example.org"),
        ("welcome", "known@example.org"),
    ]


@on_sqlite
@pytest.mark.parametrize(
    "wait",
    [
        pytest.param(timedelta(seconds=1), id="too quick"),
        pytest.param(timedelta(days=9), id="from an old tab"),
    ],
)
def test_a_form_that_may_be_a_machines_is_shown_again_filled_with_one_more_press(door, wait):
    filled = {
        "address": "ann@example.org",
        "frequency": "weekly",
        "timezone": "Europe/Paris",
        "topic": "databases",
        "stamp": door.stamp(),
    }
    door.house.wait(wait)

    first = door.post("/subscribe/news", filled)
    before = door.house.letters()
    second = door.post("/subscribe/news", filled | {"stamp": door.stamp(first)})

    page = first.body.decode()
    assert first.status == 422
    assert "please press the button once more" in page
    assert "is on its way" not in page
    for kept in (
        'value="ann@example.org"',
        'value="weekly" checked',
        '<option value="Europe/Paris" selected>',
        'value="databases" checked',
    ):
        assert kept in page
    assert before == []
    assert b"Check your inbox" in second.body
    assert door.house.letters() == [("confirm", "ann@example.org")]


@on_sqlite
def test_who_is_beyond_the_limit_of_a_network_is_told_and_nobody_else(door):
    for number in range(MAX_PER_NETWORK):
        door.sign_up(f"n{number}@example.org")

    answer = door.sign_up("one@example.org")

    assert answer.status == 429
    assert b"please try again in an hour" in answer.body
    assert len(door.house.letters()) == MAX_PER_NETWORK


@on_sqlite
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ann", "exactly one @"),
        ("ann@example", "not the name of a mail server"),
        ("josé@example.org", "only the letters a to z"),
        ("an n@example.org", "before the @"),
        ("noreply@example.org", "Nobody reads newsletters"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(door, address, words):
    page = door.sign_up(address).body.decode()

    assert words in page


@on_sqlite
def test_what_is_wrong_with_a_new_address_is_said_too(door):
    door.house.room.subscribe()

    answer = door.post(door.preferences_path(), {"do": "move", "address": "ann"})

    assert answer.status == 422
    assert b"exactly one @" in answer.body


@on_sqlite
def test_an_address_as_input_methods_write_it_is_taken(door):
    answer = door.sign_up("ann\uff20example\u3002org\u200b")

    assert answer.status == 200
    assert door.house.letters() == [("confirm", "ann@example.org")]


@on_sqlite
@pytest.mark.parametrize("kind", TOKENS)
def test_a_link_works_with_what_mail_programs_add_and_with_nothing_else(door, kind):
    path = door.paths()[kind]

    good = {end: door.get(path + end).status for end in (".", ")", "%20", ").")}
    bad = {end: door.get(path + end).status for end in ("=", "%0d%0a", ",", "%3E", "x", "%00")}

    assert set(good.values()) == {200}
    assert set(bad.values()) == {404}


@on_sqlite
def test_what_cannot_be_is_shown_beside_its_field_and_the_rest_is_kept(door):
    wrong = [
        ("address", {"address": "no address"}),
        ("address", {"address": ""}),
        ("address", {"address": "a@example.org, b@example.org"}),
        ("address", {"address": "a\0b@example.org"}),
        ("address", {"address": '"><script>alert(1)</script>'}),
        ("frequency", {"frequency": "hourly"}),
        ("hour", {"hour": "24"}),
        ("timezone", {"timezone": "Mars/Olympus"}),
        ("timezone", {"timezone": "../../etc/passwd"}),
        ("language", {"language": "tlh"}),
        ("topic", {"topic": ["<b>", "databases"]}),
    ]
    right = {"address": "ann@example.org", "timezone": "Europe/Paris", "topic": "databases"}

    for field, mistake in wrong:
        answer = door.sign_up(**right | mistake)
        page = answer.body.decode()
        assert answer.status == 422
        assert re.findall('class="fault" id="new-([a-z]+)-fault"', page) == [field]
        assert "<title>Please look again" in page
        assert "<script>" not in page
        assert "<b>" not in page
        assert ('value="ann@example.org"' in page) == (field != "address")
        assert ('<option value="Europe/Paris" selected>' in page) == (field != "timezone")
        assert '<input type="checkbox" name="topic" value="databases" checked>' in page

    assert door.house.letters() == []
    door.post("/subscribe/news", right | {"stamp": door.stamp(answer)})
    assert door.house.letters() == [("confirm", "ann@example.org")]


@on_sqlite
def test_only_our_own_form_signs_up(door):
    senders = [
        (200, {}),
        (200, {"Sec_Fetch_Site": "same-origin", "Origin": "null"}),
        (200, {"Origin": "https://news.example"}),
        (403, {"Sec_Fetch_Site": "cross-site"}),
        (403, {"Sec_Fetch_Site": "same-site"}),
        (403, {"Origin": "https://evil.example"}),
        (415, {"Content_Type": "text/plain"}),
        (415, {"Content_Type": "multipart/form-data; boundary=b"}),
    ]

    answered = [
        (door.sign_up(f"reader{n}@example.org", headers=headers).status, headers)
        for n, (_, headers) in enumerate(senders)
    ]

    assert answered == senders
    assert len(door.house.letters()) == 3


@on_sqlite
def test_what_no_browser_sends_is_refused(door):
    news = "/subscribe/news"
    requests = [
        (413, news, b"address=" + b"a" * 20_000),
        (400, news, b"&".join(b"a=b" for _ in range(1000))),
        (400, news, b"address=%ff%fe"),
        (400, news, "address=é".encode()),
        *((404, f"/subscribe/{slug}", b"address=a") for slug in ("nothing", "%00", "n" * 3000)),
    ]

    answered = [
        (door.visitor.ask(path, method="POST", body=body, **FORM).status, path, body)
        for _, path, body in requests
    ]

    assert answered == requests
    assert door.get("/subscribe/%3Cscript%3E").status == 404
    assert door.house.letters() == []


def test_looking_again_and_again_changes_nothing(door):
    paths = ("/subscribe", "/subscribe/news", *door.paths().values())
    before = door.everything()

    statuses = {
        door.visitor.ask(path, method=method, Purpose="prefetch").status
        for path in paths
        for method in ("GET", "HEAD") * 5
    }

    assert statuses == {200}
    assert {door.visitor.ask(path, method="OPTIONS").status for path in paths} == {405}
    assert door.everything() == before


@on_sqlite
def test_pages_by_a_link_are_kept_nowhere_and_tell_nobody(door):
    answers = [door.get(path) for path in door.paths().values()]
    answers += [door.get(f"/{kind}/wrong") for kind in TOKENS]

    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-robots-tag"] == "noindex"
        assert "form-action 'self'" in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
        assert b"ann@example.org" not in answer.body
        assert b"new@example.org" not in answer.body


@on_sqlite
def test_a_link_is_worth_nothing_for_another_kind_or_with_a_slip_in_it(door, caplog):
    caplog.set_level(logging.DEBUG, logger="tidings.web")
    good = {path.rpartition("/")[2]: kind for kind, path in door.paths().items()}
    bad = ["wrong", "1-1.", "1-1.wrong", "%00", "%3Cb%3E", "%C3%A9", "1-1." + "a" * 9000]
    bad += [token[:-1] for token in good]
    before = door.everything()

    for kind in TOKENS:
        for token in [*bad, *(one for one in good if good[one] != kind)]:
            path = f"/{kind}/{token}"
            for answer in (door.get(path), door.post(path, {"do": "end"})):
                assert answer.status == 404
                assert b"This link does not work" in answer.body
                assert b'href="/subscribe"' in answer.body
                assert token.encode() not in answer.body

    assert door.everything() == before
    said = "".join(str(vars(one)) for one in caplog.records)
    assert "/confirm/…" in said
    assert [token for token in [*bad, *good] if f"/{token}" in said] == []


@on_sqlite
def test_a_link_that_came_too_late_says_so_in_the_readers_language(door):
    door.sign_up()
    door.house.wait(timedelta(days=7))

    answer = door.post(door.confirm_path(), Accept_Language="zh")

    assert answer.status == 404
    assert "这个链接无效" in answer.body.decode()
    assert door.house.subscriptions() == []


def test_readers_change_pause_leave_and_come_back(door, room):
    ann = room.subscribe(topics=["databases"])
    wish = {
        "frequency": "monthly",
        "hour": "22",
        "timezone": "America/Lima",
        "topic": "mathematics",
    }
    page = door.preferences_path()

    def published(do, **fields):
        answer = door.post(page, {"do": do, "subscription": ann} | fields)
        said = re.search(rb'role="status">([^<]+)', answer.body)[1].decode()
        return said, room.subscription(ann)

    saved, changed = published("save", **wish)
    assert saved == "Saved"
    assert (changed.schedule.frequency, changed.schedule.hour) == ("monthly", 22)
    assert (changed.schedule.timezone, changed.topics) == ("America/Lima", ("mathematics",))
    assert published("pause")[1].paused_at == room.now
    assert published("resume")[1].paused_at is None
    published("pause")
    assert published("catch up")[1].paused_at is None
    assert published("end")[1].ended_at == room.now
    assert published("undo") == ("Welcome back", changed)

    published("end")
    door.house.wait(timedelta(days=31))
    assert b'value="undo"' not in door.get(page).body
    too_late, still_gone = published("undo")
    assert "Please subscribe again" in too_late
    assert still_gone.ended_at


@on_sqlite
def test_a_change_that_cannot_be_is_shown_as_it_was_filled_in(door, room):
    ann = room.subscribe()
    before = room.subscription(ann)
    fields = {"do": "save", "subscription": ann, "frequency": "weekly", "hour": "99"}

    choice = door.post(door.preferences_path(), fields)
    address = door.post(door.preferences_path(), {"do": "move", "address": "<b>@x"})

    assert (choice.status, address.status) == (422, 422)
    assert f'id="s{ann}-hour-fault"'.encode() in choice.body
    assert b'value="weekly" checked' in choice.body
    assert b'id="move-address-fault"' in address.body
    assert b'value="&lt;b&gt;@x"' in address.body
    assert (room.subscription(ann), door.house.letters()) == (before, [])


@on_sqlite
def test_nobody_touches_what_is_somebody_elses_or_does_what_no_form_says(door, room):
    ann = room.subscribe()
    room.subscribe("bob@example.org")
    bobs = door.preferences_path("bob@example.org")
    before = door.everything()

    for do in ("save", "pause", "resume", "catch up", "end", "undo"):
        assert door.post(bobs, {"do": do, "subscription": ann}).status == 404
    for do in ({}, {"do": "explode"}, {"do": "end"}, {"do": "end", "subscription": "1 or 1=1"}):
        assert door.post(bobs, do).status == 400

    assert door.everything() == before


def test_an_address_is_changed_once_it_is_confirmed(door):
    paths = door.paths()
    before = door.house.subscriptions()[0].address

    shown, done = door.get(paths["address"]), door.post(paths["address"])

    assert before == "ann@example.org"
    assert b"Yes, this is my address" in shown.body
    assert b"Your address is changed" in done.body
    assert door.house.subscriptions()[0].address == "new@example.org"
    assert door.get(paths["preferences"]).status == 404
    assert ("moved", "ann@example.org") in door.house.letters()


def test_readers_take_their_data_end_all_links_and_are_forgotten_if_they_mean_it(door, room):
    room.subscribe(topics=["databases"])
    page = door.preferences_path()

    export = door.post(page, {"do": "export"})
    unsure = door.post(page, {"do": "forget"})
    out = door.post(page, {"do": "sign out"})
    old_link = door.get(page)
    sure = door.post(door.preferences_path(), {"do": "forget", "sure": "yes"})

    assert export.headers["content-disposition"].startswith("attachment")
    assert export.headers["cache-control"] == "no-store"
    assert json.loads(export.body)["subscriptions"][0]["topics"] == ["databases"]
    assert unsure.status == 422
    assert b"The links no longer work" in out.body
    assert old_link.status == 404
    assert b"Your data is deleted" in sure.body
    assert "ann@example.org" not in str(door.everything())


@on_sqlite
@pytest.mark.parametrize(
    ("trusted", "forwarded", "networks"),
    [
        pytest.param([], "192.0.{n}.1", 1, id="nobody is believed by default"),
        pytest.param(["127.0.0.1"], "192.0.{n}.1, 203.0.113.9", 1, id="our proxy, not its visitor"),
        pytest.param(["127.0.0.0/8", "10.0.0.0/8"], "192.0.{n}.1, 10.1.2.3", 2, id="two of ours"),
    ],
)
def test_where_somebody_signs_up_from_is_what_our_own_proxies_say(
    database, trusted, forwarded, networks
):
    door = SubscriberPages(database)
    with serving(door.app(trusted=trusted)) as url:
        door.visitor = Visitor(url)

        for n in range(2):
            headers = {"X_Forwarded_For": forwarded.format(n=n)}
            door.sign_up(f"reader{n}@example.org", headers=headers)
            door.post(door.confirm_path(), **headers)

    with database.read() as connection:
        found = connection.scalars(select(consent.c.network).distinct()).all()
    assert len(found) == networks


def test_a_visitor_reads_the_page_in_the_language_of_the_browser_or_of_the_link(door):
    by_browser = door.get("/subscribe/news", Accept_Language="zh-CN,zh;q=0.9").body.decode()
    by_link = door.get("/subscribe/news?lang=en", Accept_Language="zh-CN").body.decode()
    by_default = door.get("/subscribe/news", Accept_Language="fr").body.decode()

    assert '<html lang="zh"' in by_browser
    assert '<a href="?lang=en" lang="en" hreflang="en">English</a>' in by_browser
    assert '<html lang="en"' in by_link
    assert '<html lang="en"' in by_default


def test_a_link_is_followed_in_the_language_that_is_asked_for(door):
    door.sign_up()
    path = door.confirm_path()

    assert '<html lang="zh"' in door.get(f"{path}?lang=zh").body.decode()
    assert '<html lang="en"' in door.get(f"{path}?lang=tlh").body.decode()


def test_an_error_is_told_in_the_language_of_the_browser(door):
    assert "这个地址没有内容" in door.get("/nothing", Accept_Language="zh").body.decode()
    assert "There is nothing" in door.get("/nothing?lang=en", Accept_Language="zh").body.decode()
