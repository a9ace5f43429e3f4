"""Subscribers on the operator's pages: found, changed, imported, exported, suppressed, erased."""

import re
from datetime import timedelta

import pytest

from browser.showcase import serving
from installation import on_sqlite
from newsletter_site import Outbox, reject
from operator_site import OperatorSite
from parsed_entries import HOUR
from tidings.errors import NotFoundError
from tidings.model.operators import Role
from tidings.operator.people_desk import LINES_SHOWN
from tidings.operator.store import people
from tidings.subscribers.bounces import BounceKind
from tidings.subscribers.store import bounces, bulk, subscribers, subscriptions
from tidings.subscribers.store.bounces import NewBounce
from web.visitors import Visitor

PEOPLE = "/operator/subscribers"
LIST = """Mail,confirmed_at,proof,Shoe size
dora@example.org,2026-01-02,form,38
eve@example.org,,,39
"""


@pytest.fixture
def control(database):
    control = OperatorSite(database)
    with serving(control.app()) as url:
        control.visitor = Visitor(url)
        control.sign_in()
        control.room.add_newsletter()
        yield control


@pytest.fixture
def ann(control):
    """Subscribe two people; return the number of the first."""
    control.room.subscribe("ann@example.org")
    control.room.subscribe("bob@example.net")
    return number_of(control, "ann@example.org")


def post(control, path, **fields):
    return control.post(path, {"proof": control.proof(), "back": path} | fields)


def number_of(control, address):
    with control.database.read() as connection:
        return subscribers.find_id(connection, address)


def subscription_of(control, address):
    with control.database.read() as connection:
        return subscriptions.get_of(connection, address, "news")


def addresses_in(answer):
    return re.findall(r'<th scope="row"[^>]*>(?:<a [^>]*>)?([^<]+@[^<]+)<', answer.body.decode())


def test_subscribers_are_found_by_part_of_the_address_newsletter_and_state(control, ann):
    control.room.add_newsletter("weekly", title="Weekly")
    control.room.subscribe("ann@example.org", "weekly")
    control.room.leave(subscription_of(control, "bob@example.net").id)

    assert addresses_in(control.get(PEOPLE)) == ["ann@example.org"] * 2 + ["bob@example.net"]
    assert addresses_in(post(control, PEOPLE, like="EXAMPLE.NET")) == ["bob@example.net"]
    assert addresses_in(post(control, PEOPLE, newsletter="weekly")) == ["ann@example.org"]
    assert addresses_in(control.get(f"{PEOPLE}?state=ended")) == ["bob@example.net"]
    assert addresses_in(post(control, PEOPLE, state="paused")) == []
    assert b"Nobody like that subscribes" in post(control, PEOPLE, like="100%").body


@on_sqlite
@pytest.mark.parametrize("fields", [{"like": "a\x1bb"}, {"state": "gone"}, {"after": "-1"}])
def test_what_no_browser_sends_counts_as_everything(control, ann, fields):
    assert len(addresses_in(post(control, PEOPLE, **fields))) == 2


def test_a_long_list_goes_on_where_it_ended(control):
    for number in range(LINES_SHOWN + 2):
        control.room.subscribe(f"reader{number:02}@example.org")
    first = post(control, PEOPLE, like="reader")
    [after] = re.findall(r'name="after" value="(\d+)"', first.body.decode())

    rest = post(control, PEOPLE, like="reader", after=after)

    found = addresses_in(first) + addresses_in(rest)
    assert found == [f"reader{number:02}@example.org" for number in range(LINES_SHOWN + 2)]
    assert b'name="after"' not in rest.body


@on_sqlite
def test_all_newsletters_of_a_person_are_in_one_piece(control, ann, database):
    control.room.add_newsletter("weekly")
    control.room.subscribe("bob@example.net", "weekly")

    with database.read() as connection:
        first = bulk.piece(connection, bulk.SubscriptionFilter(), after="", limit=2)
        rest = bulk.piece(connection, bulk.SubscriptionFilter(), after="ann@example.org", limit=2)

    assert [one.subscriber_id for one in first.lines] == [first.last] == [ann]
    assert [one.subscription.newsletter.slug for one in rest.lines] == ["news", "weekly"]
    assert rest.last is None


