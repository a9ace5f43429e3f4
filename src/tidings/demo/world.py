"""A small web of publishers on loopback, of every kind a feed aggregator meets."""

import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Self

from tidings.demo.serving import HOST, SiteServer, serving
from tidings.demo.site_documents import Imprint, PublisherSite
from tidings.model.page_rules import PageRules
from tidings.model.urls import host_of

# The title of every topic the publishers stand under, by slug.
TOPICS: Mapping[str, str] = MappingProxyType(
    {
        "databases": "Databases",
        "systems": "Systems 系统",
        "mathematics": "Mathematics 数学",
        "machine-learning": "Machine learning 机器学习",
        "science": "Science",
        "life": "Life & letters 生活",
    }
)

# Everybody who answers; the last one with something that is no feed.
IMPRINTS = (
    Imprint(name="write-ahead", title="Write-Ahead", topics=("databases", "systems")),
    Imprint(
        name="small-lemma",
        title="The Small Lemma",
        topics=("mathematics",),
        media_type="application/atom+xml",
    ),
    Imprint(
        name="jiqi-xuexi",
        title="机器学习笔记",
        topics=("machine-learning", "mathematics"),
        language="zh-Hans",
    ),
    Imprint(
        name="xitong-biancheng",
        title="系统编程笔记",
        topics=("systems",),
        language="zh-Hans",
        media_type="application/atom+xml",
    ),
    Imprint(
        name="dark-sky",
        title="Dark Sky Diary",
        topics=("science",),
        media_type="application/atom+xml",
    ),
    Imprint(
        name="kestrel",
        title="Kestrel releases",
        topics=("systems", "databases"),
        feed="feed.json",
        media_type="application/feed+json",
    ),
    Imprint(
        name="tidewater-desk",
        title="The Tidewater Desk",
        topics=("science", "life"),
        media_type="application/atom+xml",
    ),
    Imprint(
        name="dushu-zhaji",
        title="读书札记",
        topics=("life",),
        language="zh-Hans",
        media_type="text/xml",
        encoding="gb18030",
    ),
    Imprint(name="room-tone", title="Room Tone", topics=("science",)),
    Imprint(
        name="harbour-library",
        title="Harbour Street Library",
        topics=("life",),
        media_type="application/rdf+xml",
    ),
    Imprint(name="plot-fourteen", title="Plot Fourteen", topics=("life",)),
    Imprint(
        name="ferry-notices",
        title="Tidewater Ferry: notices",
        topics=("life",),
        feed="notices.html",
        media_type="text/html; charset=utf-8",
        page=PageRules(item="article.notice"),
    ),
    Imprint(name="lock-and-weir", title="Lock & Weir", topics=("science",), teases=True),
    Imprint(
        name="old-observatory",
        title="The Old Observatory",
        topics=("science",),
        media_type="text/html; charset=utf-8",
    ),
)

# The one whose port is closed.
DEAD = Imprint(name="last-orders", title="Last Orders", topics=("life",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Somebody who can be followed while the world is up; the fields as in `Imprint`."""

    name: str
    title: str
    topics: tuple[str, ...]
    feed_url: str
    page: PageRules | None
    teases: bool


class World:
    """Publishers that answer on ports of 127.0.0.1 for as long as the context is open.

    Args:
        now: What the dates in their documents are counted back from.

    Attributes:
        publishers: Everybody, the dead one last; empty until the context is entered.
    """

    def __init__(self, now: datetime) -> None:
        self.publishers: tuple[Publisher, ...] = ()
        self._now = now.astimezone(UTC)
        self._open = ExitStack()

    @property
    def allow(self) -> tuple[str, ...]:
        """The `host:port` of every publisher, as the guard against private addresses wants it."""
        return tuple(host_of(publisher.feed_url) for publisher in self.publishers)

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            servers = {i.name: opening.enter_context(SiteServer()) for i in IMPRINTS}
            bases = {name: server.base for name, server in servers.items()}
            # In a second round: documents link to other sites, whose ports are known by now.
            for imprint in IMPRINTS:
                servers[imprint.name].site = PublisherSite(imprint, bases=bases, now=self._now)
            opening.enter_context(serving(tuple(servers.values())))

            # Bound but not listening: it refuses, and nobody else can move in.
            closed = opening.enter_context(socket.socket())
            closed.bind((HOST, 0))
            bases[DEAD.name] = f"http://{HOST}:{closed.getsockname()[1]}"

            # Only now: what fails before closes every port that is open already.
            self._open = opening.pop_all()
        self.publishers = tuple(
            Publisher(
                name=imprint.name,
                title=imprint.title,
                topics=imprint.topics,
                feed_url=f"{bases[imprint.name]}/{imprint.feed}",
                page=imprint.page,
                teases=imprint.teases,
            )
            for imprint in (*IMPRINTS, DEAD)
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()
