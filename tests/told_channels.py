"""Channels beside a newsletter's house, and webhooks that answer what a test tells them to."""

import json
from collections import defaultdict
from contextlib import contextmanager
from datetime import timedelta
from threading import Event

from sqlalchemy import select, update

from newsletter_site import NewsletterSite
from tidings.app.templates import load_mail_templates
from tidings.channels.announcements import Announcements
from tidings.channels.courier import Courier
from tidings.channels.store import channels
from tidings.channels.store.channels import NewChannel
from tidings.channels.webhook import new_secret
from tidings.db.channel_tables import channel, channel_message
from tidings.errors import TimedOutError
from tidings.fetching.outcomes import PostReply
from tidings.resources import data_dir

SITE = "https://news.example"


def reply(status=200, *, retry_after=None):
    return PostReply(url="", status=status, text="", retry_after=retry_after)


def silence():
    return TimedOutError("https://hooks.example/secret", "no answer within 15 s")


class ChannelSite(NewsletterSite):
    """What surrounds channels, on a real database; `told` is what webhooks were told, by channel."""

    def __init__(self, database):
        super().__init__(database)
        self.stop = Event()
        self.posts = defaultdict(list)
        self._answers = defaultdict(list)
        templates = load_mail_templates([data_dir("templates") / "email"])
        self.announcements = Announcements(
            words=templates.words, language="en", site_title=lambda: "The Tides", site_url=SITE
        )

    def add_channel(self, name="hook", *, url=None, newsletter=None, topic=None, per_hour=10):
        new = NewChannel(
            name=name,
            url=url or f"https://{name}.example/in",
            secret=new_secret(),
            newsletter=newsletter,
            topic=topic,
            per_hour=per_hour,
        )
        with self.database.write() as connection:
            return channels.add(connection, new, now=self.now)

    def answer(self, name, *answers):
        """Let a webhook answer with these in turn, and then take everything."""
        self._answers[name] += answers

    def courier(self, post=None):
        return Courier(
            self.database,
            announcements=self.announcements,
            post=post or self._post,
            clock=lambda: self.now,
            owner="test",
        )

    def tell(self):
        self.courier().tell_all(stop=self.stop)

    def later(self, **time):
        """Tell again after some time."""
        self.now += timedelta(**time)
        self.tell()

    def told(self, name="hook"):
        """Return the titles that a channel was told, and of how many entries, in that order."""
        return [(data["title"], len(data["items"]) + data["more"]) for data in self.data(name)]

    def data(self, name="hook"):
        return [json.loads(post.body)["data"] for post in self.posts[name]]

    def keys(self, name="hook"):
        return [post.headers["Idempotency-Key"] for post in self.posts[name]]

    def channel(self, name="hook"):
        with self.database.read() as connection:
            return channels.get(connection, name)

    def states(self):
        with self.database.read() as connection:
            ordered = select(channel_message.c.state).order_by(channel_message.c.id)
            return list(connection.scalars(ordered))

    def let_leases_run_out(self):
        with self.database.write() as connection:
            connection.execute(update(channel).values(lease_until=self.now - timedelta(days=900)))

    @contextmanager
    def changing(self):
        with self.database.write() as connection:
            yield connection

    def _post(self, post, done):
        name = post.url.split("/")[2].split(".")[0]
        self.posts[name].append(post)
        answers = self._answers[name]
        done(answers.pop(0) if answers else reply())
