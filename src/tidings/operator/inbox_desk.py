"""Lists that write to us, as operators look after them on the pages: followed or refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tidings.catalog import sources, topics
from tidings.db.database import Database
from tidings.errors import NotFoundError
from tidings.model.entries import TopicCredit
from tidings.model.mail_lists import MailList
from tidings.model.sources import Source
from tidings.operator.source_desk import FollowForm, new_source
from tidings.polling.mail_gatherer import follow_list
from tidings.polling.store import mail_lists

# Lists on a page: a mailbox that is found by spam gets hundreds.
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxListing:
    """A page of the lists that have written, the latest first and those that are refused last.

    Attributes:
        sources: What lists are followed as, by id.
        chosen: The one that is about to be followed; None if none is.
        topics: All that it can be given.
        pages: How many there are.
    """

    lists: tuple[MailList, ...]
    sources: Mapping[int, Source]
    chosen: MailList | None
    topics: tuple[TopicCredit, ...]
    pages: int


class InboxDesk:
    """Lists that come by mail; thread-safe."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def listing(self, *, number: int, chosen: int | None) -> InboxListing:
        """Return a page of the lists.

        Args:
            number: Of the page.
            chosen: The id of the list that is about to be followed.

        Raises:
            NotFoundError: There is no such page, or list.
        """
        with self._database.read() as connection:
            every = sorted(mail_lists.every(connection), key=lambda one: one.refused)
            pages = max(-(-len(every) // PAGE_SIZE), 1)  # rounded up
            if number > pages:
                raise NotFoundError("page", number)
            shown = every[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
            followed = [one.source_id for one in shown if one.source_id]
            return InboxListing(
                lists=tuple(shown),
                sources={one.id: one for one in sources.of_ids(connection, followed)},
                chosen=_of_id(every, chosen) if chosen else None,
                topics=tuple(topics.every(connection)),
                pages=pages,
            )

    def follow(self, key: str, form: FollowForm) -> Source:
        """Follow a list as a source; what waits of it is read by a job, not here.

        Raises:
            NotFoundError: No such list has written.
            ConflictError: It is followed already.
            InvalidError: A choice is not valid.
        """
        return follow_list(self._database, key, new_source(form), now=self._clock())

    def refuse(self, key: str) -> None:
        """Drop what a list has sent, and will send.

        Raises:
            NotFoundError: No such list has written.
            ConflictError: It is followed.
        """
        with self._database.write() as connection:
            mail_lists.refuse(connection, key)


def _of_id(lists: list[MailList], list_id: int) -> MailList:
    for one in lists:
        if one.id == list_id:
            return one
    raise NotFoundError("list", list_id)
