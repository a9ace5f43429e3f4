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
    ],
    ids=["empty", "rubbish", "nobody", "holiday", "no text", "no parts", "no boundary"],
)
def test_what_is_of_no_use_is_none(raw):
    assert read_list_message(raw) is None


def test_an_attachment_is_not_the_text():
    raw = letter(Content_Type='multipart/mixed; boundary="b1"').replace(
        b"text/html; charset=utf-8", b"text/html; charset=utf-8\r\nContent-Disposition: attachment"
    )

    found = read_list_message(raw)

    assert not found.is_html
    assert b64decode(found.text).strip() == b"The plain version."
