"""From an entry to a mailbox, by commands, over a real relay."""

import email
import email.policy
import signal
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from fake_publisher import answer
from fake_relay import FakeRelay
from feed_documents import atom, recent_items
from installation import on_sqlite
from tidings.db.mail_tables import subscription
from tidings.newsletters.windows import FLOOD_MINIMUM

PATIENCE = 30
SENDER = "Tidings <news@tidings.example.net>"


@pytest.fixture
def relay():
    with FakeRelay() as relay:
        yield relay


@pytest.fixture
def news(tidings, web):
    """A newsletter with two subscribers, and three entries that they have not had."""
    return _with_news(tidings, web)


@pytest.fixture
def news_on_sqlite(tidings_on_sqlite, web):
    """The same, where the kind of database makes no difference."""
    return _with_news(tidings_on_sqlite, web)


def _with_news(tidings, web):
    assert tidings("newsletter", "add", "updates", "--title", "Latest updates").status == 0
    for address, language in (("ada@example.net", "en"), ("lin@example.net", "zh")):
        options = ("--newsletter", "updates", "--language", language)
        assert tidings("subscriber", "add", address, *options).status == 0
    url = web.serve(answer(body=atom(*recent_items(3), title="Notes")))
    assert tidings("source", "add", url).status == 0
    return tidings


def by_smtp(relay):
    return {
        "MAIL__TRANSPORT": "smtp",
        "MAIL__FROM": SENDER,
        "SMTP__HOST": "127.0.0.1",
        "SMTP__PORT": relay.port,
    }


def letters(relay):
    return [email.message_from_bytes(one.letter, policy=email.policy.SMTP) for one in relay.taken]


def test_what_is_new_is_sent_to_everybody_once(news, relay):
    first = news("issue", "send", "updates", "--yes", "--json", **by_smtp(relay))
    second = news("issue", "send", "updates", "--yes", "--json", **by_smtp(relay))

    assert (first.status, first.json["accepted"], first.json["failed"]) == (0, 2, 0)
    told = [(one["newsletter"], one["entries"], one["deliveries"]) for one in first.json["issues"]]
    assert told == [("updates", 3, 1), ("updates", 3, 1)]
    assert second.json == {"issues": [], "accepted": 0, "failed": 0}
    assert sorted(one["To"] for one in letters(relay)) == ["ada@example.net", "lin@example.net"]


def test_deliveries_are_listed_as_promised(news, relay):
    news("issue", "send", "updates", "--yes", **by_smtp(relay))

    listed = news("delivery", "list", "--json").json

    names = (
        "id subscriber newsletter issue slot state attempts message_id reply "
        "planned_at next_try_at expires_at finished_at may_have_arrived"
    )
    assert [list(one) for one in listed] == [names.split()] * 2
    assert news("delivery", "show", listed[0]["id"], "--json").json == listed[0]
    assert news("delivery", "list", "--address", "LIN@example.net", "--json").json == [
        one for one in listed if one["subscriber"] == "lin@example.net"
    ]
    assert {one["state"] for one in listed} == {"accepted"}
    assert {one["message_id"] for one in listed} == {one["Message-ID"] for one in letters(relay)}
    assert news("delivery", "list", "--state", "rejected", "--json").json == []


def test_a_rejected_letter_is_sent_again_at_the_operators_word_only(news, relay):
    relay.script(RCPT=[b"550 5.1.1 nobody here\r\n"])
    news("issue", "send", "updates", "--yes", **by_smtp(relay))
    [rejected] = news("delivery", "list", "--state", "rejected", "--json").json

    unasked = news("delivery", "resend", rejected["id"])
    asked = news("delivery", "resend", rejected["id"], "--yes")
    again = news("delivery", "resend", rejected["id"], "--yes")
    news("issue", "send", "updates", "--yes", **by_smtp(relay))

    assert (unasked.status, asked.status, asked.out) == (2, 0, "1 to be sent\n")
    assert (again.status, again.err) == (1, f"tidings: delivery {rejected['id']} is ready\n")
    assert rejected["message_id"] in [one["Message-ID"] for one in letters(relay)]
    shown = news("issue", "show", rejected["issue"], "--json").json
    assert (shown["deliveries"], shown["doubtful"]) == ({"accepted": 1}, [])


