"""Newsletters as an operator meets them: the nouns, the shape of JSON, what is refused."""

import re
import shlex

import pytest

from fake_publisher import answer
from feed_documents import atom, recent_items
from installation import on_sqlite

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
SCHEDULE = {"frequency": "weekly", "hour": 7, "timezone": "Asia/Shanghai", "weekday": "friday"}
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
        "sender": None,
        "reply_to": None,
        "postal_address": None,
        "min_entries": 1,
        "max_entries": 50,
        "images": False,
        "review": False,
        "review_time": None,
    }


def test_a_subscription_has_what_the_newsletter_has_until_it_is_edited(subscribed):
    subscribed("topic", "add", "databases")
    before = subscribed("subscriber", "list", "--json").json[0]

    edit = ("subscriber", "edit", "ADA@example.org", "--newsletter", "weekly", "--hour", 9)
    edited = subscribed(*edit, "--frequency=daily", "--language=zh", "--topic=databases")

    assert edited.status == 0
    assert RFC_3339.fullmatch(before.pop("next_issue_at"))
    assert RFC_3339.fullmatch(before["confirmed_at"])
    assert before == SCHEDULE | {
        "id": 1,
        "address": "ada@example.org",
        "newsletter": "weekly",
        "language": "en",
        "topics": [],
        "watermark": 0,
        "confirmed_at": before["confirmed_at"],
        "paused_at": None,
        "ended_at": None,
        "ended_because": None,
    }
    after = subscribed("subscriber", "show", "ada@example.org", "--json").json[0]
    after.pop("next_issue_at")
    changed = {"frequency": "daily", "hour": 9, "language": "zh", "topics": ["databases"]}
    reached = {"bounce_score": 0, "bouncing_since": None, "bounced_at": None, "suppressed": None}
    assert after == before | changed | reached


def test_what_is_sent_by_hand_is_in_the_archive_whoever_reads_it(news, web, tmp_path):
    assert news("newsletter", "add", "read-by-nobody", "--title", "Nobody's").status == 0
    news("subscriber", "edit", "ada@example.org", "--newsletter", "weekly", "--language=zh")
    news("source", "add", web.serve(answer(body=atom(*recent_items(2), title="Another"))))

    to_ada = news("issue", "send", "weekly", "--yes")
    to_nobody = news("issue", "send", "read-by-nobody", "--yes")
    again = news("issue", "send", "read-by-nobody", "--yes")

    assert "in the archive" not in to_ada.out
    page = re.fullmatch(
        r"nobody to send it to; in the archive: http://127.0.0.1:8000/(\S+)\n"
        r"0 accepted, 0 not accepted so far\n",
        to_nobody.out,
    )[1]
    assert again.out == "0 accepted, 0 not accepted so far\n"
    assert news("publish", tmp_path / "public").status == 0
    archive = (tmp_path / "public" / "issues" / "index.html").read_text("utf-8")
    assert f"/{page}" in archive
    assert len(set(re.findall(r"/issues/((?:weekly|read-by-nobody)-\w+)", archive))) == 2
    listed = [one for one in news("issue", "list", "--json").json if one["listed"]]
    assert {one["language"] for one in listed} == {"en"}


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
    assert delivery["planned_at"] <= delivery["finished_at"] < delivery["expires_at"]
    assert (
        delivery.items()
        > {
            "id": 1,
            "subscriber": "ada@example.org",
            "newsletter": "weekly",
            "issue": issue["id"],
            "slot": "now:5",
            "state": "accepted",
            "attempts": 1,
        }.items()
    )
    assert reply == f"250 kept as {message_id.strip('<>')}.eml"


def test_what_an_edit_names_is_changed_and_the_rest_stays(news):
    edit = ("newsletter", "edit", "weekly", "--min-entries=6", "--from", "Ed <ed@example.org>")
    assert news(*edit, "--images").status == 0
    assert news("newsletter", "edit", "weekly", "--max-entries=3").status == 0

    shown = news("newsletter", "show", "weekly", "--json").json
    coming = news("simulate", "ada@example.org", "--newsletter", "weekly", "--json").json

    assert (
        shown.items()
        > {
            "sender": "Ed <ed@example.org>",
            "reply_to": None,
            "min_entries": 6,
            "max_entries": 3,
            "images": True,
        }.items()
    )
    assert {slot["omission"] for slot in coming} == {"few"}


def test_an_empty_value_takes_away_what_was_set(news):
    given = {"--from": "Ed <ed@example.org>", "--reply-to": "ed@example.org"}
    given["--postal-address"] = "1 Quay, Exampleton"
    for option, value in given.items():
        assert news("newsletter", "edit", "weekly", option, value).status == 0

    emptied = news("newsletter", "edit", "weekly", "--from=", "--reply-to=")
    shown = news("newsletter", "show", "weekly", "--json").json

    assert emptied.status == 0
    assert (shown["sender"], shown["reply_to"]) == (None, None)
    assert shown["postal_address"] == "1 Quay, Exampleton"


