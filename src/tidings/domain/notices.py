"""Letters that are no issue: what kinds there are, and for how long each is worth sending."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


class NoticeKind(StrEnum):
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
        return self in {NoticeKind.WELCOME, NoticeKind.GOODBYE}


LIFETIMES: Mapping[NoticeKind, timedelta] = MappingProxyType(
    {
        NoticeKind.CONFIRM: timedelta(days=2),
        NoticeKind.WELCOME: timedelta(days=3),
        NoticeKind.GOODBYE: timedelta(days=3),
        NoticeKind.ADDRESS: timedelta(days=2),
        NoticeKind.MOVED: timedelta(days=7),
        NoticeKind.OPERATOR: timedelta(days=1),
    }
)
"""How long a letter is tried, before it would only puzzle who gets it."""
