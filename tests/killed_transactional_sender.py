"""A service that sends letters that are no issue, and is killed at a moment of the test's choice.

`python mortal_notices.py DATABASE_URL MOMENT RELAY_PORT`; moments: `claimed`, `marked`,
`answered`.
"""

import os
import sys
from datetime import timedelta
from threading import Event

from killed_issue_sender import Way
from tidings.db.database import Database
from tidings.mail.settings import SmtpSettings
from tidings.mail.smtp import Relay
from transactional_mail import sender_for


def main(url, moment, port):
    way = Way(way_to(int(port)), moment)
    sender = sender_for(Database(url), way.connect, owner=f"process {os.getpid()}")
    sender.send_due(stop=Event())


def way_to(port):
    """Return the way to a relay on loopback."""
    settings = SmtpSettings(
        host="127.0.0.1",
        port=port,
        security="none",
        user="",
        password="",
        timeout=timedelta(seconds=10),
        reply_timeout=timedelta(seconds=60),
        connections=1,
        per_second=0,
    )
    return Relay(settings)


if __name__ == "__main__":
    main(*sys.argv[1:])
