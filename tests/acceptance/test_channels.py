"""Chats and services are told what is new: by webhooks of our own, and through Apprise."""

import asyncio
import hmac
import json
import signal
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from sqlalchemy import select

from fake_matrix import FakeMatrix
from fake_publisher import answer, hanging_up, silence
from feed_documents import atom, recent_items
from installation import free_port, wait_until
from tidings.app.channels import announcements
from tidings.app.polling import polling
from tidings.channels import services
from tidings.channels.courier import Courier
from tidings.db.all_tables import all_tables
from tidings.db.channel_tables import channel

IMPATIENT = {"FETCH__CONNECT_TIMEOUT": "0.3s", "FETCH__FIRST_BYTE_TIMEOUT": "0.3s"}
OK = answer("200 OK", b"{}", Content_Type="application/json")
TOKEN = "canary-token"
HOOK = "/in/canary-hook"


@pytest.fixture
def receiver(web):
    return web.publisher()


@pytest.fixture
def tell(tidings_on_sqlite):
    """Tell channels what is new, as the service does, so much later."""

    def tell(*, after=timedelta(0), **settings):
        with tidings_on_sqlite.opened(**settings) as app, polling(app) as gathering:
            Courier(
                app.database,
                announcements=announcements(app),
                post=gathering.post,
                clock=lambda: datetime.now(UTC) + after,
                owner="test",
            ).tell_all(stop=Event())

    return tell


@pytest.fixture
def news(tidings_on_sqlite, web):
    """Follow a source with news of today."""

    def news(number=2):
        url = web.serve(answer(body=atom(*recent_items(number))))
        assert tidings_on_sqlite("source", "add", url).status == 0

    return news


def is_genuine(request, secret):
    """Tell whether a webhook is ours, as docs/how-to/channels.md says."""
    headers = request.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    key = b64decode(secret.removeprefix("whsec_"))
    expected = "v1," + b64encode(hmac.new(key, signed, "sha256").digest()).decode()
    is_fresh = abs(datetime.now(UTC).timestamp() - int(headers["webhook-timestamp"])) < 300
    return is_fresh and hmac.compare_digest(headers["webhook-signature"], expected)


def add_webhook(tidings, receiver, *more):
    return tidings("channel", "add", "hook", receiver.url(HOOK), *more).out.strip()


def test_a_webhook_is_told_of_each_entry_and_can_tell_that_it_was_us(
    tidings_on_sqlite, receiver, news, tell
):
    receiver.serve(HOOK, OK)
    secret = add_webhook(tidings_on_sqlite, receiver)

    news(2)
    tell()
    tell()

    told = [json.loads(request.body) for request in receiver.received]
    assert [one["data"]["title"] for one in told] == ["Entry 1", "Entry 2"]
    assert {one["type"] for one in told} == {"entries.published"}
    assert [one["data"]["items"][0]["url"] for one in told] == [
        "https://example.org/1",
        "https://example.org/2",
    ]
    assert all(is_genuine(request, secret) for request in receiver.received)
    assert not is_genuine(receiver.received[0], add_webhook_secret(tidings_on_sqlite))


def add_webhook_secret(tidings):
    return tidings("channel", "secret", "hook").out.strip()


def test_after_another_secret_webhooks_are_signed_with_that(tidings_on_sqlite, receiver):
    receiver.serve(HOOK, OK)
    old = add_webhook(tidings_on_sqlite, receiver)
    given = "whsec_" + b64encode(b"brought along by the operator").decode()
    (tidings_on_sqlite.folder / "secret").write_text(f"{given}\n")

    tidings_on_sqlite("channel", "secret", "hook", "@secret")
    tidings_on_sqlite("channel", "test", "hook")

    assert is_genuine(receiver.received[0], given)
    assert not is_genuine(receiver.received[0], old)


def test_a_webhook_is_told_again_until_it_answers_and_knows_it_by_its_key(
    tidings_on_sqlite, receiver, news, tell
):
    # It fails, says nothing for too long, takes it but the reply is lost, and takes it.
    receiver.serve(HOOK, answer("500 Oh"), silence, hanging_up(b""), OK)
    secret = add_webhook(tidings_on_sqlite, receiver)
    news(1)

    errors = []
    for hours in (0, 1, 2, 3, 4):
        tell(after=timedelta(hours=hours), **IMPATIENT)
        errors.append(tidings_on_sqlite("channel", "list", "--json").json[0]["last_error"])

    assert len(receiver.received) == 4
    assert len({request.headers["idempotency-key"] for request in receiver.received}) == 1
    assert len({request.body for request in receiver.received}) == 1
    assert errors[0] == "500 Internal Server Error"
    assert "took too long" in errors[1] or "no answer within" in errors[1]
    assert errors[2].startswith("disconnected")
    assert errors[3:] == [None, None]
    assert is_genuine_but_for_the_time(receiver.received[3], secret)


