"""Several senders of issues at a time: together they do not exceed what the relay takes."""

import asyncio
from threading import Event, Thread

import pytest

from fake_relay import FakeRelay
from installation import wait_until
from newsletter_site import NewsletterSite
from parsed_entries import DAY
from tidings.app import mailing
from tidings.app.app import opened, utc_now
from tidings.app.handlers import handling
from tidings.config import load
from tidings.resources import data_dir


@pytest.fixture
def app_with(database_url, tmp_path):
    """Return the program with these settings of the relay."""

    def app_with(**smtp):
        environment = {
            "TIDINGS_DATABASE__URL": database_url,
            "TIDINGS_SECRET": "s" * 32,
            "TIDINGS_MAIL__TRANSPORT": "smtp",
            "TIDINGS_MAIL__FROM": "news@example.net",
        } | {f"TIDINGS_SMTP__{name.upper()}": str(value) for name, value in smtp.items()}
        file = tmp_path / "tidings.toml"
        file.write_text('[smtp.domains."gmail.com"]\nconnections = 2\n')
        return opened(load(data_dir("config") / "tidings.toml", file, environment))

    return app_with


@pytest.mark.parametrize(
    ("smtp", "connections"),
    [
        ({}, [4, 4]),
        ({"connections": 5}, [3, 2]),
        ({"connections": 2, "senders": 9}, [1, 1]),
        ({"connections": 4, "senders": 1}, [4]),
        ({"connections": 8, "senders": 9, "per_second": 3}, [8]),
    ],
)
def test_connections_are_shared_out(app_with, smtp, connections):
    with app_with(**smtp) as app:
        number = mailing.sender_count(app)
        shares = [mailing.transport(app, part=part, of=number) for part in range(number)]

        # Nobody shares a SQLite database: whoever sends there has them all.
        expected = [sum(connections)] if app.database.is_sqlite else connections
        assert [share.connections for share in shares] == expected


def test_a_domain_with_limits_is_one_senders_alone(app_with):
    with app_with(senders=2, connections=4) as app:
        site = NewsletterSite(app.database)
        site.add_newsletter()
        for address in ("ann@example.org", "bob@gmail.com", "cleo@notgmail.com"):
            site.subscribe(address)
        site.publish(site.follow())
        site.now += DAY
        site.plan()

        claimed = [
            queue.claim("test", limit=10, now=site.now)
            for queue in (
                mailing.issue_sender(app, part=part, of=2).open_queue() for part in (1, 0)
            )
        ]

    second, first = (sorted(one.address for one in some) for some in claimed)
    assert second == ["ann@example.org", "cleo@notgmail.com"]
    assert first == ["bob@gmail.com"]


async def take_a_while(writer):
    await asyncio.sleep(1)
    writer.write(b"250 2.0.0 queued\r\n")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_process_is_one_sender_at_a_time(app_with):
    """The part of another sender is left to another worker."""
    with FakeRelay() as relay, app_with(senders=2, connections=4, port=relay.port) as app:
        # One for each connection of the first sender.
        relay.script(END=[take_a_while] * 2)
        site = NewsletterSite(app.database, now=utc_now())
        newsletter = site.add_newsletter()
        for number in range(40):
            site.subscribe(f"reader{number}@example.org")
        site.publish(site.follow())
        site.planner().plan_now(newsletter)

        with handling(app, Event(), [].append) as handlers:
            first = Thread(target=handlers["deliver-0"])
            first.start()
            wait_until(lambda: relay.payloads == 2)
            handlers["deliver-1"]()
            taken = len(relay.taken)
            first.join()
        states = site.states()

    assert taken == 0, "it neither waited for the other nor helped it"
    assert states == ["accepted"] * 40
