"""A service that plans and sends once, and is killed at a moment of the test's choice.

`python mortal.py DATABASE_URL MOMENT RELAY_PORT`; moments: `composing`, `planned`, `claimed`,
`marked`, `answered`, or any other word for never.
"""

import os
import signal
import sys
from contextlib import contextmanager
from datetime import timedelta

from newsletter_site import NewsletterSite, render
from parsed_entries import DAY, HOUR, NOON
from tidings.db.database import Database
from tidings.mail.settings import SmtpSettings
from tidings.mail.smtp import Relay

SEVEN = NOON - 5 * HOUR + DAY


def main(url, moment, port):
    newsletter_site = NewsletterSite(Database(url), now=SEVEN)
    settings = SmtpSettings(
        host="127.0.0.1",
        port=int(port),
        security="none",
        user="",
        password="",
        timeout=timedelta(seconds=10),
        reply_timeout=timedelta(seconds=60),
        connections=1,
        per_second=0,
    )
    way = Way(Relay(settings), moment)
    newsletter_site.plan(render=way.render)
    way.die_if("planned")
    newsletter_site.deliver(way, owner=f"process {os.getpid()}")


class Way:
    """The way to the relay, with a grave at each station."""

    def __init__(self, relay, moment):
        self._relay, self._moment = relay, moment

    def die_if(self, moment):
        if moment == self._moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def render(self, digest, url):
        self.die_if("composing")
        return render(digest, url)

    @contextmanager
    def connect(self):
        with self._relay.connect() as send:

            def send_or_die(message, mark, *, following=None):
                def mark_and_die():
                    mark()
                    self.die_if("marked")

                self.die_if("claimed")
                reply = send(message, mark_and_die, following=following)
                self.die_if("answered")
                return reply

            yield send_or_die


if __name__ == "__main__":
    main(*sys.argv[1:])
