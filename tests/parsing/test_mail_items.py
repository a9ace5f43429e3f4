"""Messages of lists as entries."""

import json
import re
from dataclasses import asdict

import pytest

from letters_of_lists import DISCUSSION, OURS, letter
from tidings.errors import ParseError
from tidings.mail.list_messages import read_list_message
from tidings.model.feed import Document
from tidings.parsing.document import parse


def entry_of(raw):
    [entry] = feed_of(raw).entries
    return entry


def feed_of(*messages):
    items = [asdict(read_list_message(raw)) for raw in messages]
    return parse(document(json.dumps(items).encode()), {})


def document(body):
    return Document(url="mail:weekly.python.example", body=body)


def test_a_letter_is_an_entry_by_its_message_id():
    feed = feed_of(letter(1), letter(2))

    assert feed.title == "Python Weekly"
    assert [entry.title for entry in feed.entries] == ["Python 周刊 1", "Python 周刊 2"]
    first = feed.entries[0]
    assert first.guid == "1001@python.example"
    assert first.authors == ("Ada Lövelace",)
    assert first.published.isoformat() == "2026-11-23T08:01:00+00:00"
    assert first.url is None


def test_who_gives_no_name_is_shown_by_the_host_alone():
    feed = feed_of(letter(List_Id="", From="ada.l@python.example"))

    assert feed.title == "python.example"
    assert feed.entries[0].authors == ()


def test_what_a_letter_says_stays_and_its_layout_goes():
    content = entry_of(letter()).content

    assert "<h3>Hello</h3>" in content
    assert '<a href="https://blog.example/post"' in content
    assert content.count("<table>") == 1  # the one with headings
    assert "<th>version</th>" in content
    assert 'print("hi")' in content
    assert "<br>beside it" in content


@pytest.mark.parametrize(
    "left_out",
    [
        "harbour.example",
        "lists+py",
        "abc123",
        "here",
        "preferences",
        "python.example/w",
        "poll.example",
        "track.example",
        "for the preview",
        "plain version",
    ],
)
def test_what_is_for_one_recipient_alone_is_left_out(left_out):
    entry = entry_of(letter())

    assert left_out not in entry.content + entry.excerpt


@pytest.mark.parametrize(
    "written",
    [
        "<p>Sent to <b>lists+py</b>@<b>harbour.example</b></p>",
        "<p>Sent to lists+py&#8203;@harbour&#46;example</p>",
        '<img src="https://pictures.example/p.png?e=lists%2Bpy%40harbour.example">',
        '<a href="https://poll.example/?e=lists%252Bpy%2540harbour.example">vote</a>',
        "<div>" * 3000 + OURS,
    ],
    ids=["in two tags", "with an invisible character", "in a picture", "escaped twice", "too deep"],
)
def test_our_address_is_left_out_however_it_is_written(written):
    raw = letter(Subject=f"For {OURS}", Archived_At=f"<https://l.example/?e={OURS}>")

    entry = entry_of(raw.replace(b"<h1>Hello</h1>", written.encode()))

    shown = f"{entry.title} {entry.url} {entry.content} {entry.excerpt}"
    assert not re.search(r"lists(\+|%)|harbour", shown)
    assert entry.title == "For …"


@pytest.mark.parametrize(
    "written",
    [
        '<p>You no longer want this? <b><a href="https://t.example/9">Click</a></b> to unsubscribe.',
        '<a href="https://t.example/9"><img src="https://p.example/u.png" alt="Unsubscribe"></a>',
        '<a href="https://t.example/9">Un&shy;subscribe</a>',
        '<a href="https://t.example/9">Vom Newsletter abmelden</a>',
        '<a href="https://t.example/9">Se désinscrire</a>',
    ],
)
def test_ways_to_leave_are_left_out_however_they_are_written(written):
    other = '<p>Read it in your browser with <a href="https://t.example/8">something else</a></p>'

    entry = entry_of(letter().replace(b"<h1>Hello</h1>", (other + written).encode()))

    assert "t.example/9" not in entry.content
    assert "t.example/8" in entry.content


def test_a_way_to_leave_in_plain_text_may_stand_on_a_line_of_its_own():
    text = b"Hello\n\nTo unsubscribe, go to\n  <https://t.example/9>\n\nhttps://t.example/8\n"

    entry = entry_of(b"From: a@b.example\n\n" + text)

    assert "t.example/9" not in entry.content
    assert "t.example/8" in entry.content


def test_a_discussion_in_plain_text_keeps_its_quotations_and_its_code():
    entry = entry_of(DISCUSSION)

    assert entry.url == "https://lists.c.example/m/77"
    assert "long enough to have been wrapped by a mail program" in entry.content
    assert entry.content.count("<blockquote>") == 2
    assert '<a href="https://example.org/a_b?c=d"' in entry.content
    assert "<p>你好, dev@c.example &amp; &lt;b&gt;.</p>" in entry.content
    assert "<pre" in entry.content
    assert "    int main(void)" in entry.content
    for left_out in ("mailing list", "leave", "Bob"):
        assert left_out not in entry.content


def test_letters_nested_as_deep_as_it_gets_are_read():
    quoted = b"".join(b">" * depth + b" x\n" for depth in range(1, 3000))

    entry = entry_of(b"From: a@b.example\n\n" + quoted)

    assert "x" in entry.content


def test_a_document_that_is_none_of_ours_is_refused():
    with pytest.raises(ParseError):
        parse(document(b"From: a@b.example\n\nHello"), {})
