"""Newsletters as an operator meets them: the nouns, the shape of JSON, what is refused."""

import re

import pytest

from documents import atom, recent_items
from loopback import answer

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
SCHEDULE = {"frequency": "weekly", "hour": 7, "timezone": "Asia/Shanghai"}
OPTIONS = [f"--{name}={value}" for name, value in SCHEDULE.items()]


@pytest.fixture
def subscribed(tidings):
    """A newsletter with one subscriber."""
    assert tidings("newsletter", "add", "weekly", "--title", "This week", *OPTIONS).status == 0
    assert tidings("subscriber", "add", "ada@example.org", "--newsletter", "weekly").status == 0
    return tidings


@pytest.fixture
def news(subscribed, web):
    """The same, and five entries that came after."""
    subscribed("source", "add", web.serve(answer(body=atom(*recent_items(5)))))
    return subscribed


def test_a_newsletter_is_as_it_was_added(subscribed):
    shown = subscribed("newsletter", "show", "weekly", "--json").json

    assert subscribed("newsletter", "list", "--json").json == [shown]
    assert shown == SCHEDULE | {
        "id": 1,
        "slug": "weekly",
        "title": "This week",
        "topics": [],
        "language": "en",
        "reply_to": None,
        "postal_address": None,
    }


def test_a_subscription_has_what_the_newsletter_has_until_it_is_edited(subscribed):
    subscribed("topic", "add", "databases")
    before = subscribed("subscriber", "list", "--json").json[0]

    edit = ("subscriber", "edit", "ADA@example.org", "--newsletter", "weekly", "--hour", 9)
    edited = subscribed(*edit, "--frequency=daily", "--language=zh", "--topic=databases")

    assert edited.status == 0
    assert RFC_3339.fullmatch(before.pop("next_issue_at"))
    assert before == SCHEDULE | {
        "id": 1,
        "address": "ada@example.org",
        "newsletter": "weekly",
        "language": "en",
        "topics": [],
        "watermark": 0,
        "ended_at": None,
    }
    after = subscribed("subscriber", "show", "ada@example.org", "--json").json[0]
    after.pop("next_issue_at")
    changed = {"frequency": "daily", "hour": 9, "language": "zh", "topics": ["databases"]}
    assert after == before | changed


def test_what_is_sent_by_hand_is_on_record_and_sent_once(news):
    sent = news("issue", "send", "weekly", "--yes", "--json")
    again = news("issue", "send", "weekly", "--yes", "--json")

    assert (sent.status, sent.json["accepted"], sent.json["failed"]) == (0, 1, 0)
    (issue,) = sent.json["issues"]
    assert {name: issue[name] for name in ("from_seq", "to_seq", "entries", "deliveries")} == {
        "from_seq": 0,
        "to_seq": 5,
        "entries": 5,
        "deliveries": 1,
    }
    assert again.json == {"issues": [], "accepted": 0, "failed": 0}
    (delivery,) = news("delivery", "list", "--state", "accepted", "--json").json
    message_id, reply = delivery.pop("message_id"), delivery.pop("reply")
    assert delivery == {
        "id": 1,
        "subscriber": "ada@example.org",
        "newsletter": "weekly",
        "issue": issue["id"],
        "slot": "now:5",
        "state": "accepted",
        "attempts": 1,
    }
    assert reply == f"250 kept as {message_id.strip('<>')}.eml"


def test_an_issue_is_shown_with_its_entries(news):
    news("issue", "send", "weekly", "--yes")

    (listed,) = news("issue", "list", "--json").json
    shown = news("issue", "show", listed["id"], "--json").json

    assert RFC_3339.fullmatch(listed["created_at"])
    assert shown | listed == shown
    assert sorted(shown["entry_ids"]) == [1, 2, 3, 4, 5]
    assert shown["subject"].startswith("This week · ")
    assert news("issue", "show", listed["id"]).out.startswith(shown["subject"])


