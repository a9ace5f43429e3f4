"""Newsletters and mailing lists that come by mail, from the mailbox to the page."""

import sys
from http.client import HTTPConnection
from io import BytesIO, TextIOWrapper
from threading import Event

import pytest

from installation import free_port, on_sqlite, wait_until
from letters_of_lists import DISCUSSION, letter
from tidings.app.handlers import handling
from tidings.polling.store import mail_lists

LIST = "weekly.python.example"
PRIVATE = ("abc123", "lists+py", "harbour.example", "track.example")


@pytest.fixture
def mailbox(tidings):
    folder = tidings.folder / "lists"
    for name in ("new", "cur", "tmp"):
        (folder / name).mkdir(parents=True)
    return folder


def deliver(mailbox, *messages):
    number = sum(1 for one in mailbox.rglob("*") if one.is_file())
    for place, raw in enumerate(messages, number + 1):
        (mailbox / "new" / f"{place:03}").write_bytes(raw)


def titles(tidings):
    found = tidings("entry", "list", "--json", "--limit", 0).json
    return sorted(entry["title"] for entry in found)


def test_a_list_that_writes_is_followed_once_the_operator_says_so(tidings, mailbox):
    settings = {"INBOX__MAILDIR": mailbox}
    deliver(mailbox, letter(1), letter(2), DISCUSSION)

    taken = tidings("inbox", "read", **settings)
    asking = tidings("inbox", "list", "--json").json
    before = titles(tidings)
    followed = tidings("inbox", "follow", LIST, "--topic", "Python", "--republish", "full")
    deliver(mailbox, letter(3), letter(2))
    again = tidings("inbox", "read", **settings)

    assert taken.out == "3 taken\n"
    assert before == []
    assert {one["key"]: one["waiting"] for one in asking} == {LIST: 2, "dev.c.example": 1}
    assert "Python Weekly" in followed.out
    assert again.out == "2 taken\n"
    assert titles(tidings) == ["Python 周刊 1", "Python 周刊 2", "Python 周刊 3"]
    [source] = tidings("source", "list", "--json").json
    assert source["url"] == f"mail:{LIST}"
    assert source["topics"] == ["python"]
    [one] = [one for one in tidings("inbox", "list", "--json").json if one["key"] == LIST]
    assert (one["messages"], one["waiting"], one["source_id"]) == (4, 0, source["id"])
    read = [one.name for one in (mailbox / "cur").iterdir()]
    assert sorted(read) == [f"{number:03}:2,S" for number in range(1, 6)]


@on_sqlite
def test_nothing_is_published_that_is_for_its_recipient_alone(tidings, mailbox):
    deliver(mailbox, letter())
    tidings("inbox", "read", "--maildir", mailbox)
    tidings("inbox", "follow", LIST, "--republish", "full")
    tidings("publish", tidings.folder / "site")
    tidings("source", "export", tidings.folder / "list.opml")

    written = [one for one in (tidings.folder / "site").rglob("*") if one.suffix != ".gz"]
    texts = [one.read_bytes().decode(errors="replace") for one in written if one.is_file()]
    assert any("Python 周刊 1" in text and "<pre" in text for text in texts)
    for text in [*texts, (tidings.folder / "list.opml").read_text()]:
        assert not any(private in text for private in PRIVATE)
        assert "mail:" not in text


@on_sqlite
def test_polling_it_asks_nobody_and_is_no_failure(tidings, mailbox, web):
    deliver(mailbox, letter())
    tidings("inbox", "read", "--maildir", mailbox)
    tidings("inbox", "follow", LIST)

    polled = tidings("poll", "python-weekly", "--json").json

    [source] = polled["sources"]
    assert source["outcome"] == "not_modified"
    shown = tidings("source", "show", "python-weekly", "--json").json
    assert shown["failures"] == 0


@on_sqlite
@pytest.mark.parametrize(
    "change",
    [("--url", "https://a.example/feed"), ("--address", "shown"), ("--full-text", "on")],
)
def test_its_address_stays_and_is_not_shown_and_it_has_no_pages(tidings, mailbox, change):
    deliver(mailbox, letter(1))
    tidings("inbox", "read", "--maildir", mailbox)
    tidings("inbox", "follow", LIST)

    refused = tidings("source", "edit", "python-weekly", *change)

    assert refused.status == 1
    assert "comes by mail" in refused.err
    deliver(mailbox, letter(2))
    tidings("inbox", "read", "--maildir", mailbox)
    assert titles(tidings) == ["Python 周刊 1", "Python 周刊 2"]


