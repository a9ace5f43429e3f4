"""The folder transport: each message is a file, written whole or not at all."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from urllib.parse import quote

from tidings.db.durable_files import fsync_folder
from tidings.errors import ConfigError, RelayUnreachableError
from tidings.mail.transport import OutgoingMessage, Reply, Send

# Characters of a file's name before a hash replaces the rest; file systems take 255 bytes.
MAX_NAME = 120

_MESSAGE_ID = re.compile(rb"^Message-ID: *<([^<>\r\n]+)>\r?$", re.IGNORECASE | re.MULTILINE)


class Folder:
    """A folder that messages are written to, readable by its owner alone: they hold private links.

    The same Message-ID is the same file: repeating a message doubles nothing, so no marker is set.

    Raises:
        ConfigError: The folder does not exist and cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"[mail] folder: cannot make {path}: {error.strerror}") from error

    @contextmanager
    def connect(self) -> Iterator[Send]:
        """Give a thread its way into the folder; all share it."""
        yield self._send

    def _send(
        self,
        message: OutgoingMessage,
        mark: Callable[[], None],  # noqa: ARG002 - of those that cannot repeat
        *,
        following: OutgoingMessage | None = None,  # noqa: ARG002 - of those that can pipeline
    ) -> Reply:
        name = _file_name(message.content)
        try:
            _write(self._path, name, message.content)
        except OSError as error:
            because = f"cannot write to {self._path}: {error.strerror}"
            recipient = message.envelope.recipient
            raise RelayUnreachableError(recipient, because, stops_relay=True) from error
        return Reply(code=250, text=f"kept as {name}")


def _file_name(content: bytes) -> str:
    head = content.partition(b"\r\n\r\n")[0]
    match = _MESSAGE_ID.search(head)
    if match is None:
        raise ValueError("a letter without Message-ID")
    name = quote(match[1], safe="@+=").replace(".", "%2E", 1 if match[1][:1] == b"." else 0)
    if len(name) > MAX_NAME:
        name = f"{name[:MAX_NAME]}-{sha256(match[1]).hexdigest()[:16]}"
    return f"{name}.eml"


def _write(folder: Path, name: str, content: bytes) -> None:
    """Write a file atomically, even in a power cut: synced, renamed, and the folder synced."""
    descriptor, temporary = mkstemp(prefix=".", suffix=".part", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(folder / name)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    fsync_folder(folder)
