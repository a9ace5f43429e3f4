"""The scheduler: the jobs that run while the service does."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from tidings.app import mailing, publishing
from tidings.app.app import App, utc_now
from tidings.app.polling import Polling, polling
from tidings.db.database import Database
from tidings.errors import DatabaseAwayError
from tidings.log import Seldom
from tidings.model.service_status import PollResult
from tidings.newsletters.plan import Planner
from tidings.newsletters.sender import Sender
from tidings.operator.daily_note import DailyNote
from tidings.operator.store import maintenance
from tidings.polling.poll import Poller
from tidings.polling.push import forget_hubs
from tidings.publishing.hub_pings import forget_others
from tidings.stories.store.stories import delete_all_old_keys
from tidings.subscribers.sign_up import forget_expired
from tidings.subscribers.transactional_queue import forget_finished

logger = logging.getLogger(__name__)

MAIL_TICK = timedelta(seconds=30)
# Somebody waits at the screen for the message to confirm.
TRANSACTIONAL_TICK = timedelta(seconds=10)
WATCH_TICK = timedelta(minutes=15)
BOUNCE_TICK = timedelta(minutes=5)
# Short: a pushed document is here already, and looking for it is a read of a small table.
PUSH_TICK = timedelta(seconds=1)
CLOCK_TICK = timedelta(seconds=10)
# Between two looks: a clock that differs by more was set, it did not just drift.
JUMP = timedelta(seconds=5)
# How often a new address is looked for of sources that fail.
LOOK_TICK = timedelta(minutes=5)


class Every(BaseTrigger):  # type: ignore[misc] # APScheduler is untyped
    """An interval that begins when a run has ended, by the clock of that moment.

    APScheduler's own interval counts from the run before: after a clock was set forward it would
    list every run that was missed, and those of some years take all the memory there is.
    """

    def __init__(self, pause: timedelta, *, at_once: bool) -> None:
        self.pause = pause
        self._at_once = at_once

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return when the next run is."""
        return now if self._at_once and previous_fire_time is None else now + self.pause