@on_sqlite
def test_what_is_refused_is_dropped_until_it_is_followed(tidings, mailbox):
    deliver(mailbox, letter(1))
    tidings("inbox", "read", "--maildir", mailbox)
    tidings("inbox", "refuse", LIST)
    deliver(mailbox, letter(2))
    tidings("inbox", "read", "--maildir", mailbox)

    [one] = tidings("inbox", "list", "--json").json
    assert (one["refused"], one["waiting"]) == (True, 0)
    tidings("inbox", "follow", LIST)
    deliver(mailbox, letter(3))
    tidings("inbox", "read", "--maildir", mailbox)
    assert titles(tidings) == ["Python 周刊 3"]


@on_sqlite
def test_what_is_followed_is_not_refused(tidings, mailbox):
    deliver(mailbox, letter(1))
    tidings("inbox", "read", "--maildir", mailbox)
    tidings("inbox", "follow", LIST)

    refused = tidings("inbox", "refuse", LIST)

    assert refused.status == 1
    assert "remove source 1 first" in refused.err
    deliver(mailbox, letter(2))
    tidings("inbox", "read", "--maildir", mailbox)
    assert titles(tidings) == ["Python 周刊 1", "Python 周刊 2"]


@on_sqlite
def test_of_a_source_that_is_removed_the_list_asks_again(tidings, mailbox):
    deliver(mailbox, letter(1))
    tidings("inbox", "read", "--maildir", mailbox)
    tidings("inbox", "follow", LIST)
    tidings("source", "remove", "python-weekly", "--yes")
    deliver(mailbox, letter(2))
    tidings("inbox", "read", "--maildir", mailbox)

    [one] = tidings("inbox", "list", "--json").json
    assert (one["source_id"], one["waiting"]) == (None, 1)


@on_sqlite
def test_who_cannot_be_followed_is_said(tidings, mailbox):
    deliver(mailbox, letter(1))
    tidings("inbox", "read", "--maildir", mailbox)
    misspelt = tidings("inbox", "follow", "weekly.pyhton.example")
    tidings("inbox", "follow", LIST)
    twice = tidings("inbox", "follow", LIST)
    nowhere = tidings("inbox", "read")

    assert f"({LIST}?)" in misspelt.err
    assert "followed already" in twice.err
    assert "[inbox] maildir" in nowhere.err
    assert 0 not in (misspelt.status, twice.status, nowhere.status)


@on_sqlite
@pytest.mark.parametrize(
    ("raw", "said"), [(letter(), f"{LIST}: asks\n"), (b"\xff" * 99, "ignored")]
)
def test_a_mail_server_can_hand_a_message_over(tidings, monkeypatch, raw, said):
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(raw)))

    result = tidings("inbox", "read", "-")

    assert result.status == 0
    assert result.out.startswith(said)


@on_sqlite
def test_of_strangers_that_write_much_the_latest_is_kept(tidings, mailbox):
    deliver(mailbox, *[letter(number) for number in range(1, 31)])
    tidings("inbox", "read", "--maildir", mailbox)

    tidings("inbox", "follow", LIST)

    assert tidings("source", "list", "--json").json[0]["entries"] == 20
    assert titles(tidings)[-1] == "Python 周刊 30"


def test_a_service_reads_what_comes_while_it_runs(tidings, mailbox):
    deliver(mailbox, letter(1))
    tidings("inbox", "read", "--maildir", mailbox)
    tidings("inbox", "follow", LIST)
    deliver(mailbox, letter(2))
    port = free_port()

    def shows_it():
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", "/")
            return "Python 周刊 2".encode() in connection.getresponse().read()
        except OSError:
            return False
        finally:
            connection.close()

    with tidings.start("run", WEB__PORT=port, INBOX__MAILDIR=mailbox) as service:
        wait_until(shows_it)
        service.terminate()
        service.communicate(timeout=30)


@on_sqlite
def test_strangers_fill_no_more_than_they_may(tidings, mailbox, monkeypatch):
    monkeypatch.setattr(mail_lists, "MAX_HELD", 3_000)
    for number in range(5):
        deliver(mailbox, letter(List_Id=f"<list{number}.example>"))
    tidings("inbox", "read", "--maildir", mailbox)
    with tidings.opened() as app, handling(app, Event(), [].append) as jobs:
        jobs["watch"]()

    kept = {one["key"] for one in tidings("inbox", "list", "--json").json}

    assert "list4.example" in kept
    assert "list0.example" not in kept
