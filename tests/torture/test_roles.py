"""A web and two workers, killed and started again: all is polled, told and sent once."""

import json
import subprocess
import sys
from pathlib import Path

KILLS = 4


def test_roles_killed_at_random_lose_nothing_and_do_nothing_twice(postgres_url):
    program = Path(__file__).with_name("roles.py")
    command = [sys.executable, program, postgres_url, "--kills", str(KILLS), "--seed", "4711"]

    done = subprocess.run(
        [*command, "--impatient"], capture_output=True, text=True, timeout=240, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["kills"] == KILLS
    assert report["fewest_polls"] > 0
    assert report["letters"] > 0
