"""The service itself on the operator's pages."""

import re

from parsed_entries import NOON
from tidings.channels.store import channels
from tidings.channels.store.channels import NewChannel
from tidings.db import job_tickets
from tidings.model import jobs


def test_settings_are_shown_with_their_origin_and_without_secrets(control):
    page = control.get("/operator/settings").body.decode()

    assert re.search(r"port</th>.*?<code>8001</code>.*?TIDINGS_WEB__PORT", page)
    assert re.search(r"host</th>.*?<code>127.0.0.1</code>.*?tidings.toml", page)


def test_jobs_are_listed_and_cancelled(control):
    with control.database.write() as connection:
        job_tickets.defer(connection, jobs.POLL)
    listed = control.get("/operator/jobs").body.decode()
    if control.database.is_sqlite:
        assert "one process does all the work" in listed
        return
    [number] = re.findall(r'name="job" value="(\d+)"', listed)
    fields = {"proof": control.proof(), "back": "/operator/jobs", "job": number}
    cancelled = control.post("/operator/jobs", fields)
    again = control.post("/operator/jobs", fields)

    assert "No worker has been heard of" in listed
    assert (cancelled.status, again.status) == (303, 404)
    assert 'name="job"' not in control.get("/operator/jobs").body.decode()


def test_channels_are_listed_without_their_secrets_paused_and_resumed(control):
    with control.database.write() as connection:
        for name, url in (("hook", "https://example.org/s3cret"), ("toots", "mastodon://s3cret@h")):
            new = NewChannel(
                name=name, url=url, secret="whsec_s3cret", newsletter=None, topic=None, per_hour=9
            )
            channels.add(connection, new, now=NOON)
    listed = control.get("/operator/channels").body.decode()
    fields = {"proof": control.proof(), "back": "/operator/channels", "channel": "hook"}

    paused = control.post("/operator/channels", fields | {"do": "mute"})
    after = control.get("/operator/channels").body.decode()
    resumed = control.post("/operator/channels", fields | {"do": "unmute"})

    assert "https://example.org/…" in listed
    assert "mastodon://…" in listed
    assert "s3cret" not in listed
    assert (paused.status, resumed.status) == (303, 303)
    assert after.count('value="unmute"') == 1
    assert 'value="unmute"' not in control.get("/operator/channels").body.decode()
    assert control.post("/operator/channels", fields | {"do": "cancel"}).status == 400
    unknown = {"do": "mute", "channel": "nobody"}
    assert control.post("/operator/channels", fields | unknown).status == 404


def test_where_there_are_no_channels_the_page_says_how_to_add_one(control):
    assert "tidings channel add" in control.get("/operator/channels").body.decode()
