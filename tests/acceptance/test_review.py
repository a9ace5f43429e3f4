"""An issue under review, from draft to mailbox, by commands."""

import email
import email.policy
import re

import pytest

from fake_publisher import answer
from fake_relay import FakeRelay
from feed_documents import atom, recent_items

NOTE = "A *quiet* week, see [our notes](https://notes.example/week).\n\n<script>alert(1)</script>"


@pytest.fixture
def reviewed(tidings, web):
    """A newsletter under review, with a reader, and three entries that are new."""
    add = ("newsletter", "add", "updates", "--title", "Latest updates", "--review", "yes")
    assert tidings(*add).status == 0
    for address, language in (("ada@example.net", "en"), ("lin@example.net", "zh")):
        options = ("--newsletter", "updates", "--language", language)
        assert tidings("subscriber", "add", address, *options).status == 0
    url = web.serve(answer(body=atom(*recent_items(3), title="Notes")))
    assert tidings("source", "add", url).status == 0
    return tidings


def test_an_issue_is_reviewed_and_sent(reviewed, tmp_path):
    before = reviewed("issue", "send", "updates", "--yes", "--json")
    opened = reviewed("issue", "draft", "open", "updates", "--json").json
    first, second, third = opened["entry_ids"]
    note = tmp_path / "note.md"
    note.write_text(NOTE)
    changes = ("--drop", first, "--postpone", second, "--lead", third, "--subject", "Quiet")
    edited = reviewed(
        "issue", "draft", "edit", "updates", *changes, "--note-file", note, "--json"
    ).json
    preview = reviewed("issue", "preview", "updates")
    approved = reviewed("issue", "draft", "approve", "updates")
    late = reviewed("issue", "draft", "edit", "updates", "--keep", first)
    with FakeRelay() as relay:
        smtp = {"MAIL__TRANSPORT": "smtp", "SMTP__HOST": "127.0.0.1", "SMTP__PORT": relay.port}
        sent = reviewed(
            "issue", "send", "updates", "--yes", **smtp, MAIL__FROM="news@tidings.example.net"
        )
    letters = {
        one["To"]: one
        for one in (
            email.message_from_bytes(taken.letter, policy=email.policy.SMTP)
            for taken in relay.taken
        )
    }

    assert before.json == {"issues": [], "accepted": 0, "failed": 0}, "nothing is approved yet"
    assert (edited["entry_ids"], edited["lead_id"]) == ([third], third)
    assert (edited["dropped_ids"], edited["postponed_ids"]) == ([first], [second])
    assert "A *quiet* week" in preview.out
    assert approved.out == "approved: Latest updates, 1 entries\n"
    assert (late.status, "approved already" in late.err) == (1, True)
    assert sent.status == 0
    english, chinese = letters["ada@example.net"], letters["lin@example.net"]
    assert english["Subject"] == "Quiet"
    html = english.get_body(("html",)).get_content()
    assert re.search(r"A <em>quiet</em> week, see <a [^>]*https://notes.example/week", html)
    assert "<script>" not in html
    assert "A *quiet* week" in english.get_body(("plain",)).get_content()
    assert "quiet" not in chinese.get_body(("html",)).get_content()
    assert chinese["Subject"] != "Quiet"


def test_without_review_there_is_no_draft(reviewed):
    reviewed("newsletter", "edit", "updates", "--review", "2h")
    assert reviewed("newsletter", "show", "updates", "--json").json["review_time"] == "2h"
    reviewed("newsletter", "edit", "updates", "--review", "no")

    refused = reviewed("issue", "draft", "open", "updates")

    assert refused.status == 1
    assert "`tidings newsletter edit --review`" in refused.err


def test_what_is_no_review_is_said(reviewed):
    refused = reviewed("newsletter", "edit", "updates", "--review", "soon")

    assert refused.status == 2
    said = "tidings: review 'soon': expected yes, no or a duration such as 2h\n"
    assert refused.err == said
