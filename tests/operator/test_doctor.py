"""What the doctor says of DNS, relays and links, each asked for real on loopback."""

from datetime import UTC, datetime, timedelta

import pytest

from dkim_keys import signer_of
from fake_dns import FakeDns
from fake_publisher import FakePublisher, answer, redirect
from fake_relay import FakeRelay
from tidings.mail.dns import Dns
from tidings.mail.probes import click_unsubscribe
from tidings.mail.settings import SmtpSettings
from tidings.operator.checks import Level
from tidings.operator.doctor_dns import Senders, examine_domains, examine_relay

GOOD = {
    "example.org": {
        "TXT": ['"other=1"', '"v=spf1 mx include:_spf.example.net" " -all"'],
        "MX": ["20 b.example.org.", "10 mail.example.org."],
    },
    "_spf.example.net": {"TXT": ['"v=spf1 ip4:198.51.100.0/24 -all"']},
    "mail.example.org": {"A": ["192.0.2.1"]},
    "b.example.org": {"AAAA": ["2001:db8::1"]},
    "relay.example.net": {"A": ["198.51.100.7"]},
    "_dmarc.example.org": {"TXT": ['"v=DMARC1; p=reject; aspf=s"']},
    "7.100.51.198.in-addr.arpa": {"PTR": ["relay.example.net."]},
}


def quoted(record):
    return " ".join(f'"{record[start : start + 200]}"' for start in range(0, len(record), 200))


def findings(changes, **senders):
    """Return what is said, by level, for a good world with `changes`."""
    key = {"news._domainkey.example.org": {"TXT": [quoted(signer_of().record)]}}
    usual = {
        "domains": ("news.example.org",),
        "envelope": "example.org",
        "relay": "relay.example.net",
        "is_this_machine": True,
        "signer": signer_of(),
    }
    world = GOOD | key | {"news.example.org": {"MX": ["1 mail.example.org."]}} | changes
    with FakeDns(world) as server:
        return list(examine_domains(Dns(server.resolver()), Senders(**usual | senders)))


def test_where_all_is_well_nothing_has_to_be_done():
    found = findings({})

    assert {one.level for one in found} == {Level.OK}
    assert [(one.what, one.said) for one in found] == [
        ("SPF of example.org", "allows our relay, in 2 lookups"),
        ("name of relay.example.net", "198.51.100.7 is relay.example.net, and the other way round"),
        ("DKIM news._domainkey.example.org", "the published key is that of our signatures"),
        ("MX of news.example.org", "mail.example.org takes mail for it"),
        ("DMARC of news.example.org", "p=reject; our signature counts"),
    ]


def spf(record):
    return {"example.org": {"TXT": [quoted(record)], "MX": ["1 mail.example.org."]}}


@pytest.mark.parametrize(
    ("changes", "level", "what", "said"),
    [
        pytest.param({"example.org": {}}, "problem", "SPF", "none", id="no SPF"),
        pytest.param(
            {"example.org": {"TXT": ['"v=spf1 -all"', '"v=spf1 +all"']}},
            *("problem", "SPF", "2 records"),
            id="two SPF records",
        ),
        pytest.param(
            spf("v=spf1 " + "a:mail.example.org " * 11), "problem", "SPF", "10 lookups", id="costly"
        ),
        pytest.param(
            spf("v=spf1 include:example.org"), "problem", "SPF", "10 lookups", id="SPF in circles"
        ),
        pytest.param(
            spf("v=spf1 include:gone.example.net"), "problem", "SPF", "gone.example", id="a hole"
        ),
        pytest.param(spf("v=spf1 all"), "problem", "SPF", "everybody", id="SPF for everybody"),
        pytest.param(
            spf("v=spf1 ip4:192.0.2.1 ~all"), "warning", "SPF", "does not name", id="not us"
        ),
        pytest.param(spf("v=spf1 a:relay.example.net/24//64"), "ok", "SPF", "allows", id="sized"),
        pytest.param(
            spf("v=spf1 redirect=_spf.example.net"), "ok", "SPF", "in 1 lookups", id="redirected"
        ),
        pytest.param(
            {"news._domainkey.example.org": {}}, "problem", "DKIM", "no key", id="no DKIM key"
        ),
        pytest.param(
            {"news._domainkey.example.org": {"TXT": ['"v=DKIM1; p=AAAA"']}},
            *("problem", "DKIM", "not that of"),
            id="another DKIM key",
        ),
        pytest.param(
            {"_dmarc.example.org": {"TXT": ['"v=spf1"']}}, "problem", "DMARC", "none", id="no DMARC"
        ),
        pytest.param(
            {"_dmarc.example.org": {"TXT": ['"v=DMARC2; p=reject"']}},
            *("problem", "DMARC", "none"),
            id="DMARC of another version",
        ),
        pytest.param(
            {"news.example.org": {"MX": ["0 ."]}}, "problem", "MX", "nobody", id="null MX"
        ),
        pytest.param({"relay.example.net": {}}, "problem", "name", "no address", id="no name"),
        pytest.param(
            {"7.100.51.198.in-addr.arpa": {}}, "problem", "name", "has no name", id="no PTR"
        ),
        pytest.param(
            {"7.100.51.198.in-addr.arpa": {"PTR": ["mail.example.org."]}},
            *("problem", "name", "another address"),
            id="a PTR that leads elsewhere",
        ),
        pytest.param({"example.org": None}, "problem", "DNS", "cannot look up", id="DNS is down"),
    ],
)
def test_what_is_wrong_in_dns_is_named_with_what_to_do(changes, level, what, said):
    found = findings(changes)

    [one] = [one for one in found if one.what.startswith(what)]
    assert one.level == level
    assert said in one.said
    assert bool(one.advice) is (level != "ok")


