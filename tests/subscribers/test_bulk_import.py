"""Lists of subscribers, in and out."""

import io

import pytest
from sqlalchemy import event

from installation import on_sqlite
from parsed_entries import DAY, HOUR
from subscriber_service import SubscriberService
from tidings.model.newsletters import Frequency
from tidings.model.subscribers import UNKNOWN_VISITOR, SuppressionReason
from tidings.subscribers import subscriber_csv
from tidings.subscribers.bulk_import import BATCH, MAX_PROOF, consent_rows, subscriber_rows
from tidings.subscribers.store import sign_ups, suppressions
from tidings.subscribers.subscriber_csv import COLUMNS, CsvLine

PROVEN = {"confirmed_at": "2026-01-02T03:04:05+00:00", "proof": "form of 2026"}


@pytest.fixture
def house(database):
    house = SubscriberService(database)
    house.room.add_newsletter()
    return house


def a_line(number, address, **cells):
    return CsvLine(number=number, cells={"address": address} | PROVEN | cells)


def test_people_come_in_with_their_wish_and_their_proof(house):
    source = house.room.follow(topic="art")
    house.room.publish(source, 2)

    [one] = house.bring_in(
        [
            a_line(
                2,
                "Ann@example.org",
                frequency="weekly",
                hour="9",
                weekday="friday",
                topics="art",
            )
        ]
    )

    [made] = house.subscriptions(state="active")
    assert one.is_in
    assert (made.address, made.watermark, made.topics) == ("Ann@example.org", 2, ("art",))
    assert (made.schedule.frequency, made.confirmed_at.year) == (Frequency.WEEKLY, 2026)
    assert made.schedule.weekday == 4
    assert house.record() == ["imported"]
    assert house.letters() == []


def test_what_cannot_come_in_is_named_by_line(house):
    made = house.sign_up("left@example.org")
    house.leaving.end(house.way_out(made.id))
    house.wait(2 * DAY)
    house.sign_up("gone@example.org")
    house.preferences.forget(house.token("gone@example.org"))
    house.wait(2 * DAY)
    house.sign_up("here@example.org")

    results = house.bring_in(
        [
            a_line(2, "new@example.org"),
            a_line(3, "NEW@example.org"),
            a_line(4, "no address"),
            a_line(5, "left@example.org"),
            a_line(6, "gone@example.org"),
            a_line(7, "here@example.org"),
            a_line(8, "unproven@example.org", proof=""),
            a_line(9, "late@example.org", confirmed_at="2030-01-01"),
            a_line(10, "odd@example.org", confirmed_at="yesterday"),
            a_line(11, "hour@example.org", hour="25"),
            a_line(12, "other@example.org", newsletter="olds"),
            a_line(13, "day@example.org", weekday="5"),
        ]
    )

    problems = {one.line: one.problem for one in results}
    assert [one.line for one in results if one.is_in] == [2]
    assert [one.line for one in results if one.is_known] == [7]
    for line, words in {
        3: "is on line 2 too",
        4: "no address",
        5: "left on",
        6: "is suppressed",
        8: "no proof of consent",
        9: "lies in the future",
        10: "write it as",
        11: "use 0 to 23",
        12: "this list is for news",
        13: "use monday",
    }.items():
        assert words in problems[line]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"status": "unsubscribed"}, SuppressionReason.ERASED),
        ({"left_at": "2027-01-02"}, SuppressionReason.ERASED),
        ({"bounced_at": "long ago"}, SuppressionReason.BOUNCES),
        ({"status": "complained"}, SuppressionReason.COMPLAINT),
        ({"status": "blocklisted"}, SuppressionReason.OPERATOR),
    ],
)
@on_sqlite
def test_who_got_nothing_any_more_elsewhere_gets_nothing_here(house, cells, reason):
    house.sign_up("ann@example.org")
    rehearsed = house.bring_in([a_line(2, "ann@example.org", **cells)], rehearses=True)
    before = house.subscriptions(state="active")

    [one] = house.bring_in([a_line(2, "Ann@example.org", **cells)])

    with house.database.read() as connection:
        [found] = suppressions.every(connection)
    assert [one.is_suppressed for one in rehearsed] == [True]
    assert len(before) == 1
    assert (one.is_suppressed, found.reason) == (True, reason)
    assert found.evidence.startswith("import: ")


def test_who_came_back_after_they_had_left_elsewhere_stays(house):
    house.sign_up("ann@example.org")

    [one] = house.bring_in([a_line(2, "ann@example.org", left_at="2025-01-02T03:04:05Z")])

    assert (one.is_known, one.is_suppressed) == (True, False)
    assert [one.address for one in house.subscriptions(state="active")] == ["ann@example.org"]


