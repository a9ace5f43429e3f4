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


@pytest.fixture
def instance():
    """A server of Mastodon."""
    with FakePublisher() as instance:
        instance.serve("/api/v1/statuses", answer(body=b"{}"))
        yield instance


def told_status(instance, announcement):
    address = f"mastodon://token@{instance.host}"
    result = services.tell_service(address, announcement, key="k", stop=Event())
    assert result.because is None
    [request] = instance.received
    return json.loads(request.body)["status"]


def test_nobody_is_notified_by_what_a_publisher_wrote(instance):
    told = an_announcement(title="For @ada@example.org", lines=["<!channel> & <b>", "x" * 900])

    status = told_status(instance, told)

    said = status.splitlines()
    assert said[0] == "For @\u200bada@\u200bexample.org"
    assert said[1] == "<\u200b!channel> & <b>"
    assert said[2].startswith("xxx")
    assert said[2].endswith("x…")
    assert said[-1] == LINK
    assert len(status) <= 500


def test_of_a_title_that_is_too_long_the_beginning_is_told_and_the_link(instance):
    told = an_announcement(title="T" * 900, lines=["one"])

    status = told_status(instance, told)

    assert len(status) <= 500
    assert status.startswith("TTT")
    assert status.split()[0].endswith("T…")
    assert status.endswith(LINK)


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
