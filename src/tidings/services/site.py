"""The static site: everything that is published, as files."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from tidings.domain.publishing import Address
from tidings.errors import NotFoundError
from tidings.rendering.sitemap import robots
from tidings.services import site_folder
from tidings.services.imprint import SiteContext
from tidings.services.paging import repaginate
from tidings.services.publication import Publication
from tidings.services.site_files import files
from tidings.services.site_folder import SiteFolder
from tidings.storage.database import Database

SAVED_AFTER = 5_000
"""Files after which the list of files is written: that much is done twice after a crash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How many files the site has, and how many were rendered, written and removed now."""

    files: int
    rendered: int
    written: int
    removed: int


class _File(NamedTuple):
    """A file: what it holds, or the address of that."""

    path: str
    stamp: str
    content: bytes | Address


def publish(
    database: Database,
    imprint: SiteContext,
    folder: Path,
    *,
    assets: Mapping[str, bytes],
    clock: Callable[[], datetime],
) -> Written:
    """Write everything that is published into `folder`.

    What has not changed is not rendered, what would be the same is not written. Each file is
    replaced as a whole, what is linked to before what links to it, and what is gone is
    removed at the end: a visitor who comes meanwhile finds a working site, be it half new.

    Args:
        database: Tells what there is.
        imprint: How it is published.
        folder: Is made if it is not there; files of other origin in it are left alone.
        assets: Files that pages need, by path.
        clock: Tells when pages are cut.

    Raises:
        ConfigError: The folder cannot be written to.
        ConflictError: Another process writes into it.
    """
    repaginate(database, size=imprint.settings.page_size, clock=clock)
    publication = Publication(database, imprint)
    with site_folder.opened(folder) as site:
        planned = _planned(database, imprint, assets)
        todo = [file for file in planned if not site.is_current(file.path, file.stamp)]
        gone = site.others_than({file.path for file in planned})
        if not todo and not gone:
            return Written(files=len(planned), rendered=0, written=0, removed=0)
        written, lost = _write(site, todo, publication)
        for path in (*gone, *lost):
            site.remove(path)
        site.save()
    return Written(
        files=len(planned) - len(lost),
        rendered=len(todo) - len(lost),
        written=written,
        removed=len(gone),
    )


def _planned(database: Database, imprint: SiteContext, assets: Mapping[str, bytes]) -> list[_File]:
    """Return all files of the site in the order in which they are written."""
    fixed = {**assets, "robots.txt": robots(imprint.site)}
    planned = [_File(path, sha256(body).hexdigest(), body) for path, body in fixed.items()]
    fingerprint = imprint.fingerprint
    with database.read() as connection:
        planned += [
            _File(file.path, f"{file.change}-{fingerprint}", file.address)
            for file in files(connection, imprint)
        ]
    return planned


def _write(
    site: SiteFolder, todo: Iterable[_File], publication: Publication
) -> tuple[int, list[str]]:
    """Write files; return how many were new, and which are not there any more."""
    former = site.begin([file.path for file in todo])
    written, lost = 0, []
    for done, (path, stamp, content) in enumerate(todo, 1):
        try:
            body = content if isinstance(content, bytes) else publication.body(content)
        except NotFoundError:  # hidden or removed since we looked
            lost.append(path)
            continue
        written += site.put(path, body, stamp=stamp, former=former.get(path, ""))
        if done % SAVED_AFTER == 0:
            site.save()
    return written, lost
