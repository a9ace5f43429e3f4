"""Killed at any moment, and nothing is lost, doubled or half-done."""

import random
import signal
import time

from sqlalchemy import create_engine, text

from fake_publisher import answer
from feed_documents import an_item, atom

SOURCES = 20
KILLS = 4
STORED_FROM_THE_START = 12


def test_a_killed_poll_loses_nothing_and_doubles_nothing(tidings, web):
    chance = random.Random(7)  # noqa: S311 - the same moments each time
    publishers = [web.publisher() for _ in range(SOURCES)]
    tidings.add(*(publisher.url("/feed") for publisher in publishers))

    for kill in range(KILLS):
        publish(publishers, newest=STORED_FROM_THE_START + kill)
        for publisher in publishers:
            publisher.received.clear()
        with tidings.start("poll", "--all") as process:
            wait_for_a_request(publishers, process)
            time.sleep(chance.uniform(0, 0.5))
            process.send_signal(signal.SIGKILL)
        assert tidings("db", "check").out == "nothing is wrong\n"
        let_leases_run_out(tidings)
    last = tidings("poll", "--all", "--json")

    assert last.status == 0
    assert (last.json["polled"], last.json["failed"]) == (SOURCES, 0)
    entries = tidings("entry", "list", "--json", "--all", "--limit", 0).json
    stored = sorted((entry["source"], entry["guid"]) for entry in entries)
    newest = STORED_FROM_THE_START + KILLS - 1
    assert stored == sorted(
        (number + 1, guid_of(number, entry))
        for number in range(SOURCES)
        for entry in range(1, newest + 1)
    )
    numbers = sorted(entry["seq"] for entry in entries if entry["state"] == "public")
    assert len(set(numbers)) == len(numbers)
    assert None not in numbers
    assert tidings("db", "check").out == "nothing is wrong\n"
    assert tidings("poll", "--all", "--json").json["new"] == 0


def publish(publishers, *, newest):
    for number, publisher in enumerate(publishers):
        entries = [an_item(n, guid=guid_of(number, n)) for n in range(newest, 0, -1)]
        publisher.serve("/feed", answer(body=atom(*entries, title=f"Feed {number}")))


def guid_of(number, entry):
    return f"urn:example:{number}:{entry}"


def wait_for_a_request(publishers, process):
    while not any(publisher.received for publisher in publishers):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def let_leases_run_out(tidings):
    """Do what two minutes do: what the dead process held is free again."""
    engine = create_engine(tidings.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE host SET lease_until = NULL, cooldown_until = NULL"))
    engine.dispose()
