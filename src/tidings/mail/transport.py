"""The interface that transports share: SMTP, or a folder."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from tidings.errors import one_line

# Characters of a reply that are kept.
MAX_REPLY = 500

_ADDRESS = re.compile(r"[!-;=?-~]{1,254}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The SMTP envelope: one sender, one recipient, independent of the headers.

    Raises:
        ValueError: One of the two is no address in ASCII.
    """

    sender: str
    recipient: str

    def __post_init__(self) -> None:
        for address in (self.sender, self.recipient):
            if _ADDRESS.fullmatch(address) is None:
                raise ValueError(f"not an address: {address!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message as it goes to the relay.

    Attributes:
        content: Headers and body; the same bytes whenever it is sent again.
    """

    envelope: Envelope
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A relay's reply, on one printable line."""

    code: int
    text: str

    @classmethod
    def read(cls, code: int, said: bytes) -> "Reply":
        """Decode a reply."""
        return cls(code=code, text=one_line(said.decode(errors="replace"))[:MAX_REPLY])

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


class Send(Protocol):
    """Sends messages over one connection; every thread has one of its own."""

    def __call__(
        self,
        message: OutgoingMessage,
        mark: Callable[[], None],
        *,
        following: OutgoingMessage | None = None,
    ) -> Reply:
        """Send a message, and return the reply that accepts it.

        Args:
            message: What is sent.
            mark: Sets the marker: it is called once, right before the payload is written, and what
                it raises stops the message. A transport that can repeat a message without doubling
                it never calls it.
            following: What is most likely sent next. Its envelope may go with this payload; nothing
                more of it does, so something else may be sent next, or nothing.

        Raises:
            DeliveryError: It was not accepted, or nobody knows.
        """


# Opens a connection for one thread, which stays open until the block ends.
Connect = Callable[[], AbstractContextManager[Send]]
