"""Signing up and confirming, as somebody meets it who knows only the form and the letter."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select

from parsed_entries import DAY, HOUR
from subscriber_service import VISITOR, SubscriberService
from tidings.db.all_tables import all_tables
from tidings.db.subscriber_tables import consent, quota, sign_up
from tidings.errors import InvalidError, NotFoundError
from tidings.model.newsletters import Ending, Frequency
from tidings.model.subscribers import PreferencesForm, SuppressionReason, Visitor
from tidings.subscribers.sign_up import MAX_PER_NETWORK, SignUpAnswer, forget_expired
from tidings.subscribers.store import sign_ups, suppressions


@pytest.fixture
def house(database):
    house = SubscriberService(database)
    house.room.add_newsletter()
    return house


def test_who_confirms_is_subscribed_from_that_moment_on(house):
    source = house.room.follow(topic="art")
    choice = PreferencesForm(
        frequency="weekly", hour="9", timezone="Asia/Shanghai", language="zh", topics=("art",)
    )

    house.ask("Ann@EXAMPLE.org", choice=choice)
    house.room.publish(source, 3)
    made = house.subscribing.confirm(house.confirm_token(), VISITOR)

    assert (made.address, made.watermark, made.topics) == ("Ann@example.org", 3, ("art",))
    assert (made.schedule.frequency, made.schedule.hour) == (Frequency.WEEKLY, 9)
    assert (made.schedule.timezone, made.language) == ("Asia/Shanghai", "zh")
    assert house.letters() == [("confirm", "Ann@example.org"), ("welcome", "Ann@example.org")]
    assert house.record() == ["asked", "confirmed"]


def test_a_second_click_and_a_second_tab_change_nothing(house):
    first = house.sign_up()

    again = house.subscribing.confirm(house.confirm_token(), VISITOR)

    assert again == first == house.subscribing.look(house.confirm_token())
    assert house.record() == ["asked", "confirmed"]
    assert len(house.letters()) == 2


def test_an_old_letter_does_not_bring_back_who_has_left(house):
    made = house.sign_up()
    token = house.confirm_token()
    house.wait(HOUR)
    house.leaving.end(house.way_out(made.id))

    again = house.subscribing.confirm(token, VISITOR)

    assert again.ended_because is Ending.READER


def test_a_letter_is_good_for_seven_days(house):
    house.ask()
    token = house.confirm_token()

    house.wait(7 * DAY)

    with pytest.raises(NotFoundError, match="sign-up"):
        house.subscribing.confirm(token, VISITOR)
    forget_expired(house.database, now=house.room.now)
    with house.database.read() as connection:
        assert connection.execute(select(sign_up)).all() == []
        assert connection.execute(select(quota)).all() == []


def test_looking_changes_nothing(house):
    house.ask()
    token, before = house.confirm_token(), everything(house.database)

    for _ in range(10):
        asked = house.subscribing.look(token)

    assert asked.address == "ann@example.org"
    assert everything(house.database) == before


def test_an_address_gets_one_letter_a_day_and_three_while_it_waits(house):
    days = []
    for _ in range(6):
        for _ in range(3):
            house.ask()
            house.ask("a.n.n+tag@example.org")
        days.append(len(house.letters()))
        house.wait(DAY)

    assert days == [1, 2, 3, 3, 3, 3]


def test_a_network_is_stopped_without_harm_to_others(house):
    for number in range(MAX_PER_NETWORK + 5):
        house.ask(f"n{number}@example.org", after=timedelta(seconds=5))
    house.ask("n22@example.org", visitor=Visitor(network="2001:db8::7"))

    asked = [address for _, address in house.letters()]

    assert asked == [
        *(f"n{number}@example.org" for number in range(MAX_PER_NETWORK)),
        "n22@example.org",
    ]


def test_what_a_machine_fills_in_is_dropped_in_silence(house):
    answer = house.ask(honeypot="x")

    assert answer is SignUpAnswer.TAKEN
    assert house.letters() == []


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"after": timedelta(seconds=1)}, id="too quick"),
        pytest.param({"after": timedelta(days=8)}, id="a form of last week"),
        pytest.param({"rendered": "1.forged"}, id="a time of its own"),
        pytest.param({"rendered": ""}, id="no time"),
    ],
)
def test_what_may_be_a_machine_has_to_be_sent_once_more(house, fields):
    first = house.ask(**fields)
    before = house.letters()

    second = house.ask(rendered=house.subscribing.stamp(is_again=True), after=timedelta(0))

    assert (first, before) == (SignUpAnswer.AGAIN, [])
    assert (second, house.letters()) == (SignUpAnswer.TAKEN, [("confirm", "ann@example.org")])


def test_who_is_beyond_a_limit_that_is_not_of_their_address_is_told(house):
    answers = [house.ask(f"n{n}@example.org") for n in range(MAX_PER_NETWORK + 1)]

    assert answers == [*[SignUpAnswer.TAKEN] * MAX_PER_NETWORK, SignUpAnswer.LATER]


def test_known_and_unknown_addresses_are_answered_alike(house):
    house.sign_up("ann@example.org")
    house.wait(2 * DAY)
    with house.database.write() as connection:
        hashed = house.links.suppression_hash("eve@example.org")
        suppressions.add(connection, hashed, SuppressionReason.COMPLAINT, now=house.room.now)
    before = len(house.letters())
    statements = []
    event.listen(
        house.database._engine,
        "before_cursor_execute",
        lambda *said: statements.append(said[2]),
        named=False,
    )

    effort = {}
    for name in ("ann", "bob", "eve"):
        statements.clear()
        assert house.ask(f"{name}@example.org") is SignUpAnswer.TAKEN
        effort[name] = len(statements)

    assert len(set(effort.values())) == 1, effort
    assert house.letters()[before:] == [
        ("welcome", "ann@example.org"),
        ("confirm", "bob@example.org"),
    ]
    with house.database.read() as connection:
        waiting = sign_ups.pending(connection, None, now=house.room.now)
    assert "eve@example.org" not in [one.key for one in waiting]


def test_who_was_forgotten_comes_back_by_signing_up(house):
    house.sign_up()
    house.preferences.forget(house.token())
    house.wait(2 * DAY)

    house.sign_up()

    assert [one.address for one in house.subscriptions(state="active")] == ["ann@example.org"]
    with house.database.read() as connection:
        assert suppressions.every(connection) == []


def test_what_a_visitor_can_mend_is_said(house):
    faults = [
        ("address", {"address": "a@example.org,b@example.org"}),
        ("address", {"address": "ann@example.org\nBcc: b@example.org"}),
        ("address", {"address": '"ann b"@example.org'}),
        ("address", {"address": "ann(b)@example.org"}),
        ("address", {"address": "jos\u00e9@example.org"}),
        ("address", {"address": f"{'a' * 65}@example.org"}),
        ("address", {"address": "Postmaster@example.org"}),
        ("frequency", {"choice": PreferencesForm(frequency="hourly")}),
        ("hour", {"choice": PreferencesForm(hour="24")}),
        ("hour", {"choice": PreferencesForm(hour="0120")}),
        ("time zone", {"choice": PreferencesForm(timezone="../etc/passwd")}),
        ("time zone", {"choice": PreferencesForm(timezone="Mars/Base")}),
        ("language", {"choice": PreferencesForm(language="xx")}),
        ("topic", {"choice": PreferencesForm(topics=("nothing",))}),
    ]

    for kind, fields in faults:
        with pytest.raises(InvalidError) as refused:
            house.ask(**fields)
        assert refused.value.kind == kind, fields

    assert house.letters() == []


def test_the_record_holds_no_network_that_can_be_read(house):
    house.sign_up()

    with house.database.read() as connection:
        lines = connection.execute(select(consent).order_by(consent.c.id)).all()

    assert [(line.form, line.wording) for line in lines] == [("page", "1"), (None, None)]
    assert lines[0].network == lines[1].network
    assert len(bytes.fromhex(lines[0].network)) == 32


def everything(database):
    with database.read() as connection:
        return {table.name: connection.execute(select(table)).all() for table in all_tables()}
