"""What readers do with what they subscribe to, and what is left of who wants to be forgotten."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, get_ident

import pytest
from sqlalchemy import select

import tidings
from newsletter_site import Outbox
from parsed_entries import DAY, HOUR
from subscriber_service import SECRET, VISITOR, SubscriberService
from tidings.db.all_tables import all_tables
from tidings.errors import ConflictError, InvalidError, NotFoundError
from tidings.model.newsletters import Ending, Frequency
from tidings.model.subscribers import PreferencesForm, SuppressionReason
from tidings.subscribers import subscription_changes
from tidings.subscribers.address_change import AddressChanges
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import suppressions
from tidings.subscribers.subscription_changes import Actor


@pytest.fixture
def house(database):
    house = SubscriberService(database)
    house.room.add_newsletter()
    return house


class Together(SignedLinks):
    """Lets threads go on only once so many of them have looked somebody up."""

    def __init__(self, secret, threads):
        super().__init__(secret)
        self._barrier = Barrier(threads)
        self._met = set()

    def keyed_hash(self, purpose, text):
        if get_ident() not in self._met:
            self._met.add(get_ident())
            self._barrier.wait(timeout=10)
        return super().keyed_hash(purpose, text)


@pytest.fixture
def ann(house):
    return house.sign_up().id


def test_a_choice_is_kept_and_recorded_once(house, ann):
    choice = PreferencesForm(
        frequency="monthly", hour="20", timezone="Europe/Berlin", language="zh"
    )

    for _ in range(2):
        house.preferences.save(house.token(), ann, choice, VISITOR)

    [kept] = house.preferences.read(house.token()).subscriptions
    assert (kept.schedule.frequency, kept.schedule.hour) == (Frequency.MONTHLY, 20)
    assert (kept.schedule.timezone, kept.language) == ("Europe/Berlin", "zh")
    assert house.record()[2:] == ["changed"]


def test_nobody_changes_what_is_not_theirs(house, ann):
    house.wait(2 * DAY)
    bob = house.sign_up("bob@example.org").id

    with pytest.raises(NotFoundError, match="subscription"):
        house.preferences.end(house.token(), bob, VISITOR)
    with pytest.raises(NotFoundError, match="link"):
        house.preferences.read(house.way_out(ann))

    assert len(house.subscriptions(state="active")) == 2


@pytest.mark.parametrize(
    ("catches_up", "told"),
    [
        pytest.param(False, 1, id="from now on"),
        pytest.param(True, 4, id="with what was missed"),
    ],
)
def test_nothing_comes_in_a_pause_and_afterwards_what_was_chosen(house, ann, catches_up, told):
    source, outbox = house.room.follow(), Outbox()
    for _ in range(2):
        house.preferences.pause(house.token(), ann, VISITOR)
    house.room.publish(source, 3)
    house.wait(2 * DAY)
    house.room.plan()
    house.room.deliver(outbox)
    in_pause = len(outbox.sent)

    for _ in range(2):
        house.preferences.resume(house.token(), ann, VISITOR, catches_up=catches_up)
    house.room.publish(source, 1)
    house.wait(DAY)
    house.room.plan()
    house.room.deliver(outbox)

    assert in_pause == 0
    assert [len(one.told) for one in outbox.sent] == [told]
    assert house.record()[2:] == ["paused", "resumed"]


def test_who_leaves_by_mistake_comes_back_as_they_were(house, ann):
    source = house.room.follow()
    house.preferences.save(house.token(), ann, PreferencesForm(hour="5"), VISITOR)
    house.preferences.end(house.token(), ann, VISITOR)
    house.room.publish(source, 2)

    for _ in range(2):
        house.preferences.undo(house.token(), ann, VISITOR)

    [back] = house.subscriptions(state="active")
    assert (back.schedule.hour, back.watermark) == (5, 2)
    assert house.record()[3:] == ["ended", "undone"]
    assert ("goodbye", "ann@example.org") in house.letters()


def test_not_everybody_comes_back_by_one_click(house, ann):
    token = house.way_out(ann)
    refusals = []

    for because, after in ((Ending.READER, 31 * DAY), (Ending.COMPLAINT, HOUR)):
        house.leaving.end(token, because)
        house.wait(after)
        with pytest.raises(ConflictError, match="cannot be brought back") as refused:
            house.leaving.undo(token)
        refusals.append(refused.value)
        house.sign_up()

    assert len(refusals) == 2


def test_letters_can_come_less_often_instead_of_never(house, ann):
    house.leaving.slow_down(house.way_out(ann), "monthly")

    [kept] = house.subscriptions(state="active")
    assert kept.schedule.frequency is Frequency.MONTHLY


def test_leaving_twice_a_day_brings_one_goodbye(house, ann):
    token = house.way_out(ann)
    for _ in range(3):
        house.leaving.end(token)
        house.leaving.undo(token)

    assert [kind for kind, _ in house.letters()].count("goodbye") == 1


def test_an_address_moves_once_the_new_one_confirms(house, ann):
    old = house.token()

    house.moving.ask(old, "new@example.net")
    before = [one.address for one in house.subscriptions()]
    reader = house.moving.confirm(house.address_token(), VISITOR)
    again = house.moving.confirm(house.address_token(), VISITOR)

    assert before == ["ann@example.org"]
    assert reader.address == again.address == "new@example.net"
    assert house.letters()[2:] == [("address", "new@example.net"), ("moved", "ann@example.org")]
    assert house.record()[2:] == ["address changed"]
    with pytest.raises(NotFoundError, match="subscriber"):
        house.preferences.read(old)
    assert house.preferences.read(house.token("new@example.net")).subscriptions[0].id == ann


def test_the_address_of_somebody_else_is_not_written_to(house, ann):
    house.wait(2 * DAY)
    house.sign_up("bob@example.org")
    before = house.letters()

    answer = house.moving.ask(house.token(), "BOB@example.org")

    assert answer is None
    assert house.letters() == before


def test_an_address_that_somebody_else_has_by_now_is_not_taken(house, ann):
    house.moving.ask(house.token(), "new@example.net")
    token = house.address_token()
    house.wait(2 * DAY)
    house.sign_up("new@example.net")

    with pytest.raises(NotFoundError, match="change of address"):
        house.moving.confirm(token, VISITOR)

    assert sorted(one.address for one in house.subscriptions()) == [
        "ann@example.org",
        "new@example.net",
    ]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_who_move_to_one_address_at_the_same_moment_one_does(house, ann):
    """SQLite has one writer at a time."""
    house.moving.ask(house.token(), "new@example.net")
    tokens = [house.address_token()]
    house.sign_up("bob@example.org")
    house.wait(2 * DAY)
    house.moving.ask(house.token("bob@example.org"), "new@example.net")
    tokens.append(house.address_token())
    moving = AddressChanges(house.database, links=Together(SECRET, 2), clock=house.clock)

    with ThreadPoolExecutor(2) as threads:
        done = [threads.submit(moving.confirm, token, VISITOR) for token in tokens]
        errors = [one.exception() for one in done]

    [error] = [one for one in errors if one is not None]
    assert isinstance(error, NotFoundError)
    assert error.kind == "change of address"
    assert sorted(one.address for one in house.subscriptions())[1:] == ["new@example.net"]
    assert house.record().count("address changed") == 1


def test_a_link_to_an_earlier_new_address_is_worth_nothing(house, ann):
    house.moving.ask(house.token(), "tpyo@example.net")
    typo = house.address_token()
    house.wait(HOUR)
    house.moving.ask(house.token(), "typo@example.net")

    with pytest.raises(NotFoundError, match="change of address"):
        house.moving.confirm(typo, VISITOR)

    assert house.letters()[2:] == [("address", "typo@example.net")]


def test_new_addresses_are_limited(house, ann):
    for number in range(9):
        house.moving.ask(house.token(), f"n{number}@example.net")

    assert house.moving.look(house.address_token()).address == "n2@example.net"
    with pytest.raises(InvalidError, match="letters go there already"):
        house.moving.ask(house.token(), "ann@example.org")


def test_who_is_forgotten_leaves_a_hash_and_nothing_else(house, ann):
    source = house.room.follow()
    house.room.publish(source, 1)
    house.wait(DAY)
    house.room.plan()
    house.moving.ask(house.token(), "ann@example.net")
    house.moving.confirm(house.address_token(), VISITOR)
    house.moving.ask(house.token("ann@example.net"), "Ann@example.com")

    known = house.preferences.export(house.token("ann@example.net"))
    house.preferences.forget(house.token("ann@example.net"))

    assert known["address"] == "ann@example.net"
    events = [line["event"] for line in known["consent"]]
    assert events == ["asked", "confirmed", "address changed"]
    assert [one["state"] for one in known["letters"]] == ["ready"]
    with house.database.read() as connection:
        left = str([connection.execute(select(table)).all() for table in all_tables()])
        [kept] = suppressions.every(connection)
    assert "ann@" not in left.lower()
    assert (kept.key, kept.reason) == (house.links.suppression_hash("ann@example.net"), "erased")


def test_signing_out_everywhere_makes_old_links_worthless(house, ann):
    token = house.token()

    house.preferences.sign_out(token, VISITOR)

    with pytest.raises(NotFoundError):
        house.preferences.read(token)
    assert house.preferences.read(house.token()).subscriptions[0].id == ann


def test_a_suppressed_address_gets_nothing_that_waits(house, ann):
    source, outbox = house.room.follow(), Outbox()
    house.room.publish(source, 1)
    house.wait(DAY)
    house.room.plan()
    address = "ann@example.org", house.links.suppression_hash("ann@example.org")
    act = Actor(now=house.room.now, by="operator")

    with house.database.write() as connection:
        new = subscription_changes.suppress(
            connection, address, SuppressionReason.OPERATOR, evidence="a letter", actor=act
        )
    house.room.deliver(outbox)

    assert new
    assert outbox.sent == []
    assert house.letters() == []
    assert [one.ended_because for one in house.subscriptions()] == [Ending.OPERATOR]


def test_a_strict_reason_takes_the_place_of_erasure_and_never_the_other_way(house):
    hashed = house.links.suppression_hash("ann@example.org")
    reasons = []
    for reason in ("erased", "bounces", "erased", "complaint"):
        with house.database.write() as connection:
            suppressions.add(connection, hashed, SuppressionReason(reason), now=house.room.now)
            reasons.append(suppressions.find(connection, hashed).reason)

    assert reasons == ["erased", "bounces", "bounces", "bounces"]


def test_no_statement_changes_or_deletes_consent():
    folder = Path(tidings.__file__).parent
    sources = {path: path.read_text() for path in folder.rglob("*.py")}

    changing = [
        path.name
        for path, text in sources.items()
        if re.search(r"\b(update|delete)\(\s*consent\b", text)
    ]

    assert changing == []