def is_genuine_but_for_the_time(request, secret):
    at = int(request.headers["webhook-timestamp"]) - int(datetime.now(UTC).timestamp())
    assert at > 0, "signed anew at each attempt"
    key = b64decode(secret.removeprefix("whsec_"))
    headers = request.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    return (
        headers["webhook-signature"]
        == "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()
    )


def test_a_private_address_is_not_told(tidings_on_sqlite, web, news, tell):
    elsewhere = web.publisher()
    tidings_on_sqlite("channel", "add", "hook", elsewhere.url(HOOK))
    news(1)
    web.publishers.remove(elsewhere)

    tell()

    assert elsewhere.received == []
    [channel] = tidings_on_sqlite("channel", "list", "--json").json
    assert "not public" in channel["last_error"]


def test_a_redirect_is_not_followed(tidings_on_sqlite, receiver, web):
    elsewhere = web.publisher()
    receiver.serve(HOOK, answer("307 Temporary Redirect", Location=elsewhere.url("/")))
    add_webhook(tidings_on_sqlite, receiver)

    tested = tidings_on_sqlite("channel", "test", "hook")

    assert tested.status == 1
    assert tested.err == "tidings: hook did not take it: 307 Temporary Redirect\n"
    assert elsewhere.received == []


def test_an_issue_is_told_to_mastodon_once_however_often_it_is_sent(
    tidings_on_sqlite, receiver, news, tell
):
    receiver.serve("/api/v1/statuses", answer("503 Unavailable"), OK)
    tidings_on_sqlite("newsletter", "add", "daily", "--title", "The Tides")
    address = f"mastodon://{TOKEN}@{receiver.host}"
    tidings_on_sqlite("channel", "add", "toots", address, "--newsletter", "daily")
    news(2)
    assert tidings_on_sqlite("issue", "send", "daily", "--yes").status == 0

    tell()
    [failing] = tidings_on_sqlite("channel", "list", "--json").json
    tell(after=timedelta(minutes=1))
    tell(after=timedelta(minutes=2))

    first, second = receiver.received
    assert failing["last_error"] == "the service answers 503"
    assert first.headers["authorization"] == f"Bearer {TOKEN}"
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    said = json.loads(second.body)["status"]
    assert said.startswith("The Tides: Entry 2, and 1 more")
    assert "• Entry 1" in said
    assert said.splitlines()[-1].startswith("http://127.0.0.1:8000/issues/daily-")
    assert len(said) <= 500


def test_an_entry_is_told_to_a_room_of_matrix(tidings_on_sqlite, news, tell):
    room = "%21room%3Aexample.org"
    with FakeMatrix() as matrix:
        address = f"matrix://{TOKEN}@{matrix.host}/!room:example.org?version=3"
        added = tidings_on_sqlite("channel", "add", "room", address, "--per-hour", "1")
        assert added.err == "added: room, matrix://…, told of every entry\n"
        news(3)
        tell()

        assert tidings_on_sqlite("channel", "list", "--json").json[0]["last_error"] is None
        [(path, token, said)] = matrix.said
    assert path.startswith(f"/_matrix/client/v3/rooms/{room}/send/m.room.message/")
    assert token == f"Bearer {TOKEN}"
    assert "3 new: Entry 3" in said["body"]
    assert "• Entry 1" in said["body"]
    assert said["body"].endswith("http://127.0.0.1:8000/")


def test_a_service_that_takes_its_time_holds_up_no_other(tidings_on_sqlite, receiver, news, tell):
    is_told = asyncio.Event()

    async def take(writer):
        is_told.set()
        writer.write(OK)
        await writer.drain()

    async def take_after_the_other(writer):
        await is_told.wait()
        await take(writer)

    receiver.serve("/api/v1/statuses", take_after_the_other)
    receiver.serve(HOOK, take)
    tidings_on_sqlite("channel", "add", "a-toots", f"mastodon://{TOKEN}@{receiver.host}")
    add_webhook(tidings_on_sqlite, receiver)
    news(1)

    tell()

    channels = tidings_on_sqlite("channel", "list", "--json").json
    assert [one["last_error"] for one in channels] == [None, None]
    assert all(one["accepted_at"] for one in channels)


def test_a_service_that_hangs_is_given_up(tidings_on_sqlite, receiver, monkeypatch):
    receiver.serve("/api/v1/statuses", silence)
    tidings_on_sqlite("channel", "add", "toots", f"mastodon://{TOKEN}@{receiver.host}")
    monkeypatch.setattr(services, "PATIENCE", 1)

    tested = tidings_on_sqlite("channel", "test", "toots")

    assert tested.status == 1
    assert tested.err == "tidings: toots did not take it: not done within 1 s\n"


