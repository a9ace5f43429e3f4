"""Two services on one database, killed again and again: nothing is lost, and nothing doubled."""

import json
import subprocess
import sys
from pathlib import Path

KILLS = 16


def test_services_killed_at_random_lose_nothing_and_mail_nobody_twice(database_url):
    program = Path(__file__).with_name("kills.py")
    command = [sys.executable, program, database_url, "--kills", str(KILLS), "--seed", "4711"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["kills"] == KILLS
    assert report["letters"] > report["replies_lost"] > 0
    assert report["duplicates"] <= report["replies_lost"]
