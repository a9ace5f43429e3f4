"""Signatures, as somebody else's program reads them."""

import re

import dkim
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dkim_keys import key_of, signer_of
from sample_issues import issue_of, list_headers_of, recipient_of
from tidings.errors import ConfigError
from tidings.mail.dkim import Signer
from tidings.mail.message import prepare_issue
from tidings.mail.settings import DkimSettings
from tidings.model.newsletters import UNSUBSCRIBE_URL

LETTER = prepare_issue(
    issue_of(subject="\u6f6e\u6c50 " * 30, text=f"One  two \t\n\n{UNSUBSCRIBE_URL}\n\n\n"),
    list_headers_of(archive_url="https://news.example.org/issues"),
).message_to(recipient_of())


def is_believed(letter, signer):
    asked = []

    def texts(name, **_):
        asked.append(name.decode().rstrip("."))
        return signer.record.encode()

    believed = dkim.verify(letter, dnsfunc=texts)
    assert asked == [signer.name] == ["news._domainkey.example.org"]
    return believed


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_others_believe_a_letter_as_it_is_and_as_relays_pass_it_on(kind):
    signer = signer_of(kind)

    signed = signer.signed(LETTER)

    assert is_believed(signed, signer)
    assert is_believed(b"Received: from a by b\r\n" + signed + b"\r\n\r\n", signer)
    assert is_believed(re.sub(rb"\r\n (?==\?utf)", b"\r\n\t  ", signed), signer)
    assert signed.endswith(LETTER)
    assert max(map(len, signed.partition(b"From:")[0].split(b"\r\n"))) <= 78


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(
            b"Auto-Submitted", b"Bcc: x@example.org\r\nFrom: x@example.org\r\nA", id="From"
        ),
        pytest.param(b"Auto-Submitted", b"Subject: Won!\r\nA", id="a second Subject"),
        pytest.param(b"=One-Click", b"=Two-Clicks", id="List-Unsubscribe-Post"),
        pytest.param(b"<https://news", b"<https://evil", id="List-Unsubscribe"),
        pytest.param(b"ann@", b"bob@", id="To"),
        pytest.param(b"Hello", b"Hullo", id="the body"),
        pytest.param(b"--\r\n", b"--\r\nmore\r\n", id="something behind the body"),
    ],
)
def test_nobody_believes_a_letter_that_was_changed(old, new):
    signer = signer_of("ed25519")
    signed = signer.signed(LETTER)
    assert old in signed

    believed = is_believed(signed.replace(old, new), signer)

    assert not believed


def test_a_letter_that_is_sent_again_is_the_same_byte_for_byte():
    assert signer_of().signed(LETTER) == signer_of().signed(LETTER)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    body=st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"=20", b"."]), max_size=30).map(
        b"".join
    ),
    value=st.lists(st.sampled_from(["b", " ", "\t", "\r\n ", ":"]), max_size=20).map("".join),
)
def test_blanks_and_empty_lines_are_read_as_others_read_them(body, value):
    signer = signer_of("ed25519")
    letter = f"From: a@example.org\r\nsubJect: x{value}y\r\n\r\n".encode() + body + b"\r\n"

    assert is_believed(signer.signed(letter), signer)


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        pytest.param({"key": "secret"}, "no private key in PEM", id="no key"),
        pytest.param({"key": key_of("ec")}, "neither an RSA nor an Ed25519", id="another kind"),
        pytest.param({"selector": ""}, "set all three", id="no selector"),
        pytest.param({"domain": "example.org; h=x"}, "a name as in DNS", id="no domain"),
    ],
)
def test_a_key_that_cannot_sign_is_refused_at_start(changes, because):
    with pytest.raises(ConfigError, match=because) as refused:
        signer_of(**changes)

    assert "PRIVATE" not in str(refused.value)


def test_without_a_key_nothing_has_to_be_set():
    assert DkimSettings(domain="", selector="", key="").key == ""


def test_the_key_is_not_shown():
    assert "PRIVATE" not in repr(DkimSettings(domain="a.org", selector="s", key=key_of("rsa")))
    assert Signer.__repr__ is object.__repr__
