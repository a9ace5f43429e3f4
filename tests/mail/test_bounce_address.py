"""The addresses that bounces go to."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.errors import ConfigError
from tidings.mail.addresses import BounceAddress

MESSAGE_ID = "<abcdefghijklmnopqrstuvwxyz.d@example.org>"
OTHER = "<zyxwvutsrqponmlkjihgfedcba.d@example.org>"


def addresses(address="bounces@example.org", secret=b"the secret of the tests"):
    return BounceAddress(address, lambda text: hmac.digest(secret, text.encode(), "sha256"))


@given(st.integers(0, 2**63 - 1))
def test_an_address_leads_back_to_its_delivery(number):
    ours = addresses()

    made = ours.of(number, MESSAGE_ID)

    assert made == made.lower()
    assert len(made.partition("@")[0]) <= 64
    for written in (made, made.upper()):
        claim = ours.read(written)
        assert claim is not None
        assert claim.delivery_id == number
        assert ours.is_ours(claim, MESSAGE_ID)


def test_the_longest_address_is_as_long_as_servers_take():
    made = addresses(f"{'b' * 41}@example.org").of(2**63 - 1, MESSAGE_ID)

    assert len(made.partition("@")[0]) == 64


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(
            addresses(secret=b"a secret of somebody else").of(7, MESSAGE_ID), id="not ours"
        ),
        pytest.param(addresses().of(7, OTHER), id="of a delivery that had the id before"),
        pytest.param(
            addresses().of(8, MESSAGE_ID).replace("+ba", "+a4", 1), id="of another delivery"
        ),
    ],
)
def test_a_signature_is_good_for_one_delivery(other):
    ours = addresses()

    claim = ours.read(other)

    assert claim is None or not ours.is_ours(claim, MESSAGE_ID)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda one: one.replace("@example.org", "@example.com"), id="another domain"),
        pytest.param(lambda one: one.replace("bounces+", "news+"), id="another name"),
        pytest.param(lambda one: one.replace("+", ""), id="no mark"),
        pytest.param(lambda one: one.replace("+", "++"), id="two marks"),
        pytest.param(lambda one: one.replace("@", "a@"), id="longer"),
        pytest.param(lambda one: one.replace("+", "+a"), id="an odd number"),
        pytest.param(lambda one: f"x@{one}", id="two addresses"),
        pytest.param(lambda one: f"{one}\n", id="a line break"),
        pytest.param(lambda _: "bounces@example.org", id="the bare address"),
        pytest.param(lambda _: "bounces+" + "a" * 100 + ".aaaaaaaa@example.org", id="huge"),
        pytest.param(lambda _: "", id="nothing"),
    ],
)
def test_what_is_not_exactly_of_the_kind_is_none(change):
    ours = addresses()

    assert ours.read(change(ours.of(7, MESSAGE_ID))) is None


@given(st.text() | st.from_regex(r"bounces\+[a-z2-9.]{0,30}@example\.org"))
def test_whatever_is_read_never_fails_and_is_written_in_one_way_only(text):
    ours = addresses()

    claim = ours.read(text)

    if claim:
        name = ours.of(claim.delivery_id, MESSAGE_ID).rpartition(".example")[0].partition(".")[0]
        assert text.lower().startswith(name)
        assert not ours.is_ours(claim, MESSAGE_ID)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("bounces", id="no domain"),
        pytest.param("Bounces <b@example.org>", id="a name"),
        pytest.param("a+b@example.org", id="a mark of its own"),
        pytest.param(f"{'b' * 42}@example.org", id="no room for the mark"),
    ],
)
def test_an_address_that_cannot_take_a_mark_is_refused(address):
    with pytest.raises(ConfigError, match=r"\[bounce\] address"):
        addresses(address)
