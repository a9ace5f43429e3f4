"""What a channel is told of an issue or of entries, in words and for programs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from tidings.catalog import entries
from tidings.channels.store import channel_messages
from tidings.channels.store.channel_messages import ClaimedChannelMessage
from tidings.db.database import Connection
from tidings.model.channels import Announcement
from tidings.model.entries import Entry, EntryState, headline
from tidings.model.scopes import EVERYTHING, FeedDocument, Scope
from tidings.newsletters.store import issues
from tidings.publishing.formats.json_feed import json_item
from tidings.publishing.formats.values import publishable
from tidings.templating.phrases import Words
from tidings.templating.plain_text import clipped, one_line, readable

# Headlines of one message, and items in that of a webhook; of what is beyond only the number is told.
LINES, ITEMS = 10, 100

# Characters of a line: a chat is no place to read.
LINE = 300


class Announcements:
    """Writes announcements.

    Args:
        words: Returns the phrases of a language.
        language: Of what is told of entries.
        site_title: Returns that of everything that is published.
        site_url: Absolute, without a slash at the end.
    """

    def __init__(
        self,
        *,
        words: Callable[[str], Words],
        language: str,
        site_title: Callable[[], str],
        site_url: str,
    ) -> None:
        self._words = words
        self._language = language
        self._site_title = site_title
        self._site_url = site_url

    def of(self, connection: Connection, message: ClaimedChannelMessage) -> Announcement | None:
        """Return the announcement of a message; None if nothing of it is public any more."""
        if message.issue_id is not None:
            return self._of_issue(connection, message.issue_id)
        found = entries.in_order(connection, channel_messages.entry_ids(connection, message))
        if len(found) == 1:
            return self._of_entry(found[0], at=message.made_at)
        return self._of_entries(message, found) if found else None

    def test(self, name: str, *, now: datetime) -> Announcement:
        """Return an announcement that tells nothing but that the channel works."""
        title = f"{self._site_title()}: {name}"
        return Announcement(
            kind="test",
            title=title,
            lines=(),
            link=self._site_url,
            at=now,
            data={"title": title, "url": self._site_url, "items": [], "more": 0},
        )

    def _of_issue(self, connection: Connection, issue_id: int) -> Announcement | None:
        issue = issues.get(connection, issue_id)
        listed = issues.entries_of(connection, [issue.id])[issue.id]
        found = [entry for entry in listed if entry.state is EntryState.PUBLIC]
        if not found:
            return None
        link = f"{self._site_url}/issues/{issue.slug}"
        named = {"slug": issue.newsletter.slug, "title": issue.newsletter.title}
        return Announcement(
            kind="issue.published",
            title=issue.subject,
            lines=self._headlines(found, language=issue.language),
            link=link,
            at=issue.created_at,
            data={
                "title": issue.subject,
                "url": link,
                "language": issue.language,
                "newsletter": named,
                **self._items(found, link=link, at=issue.created_at),
            },
        )

    def _of_entry(self, entry: Entry, *, at: datetime) -> Announcement:
        title = _plain(headline(entry))
        link = entry.url or f"{self._site_url}/entries/{entry.id}"
        # Without a title, the beginning of the excerpt stands in its place.
        about = (entry.source.title, entry.excerpt) if entry.title else ()
        return Announcement(
            kind="entries.published",
            title=title,
            lines=tuple(_plain(line) for line in about if line),
            link=link,
            at=at,
            data={"title": title, "url": link, **self._items([entry], link=link, at=at)},
        )

    def _of_entries(self, message: ClaimedChannelMessage, found: Sequence[Entry]) -> Announcement:
        """Return what is told of all that was too much to be told one by one."""
        if message.topic is None:
            scope, name = EVERYTHING, self._site_title()
        else:
            scope = Scope(kind="topic", slug=message.topic)
            name = next(one.title for one in found[0].topics if one.slug == message.topic)
        title = self._words(self._language).count(
            "subject_new", len(found), newsletter=name, title=_plain(headline(found[-1]))
        )
        link, at = f"{self._site_url}{scope.path}", message.made_at
        return Announcement(
            kind="entries.published",
            title=title,
            lines=self._headlines(found[::-1], language=self._language),
            link=link,
            at=at,
            data={"title": title, "url": link, **self._items(found, link=link, at=at)},
        )

    def _headlines(self, found: Sequence[Entry], *, language: str) -> tuple[str, ...]:
        lines = [f"• {_plain(headline(entry))}" for entry in found[:LINES]]
        if beyond := len(found) - len(lines):
            lines.append(self._words(language).count("more", beyond))
        return tuple(lines)

    def _items(self, found: Sequence[Entry], *, link: str, at: datetime) -> dict[str, object]:
        """Return entries as our JSON feeds have them, and how many more there are."""
        feed = FeedDocument(
            id=link,
            title=link,
            subtitle="",
            page_url=link,
            forms=(),
            updated=at,
            entries=tuple(found[:ITEMS]),
            entries_url=f"{self._site_url}/entries/",
        )
        shown = publishable(feed).entries
        # Without the bodies, which are most of the bytes: a webhook is told where they are.
        items = [json_item(replace(entry, content=None)) for entry in shown]
        return {"items": items, "more": len(found) - len(items)}


def _plain(text: str) -> str:
    """Return a publisher's text as a line, with formulas that people can read."""
    return readable(clipped(one_line(text), LINE))
