"""What is known of a message of a list before it is read."""

from base64 import b64decode

import pytest

from letters_of_lists import DISCUSSION, OURS, letter
from tidings.mail.list_messages import read_list_message


def test_a_list_is_known_by_its_id_and_a_letter_without_one_by_its_sender():
    by_id = read_list_message(letter(List_Id="Python Weekly <Weekly.Python.Example>"))
    by_sender = read_list_message(letter(List_Id=""))

    assert (by_id.key, by_id.name) == ("weekly.python.example", "Python Weekly")
    assert (by_sender.key, by_sender.name) == ("ada@python.example", "Ada Lövelace")


def test_our_address_is_the_one_that_it_was_delivered_to_not_that_of_the_list():
    assert read_list_message(letter()).sent_to == (OURS,)
    assert read_list_message(letter(Delivered_To="")).sent_to == (OURS,)
    assert read_list_message(DISCUSSION).sent_to == ()


def test_where_mail_is_forwarded_the_address_that_subscribed_is_ours_as_well():
    forwarded = letter(Delivered_To="ada@inside.example", To=f"{OURS}, ada@python.example")

    assert read_list_message(forwarded).sent_to == ("ada@inside.example", OURS)


def test_a_name_without_a_host_is_no_address_of_ours():
    assert read_list_message(letter(Delivered_To="root")).sent_to == (OURS,)


def test_ways_to_leave_are_known():
    leaving = read_list_message(letter()).leaving

    assert leaving == ("https://python.example/u/abc123", "mailto:leave@python.example")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe" * 1000,
        letter(From="", List_Id=""),
        letter(Auto_Submitted="auto-replied (vacation)"),
        letter(Content_Type="application/pdf"),
        letter(Content_Type='multipart/alternative; boundary="other"'),
        letter(Content_Type="multipart/mixed; boundary*=nonsense'x"),
        letter(Content_Type="multipart/mixed; boundary*=a; boundary*0*=b"),
        letter(From="(" * 5000 + ")" * 5000 + "a@b.example", List_Id=""),
        letter(From="a" * 3000 + "@b.example", List_Id=""),
    ],
    ids=[
        "empty",
        "rubbish",
        "nobody",
        "holiday",
        "no text",
        "no parts",
        "no boundary",
        "two boundaries",
        "comments within comments",
        "endless sender",
    ],
)
def test_what_is_of_no_use_is_none(raw):
    assert read_list_message(raw) is None


@pytest.mark.parametrize(
    "subject",
    ["=?utf-7?Q?a+2AA-?=", "=?utf-8?Q?a=00=1B?=", "=?\N{REPLACEMENT CHARACTER}?Q?a?="],
    ids=["half a character", "control characters", "no charset"],
)
def test_a_header_is_text_that_can_be_stored(subject):
    found = read_list_message(letter(Subject=subject, From=f"{subject} <a@b.example>"))

    for said in (found.subject, found.author):
        assert said.isprintable()
        assert said.encode()


def test_a_charset_that_is_given_twice_is_none():
    raw = letter(Content_Type="text/plain; charset*=utf-8''a; charset*0*=b")

    assert read_list_message(raw).charset == ""


def test_an_attachment_is_not_the_text():
    raw = letter(Content_Type='multipart/mixed; boundary="b1"').replace(
        b"text/html; charset=utf-8", b"text/html; charset=utf-8\r\nContent-Disposition: attachment"
    )

    found = read_list_message(raw)

    assert not found.is_html
    assert b64decode(found.text).strip() == b"The plain version."