def test_who_left_elsewhere_can_sign_up_here(house):
    house.bring_in([a_line(2, "ann@example.org", status="unsubscribed")])

    house.sign_up("ann@example.org")

    assert [one.address for one in house.subscriptions(state="active")] == ["ann@example.org"]


def test_one_list_that_holds_somebody_twice_lets_them_go(house):
    results = house.bring_in(
        [
            a_line(2, "ann@example.org"),
            a_line(3, "ann@example.org", status="unsubscribed"),
            a_line(4, "bob@example.org", status="unsubscribed"),
            a_line(5, "bob@example.org"),
        ]
    )

    assert house.subscriptions(state="active") == []
    assert [one.is_suppressed for one in results] == [False, True, True, False]


def test_who_never_confirmed_elsewhere_has_no_proof(house):
    lines = [a_line(2, "ann@example.org", status="pending")]

    [refused] = house.bring_in(lines)
    [asked] = house.bring_in(lines, asks=True)

    assert "no proof of consent" in refused.problem
    assert asked.is_asked


def test_a_proof_that_is_too_long_is_not_cut(house):
    [one] = house.bring_in([a_line(2, "ann@example.org", proof="x" * (MAX_PROOF + 1))])

    assert "1000 characters at most" in one.problem


def test_who_cannot_show_consent_is_asked_once(house):
    lines = [a_line(2, "ann@example.org", proof="")]

    first = house.bring_in(lines, asks=True)
    house.subscribing.confirm(house.confirm_token(), UNKNOWN_VISITOR)

    assert [one.is_asked for one in first] == [True]
    assert [one.address for one in house.subscriptions(state="active")] == ["ann@example.org"]
    assert [one.is_known for one in house.bring_in(lines, asks=True)] == [True]


def test_many_are_asked_in_a_handful_of_statements(house):
    lines = [a_line(n, f"n{n}@example.org", proof="") for n in range(BATCH)]
    statements = []
    event.listen(
        house.database._engine,
        "before_cursor_execute",
        lambda *said: statements.append(said[2]),
        named=False,
    )

    results = house.bring_in(lines, asks=True)

    assert all(one.is_asked for one in results)
    assert len(statements) <= 12
    assert house.letters() == [("confirm", f"n{n}@example.org") for n in range(BATCH)]


def test_who_was_asked_three_times_is_not_asked_again_and_the_others_are(house):
    for _ in range(3):
        house.bring_in([a_line(2, "ann@example.org", proof="", language="zh")], asks=True)
        house.wait(HOUR)

    results = house.bring_in(
        [
            a_line(2, "bob@example.org", proof="", frequency="weekly"),
            a_line(3, "ann@example.org", proof="", language="en"),
        ],
        asks=True,
    )

    assert [(one.line, one.is_asked) for one in results] == [(2, True), (3, False)]
    assert "address ann@example.org has been asked often enough" in results[1].problem
    assert [address for _, address in house.letters()] == ["ann@example.org"] * 3 + [
        "bob@example.org"
    ]
    with house.database.read() as connection:
        waiting = sign_ups.pending(connection, None, now=house.room.now)
    assert [(one.key, one.asked_times, one.preferences.language) for one in waiting] == [
        ("bob@example.org", 1, "en"),
        ("ann@example.org", 3, "zh"),
    ]


def test_a_rehearsal_writes_nothing(house):
    results = house.bring_in(
        [a_line(2, "ann@example.org"), a_line(3, "bob@example.org", proof="")],
        asks=True,
        rehearses=True,
    )

    assert [(one.is_in, one.is_asked) for one in results] == [(True, False), (False, True)]
    assert house.subscriptions() == []
    assert house.letters() == []


def test_a_list_goes_out_and_comes_back_as_it_was(house):
    topic = house.room.follow(topic="art")
    house.room.publish(topic, 1)
    lines = [
        a_line(n, f"n{n}@example.org", topics="art" if n % 2 else "") for n in range(BATCH + 5)
    ]
    house.bring_in([*lines, a_line(BATCH + 9, "=1+1@example.org", paused_at="2026-02-03T00:00Z")])

    with house.database.read() as connection:
        before = list(subscriber_rows(connection, "news"))
        record = list(consent_rows(connection, "news", "n1@example.org"))
    file = io.StringIO()
    subscriber_csv.write_csv(before, file, COLUMNS)
    file.seek(0)
    read = {
        line.cells["address"]: dict(line.cells)
        for line in subscriber_csv.read_csv(file.getvalue(), {})[1]
    }

    assert read == {row["address"]: dict(row) for row in before}
    assert len(read) == BATCH + 6
    assert read["=1+1@example.org"]["paused_at"] == "2026-02-03T00:00:00+00:00"
    assert [(row["address"], row["event"]) for row in record] == [("n1@example.org", "imported")]
