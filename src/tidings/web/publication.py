"""What the web asks of the rest of the program."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from tidings.domain.newsletters import Subscription
from tidings.domain.publishing import Address, Stamp
from tidings.domain.websub import Intent, Push


class Publication(Protocol):
    """Everything that is published, by address."""

    def stamp(self, address: Address) -> Stamp:
        """Return what tells whether a copy of `address` is current; one quick read.

        Raises:
            NotFoundError: There is nothing at that address.
        """

    def body(self, address: Address) -> bytes:
        """Render what is at `address`.

        Raises:
            NotFoundError: There is nothing at that address.
        """


class Unsubscribing(Protocol):
    """The ends of subscriptions, by the token in a link."""

    def find(self, token: str) -> Subscription:
        """Return the subscription that a link is for, ended or not; nothing changes.

        Raises:
            NotFoundError: There is no such link, or nobody has it any more.
        """

    def end(self, token: str) -> None:
        """End the subscription that a link is for, unless that has happened before.

        Raises:
            NotFoundError: There is no such link.
        """


class Callbacks(Protocol):
    """What hubs call us for, by the token in the address that each was given."""

    def confirm(self, token: str, intent: Intent) -> None:
        """Take note of what a hub is about to do, if we agree.

        Raises:
            NotFoundError: There is no such subscription, or we did not ask for this.
        """

    def room_for(self, token: str) -> int:
        """Return how many bytes a push may have.

        Raises:
            NotFoundError: There is no such subscription, or no hub may push for it now.
        """

    def receive(self, token: str, push: Push, signatures: Sequence[str]) -> None:
        """Keep what a hub sent, if it is rightly signed.

        Raises:
            NotFoundError: As for `room_for`.
        """


class Tokens(NamedTuple):
    """What is behind addresses that hold a token; asked from many threads."""

    unsubscribing: Unsubscribing
    callbacks: Callbacks


class Check(NamedTuple):
    """One thing that must hold for the service to do its work."""

    name: str
    ok: bool
    detail: str


class Probes(NamedTuple):
    """What those who watch over the service ask for; asked from many threads.

    Attributes:
        health: What must hold, for `/health/ready`.
        metrics: The figures in the text format of Prometheus.
    """

    health: Callable[[], Sequence[Check]]
    metrics: Callable[[], bytes]