def test_an_issue_is_shown_with_its_entries(news):
    news("issue", "send", "weekly", "--yes")

    (listed,) = news("issue", "list", "--json").json
    shown = news("issue", "show", listed["id"], "--json").json

    assert RFC_3339.fullmatch(listed["created_at"])
    assert shown | listed == shown
    assert sorted(shown["entry_ids"]) == [1, 2, 3, 4, 5]
    assert shown["subject"].startswith("This week: Entry ")
    assert news("issue", "show", listed["id"]).out.startswith(shown["subject"])


@on_sqlite
def test_a_preview_is_written_where_it_is_wanted_and_stores_nothing(news, tmp_path):
    file = tmp_path / "preview.eml"

    letter = news("issue", "preview", "weekly", "--format", "eml", "--output", file)
    page = news("issue", "preview", "weekly", "--format", "html", "--language", "zh")
    nowhere = news("issue", "preview", "weekly", "--output", tmp_path / "none" / "x.txt")

    assert letter.status == 0
    assert file.read_bytes().startswith(b"From: ")
    assert '<html lang="zh"' in page.out
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


def test_a_test_letter_goes_out_though_nothing_is_new(news):
    news("newsletter", "add", "late", "--title", "Late")
    preview = news("issue", "preview", "late")

    sent = news("issue", "send", "late", "--to", "eve@example.org")

    assert preview.out == "nothing new since the last issue\n"
    assert (sent.status, sent.out[:12]) == (0, "250 kept as ")


@on_sqlite
def test_a_test_letter_of_a_newsletter_with_nothing_to_tell_is_an_error(tidings):
    tidings("newsletter", "add", "empty", "--title", "Empty")

    sent = tidings("issue", "send", "empty", "--to", "eve@example.org")
    doctor = tidings("doctor", "--send", "eve@example.org")

    assert (sent.status, sent.out) == (1, "")
    assert "newsletter empty has nothing to tell yet" in sent.err
    assert doctor.status == 1
    assert "problem  test to eve@example.org: nothing was sent" in doctor.out


@on_sqlite
def test_a_simulated_midnight_is_that_of_the_day(news):
    span = ("--from", "2030-03-02", "--to", "2030-03-03", "--frequency", "daily")

    def days(hour):
        found = news("simulate", "--newsletter", "weekly", "--hour", hour, *span, "--json").json
        return [one["slot"] for one in found]

    assert days(0) == days(12) == days(23) == ["d:2030-03-02", "d:2030-03-03"]


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
        pytest.param("newsletter add '' --title X", 2, "lower-case ASCII", id="no slug at all"),
        pytest.param(
            "newsletter add b --title 'X\nY'", 2, "on one line", id="a title of two lines"
        ),
        pytest.param("newsletter edit weekly --title 'X\nY'", 2, "on one line", id="edited so"),
        pytest.param("topic add ''", 2, "lower-case ASCII", id="no slug of a topic"),
        pytest.param("topic add b --title 'X\nY'", 2, "on one line", id="a topic of two lines"),
        pytest.param("search add '' sea", 2, "lower-case ASCII", id="no slug of a search"),
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
        pytest.param("issue send weekly", 2, "confirm with --yes", id="nobody to ask"),
        pytest.param("issue send weekly --to eve", 2, "address 'eve'", id="test to nobody"),
        pytest.param("issue show 99", 1, "no issue 99", id="unknown issue"),
        pytest.param("delivery list --state lost", 2, "uncertain", id="no such state"),
    ],
)
@on_sqlite
def test_what_cannot_be_is_refused_in_a_line(subscribed, line, status, complaint):
    refused = subscribed(*shlex.split(line))

    assert (refused.status, refused.out) == (status, "")
    assert complaint in refused.err
    assert "Traceback" not in refused.err


def test_a_simulation_shows_slots_and_stores_nothing(news):
    of = ("simulate", "ada@example.org", "--newsletter", "weekly")

    shown = news(*of, "--from", "2030-01-01", "--to", "2030-01-14", "--json").json
    others = news("simulate", "--newsletter", "weekly", "--frequency", "daily", "--json").json

    assert [one["slot"] for one in shown] == ["w:2030-W01", "w:2030-W02"]
    assert shown[0]["due_at"] == "2030-01-03T23:00:00Z"
    assert sorted(shown[0]["entry_ids"]) == [1, 2, 3, 4, 5]
    assert (shown[1]["entry_ids"], shown[1]["omission"]) == ([], "empty")
    assert len(others) == 14
    assert news("issue", "list").out == ""


@pytest.mark.parametrize(
    "span", [("--from", "soon"), ("--from", "2030-01-02", "--to", "2030-01-01")]
)
@on_sqlite
def test_a_simulation_of_no_time_is_refused(news, span):
    assert news("simulate", "--newsletter", "weekly", *span).status == 2


def test_a_subscriber_is_explained(news):
    news("issue", "send", "weekly", "--yes")
    of = ("explain", "subscriber", "ada@example.org")

    lines = news(*of, "--json").json
    [_, why] = news(*of, "--entry", 3, "--json").json

    assert news(*of).out.splitlines() == lines
    assert "delivery 1 with 5 entries, accepted" in lines[2]
    assert why == f"weekly: {lines[2]}"
    assert news(*of, "--entry", 3, "--slot", "now:5").status == 2
