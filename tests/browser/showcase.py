"""A small publication to look at, and a server for it: shared by the web and browser tests."""
# ruff: noqa: RUF001 - Chinese text has Chinese punctuation

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from urllib.parse import parse_qsl

import uvicorn

import sample_digests
from tidings.app.templates import load_templates
from tidings.errors import NotFoundError
from tidings.model.entries import AlsoAt, Entry, EntryState, SourceCredit, TopicCredit
from tidings.model.feed import Enclosure
from tidings.model.newsletters import Frequency, Subscription
from tidings.model.scopes import (
    CacheValidator,
    EntryAddress,
    FeedAddress,
    IssueAddress,
    ListAddress,
    PageAddress,
    Scope,
)
from tidings.model.sources import SourceHealth
from tidings.parsing.code import Code, to_html
from tidings.parsing.mathml import from_tex
from tidings.publishing import views
from tidings.publishing.directories import SourceLine, SourcesPage, TopicLine, TopicsPage
from tidings.publishing.pagination import paginate, paginate_from_first
from tidings.publishing.search_page import SearchHit, SearchPage
from tidings.publishing.views import Archive, DayCounts, EntryPage, IssuePage, IssuesPage, ListPage
from tidings.search.query import SearchInput
from tidings.search.snippets import SnippetPart
from tidings.templating.site import Site
from tidings.web.services import TokenServices

TEMPLATES = Path(__file__).parents[2] / "templates" / "web"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PER_PAGE = 12

DATABASES = TopicCredit(slug="databases", title="Databases")
LEARNING = TopicCredit(slug="machine-learning", title="Machine learning 机器学习")
MATHEMATICS = TopicCredit(slug="mathematics", title="Mathematics")
TOPICS = (DATABASES, LEARNING, MATHEMATICS)

SITE = Site(
    title="Latest updates",
    kicker="Incoming transmission",
    base_url="https://news.example",
    language="en",
    version="0.1.0",
    topics=TOPICS,
    colours={topic.slug: place for place, topic in enumerate(TOPICS, 1)},
    has_newsletters=True,
    has_forms=True,
)


def a_source(slug, title, **fields):
    url = f"https://{slug}.example"
    return SourceCredit(
        id=len(slug), slug=slug, title=title, url=f"{url}/feed", site_url=f"{url}/", **fields
    )


PAGES_AND_LOGS = a_source("pages-and-logs", "Pages and Logs", language="en")
NOTES = a_source("notes", "学习笔记", language="zh-cn")
MARGIN = a_source("margin", "The Wide Margin", language="en")
RADIO = a_source("radio", "Harbour Radio", language="en")
MAJALLA = a_source("majalla", "مجلة العلوم", language="ar")
SOURCES = (PAGES_AND_LOGS, NOTES, MARGIN, RADIO, MAJALLA)


def an_entry(number, **fields):
    """Return an entry that stands `number` hours before noon."""
    moment = NOON - number * timedelta(hours=1)
    values = {
        "id": number,
        "seq": 1000 - number,
        "source": PAGES_AND_LOGS,
        "atom_id": f"urn:example:{number}",
        "title": f"Entry number {number}",
        "url": f"https://pages-and-logs.example/{number}",
        "published": moment,
        "first_seen_at": moment,
        "changed_at": moment,
        "sort_at": moment,
        "state": EntryState.PUBLIC,
        "excerpt": f"What entry number {number} says, in a line or two.",
        "content": f"<p>What entry number {number} says, in full.</p>",
        "language": "en",
    }
    return Entry(**(values | fields))


def code(text, language):
    return to_html(Code(source=text, language=language))


def formula(tex, display="inline"):
    return from_tex(tex, display=display == "block")


