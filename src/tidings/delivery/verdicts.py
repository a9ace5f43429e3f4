"""What a relay's refusal means: come back later, give up on the recipient, or look at ourselves."""

import re
from enum import StrEnum

from tidings.delivery.transports import Reply
from tidings.domain.refusals import RefusalSubject, names_size, subject_of
from tidings.errors import (
    DeliveryError,
    RefusedForNowError,
    RejectedError,
    RelayUnreachableError,
    SenderFaultError,
)


class SmtpStage(StrEnum):
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

_SYSTEM_STATUS = re.compile(r"#?4\.3\.\d+\b")
"""The relay itself is full or not well."""

_OF_RECIPIENT = re.compile(r"#?4\.[12]\.\d+\b|.*\bgr[ae]y-?list", re.IGNORECASE)
"""One mailbox, or whoever is seen for the first time: neither says anything of the others."""


def error_of_reply(recipient: str, reply: Reply, stage: SmtpStage) -> DeliveryError:
    """Return the error that a reply amounts to, given that it does not accept.

    Before it knows the recipient, a relay that refuses refuses us. Afterwards its words say
    whom it means; where they do not, the answer to the recipient's name is about them, and the
    answer to the letter about the letter.
    """
    knows_recipient = stage in {SmtpStage.RCPT, SmtpStage.DATA, SmtpStage.END}
    because, subject = str(reply), subject_of(reply.text)
    is_full = (
        reply.code == TOO_MUCH and stage is SmtpStage.RCPT and subject is not RefusalSubject.OURS
    )
    if reply.code // 100 == 4 or is_full:
        return _for_now(recipient, reply, knows_recipient=knows_recipient)
    if reply.code // 100 != 5:
        return RelayUnreachableError(
            recipient, f"answered out of turn: {because}", stops_relay=True
        )
    if reply.code in PROTOCOL_FAULTS | ACCESS_FAULTS:
        return SenderFaultError(recipient, because, stops_relay=True)
    is_of_size = reply.code == TOO_MUCH or names_size(reply.text)
    if is_of_size and not (knows_recipient and subject is RefusalSubject.RECIPIENT):
        return SenderFaultError(recipient, because)  # other issues may be smaller
    if not knows_recipient:
        return SenderFaultError(recipient, because, stops_relay=True)
    return _for_good(recipient, because, subject, stage)


def _for_good(
    recipient: str, because: str, subject: RefusalSubject, stage: SmtpStage
) -> DeliveryError:
    if subject is RefusalSubject.PACE:
        return RefusedForNowError(recipient, because)
    if subject is RefusalSubject.UNKNOWN:
        subject = RefusalSubject.RECIPIENT if stage is SmtpStage.RCPT else RefusalSubject.OURS
    if subject is RefusalSubject.RECIPIENT:
        return RejectedError(recipient, because)
    return SenderFaultError(recipient, because, is_of_domain=True)


def _for_now(recipient: str, reply: Reply, *, knows_recipient: bool) -> RefusedForNowError:
    stops = (
        not knows_recipient or reply.code == CLOSING or _SYSTEM_STATUS.match(reply.text) is not None
    )
    is_of_domain = not stops and _OF_RECIPIENT.match(reply.text) is None
    return RefusedForNowError(recipient, str(reply), stops_relay=stops, is_of_domain=is_of_domain)
