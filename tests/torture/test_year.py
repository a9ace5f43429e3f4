"""A month in spring, in four zones, with outages: every reader gets what they are owed, once."""

import json
import subprocess
import sys
from pathlib import Path


def test_readers_who_change_their_minds_get_every_entry_once_through_outages(tmp_path):
    program = Path(__file__).with_name("year.py")
    command = [sys.executable, program, f"sqlite:///{tmp_path}/tidings.db", "--seed", "4711"]
    command += ["--readers", "40", "--days", "32", "--places", "4"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["pairs"] > report["letters"] > report["entries"] > 30
    assert {report[what] for what in ("missing", "doubled", "unwanted", "late")} == {0}
