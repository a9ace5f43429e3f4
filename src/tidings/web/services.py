"""What the web asks of the rest of the program."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from tidings.model.newsletters import Ending, Subscription
from tidings.model.scopes import Address, CacheValidator
from tidings.model.subscribers import Network, Visitor
from tidings.model.websub import Intent, Push
from tidings.operator.moderation import OperatorActions, Overview
from tidings.operator.sessions import Sessions
from tidings.subscribers.address_change import AddressChanges
from tidings.subscribers.preferences import SubscriberPreferences
from tidings.subscribers.sign_up import NewsletterChoices, SignUps
from tidings.templating.site import Operator


class Publication(Protocol):
    """Everything that is published, by address."""

    def stamp(self, address: Address) -> CacheValidator:
        """Return what tells whether a copy of `address` is current; one quick read.

        Raises:
            NotFoundError: There is nothing at that address.
        """

    def body(self, address: Address, *, operator: Operator | None = None) -> bytes:
        """Render what is at `address`; a page for an operator, if one looks at it.

        Raises:
            NotFoundError: There is nothing at that address.
        """


class Unsubscribing(Protocol):
    """The ends of subscriptions, by the token in a link."""

    def find(self, token: str) -> Subscription:
        """Return the subscription that a link is for, ended or not; nothing changes.

        Raises:
            NotFoundError: There is no such link (`link`), or nobody has it any more.
        """

    def end(self, token: str, because: Ending, *, visitor: Visitor) -> None:
        """End the subscription that a link is for, unless that has happened before.

        Raises:
            NotFoundError: As for `find`.
        """

    def undo(self, token: str, *, visitor: Visitor) -> None:
        """Let a subscription that its reader ended go on as it was.

        Raises:
            ConflictError: It ended too long ago, or was not ended by its reader.
            NotFoundError: As for `find`.
        """

    def slow_down(self, token: str, frequency: str, *, visitor: Visitor) -> None:
        """Let letters come as often as said.

        Raises:
            InvalidError: There is no such frequency.
            ConflictError: The subscription has ended.
            NotFoundError: As for `find`.
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


class Readers(NamedTuple):
    """What serves those who read newsletters, or would; asked from many threads.

    Attributes:
        languages: In which letters are written.
    """

    offers: NewsletterChoices
    subscribing: SignUps
    preferences: SubscriberPreferences
    moving: AddressChanges
    languages: Collection[str]


class Operators(NamedTuple):
    """What serves operators; asked from many threads."""

    sessions: Sessions
    operating: OperatorActions
    overview: Overview


class Tokens(NamedTuple):
    """What is behind addresses and forms that hold a token; asked from many threads.

    Attributes:
        readers: None where nothing signs links, and so nobody can sign up.
        trusted: Proxies that are believed about where a visitor comes from.
        clock: Tells until when who left can come back.
        operators: None where nothing signs, and so nobody can sign in.
    """

    unsubscribing: Unsubscribing
    callbacks: Callbacks
    readers: Readers | None
    trusted: Sequence[Network]
    clock: Callable[[], datetime]
    operators: Operators | None = None


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
        status: The page that tells everybody how the service does.
    """

    health: Callable[[], Sequence[Check]]
    metrics: Callable[[], bytes]
    status: Callable[[], bytes]
