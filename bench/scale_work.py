"""The real code at work on a large database; publishers and the relay answer at once."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from threading import Event
from typing import Any

from sqlalchemy import Connection

import documents
from newsletter import same
from tidings.app import mailing, publishing
from tidings.app.app import App, utc_now
from tidings.app.handlers import handling
from tidings.app.polling import polling
from tidings.app.scheduler import HOSTS_A_JOB, MAX_POLL_JOBS
from tidings.fetching.outcomes import Fetch, Fetched, NotModified, Outcome, Request, Validators
from tidings.mail.transport import OutgoingMessage, Reply
from tidings.model import jobs
from tidings.model.scopes import EVERYTHING, PageAddress
from tidings.model.service_status import PollResult
from tidings.model.subscribers import PreferencesForm, SignUpForm, Visitor
from tidings.newsletters.issue_queue import IssueQueue
from tidings.newsletters.plan import Planner
from tidings.newsletters.plan_batch import DueCase
from tidings.newsletters.retries import Search
from tidings.newsletters.sender import Sender
from tidings.newsletters.store import deliveries
from tidings.operator.status import status_body
from tidings.operator.store import moderation, status
from tidings.polling.store import leases
from tidings.publishing.publication import Publication
from tidings.publishing.site_context import SiteContext
from tidings.subscribers.sign_up import SignUps
from tidings.subscribers.store import bulk
from tidings.subscribers.store.bulk import SubscriptionFilter
from tidings.subscribers.unsubscribe import Unsubscriber

Answer = Callable[[Request], Outcome]

TAG = '"the same"'


def unchanged(request: Request) -> Outcome:
    return NotModified(url=request.url, validators=Validators(url=request.url, etag=TAG))


def with_news(version: int) -> Answer:
    """Return what publishes a version of a document of its own for each source."""

    def answer(request: Request) -> Outcome:
        body = documents.feed(request.source_id, version=version)
        return Fetched(url=request.url, body=body, validators=Validators(url=request.url))

    return answer


def poll(app: App, answer: Answer, *, most: int, later: timedelta = timedelta(0)) -> list[int]:
    """Poll some of what is due, as a worker does; return the ids of the sources."""
    stop, polled = Event(), list[int]()

    def note(result: PollResult) -> None:
        polled.append(result.source_id)
        if len(polled) >= most:
            stop.set()

    with polling(app) as gathering:
        ours = replace(gathering, fetch=_fetching(answer), clock=partial(_later, later))
        ours.poller().poll_due(report=note, stop=stop)
    return polled


def poll_again(app: App, answer: Answer, sources: Sequence[int]) -> int:
    """Poll these sources once more; return how many they are."""
    with polling(app) as gathering:
        poller = replace(gathering, fetch=_fetching(answer)).poller()
        return poller.poll_sources(sources, report=lambda _: None, stop=Event()).polled


def _fetching(answer: Answer) -> Fetch:
    def fetch(requests: Sequence[Request], done: Callable[[Request, Outcome], None]) -> None:
        for request in requests:
            done(request, answer(request))

    return fetch


def _later(by: timedelta) -> datetime:
    return utc_now() + by


def count_due(app: App, *, times: int) -> int:
    """Ask what the clock asks before it wakes workers."""
    for _ in range(times):
        with app.database.read() as connection:
            leases.count_free(connection, due_at=utc_now(), most=HOSTS_A_JOB * MAX_POLL_JOBS)
    return times


class _EnoughError(Exception):
    """A round of planning was long enough."""


class ShortPlanner(Planner):
    """Ends after some chunks, as if it were killed."""

    def __init__(self, app: App, *, now: datetime, chunks: int) -> None:
        super().__init__(app.database, clock=partial(same, now), composer=mailing.composer(app))
        self._left = chunks
        self.planned = 0

    def _plan(self, cases: Sequence[DueCase], **more: Any) -> Counter[int]:
        if not self._left:
            raise _EnoughError
        self._left -= 1
        self.planned += len(cases)
        return super()._plan(cases, **more)


def plan(app: App, *, now: datetime, chunks: int) -> int:
    """Plan some of the subscriptions that are due; return how many."""
    planner = ShortPlanner(app, now=now, chunks=chunks)
    with suppress(_EnoughError):
        planner.plan_due()
    return planner.planned


@contextmanager
def _relay() -> Iterator[Callable[..., Reply]]:
    def send(_message: OutgoingMessage, mark: Callable[[], None], **_more: object) -> Reply:
        mark()
        return Reply(code=250, text="2.0.0 Ok: queued as 4F1F5A2B1C")

    yield send


def send(app: App, *, now: datetime) -> int:
    """Send what was planned; return how many letters."""
    clock = partial(same, now)
    sender = Sender(
        partial(IssueQueue, app.database, mailing.issue_messages(app), clock=clock),
        database=app.database,
        clock=clock,
        owner="bench",
        connect=_relay,
        signer=None,
        relay="relay",
        connections=4,
        limits={},
    )
    return sender.send_due(stop=Event()).accepted


def sign_up(app: App, *, times: int) -> int:
    languages = app.mail_templates.languages
    sign_ups = SignUps(app.database, links=app.links, clock=utc_now, languages=languages)
    for number in range(times):
        form = SignUpForm(
            newsletter="daily",
            address=f"somebody@new{number}.example",
            choice=PreferencesForm(),
            form="page",
            wording="Yes",
            honeypot="",
            rendered=sign_ups.stamp(is_again=True),
        )
        sign_ups.ask(form, Visitor(network=f"192.0.2.{number}"))
    return times


def unsubscribe(app: App, *, times: int) -> int:
    leaving = Unsubscriber(app.database, links=app.links, clock=utc_now)
    for number in range(1, times + 1):
        leaving.end(app.links.unsubscribe.sign(number, number))  # nonces as they are filled in
    return times


def front_page(app: App, *, times: int) -> int:
    publication = Publication(app.database, _context(app))
    for _ in range(times):
        publication.stamp(PageAddress(scope=EVERYTHING))
        publication.body(PageAddress(scope=EVERYTHING))
    return times


def status_page(app: App, *, times: int) -> int:
    for _ in range(times):
        status_body(app.database, _context(app), now=utc_now())
    return times


def metrics(app: App, *, times: int) -> int:
    return read(app, lambda connection: status.collect(connection, now=utc_now()), times=times)


def _context(app: App) -> SiteContext:
    return publishing.site_context_of(app, lambda path, number: f"{path}?page={number}")


PAGES = {"front page": front_page, "/status": status_page, "/metrics": metrics}

IDLE = (jobs.NOTICES.name, jobs.PUSHED.name, jobs.MOVES.name, jobs.WATCH.name)
"""Jobs that are made again and again, whether there is something to do or not."""


def work_off(app: App, job: str) -> int:
    with handling(app, Event(), lambda _: None) as handlers:
        handlers[job]()
    return 1


def _health(connection: Connection) -> object:
    return moderation.health_snapshot(connection, now=utc_now())


def _subscribers(connection: Connection) -> object:
    return list(bulk.select_subscriptions(connection, SubscriptionFilter(), limit=LISTED))


def _letters(connection: Connection, **rule: str) -> object:
    return deliveries.latest(connection, Search(**rule), limit=LISTED)


LISTED = 50

LISTS: dict[str, Callable[[Connection], object]] = {
    "the operator's desk": moderation.read_queue,
    "what the daily note is about": _health,
    "subscribers": _subscribers,
    "letters": _letters,
    "letters to one address": partial(_letters, key="reader77@domain77.example"),
    "letters held": partial(_letters, state="held"),
}


def read(app: App, what: Callable[[Connection], object], *, times: int) -> int:
    for _ in range(times):
        with app.database.read() as connection:
            what(connection)
    return times