def test_a_search_looks_at_so_many_people_and_goes_on(control, ann, database, monkeypatch):
    monkeypatch.setattr(bulk, "WINDOW", 1)

    first = post(control, PEOPLE, like="bob")
    rest = post(control, PEOPLE, like="bob", after=str(ann))

    assert addresses_in(first) == []
    assert f'name="after" value="{ann}"' in first.body.decode()
    assert b"go on through the list" in first.body
    assert addresses_in(rest) == ["bob@example.net"]


@on_sqlite
def test_a_whole_address_is_found_at_once(control, ann, monkeypatch):
    control.room.subscribe("cleo@example.net")
    monkeypatch.setattr(bulk, "WINDOW", 2)

    answer = post(control, PEOPLE, like="Cleo@example.net")

    assert addresses_in(answer) == ["cleo@example.net"]
    assert b'name="after"' not in answer.body


def test_who_has_not_confirmed_is_listed_apart(control, ann):
    post(
        control,
        f"{PEOPLE}/import",
        newsletter="news",
        list=LIST,
        asks="yes",
        do="import",
        **{"column Mail": "address", "column Shoe size": "-"},
    )

    assert addresses_in(control.get(f"{PEOPLE}?state=unconfirmed")) == ["eve@example.org"]
    assert addresses_in(post(control, PEOPLE, state="unconfirmed", like="nobody")) == []
    assert b"1 has not confirmed yet" in control.get("/operator").body


def test_weeks_tell_who_came_and_left(control, ann, database):
    control.room.now += timedelta(days=7)
    post(control, f"{PEOPLE}/add", address="cleo@example.org", newsletter="news")
    bob = subscription_of(control, "bob@example.net")
    post(
        control,
        f"{PEOPLE}/{number_of(control, 'bob@example.net')}",
        subscription=str(bob.id),
        do="end",
    )

    page = control.get(PEOPLE).body.decode()

    numbers = re.findall(r'<td class="n">(\d+)', page)
    assert numbers[:4] == ["1", "1", "0", "0"]
    assert len(numbers) == 16
    assert b"1 new this week, 1 left." in control.get("/operator").body


def test_weeks_that_are_known_in_part_are_left_out(control, database, monkeypatch):
    for name in ("ann", "bob", "cleo"):
        post(control, f"{PEOPLE}/add", address=f"{name}@example.org", newsletter="news")
        control.room.now += timedelta(days=7)
    monkeypatch.setattr(people, "MOST_LINES", 2)
    starts = [control.room.now - timedelta(days=7 * back) for back in (4, 3, 2, 1)]

    with database.read() as connection:
        found = people.weeks(connection, starts)

    assert [(one.start, one.begun) for one in found] == [(start, 1) for start in starts[2:]]


@on_sqlite
def test_somebody_is_added_on_their_behalf(control):
    added = post(control, f"{PEOPLE}/add", address=" Ann@Example.org ", newsletter="news")
    again = post(control, f"{PEOPLE}/add", address="ann@example.org", newsletter="news")
    wrong = post(control, f"{PEOPLE}/add", address="nobody", newsletter="news")

    number = number_of(control, "ann@example.org")
    assert added.status == 303
    assert added.headers["location"].endswith(f"{PEOPLE}/{number}")
    assert (again.status, wrong.status) == (422, 422)
    assert b"is subscribed to news already" in again.body
    assert b'value="nobody"' in wrong.body


@on_sqlite
def test_a_subscription_is_changed_and_ended(control, ann):
    one = subscription_of(control, "ann@example.org")
    choice = {"frequency": "weekly", "hour": "9", "timezone": "Asia/Shanghai", "language": "zh"}
    of = {"subscription": str(one.id)}

    changed = post(control, f"{PEOPLE}/{ann}", do="save", **of | choice)
    after = subscription_of(control, "ann@example.org")
    ended = post(control, f"{PEOPLE}/{ann}", do="end", **of)

    assert (changed.status, ended.status) == (303, 303)
    assert (after.schedule.frequency, after.schedule.hour, after.language) == ("weekly", 9, "zh")
    assert subscription_of(control, "ann@example.org").ended_because == "operator"
    assert b"by an operator" in control.get(f"{PEOPLE}/{ann}").body


