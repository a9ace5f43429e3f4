"""The tour: the real pipeline on the small web, one step after the other."""

import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from tidings.app import mailing
from tidings.app.app import App, opened, utc_now
from tidings.app.channels import courier
from tidings.app.polling import polling
from tidings.app.publishing import publish, site_of
from tidings.app.scheduler import ticking
from tidings.catalog import newsletters, sources, text_sources, topics
from tidings.catalog.newsletters import NewsletterForm
from tidings.catalog.sources import NewSource
from tidings.channels import webhook
from tidings.channels.store import channels
from tidings.channels.store.channels import NewChannel
from tidings.config import DatabaseSettings, Settings
from tidings.demo import letters
from tidings.demo.receiver import Receiver
from tidings.demo.world import TOPICS, World
from tidings.errors import ConfigError
from tidings.model.full_text import TextMode
from tidings.model.newsletters import Frequency, Schedule
from tidings.model.service_status import PollOutcome, PollResult
from tidings.model.subscribers import Preferences, WebSettings
from tidings.newsletters.send_by_hand import send_now
from tidings.newsletters.windows import next_due
from tidings.polling.mail_gatherer import follow_list
from tidings.subscribers.store import subscriptions
from tidings.web.server import bound, serve

FOLDER = Path("var/demo")
NEWSLETTER = "updates"

WEEKLY = Schedule(frequency=Frequency.WEEKLY, hour=8, timezone="Europe/London")
DAILY = Schedule(frequency=Frequency.DAILY, hour=7, timezone="Asia/Shanghai")
READERS = {
    "ada@example.org": Preferences(schedule=WEEKLY, language="en", topics=()),
    "lin@example.org": Preferences(schedule=DAILY, language="zh", topics=()),
}

# How many ports are tried, from the one in the settings on.
PORTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """A demo that is under way."""

    app: App
    world: World
    receiver: Receiver
    listening: socket.socket
    say: Callable[[str], None]

    def serve(self) -> None:
        """Serve the pages, and go on polling, until Ctrl-C."""
        self.say(f"\n6  Open {self.app.settings.web.public_url} — Ctrl-C ends the demo")
        with ticking(self.app):
            serve(self.app, self.listening)