def test_a_preview_is_written_where_it_is_wanted_and_stores_nothing(news, tmp_path):
    files = {form: tmp_path / f"preview.{form}" for form in ("html", "text", "eml")}
    options = [word for form, path in files.items() for word in (f"--{form}", path)]

    written = news("issue", "preview", "weekly", *options)
    nowhere = news("issue", "preview", "weekly", "--eml", tmp_path / "none" / "x.eml")

    assert written.status == 0
    assert files["eml"].read_bytes().startswith(b"From: ")
    assert "</html>" in files["html"].read_text("utf-8")
    assert (nowhere.status, nowhere.out) == (1, "")
    assert "No such file or directory" in nowhere.err
    assert news("issue", "list").out == ""


def test_a_preview_of_an_earlier_time_has_less(news):
    earlier = news("issue", "preview", "weekly", "--at", "2020-01-01")

    assert earlier.out == "nothing new since the last issue\n"


def test_a_test_letter_counts_for_nothing(news):
    sent = news("issue", "send", "weekly", "--to", "eve@example.org")

    assert sent.status == 0
    assert sent.out.startswith("250 kept as ")
    assert news("delivery", "list").out == ""
    assert news("subscriber", "list", "--json").json[0]["watermark"] == 0


def test_who_leaves_gets_nothing_and_who_comes_back_begins_anew(news, web):
    leaving = ("subscriber", "remove", "ada@example.org", "--newsletter", "weekly")
    assert news(*leaving).status == 0
    assert news("issue", "send", "weekly", "--yes", "--json").json["accepted"] == 0

    news("subscriber", "add", "ada@example.org", "--newsletter", "weekly")
    before = news("issue", "send", "weekly", "--yes", "--json").json
    news("source", "add", web.serve(answer(body=atom(*recent_items(1)))))
    after = news("issue", "send", "weekly", "--yes", "--json").json

    assert before["accepted"] == 0
    assert [issue["entries"] for issue in after["issues"]] == [1]


@pytest.mark.parametrize(
    ("line", "status", "complaint"),
    [
        pytest.param("newsletter add weekly --title X", 1, "exists already", id="taken"),
        pytest.param("newsletter add Über --title X", 2, "lower-case ASCII", id="no slug"),
        pytest.param("newsletter add b --title X --timezone Europe/Londn", 2, "London", id="zone"),
        pytest.param("newsletter add b --title X --topic zzz", 1, "no topic zzz", id="topic"),
        pytest.param("newsletter add b --title X --reply-to a,b", 2, "@-sign", id="reply-to"),
        pytest.param("newsletter show zzz", 1, "no newsletter zzz", id="unknown newsletter"),
        pytest.param(
            "subscriber add a@example.org,b@example.org --newsletter weekly",
            2,
            "address 'a@example.org,b@example.org'",
            id="two addresses",
        ),
        pytest.param("subscriber add a@example.org --newsletter z", 1, "no newsletter z", id="z"),
        pytest.param("subscriber add ada@example.org --newsletter weekly", 1, "already", id="on"),
        pytest.param("subscriber show eve@example.org", 1, "no subscriber", id="nobody"),
        pytest.param("issue preview weekly --at noon", 2, "time 'noon'", id="no time"),
        pytest.param("issue preview zzz", 1, "no newsletter zzz", id="preview of nothing"),
        pytest.param("issue send weekly", 2, "say --yes", id="nobody to ask"),
        pytest.param("issue send weekly --to eve", 2, "address 'eve'", id="test to nobody"),
        pytest.param("issue show 99", 1, "no issue 99", id="unknown issue"),
        pytest.param("delivery list --state lost", 2, "uncertain", id="no such state"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(subscribed, line, status, complaint):
    refused = subscribed(*line.split())

    assert (refused.status, refused.out) == (status, "")
    assert complaint in refused.err
    assert "Traceback" not in refused.err
