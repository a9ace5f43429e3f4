"""Digests to look at: shared by the unit and the browser tests of letters."""
# ruff: noqa: RUF001 - Chinese text has Chinese punctuation

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tidings.model.entries import Entry, EntryState, SourceCredit, TopicCredit
from tidings.model.newsletters import Digest, Frequency, Issue, Newsletter, Schedule, Section

TEMPLATES = Path(__file__).parents[1] / "templates"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SITE_URL = "https://news.example"
ISSUE_URL = "https://news.example/issues/morning-2026-11-20"

DATABASES = TopicCredit(slug="databases", title="Databases")
MATHEMATICS = TopicCredit(slug="mathematics", title="Mathematics")


def a_source(slug, title, language=None):
    url = f"https://{slug}.example"
    return SourceCredit(
        id=len(slug),
        slug=slug,
        title=title,
        url=f"{url}/feed",
        site_url=f"{url}/",
        language=language,
    )


PAGES_AND_LOGS = a_source("pages-and-logs", "Pages and Logs", "en")
LEMMA = a_source("lemma", "The Patient Lemma", "en")
NOTES = a_source("notes", "学习笔记", "zh-cn")
MAJALLA = a_source("majalla", "مجلة العلوم", "ar")


def an_entry(number=1, **fields):
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
        "language": "en",
    }
    return Entry(**(values | fields))


CHECKPOINTS = an_entry(
    1,
    title="Checkpoints are a promise about tomorrow’s recovery, not about today’s commit",
    excerpt="Every checkpoint moves work from a bad day to an ordinary one. We measured how long a "
    "restart takes against how often pages are written back, on one machine and without any luck: "
    "[code] The curve has a knee, and most defaults stand on the wrong side of it.",
    content="<p>" + "word " * 1600 + "</p>",
)
RELEASE = an_entry(
    3,
    title="Kestrel 4.2: fewer locks, the same answers",
    excerpt="Readers no longer wait for schema changes. Upgrading takes one command.",
)
PRIMES = an_entry(
    20,
    source=LEMMA,
    title="Two squares, one sentence",
    url="https://lemma.example/squares",
    excerpt="A prime \\(p\\) with \\(p \\equiv 1 \\pmod 4\\) is a sum \\(a^2 + b^2\\). An involution "
    "on a finite set, counted twice, is all it takes: [formula]",
)
SOFTMAX = an_entry(
    30,
    source=NOTES,
    title="从最大熵到 softmax：一个公式的来历",
    url="https://notes.example/softmax",
    language="zh-cn",
    excerpt="为什么分类网络的最后一层几乎总是 softmax？把它看作在期望约束下熵最大的分布，答案就自然了："
    "\\(p_i = e^{z_i} / \\sum_j e^{z_j}\\) 不是经验之谈，而是拉格朗日乘子法的结果。",
    content="<p>" + "字" * 2000 + "</p>",
)
SKY = an_entry(
    42,
    source=MAJALLA,
    title="لماذا تبدو السماء زرقاء",
    url="https://majalla.example/sky",
    language="ar",
    excerpt="يتشتت الضوء الأزرق أكثر من الأحمر لأن طول موجته أقصر.",
)
UNTITLED = an_entry(
    46,
    source=LEMMA,
    title="",
    url=None,
    excerpt="Office hours move to Thursday.",
    language=None,
)

MORNING = Newsletter(
    id=1,
    slug="morning",
    title="Morning tidings",
    schedule=Schedule(frequency=Frequency.DAILY, hour=7, timezone="Europe/Berlin"),
    topics=(),
    language="en",
    reply_to=None,
    postal_address="Tidings, 12 Quay Street, Harbour Town",
)


def a_digest(*sections, **fields):
    values = {
        "newsletter": MORNING,
        "language": "en",
        "timezone": "Europe/Berlin",
        "from_seq": 900,
        "to_seq": 999,
        "since": None,
        "until": NOON,
        "sections": sections,
    }
    return Digest(**(values | fields))


def of(*entries, topic=DATABASES):
    return Section(topic=topic, entries=entries)


ENGLISH = a_digest(
    of(CHECKPOINTS, RELEASE),
    of(PRIMES, SOFTMAX, topic=MATHEMATICS),
    of(SKY, UNTITLED, topic=None),
    since=NOON - timedelta(days=2),
)
CHINESE = a_digest(
    of(SOFTMAX, PRIMES, topic=TopicCredit(slug="mathematics", title="数学")),
    of(CHECKPOINTS, topic=TopicCredit(slug="databases", title="数据库")),
    of(SKY, topic=None),
    newsletter=replace(
        MORNING, title="晨间通讯", language="zh", postal_address="上海市浦东新区港湾路 12 号"
    ),
    language="zh",
    timezone="Asia/Shanghai",
)


def an_issue(digest=ENGLISH, **fields):
    values = {
        "id": 7,
        "key": b"key",
        "slug": "morning-2026-11-20",
        "newsletter": digest.newsletter,
        "language": digest.language,
        "timezone": digest.timezone,
        "listed": True,
        "from_seq": digest.from_seq,
        "to_seq": digest.to_seq,
        "subject": "Morning tidings · 18–20 November 2026 · 6 entries",
        "html": "<p>the letter</p>",
        "text": "the letter",
        "entries": sum(len(section.entries) for section in digest.sections),
        "created_at": NOON,
    }
    return Issue(**(values | fields))
