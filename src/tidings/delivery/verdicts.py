"""What a relay's refusal means: come back later, give up on the recipient, or look at ourselves."""

import re
from enum import StrEnum

from tidings.delivery.transports import Reply
from tidings.errors import (
    DeliveryError,
    RefusedForNowError,
    RejectedError,
    RelayUnreachableError,
    SenderFaultError,
)


class Stage(StrEnum):
    """What was asked of the relay when it refused."""

    SESSION = "session"
    """The connection itself: greeting, EHLO, STARTTLS, AUTH."""
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END = "end"
    """The letter is through; the relay says whether it takes it."""


CLOSING = 421
TOO_MUCH = 552

PROTOCOL_FAULTS = {500, 502, 503, 504, 521, 555}
"""The relay does not understand us, or does not want to."""

ACCESS_FAULTS = {530, 534, 535, 538}
"""The relay wants us to log in, or to do it otherwise."""

_SENDER_STATUS = re.compile(r"#?5\.(?:7\.\d+|1\.[78])\b")
"""Policy and security, or the sender's address. Not 5.5.x: a large provider says 5.5.0 of
mailboxes that do not exist, and real faults of protocol have codes of their own."""

_SYSTEM_STATUS = re.compile(r"#?4\.3\.\d+\b")
"""The relay itself is full or not well."""

_OF_RECIPIENT = re.compile(r"#?4\.[12]\.\d+\b|.*\bgr[ae]y-?list", re.IGNORECASE)
"""One mailbox, or whoever is seen for the first time: neither says anything of the others."""


def verdict(recipient: str, reply: Reply, stage: Stage) -> DeliveryError:
    """Return the error that a reply amounts to, given that it does not accept.

    A status 5.7.x stops the relay only before it knows the recipient: behind it stands
    sometimes one recipient's own server, and then nobody else is concerned.
    """
    knows_recipient = stage in {Stage.RCPT, Stage.DATA, Stage.END}
    because = str(reply)
    if reply.code // 100 == 4 or (reply.code == TOO_MUCH and stage is Stage.RCPT):
        stops = (
            not knows_recipient
            or reply.code == CLOSING
            or _SYSTEM_STATUS.match(reply.text) is not None
        )
        is_of_domain = not stops and _OF_RECIPIENT.match(reply.text) is None
        return RefusedForNowError(recipient, because, stops_relay=stops, is_of_domain=is_of_domain)
    if reply.code // 100 != 5:
        return RelayUnreachableError(
            recipient, f"answered out of turn: {because}", stops_relay=True
        )
    if reply.code in PROTOCOL_FAULTS | ACCESS_FAULTS:
        return SenderFaultError(recipient, because, stops_relay=True)
    if not knows_recipient and not (reply.code == TOO_MUCH and stage is Stage.MAIL):
        return SenderFaultError(recipient, because, stops_relay=True)
    if _SENDER_STATUS.match(reply.text):
        return SenderFaultError(recipient, because, is_of_domain=True)
    return RejectedError(recipient, because)
