"""What a subscriber got and why not the rest, on both databases."""

import pytest

from newsletter_site import NewsletterSite, Outbox, reject
from parsed_entries import DAY, HOUR, NOON
from tidings.errors import NotFoundError
from tidings.filters import filtering
from tidings.filters.rules import Action, Field, Filter, Kind, Rule
from tidings.operator.explain import explain_entry_to, explain_subscriber
from tidings.subscribers.store import subscriptions

SEVEN = NOON - 5 * HOUR + DAY
ANN = "ann@example.org"
REJECTED = (
    "d:2026-11-23, planned 2026-11-23 07:00 UTC: delivery 2 with 1 entry, "
    "rejected 2026-11-23 07:00 UTC: 550 5.1.1 nobody here"
)
ACCEPTED = (
    "d:2026-11-21, planned 2026-11-21 07:00 UTC: delivery 1 with 2 entries, "
    "accepted 2026-11-21 07:00 UTC: 250 2.0.0 queued"
)


@pytest.fixture
def house(database):
    """A newsletter of two topics, of which a reader chose one."""
    made = NewsletterSite(database)
    made.art, made.law = made.follow(topic="art"), made.follow(topic="law")
    made.add_newsletter()
    made.before = made.publish(made.art)[0]
    made.ann = made.subscribe(ANN, topics=["art"])
    return made


def of_entry(house, entry_id):
    with house.database.read() as connection:
        return explain_entry_to(connection, ANN, entry_id)[1:]


def of_slots(house, slot=None):
    with house.database.read() as connection:
        return explain_subscriber(connection, ANN, slot=slot)


def send(house, *script):
    house.now = house.subscription(house.ann).next_issue_at
    house.plan()
    house.deliver(Outbox(*script))


def test_the_slots_are_told_newest_first(house):
    house.publish(house.art, 2)
    send(house)
    send(house)
    house.publish(house.art)
    send(house, reject)

    assert of_slots(house) == [
        "subscription 1 to news: art, daily at 7:00 UTC, in en",
        "the next slot falls due 2026-11-24 07:00 UTC",
        REJECTED,
        "d:2026-11-22, planned 2026-11-22 07:00 UTC: no letter: nothing in its window was for them",
        ACCEPTED,
    ]


def test_a_slot_is_told_with_all_that_its_window_held(house):
    [told] = house.publish(house.art, title="Of art")
    [other] = house.publish(house.law, title="Of law")
    send(house)

    lines = of_slots(house, slot="d:2026-11-21")

    assert set(lines[3:]) == {
        f"  entry {told}, Of art: told",
        f"  entry {other}, Of law: its source has law, they chose art",
    }
    assert of_slots(house, slot="d:2026-11-30") == lines[:2]


def test_an_entry_that_was_told_is_named_with_its_letter(house):
    [told] = house.publish(house.art)
    send(house)

    [line] = of_entry(house, told)

    assert line.startswith("news: d:2026-11-21, planned 2026-11-21 07:00 UTC: delivery 1")


def test_an_entry_before_the_subscription_was_not_for_it(house):
    assert of_entry(house, house.before) == ["news: it came before they subscribed"]


def test_an_entry_that_is_still_to_come_says_when(house):
    [new] = house.publish(house.art)

    assert of_entry(house, new) == [
        "news: still to come, with the slot that falls due 2026-11-21 07:00 UTC"
    ]


def test_a_hidden_entry_is_called_so(house):
    [hidden] = house.publish(house.art)
    house.hide(hidden)
    send(house)

    assert of_entry(house, hidden)[0] == "news: it is not public: hidden"


def test_a_filter_that_dropped_an_entry_is_named(house):
    [dropped] = house.publish(house.art, title="Sponsored")
    rule = Rule(action=Action.DROP, field=Field.TITLE, kind=Kind.WORDS, pattern="sponsored")
    with house.database.write() as connection:
        filtering.add(connection, Filter(newsletter="news", rule=rule), now=house.now)
    send(house)

    assert of_entry(house, dropped)[0] == ("news: dropped by filter 1: title has sponsored")


def test_who_has_paused_or_left_is_called_so(house):
    with house.database.write() as connection:
        subscriptions.pause(connection, house.ann, now=house.now)
    [new] = house.publish(house.art)
    send(house)
    paused = of_slots(house)
    house.leave(house.ann)

    assert paused[1:] == ["paused since 2026-11-20 12:00 UTC; nothing is planned"]
    assert of_slots(house)[1] == "ended 2026-11-21 07:00 UTC: operator; nothing is sent"
    assert of_entry(house, new) == ["news: it came after the subscription ended or was paused"]


def test_who_is_not_known_is_not_found(house):
    with house.database.read() as connection, pytest.raises(NotFoundError, match="bob"):
        explain_subscriber(connection, "bob@example.org", slot=None)
