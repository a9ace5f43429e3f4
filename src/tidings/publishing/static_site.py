"""The static site: everything that is published, as files for any web server.

Each file has a stamp; only those whose stamp has changed are rendered, and only those whose
bytes have changed are written. A manifest in the folder names the files that are ours.
"""

import fcntl
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from tidings.catalog import change_log, newsletters
from tidings.db.database import Connection, Database
from tidings.errors import ConfigError, ConflictError, NotFoundError
from tidings.model import scopes
from tidings.model.scopes import (
    Address,
    ArchiveAddress,
    EntryAddress,
    FeedAddress,
    IssueAddress,
    ListAddress,
    PageAddress,
)
from tidings.newsletters.store import issues
from tidings.publishing import issue_archive
from tidings.publishing.directories import count_of_parts, count_of_source_pages
from tidings.publishing.formats.registry import FORMATS
from tidings.publishing.formats.sitemap import robots
from tidings.publishing.publication import Publication
from tidings.publishing.repaginate import repaginate
from tidings.publishing.search_files import SearchFiles
from tidings.publishing.site_context import SiteContext, every_scope, key_of, last_change, scope_of
from tidings.publishing.store import pages

# Files after which the manifest is written: that much is done twice after a crash.
SAVED_AFTER = 5_000

# The manifest: only files in it are ever changed or removed.
MANIFEST = ".tidings.json"

# The temporary name of a file; in the same folder, since a rename is atomic within a file system
# only.
UNFINISHED = ".tidings.part"


class ManifestEntry(NamedTuple):
    """A file in the manifest; both fields are empty while it is being written."""

    stamp: str
    digest: str


