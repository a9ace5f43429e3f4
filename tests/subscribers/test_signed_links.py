"""Tokens: what they stand for, and what they are not taken for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.errors import NotFoundError
from tidings.subscribers.signed_links import SignedLinks

LINKS = SignedLinks(b"the secret of the tests")
PURPOSES = ("confirm", "preferences", "unsubscribe", "address", "rendered")


@given(st.lists(st.integers(min_value=0, max_value=2**62), min_size=1, max_size=2))
def test_a_token_stands_for_its_numbers_and_for_one_purpose(numbers):
    token = LINKS.preferences.sign(*numbers)

    assert LINKS.preferences.read(token) == tuple(numbers)
    assert token.isascii()
    for purpose in set(PURPOSES) - {"preferences"}:
        with pytest.raises(NotFoundError):
            getattr(LINKS, purpose).read(token)


@given(st.text())
def test_nothing_else_is_taken_for_a_token(text):
    with pytest.raises(NotFoundError):
        LINKS.confirm.read(text)


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("behind", [".", ")", " ", ").", ". ", "..."])
def test_what_mail_programs_take_for_part_of_a_link_does_no_harm(purpose, behind):
    link = getattr(LINKS, purpose)

    assert link.read(link.sign(7, 9) + behind) == (7, 9)


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize(
    "behind", ["=", "==", "\r\n", "\n", "\0", ">", ",", "&", "A", "%20", "=.", "\t", "\u00a0", "é"]
)
def test_anything_else_behind_a_token_makes_it_another(purpose, behind):
    link = getattr(LINKS, purpose)

    with pytest.raises(NotFoundError):
        link.read(link.sign(7, 9) + behind)


@pytest.mark.parametrize("made", ["07-9", "7-9-", "+7-9", "7_0-9", " 7-9"])
def test_numbers_are_written_in_one_way(made):
    with pytest.raises(NotFoundError):
        LINKS.confirm.read(LINKS.confirm.signer.sign(made).decode())


def test_a_token_of_letters_sent_long_ago_is_still_good():
    assert LINKS.unsubscribe.read("7.rOu_0cGgeI8F4GPCM2jWq0WyDmM") == (7,)


def test_another_secret_makes_other_tokens_and_hashes():
    other = SignedLinks(b"another secret of the tests")

    with pytest.raises(NotFoundError):
        LINKS.confirm.read(other.confirm.sign(1, 2))
    hashes = {
        one.keyed_hash(purpose, "ann@example.org")
        for one in (LINKS, other)
        for purpose in ("suppression", "network")
    }
    assert len(hashes) == 4
