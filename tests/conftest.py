"""What many tests need: real databases, a fixed time, a clean environment."""

import gc
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

import postgres
from newsletter_site import NewsletterSite, Outbox
from parsed_entries import NOON
from polls_by_hand import read_poll
from tidings.app import templates
from tidings.catalog import sources
from tidings.catalog.sources import NewSource
from tidings.db import schema
from tidings.db.database import Database
from tidings.model.feed import ParsedEntry
from tidings.polling.store import leases, polls
from tidings.resources import data_dir
from tidings.search.store import index
from tidings.templating.engine import Templates

pytest_plugins = ["sample_feeds"]

MEMORY = Path("/dev/shm")  # noqa: S108 - where Linux keeps files in memory
ROOM = 4 * 1024**3
"""Bytes that must be free there to hold what tests write; what is slow about disks is not tested."""

LONG = {"acceptance", "browser", "torture"}
"""Folders whose tests start programs, and wait for them."""

FOR_TESTS = {"TIDINGS_SAMPLES", "TIDINGS_SCREENSHOTS", "TIDINGS_REQUIRE_ALL"}

for name in [name for name in os.environ if name.startswith("TIDINGS_")]:
    if name not in FOR_TESTS:
        del os.environ[name]

# To cut fonts takes seconds, and hardly a test looks at letters.
os.environ["TIDINGS_TEMPLATES__FONTS"] = ""

# Images set it to stay small. Here each of the programs that tests start would compile all of it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A seventh of all processor time went into looking for garbage among what every test shares.
gc.set_threshold(100_000, 50, 100)

if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


settings.register_profile("any machine", deadline=None)  # no test fails because others work
settings.load_profile("any machine")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, lest a worker be left alone with it in the end."""
    items.sort(key=lambda item: LONG.isdisjoint(item.path.parts))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With TIDINGS_REQUIRE_ALL=1, let a test that is skipped for what is missing here fail."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("TIDINGS_REQUIRE_ALL"):
        report.outcome = "failed"
        report.longrepr = f"nothing may be missing here: {report.longreprtext}"
    return report


@pytest.fixture(scope="session", autouse=True)
def templates_shared() -> Iterator[None]:
    """Let all programs that run in this process share the templates that ship with them.

    To read and try them takes a quarter of a second of each command; they never change.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("load_templates", "load_mail_templates"):
            patch.setattr(templates, name, _once(getattr(templates, name)))
        yield


def _once(load: Callable[..., Templates]) -> Callable[..., Templates]:
    loaded: dict[Path, Templates] = {}

    def shared(folders: Sequence[Path], **fonts: Mapping[str, bytes]) -> Templates:
        [*own, shipped] = folders
        if own or any(fonts.values()) or data_dir("templates") not in shipped.parents:
            return load(folders, **fonts)
        if shipped not in loaded:
            loaded[shipped] = load(folders, **fonts)
        return loaded[shipped]

    return shared


@pytest.fixture(scope="session", autouse=True)
def statements_shared() -> Iterator[None]:
    """Let all databases of a kind share the text of statements, as they do in one long run.

    SQLAlchemy writes a statement anew for every engine; each test opens some of its own, and a
    fifth of all processor time went there. Its cache tells statements apart by their dialect, of
    which every engine has one, all alike.
    """
    texts: LRUCache[Any, Any] = LRUCache(5000)

    def share(connection: Connection) -> None:
        connection.execution_options(compiled_cache=texts)

    with pytest.MonkeyPatch.context() as patch:
        for kind in (SQLiteDialect_pysqlite, PGDialect_psycopg):
            patch.setattr(kind, "__hash__", lambda one: hash(type(one)))
            patch.setattr(kind, "__eq__", lambda one, other: type(one) is type(other))
        event.listen(Engine, "engine_connect", share)
        yield
        event.remove(Engine, "engine_connect", share)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A server of this worker's own, with one database for test after test."""
    with postgres.cluster() as folder:
        server = postgres.Server(folder, prepare=upgrade)
        yield server
        server.close()


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """A database on PostgreSQL that is as our schema makes it."""
    yield postgres_server.url
    postgres_server.reset()


def upgrade(url: str) -> None:
    database = Database(url)
    schema.upgrade(database, rebuild_index=index.rebuild)
    database.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An up-to-date database; to copy it takes far less time than to make one."""
    path = tmp_path_factory.mktemp("template") / "tidings.db"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database, rebuild_index=index.rebuild)
    database.close()
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An SQLite file that is yet to be made."""
    return f"sqlite:///{tmp_path}/tidings.db"


@pytest.fixture
def sqlite_database_url(sqlite_url: str, sqlite_template: Path, tmp_path: Path) -> str:
    """An SQLite file with our schema."""
    shutil.copyfile(sqlite_template, tmp_path / "tidings.db")
    return sqlite_url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh database with our schema: every test that takes it runs on both kinds."""
    fixture = "postgres_url" if request.param == "postgresql" else "sqlite_database_url"
    return str(request.getfixturevalue(fixture))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh database with our schema, of both kinds."""
    opened = Database(database_url)
    yield opened
    # A sender that is told to stop in the middle of a letter goes on for a moment, and would open
    # a connection that nobody closes.
    for thread in threading.enumerate():
        if thread.name.startswith("deliver-"):
            thread.join(timeout=10)
    opened.close()


@pytest.fixture
def noon() -> datetime:
    return datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def follow(database: Database) -> Callable[..., int]:
    """Add a source and return its id."""

    def add(url: str = "https://example.org/feed", **fields) -> int:
        with database.write() as connection:
            return sources.add(connection, [NewSource(url=url, **fields)], now=NOON)[0]

    return add


@pytest.fixture
def poll(database: Database) -> Callable[..., None]:
    """Poll a source: these entries are what its document holds."""

    def save(source_id: int, *entries: ParsedEntry, now=NOON, owner="test") -> None:
        with database.write() as connection:
            [due] = leases.due(connection, [source_id])
            leases.claim_one(connection, owner, due.host)
            known = polls.known_entries(connection, [source_id])[source_id]
            settled = read_poll(due, *entries, known=known, now=now)
            polls.save(connection, owner, [settled])

    return save


@pytest.fixture
def newsletter_site(database):
    return NewsletterSite(database)


@pytest.fixture
def outbox():
    return Outbox()
