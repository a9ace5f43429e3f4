"""Gather what newsletters and mailing lists write to us, and follow some of them as sources."""

import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from threading import Event

from tidings.catalog import sources, topics
from tidings.catalog.sources import NewSource
from tidings.db.database import Database
from tidings.errors import ConflictError, MailboxError
from tidings.mail.list_messages import read_list_message
from tidings.mail.mailboxes import Mailbox
from tidings.model import mail_lists
from tidings.model.mail_lists import MailList
from tidings.model.sources import Source
from tidings.polling.store import mail_lists as store

logger = logging.getLogger(__name__)


class MailGatherer:
    """Stores messages by their lists, to be read once these are followed.

    Args:
        database: Where lists and messages are.
        clock: Returns the current time, in UTC.
    """

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def take(self, raw: bytes) -> MailList | None:
        """Store a message and return its list; None if it is of no use."""
        message = read_list_message(raw)
        if message is None:
            return None
        with self._database.write() as connection:
            return store.put(connection, message, now=self._clock())

    def read_mailbox(self, mailbox: Mailbox, *, stop: Event) -> int:
        """Take the unread messages of a mailbox; return how many were of use.

        Raises:
            MailboxError: It cannot be read; what was taken so far is saved.
        """
        taken = 0
        with closing(mailbox.unread()) as messages:
            for message in messages:
                if stop.is_set():
                    break
                is_used = self.take(message.raw) is not None
                # After the transaction: what is not saved must not be marked as read.
                message.finish(is_used)
                taken += is_used
        return taken

    def run(self, mailboxes: Sequence[Mailbox], *, stop: Event) -> None:
        """Take what has come; a mailbox that cannot be read is tried again the next time."""
        for mailbox in mailboxes:
            try:
                taken = self.read_mailbox(mailbox, stop=stop)
            except MailboxError as error:
                logger.warning("mailbox not read", extra={"because": str(error)})
            else:
                if taken:
                    logger.info("mailbox read", extra={"messages": taken})


def follow_list(database: Database, key: str, new: NewSource, *, now: datetime) -> Source:
    """Follow a list as a source; what waits of it is read at once, by whoever reads.

    Args:
        database: Where lists and sources are.
        key: Of the list.
        new: The source, but for its address; its topics need not exist.
        now: As of when.

    Raises:
        NotFoundError: No such list has written.
        ConflictError: It is followed already.
    """
    with database.write() as connection:
        found = store.get(connection, key)
        if found.source_id is not None:
            raise ConflictError("list", found.key, because="is followed already")
        slugs = topics.ensure(connection, new.topics, now=now)
        source = replace(
            new,
            url=mail_lists.SCHEME + found.key,
            feed_title=found.name or None,
            topics=[slugs[title] for title in new.topics],
        )
        [source_id] = sources.add(connection, [source], now=now)
        store.follow(connection, found.id, source_id)
        return sources.get(connection, source_id)
