"""A letter to one person: the headers it should have, and nothing that anybody could add."""

import email
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_issues import list_headers_of
from tidings.mail.addresses import FromAddress
from tidings.mail.message import TransactionalMessage, build_transactional

PLAIN = [
    "From",
    "Subject",
    "To",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
]
NOTICE = TransactionalMessage(
    address="ann@example.org",
    message_id="<abc.n@example.org>",
    date=datetime(2026, 11, 20, 12, tzinfo=UTC),
    subject="Please confirm",
    text="Yes?\nhttps://news.example/confirm/abc\n",
    html='<p>Yes? <a href="https://news.example/confirm/abc">Yes</a></p>\n',
)


def test_a_letter_that_is_of_no_list_has_no_list_in_its_head():
    letter = build_transactional(NOTICE, list_headers_of())

    message = email.message_from_bytes(letter)
    assert message.keys() == PLAIN
    assert message["To"] == "ann@example.org"
    assert message["Date"] == "Fri, 20 Nov 2026 12:00:00 +0000"


def test_a_letter_to_a_subscriber_names_the_list_and_the_way_out_on_one_line_each():
    url = "https://news.example/unsubscribe/" + "a" * 60

    letter = build_transactional(
        replace(NOTICE, is_of_list=True, unsubscribe_url=url),
        list_headers_of(reply_to="re@example.org"),
    )

    lines = letter.split(b"\r\n")
    assert b'List-Id: "The Weekly" <weekly.news.example.org>' in lines
    assert f"List-Unsubscribe: <{url}>".encode() in lines
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines
    assert b"Reply-To: re@example.org" in lines


def test_the_same_letter_has_the_same_bytes():
    assert build_transactional(NOTICE, list_headers_of()) == build_transactional(
        NOTICE, list_headers_of()
    )


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_nothing_that_anybody_says_adds_a_header_or_breaks_a_line(subject, text, name):
    said = replace(NOTICE, subject=subject, text=f"{text}\n", html=f"<p>{text}</p>\n")
    list_headers = list_headers_of(sender=FromAddress(name=name, address="news@example.org"))

    letter = build_transactional(said, list_headers)

    assert email.message_from_bytes(letter).keys() == PLAIN
    assert b"\n" not in letter.replace(b"\r\n", b"")
    assert b"\r" not in letter.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"address": "ann@example.org\r\nBcc: eve@example.org"}, id="a line more"),
        pytest.param({"address": "ann@example.org, eve@example.org"}, id="two recipients"),
        pytest.param({"message_id": "<a b@example.org>"}, id="no Message-ID"),
        pytest.param(
            {"unsubscribe_url": "https://a.example/>, <https://b.example"}, id="two links"
        ),
    ],
)
def test_what_cannot_stand_in_a_head_is_refused(changes):
    with pytest.raises(ValueError, match="cannot stand"):
        build_transactional(replace(NOTICE, **changes), list_headers_of())
