"""Telling channels what is new, until they take it.

```
plan ─► take ─► write ─► tell ─► settle
once    lease   words            taken, or again later
```
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Event

from tidings.channels import services, webhook
from tidings.channels.announcements import Announcements
from tidings.channels.pace import TellResult
from tidings.channels.plan import plan_messages
from tidings.channels.store import channel_messages
from tidings.channels.store.channel_messages import ClaimedChannelMessage
from tidings.db.database import Database
from tidings.fetching.post import Post, send
from tidings.model.channels import Announcement, is_webhook
from tidings.model.jobs import ROUND
from tidings.polling.store.leases import name_of_round

logger = logging.getLogger(__name__)

# Channels that are told at a time: one that does not answer holds up no other.
AT_ONCE = 4


class Courier:
    """Tells channels what is new.

    Args:
        database: Issues, entries, channels and their messages.
        announcements: Writes what is told.
        post: Sends webhooks, and reports from any thread.
        clock: Aware UTC.
        owner: This process's name on leases.
    """

    def __init__(
        self,
        database: Database,
        *,
        announcements: Announcements,
        post: Post,
        clock: Callable[[], datetime],
        owner: str,
    ) -> None:
        self._database = database
        self._announcements = announcements
        self._post = post
        self._clock = clock
        self._owner = owner

    def tell_all(self, *, stop: Event) -> None:
        """Make messages of what is new, and send those that are due, for a minute at most."""
        now = self._clock()
        plan_messages(self._database, now=now)
        with self._database.read() as connection:
            # Nearly always nothing is, and no lock is taken to learn that.
            if not channel_messages.is_any_due(connection, now=now):
                return
        with self._database.write() as connection:
            if expired := channel_messages.expire(connection, now=now):
                logger.warning("messages to channels given up", extra={"messages": expired})
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="channels") as threads:
            working = [threads.submit(self._work, stop, now + ROUND) for _ in range(AT_ONCE)]
        for one in working:
            one.result()

    def tell(
        self,
        announcement: Announcement,
        *,
        url: str,
        secret: str | None,
        key: str,
        stop: Event,
    ) -> TellResult | None:
        """Tell a channel once; None if `stop` is set first."""
        if not is_webhook(url):
            return services.tell_service(url, announcement, key=key, stop=stop)
        post = webhook.post_of(url, announcement, secret=secret or "", key=key, now=self._clock())
        outcome = send(self._post, post, stop=stop)
        return webhook.judge(outcome) if outcome else None

    def _work(self, stop: Event, until: datetime) -> None:
        """Send messages one after the other, as long as some are due."""
        # A name for each thread: none may release what another holds.
        owner = name_of_round(self._owner)
        while not stop.is_set() and (now := self._clock()) < until:
            with self._database.write() as connection:
                message = channel_messages.take(connection, owner, now=now)
            if message is None:
                return
            self._send(message, owner, stop=stop)

    def _send(self, message: ClaimedChannelMessage, owner: str, *, stop: Event) -> None:
        with self._database.read() as connection:
            announcement = self._announcements.of(connection, message)
        if announcement is None:
            with self._database.write() as connection:
                channel_messages.withdraw(connection, owner, message, now=self._clock())
            return
        result = self.tell(
            announcement, url=message.url, secret=message.secret, key=message.key, stop=stop
        )
        with self._database.write() as connection:
            if result is None:
                channel_messages.give_back(connection, owner, message)
                return
            channel_messages.settle(connection, owner, message, result, now=self._clock())
        told = {"channel": message.channel, "kind": announcement.kind}
        if result.because:
            logger.warning("channel not told", extra={**told, "error": result.because})
        else:
            logger.info("channel told", extra=told)
