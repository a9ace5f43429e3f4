"""Webhooks of our own, signed as Standard Webhooks has it (standardwebhooks.com, version 1.0.0)."""

import hmac
import json
from base64 import b64decode, b64encode
from datetime import datetime
from http import HTTPStatus
from secrets import token_bytes

from tidings.channels.pace import TellResult
from tidings.errors import BrokenTransferError, FetchError, InvalidError
from tidings.fetching.outcomes import BodyPost
from tidings.fetching.post import PostOutcome
from tidings.model.channels import Announcement

PREFIX = "whsec_"

# Bytes of a secret: what the standard allows, and what ours have.
SHORTEST, LONGEST, OURS = 24, 64, 32


def new_secret() -> str:
    """Return a new secret, as receivers are given it."""
    return PREFIX + b64encode(token_bytes(OURS)).decode()


def checked_secret(text: str) -> str:
    """Return a secret that the operator brings along.

    Raises:
        InvalidError: It is none; the message does not hold it.
    """
    try:
        size = len(b64decode(text.removeprefix(PREFIX), validate=True))
    except ValueError:
        size = 0
    if not text.startswith(PREFIX) or not SHORTEST <= size <= LONGEST:
        because = f"expected {PREFIX} and {SHORTEST} to {LONGEST} bytes in base64"
        raise InvalidError("secret", "…", because)
    return text


def post_of(
    url: str, announcement: Announcement, *, secret: str, key: str, now: datetime
) -> BodyPost:
    """Return the request that tells a webhook; another attempt has the same key and body."""
    document = {
        "type": announcement.kind,
        "timestamp": announcement.at.isoformat(),
        "data": announcement.data,
    }
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    at = str(int(now.timestamp()))
    return BodyPost(
        url=url,
        body=body,
        headers={
            "Content-Type": "application/json",
            "Accept": "*/*",
            "Idempotency-Key": key,
            "webhook-id": key,
            "webhook-timestamp": at,
            "webhook-signature": _signature(body, secret=secret, key=key, at=at),
        },
    )


def judge(outcome: PostOutcome) -> TellResult:
    """Return what a webhook's response means."""
    if isinstance(outcome, FetchError):
        # Without the address, of which only the host may be shown; and without what a broken
        # answer said, which comes after the colon.
        is_quoted = isinstance(outcome, BrokenTransferError)
        return TellResult(
            because=outcome.because.partition(":")[0] if is_quoted else outcome.because
        )
    if 200 <= outcome.status < 300:
        return TellResult()
    return TellResult(
        # Not what it says beside the status: that may quote what is secret.
        because=_named(outcome.status),
        retry_after=outcome.retry_after,
        is_gone=outcome.status == HTTPStatus.GONE,
    )


def _signature(body: bytes, *, secret: str, key: str, at: str) -> str:
    signing = b64decode(secret.removeprefix(PREFIX))
    signed = hmac.digest(signing, f"{key}.{at}.".encode() + body, "sha256")
    return f"v1,{b64encode(signed).decode()}"


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
