"""Polls by hand, without web and children: what a document or a failure leads to."""

from concurrent.futures import Future
from datetime import timedelta

from parsed_entries import NOON
from tidings.errors import ParseError, UnreachableError
from tidings.fetching.outcomes import Fetched, NotModified, Validators
from tidings.model.feed import ParsedFeed
from tidings.parsing.document import parse
from tidings.polling.outcome import (
    ComparedDocument,
    Rules,
    settle_failure,
    settle_read,
    settle_unchanged,
)
from tidings.polling.polled_source import PolledSource
from tidings.polling.schedule import PollPolicy

POLICY = PollPolicy(
    tick=timedelta(seconds=1),
    interval=timedelta(hours=1),
    min_interval=timedelta(minutes=15),
    max_interval=timedelta(days=1),
    max_pause=timedelta(days=7),
    outburst=30,
)
RULES = Rules(policy=POLICY, first_poll=2, fold=3, interval_of=lambda _: timedelta(0))


def read_poll(due, *entries, known=None, now=NOON, **feed) -> PolledSource:
    fetched = Fetched(url=due.url, body=b"x", validators=Validators(url=due.url, etag='"1"'))
    document = ParsedFeed(**({"title": "A feed", "entries": entries} | feed))
    reading = ComparedDocument(fetched=fetched, packed=b"x", feed=document, known=known or {})
    return settle_read(due, reading, now=now, rules=RULES)


def silent_poll(due, *, now=NOON, moved_to=None) -> PolledSource:
    validators = Validators(url=moved_to or due.url, etag='"2"')
    answer = NotModified(url=validators.url, validators=validators, moved_to=moved_to)
    return settle_unchanged(due, answer, now=now, rules=RULES)


def failed_poll(due, *, now=NOON) -> PolledSource:
    return settle_failure(due, UnreachableError(due.url, "no route"), now=now, rules=RULES)


def parse_here(document, known, **wanted):
    """Parse in this process, at once, what a child would."""
    future = Future()
    try:
        future.set_result(parse(document, known, **wanted))
    except ParseError as error:
        future.set_exception(error)
    return future
