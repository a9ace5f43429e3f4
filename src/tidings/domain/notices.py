"""Letters that are no issue: what kinds there are, and for how long each is worth sending."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


class MessageKind(StrEnum):
    """What such a letter is for."""

    CONFIRM = "confirm"
    """Asks whether a sign-up was meant."""
    WELCOME = "welcome"
    GOODBYE = "goodbye"
    ADDRESS = "address"
    """Asks at a new address whether it is meant."""
    MOVED = "moved"
    """Tells at the old address that letters go elsewhere."""
    OPERATOR = "operator"
    """Tells the operator what to look at; at most one a day."""

    @property
    def is_of_list(self) -> bool:
        """Whether it goes to somebody who is, or was just now, on the newsletter's list."""
        return self in {MessageKind.WELCOME, MessageKind.GOODBYE}


LIFETIMES: Mapping[MessageKind, timedelta] = MappingProxyType(
    {
        MessageKind.CONFIRM: timedelta(days=2),
        MessageKind.WELCOME: timedelta(days=3),
        MessageKind.GOODBYE: timedelta(days=3),
        MessageKind.ADDRESS: timedelta(days=2),
        MessageKind.MOVED: timedelta(days=7),
        MessageKind.OPERATOR: timedelta(days=1),
    }
)
"""How long a letter is tried, before it would only puzzle who gets it."""
