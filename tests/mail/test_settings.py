"""A relay that would hear passwords in clear is refused with the settings."""

from datetime import timedelta

import pytest

from tidings.errors import ConfigError
from tidings.mail.settings import DomainLimits, SmtpSettings


def settings(**changes):
    usual = {
        "host": "mail.example.org",
        "port": 587,
        "security": "starttls",
        "user": "ann",
        "password": "s3cret",
        "timeout": timedelta(seconds=60),
        "reply_timeout": timedelta(minutes=10),
        "connections": 4,
        "per_second": 0,
    }
    return SmtpSettings(**usual | changes)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_a_relay_on_this_machine_needs_no_encryption(host):
    assert settings(host=host, security="none").host == host


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"security": "none"}, id="another machine"),
        pytest.param({"security": "none", "host": "10.0.0.1"}, id="another address"),
        pytest.param({"security": "none", "host": "localhost.example.org"}, id="sounds alike"),
        pytest.param({"security": "ssl"}, id="an unknown word"),
        pytest.param({"password": "p\u00e4ss"}, id="a password that cannot be sent"),
    ],
)
def test_what_is_not_safe_or_cannot_work_is_refused(changes):
    with pytest.raises(ConfigError, match=r"\[smtp\] ") as caught:
        settings(**changes)

    assert "p\u00e4ss" not in str(caught.value)


@pytest.mark.parametrize(
    "domain", ["gmail", "Gmail.com", "-.com", "gmail.com.", "@gmail.com", "a..b", ""]
)
def test_limits_are_for_a_domain_as_letters_name_it(domain):
    with pytest.raises(ConfigError, match="name a domain as letters do"):
        settings(domains={domain: DomainLimits(connections=1)})


def test_a_password_does_not_show():
    assert "s3cret" not in repr(settings())