@pytest.mark.parametrize(
    ("senders", "level", "said"),
    [
        pytest.param({"signer": None}, "warning", "only the relay could sign", id="no signature"),
        pytest.param(
            {"signer": signer_of(domain="example.net")}, "problem", "neither SPF", id="not ours"
        ),
        pytest.param(
            {"signer": None, "envelope": "news.example.org"}, "warning", "SPF counts", id="SPF only"
        ),
        pytest.param({"envelope": "news.example.org"}, "ok", "SPF too", id="both"),
    ],
)
def test_a_proof_counts_only_for_the_domain_in_from(senders, level, said):
    [one] = [one for one in findings({}, **senders) if one.what.startswith("DMARC")]

    assert (one.level, said in one.said) == (level, True)


def ask(relay, now=None, **changes):
    usual = {
        "host": "127.0.0.1",
        "port": relay.port,
        "security": "none",
        "user": "",
        "password": "",
        "timeout": timedelta(seconds=1),
        "reply_timeout": timedelta(seconds=1),
        "connections": 1,
        "per_second": 0,
    }
    smtp = SmtpSettings(**usual | changes)
    return list(examine_relay(smtp, now=now or datetime.now(UTC)))


def test_a_relay_is_asked_as_for_a_letter_and_sent_none():
    with FakeRelay() as relay:
        relay.script(EHLO=[b"250-relay\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n"])
        [one] = ask(relay, user="ann", password="s3cret")

    assert one.level == Level.OK
    assert "AUTH as ann; offers 8BITMIME, PIPELINING" in one.said
    assert relay.verbs() == ["EHLO", "AUTH"]


@pytest.mark.parametrize(
    ("script", "level", "said"),
    [
        pytest.param({"GREETING": [b"554 go away\r\n"]}, "problem", "554 go away", id="unwanted"),
        pytest.param(
            {"EHLO": [b"250-relay\r\n250-PIPELINING\r\n250 SIZE 50000\r\n"]},
            *("problem", "50000 bytes at most"),
            id="too small",
        ),
        pytest.param({"EHLO": [b"250 relay\r\n"]}, "warning", "PIPELINING", id="slow"),
    ],
)
def test_what_is_wrong_with_a_relay_is_named(script, level, said):
    with FakeRelay() as relay:
        relay.script(**script)
        found = ask(relay)

    assert (found[-1].level, said in found[-1].said) == (level, True)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(answer(), (200, None, False), id="as it should be"),
        pytest.param(redirect("https://x.org/"), (302, "https://x.org/", False), id="redirected"),
        pytest.param(answer(Set_Cookie="a=1"), (200, None, True), id="with a cookie"),
    ],
)
def test_the_button_of_mail_programs_is_pressed_as_they_do(said, expected):
    with FakePublisher() as site:
        found = click_unsubscribe(site.serve("/unsubscribe/0.x", said))

    assert (found.status, found.location, found.sets_cookie) == expected
    [request] = site.received
    assert (request.method, request.body) == ("POST", b"List-Unsubscribe=One-Click")
