"""The service itself on the operator's pages."""

import re

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
