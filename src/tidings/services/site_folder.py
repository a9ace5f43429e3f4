"""The folder of the static site: what is in it of ours, and how it is changed."""

import fcntl
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from tidings.errors import ConfigError, ConflictError

MANIFEST = ".tidings.json"
"""Names the files that are ours."""

UNFINISHED = ".tidings.part"
"""What is being written; it gets its name when it is complete."""


class Known(NamedTuple):
    """A file as it was last written; both are empty while it is being changed."""

    stamp: str
    digest: str


class SiteFolder:
    """A folder that nobody else changes meanwhile, and its list of our files.

    A file is replaced by one step. The list is written before anything is changed, with what
    is about to be, and again at the end: after a crash it still names all that is ours, and
    says of nothing that it is current that may not be.
    """

    def __init__(self, folder: Path, known: dict[str, Known]) -> None:
        self._folder = folder
        self._known = known

    def is_current(self, path: str, stamp: str) -> bool:
        """Return whether a file is there and has this stamp."""
        known = self._known.get(path)
        return known is not None and known.stamp == stamp and (self._folder / path).is_file()

    def others_than(self, paths: Collection[str]) -> list[str]:
        """Return our files that are not among `paths`."""
        return [path for path in self._known if path not in paths]

    def begin(self, paths: Collection[str]) -> dict[str, str]:
        """Note that these are about to be written; return the digests of what they were."""
        digests = {path: self._known[path].digest for path in paths if path in self._known}
        self._known |= dict.fromkeys(paths, Known("", ""))
        self.save()
        return digests

    def put(self, path: str, body: bytes, *, stamp: str, former: str) -> bool:
        """Write a file unless it is there with the digest `former` and would be the same."""
        digest = sha256(body).hexdigest()
        target = self._folder / path
        is_new = digest != former or not target.is_file()
        if is_new:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._replace(target, body)
        self._known[path] = Known(stamp, digest)
        return is_new

    def remove(self, path: str) -> None:
        """Remove a file of ours, and the folders that are empty then."""
        target = self._folder / path
        target.unlink(missing_ok=True)
        del self._known[path]
        with suppress(OSError):  # one of them holds something else
            for parent in target.relative_to(self._folder).parents[:-1]:
                (self._folder / parent).rmdir()

    def save(self) -> None:
        """Write the list."""
        listed = json.dumps({"files": self._known}, indent=0, sort_keys=True)
        self._replace(self._folder / MANIFEST, listed.encode())

    def _replace(self, target: Path, body: bytes) -> None:
        unfinished = self._folder / UNFINISHED
        unfinished.write_bytes(body)
        unfinished.replace(target)


@contextmanager
def opened(folder: Path) -> Iterator[SiteFolder]:
    """Open a folder, which is made if it is not there.

    Raises:
        ConfigError: It cannot be written to, or its list cannot be read.
        ConflictError: Another process writes into it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
        try:
            _take(lock, folder)
            yield SiteFolder(folder, _read(folder / MANIFEST))
        finally:
            os.close(lock)
    except OSError as error:
        raise ConfigError(f"cannot write {error.filename or folder}: {error.strerror}") from error


def _take(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        because = "is being written by another process"
        raise ConflictError("folder", str(folder), because=because) from error


def _read(manifest: Path) -> dict[str, Known]:
    if not manifest.exists():
        return {}
    try:
        listed = json.loads(manifest.read_bytes())["files"]
        return {path: Known(*known) for path, known in listed.items() if _is_below(path)}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"{manifest} cannot be read: remove it to have everything written anew"
        ) from error


def _is_below(path: str) -> bool:
    """Return whether a path stays in its folder, whoever wrote it."""
    return not path.startswith("/") and ".." not in path.split("/")
