"""The clock is set while the service runs: nothing that is due waits for it."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from fake_publisher import answer
from feed_documents import atom, items
from installation import on_sqlite, wait_until
from tidings.app import scheduler
from tidings.app.scheduler import ticking

PATIENCE = 60


def is_saved(tidings, url):
    """Tell whether a source has been polled, and what was found is stored: its round is over."""
    listed = tidings("source", "list", "--json").json
    return any(one["url"] == url and one["last_polled_at"] for one in listed)


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """Look at the clock more often than a service does; nothing here depends on how often."""
    monkeypatch.setattr(scheduler, "CLOCK_TICK", timedelta(seconds=0.2))


@pytest.fixture
def said(caplog):
    """Hear what the ticks say, whatever the program does with its log."""
    logger = logging.getLogger("tidings.app.scheduler")
    logger.addHandler(caplog.handler)
    logger.setLevel(logging.WARNING)
    yield caplog
    logger.removeHandler(caplog.handler)
    logger.setLevel(logging.NOTSET)


@pytest.mark.parametrize(
    "by",
    [
        pytest.param(timedelta(hours=-1), id="set back by an hour"),
        pytest.param(timedelta(days=-4000), id="set back to where it was before a wrong start"),
        pytest.param(timedelta(hours=1), id="set forward by an hour"),
        pytest.param(timedelta(days=4000), id="set forward by years"),
    ],
)
@on_sqlite
def test_ticks_go_on_when_the_clock_is_set(tidings, web, said, by):
    before, after, again = (web.serve(answer(body=atom(*items(3), title=t))) for t in "abc")
    tidings.add(before)

    with (
        time_machine.travel(datetime.now(UTC), tick=True) as watch,
        tidings.opened() as app,
        ticking(app),
    ):
        wait_until(lambda: is_saved(tidings, before))
        watch.shift(by)
        tidings.add(after)
        wait_until(lambda: is_saved(tidings, after))
        watch.shift(-by)
        tidings.add(again)
        wait_until(lambda: web.requests(again))

    if by < timedelta(0):
        first = next(record.by for record in said.records if record.message == "clock set")
        assert abs(float(first.removesuffix(" s")) - by.total_seconds()) < 1


def test_a_source_is_polled_again_although_it_was_polled_later_than_now(tidings, web):
    url = web.serve(answer(body=atom(*items(3))))
    tidings.add(url)

    with (
        time_machine.travel(datetime.now(UTC) + timedelta(days=900), tick=True) as watch,
        tidings.opened() as app,
        ticking(app),
    ):
        wait_until(lambda: is_saved(tidings, url))
        watch.shift(timedelta(days=-900))
        wait_until(lambda: len(web.requests(url)) == 2)