@on_sqlite
def test_a_choice_that_is_none_is_said_and_nobody_elses_subscription_changed(control, ann):
    one, other = (
        subscription_of(control, address) for address in ("ann@example.org", "bob@example.net")
    )
    wrong = post(control, f"{PEOPLE}/{ann}", do="save", subscription=str(one.id), hour="25")
    foreign = post(control, f"{PEOPLE}/{ann}", do="end", subscription=str(other.id))

    assert (wrong.status, foreign.status) == (422, 404)
    assert b'aria-invalid="true"' in wrong.body
    assert subscription_of(control, "bob@example.net") == other


def test_bounces_of_an_address_are_shown(control, ann):
    control.room.publish(control.room.follow())
    control.room.now += 20 * HOUR
    control.room.plan()
    control.room.deliver(Outbox(reject))
    new = NewBounce(
        subscriber_id=ann,
        delivery_id=control.room.deliveries()[0].id,
        kind=BounceKind.GONE,
        status="5.1.1",
        diagnostic="550 no such user here",
        report=b"1",
    )
    with control.database.write() as connection:
        bounces.add(connection, new, now=control.room.now)

    page = control.get(f"{PEOPLE}/{ann}").body.decode()

    assert "550 no such user here" in page
    assert "No such mailbox" in page


def test_an_address_is_suppressed_looked_up_and_let_go(control, ann):
    path = "/operator/suppression"
    free = post(control, path, do="look", address="ann@example.org")
    done = post(control, path, do="suppress", address="ANN@example.org", evidence="a letter")
    barred = post(control, path, do="look", address="ann@example.org")
    added = post(control, f"{PEOPLE}/add", address="ann@example.org", newsletter="news")
    on_page = control.get(f"{PEOPLE}/{ann}").body
    lifted = post(control, path, do="lift", address="ann@example.org")
    again = post(control, f"{PEOPLE}/add", address="ann@example.org", newsletter="news")

    assert b"Not suppressed" in free.body
    assert (done.status, lifted.status, again.status) == (303, 303, 303)
    assert b"a letter" in barred.body
    assert added.status == 422
    assert b"Suppressed since" in on_page
    assert post(control, path, do="look", address="@").status == 422


def test_a_person_is_erased_after_a_question(control, ann):
    asked = control.get(f"{PEOPLE}/{ann}/erase")
    erased = post(control, f"{PEOPLE}/{ann}/erase")

    assert b"Erase this person?" in asked.body
    assert erased.status == 303
    assert number_of(control, "ann@example.org") is None
    assert control.get(f"{PEOPLE}/{ann}").status == 404


@on_sqlite
def test_a_list_is_tried_and_then_imported(control):
    path = f"{PEOPLE}/import"
    said = {"newsletter": "news", "list": LIST, "column Shoe size": "-"}
    unclear = post(control, path, newsletter="news", list=LIST, do="try")
    tried = post(control, path, do="try", **said | {"column Mail": "address"})
    untouched = number_of(control, "dora@example.org")
    done = post(control, path, do="import", **said | {"column Mail": "address"})
    again = post(control, path, do="import", **said | {"column Mail": "address"})

    assert unclear.status == 422
    assert b"there must be one column address" in unclear.body
    assert re.search(rb'name="column Mail">.*?value="-" selected', unclear.body, re.DOTALL)
    assert tiles(tried) == tiles(done) == {"Subscribed": "1", "Refused": "1"}
    assert b"line 3: address &#39;eve@example.org&#39;: no proof of consent" in tried.body
    assert untouched is None
    assert subscription_of(control, "dora@example.org").confirmed_at.year == 2026
    assert tiles(again)["Subscribed already"] == "1"


def tiles(answer):
    return dict(re.findall(r"<dt>([^<]+)</dt><dd>(\d+)", answer.body.decode()))


@on_sqlite
def test_a_list_that_cannot_be_read_is_refused_as_a_whole(control):
    text = 'address,proof\n"ann@example.org,x\n'
    answer = post(control, f"{PEOPLE}/import", newsletter="news", do="import", list=text)

    assert answer.status == 422
    assert b"quotation mark" in answer.body


