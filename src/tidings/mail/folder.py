"""The folder transport: a letter is a file, written whole or not at all."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from urllib.parse import quote

from tidings.errors import ConfigError, RelayUnreachableError
from tidings.mail.transport import Envelope, Reply, Send

# Characters of a file's name, before a hash stands for the rest.
MAX_NAME = 120

_MESSAGE_ID = re.compile(rb"^Message-ID: *<([^<>\r\n]+)>\r?$", re.IGNORECASE | re.MULTILINE)


class Folder:
    """A folder that letters are delivered to, for its owner alone: they hold private links.

    The same Message-ID is the same file. So a letter may be repeated for as long as its
    delivery is in doubt, and there is no marker to be set.

    Raises:
        ConfigError: The folder is not there and cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"[mail] folder: cannot make {path}: {error.strerror}") from error

    @contextmanager
    def connect(self) -> Iterator[Send]:
        """Give a thread its way into the folder."""
        yield self._send

    def _send(self, envelope: Envelope, letter: bytes, _mark: Callable[[], None]) -> Reply:
        name = _file_name(letter)
        try:
            _write(self._path, name, letter)
        except OSError as error:
            because = f"cannot write to {self._path}: {error.strerror}"
            raise RelayUnreachableError(envelope.recipient, because, stops_relay=True) from error
        return Reply(code=250, text=f"kept as {name}")


def _file_name(letter: bytes) -> str:
    head = letter.partition(b"\r\n\r\n")[0]
    match = _MESSAGE_ID.search(head)
    if match is None:
        raise ValueError("a letter without Message-ID")
    name = quote(match[1], safe="@+=").replace(".", "%2E", 1 if match[1][:1] == b"." else 0)
    if len(name) > MAX_NAME:
        name = f"{name[:MAX_NAME]}-{sha256(match[1]).hexdigest()[:16]}"
    return f"{name}.eml"


def _write(folder: Path, name: str, letter: bytes) -> None:
    """Write a file so that whoever looks sees all of it or nothing, even after a power cut."""
    descriptor, temporary = mkstemp(prefix=".", suffix=".part", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(letter)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(folder / name)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    _flush_names(folder)


def _flush_names(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