WAL = an_entry(
    1,
    title="What a write-ahead log really promises",
    topics=(DATABASES,),
    also_at=(
        AlsoAt(id=21, title="A write-ahead log", url="https://margin.example/21", source=MARGIN),
        AlsoAt(id=22, title="预写日志", url="https://notes.example/22", source=NOTES),
    ),
    authors=("Ines Moreau", "T. Okafor"),
    categories=("storage", "durability"),
    excerpt="A commit is not the moment a page reaches the disk; it is the moment the log does. "
    "Everything else a database does about durability follows from that one sentence, including "
    "the parts that look like magic: group commit, torn pages, and why fsync may lie.",
    content="<p>A commit is not the moment a <em>page</em> reaches the disk; it is the moment the "
    "<strong>log</strong> does. See <a href='https://pages-and-logs.example/2'>the other part</a> "
    "for pages.</p><h2>Group commit</h2><p>One <code>fsync</code> may carry many transactions. "
    "The shape of it is always the same:</p>"
    + code(
        "def commit(log: Log, records: list[Record]) -> int:\n"
        '    """Return the position that is now safe."""\n'
        "    position = log.append(records)  # cheap: memory\n"
        "    while log.flushed < position:\n"
        "        log.flush_or_wait(timeout=0.5)\n"
        "    return position\n",
        "python",
    )
    + "<p>And in SQL nobody sees it:</p>"
    + code(
        "BEGIN;\nUPDATE account SET balance = balance - 100 WHERE id = 7; -- one page\nCOMMIT;\n",
        "sql",
    )
    + "<blockquote><p>Durability is a promise about a log, kept on behalf of a page.</p></blockquote>"
    "<ul><li>torn pages are mended from full page images;</li><li>checkpoints bound the time "
    "recovery takes;</li><li>the log is the database, the rest is a cache.</li></ul>"
    "<table><thead><tr><th>Setting</th><th>Loses</th><th>Commits per second</th></tr></thead>"
    "<tbody><tr><td>on</td><td>nothing</td><td>1,900</td></tr><tr><td>off</td><td>up to 0.6 s"
    "</td><td>31,000</td></tr></tbody></table>",
)
SOFTMAX = an_entry(
    2,
    title="从最大熵到 softmax：一个公式的来历",
    source=NOTES,
    topics=(LEARNING, MATHEMATICS),
    authors=("林远",),
    categories=("概率", "优化"),
    language="zh-cn",
    excerpt="为什么分类网络的最后一层几乎总是 softmax？把它看作在期望约束下熵最大的分布，答案就自然了："
    "\\(p_i = e^{z_i} / \\sum_j e^{z_j}\\) 不是经验之谈，而是拉格朗日乘子法的结果。温度参数也由此得到解释。",
    content="<p>为什么分类网络的最后一层几乎总是 softmax？我们从熵"
    + formula(r"H(p) = -\sum_i p_i \log p_i")
    + "出发，在约束"
    + formula(r"\sum_i p_i = 1")
    + "和期望给定的条件下求最大值。</p><h2>拉格朗日乘子</h2><p>令偏导数为零，得到</p><p>"
    + formula(
        r"\frac{\partial}{\partial p_i}\left( H(p) + \lambda \sum_j p_j z_j + \mu \left("
        r"\sum_j p_j - 1 \right) \right) = 0 \quad\Longrightarrow\quad "
        r"p_i = \frac{e^{\lambda z_i}}{\sum_j e^{\lambda z_j}}",
        "block",
    )
    + "</p><p>温度 "
    + formula(r"T = 1/\lambda")
    + " 越低，分布越尖锐。数值上要先减去最大值，否则指数会溢出：</p>"
    + code(
        "import numpy as np\n\ndef softmax(z, temperature=1.0):\n"
        "    # 减去最大值，避免溢出\n    z = (z - z.max()) / temperature\n"
        "    e = np.exp(z)\n    return e / e.sum()\n",
        "python",
    )
    + "<blockquote><p>公式的形式，来自我们不知道的东西。</p></blockquote>",
)
PODCAST = an_entry(
    3,
    title="Episode 41: Lighthouses that listen",
    source=RADIO,
    excerpt="Fog signals, and the people who still tune them by ear.",
    enclosures=(
        Enclosure(url="https://radio.example/41.mp3?x=1", type="audio/mpeg", length=48_211_034),
        Enclosure(url="https://radio.example/notes.pdf", type="application/pdf"),
    ),
)
UNTITLED = an_entry(
    4,
    title="",
    source=MARGIN,
    url=None,
    topics=(MATHEMATICS,),
    excerpt="A short note without a title: every prime of the form 4k + 1 is the sum of two "
    "squares, and Zagier's proof of it fits into one sentence.",
)
ARABIC = an_entry(
    14,
    title="لماذا تبدو السماء زرقاء",
    source=MAJALLA,
    language="ar",
    excerpt="يتشتت الضوء الأزرق أكثر من الأحمر لأن طول موجته أقصر.",
    content="<p>يتشتت الضوء الأزرق أكثر من الأحمر لأن طول موجته أقصر.</p>",
)
HOSTILE = an_entry(
    5,
    title='<script>alert("title")</script> & "quotes"',
    excerpt="<img src=x onerror=alert(1)> is only text here",
    content="",
    categories=("<b>bold</b>",),
)
WIDE = an_entry(
    6,
    title="Anunbrokenwordthatislongerthananyscreenofatelephoneiswideandwillnotfitwhateverwedo",
    excerpt="https://example.org/" + "a-very-long-path/" * 12,
    content="<p>"
    + formula("+".join(f"x_{{{n}}}^2" for n in range(60)), "block")
    + "</p><p>"
    + "w" * 400
    + "</p><table><tr>"
    + "<td>a cell that is rather wide</td>" * 30
    + "</tr></table><p><code>"
    + "c" * 300
    + "</code></p>"
    + code("x = '" + "y" * 300 + "'", "python"),
)
PICTURE = an_entry(
    7,
    title="A picture of the harbour",
    content='<figure><img src="https://pages-and-logs.example/a.jpg" alt="The harbour" '
    'width="640" height="480" loading="lazy"><figcaption>The harbour at noon</figcaption></figure>',
)
PINNED = an_entry(
    90,
    title="About this collection, and how to suggest a source",
    excerpt="We follow some forty publications on databases, mathematics and machine learning.",
    pinned_at=NOON,
)
FILLER = tuple(an_entry(number) for number in range(8, 40) if number != 14)
A_DAY = DayCounts(counts={"": 17, "databases": 3, "mathematics": 2}, sources=5)
ENTRIES = tuple(
    sorted(
        (WAL, SOFTMAX, PODCAST, UNTITLED, ARABIC, HOSTILE, WIDE, PICTURE, *FILLER),
        key=lambda entry: entry.id,
    )
)