def test_what_is_held_or_cancelled_does_not_go_out(news, relay):
    relay.script(MAIL=[b"451 4.3.0 later\r\n"] * 2)
    news("issue", "send", "updates", "--yes", **by_smtp(relay))
    first, second = [one["id"] for one in news("delivery", "list", "--json").json]

    cancelled = news("delivery", "cancel", first)
    held = news("delivery", "hold", "--yes")
    news("issue", "send", "updates", "--yes", **by_smtp(relay))

    assert (cancelled.out, held.out) == ("1 cancelled\n", "1 held\n")
    assert news("delivery", "show", second).out.count("state: held") == 1
    assert relay.taken == []


def test_of_what_is_held_one_issue_is_let_go(news_on_sqlite, relay):
    news = news_on_sqlite
    away = by_smtp(relay) | {"SMTP__PORT": 1}
    news("issue", "send", "updates", "--yes", **away)
    news("delivery", "hold", "--yes")
    first, second = [one["issue"] for one in news("delivery", "list", "--json").json]

    vague = news("delivery", "resend", "--yes")
    asked = news("delivery", "resend", "--issue", first, "--yes")
    again = news("delivery", "resend", "--issue", first, "--yes")
    news("issue", "send", "updates", "--yes", **by_smtp(relay))

    assert (vague.status, asked.out, again.out) == (2, "1 to be sent\n", "0 to be sent\n")
    states = {one["issue"]: one["state"] for one in news("delivery", "list", "--json").json}
    assert states == {first: "accepted", second: "held"}
    assert len(relay.taken) == 1


def test_many_more_readers_than_usual_need_a_second_word(news_on_sqlite, relay, web):
    news = news_on_sqlite
    assert news("issue", "send", "updates", "--yes", **by_smtp(relay)).status == 0
    crowd = news.folder / "crowd.csv"
    lines = [f"reader{number}@example.net,2026-01-02,a form" for number in range(FLOOD_MINIMUM)]
    crowd.write_text("\n".join(["address,confirmed_at,proof", *lines]))
    assert news("subscriber", "import", crowd, "--newsletter", "updates").status == 0
    url = web.serve(answer(body=atom(*recent_items(9)[:1], title="More")))
    assert news("source", "add", url).status == 0

    refused = news("issue", "send", "updates", "--yes", **by_smtp(relay))
    sent_so_far = len(relay.taken)
    forced = news("issue", "send", "updates", "--yes", "--force", "--json", **by_smtp(relay))

    assert (refused.status, sent_so_far) == (1, 2)
    assert "102 subscribers, more than ten times the usual: say --force" in refused.err
    assert (forced.status, forced.json["accepted"]) == (0, 102)


def test_a_refusal_of_one_is_no_matter_of_the_other(news, relay):
    relay.script(RCPT=[b"550 5.1.1 nobody here\r\n"])

    sent = news("issue", "send", "updates", "--yes", **by_smtp(relay))

    assert sent.status == 1
    [rejected] = news("delivery", "list", "--state", "rejected", "--json").json
    assert "nobody here" in rejected["reply"]
    assert len(relay.taken) == 1


def test_a_relay_that_is_not_there_loses_nothing(news, relay):
    away = by_smtp(relay) | {"SMTP__PORT": 1}

    sent = news("issue", "send", "updates", "--yes", **away)

    assert sent.status == 1
    states = {one["state"] for one in news("delivery", "list", "--json").json}
    assert states <= {"deferred", "ready"}


def test_a_paused_relay_is_named_and_nothing_is_planned(news, relay):
    relay.script(MAIL=[b"550 5.7.1 not from you\r\n"])
    first = news("issue", "send", "updates", "--yes", **by_smtp(relay))

    second = news("issue", "send", "updates", "--yes", **by_smtp(relay))

    assert (first.status, second.status) == (1, 1)
    assert "is paused until" in second.err
    assert "not from you" in second.err


def test_a_preview_changes_nothing(news, tmp_path):
    before = news("newsletter", "show", "updates", "--json").json

    for form, file in {"html": "p.html", "text": "p.txt", "eml": "p.eml"}.items():
        shown = news("issue", "preview", "updates", "--format", form, "--output", file)
        assert (shown.status, shown.out) == (0, f"{form} written to {file}\n")

    letter = email.message_from_bytes((tmp_path / "p.eml").read_bytes(), policy=email.policy.SMTP)
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "Entry 1" in (tmp_path / "p.txt").read_text()
    assert "Entry 1" in (tmp_path / "p.html").read_text()
    assert news("newsletter", "show", "updates", "--json").json == before
    assert news("issue", "list", "--json").json == []