@contextmanager
def ticking(app: App) -> Iterator[None]:
    """Run all jobs again and again, until the context ends.

    What a job does is found in the database, so a run that is late, missed or doubled by another
    process does no harm. A round that takes longer than its tick is not begun twice. At the end a
    round in progress saves what it has decided, waits a few seconds for replies, and releases its
    leases.

    Raises:
        ConfigError: A setting cannot be used; no job has begun.
        TemplateError: A template of the messages is broken; no job has begun.
    """
    stop = Event()
    scheduler = BackgroundScheduler(
        timezone="UTC",
        # Late runs are made up for once: by default APScheduler drops what is more than a second
        # late.
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    with polling(app) as gathering:
        # Built before anything runs: a broken template or setting ends the start, not a round.
        jobs = _jobs(app, gathering, stop)
        outage = Seldom(logger, "database away")
        for job, pause in jobs:
            scheduler.add_job(_unless_away(job, outage), Every(pause, at_once=True))
        for hub_job in _hub_jobs(app, gathering, stop):
            # Not at once: some hubs call back before they answer, and must find us listening.
            scheduler.add_job(
                _unless_away(hub_job, outage), Every(app.settings.poll.tick, at_once=False)
            )
        scheduler.start()
        observer = Thread(target=_observe_clock, args=(app.database, scheduler, stop))
        observer.start()
        try:
            yield
        finally:
            stop.set()
            scheduler.shutdown(wait=True)  # while rounds in progress still have their sockets
            observer.join()


def _say_where_messages_go(app: App, relay: str) -> None:
    if app.settings.mail.transport == "smtp":
        logger.info("messages go through a relay", extra={"to": relay})
    else:
        logger.info("messages go into a folder", extra={"to": str(Path(relay).absolute())})


def _unless_away(job: Callable[[], object], outage: Seldom) -> Callable[[], None]:
    """Return a job that is skipped until its next run if the database is away."""

    def run() -> None:
        try:
            job()
        # Only that: any other error is a bug, and the scheduler logs it with its traceback.
        except DatabaseAwayError as error:
            outage.warn(because=str(error))

    return run


def _observe_clock(database: Database, scheduler: BackgroundScheduler, stop: Event) -> None:
    """Reschedule all jobs when the clock was set; runs until `stop`."""
    # In a thread, not as a job: the scheduler sleeps for a span that it computed by the old clock.
    offset = _clock_offset()
    while not stop.wait(CLOCK_TICK.total_seconds()):
        before, offset = offset, _clock_offset()
        now, jobs = utc_now(), scheduler.get_jobs()
        by = offset - before
        # A clock that was wrong for a moment is right again, but not what was planned by it.
        ahead = max(job.next_run_time - now - job.trigger.pause for job in jobs)
        by = min(by, -ahead) if ahead >= JUMP else by
        if abs(by) < JUMP:
            continue
        logger.warning("clock set", extra={"by": f"{by.total_seconds():+.0f} s"})
        try:
            if by < timedelta(0):
                with database.write() as connection:
                    maintenance.bring_forward(connection, now=now, by=-by)
        except DatabaseAwayError:
            offset = before  # tried again
        for job in jobs:
            # All of them now, since no harm comes of a run too many.
            job.modify(next_run_time=now)


def _clock_offset() -> timedelta:
    """Return the offset of the clock from the monotonic one."""
    return utc_now() - datetime.fromtimestamp(time.monotonic(), UTC)


def _poll(poller: Poller, stop: Event) -> None:
    summary = poller.poll_due(report=_ignore, stop=stop)
    if summary.sources:
        numbers = {"polled": summary.polled, "new": summary.new, "failed": summary.failed}
        logger.info("round finished", extra=numbers)


def _jobs(
    app: App, gathering: Polling, stop: Event
) -> list[tuple[Callable[[], object], timedelta]]:
    """Return what runs at once and then with a pause, that of each beside it."""
    sender, transactional = mailing.issue_sender(app), mailing.transactional_sender(app)
    _say_where_messages_go(app, sender.relay)
    mailboxes = mailing.bounce_mailboxes(app)
    return [
        (partial(_poll, gathering.poller(), stop), app.settings.poll.tick),
        (partial(_mail, mailing.planner(app), sender, stop), MAIL_TICK),
        (partial(_send, transactional, stop, kind="transactional"), TRANSACTIONAL_TICK),
        (partial(mailing.bounce_processor(app).run, mailboxes, stop=stop), BOUNCE_TICK),
        (partial(gathering.move_finder().find, stop=stop), LOOK_TICK),
        (partial(gathering.push_reader().ingest_all, stop=stop), PUSH_TICK),
        (partial(_watch, mailing.daily_note(app), app.database), WATCH_TICK),
    ]


def _hub_jobs(app: App, gathering: Polling, stop: Event) -> Iterator[Callable[[], object]]:
    """Yield the jobs of WebSub, as subscriber and as publisher, and forget other hubs."""
    database = app.database
    if callback := app.hub_callback:
        yield partial(gathering.hub_subscriber(callback).send_requests, stop=stop)
    else:
        forget_hubs(database)
    told = publishing.hubs_of(app)
    # Hubs that the settings do not name any more.
    forget_others(database, told, base_url=app.settings.web.public_url)
    if told:
        pinger = publishing.hub_pinger(app, gathering.post)
        yield partial(pinger.announce_changes, stop=stop)


def _ignore(_: PollResult) -> None:
    pass


def _watch(note: DailyNote, database: Database) -> None:
    note.queue()
    now = utc_now()
    # Housekeeping rides along: a quarter of an hour is often enough for all of it.
    forget_finished(database, now=now)
    forget_expired(database, now=now)
    delete_all_old_keys(database, now=now)


def _mail(planner: Planner, sender: Sender[Any], stop: Event) -> None:
    # Planning and sending in turn: an issue leaves in the tick that plans it.
    planned = planner.plan_due()
    if planned.deliveries:
        numbers = {"issues": len(planned.deliveries), "messages": sum(planned.deliveries.values())}
        logger.info("issues planned", extra=numbers)
    _send(sender, stop, kind="issue")


def _send(sender: Sender[Any], stop: Event, *, kind: str) -> None:
    sent = sender.send_due(stop=stop)
    if sent.accepted or sent.failed:
        numbers = {"accepted": sent.accepted, "failed": sent.failed}
        logger.info("messages sent", extra={"kind": kind, **numbers})