def test_nothing_tells_the_address_or_the_secret_of_a_channel(
    tidings_on_sqlite, receiver, news, tell, caplog
):
    caplog.set_level("DEBUG")
    receiver.serve(HOOK, answer("500 Oh", b"no /in/canary-hook here"))
    receiver.serve("/api/v1/statuses", answer("401 Unauthorized", TOKEN.encode()))
    secret = add_webhook(tidings_on_sqlite, receiver)
    results = [tidings_on_sqlite("channel", "add", "toots", f"mastodon://{TOKEN}@{receiver.host}")]
    news(1)

    tell()

    results += [
        tidings_on_sqlite(*command)
        for command in (
            ("channel", "list"),
            ("channel", "list", "--json"),
            ("channel", "test", "hook"),
            ("channel", "test", "toots"),
            ("channel", "edit", "toots", "--per-hour", 3),
            ("channel", "edit", "toots", "--address", f"nosuch://{TOKEN}"),
            ("channel", "add", "more", f"mastodon://host/{TOKEN}"),
            ("channel", "add", "more", TOKEN),
            ("channel", "pause", "hook"),
            ("channel", "remove", "toots", "--yes"),
            ("config", "show"),
        )
    ]
    told = [result.out + result.err for result in results] + [str(vars(r)) for r in caplog.records]
    assert len(receiver.received) == 4
    assert [text for text in told if "canary" in text or secret in text] == []
    assert tables_that_tell(tidings_on_sqlite, secret) == [channel.name]


def tables_that_tell(tidings, secret):
    with tidings.opened() as app, app.database.read() as connection:
        return [
            table.name
            for table in all_tables()
            if any(
                "canary" in str(row) or secret in str(row)
                for row in connection.execute(select(table))
            )
        ]


def test_the_doctor_tells_of_a_channel_that_takes_nothing(tidings_on_sqlite, receiver, news, tell):
    receiver.serve(HOOK, answer("410 Gone"))
    add_webhook(tidings_on_sqlite, receiver)
    news(1)
    tell()

    found = tidings_on_sqlite("doctor", "--json").json

    [finding] = [one for one in found if one["what"] == "channel"]
    assert finding["level"] == "warning"
    assert finding["said"] == "hook does not take what it is told: 410 Gone"
    assert finding["advice"].startswith("tidings channel resume hook")


def test_a_channel_is_added_changed_paused_resumed_and_removed(tidings_on_sqlite, receiver):
    tidings_on_sqlite("topic", "add", "science", "--title", "Science")
    (tidings_on_sqlite.folder / "address").write_text(f"{receiver.url(HOOK)}\n")
    added = tidings_on_sqlite("channel", "add", "hook", "@address", "--topic", "science")

    listed = tidings_on_sqlite("channel", "list").out
    edited = tidings_on_sqlite("channel", "edit", "hook", "--per-hour", "2")
    paused = tidings_on_sqlite("channel", "pause", "hook")
    state = tidings_on_sqlite("channel", "list", "--json").json[0]["state"]
    resumed = tidings_on_sqlite("channel", "resume", "hook")
    again = tidings_on_sqlite("channel", "add", "hook", "@address")
    removed = tidings_on_sqlite("channel", "remove", "hook", "--yes")

    shown = f"http://{receiver.host}/…"
    assert added.err == f"added: hook, {shown}, told of topic science\n"
    assert listed == f"hook\t{shown}\ttopic science\tactive\t0\t-\t\n"
    assert edited.out == f"changed: hook, {shown}, 2 an hour\n"
    assert (paused.out, state, resumed.out) == ("paused: hook\n", "paused", "resumed: hook\n")
    assert again.err == "tidings: channel hook exists already\n"
    assert removed.out == "removed: hook\n"
    assert tidings_on_sqlite("channel", "list", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("hook", "ftp://host"), "Apprise does not know", id="no address"),
        pytest.param(("hook", "https:///in"), "expected one like", id="no host"),
        pytest.param(("A hook", "https://host/"), "use lower-case", id="no name"),
        pytest.param(("h", "https://host/", "--topic", "no"), "no topic no", id="no topic"),
        pytest.param(
            ("h", "https://host/", "--newsletter", "no"), "no newsletter no", id="no newsletter"
        ),
        pytest.param(
            ("h", "https://host/", "--newsletter", "a", "--topic", "b"), "one of them", id="both"
        ),
    ],
)
def test_what_cannot_be_a_channel_is_refused(tidings_on_sqlite, arguments, said):
    refused = tidings_on_sqlite("channel", "add", *arguments)

    assert refused.status in {1, 2}
    assert said in refused.err


def test_the_service_tells_channels_by_itself(tidings, receiver, web):
    receiver.serve(HOOK, OK)
    add_webhook(tidings, receiver)
    tidings("source", "add", web.serve(answer(body=atom(*recent_items(1)))))

    with tidings.start("run", WEB__PORT=free_port()) as process:
        wait_until(lambda: receiver.received)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)

    assert process.returncode == 0
    assert json.loads(receiver.received[0].body)["data"]["title"] == "Entry 1"
