"""A simulation says what planning does, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from installation import on_sqlite
from newsletter_site import NewsletterSite, Outbox
from parsed_entries import DAY, HOUR, NOON
from tidings.model.newsletters import Frequency
from tidings.operator.simulate import SimulatedAudience, simulate


@pytest.fixture
def house(database):
    made = NewsletterSite(database)
    made.art, made.law = made.follow(topic="art"), made.follow(topic="law")
    made.newsletter = made.add_newsletter(min_entries=2)
    return made


def simulated(house, subscription_id, *, since, until):
    one = house.subscription(subscription_id)
    wished = SimulatedAudience(newsletter=one.newsletter, schedule=one.schedule, topics=one.topics)
    with house.database.read() as connection:
        return list(simulate(connection, wished, since=since, until=until))


@pytest.mark.parametrize(
    ("frequency", "hours"), [*zip(Frequency, (144, 192, 480, 900, 1100, 6), strict=True)]
)
@on_sqlite
def test_a_simulation_of_days_gone_by_is_what_was_planned_then(house, frequency, hours):
    ann = house.subscribe(topics=["art"], frequency=frequency, timezone="Asia/Shanghai")
    end = house.now + hours * HOUR
    relay = Outbox()
    for hour in range(1, hours, 1 + hours // 6):
        while (due_at := house.subscription(ann).next_issue_at) <= NOON + hour * HOUR:
            house.now = due_at
            house.plan()
            house.deliver(relay)
        house.now = NOON + hour * HOUR
        house.publish(house.art if hour % 3 else house.law)
    while (due_at := house.subscription(ann).next_issue_at) <= end:
        house.now = due_at
        house.plan()

    found = simulated(house, ann, since=NOON, until=end)

    told = [(row.slot, tuple(house.told(row.issue_id))) for row in house.deliveries()]
    assert [(one.slot.key, one.entry_ids) for one in found if one.entry_ids] == told
    empty = [one.slot.key for one in found if not one.entry_ids]
    assert empty == [row.slot for row in house.log()]
    assert told


def test_what_is_to_come_is_shown_by_the_state_of_now(house):
    ann = house.subscribe()
    news = house.publish(house.art, 2)

    found = simulated(house, ann, since=NOON - DAY, until=NOON + 2 * DAY)

    assert [(one.slot.key, one.entry_ids, one.omission) for one in found] == [
        ("d:2026-11-20", (), "empty"),
        ("d:2026-11-21", tuple(news), None),
        ("d:2026-11-22", (), "empty"),
    ]
    assert (house.deliveries(), house.log()) == ([], [])


@pytest.mark.parametrize(
    ("begin", "hour", "due_at", "note"),
    [
        pytest.param((3, 28), 2, (1, 0), "the clock skips 2:00", id="skipped"),
        pytest.param(
            (10, 24), 2, (0, 0), "the clock shows 2:00 twice, this is the first", id="shown twice"
        ),
        pytest.param((10, 24), 3, (2, 0), None, id="an hour that there is once"),
    ],
)
@on_sqlite
def test_the_days_on_which_the_clock_changes_are_noted(house, begin, hour, due_at, note):
    since = datetime(2026, *begin, 12, tzinfo=UTC)
    ann = house.subscribe(hour=hour, timezone="Europe/Berlin")

    [slot] = simulated(house, ann, since=since, until=since + timedelta(days=1))

    assert (slot.slot.due_at.hour, slot.slot.due_at.minute, slot.note) == (*due_at, note)