@contextmanager
def serving(settings: Settings, *, say: Callable[[str], None]) -> Iterator[Tour]:
    """Put up the small web and a fresh database, beside the operator's own."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    web = _free_port(settings.web)
    with World(utc_now()) as world, Receiver() as receiver, bound(web) as listening:
        allow = (*settings.fetch.allow, *world.allow, receiver.host)
        settings = replace(
            settings,
            web=web,
            database=DatabaseSettings(url=f"sqlite:///{FOLDER}/tidings.db"),
            # Loopback is private, and never dialled otherwise.
            fetch=replace(settings.fetch, allow=allow),
            # Whatever the operator's settings say: a demo sends nothing to anybody.
            mail=replace(settings.mail, transport="folder", folder=str(FOLDER / "outbox")),
        )
        with opened(settings) as app:
            yield Tour(app=app, world=world, receiver=receiver, listening=listening, say=say)


def first_round(tour: Tour) -> None:
    """Follow every publisher of the small web, poll each once, mail, and publish."""
    _follow(tour)
    _subscribe(tour)
    _poll(tour)
    _mail(tour)
    _publish(tour)


def _follow(tour: Tour) -> None:
    publishers, now = tour.world.publishers, utc_now()
    tour.say(f"1  A small web: {len(publishers)} publishers on ports of 127.0.0.1")
    with tour.app.database.write() as connection:
        for slug, title in TOPICS.items():
            topics.add(connection, slug, title=title, now=now)
        new = [
            NewSource(url=one.feed_url, feed_title=one.name, topics=one.topics, page=one.page)
            for one in publishers
        ]
        ids = sources.add(connection, new, now=now)
        for source_id, publisher in zip(ids, publishers, strict=True):
            if publisher.teases:
                text_sources.put(connection, source_id, TextMode.ON)
    tour.say(
        f"   all followed, in {len(TOPICS)} topics; the database is {tour.app.database.path}\n"
    )


def _subscribe(tour: Tour) -> None:
    now = utc_now()
    with tour.app.database.write() as connection:
        form = NewsletterForm(
            title=site_of(tour.app).title,
            schedule=WEEKLY,
            topics=(),
            language="en",
        )
        first = next_due(form.schedule, now)
        newsletters.add(connection, NEWSLETTER, form, next_issue_at=first, now=now)
        for address, wish in READERS.items():
            subscriptions.add(connection, NEWSLETTER, (address, address), wish, now)
    tour.say("2  Two readers of the newsletter: one weekly in English, one daily in Chinese")
    _add_channel(tour)


def _add_channel(tour: Tour) -> None:
    receiver = tour.receiver
    receiver.secret = webhook.new_secret()
    new = NewChannel(
        name="program",
        url=f"http://{receiver.host}/",
        secret=receiver.secret,
        newsletter=NEWSLETTER,
        topic=None,
        per_hour=1,
    )
    with tour.app.database.write() as connection:
        channels.add(connection, new, now=utc_now())
    tour.say(f"   and a program at http://{receiver.host} that is told of each issue\n")


def _poll(tour: Tour) -> None:
    say, started = tour.say, time.monotonic()
    names = {publisher.feed_url: publisher.title for publisher in tour.world.publishers}
    say("3  Polling: fetch, parse, compare, save")
    with polling(tour.app) as gathering:
        summary = gathering.poller().poll_due(
            report=lambda result: say(f"   {_line(result, names)}"), stop=Event()
        )
    say(
        f"   {summary.polled} polled in {time.monotonic() - started:.1f} s:"
        f" {summary.new} new entries, {summary.failed} failed as they should"
    )
    _take_letters(tour)


def _take_letters(tour: Tour) -> None:
    """Follow a newsletter that has written to us."""
    app, now = tour.app, utc_now()
    for letter in letters.letters(now):
        mailing.mail_gatherer(app).take(letter)
    new = NewSource(url="", topics=["Systems 系统"])
    source = follow_list(app.database, letters.KEY, new, now=now)
    with polling(app) as gathering:
        gathering.intake_reader().ingest_all(stop=Event())
    with app.database.read() as connection:
        found = sources.get(connection, source.id)
    tour.say(f"   and by mail, {found.title}: {found.entries} letters\n")


def _mail(tour: Tour) -> None:
    app = tour.app
    with app.database.read() as connection:
        newsletter = newsletters.get(connection, NEWSLETTER)
    sent = send_now(mailing.planner(app), mailing.issue_sender(app), newsletter)
    outbox = Path(app.settings.mail.folder)
    tour.say(f"4  Mailed: {sent.accepted} letters, in {outbox}")
    for letter in sorted(outbox.glob("*.eml")):
        tour.say(f"   {letter}")
    for issue, _ in sent.issues:
        page = f"{app.settings.web.public_url}/issues/{issue.slug}"
        tour.say(f"   {issue.subject}\n      as a page: {page}")
    with polling(app) as gathering:
        courier(app, gathering.post).tell_all(stop=Event())
    while not tour.receiver.told.empty():
        told = tour.receiver.told.get()
        tour.say(f"   The program was told {told['type']}, with a signature that is right")


def _publish(tour: Tour) -> None:
    folder = FOLDER / "public"
    written = publish(tour.app, folder)
    tour.say(f"\n5  Published: {written.files} files in {folder}, among them")
    for name in ("index.html", "feed.atom", "feed.rss", "feed.json", "sources.opml"):
        tour.say(f"   {folder / name}")


def _line(result: PollResult, names: dict[str, str]) -> str:
    name = names[result.url]
    if result.outcome is PollOutcome.FAILED:
        return f"✗  {name}: {result.error}"
    notes = f" — {'; '.join(result.problems)}" if result.problems else ""
    return f"✓  {name}: {result.new} entries{notes}"


def _free_port(settings: WebSettings) -> WebSettings:
    """Return `settings` with the first port, from theirs on, that is not taken."""
    for port in range(settings.port, settings.port + PORTS):
        # Without the operator's address, which links would lead to.
        free = replace(settings, port=port, base_url="")
        with suppress(ConfigError), bound(free):
            return free
    # None was free: binding it says why.
    return settings
