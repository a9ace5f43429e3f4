"""A web and two workers, broken in one way: what became of every entry and every letter.

`python breakages.py DATABASE_URL WAY --seconds 60`, on PostgreSQL and the stage of `roles.py`:

- `stopped`: a worker is stopped while it polls and sends (SIGSTOP), and continued that much later
- `away`: the database is away for so long
- `truncated`: all jobs are deleted every two seconds
- `doubled`: each job waits twice
- `skewed`: the clock of one worker is 90 s ahead, that of the other one right
"""

import argparse
import json
import logging
import random
import signal
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).parents[1]))
from stage import perform

from database_outage import taken_away
from doubled_jobs import doubled
from installation import wait_until
from shifted_clock import ahead_by

WORKER = 1
"""The number of the process that is broken."""

SKEW = 90

PAUSE = 0.9
"""Seconds between two requests to a host, whatever the clocks say."""


IN_THE_MIDDLE = text(
    "SELECT EXISTS (SELECT FROM host WHERE lease_owner LIKE :owner)"
    " AND EXISTS (SELECT FROM delivery"
    " WHERE lease_owner LIKE :owner AND state = 'sending' AND marked_at IS NOT NULL)"
)
"""Whether a process polls and sends just now."""


def stopped(stage, seconds):
    process = stage.cluster.process(WORKER)
    wait_until(lambda: is_in_the_middle(stage, process.pid), patience=300)
    process.send_signal(signal.SIGSTOP)
    pass_time(stage, seconds)
    process.send_signal(signal.SIGCONT)
    pass_time(stage, 30)


def is_in_the_middle(stage, pid):
    stage.go_on()
    for _ in range(100):
        with stage.house.database.read() as connection:
            if connection.scalar(IN_THE_MIDDLE, {"owner": f"%:{pid}:%"}):
                return True
        time.sleep(0.02)
    return False


def away(stage, seconds):
    pass_time(stage, 10)
    with taken_away(stage.house.database.url.render_as_string(hide_password=False)):
        time.sleep(seconds)


def truncated(stage, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass_time(stage, 2)
        stage.execute("TRUNCATE procrastinate_jobs CASCADE")


def twice(stage, seconds):
    with doubled(stage.execute):
        pass_time(stage, seconds)


def skewed(stage, seconds):
    pass_time(stage, seconds)


def pass_time(stage, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        stage.go_on()
        time.sleep(2)


WAYS = {
    "stopped": stopped,
    "away": away,
    "truncated": truncated,
    "doubled": twice,
    "skewed": skewed,
}


def once(stage, *, way, seconds):
    WAYS[way](stage, seconds)
    yield


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    chosen = parser.parse_args()
    logging.disable()
    breaches = partial(once, way=chosen.way, seconds=chosen.seconds)
    changes = {}
    if chosen.way == "skewed":
        # By the clock that is ahead all is due once more that the other has just polled.
        changes = {"own": {WORKER: ahead_by(SKEW)}, "apart": PAUSE}
    chance = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory(prefix="tidings-torture-") as name:
        report = perform(chosen.url, Path(name), chance=chance, breaches=breaches, **changes)
    print(json.dumps(report.numbers()))
    sys.exit(report.is_broken)


if __name__ == "__main__":
    main()