class SiteFolder:
    """A folder, locked, and its manifest.

    A file is replaced atomically. The manifest is written before anything is changed, with what is
    about to be, and again at the end: after a crash it still names all that is ours, and calls
    nothing current that may not be.
    """

    def __init__(self, folder: Path, known: dict[str, ManifestEntry]) -> None:
        self._folder = folder
        self._known = known

    def is_current(self, path: str, stamp: str) -> bool:
        """Tell whether a file is there and has this stamp."""
        known = self._known.get(path)
        return known is not None and known.stamp == stamp and (self._folder / path).is_file()

    def others_than(self, paths: Collection[str]) -> list[str]:
        """Return our files that are not among `paths`."""
        return [path for path in self._known if path not in paths]

    def begin(self, paths: Collection[str]) -> dict[str, str]:
        """Note that files are about to be written; return their former digests."""
        digests = {path: self._known[path].digest for path in paths if path in self._known}
        self._known |= dict.fromkeys(paths, ManifestEntry("", ""))
        self.save()
        return digests

    def put(self, path: str, body: bytes, *, stamp: str, former: str) -> bool:
        """Write a file, unless it has the digest `former` and would stay the same."""
        digest = sha256(body).hexdigest()
        target = self._folder / path
        # A file that stays the same keeps its time, by which web servers answer 304.
        is_new = digest != former or not target.is_file()
        if is_new:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._replace(target, body)
        self._known[path] = ManifestEntry(stamp, digest)
        return is_new

    def remove(self, path: str) -> None:
        """Remove a file of ours, and folders that become empty."""
        target = self._folder / path
        target.unlink(missing_ok=True)
        del self._known[path]
        with suppress(OSError):  # a folder that is not empty stays
            for parent in target.relative_to(self._folder).parents[:-1]:
                (self._folder / parent).rmdir()

    def save(self) -> None:
        """Write the manifest."""
        listed = json.dumps({"files": self._known}, indent=0, sort_keys=True)
        self._replace(self._folder / MANIFEST, listed.encode())

    def _replace(self, target: Path, body: bytes) -> None:
        unfinished = self._folder / UNFINISHED
        unfinished.write_bytes(body)
        unfinished.replace(target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How many files the site has, and how many were rendered, written and removed now."""

    files: int
    rendered: int
    written: int
    removed: int


class _File(NamedTuple):
    """A file: its content, what makes that, or the address that it is rendered from."""

    path: str
    stamp: str
    content: bytes | Callable[[], bytes] | Address


def publish(
    database: Database,
    context: SiteContext,
    folder: Path,
    *,
    assets: Mapping[str, bytes],
    clock: Callable[[], datetime],
) -> Written:
    """Write everything that is published into `folder`.

    Files are written before those that link to them, and removed at the end: a visitor who comes
    meanwhile finds a working site, even if half of it is new.

    Args:
        database: What is published.
        context: How it is published.
        folder: Made if it does not exist; other files in it are left alone.
        assets: Files that pages need, by path.
        clock: Aware UTC.

    Raises:
        ConfigError: The folder cannot be written to.
        ConflictError: Another process writes into it.
    """
    with opened(folder) as site:
        return bring_up_to_date(site, database, context, assets=assets, clock=clock)


def bring_up_to_date(
    site: SiteFolder,
    database: Database,
    context: SiteContext,
    *,
    assets: Mapping[str, bytes],
    clock: Callable[[], datetime],
) -> Written:
    """Write everything that is published into a folder that is open; see `publish`."""
    repaginate(database, size=context.settings.page_size, clock=clock)
    publication = Publication(database, context)
    # By stamps: on most runs nothing has changed, and then nothing is rendered.
    planned = _planned(database, context, assets)
    todo = [file for file in planned if not site.is_current(file.path, file.stamp)]
    gone = site.others_than({file.path for file in planned})
    if not todo and not gone:
        return Written(files=len(planned), rendered=0, written=0, removed=0)
    written, lost = _write(site, todo, publication)
    # Last: until here pages may still link to them.
    for path in (*gone, *lost):
        site.remove(path)
    site.save()
    return Written(
        files=len(planned) - len(lost),
        rendered=len(todo) - len(lost),
        written=written,
        removed=len(gone),
    )


def _planned(database: Database, context: SiteContext, assets: Mapping[str, bytes]) -> list[_File]:
    """Return all files of the site in the order in which they are written."""
    fixed = {**assets, "robots.txt": robots(context.site)}
    planned = [_File(path, sha256(body).hexdigest(), body) for path, body in fixed.items()]
    fingerprint = context.fingerprint
    with database.read() as connection:
        planned += [
            _File(file.path, f"{file.change}-{fingerprint}", file.address)
            for file in files(connection, context)
        ]
        planned += [
            _File(file.path, f"{file.stamp}-{fingerprint}", file.render)
            for file in SearchFiles(database, context.site).every(connection)
        ]
    return planned


def _write(
    site: SiteFolder, todo: Iterable[_File], publication: Publication
) -> tuple[int, list[str]]:
    """Write files; return how many were new, and which do not exist any more."""
    former = site.begin([file.path for file in todo])
    written, lost = 0, []
    for done, (path, stamp, content) in enumerate(todo, 1):
        try:
            body = _body(content, publication)
        except NotFoundError:  # hidden or removed since the files were planned
            lost.append(path)
            continue
        written += site.put(path, body, stamp=stamp, former=former.get(path, ""))
        if done % SAVED_AFTER == 0:
            site.save()
    return written, lost


def _body(content: bytes | Callable[[], bytes] | Address, publication: Publication) -> bytes:
    if isinstance(content, bytes):
        return content
    return content() if callable(content) else publication.body(content)


class SiteFile(NamedTuple):
    """A file of the site.

    Attributes:
        path: Below the folder.
        change: The last change of what it shows.
        address: Of the same on the web.
    """

    path: str
    change: int
    address: Address


def page_path(path: str, number: int) -> str:
    """Return the path of a numbered page, without a query; `path` is that of the newest."""
    return f"{path.rstrip('/')}/page/{number}/"


def files(connection: Connection, context: SiteContext) -> Iterator[SiteFile]:
    """Yield all files, those that are linked to before those that link to them, if possible."""
    # Entries first and feeds last: a feed reader that comes in between follows no dead link.
    yield from _entries(connection)
    yield from _numbered_pages(connection)
    yield from _issues(connection)
    yield from _archives(connection)
    yield from _scopes(connection)
    for number in range(2, count_of_source_pages(connection) + 1):
        path = _index_of(page_path("/sources", number))
        yield _file(connection, path, ListAddress(name="sources", number=number))
    for name in ("topics", "sources", "search"):
        yield _file(connection, f"{name}/index.html", ListAddress(name=name))
    for name in ("sources.opml", "404.html", "sitemap.xml"):
        yield _file(connection, name, ListAddress(name=name))
    for number in range(1, count_of_parts(connection, context.site) + 1):
        address = ListAddress(name="sitemap.xml", number=number)
        yield _file(connection, f"sitemap/{number}.xml", address)


def _entries(connection: Connection) -> Iterator[SiteFile]:
    site = change_log.changes(connection)[change_log.SITE].number
    for entry_id, change in pages.export_entry_changes(connection):
        path = f"entries/{entry_id}/index.html"
        # The name of a topic or the like stands on every page.
        yield SiteFile(path, max(change, site), EntryAddress(id=entry_id))


def _numbered_pages(connection: Connection) -> Iterator[SiteFile]:
    site = change_log.changes(connection)[change_log.SITE].number
    for key, number, change in pages.export_page_changes(connection):
        scope = scope_of(key)
        path = _index_of(page_path(scope.path, number))
        yield SiteFile(path, max(change, site), PageAddress(scope=scope, number=number))


def _scopes(connection: Connection) -> Iterator[SiteFile]:
    changes = change_log.changes(connection)
    for scope in every_scope(connection):
        change = changes[key_of(scope)].number
        for form in FORMATS:
            path = scope.feed_path(form).lstrip("/")
            yield SiteFile(path, change, FeedAddress(scope=scope, form=form))
        yield SiteFile(_index_of(scope.path), change, PageAddress(scope=scope))


def _archives(connection: Connection) -> Iterator[SiteFile]:
    for number in range(1, scopes.full_archives(change_log.last_seq(connection)) + 1):
        address = ArchiveAddress(number=number)
        yield _file(connection, address.path.lstrip("/"), address)


def _issues(connection: Connection) -> Iterator[SiteFile]:
    if not newsletters.every(connection):
        return
    for line in issues.listed(connection):
        path = f"issues/{line.slug}/index.html"
        yield _file(connection, path, IssueAddress(slug=line.slug))
    for number in range(1, issue_archive.count_of_pages(connection)):
        path = _index_of(page_path("/issues", number))
        yield _file(connection, path, ListAddress(name="issues", number=number))
    yield _file(connection, "issues/index.html", ListAddress(name="issues"))
    yield _file(connection, "issues.atom", ListAddress(name="issues.atom"))


def _file(connection: Connection, path: str, address: Address) -> SiteFile:
    change, _ = last_change(connection, address)
    return SiteFile(path, change, address)


def _index_of(path: str) -> str:
    return f"{path.strip('/')}/index.html".lstrip("/")


@contextmanager
def opened(folder: Path) -> Iterator[SiteFolder]:
    """Open and lock a folder, which is made if it does not exist.

    Raises:
        ConfigError: It cannot be written to, or its list cannot be read.
        ConflictError: Another process writes into it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A lock on the folder itself ends with the process; a lock file would survive a crash.
        lock = os.open(folder, os.O_RDONLY)
        try:
            _take(lock, folder)
            yield SiteFolder(folder, _read(folder / MANIFEST))
        finally:
            os.close(lock)
    except OSError as error:
        raise ConfigError(f"cannot write {error.filename or folder}: {error.strerror}") from error


def _take(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        because = "is being written by another process"
        raise ConflictError("folder", str(folder), because=because) from error


def _read(manifest: Path) -> dict[str, ManifestEntry]:
    if not manifest.exists():
        return {}
    try:
        listed = json.loads(manifest.read_bytes())["files"]
        return {path: ManifestEntry(*known) for path, known in listed.items() if _is_below(path)}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"{manifest} cannot be read: remove it to have everything written anew"
        ) from error


def _is_below(path: str) -> bool:
    """Tell whether a path stays in its folder: the manifest may have been edited."""
    return not path.startswith("/") and ".." not in path.split("/")
