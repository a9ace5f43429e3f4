"""The doctor on the relay: whether it is there, wants us, and takes what we send."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from tidings.delivery.inquiry import RelayOffer, ask_relay
from tidings.delivery.settings import SmtpSettings
from tidings.domain.findings import Finding, ok, problem, warning
from tidings.errors import DeliveryError

ENOUGH_SIZE = 300_000
"""Bytes of the largest letter, in base64."""

SOON = timedelta(days=14)

USEFUL = ("8bitmime", "pipelining", "smtputf8")


def examine_relay(smtp: SmtpSettings, *, now: datetime) -> Iterator[Finding]:
    """Begin a session as for a letter: connection, certificate, AUTH."""
    what = f"relay {smtp.host}:{smtp.port}"
    try:
        offer = ask_relay(smtp)
    except DeliveryError as error:
        yield problem(what, error.because, "compare [smtp] with what its provider says")
        return
    security = "no encryption, on this machine" if smtp.security == "none" else smtp.security
    login = f"AUTH as {smtp.user}" if smtp.user else "no AUTH"
    offered = ", ".join(one.upper() for one in USEFUL if one in offer.extensions)
    yield ok(what, f"answers; {security}; {login}; offers {offered or 'no extensions'}")
    yield from _limits(what, offer, now=now)


def _limits(what: str, offer: RelayOffer, *, now: datetime) -> Iterator[Finding]:
    size = offer.extensions.get("size", "")
    if size.isdecimal() and 0 < int(size) < ENOUGH_SIZE:
        said = f"takes letters of {size} bytes at most"
        yield problem(what, said, f"let it take {ENOUGH_SIZE} bytes")
    if offer.valid_until is not None and offer.valid_until - now < SOON:
        said = f"its certificate ends on {offer.valid_until:%Y-%m-%d}"
        yield warning(what, said, "see that it is renewed: without it no letter leaves")
    if "pipelining" not in offer.extensions:
        said = "without PIPELINING each letter takes three round trips more"
        yield warning(what, said, "nothing, unless letters leave too slowly")
