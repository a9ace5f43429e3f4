"""WebSub: asking hubs to call us, answering when they do, and handing on what they send.

What a hub sends waits in the database, whichever process the hub had called. A document is taken
in at once, without the publisher's host (`pushes`); a hint that there is one makes the source due,
and so does a document that nobody takes in: whoever polls that source finds it here in place of what
the publisher would answer.

Taking in what hubs have sent: parsed, compared and saved like any document, but for its host.

Nobody is asked for anything, so no host has to be free. Whoever polls the same source at that
moment, here or in another process, and whoever else takes in the same document, is met when it is
saved: only one can follow the poll that both began from, and the other compares once more.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from threading import Event

from tidings.db.database import Database
from tidings.errors import FetchError, LeaseLostError, NotFoundError, StorageError, TidingsError
from tidings.fetching.outcomes import Fetched, FormPost, Validators
from tidings.fetching.post import Answer, Post, refusal, send
from tidings.model.sources import DueSource
from tidings.model.urls import host_of
from tidings.model.websub import SUBSCRIBED, HubState, HubSubscription, Intent, Push, is_genuine
from tidings.polling.hub_requests import LEASE, ask, may_leave, settle_intent
from tidings.polling.outcome import Rules, result_of, settle_read, shown_error
from tidings.polling.parse_queue import Parse, Parsed, Readings
from tidings.polling.store import leases, polls, push_subscriptions

logger = logging.getLogger(__name__)

# How long what was pushed is taken for the latest; later the document itself is fetched.
FRESH_FOR = timedelta(minutes=10)


class HubSubscriber:
    """Asks hubs to call us, and not to any more.

    Args:
        database: Where subscriptions to feeds at hubs are.
        post: Sends a form, and reports from any thread.
        clock: Tells the time.
        callback: What precedes the token in the address that a hub calls.
    """

    def __init__(
        self, database: Database, *, post: Post, clock: Callable[[], datetime], callback: str
    ) -> None:
        self._database = database
        self._post = post
        self._clock = clock
        self._callback = callback

    def attend(self, *, stop: Event) -> None:
        """Ask hubs what is due to be asked, and let sources be polled for which something waits.

        Hubs are asked one after the other: there is no hurry, and polling needs the sockets.
        """
        down: dict[str, FetchError] = {}
        while not stop.is_set() and (known := self._take_next()):
            host = host_of(known.hub)
            answer = down.get(host) or send(self._post, _form(known, self._callback), stop=stop)
            if answer is None:
                return
            if isinstance(answer, FetchError):
                down[host] = answer
            self._note(known, answer)

    def _take_next(self) -> HubSubscription | None:
        """Return a subscription that is due, as it stands from now on: as if its hub had been asked.

        Some hubs ask back before they answer; and a request that we do not live to send is made up
        for when the answer to it is overdue.
        """
        now = self._clock()
        with self._database.read() as connection:
            if not push_subscriptions.has_work(connection, now=now):
                return None
        with self._database.write() as connection:
            push_subscriptions.make_due(connection, now=now)
        with self._database.write() as connection:
            push_subscriptions.leave_inactive(connection, now=now)
            while known := push_subscriptions.find_due(connection, now=now):
                if asked := ask(known, now=now):
                    push_subscriptions.put(connection, asked)
                    return asked
                push_subscriptions.remove(connection, known.token)
        return None

    def _note(self, known: HubSubscription, answer: Answer) -> None:
        error = refusal(answer, hiding=(known.token, known.secret))
        with self._database.write() as connection:
            push_subscriptions.note_answer(connection, known.token, error)
        if error:
            logger.warning("hub refused", extra={**_what(known), "error": error})
        else:
            logger.info("hub asked", extra={**_what(known), "state": known.state.value})


def forget_hubs(database: Database) -> None:
    """End all subscriptions: whatever a hub still sends is answered "gone"."""
    with database.write() as connection:
        push_subscriptions.remove_all(connection)


class HubRequests:
    """What hubs call us for; asked from many threads.

    Args:
        database: Where subscriptions and pushes are.
        clock: Tells the time.
        max_size: Bytes of a push.
    """

    def __init__(self, database: Database, *, clock: Callable[[], datetime], max_size: int) -> None:
        self._database = database
        self._clock = clock
        self._max_size = max_size

    def confirm(self, token: str, intent: Intent) -> None:
        """Take note of what a hub is about to do, if we agree.

        Raises:
            NotFoundError: There is no such subscription, or we did not ask for this.
        """
        with self._database.read() as connection:
            push_subscriptions.get(
                connection, token
            )  # strangers do not get as far as the one writer
        with self._database.write() as connection:
            known = push_subscriptions.get(connection, token, to_change=True)
            settled = settle_intent(known, intent, now=self._clock())
            if may_leave(known, intent):
                push_subscriptions.remove(connection, token)
            elif settled != known:
                push_subscriptions.put(connection, settled)
            else:
                raise NotFoundError("request", f"to {intent.mode} for that token")
        logger.info("hub spoke", extra={**_what(known), "mode": intent.mode})

    def room_for(self, token: str) -> int:
        """Return how many bytes a push may have.

        Raises:
            NotFoundError: There is no such subscription, or no hub may push for it now.
        """
        self._expected(token)
        return self._max_size

    def receive(self, token: str, push: Push, signatures: Sequence[str]) -> None:
        """Keep what a hub sent, if it is rightly signed, and let its source be polled.

        Raises:
            NotFoundError: There is no such subscription, or no hub may push for it now.
        """
        known = self._expected(token)
        if known.waiting == 0:
            return  # the next poll fetches everything anyway
        if not is_genuine(push.body, signatures, known.secret):
            logger.warning("push ignored", extra={**_what(known), "because": "wrong signature"})
            return
        now = self._clock()
        kept = push if known.pushes_whole_entries else Push()
        with self._database.write() as connection:
            push_subscriptions.put_push(connection, token, kept, now=now)
        # On its own: a poll that is saving holds the source, and may want what was just written.
        with self._database.write() as connection:
            push_subscriptions.make_due(connection, now=now)
        logger.info("push received", extra={**_what(known), "bytes": len(push.body)})

    def _expected(self, token: str) -> HubSubscription:
        with self._database.read() as connection:
            known = push_subscriptions.get(connection, token)
        if known.state not in SUBSCRIBED:
            raise NotFoundError("subscription", "with that token")
        return known


def take_pushes(
    database: Database, claimed: Sequence[DueSource], *, now: datetime
) -> Mapping[int, Fetched]:
    """Return what hubs have sent for sources that are about to be polled, by source.

    It waits no more then: should it be lost before it is saved, its source is due still.
    """
    waiting = {due.id: due for due in claimed if due.hub and due.hub.waiting is not None}
    if not waiting:
        return {}
    with database.write() as connection:
        pushes = push_subscriptions.take_pushes(connection, waiting.keys())
    return {
        source_id: as_fetched(waiting[source_id], push)
        for source_id, push in pushes.items()
        if _is_fresh(waiting[source_id].hub, now)
    }


def as_fetched(due: DueSource, push: Push) -> Fetched:
    """Return a push as what it is like: a document with some of the entries, fetched just now."""
    own = due.validators_url or due.url
    return Fetched(
        url=due.url,
        body=push.body,
        content_type=push.content_type,
        charset=push.charset,
        validators=Validators(url=own, etag=due.etag, last_modified=due.last_modified),
        is_partial=True,
    )


def _form(known: HubSubscription, callback: str) -> FormPost:
    leaves = known.state is HubState.LEAVING
    return FormPost(
        url=known.hub,
        fields={
            "hub.mode": "unsubscribe" if leaves else "subscribe",
            "hub.topic": known.topic,
            "hub.callback": callback + known.token,
            "hub.secret": known.secret,
            "hub.lease_seconds": f"{LEASE.total_seconds():.0f}",
            "hub.verify": "async",  # hubs from before the Recommendation insist on it
        },
    )


def _is_fresh(hub: HubSubscription | None, now: datetime) -> bool:
    return bool(hub and hub.pushed_at and now - hub.pushed_at <= FRESH_FOR)


def _what(known: HubSubscription) -> dict[str, object]:
    return {"source": known.source_id, "hub": known.hub}


class PushReader:
    """Takes in what hubs have sent.

    Args:
        database: Where it waits, and what is made of it.
        parse: Reads a document in a child, given the raw hashes known by key.
        clock: Tells the time.
        rules: By which documents are judged.
        repaginate: Cuts some pages of what was saved; says whether more is left to be cut.
    """

    def __init__(
        self,
        database: Database,
        *,
        parse: Parse,
        clock: Callable[[], datetime],
        rules: Rules,
        repaginate: Callable[[], bool],
    ) -> None:
        self._database = database
        self._parse = parse
        self._clock = clock
        self._rules = rules
        self._repaginate = repaginate

    def take_in_all(self, *, stop: Event) -> None:
        """Take in every document that waits, until none does, or when told to stop."""
        while not stop.is_set():
            with self._database.read() as connection:
                pushes = push_subscriptions.waiting(connection, since=self._clock() - FRESH_FOR)
                dues = {due.id: due for due in leases.due(connection, pushes.keys())}
            if not dues:
                return
            self._take_in(dues, pushes, stop=stop)
            # One piece: what is left of a long cut is for the next round of polling.
            self._repaginate()

    def _take_in(
        self, dues: Mapping[int, DueSource], pushes: Mapping[int, Push], *, stop: Event
    ) -> None:
        inbox: SimpleQueue[Parsed] = SimpleQueue()
        readings = Readings(self._database, self._parse, done=inbox.put)
        readings.begin([(due, as_fetched(due, pushes[key])) for key, due in dues.items()])
        left = len(dues)
        while left and not stop.is_set():
            try:
                parsed = inbox.get(timeout=0.2)
            except Empty:
                continue
            left -= 1
            readings.look_closer([parsed])
            self._save(readings, parsed, due=dues[parsed.source_id])

    def _save(self, readings: Readings, parsed: Parsed, *, due: DueSource) -> None:
        push = _as_pushed(parsed.fetched)
        try:
            reading = readings.end(parsed)
            polled = settle_read(due, reading, now=self._clock(), rules=self._rules)
            with self._database.write() as connection:
                polls.save(connection, None, [polled])
                push_subscriptions.finish(connection, due.id, push, fetches=False)
        except LeaseLostError:
            return  # it was polled meanwhile, and what waits still is compared with what is stored now
        except StorageError:
            raise
        except TidingsError as error:
            data = {"source": due.shown(due.url), "because": shown_error(error, due)}
            logger.warning("push not read", extra=data)
            with self._database.write() as connection:
                push_subscriptions.finish(connection, due.id, push, fetches=True)
            return
        result = result_of(due, polled)
        counts = {"new": result.new, "updated": result.updated}
        logger.info("push taken in", extra={"source": result.url, **counts})


def _as_pushed(fetched: Fetched) -> Push:
    return Push(body=fetched.body, content_type=fetched.content_type, charset=fetched.charset)
