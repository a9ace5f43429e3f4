"""A letter says what its issue says, to one recipient, under the headers it should have."""

import email
import re
from email.header import decode_header, make_header
from email.utils import getaddresses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_issues import issue_of, list_headers_of, recipient_of
from tidings.mail import message
from tidings.mail.addresses import FromAddress
from tidings.mail.encoding import MAX_TEXT, header_text
from tidings.mail.message import PreparedIssue, prepare_issue
from tidings.model.newsletters import PREFERENCES_URL, UNSUBSCRIBE_URL

NAMES = [
    "From",
    "Subject",
    "List-Id",
    "List-Archive",
    "Reply-To",
    "To",
    "Date",
    "Message-ID",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
]

hostile = st.one_of(
    st.text(st.characters(codec=None), max_size=300),
    st.lists(
        st.sampled_from(
            [
                "A =?utf-8?q?=0D=0ABcc:_e=40example.org?=",
                "=?utf-8?b?DQpCY2M6IGVAZXhhbXBsZS5vcmc=?=",
                "\r\nBcc: e@example.org\r\n\r\n",
                "\n",
                "\r",
                "\0",
                "\x0b\x0c\x1c\x85\u2028\u2029",
                "\u202e\u2066\ufeff",
                "\ud800",
                "<a@example.org>, b@example.org",
                '"\\',
                "\u65b0\u95fb",
                "\U0001f469\u200d\U0001f680",
                "e\u0301",
                " \t ",
                "x" * 1000,
                "word " * 40,
                UNSUBSCRIBE_URL,
                PREFERENCES_URL,
                PREFERENCES_URL[:-1],
            ]
        )
    ).map("".join),
)


def parsed(letter):
    return email.message_from_bytes(letter)


def shown(raw):
    """Return what a mail program shows of a header."""
    return str(make_header(decode_header(raw.replace("\r\n", ""))))


def as_lines(text):
    return re.sub("\r\n|\r|\n", "\r\n", text).encode(errors="replace")


def bodies(letter):
    message = email.message_from_bytes(letter)
    return [part.get_payload(decode=True) for part in message.get_payload()]


@given(subject=hostile, name=hostile, title=hostile)
def test_nothing_that_anybody_wrote_adds_a_header_or_a_recipient(subject, name, title):
    list_headers = list_headers_of(
        sender=FromAddress(name=name, address="news@example.org"),
        reply_to="editor@example.org",
        list_title=title,
        archive_url="https://news.example.org/issues",
    )

    letter = prepare_issue(issue_of(subject=subject), list_headers).message_to(recipient_of())

    message = parsed(letter)
    assert message.keys() == NAMES
    assert not message.defects
    assert shown(message["Subject"]) == header_text(subject)
    ((shown_name, address),) = getaddresses([message["From"].replace("\r\n", "")])
    assert (shown(shown_name), address) == (header_text(name), "news@example.org")
    assert getaddresses([message["To"]]) == [("", "ann@example.org")]
    [listed] = re.findall(rb"^List-Id: (.*)\r\n(?! )", letter, re.MULTILINE)
    assert listed.endswith(b"<weekly.news.example.org>")
    assert b"=?" not in listed
    head = letter.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert max(len(line) for line in head if b"=?" in line or line.startswith(b"Subject")) <= 76


@given(text=hostile, html=hostile, lengths=st.tuples(st.integers(0, 99), st.integers(0, 99)))
def test_both_parts_say_what_the_issue_says_with_the_recipients_own_links(text, html, lengths):
    way_out, own = (
        f"https://news.example.org/{name}/{'A' * length}"
        for name, length in zip(("u", "p"), lengths, strict=True)
    )
    prepared = prepare_issue(issue_of(text=text, html=html), list_headers_of())

    letter = prepared.message_to(recipient_of(unsubscribe_url=way_out, preferences_url=own))

    assert bodies(letter) == [
        as_lines(part.replace(UNSUBSCRIBE_URL, way_out).replace(PREFERENCES_URL, own))
        for part in (text, html)
    ]
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|[^\x00-\x7f]|\0", letter)
    assert max(map(len, letter.split(b"\r\n"))) <= 998
    assert (
        max(map(len, letter.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 77
    )  # of 76; binascii is one off before a blank at the end


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        pytest.param("Mostly ASCII \u2014 mostly.\n" * 20, "quoted-printable", id="english"),
        pytest.param("\u5927\u591a\u662f\u4e2d\u6587\u3002\n" * 20, "base64", id="chinese"),
    ],
)
def test_a_part_takes_the_encoding_that_is_shorter(text, encoding):
    whole = text + UNSUBSCRIBE_URL + text + PREFERENCES_URL + text + UNSUBSCRIBE_URL + text

    to = recipient_of()

    letter = prepare_issue(issue_of(text=whole), list_headers_of()).message_to(to)

    assert parsed(letter).get_payload(0)["Content-Transfer-Encoding"] == encoding
    filled = whole.replace(UNSUBSCRIBE_URL, to.unsubscribe_url)
    assert bodies(letter)[0] == as_lines(filled.replace(PREFERENCES_URL, to.preferences_url))


