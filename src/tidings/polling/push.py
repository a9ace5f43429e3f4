"""WebSub subscriber (W3C): subscribe to hubs, answer their callbacks, ingest what they push.

A push is stored in the database first, since any process may be the one that the hub calls. A
document is ingested at once, without the publisher's host (`intake`); a hint that there is
news makes the source due, and so does a document that nobody ingests: the next poll takes it in
place of the publisher's response.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Event

from tidings.db.database import Database
from tidings.errors import FetchError, NotFoundError
from tidings.fetching.outcomes import Fetched, FormPost, Validators
from tidings.fetching.post import Post, PostOutcome, refusal_reason, send
from tidings.model.sources import DueSource
from tidings.model.urls import host_of
from tidings.model.websub import SUBSCRIBED, HubState, HubSubscription, Intent, Push, is_genuine
from tidings.polling.hub_rules import LEASE, confirms_unsubscribe, prepare_request, settle_intent
from tidings.polling.store import push_subscriptions

logger = logging.getLogger(__name__)

# How long a push counts as the latest version; later the document itself is fetched.
FRESH_FOR = timedelta(minutes=10)


class HubSubscriber:
    """Subscribes to hubs, renews subscriptions, and ends them.

    Args:
        database: Where subscriptions are.
        post: Posts a form; calls back from any thread.
        clock: Returns the current time, in UTC.
        callback: URL of the callback up to the token.
    """

    def __init__(
        self, database: Database, *, post: Post, clock: Callable[[], datetime], callback: str
    ) -> None:
        self._database = database
        self._post = post
        self._clock = clock
        self._callback = callback

    def send_requests(self, *, stop: Event) -> None:
        """Send the requests that are due, and make sources due for which a push is pending."""
        # One after the other: there is no hurry, and polling needs the sockets. A hub that does
        # not respond would cost a timeout for each of its subscriptions: it is tried once.
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
        """Return a subscription whose request is due, stored as if the request had been sent.

        Before, not after it is sent: some hubs verify before they respond. A request lost in a
        crash is repeated like one that was not confirmed.
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
                if prepared := prepare_request(known, now=now):
                    push_subscriptions.put(connection, prepared)
                    return prepared
                push_subscriptions.remove(connection, known.token)
        return None

    def _note(self, known: HubSubscription, answer: PostOutcome) -> None:
        error = refusal_reason(answer, hiding=(known.token, known.secret))
        with self._database.write() as connection:
            push_subscriptions.note_answer(connection, known.token, error)
        if error:
            logger.warning("hub request refused", extra={**_log_fields(known), "error": error})
        else:
            logger.info(
                "hub request sent", extra={**_log_fields(known), "state": known.state.value}
            )


def forget_hubs(database: Database) -> None:
    """Delete all subscriptions: callbacks of hubs are answered "gone" from now on."""
    with database.write() as connection:
        push_subscriptions.remove_all(connection)


class HubRequests:
    """Answers the callbacks of hubs; called from many threads.

    Args:
        database: Where subscriptions and pushes are.
        clock: Returns the current time, in UTC.
        max_size: Bytes of a push, at most.
    """

    def __init__(self, database: Database, *, clock: Callable[[], datetime], max_size: int) -> None:
        self._database = database
        self._clock = clock
        self._max_size = max_size

    def confirm(self, token: str, intent: Intent) -> None:
        """Confirm a hub's verification of intent, if it is ours.

        Raises:
            NotFoundError: There is no such subscription, or we did not ask for this.
        """
        # Read first: requests with made-up tokens must not queue for the only writer.
        with self._database.read() as connection:
            push_subscriptions.get(connection, token)
        with self._database.write() as connection:
            known = push_subscriptions.get(connection, token, to_change=True)
            settled = settle_intent(known, intent, now=self._clock())
            if confirms_unsubscribe(known, intent):
                push_subscriptions.remove(connection, token)
            elif settled != known:
                push_subscriptions.put(connection, settled)
            else:
                raise NotFoundError("request", f"to {intent.mode} for that token")
        logger.info("hub called back", extra={**_log_fields(known), "mode": intent.mode})

    def room_for(self, token: str) -> int:
        """Return how many bytes a push may have.

        Raises:
            NotFoundError: There is no such subscription, or no hub may push for it now.
        """
        self._expected(token)
        return self._max_size

    def receive(self, token: str, push: Push, signatures: Sequence[str]) -> None:
        """Store a push if its signature is valid, and make its source due.

        A wrong signature is no error for the hub (WebSub, section 8): the push is ignored.

        Raises:
            NotFoundError: There is no such subscription, or no hub may push for it now.
        """
        known = self._expected(token)
        if known.pending_bytes == 0:
            return  # the next poll fetches everything anyway
        if not is_genuine(push.body, signatures, known.secret):
            logger.warning(
                "push ignored", extra={**_log_fields(known), "because": "wrong signature"}
            )
            return
        now = self._clock()
        kept = push if known.pushes_whole_entries else Push()
        with self._database.write() as connection:
            push_subscriptions.put_push(connection, token, kept, now=now)
        # A transaction of its own: a poll that is saving has locked the source, and may be
        # waiting for the subscription that was just written.
        with self._database.write() as connection:
            push_subscriptions.make_due(connection, now=now)
        logger.info("push received", extra={**_log_fields(known), "bytes": len(push.body)})

    def _expected(self, token: str) -> HubSubscription:
        with self._database.read() as connection:
            known = push_subscriptions.get(connection, token)
        if known.state not in SUBSCRIBED:
            raise NotFoundError("subscription", "with that token")
        return known


def take_pushes(
    database: Database, claimed: Sequence[DueSource], *, now: datetime
) -> Mapping[int, Fetched]:
    """Remove and return what hubs have pushed for sources about to be polled, by source."""
    # If it is lost before it is saved, its source is still due, and fetched.
    pending = {due.id: due for due in claimed if due.hub and due.hub.pending_bytes is not None}
    if not pending:
        return {}
    with database.write() as connection:
        pushes = push_subscriptions.take_pushes(connection, pending.keys())
    return {
        source_id: as_fetched(pending[source_id], push)
        for source_id, push in pushes.items()
        if _is_fresh(pending[source_id].hub, now)
    }


def as_fetched(due: DueSource, push: Push) -> Fetched:
    """Return a push as a document with some of the entries, fetched just now."""
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


def _log_fields(known: HubSubscription) -> dict[str, object]:
    return {"source": known.source_id, "hub": known.hub}