def test_a_test_letter_counts_for_nothing(news, relay):
    sent = news("issue", "send", "updates", "--to", "me@example.net", **by_smtp(relay))

    assert sent.status == 0
    assert [one["To"] for one in letters(relay)] == ["me@example.net"]
    assert news("delivery", "list", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        pytest.param(
            ("subscriber", "add", "a@example.net,b@example.net", "--newsletter", "updates"),
            2,
            "address 'a@example.net,b@example.net'",
            id="two addresses",
        ),
        pytest.param(
            (
                "subscriber",
                "add",
                "new@example.net",
                "--newsletter",
                "updates",
                "--timezone",
                "Mars",
            ),
            2,
            "time zone 'Mars'",
            id="no such zone",
        ),
        pytest.param(
            ("subscriber", "add", "new@example.net", "--newsletter", "none"),
            1,
            "no newsletter none",
            id="no such newsletter",
        ),
        pytest.param(
            ("subscriber", "add", "ada@example.net", "--newsletter", "updates"),
            1,
            "is subscribed to updates already",
            id="subscribed already",
        ),
        pytest.param(
            ("newsletter", "add", "updates", "--title", "Again"), 1, "exists already", id="taken"
        ),
        pytest.param(("issue", "send", "updates"), 2, "confirm with --yes", id="nobody to ask"),
        pytest.param(
            ("issue", "preview", "updates", "--at", "yesterday"),
            2,
            "time 'yesterday'",
            id="no time",
        ),
    ],
)
@on_sqlite
def test_bad_input_is_one_clear_line(news, arguments, status, complaint):
    result = news(*arguments)

    assert result.status == status
    assert complaint in result.err
    assert "Traceback" not in result.err


@on_sqlite
def test_a_template_that_uses_what_it_does_not_have_sends_nothing(news, relay, tmp_path):
    own = tmp_path / "own" / "email" / "digest"
    own.mkdir(parents=True)
    (own / "subject.txt").write_text("{{ newsletter }} {{ horoscope }}")

    result = news(
        "issue", "send", "updates", "--yes", **by_smtp(relay), TEMPLATES__FOLDER=tmp_path / "own"
    )

    assert result.status in {1, 2}
    assert result.err == "tidings: template digest/subject.txt: there is no horoscope\n"
    assert relay.taken == []


@pytest.mark.parametrize("kind", ["digest", "confirm", "operator"])
@pytest.mark.parametrize("text", ["", " \n", "{% if not language %}x{% endif %}"])
@on_sqlite
def test_a_subject_that_is_empty_is_refused(news, relay, tmp_path, kind, text):
    own = tmp_path / "own" / "email" / kind
    own.mkdir(parents=True)
    (own / "subject.txt").write_text(text)

    result = news(
        "issue", "send", "updates", "--yes", **by_smtp(relay), TEMPLATES__FOLDER=tmp_path / "own"
    )

    assert result.status in {1, 2}
    assert (
        result.err
        == f"tidings: template {kind}/subject.txt: says nothing: a letter needs a subject\n"
    )
    assert relay.taken == []


def test_two_services_on_one_database_mail_nobody_twice(news, relay):
    now = datetime.now(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0)
    for address in ("ada@example.net", "lin@example.net"):
        news("subscriber", "edit", address, "--newsletter", "updates", "--hour", hour.hour)
    with news.opened() as app, app.database.write() as connection:
        connection.execute(update(subscription).values(next_issue_at=hour))

    with service(news, relay), service(news, relay):
        deadline = time.monotonic() + PATIENCE
        while len(relay.taken) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)

    assert sorted(one["To"] for one in letters(relay)) == ["ada@example.net", "lin@example.net"]
    assert {one["slot"] for one in news("delivery", "list", "--json").json} == {f"d:{now:%Y-%m-%d}"}


@contextmanager
def service(news, relay):
    with news.start("run", WEB__PORT=0, **by_smtp(relay)) as process:
        try:
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
