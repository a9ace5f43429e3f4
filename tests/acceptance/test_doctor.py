"""The doctor, on a whole installation: a relay, a site and name servers, all on loopback."""

import email
import email.policy
import socket

import dkim
import pytest

from dkim_keys import key_of, signer_of
from fake_dns import FakeDns
from fake_publisher import FakePublisher, answer
from fake_relay import FakeRelay
from feed_documents import atom, recent_items
from tidings.app.mailing import examining
from tidings.mail.dns import Dns

ZONE = {
    "harbour.example": {"TXT": ['"v=spf1 ip4:192.0.2.1 -all"'], "MX": ["1 mx.harbour.example."]},
    "_dmarc.harbour.example": {"TXT": ['"v=DMARC1; p=none"']},
}


@pytest.fixture
def relay():
    with FakeRelay() as relay:
        relay.script(EHLO=[b"250-relay\r\n250-PIPELINING\r\n250 8BITMIME\r\n"] * 9)
        yield relay


@pytest.fixture
def by_smtp(relay):
    return {
        "MAIL__TRANSPORT": "smtp",
        "MAIL__FROM": "Harbour <news@harbour.example>",
        "SMTP__HOST": "127.0.0.1",
        "SMTP__PORT": relay.port,
        "DKIM__DOMAIN": "harbour.example",
        "DKIM__SELECTOR": "news",
        "DKIM__KEY": key_of("rsa"),
        "FETCH__CONTACT_URL": "https://harbour.example/about",
    }


def with_news(tidings, web):
    """Have a newsletter with something to tell."""
    address = ("--postal-address", "1 Quay, Exampleton")
    assert tidings("newsletter", "add", "weekly", "--title", "\u6f6e\u6c50", *address).status == 0
    url = web.serve(answer(body=atom(*recent_items(3), title="Notes")))
    assert tidings("source", "add", url).status == 0
    return tidings


def test_each_thing_is_looked_at_and_what_is_wrong_is_said(tidings, web, by_smtp):
    with_news(tidings, web)
    signer = signer_of(domain="harbour.example")
    record = f'"{signer.record[:200]}" "{signer.record[200:]}"'
    zone = ZONE | {signer.name: {"TXT": [record]}}

    with FakePublisher() as site, FakeDns(zone) as server:
        by_smtp["WEB__BASE_URL"] = site.url("")
        with tidings.opened(**by_smtp) as app, examining(app, Dns(server.resolver())) as doctor:
            site.serve(f"/unsubscribe/{app.links.unsubscribe.sign(0, 0)}", answer())
            found = list(doctor.examine())

    said = {one.what: (one.level, one.said) for one in found if one.what != "versions"}
    assert said["letter of weekly"] == ("ok", said["letter of weekly"][1])
    assert said["DKIM news._domainkey.harbour.example"][0] == "ok"
    assert said["DMARC of harbour.example"] == ("ok", "p=none; our signature counts, SPF too")
    assert said["one-click"][0] == "ok"
    assert said["contact"][0] == "ok"
    assert [one for one, (level, _) in said.items() if level == "problem"] == [
        f"name of {socket.getfqdn()}",
        "site",
    ]


def test_a_test_letter_is_signed_and_somebody_else_believes_it(
    tidings_on_sqlite, web, relay, by_smtp
):
    tidings = with_news(tidings_on_sqlite, web)

    tidings("issue", "send", "weekly", "--to", "me@example.net", **by_smtp)

    [taken] = relay.taken
    record = signer_of(domain="harbour.example").record.encode()
    assert dkim.verify(taken.letter, dnsfunc=lambda *_, **__: record)
    message = email.message_from_bytes(taken.letter, policy=email.policy.SMTP)
    assert message["List-Id"] == "<weekly.harbour.example>"
    assert message["List-Archive"].endswith("/issues>")


def test_without_a_relay_the_letters_are_looked_at_all_the_same(tidings_on_sqlite, web):
    tidings = with_news(tidings_on_sqlite, web)

    result = tidings("doctor", "--send", "me@example.net", "--json", MAIL__FOLDER="out")

    levels = {one["what"]: one["level"] for one in result.json}
    assert levels["letter of weekly"] == levels["test to me@example.net"] == "ok"
    assert levels["site"] == levels["one-click"] == "warning"
    assert result.status == 0
    assert len(list((tidings.folder / "out").glob("*.eml"))) == 1


def test_a_broken_installation_is_a_problem_and_no_crash(tidings_on_sqlite):
    result = tidings_on_sqlite("doctor", SECRET="short")

    assert result.status == 1
    assert "problem  set-up: secret: use at least 16 characters" in result.out


def test_a_template_whose_parts_differ_or_lack_a_link_is_named(tidings_on_sqlite, web):
    tidings = with_news(tidings_on_sqlite, web)
    folder = tidings.folder / "own" / "email" / "digest"
    folder.mkdir(parents=True)
    body = '<html><a href="{{ unsubscribe_url }}">x</a><a href="{{ site_url }}">y</a></html>'
    (folder / "body.html").write_text(body)

    result = tidings("doctor", TEMPLATES__FOLDER=tidings.folder / "own")

    assert "letter of weekly: the text does not lead to the same pages" in result.out
    assert "letter of weekly: no link to the preferences in the HTML" in result.out
    assert "no link to the preferences in the text" not in result.out