@cache
def shipped_templates():
    return load_templates([TEMPLATES])


class Showcase:
    """A publication that lives in memory, and counts what it renders."""

    def __init__(self, site=SITE):
        self.site = site
        self.templates = shipped_templates()
        self.change = 7
        self.changed_at = NOON + timedelta(microseconds=300_000)
        self.rendered = []
        self.before_rendering = lambda: None

    def state(self):
        return self.change, self.changed_at

    def stamp(self, address):
        self._page(address)
        return CacheValidator(change=self.change, changed_at=self.changed_at, fingerprint="f00d")

    def body(self, address):
        self.rendered.append(address)
        self.before_rendering()
        page = self._page(address)
        return page if isinstance(page, bytes) else views.render(page, self.templates)

    def _page(self, address):
        match address:
            case FeedAddress(scope=scope, form=form):
                self._entries(scope)
                return f"the {form} feed, change {self.change}, of {scope.path}".encode()
            case PageAddress(scope=Scope(kind="query") as scope):
                return self._search(scope)
            case PageAddress(scope=scope, number=number):
                return self._list(scope, number)
            case EntryAddress(id=id):
                return EntryPage(site=self.site, entry=self._entry(id))
            case ListAddress():
                return self._directory(address)
            case IssueAddress(slug=slug):
                return self._issue(slug)

    def _entry(self, number):
        for entry in (PINNED, *ENTRIES):
            if entry.id == number:
                return entry
        raise NotFoundError("entry", number)

    def _directory(self, asked):
        archive = Archive(newsletter=sample_digests.MORNING, issues=(sample_digests.an_issue(),))
        return {
            "topics": TopicsPage(site=self.site, topics=tuple(map(topic_line, TOPICS))),
            "sources": sources_page(*map(source_line, SOURCES), site=self.site, asked=asked),
            "issues": IssuesPage(
                site=self.site, archives=(archive,), pagination=paginate(1, count=1, href=str)
            ),
        }.get(asked.name, b"<a-list/>")

    def _issue(self, slug):
        issue = sample_digests.an_issue()
        if slug != issue.slug:
            raise NotFoundError("issue", slug)
        return IssuePage(site=self.site, issue=issue, digest=sample_digests.ENGLISH)

    def _entries(self, scope):
        of = {
            "all": lambda _: True,
            "topic": lambda entry: scope.slug in {topic.slug for topic in entry.topics},
            "source": lambda entry: scope.slug == entry.source.slug,
        }[scope.kind]
        entries = tuple(replace(entry, content=None) for entry in ENTRIES if of(entry))
        if not entries:
            raise NotFoundError(scope.kind, scope.slug)
        return entries

    def _search(self, scope):
        q = dict(parse_qsl(scope.slug)).get("q", "")
        told = [entry for entry in ENTRIES if q and q in f"{entry.title} {entry.excerpt}"]
        results = tuple(
            SearchHit(entry=one, title=marked(one.title, q), snippet=marked(one.excerpt, q))
            for one in told
        )
        return SearchPage(
            site=self.site,
            scope=scope,
            asked=SearchInput(q=q),
            has_asked=bool(q),
            results=results,
            count=len(results),
            is_all=True,
            pagination=paginate_from_first(1, count=1, href=str),
        )

    def _list(self, scope, number):
        entries = self._entries(scope)
        count = max(len(entries) // PER_PAGE, 1)
        if number and number >= count:
            raise NotFoundError("page", number)
        oldest_first = entries[::-1]
        first = ((number or count) - 1) * PER_PAGE
        shown = oldest_first[first : first + PER_PAGE if number else None][::-1]
        titles = {item.slug: item.title for item in (*TOPICS, *SOURCES)}
        return ListPage(
            site=self.site,
            scope=scope,
            heading=titles.get(scope.slug, self.site.title),
            source=source_line(entries[0].source) if scope.kind == "source" else None,
            pinned=(PINNED,) if scope.kind == "all" and number is None else (),
            entries=shown,
            folded={} if number else {entries[0].id: 12},
            today=A_DAY if scope.kind == "all" and not number else DayCounts(),
            pagination=paginate(number or count, count=count, href=partial(self._href, scope)),
        )

    def _href(self, scope, number):
        return self.site.href(f"{scope.path}?page={number}" if number else scope.path)


def marked(text, q):
    """Return `text` in pieces: what was looked for, and what is around it."""
    before, found, after = text.partition(q)
    pieces = (
        SnippetPart(text=before),
        SnippetPart(text=found, is_found=True),
        SnippetPart(text=after),
    )
    return tuple(piece for piece in pieces if piece.text)


def topic_line(topic):
    return TopicLine(slug=topic.slug, title=topic.title, sources=3, latest=NOON)


EVERY_SOURCE = ListAddress(name="sources")


def sources_page(*lines, site=SITE, asked=EVERY_SOURCE):
    return SourcesPage(
        site=site,
        sources=lines,
        asked=asked,
        count=len(lines),
        healths=Counter(line.health for line in lines),
        pagination=paginate_from_first(1, count=1, href=str),
    )


def source_line(source):
    return SourceLine(
        slug=source.slug,
        title=source.title,
        site_url=source.site_url,
        topics=(DATABASES,),
        entries=1234,
        latest=None if source is MAJALLA else NOON,
        health=list(SourceHealth)[len(source.slug) % 5],
        last_ok=NOON,
        trouble="http 404",
        language=source.language,
        rights="© 2026 the author, CC BY-SA 4.0",
    )


class Readers:
    """Two readers in memory, by the tokens of their links: one English, one Chinese."""

    def __init__(self):
        self.subscriptions = {"1.ines": a_subscription(), "2.lin": a_subscription(language="zh")}
        self.asked = []

    def find(self, token):
        self.asked.append(("find", token))
        return self._get(token)

    def end(self, token, because, *, visitor):  # noqa: ARG002 - as the real one
        self.asked.append(("end", token, because))
        ended = replace(self._get(token), ended_at=NOON, ended_because=because)
        self.subscriptions[token] = ended

    def undo(self, token, *, visitor):  # noqa: ARG002 - as the real one
        self.asked.append(("undo", token))
        stays = replace(self._get(token), ended_at=None, ended_because=None)
        self.subscriptions[token] = stays

    def slow_down(self, token, frequency, *, visitor):  # noqa: ARG002 - as the real one
        self.asked.append(("slow down", token, frequency))
        schedule = replace(self._get(token).schedule, frequency=Frequency(frequency))
        self.subscriptions[token] = replace(self._get(token), schedule=schedule)

    def speak(self, token, language):
        self.subscriptions[token] = replace(self.subscriptions[token], language=language)

    def _get(self, token):
        if token not in self.subscriptions:
            raise NotFoundError("link", "of that kind")
        return self.subscriptions[token]


def tokens_of(readers=None, callbacks=None):
    """Return who acts for those with a token, where nobody can sign up."""
    return TokenServices(
        unsubscribing=readers or Readers(),
        callbacks=callbacks,
        subscribers=None,
        trusted=(),
        clock=lambda: NOON,
    )


def a_subscription(**fields):
    values = {
        "id": 1,
        "nonce": 0,
        "address": "ines.moreau@mail.example",
        "newsletter": sample_digests.MORNING,
        "schedule": sample_digests.MORNING.schedule,
        "topics": (),
        "language": "en",
        "watermark": 0,
        "next_issue_at": NOON,
        "ended_at": None,
    }
    return Subscription(**(values | fields))


class _Server(uvicorn.Server):
    """Ends when it is told to: uvicorn's own looks ten times a second, and then sleeps as long."""

    _loop = None

    async def main_loop(self):
        self._told = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if not await self.on_tick(0):
            await self._told.wait()

    async def shutdown(self, sockets=None):  # noqa: ARG002 - as uvicorn calls it
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - there is none
            await asyncio.sleep(0.001)
        await self.lifespan.shutdown()

    def end(self):
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._told.set)


@contextmanager
def serving(app) -> Iterator[str]:
    """Serve `app` on loopback, and give its address."""
    # asyncio turns Nagle's delay off only where the protocol is named
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws="none",
        server_header=False,
        proxy_headers=False,
        lifespan="on",
    )
    server = _Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.end()
        thread.join()
        listener.close()
