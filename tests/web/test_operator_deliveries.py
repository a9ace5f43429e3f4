"""Deliveries on the operator's pages: by issue, with reasons, sent again or cancelled."""

import re

import pytest

from installation import on_sqlite
from newsletter_site import Outbox, refuse_for_now, reject
from parsed_entries import HOUR
from tidings.model.operators import Role


@pytest.fixture
def sent(control):
    """Send an issue to three people: one takes it, one refuses for now, one for good."""
    control.room.add_newsletter()
    for name in ("ann", "bob", "cleo"):
        control.room.subscribe(f"{name}@example.org")
    control.room.publish(control.room.follow())
    control.room.now += 20 * HOUR
    control.room.plan()
    outbox = Outbox()
    control.room.deliver(outbox)
    return outbox


@pytest.fixture
def troubled(control):
    control.room.add_newsletter()
    for name in ("ann", "bob"):
        control.room.subscribe(f"{name}@{name}.example")
    control.room.publish(control.room.follow())
    control.room.now += 20 * HOUR
    control.room.plan()
    control.room.deliver(Outbox(reject, refuse_for_now))
    return {row.state: row.id for row in control.room.deliveries()}


def act(control, do, **fields):
    path = "/operator/deliveries/1"
    return control.post(path, {"proof": control.proof(), "back": path, "do": do} | fields)


def test_issues_are_listed_with_what_became_of_them(control, sent):
    page = control.get("/operator/deliveries").body.decode()

    numbers = re.findall(r'<td class="n"[^>]*>(?:<span[^>]*>)?(\d+)', page)
    assert numbers == ["3", "3", "0", "0"]
    assert "@example.org" not in page


def test_letters_are_listed_with_the_reason_and_sent_again(control, troubled):
    listed = control.get("/operator/deliveries/1").body.decode()
    only = control.get("/operator/deliveries/1?state=rejected").body.decode()
    again = act(control, "resend", delivery=troubled["rejected"])
    outbox = Outbox()
    control.room.deliver(outbox)
    stopped = act(control, "stop", delivery=troubled["deferred"])
    refused = act(control, "stop", delivery=troubled["deferred"])

    assert "550 5.1.1 nobody here" in listed
    assert "451 4.7.1 try again" in listed
    assert "451 4.7.1" not in only
    assert (again.status, stopped.status, refused.status) == (303, 303, 409)
    assert len(outbox.sent) == 1
    assert f"delivery {troubled['deferred']} is cancelled" in refused.body.decode()


@on_sqlite
def test_who_may_not_see_addresses_sees_the_numbers(control, sent):
    control.sign_in(control.token(role=Role.MODERATE)[0])

    assert control.get("/operator/deliveries").status == 200
    assert control.get("/operator/deliveries/1").status == 403
    assert act(control, "resend", delivery="1").status == 403


@on_sqlite
def test_what_is_not_there_is_not_found(control):
    found = [control.get(f"/operator/deliveries/{one}").status for one in ("7", "x", "0")]

    assert found == [404, 404, 404]
