"""What the jobs do: the handler of each kind."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import Any

from tidings.app import mailing, publishing
from tidings.app.app import App, utc_now
from tidings.app.channels import courier
from tidings.app.in_process import Handlers
from tidings.app.polling import polling
from tidings.channels.store import channel_messages
from tidings.db.database import Database
from tidings.errors import DatabaseAwayError
from tidings.log import Seldom
from tidings.model import jobs
from tidings.model.jobs import Job
from tidings.model.service_status import PollResult
from tidings.newsletters.plan import Planner
from tidings.newsletters.sender import Sender
from tidings.operator.daily_note import DailyNote
from tidings.polling.poll import Poller
from tidings.polling.push import forget_hubs
from tidings.polling.store import mail_lists
from tidings.publishing.hub_pings import forget_others
from tidings.stories.store.stories import delete_all_old_keys
from tidings.subscribers.sign_up import forget_expired
from tidings.subscribers.transactional_queue import forget_finished

logger = logging.getLogger(__name__)

Wake = Callable[[Sequence[Job]], None]


@contextmanager
def handling(app: App, stop: Event, wake: Wake) -> Iterator[Handlers]:
    """Yield the handlers of all jobs that there are with these settings.

    Each does what is due now, for a minute at most, and returns within seconds after `stop`. Built
    before any job runs: a broken template or setting ends the start, not a round.

    Args:
        app: What is run.
        stop: Ends what is being done.
        wake: Defers jobs that there is work for now; called by jobs alone.

    Raises:
        ConfigError: A setting cannot be used.
        TemplateError: A template of the messages is broken.
    """
    outage = Seldom(logger, "database away")
    with polling(app) as gathering:
        number = mailing.sender_count(app)
        senders = [mailing.issue_sender(app, part=part, of=number) for part in range(number)]
        transactional = mailing.transactional_sender(app)
        _say_where_messages_go(app, transactional.relay)
        mailboxes = mailing.bounce_mailboxes(app)
        found: dict[Job, Callable[[], object]] = {
            jobs.POLL: partial(_poll, gathering.poller(), stop),
            jobs.PLAN: partial(_plan, mailing.planner(app), wake, len(senders)),
            jobs.NOTICES: partial(_send, transactional, stop, kind="transactional"),
            jobs.BOUNCES: partial(mailing.bounce_processor(app).run, mailboxes, stop=stop),
            jobs.CHANNELS: partial(courier(app, gathering.post).tell_all, stop=stop),
            jobs.MOVES: partial(gathering.move_finder().find, stop=stop),
            jobs.PUSHED: partial(gathering.intake_reader().ingest_all, stop=stop),
            jobs.WATCH: partial(_watch, mailing.daily_note(app), app.database),
        }
        if inboxes := mailing.inboxes(app):
            found[jobs.INBOX] = partial(mailing.mail_gatherer(app).run, inboxes, stop=stop)
        alone = Lock()
        for job, sender in zip(jobs.deliver(len(senders)), senders, strict=True):
            found[job] = partial(_send_alone, alone, sender, stop)
        if callback := app.hub_callback:
            found[jobs.HUBS] = partial(gathering.hub_subscriber(callback).send_requests, stop=stop)
        else:
            forget_hubs(app.database)
        told = publishing.hubs_of(app)
        # Hubs that the settings do not name any more.
        forget_others(app.database, told, base_url=app.settings.web.public_url)
        if told:
            pinger = publishing.hub_pinger(app, gathering.post)
            found[jobs.ANNOUNCE] = partial(pinger.announce_changes, stop=stop)
        yield {job.name: unless_away(work, outage) for job, work in found.items()}


def _say_where_messages_go(app: App, relay: str) -> None:
    if app.settings.mail.transport == "smtp":
        logger.info("messages go through a relay", extra={"to": relay})
    else:
        logger.info("messages go into a folder", extra={"to": str(Path(relay).absolute())})


def unless_away(work: Callable[[], object], outage: Seldom) -> Callable[[], None]:
    """Return what gives up if the database is away: the next tick tries again."""

    def run() -> None:
        try:
            work()
        # Only that: any other error is a bug, and logged with its traceback.
        except DatabaseAwayError as error:
            outage.warn(because=str(error))

    return run


def _poll(poller: Poller, stop: Event) -> None:
    summary = poller.poll_due(report=_ignore, stop=stop, lasting=jobs.ROUND)
    if summary.sources:
        numbers = {"polled": summary.polled, "new": summary.new, "failed": summary.failed}
        logger.info("round finished", extra=numbers)


def _ignore(_: PollResult) -> None:
    pass


def _plan(planner: Planner, wake: Wake, senders: int) -> None:
    planned = planner.plan_due()
    if planned.deliveries:
        wake(jobs.deliver(senders))
        numbers = {"issues": len(planned.deliveries), "messages": sum(planned.deliveries.values())}
        logger.info("issues planned", extra=numbers)


def _send(sender: Sender[Any], stop: Event, *, kind: str) -> None:
    sent = sender.send_due(stop=stop, lasting=jobs.ROUND)
    if sent.accepted or sent.failed:
        numbers = {"accepted": sent.accepted, "failed": sent.failed}
        logger.info("messages sent", extra={"kind": kind, **numbers})


def _send_alone(alone: Lock, sender: Sender[Any], stop: Event) -> None:
    """Send issues, unless this process does so as another sender: that is another worker's part."""
    # Left at once, and deferred again with the next tick: whoever has none yet takes it then.
    if alone.acquire(blocking=False):
        try:
            _send(sender, stop, kind="issue")
        finally:
            alone.release()


def _watch(note: DailyNote, database: Database) -> None:
    note.queue()
    now = utc_now()
    # Housekeeping rides along: a quarter of an hour is often enough for all of it.
    forget_finished(database, now=now)
    forget_expired(database, now=now)
    delete_all_old_keys(database, now=now)
    with database.write() as connection:
        channel_messages.forget_finished(connection, now=now)
        mail_lists.forget_strangers(connection, now=now)
