"""The unit for systemd: what the service needs of it, and that systemd understands it."""

import re
import shutil
import subprocess
import sys
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import pytest

from command_tree import subcommand
from tidings.cli.jobs import worker
from tidings.cli.main import tidings
from tidings.cli.run import run

ROOT = Path(__file__).parents[1]
UNIT = (ROOT / "deploy" / "tidings.service").read_text("utf-8")
OF_WORKERS = (ROOT / "deploy" / "tidings-worker.conf").read_text("utf-8")

LONGEST_STOP = timedelta(seconds=15)
"""What a stop in order may take: see the how-to for containers."""

EXPOSED = 20
"""On the scale of `systemd-analyze security`, in tenths: 0 is shut in, 100 is open to everything."""


def directives(unit=UNIT):
    found = defaultdict(list)
    for line in unit.splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            found[name].append(value)
    return found


@pytest.mark.parametrize(("unit", "program"), [(UNIT, run), (OF_WORKERS, worker)])
def test_it_starts_a_command_that_there_is(unit, program):
    line = directives(unit)["ExecStart"][-1]
    _, *options, command = line.split()

    with tidings.make_context("tidings", [*options, command]) as context:
        assert context.params["path"] == Path("/etc/tidings/tidings.toml")
    assert subcommand(tidings, command) is program


def test_the_children_that_read_documents_can_do_what_they_have_to():
    unit = directives()

    assert "AF_UNIX" in unit["RestrictAddressFamilies"][0].split()
    assert unit["SystemCallFilter"] == ["@system-service", "~@privileged"]
    assert unit["OOMPolicy"] == ["continue"]
    assert "MemoryDenyWriteExecute" not in unit


def test_there_is_time_to_end_in_order():
    unit = directives()
    seconds = re.fullmatch(r"(\d+)s", unit["TimeoutStopSec"][0])[1]

    assert timedelta(seconds=int(seconds)) >= LONGEST_STOP
    assert unit["KillMode"] == ["mixed"]


def test_where_it_may_write_is_where_the_how_to_puts_things():
    unit, how_to = directives(), (ROOT / "docs" / "how-to" / "systemd.md").read_text("utf-8")
    folder = f"/var/lib/{unit['StateDirectory'][0]}"

    assert unit["ProtectSystem"] == ["strict"]
    assert unit["WorkingDirectory"] == [folder]
    assert f'url = "sqlite:///{folder}/tidings.db"' in how_to
    assert f'folder = "{folder}/outbox"' in how_to
    assert f"useradd --system --home-dir {folder}" in how_to


@pytest.mark.parametrize(
    "question", [("verify",), ("security", "--offline=true", f"--threshold={EXPOSED}")], ids=str
)
def test_systemd_understands_it_and_finds_it_shut_in(question, tmp_path):
    if not (analyze := shutil.which("systemd-analyze")):
        pytest.skip("systemd-analyze is not here")
    here = tmp_path / "tidings.service"  # `verify` looks for the program on this machine
    here.write_text(UNIT.replace("/opt/tidings/bin/tidings", sys.executable))

    asked = subprocess.run(
        [analyze, *question, here], capture_output=True, text=True, check=False, timeout=60
    )

    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert "tidings.service:" not in asked.stderr  # a directive that it does not know
