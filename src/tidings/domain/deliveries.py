"""Deliveries as the operator meets them: what is known of one, and what may be done with it."""

from dataclasses import dataclass
from datetime import datetime

from tidings.domain.newsletters import DeliveryState

RESENDABLE = (
    DeliveryState.ASSUMED_ACCEPTED,
    DeliveryState.UNCERTAIN,
    DeliveryState.HELD,
    DeliveryState.REJECTED,
    DeliveryState.EXPIRED,
)
"""The states out of which the operator may have a letter sent."""

CANCELLABLE = (
    DeliveryState.READY,
    DeliveryState.DEFERRED,
    DeliveryState.HELD,
    DeliveryState.UNCERTAIN,
)
"""The states out of which the operator may take a letter back."""

DOUBTFUL = (DeliveryState.UNCERTAIN, DeliveryState.ASSUMED_ACCEPTED)
"""The states of letters that may have arrived, and may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """A delivery with everything that is known of it.

    Attributes:
        subscriber: The address.
        newsletter: The slug.
        issue: The id.
        may_have_arrived: The payload was about to be written, and nobody saw it refused.
    """

    id: int
    subscriber: str
    newsletter: str
    issue: int
    slot: str
    state: DeliveryState
    attempts: int
    message_id: str
    reply: str | None
    planned_at: datetime
    next_try_at: datetime
    expires_at: datetime
    finished_at: datetime | None
    may_have_arrived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which deliveries to list; what is None does not matter.

    Attributes:
        newsletter: A slug.
        issue: An id.
        key: Of the subscriber: the address as it is told apart.
    """

    state: DeliveryState | None = None
    newsletter: str | None = None
    issue: int | None = None
    key: str | None = None