def test_what_clients_act_upon_stands_on_one_unencoded_line():
    url = "https://news.example.org/u/" + "A" * 200

    address = "bounces+ab.cd@example.org"
    to = recipient_of(unsubscribe_url=url, unsubscribe_address=address)

    letter = prepare_issue(
        issue_of(), list_headers_of(archive_url="https://news.example.org/issues")
    ).message_to(to)

    lines = letter.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert f"List-Unsubscribe: <{url}>, <mailto:{address}?subject=unsubscribe>" in lines
    assert "List-Archive: <https://news.example.org/issues>" in lines
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines
    assert 'List-Id: "The Weekly" <weekly.news.example.org>' in lines
    assert "Feedback-ID: 7:weekly:tidings" in lines
    assert "Message-ID: <abcdefghijklmnopqrstuvwxyz.d@example.org>" in lines
    assert "Date: Fri, 20 Nov 2026 12:00:00 +0000" in lines
    assert "To: ann@example.org" in lines
    assert "Auto-Submitted: auto-generated" in lines


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param("Nine new entries", id="short"),
        pytest.param("word " * 30, id="long"),
        pytest.param("\u65b0\u95fb\uff1a" * 30, id="chinese"),
        pytest.param("x" * 70, id="a word as long as a line"),
        pytest.param("caf\u00e9 " * 30, id="accents"),
    ],
)
def test_a_subject_is_folded_and_reads_as_written(subject):
    letter = prepare_issue(issue_of(subject=subject), list_headers_of()).message_to(recipient_of())

    assert shown(parsed(letter)["Subject"]) == subject.strip()
    assert not re.search(rb"(?m)^Subject: *\r$", letter)


def test_a_subject_without_end_is_cut():
    letter = prepare_issue(issue_of(subject="\u65b0" * 10_000), list_headers_of()).message_to(
        recipient_of()
    )

    assert shown(parsed(letter)["Subject"]) == "\u65b0" * (MAX_TEXT - 1) + "\u2026"


def test_the_same_letter_has_the_same_bytes():
    same = {
        prepare_issue(issue_of(), list_headers_of()).message_to(recipient_of()) for _ in range(2)
    }

    assert len(same) == 1


def test_no_part_can_hold_the_boundary():
    first = prepare_issue(issue_of(), list_headers_of()).message_to(recipient_of())
    boundary = parsed(first).get_boundary()

    letter = prepare_issue(
        issue_of(text=f"\n--{boundary}--\n", html=f"\n--{boundary}\n" * 3), list_headers_of()
    ).message_to(recipient_of())

    assert len(parsed(letter).get_payload()) == 2
    assert bodies(letter)[0] == f"\r\n--{boundary}--\r\n".encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "ann@example.org\r\nBcc: b@example.org"},
        {"address": "ann@example.org, b@example.org"},
        {"address": "ann@example.org\n"},
        {"address": "jos\u00e9@example.org"},
        {"address": "a@" + "b" * 300},
        {"message_id": "abc@example.org"},
        {"message_id": "<abc@example.org>\r\nX: y"},
        {"message_id": "<" + "a" * 300 + "@example.org>"},
        {"unsubscribe_url": "https://example.org/>, <mailto:a@example.org"},
        {"unsubscribe_url": "https://example.org/\r\nX: y"},
        {"unsubscribe_url": 'https://example.org/"onclick=alert(1)'},
        {"unsubscribe_url": "https://example.org/?a=1&b=2"},
        {"unsubscribe_url": "javascript:alert(1)"},
        {"unsubscribe_url": "https://example.org/" + "a" * 1000},
        {"preferences_url": 'https://example.org/"onclick=alert(1)'},
        {"preferences_url": "https://example.org/\r\n\r\n--=_"},
        {"feedback_id": "a\nb"},
    ],
)
def test_a_recipient_that_would_break_the_head_is_refused(changes):
    prepared = prepare_issue(issue_of(), list_headers_of())

    with pytest.raises(ValueError, match="cannot stand in the head"):
        prepared.message_to(recipient_of(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"reply_to": "a@example.org\r\nBcc: b@example.org"},
        {"reply_to": "a@example.org, b@example.org"},
        {"list_id": "weekly>\r\nX: y"},
        {"list_id": "\u65b0.example.org"},
        {"sender": FromAddress(name="", address="a@example.org>, <b@example.org")},
    ],
)
def test_a_letterhead_that_would_break_the_head_is_refused(changes):
    with pytest.raises(ValueError, match="cannot stand in the head"):
        prepare_issue(issue_of(), list_headers_of(**changes))


@pytest.mark.parametrize(
    ("head", "text"),
    [
        pytest.param("Subject: a\r\nBcc: b@example.org\r\n", "text", id="a header too many"),
        pytest.param("Subject: a\nb\r\n", "text", id="a bare line feed"),
        pytest.param(f"Subject: {'a' * 1000}\r\n", "text", id="a line too long"),
        pytest.param("Subject: a\r\n", "another text", id="another text"),
    ],
)
def test_a_letter_that_is_not_what_it_should_be_is_found_before_it_is_sent(head, text):
    issue = issue_of(text="text", html="html")
    prepared = PreparedIssue(head=head, boundary="=_b", text=text, html="html")

    with pytest.raises(ValueError, match="a letter of issue weekly-7"):
        message._verify(prepared, issue, ["Subject: a"])
