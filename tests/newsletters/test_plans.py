"""What planning reads and writes, on both databases."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from newsletter_site import NewsletterSite
from parsed_entries import DAY, HOUR, NOON
from tidings.db.mail_tables import delivery
from tidings.errors import PlanOutdatedError, StorageError
from tidings.newsletters.store import deliveries, issues, plans
from tidings.newsletters.store.issues import Candidate, NewIssue
from tidings.newsletters.store.plans import Omitted, Plan, PlannedDelivery, SubscriptionStep
from tidings.newsletters.windows import PendingDelivery

KEY = b"key"
NOTHING = Plan(deliveries=(), omitted=(), superseded=(), steps=())


@pytest.fixture
def newsletter_site(database):
    newsletter_site = NewsletterSite(database)
    newsletter = newsletter_site.add_newsletter()
    newsletter_site.subscribe()
    entry_ids = newsletter_site.publish(newsletter_site.follow(topic="art"), 3)
    with database.write() as connection:
        issues.save(connection, [an_issue(newsletter.id, entry_ids)], now=NOON)
    return newsletter_site


def an_issue(newsletter_id, entry_ids, **fields):
    usual = {
        "key": KEY,
        "slug": "news-1",
        "newsletter_id": newsletter_id,
        "listed": False,
        "language": "en",
        "timezone": "UTC",
        "from_seq": 0,
        "to_seq": 3,
        "since": None,
        "entry_ids": entry_ids,
        "subject": "Three",
        "text": "text",
        "html": "<p>html</p>",
    }
    return NewIssue(**usual | fields)


def a_delivery(from_seq=0, to_seq=3, slot="d:2026-11-21", **fields):
    usual = {
        "subscription_id": 1,
        "issue_key": KEY,
        "slot": slot,
        "from_seq": from_seq,
        "to_seq": to_seq,
        "message_id": f"<{slot}.{from_seq}.{to_seq}@example.org>",
        "expires_at": NOON + 2 * DAY,
    }
    return PlannedDelivery(**usual | fields)


def an_omission(from_seq, to_seq, slot="d:2026-11-20"):
    return Omitted(subscription_id=1, slot=slot, reason="empty", from_seq=from_seq, to_seq=to_seq)


def a_step(newsletter_site, to_watermark):
    one = newsletter_site.subscription(1)
    return SubscriptionStep(
        subscription_id=1,
        from_watermark=one.watermark,
        to_watermark=to_watermark,
        was_due_at=one.next_issue_at,
        next_issue_at=one.next_issue_at + DAY,
    )


def save(newsletter_site, **plan):
    with newsletter_site.database.write() as connection:
        ids = issues.ids(connection, [KEY])
        plans.save(connection, replace(NOTHING, **plan), ids, now=newsletter_site.now)


def standing(newsletter_site, *slots):
    with newsletter_site.database.read() as connection:
        return plans.progress_of(connection, {1: newsletter_site.subscription(1).watermark}, slots)[
            1
        ]


def test_deliveries_and_watermarks_are_written_together(newsletter_site):
    step = a_step(newsletter_site, 3)

    save(newsletter_site, deliveries=[a_delivery()], steps=[step])

    [row] = newsletter_site.deliveries()
    assert (row.state, row.attempts, row.next_try_at) == ("ready", 0, NOON)
    moved = newsletter_site.subscription(1)
    assert (moved.watermark, moved.next_issue_at) == (3, step.next_issue_at)


def _edit(newsletter_site):
    newsletter_site.edit(1, hour=20)


def _leave(newsletter_site):
    newsletter_site.leave(1)


def _plan(newsletter_site):
    save(newsletter_site, steps=[a_step(newsletter_site, 2)])


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(_edit, id="the reader wishes something else"),
        pytest.param(_leave, id="the reader left"),
        pytest.param(_plan, id="somebody else planned"),
    ],
)
def test_of_a_plan_that_is_out_of_date_nothing_is_kept(newsletter_site, what):
    step = a_step(newsletter_site, 3)
    what(newsletter_site)
    before = newsletter_site.subscription(1)

    with pytest.raises(PlanOutdatedError):
        save(newsletter_site, deliveries=[a_delivery()], omitted=[an_omission(0, 0)], steps=[step])

    assert newsletter_site.deliveries() == []
    assert newsletter_site.log() == []
    assert newsletter_site.subscription(1) == before


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(a_delivery(3, 5), id="another issue for one slot"),
        pytest.param(a_delivery(0, 2, "d:2026-11-22"), id="another issue for one window"),
        pytest.param(
            a_delivery(3, 4, "d:2026-11-22", message_id=a_delivery().message_id), id="name"
        ),
        pytest.param(a_delivery(3, 3, "d:2026-11-22"), id="an empty window"),
    ],
)
def test_the_database_itself_refuses(newsletter_site, other):
    save(newsletter_site, deliveries=[a_delivery()])

    with pytest.raises(StorageError):
        save(newsletter_site, deliveries=[other])

    assert len(newsletter_site.deliveries()) == 1


def test_several_that_were_not_sent_make_room(newsletter_site):
    save(newsletter_site, deliveries=[a_delivery(0, 1, "now:1"), a_delivery(2, 3, "d:2026-11-20")])
    save(newsletter_site, omitted=[an_omission(1, 2), an_omission(3, 4), an_omission(4, 4)])
    pending = standing(newsletter_site).pending

    superseded = [one.id for one in pending]
    later = a_delivery(0, 5, "d:2026-11-20")
    save(newsletter_site, deliveries=[later], superseded=superseded)

    assert pending == (PendingDelivery(id=1, from_seq=0), PendingDelivery(id=2, from_seq=2))
    assert newsletter_site.states() == ["superseded", "superseded", "ready"]
    assert newsletter_site.deliveries()[0].finished_at == NOON
    assert newsletter_site.log() == []


def test_what_was_left_out_before_stays_on_record(newsletter_site):
    save(newsletter_site, omitted=[an_omission(0, 1)], deliveries=[a_delivery(1, 3)])

    save(newsletter_site, superseded=[1])

    assert [(row.from_seq, row.to_seq) for row in newsletter_site.log()] == [(0, 1)]


@pytest.mark.parametrize(
    "changes", [{"state": "sending"}, {"marked_at": NOON}, {"state": "expired"}]
)
def test_what_may_have_been_sent_meanwhile_is_not_superseded(newsletter_site, changes):
    save(newsletter_site, deliveries=[a_delivery()])
    with newsletter_site.database.write() as connection:
        connection.execute(update(delivery).values(**changes))

    with pytest.raises(PlanOutdatedError):
        save(newsletter_site, superseded=[1], steps=[a_step(newsletter_site, 3)])

    assert newsletter_site.subscription(1).watermark == 0


@pytest.mark.parametrize(
    ("state", "marked_at", "is_pending"),
    [
        pytest.param("ready", None, True, id="waits"),
        pytest.param("deferred", None, True, id="refused for now"),
        pytest.param("held", None, True, id="held"),
        pytest.param("sending", None, False, id="on its way"),
        pytest.param("uncertain", NOON, False, id="in doubt"),
    ],
)
def test_only_what_was_not_sent_can_be_replaced_the_rest_was_had(
    newsletter_site, state, marked_at, is_pending
):
    save(newsletter_site, deliveries=[a_delivery()])
    with newsletter_site.database.write() as connection:
        connection.execute(update(delivery).values(state=state, marked_at=marked_at))

    found = standing(newsletter_site, "d:2026-11-21", "d:2026-11-22")

    assert bool(found.pending) is is_pending
    assert found.taken_slots == (frozenset() if is_pending else {"d:2026-11-21"})


def test_what_waits_behind_a_sent_one_cannot_be_replaced(newsletter_site):
    save(newsletter_site, deliveries=[a_delivery(0, 1, "now:1"), a_delivery(1, 3)])
    with newsletter_site.database.write() as connection:
        sent = update(delivery).where(delivery.c.id == 2)
        connection.execute(sent.values(state="accepted", finished_at=NOON))

    found = standing(newsletter_site, "now:1", "d:2026-11-21")

    assert found.pending == ()
    assert found.taken_slots == {"now:1", "d:2026-11-21"}


def test_a_cut_stays_where_it_was_frozen(newsletter_site):
    with newsletter_site.database.write() as connection:
        frozen = plans.freeze_upto_seq(connection, NOON)
    newsletter_site.publish(1)
    with newsletter_site.database.write() as connection:
        again = plans.freeze_upto_seq(connection, NOON)
        later = plans.freeze_upto_seq(connection, NOON + HOUR)

    assert (frozen, again, later) == (3, 3, 4)


def test_candidates_are_public_eligible_and_within_the_window(newsletter_site):
    newsletter_site.hide(2)
    with newsletter_site.database.read() as connection:
        found = issues.candidates_between(connection, from_seq=0, to_seq=2)
        rest = issues.candidates_between(connection, from_seq=1, to_seq=9)

    assert found == [Candidate(id=1, seq=1, first_seen_at=NOON, topics=("art",))]
    assert [one.id for one in rest] == [3]


def test_nothing_is_written_for_an_empty_plan(newsletter_site):
    save(newsletter_site)

    assert newsletter_site.deliveries() == []
    with newsletter_site.database.read() as connection:
        assert deliveries.by_state(connection) == {}