@on_sqlite
def test_a_list_comes_as_a_file_as_well(control):
    fields = {"proof": control.proof(), "back": PEOPLE, "newsletter": "news", "do": "try"}
    parts = [f'name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    text = "address;confirmed_at;proof\nfay@example.org;2026-01-02;Formular Süd\n"
    files = [f'name="file"; filename="a.csv"\r\n\r\n{text}'.encode()]
    files += [files[0].replace("ü".encode(), b"\xfc")]
    good, bad = (
        control.visitor.ask(
            f"{PEOPLE}/import",
            method="POST",
            body=b"".join(
                b"--edge\r\nContent-Disposition: form-data; " + part + b"\r\n"
                for part in (*(part.encode() for part in parts), file)
            )
            + b"--edge--\r\n",
            Cookie=control.cookie,
            Content_Type="multipart/form-data; boundary=edge",
        )
        for file in files
    )

    assert tiles(good) == {"Subscribed": "1", "Refused": "0"}
    assert "Formular Süd" in good.body.decode()
    assert bad.status == 422
    assert b"it is not UTF-8" in bad.body


@on_sqlite
def test_subscribers_are_exported_as_an_import_reads_them(control, ann):
    answer = post(control, f"{PEOPLE}/export", newsletter="news")

    lines = answer.body.decode().splitlines()
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"
    assert lines[0].startswith("address,newsletter,confirmed_at,proof")
    assert [line.split(",")[0] for line in lines[1:]] == ["ann@example.org", "bob@example.net"]
    assert post(control, f"{PEOPLE}/export", newsletter="other").status == 404


@on_sqlite
def test_no_address_is_in_the_audit_list_nor_in_the_log(control, ann, caplog):
    path = "/operator/suppression"
    one = subscription_of(control, "ann@example.org")
    post(control, PEOPLE, like="ann@example.org")
    post(control, f"{PEOPLE}/add", address="cleo@example.org", newsletter="news")
    post(control, f"{PEOPLE}/{ann}", do="end", subscription=str(one.id))
    post(control, path, do="suppress", address="ann@example.org")
    post(control, path, do="lift", address="ann@example.org")
    post(
        control,
        f"{PEOPLE}/import",
        newsletter="news",
        do="import",
        list="address,confirmed_at,proof\nfay@example.org,2026-01-02,form\n",
    )
    post(control, f"{PEOPLE}/export")
    post(control, f"{PEOPLE}/{ann}/erase")

    listed = control.get("/operator/audit").body.decode()

    assert f"subscriber {ann}" in listed
    assert f"subscription {one.id}" in listed
    for act in ("subscribe", "end", "suppress", "lift", "import", "export", "erase"):
        assert f">{act}</td>" in listed
    assert "@" not in re.sub(r"<head>.*</head>", "", listed, flags=re.DOTALL)
    assert "@example.org" not in caplog.text + repr([vars(one) for one in caplog.records])


@on_sqlite
@pytest.mark.parametrize("role", [Role.READ, Role.MODERATE])
def test_lesser_roles_see_numbers_and_no_addresses(control, ann, role):
    control.sign_in(control.token(role=role)[0])

    desk = control.get("/operator").body.decode()
    statuses = {
        control.get(path).status
        for path in (
            PEOPLE,
            f"{PEOPLE}/{ann}",
            f"{PEOPLE}/{ann}/erase",
            f"{PEOPLE}/add",
            f"{PEOPLE}/import",
            "/operator/suppression",
        )
    }

    assert statuses == {403}
    assert post(control, f"{PEOPLE}/export").status == 403
    assert "2 subscribers" in desk
    assert PEOPLE not in desk
    assert "@example" not in desk


def test_the_desk_has_what_goes_next_and_what_went(control, ann):
    control.room.publish(control.room.follow())
    control.room.now += 20 * HOUR
    control.room.plan()
    control.room.deliver(Outbox(reject))

    desk = control.get("/operator").body.decode()
    control.room.now += timedelta(days=8)
    later = control.get("/operator").body.decode()

    assert re.search(r"Accepted 1 / 2 .*Failed 1", desk)
    assert "/operator/newsletters/news/next" in desk
    assert "It goes out by itself." in desk
    assert "No issue was sent in these days." in later


@on_sqlite
def test_nobody_is_found_by_a_number_that_is_none(control):
    assert control.get(f"{PEOPLE}/17").status == 404
    assert control.get(f"{PEOPLE}/ann").status == 404
    with pytest.raises(NotFoundError), control.database.read() as connection:
        subscribers.get(connection, 17)
