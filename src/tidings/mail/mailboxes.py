"""Mailboxes that are read: a Maildir, or a folder on an IMAP server.

Nothing is ever deleted. A message is marked as read once what it says is saved; one that is of no
use stays unread, since people may read there as well.
"""

import imaplib
import ssl
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from tidings.errors import MailboxError
from tidings.mail.settings import MailboxSettings

# Messages that are read at a time; the others are read the next time.
MAX_MESSAGES = 1000

# Seconds for the connection, and for each answer.
TIMEOUT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadMessage:
    """An unread message.

    Attributes:
        raw: Its first bytes.
        finish: To be called when it has been processed; True marks it as read.
    """

    raw: bytes
    finish: Callable[[bool], None]


class Mailbox(Protocol):
    """Unread messages; those that were finished are not yielded again."""

    def unread(self) -> Generator[UnreadMessage, None, None]:
        """Yield unread messages, the oldest first.

        Raises:
            MailboxError: It cannot be read.
        """


class Maildir:
    """A folder with a file for each message, the unread ones in `new`.

    Args:
        path: Of the folder.
        max_size: Bytes of a message that are read.
    """

    def __init__(self, path: Path, *, max_size: int) -> None:
        self._path = path
        self._max_size = max_size

    def unread(self) -> Generator[UnreadMessage, None, None]:
        """Yield the messages in `new`; each moves to `cur` when it is finished.

        Raises:
            MailboxError: It cannot be read.
        """
        with self._translated():
            if not (self._path / "cur").is_dir():
                raise MailboxError(str(self._path), "not a Maildir")
            files = sorted(one for one in (self._path / "new").iterdir() if one.name[0] != ".")
        for file in files[:MAX_MESSAGES]:
            with self._translated():
                raw = _beginning(file, self._max_size)
            if raw is not None:
                yield UnreadMessage(raw=raw, finish=partial(self._finish, file))

    def _finish(self, file: Path, is_read: bool) -> None:  # noqa: FBT001 - as `Unread` has it
        name = file.name.partition(":")[0] + (":2,S" if is_read else ":2,")
        with self._translated(), suppress(FileNotFoundError):  # a mail program has moved it
            file.rename(self._path / "cur" / name)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise MailboxError(str(self._path), str(error.strerror)) from error


class Imap:
    """A folder on an IMAP server, always over TLS.

    It remembers the last UID, so that mail which is of no use, and stays unread, is fetched once.

    Args:
        settings: Which server and folder.
        max_size: Bytes of a message that are read.
    """

    def __init__(self, settings: MailboxSettings, *, max_size: int) -> None:
        self._settings = settings
        self._max_size = max_size
        self._validity = b""
        self._last = 0

    def unread(self) -> Generator[UnreadMessage, None, None]:
        """Yield the messages without the flag `Seen`.

        Raises:
            MailboxError: The server cannot be reached, or refuses.
        """
        with self._translated(), self._opened() as server:
            for number in self._unseen(server)[:MAX_MESSAGES]:
                raw = self._fetch(server, number)
                if raw is not None:
                    yield UnreadMessage(raw=raw, finish=partial(self._finish, server, number))

    @contextmanager
    def _opened(self) -> Iterator[imaplib.IMAP4_SSL]:
        settings = self._settings
        folder = settings.imap_folder.replace("\\", "\\\\").replace('"', '\\"')
        with imaplib.IMAP4_SSL(
            settings.imap_host,
            settings.imap_port,
            ssl_context=ssl.create_default_context(),
            timeout=TIMEOUT,
        ) as server:
            server.login(settings.imap_user, settings.imap_password)
            _answered(server.select(f'"{folder}"'))
            yield server

    def _unseen(self, server: imaplib.IMAP4_SSL) -> list[int]:
        validity = server.response("UIDVALIDITY")[1][0] or b""
        # Another UIDVALIDITY: the server has numbered the folder anew (RFC 3501, 2.3.1.1).
        if validity != self._validity:
            self._validity, self._last = validity, 0
        found = _answered(server.uid("SEARCH", "UID", f"{self._last + 1}:*", "UNSEEN"))
        numbers = sorted(map(int, b" ".join(filter(None, found)).split()))
        # `5:*` means `*:5` if the last message is number 3, and finds that one again.
        return [number for number in numbers if number > self._last]

    def _fetch(self, server: imaplib.IMAP4_SSL, number: int) -> bytes | None:
        # PEEK: a plain BODY[] sets the flag `Seen`.
        what = f"(BODY.PEEK[]<0.{self._max_size}>)"
        answer = _answered(server.uid("FETCH", str(number), what))
        return next((bytes(one[1]) for one in answer if isinstance(one, tuple)), None)

    def _finish(self, server: imaplib.IMAP4_SSL, number: int, is_read: bool) -> None:  # noqa: FBT001 - as `Unread` has it
        if is_read:
            with self._translated():
                _answered(server.uid("STORE", str(number), "+FLAGS.SILENT", r"(\Seen)"))
        self._last = number

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OSError, imaplib.IMAP4.error) as error:
            said = error.args[0] if error.args else type(error).__name__
            because = said.decode(errors="replace") if isinstance(said, bytes) else str(error)
            raise MailboxError(self._settings.imap_host, because) from error


def mailboxes_of(settings: MailboxSettings, *, max_size: int) -> list[Mailbox]:
    """Return the mailboxes that settings name, of whose messages so many bytes are read."""
    folders: list[Mailbox] = []
    if settings.maildir:
        folders.append(Maildir(Path(settings.maildir), max_size=max_size))
    if settings.imap_host:
        folders.append(Imap(settings, max_size=max_size))
    return folders


def _beginning(file: Path, size: int) -> bytes | None:
    try:
        with file.open("rb") as message:
            return message.read(size)
    except FileNotFoundError:  # a mail program has moved it
        return None


def _answered(answer: tuple[str, list[Any]]) -> list[Any]:
    status, data = answer
    if status != "OK":
        raise imaplib.IMAP4.error(data[0] if data else status)
    return data
