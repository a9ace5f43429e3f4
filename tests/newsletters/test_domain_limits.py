"""Letters to one domain: limited, put off, left alone — and the others go out meanwhile."""

from datetime import timedelta
from threading import Lock

import pytest

from installation import on_sqlite
from newsletter_site import (
    NewsletterSite,
    Outbox,
    accept,
    refuse_for_now,
    refuse_our_letter,
    reject,
)
from parsed_entries import DAY, HOUR, NOON
from tidings.mail.settings import DomainLimits
from tidings.newsletters import domain_limits
from tidings.newsletters.retries import BACKOFF, FAULT_PAUSE, MAX_CONSECUTIVE_FAULTS
from tidings.newsletters.sender import SendCounts
from tidings.newsletters.store import deliveries, relay_pauses

SEVEN = NOON - 5 * HOUR + DAY


@pytest.fixture
def planned(database):
    """Letters to 20 readers at one domain, and behind them to 5 at another."""
    newsletter_site = NewsletterSite(database)
    newsletter_site.add_newsletter()
    for number in range(20):
        newsletter_site.subscribe(f"reader{number}@big.example")
    for number in range(5):
        newsletter_site.subscribe(f"reader{number}@small.example")
    newsletter_site.publish(newsletter_site.follow())
    newsletter_site.now = SEVEN
    newsletter_site.plan()
    return newsletter_site


def at(domain, what):
    """Return what an outbox is to do with letters to a domain; it takes all others."""

    def act(outbox, envelope, letter, mark):
        is_there = envelope.recipient.endswith(f"@{domain}")
        return (what if is_there else accept)(outbox, envelope, letter, mark)

    return act


def reached(outbox):
    return sorted(sent.recipient for sent in outbox.sent)


SMALL = [f"reader{number}@small.example" for number in range(5)]


@pytest.mark.parametrize(
    ("trouble", "state", "pause"),
    [
        pytest.param(refuse_our_letter, "held", FAULT_PAUSE, id="it refuses us"),
        pytest.param(refuse_for_now, "deferred", BACKOFF[0], id="it asks to come back later"),
    ],
)
def test_a_domain_that_takes_nothing_is_left_alone_and_the_others_are_served(
    planned, trouble, state, pause
):
    outbox = Outbox(*[at("big.example", trouble)] * 25)

    planned.deliver(outbox)
    rows, asked = planned.deliveries(), len(outbox.seen)
    planned.deliver(outbox, owner="another")
    asked_meanwhile = len(outbox.seen)
    outbox.forget()
    planned.now += pause
    delivered = planned.deliver(outbox)

    tried = [row.subscription_id for row in rows if row.state == state]
    put_off = [row for row in rows if row.state == "ready"]
    assert (
        MAX_CONSECUTIVE_FAULTS <= len(tried) < 15
    )  # those that were on their way are tried as well
    assert len(tried) + len(put_off) == 20
    assert {row.attempts for row in put_off} == {0}
    assert {row.next_try_at for row in rows[:20]} == {SEVEN + pause}
    assert asked == asked_meanwhile == len(tried) + 5
    assert delivered == SendCounts(accepted=20, failed=0)
    assert len(outbox.sent) == 25


def test_a_domain_that_knows_nobody_any_more_is_left_alone_and_counts_against_nobody(planned):
    outbox = Outbox(*[at("big.example", reject)] * 25)

    planned.deliver(outbox)
    rows = planned.deliveries()
    outbox.forget()
    planned.now += FAULT_PAUSE
    planned.deliver(outbox)

    assert {row.state for row in rows[:20]} <= {"held", "ready"}
    assert {row.state for row in rows[20:]} == {"accepted"}
    with planned.database.read() as connection:
        assert list(relay_pauses.paused_domains(connection, now=SEVEN)) == ["big.example"]
        assert relay_pauses.find_relay_pause(connection, "relay", now=SEVEN) is None
    assert set(planned.states()) == {"accepted"}


def test_a_pause_is_found_by_the_next_service_with_its_reason(planned):
    planned.deliver(Outbox(*[at("big.example", refuse_our_letter)] * 25))

    with planned.database.read() as connection:
        paused = relay_pauses.paused_domains(connection, now=SEVEN)
        reason = relay_pauses.find_relay_pause(connection, "domain:big.example", now=SEVEN)
        after = relay_pauses.paused_domains(connection, now=SEVEN + FAULT_PAUSE)

    assert paused == {"big.example": SEVEN + FAULT_PAUSE}
    assert reason == (SEVEN + FAULT_PAUSE, "554 5.7.1 this is spam")
    assert after == {}


def test_only_the_domain_itself_waits(planned):
    for address in ("ann@not-big.example", "bob@big.example.org", "cleo@bigxexample"):
        planned.subscribe(address)

    with planned.database.write() as connection:
        deliveries.postpone(connection, "big.example", until=SEVEN + DAY)

    waits = [row.next_try_at == SEVEN + DAY for row in planned.deliveries()]
    assert waits == [True] * 20 + [False] * 5


@on_sqlite
def test_a_domain_with_a_limit_holds_up_nobody(planned, monkeypatch):
    monkeypatch.setattr(domain_limits, "MAX_WAIT", 0.05)
    outbox, limits = Outbox(), {"big.example": DomainLimits(per_second=40)}

    planned.deliver(outbox, limits=limits)
    first = reached(outbox)
    rows = planned.deliveries()
    for _ in range(30):
        planned.now += timedelta(seconds=1)
        planned.deliver(outbox, limits=limits)

    assert set(SMALL) < set(first)
    assert len(first) < 25
    assert {row.attempts for row in rows if row.state == "ready"} == {0}
    assert len(reached(outbox)) == len(set(reached(outbox))) == 25
    assert set(planned.states()) == {"accepted"}


def test_so_many_letters_to_a_domain_are_on_their_way_as_it_may_have(planned):
    lock, now, most = Lock(), [0], [0]

    def count(outbox, envelope, letter, mark):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        reply = accept(outbox, envelope, letter, mark)
        with lock:
            now[0] -= 1
        return reply

    outbox = Outbox(*[at("big.example", count)] * 25)
    planned.deliver(outbox, connections=4, limits={"big.example": DomainLimits(connections=1)})

    assert most == [1]
    assert len(reached(outbox)) == 25
