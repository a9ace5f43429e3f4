"""A web and two workers, killed at random moments: what became of every entry and every letter.

`python roles.py DATABASE_URL --kills 100 --seconds 280`, on PostgreSQL: 64 feeds go on getting
entries, readers are written to of each, over a relay that also loses replies and refuses letters.
Each process that is killed is started again. Status 1 if an entry is missing or there twice, if two
asked one publisher at a time, or if letters were lost or came twice as `kills.py` has it.
"""

import argparse
import json
import logging
import random
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from stage import ROLES, perform


def killing(stage, *, chance, chosen):
    """Kill roles until there were enough kills, or time is up."""
    done, until = 0, time.monotonic() + chosen.seconds
    while done < chosen.kills and time.monotonic() < until:
        time.sleep(chance.uniform(0.5, 4.5))
        pid = stage.cluster.kill(chance.randrange(len(ROLES)))
        if chosen.impatient:
            held = "UPDATE host SET lease_until = now() WHERE lease_owner LIKE :owner"
            stage.execute(held, owner=f"%:{pid}:%")
        stage.go_on()
        done += 1
        yield


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--impatient", action="store_true", help="end the leases of the killed")
    chosen = parser.parse_args()
    chance = random.Random(chosen.seed)
    logging.disable()
    breaches = partial(killing, chance=chance, chosen=chosen)
    with tempfile.TemporaryDirectory(prefix="tidings-torture-") as name:
        report = perform(chosen.url, Path(name), chance=chance, breaches=breaches)
    print(json.dumps(report.numbers()))
    sys.exit(report.is_broken)


if __name__ == "__main__":
    main()
