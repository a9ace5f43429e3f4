"""Webhooks are signed so that anybody's library for Standard Webhooks can tell."""

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from parsed_entries import NOON
from tidings.channels.webhook import checked_secret, judge, new_secret, post_of
from tidings.errors import BrokenTransferError, InvalidError, TimedOutError
from tidings.fetching.outcomes import PostReply
from tidings.model.channels import Announcement

# That of the tests of the standard's own libraries, as is the signature below.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ANNOUNCEMENT = Announcement(
    kind="test", title="Tides", lines=(), link="https://a.example", at=NOON, data={"items": ["é"]}
)


def hmac_by_definition(key, text):
    """RFC 2104, without a library that ours could share a fault with."""
    padded = key.ljust(64, b"\0")
    inner = sha256(bytes(byte ^ 0x36 for byte in padded) + text).digest()
    return sha256(bytes(byte ^ 0x5C for byte in padded) + inner).digest()


def signature_of(post, secret):
    headers = post.headers
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + post.body
    key = b64decode(secret.removeprefix("whsec_"))
    return "v1," + b64encode(hmac_by_definition(key, text)).decode()


def test_the_verification_of_these_tests_is_that_of_the_standard():
    text = b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'
    key = b64decode(SECRET.removeprefix("whsec_"))

    signature = b64encode(hmac_by_definition(key, text)).decode()

    assert signature == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_webhook_carries_a_signature_of_its_key_time_and_body():
    now = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)

    post = post_of("https://a.example/in", ANNOUNCEMENT, secret=SECRET, key="k-1", now=now)

    assert post.headers["webhook-id"] == post.headers["Idempotency-Key"] == "k-1"
    assert int(post.headers["webhook-timestamp"]) == now.timestamp()
    assert post.headers["webhook-signature"] == signature_of(post, SECRET)
    assert post.headers["Content-Type"] == "application/json"
    assert json.loads(post.body) == {
        "type": "test",
        "timestamp": "2026-11-20T12:00:00+00:00",
        "data": {"items": ["é"]},
    }


def test_a_new_secret_is_one_that_could_be_brought_along():
    assert checked_secret(new_secret())
    assert new_secret() != new_secret()
    assert checked_secret(SECRET) == SECRET


@pytest.mark.parametrize("text", ["none", "whsec_c2hvcnQ=", SECRET[6:], "whsec_" + "é" * 40])
def test_what_is_no_secret_is_refused_without_being_told(text):
    with pytest.raises(InvalidError) as refused:
        checked_secret(text)

    assert text not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "because", "is_gone"),
    [
        (200, None, False),
        (204, None, False),
        (302, "302 Found", False),
        (404, "404 Not Found", False),
        (410, "410 Gone", True),
        (599, "599", False),
    ],
)
def test_only_a_success_is_one(status, because, is_gone):
    result = judge(PostReply(url="https://a.example/secret", status=status, text="secret"))

    assert (result.because, result.is_gone) == (because, is_gone)


def test_an_error_does_not_tell_what_a_broken_answer_said():
    error = BrokenTransferError("https://a.example/in", "the answer is not HTTP: b'X: secret'")

    assert judge(error).because == "the answer is not HTTP"


def test_an_error_does_not_tell_the_address():
    error = TimedOutError("https://a.example/secret", "no answer within 15 s")

    assert judge(error).because == "no answer within 15 s"
