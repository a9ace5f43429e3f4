"""Builds what polls: sockets, parser processes, and the engines that use them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from tidings.app.app import VERSION, App, process_name, utc_now
from tidings.db.database import Database
from tidings.fetching.fetcher import Fetcher
from tidings.fetching.outcomes import Fetch
from tidings.fetching.post import Post
from tidings.parsing.pool import Parser
from tidings.polling.discover import Prober
from tidings.polling.follow import SourceAdder
from tidings.polling.host_leases import HostRules
from tidings.polling.intake import IntakeReader, MailInbox, PushInbox
from tidings.polling.moved_sources import MoveFinder
from tidings.polling.outcome import Rules
from tidings.polling.parse_queue import Parse
from tidings.polling.poll import Poller
from tidings.polling.push import HubSubscriber
from tidings.polling.replay import Replayer
from tidings.polling.store import leases
from tidings.publishing.repaginate import repaginate_some


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """The event loop and the parser processes of this process, and the engines that share them.

    Attributes:
        fetch: Fetches requests of one host in turn, and reports from any thread.
        post: Sends a form to a hub, and reports from any thread.
        parse: Reads a document in a child, given the raw hashes known by key.
        owner: This process's name on leases.
    """

    app: App
    fetch: Fetch
    post: Post
    parse: Parse
    owner: str
    clock: Callable[[], datetime] = utc_now

    def poller(self) -> Poller:
        """Return the poller of sources."""
        return Poller(
            self.app.database,
            fetch=self.fetch,
            parse=self.parse,
            clock=self.clock,
            owner=self.owner,
            rules=self._rules,
            hosts=self._hosts,
            # Handed in: polling stands below publishing, and may not import it.
            repaginate=self._repaginate,
        )

    def replayer(self) -> Replayer:
        """Return what polls sources again with stored documents."""
        return Replayer(
            self.app.database,
            parse=self.parse,
            # The same poller, but for where documents come from: what replaying shows is what
            # polling does.
            poller_with=lambda fetch, parse: replace(self, fetch=fetch, parse=parse).poller(),
        )

    def intake_reader(self) -> IntakeReader:
        """Return what saves documents that hubs have pushed, and that came by mail."""
        return IntakeReader(
            self.app.database,
            [PushInbox(), MailInbox()],
            parse=self.parse,
            clock=self.clock,
            rules=self._rules,
            repaginate=self._repaginate,
        )

    def prober(self) -> Prober:
        """Return what fetches addresses to find feeds."""
        return Prober(
            self.app.database,
            fetch=self.fetch,
            parse=self.parse,
            owner=self.owner,
            hosts=self._hosts,
            policy=self.app.settings.poll,
        )

    def source_adder(self) -> SourceAdder:
        """Return what adds sources."""
        database, prober = self.app.database, self.prober()
        return SourceAdder(database, prober=prober, clock=self.clock, rules=self._rules)

    def move_finder(self) -> MoveFinder:
        """Return what looks for the new address of sources that fail."""
        return MoveFinder(self.app.database, prober=self.prober(), clock=self.clock)

    def hub_subscriber(self, callback: str) -> HubSubscriber:
        """Return what subscribes at hubs; `callback` precedes the token in our addresses."""
        database = self.app.database
        return HubSubscriber(database, post=self.post, clock=self.clock, callback=callback)

    def _repaginate(self) -> bool:
        size = self.app.settings.publish.page_size
        return repaginate_some(self.app.database, size=size, clock=self.clock)

    @property
    def _rules(self) -> Rules:
        settings = self.app.settings
        return Rules(
            policy=settings.poll,
            first_poll=settings.publish.first_poll,
            fold=settings.publish.fold,
            interval_of=settings.fetch.poll_interval_of,
            subscribes=self.app.hub_callback is not None,
        )

    @property
    def _hosts(self) -> HostRules:
        fetch = self.app.settings.fetch
        return HostRules(concurrency=fetch.concurrency, pause_of=fetch.interval_of)


@contextmanager
def polling(app: App) -> Iterator[Polling]:
    """Start the event loop of the sockets and the parser processes, until the context ends."""
    owner = process_name()
    # Redirects lead to hosts that nobody has claimed for this poll: those are leased on the way.
    lease = partial(_lease_hop, app.database, owner)
    with (
        Parser(app.settings.parse) as parser,
        Fetcher(app.settings.fetch, version=VERSION, lease=lease) as fetcher,
    ):
        yield Polling(
            app=app, fetch=fetcher.submit, post=fetcher.post, parse=parser.submit, owner=owner
        )


def _lease_hop(database: Database, owner: str, host: str) -> bool:
    with database.write() as connection:
        return leases.claim_hop(connection, owner, host)
