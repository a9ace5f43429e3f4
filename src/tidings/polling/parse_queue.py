"""Documents that child processes parse, each with what is stored of its source."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from tidings.catalog import sources
from tidings.db.database import Database
from tidings.fetching.outcomes import Fetched
from tidings.filters import store
from tidings.filters.filtering import dropped_by
from tidings.filters.rules import Filter
from tidings.model.feed import Document, Newest, ParsedEntry, ParsedFeed
from tidings.model.sources import DueSource
from tidings.polling.compare import KnownEntry
from tidings.polling.guid_changes import StoredEntry
from tidings.polling.outcome import ComparedDocument
from tidings.polling.polled_source import pack
from tidings.polling.redirects import CONFIRMATIONS
from tidings.polling.store import polls


class Parse(Protocol):
    """What parses documents in child processes."""

    def __call__(
        self,
        document: Document,
        known: Mapping[bytes, bytes],
        *,
        memo: bytes | None = None,
        newest: Newest | None = None,
    ) -> Future[ParsedFeed]:
        """Begin to parse a document; the arguments are those of `document.parse`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A document that a child process has parsed, or failed to parse: see the future.

    Attributes:
        packed: The body, compressed, to be kept.
    """

    source_id: int
    fetched: Fetched
    packed: bytes
    feed: Future[ParsedFeed]


class ParseQueue:
    """Documents that are fetched and not yet compared.

    Args:
        database: Where their sources and entries are.
        parse: Parses a document in a child process, given the known raw hashes by key.
        done: Called from any thread when a document is parsed, or cannot be.
    """

    def __init__(self, database: Database, parse: Parse, *, done: Callable[[Parsed], None]) -> None:
        self._database = database
        self._parse = parse
        self._done = done
        self._known: dict[int, dict[bytes, KnownEntry]] = {}
        self._stored: dict[int, list[StoredEntry]] = {}
        self._filters: dict[int, list[Filter]] = {}
        self._rivals: dict[str, int] = {}
        self.backlog = 0
        """Bytes of documents that are being parsed, or wait for it."""

    def submit(
        self, unread: Sequence[tuple[DueSource, Fetched]], *, newest: Newest | None = None
    ) -> None:
        """Start to parse documents, and read what is stored of their sources.

        Args:
            unread: The documents.
            newest: Which entries of a source's first document are wanted; None for all.
        """
        source_ids = [due.id for due, _ in unread]
        # Only the last confirmation of a redirect asks whether another source is there already.
        moving = [due.moved_to for due, _ in unread if due.moved_times >= CONFIRMATIONS - 1]
        with self._database.read() as connection:
            self._known |= polls.known_entries(connection, source_ids)
            memos = polls.memos(connection, source_ids)
            self._filters |= store.of_sources(connection, source_ids)
            if moving:
                self._rivals |= sources.find_by_urls(connection, [to for to in moving if to])
        for due, fetched in unread:
            document = Document(
                url=fetched.url,
                body=fetched.body,
                content_type=fetched.content_type,
                charset=fetched.charset,
                language=due.language if fetched.is_partial else fetched.language,
                page=due.page,
            )
            # The child cleans only what changed: cleaning is most of the time that parsing takes.
            raw_hashes = {key: known.raw_hash for key, known in self._known[due.id].items()}
            self.backlog += len(fetched.body)
            feed = self._parse(
                document,
                raw_hashes,
                # Of what is pushed, the memo would say nothing of the whole document.
                memo=None if fetched.is_partial else memos.get(due.id),
                newest=newest if self._defers(due) else None,
            )
            feed.add_done_callback(partial(self._report, due.id, fetched))

    def load_rename_candidates(self, read: Sequence[Parsed]) -> None:
        """Read the stored entries that may have come back under the unknown keys of documents."""
        unknown = {one.source_id: self._unknown(one) for one in read}
        unknown = {source_id: entries for source_id, entries in unknown.items() if entries}
        if unknown:
            with self._database.read() as connection:
                self._stored |= polls.rename_candidates(connection, unknown)

    def finish(self, parsed: Parsed) -> ComparedDocument:
        """Take a parsed document out of the queue.

        Raises:
            ParseError: It could not be parsed.
            InvalidError: A filter of its source is not valid any more.
        """
        fetched = parsed.fetched
        self.backlog -= len(fetched.body)
        known = self._known.pop(parsed.source_id)
        stored = self._stored.pop(parsed.source_id, ())
        filters = self._filters.pop(parsed.source_id, ())
        feed = parsed.feed.result()
        return ComparedDocument(
            fetched=fetched,
            packed=parsed.packed,
            feed=feed,
            known=known,
            stored=stored,
            duplicate_id=self._rivals.get(fetched.moved_to or ""),
            dropped=dropped_by(filters, [one for one in feed.entries if one.key not in known]),
        )

    def _defers(self, due: DueSource) -> bool:
        """Tell whether older entries of a document may be left for later."""
        # A filter decides by the text, so that it has to be known.
        is_filtered = self._filters.get(due.id)
        return due.first_polled_at is None and not self._known[due.id] and not is_filtered

    def _unknown(self, parsed: Parsed) -> list[ParsedEntry]:
        known = self._known[parsed.source_id]
        if not known or parsed.feed.exception():
            return []
        return [entry for entry in parsed.feed.result().entries if entry.key not in known]

    def _report(self, source_id: int, fetched: Fetched, feed: Future[ParsedFeed]) -> None:
        # In the thread of the child, which is not the one that writes.
        packed = pack(fetched.body)
        self._done(Parsed(source_id=source_id, fetched=fetched, packed=packed, feed=feed))
