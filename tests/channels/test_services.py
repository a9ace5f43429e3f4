"""Telling services through Apprise."""

import json
from threading import Event

import pytest

from fake_publisher import FakePublisher, answer
from parsed_entries import NOON
from tidings.channels import services
from tidings.errors import ConfigError
from tidings.model.channels import Announcement

LINK = "https://a.example/@ada/1"


def an_announcement(**changes):
    usual = {
        "kind": "test",
        "title": "Tides",
        "lines": (),
        "link": LINK,
        "at": NOON,
        "data": {},
    }
    return Announcement(**usual | changes)


def test_nobody_is_notified_by_what_a_publisher_wrote():
    told = an_announcement(title="For @ada@example.org", lines=["<!channel> & <b>", "x" * 900])
    with FakePublisher() as instance:
        instance.serve("/api/v1/statuses", answer(body=b"{}"))
        address = f"mastodon://token@{instance.host}"
        result = services.tell_service(address, told, key="k", stop=Event())

    [request] = instance.received
    status = json.loads(request.body)["status"]
    said = status.splitlines()
    assert result.because is None
    assert said[0] == "For @\u200bada@\u200bexample.org"
    assert said[1] == "<\u200b!channel> & <b>"
    assert said[2].startswith("xxx")
    assert said[2].endswith("x…")
    assert said[-1] == LINK
    assert len(status) <= 500


def test_without_apprise_a_channel_says_what_it_needs(monkeypatch):
    monkeypatch.setattr(services, "find_spec", lambda _: None)

    result = services.tell_service("mastodon://t@h", an_announcement(), key="k", stop=Event())

    assert "pip install 'tidings[channels]'" in result.because
    with pytest.raises(ConfigError, match=r"tidings\[channels\]"):
        services.check_address("mastodon://t@h")


def test_who_is_stopped_does_not_wait_for_a_service(monkeypatch):
    monkeypatch.setattr(services, "GRACE", 0.1)
    stop = Event()
    stop.set()

    assert services.tell_service("mastodon://t@h", an_announcement(), key="k", stop=stop) is None
