"""The ticks: what happens by itself while the service runs."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from threading import Event

from apscheduler.schedulers.background import BackgroundScheduler

from tidings import mailing, publishing
from tidings.domain.polls import PollResult
from tidings.polling import polling
from tidings.services.announcing import announce_changes, forget_others
from tidings.services.bouncing import attend_bounces
from tidings.services.composing import PlanTools
from tidings.services.delivering import DeliverTools, deliver_due
from tidings.services.lost_sources import look_for_moves
from tidings.services.notices import NoticeTools, deliver_notices
from tidings.services.planning import plan_due
from tidings.services.poll import PollTools, poll_due
from tidings.services.stories import forget_old
from tidings.services.subscribing import forget_expired
from tidings.services.watch import WatchTools, forget_notices, tell_operator
from tidings.services.websub import HubTools, attend_hubs, forget_hubs
from tidings.wiring import App

logger = logging.getLogger(__name__)

MAIL_TICK = timedelta(seconds=30)
NOTICE_TICK = timedelta(seconds=10)
"""Somebody sits and waits for the letter that asks for a confirmation."""
WATCH_TICK = timedelta(minutes=15)
BOUNCE_TICK = timedelta(minutes=5)
LOOK_TICK = timedelta(minutes=5)
"""How often we look where sources may have moved that answer no more."""


@contextmanager
def ticking(app: App) -> Iterator[None]:
    """Poll, plan and deliver what is due, again and again, until the context ends.

    What a tick does is found in the database, so a tick that is late, missed or doubled by
    another process does no harm. At the end a round in progress saves what it has decided,
    waits a few seconds for letters on their way, and gives back what it holds.
    """
    stop = Event()
    scheduler = BackgroundScheduler(
        timezone="UTC",
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    planning = mailing.planning(app)
    with polling(app) as gathering, mailing.delivering(app) as delivering:
        poll, mail = partial(_poll, gathering, stop), partial(_mail, planning, delivering, stop)
        look = partial(look_for_moves, gathering, stop=stop)
        notices = partial(_notices, mailing.noticing(app, delivering), stop)
        watch = partial(_watch, mailing.watching(app))
        mailboxes = mailing.bounce_mailboxes(app)
        bounces = partial(attend_bounces, mailing.bouncing(app), mailboxes, stop=stop)
        tick = app.settings.poll.tick
        for job, pause in (
            (poll, tick),
            (mail, MAIL_TICK),
            (notices, NOTICE_TICK),
            (bounces, BOUNCE_TICK),
            (look, LOOK_TICK),
            (watch, WATCH_TICK),
        ):
            first = planning.clock()
            scheduler.add_job(job, "interval", seconds=pause.total_seconds(), next_run_time=first)
        for hub_job in _hub_jobs(app, gathering, stop):
            # Not at once: a hub may call back before it answers, and must find us listening.
            scheduler.add_job(hub_job, "interval", seconds=tick.total_seconds())
        scheduler.start()
        try:
            yield
        finally:
            stop.set()
            scheduler.shutdown(wait=True)


def _poll(tools: PollTools, stop: Event) -> None:
    summary = poll_due(tools, report=_ignore, stop=stop)
    if summary.sources:
        numbers = {"polled": summary.polled, "new": summary.new, "failed": summary.failed}
        logger.info("round finished", extra=numbers)


def _hub_jobs(app: App, tools: PollTools, stop: Event) -> Iterator[Callable[[], object]]:
    """Yield what is to be done for hubs, those that tell us and those that we tell; forget others."""
    database, clock = app.database, tools.clock
    if callback := app.hub_callback:
        told_by = HubTools(database=database, post=tools.post, clock=clock, callback=callback)
        yield partial(attend_hubs, told_by, stop=stop)
    else:
        forget_hubs(database)
    told = publishing.hubs_of(app)
    forget_others(database, told, base_url=app.settings.web.public_url)
    if told:
        yield partial(announce_changes, publishing.announcing(app, tools.post), stop=stop)


def _ignore(_: PollResult) -> None:
    pass


def _notices(tools: NoticeTools, stop: Event) -> None:
    delivered = deliver_notices(tools, stop=stop)
    if delivered.accepted or delivered.failed:
        numbers = {"accepted": delivered.accepted, "failed": delivered.failed}
        logger.info("notices delivered", extra=numbers)


def _watch(tools: WatchTools) -> None:
    tell_operator(tools)
    forget_notices(tools)
    forget_expired(tools.database, now=tools.clock())
    forget_old(tools.database, now=tools.clock())


def _mail(planning: PlanTools, delivering: DeliverTools, stop: Event) -> None:
    planned = plan_due(planning)
    if planned.deliveries:
        numbers = {"issues": len(planned.deliveries), "letters": sum(planned.deliveries.values())}
        logger.info("issues planned", extra=numbers)
    delivered = deliver_due(delivering, stop=stop)
    if delivered.accepted or delivered.failed:
        numbers = {"accepted": delivered.accepted, "failed": delivered.failed}
        logger.info("letters delivered", extra=numbers)
