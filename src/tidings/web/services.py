"""The interfaces that the web layer needs from the rest of the program."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from tidings.model.newsletters import Ending, Subscription
from tidings.model.scopes import Address, CacheValidator
from tidings.model.subscribers import Network, Visitor
from tidings.model.websub import Intent, Push
from tidings.operator.delivery_desk import DeliveryDesk
from tidings.operator.inbox_desk import InboxDesk
from tidings.operator.moderation import OperatorActions, Overview
from tidings.operator.newsletter_desk import NewsletterDesk
from tidings.operator.people_desk import PeopleDesk
from tidings.operator.service import ServiceDesk
from tidings.operator.sessions import Sessions
from tidings.operator.source_desk import SourceDesk
from tidings.subscribers.address_change import AddressChanges
from tidings.subscribers.preferences import SubscriberPreferences
from tidings.subscribers.sign_up import NewsletterChoices, SignUps
from tidings.templating.site import Operator


class PublishedDocuments(Protocol):
    """Everything that is published, by address."""

    def state(self) -> object:
        """Return a value that differs once anything may have changed; for every request."""

    def stamp(self, address: Address) -> CacheValidator:
        """Return the stamp of `address`, by which copies are compared; one quick read.

        Raises:
            NotFoundError: There is nothing at that address.
        """

    def body(self, address: Address, *, operator: Operator | None = None) -> bytes:
        """Render what is at `address`; for an operator with their buttons.

        Raises:
            NotFoundError: There is nothing at that address.
        """


class Unsubscribing(Protocol):
    """Ending subscriptions by unsubscribe links."""

    def find(self, token: str) -> Subscription:
        """Return the subscription of a link, ended or not.

        Raises:
            NotFoundError: There is no such link (`link`), or nobody has it any more.
        """

    def end(self, token: str, because: Ending, *, visitor: Visitor) -> None:
        """End the subscription of a link; idempotent.

        Raises:
            NotFoundError: As for `find`.
        """

    def undo(self, token: str, *, visitor: Visitor) -> None:
        """Restore a subscription that its subscriber ended.

        Raises:
            ConflictError: It ended too long ago, or was not ended by its subscriber.
            NotFoundError: As for `find`.
        """

    def slow_down(self, token: str, frequency: str, *, visitor: Visitor) -> None:
        """Change the frequency.

        Raises:
            InvalidError: There is no such frequency.
            ConflictError: The subscription has ended.
            NotFoundError: As for `find`.
        """


class Callbacks(Protocol):
    """The callback of hubs, by the token in the address that each was given."""

    def confirm(self, token: str, intent: Intent) -> None:
        """Agree to what a hub is about to do, if we asked for it (W3C WebSub, 5.3).

        Raises:
            NotFoundError: There is no such subscription, or we did not ask for this.
        """

    def room_for(self, token: str) -> int:
        """Return how many bytes a push may have.

        Raises:
            NotFoundError: There is no such subscription, or no hub may push for it now.
        """

    def receive(self, token: str, push: Push, signatures: Sequence[str]) -> None:
        """Save what a hub pushed, if its signature is right.

        Raises:
            NotFoundError: As for `room_for`.
        """


class SubscriberServices(NamedTuple):
    """The use cases of subscribers and of people who sign up; thread-safe.

    Attributes:
        languages: Those that messages are available in.
    """

    offers: NewsletterChoices
    subscribing: SignUps
    preferences: SubscriberPreferences
    moving: AddressChanges
    languages: Collection[str]


class OperatorServices(NamedTuple):
    """The use cases of operators; thread-safe."""

    sessions: Sessions
    operating: OperatorActions
    overview: Overview
    newsletters: NewsletterDesk
    deliveries: DeliveryDesk
    people: PeopleDesk
    service: ServiceDesk
    sources: SourceDesk
    inbox: InboxDesk


class TokenServices(NamedTuple):
    """What is behind addresses and forms with a token; thread-safe.

    Attributes:
        subscribers: None without a secret: nobody can sign up.
        trusted: Proxies whose `X-Forwarded-For` is believed.
        clock: Aware UTC.
        operators: None without a secret: nobody can sign in.
    """

    unsubscribing: Unsubscribing
    callbacks: Callbacks
    subscribers: SubscriberServices | None
    trusted: Sequence[Network]
    clock: Callable[[], datetime]
    operators: OperatorServices | None = None


class Check(NamedTuple):
    """A condition without which the service does not work."""

    name: str
    ok: bool
    detail: str


class Probes(NamedTuple):
    """Health and metrics; thread-safe.

    Attributes:
        health: The conditions of `/health/ready`.
        metrics: In the text format of Prometheus.
        status: The public status page.
        figures: The same as JSON.
    """

    health: Callable[[], Sequence[Check]]
    metrics: Callable[[], bytes]
    status: Callable[[], bytes]
    figures: Callable[[], bytes]
