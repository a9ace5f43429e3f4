"""Transports: the ways that messages leave, all alike to the sender."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tidings.errors import one_line

# Characters of a reply that are kept.
MAX_REPLY = 500

_ADDRESS = re.compile(r"[!-;=?-~]{1,254}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """From whom, and to whom: one recipient, whatever a message says.

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
class Reply:
    """What a relay said, on one printable line."""

    code: int
    text: str

    @classmethod
    def read(cls, code: int, said: bytes) -> "Reply":
        """Return a reply as it came from the wire."""
        return cls(code=code, text=one_line(said.decode(errors="replace"))[:MAX_REPLY])

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


# Sends a message, and returns what the relay said when it took it; else a `DeliveryError`.
#
# The callable is called once, right before the message goes on its way: what it raises stops the
# message, and before it nothing has gone out. A transport that can repeat without doubling never
# calls it. Every thread has a `Send` of its own.
Send = Callable[[Envelope, bytes, Callable[[], None]], Reply]

# Gives one thread its way out, kept open from message to message until the block ends.
Connect = Callable[[], AbstractContextManager[Send]]
