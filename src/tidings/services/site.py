"""The static site: everything that is published, as files."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

from tidings.domain.publishing import (
    Address,
    EntryAddress,
    FeedAddress,
    IssueAddress,
    ListAddress,
    PageAddress,
    Scope,
)
from tidings.errors import ConfigError, NotFoundError
from tidings.services.feeds import FORMS
from tidings.services.publication import Publication
from tidings.storage import entries, issues, newsletters, publishing, sources, topics
from tidings.storage.database import Database
from tidings.storage.entries import Selection


def page_path(path: str, number: int) -> str:
    """Return the path of a numbered page where a query cannot name it; `path` is the first's."""
    return f"{path.rstrip('/')}/page/{number}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How many files the site has, and how many of them were written now."""

    files: int
    changed: int


def publish(
    database: Database,
    publication: Publication,
    folder: Path,
    *,
    assets: Mapping[str, bytes],
) -> Written:
    """Write everything that is published into `folder`.

    Each file is replaced as a whole, and only if it differs.

    Args:
        database: Tells what there is.
        publication: Gives the bytes.
        folder: Is made if it is not there; files of other origin in it are left alone.
        assets: Files that pages need, by path.

    Raises:
        ConfigError: The folder cannot be written to.
    """
    files = changed = 0
    try:
        for path, body in _files(database, publication, assets):
            files += 1
            changed += _replace(folder / path, body)
    except OSError as error:
        raise ConfigError(f"cannot write {error.filename or folder}: {error.strerror}") from error
    return Written(files=files, changed=changed)


def _files(
    database: Database, publication: Publication, assets: Mapping[str, bytes]
) -> Iterator[tuple[str, bytes]]:
    yield from assets.items()
    with database.read() as connection:
        scopes = [Scope(kind="all")]
        scopes += [Scope(kind="topic", slug=topic.slug) for topic in topics.every(connection)]
        scopes += [Scope(kind="source", slug=source.slug) for source in sources.every(connection)]
        shown = entries.ids(connection, Selection(states=publishing.OPEN_STATES))
    for scope in scopes:
        for form in FORMS:
            address: Address = FeedAddress(scope=scope, form=form)
            yield scope.feed_path(form).lstrip("/"), publication.body(address)
        yield from _pages(publication, scope.path, at=partial(_page_of, scope))
    for name in ("topics", "sources"):
        yield f"{name}/index.html", publication.body(ListAddress(name=name))
    yield "sources.opml", publication.body(ListAddress(name="sources.opml"))
    for entry_id in shown:
        with suppress(NotFoundError):  # hidden since we looked
            yield f"entries/{entry_id}/index.html", publication.body(EntryAddress(id=entry_id))
    yield from _archive(database, publication)


def _pages(
    publication: Publication, path: str, *, at: Callable[[int], Address]
) -> Iterator[tuple[str, bytes]]:
    for number in count(1):
        try:
            body = publication.body(at(number))
        except NotFoundError:
            return
        file = path if number == 1 else page_path(path, number)
        yield f"{file.strip('/')}/index.html".lstrip("/"), body


def _archive(database: Database, publication: Publication) -> Iterator[tuple[str, bytes]]:
    with database.read() as connection:
        if not newsletters.every(connection):
            return
        listed = [line.slug for line in issues.listed(connection)]
    yield from _pages(publication, "/issues", at=_page_of_issues)
    yield "issues.atom", publication.body(ListAddress(name="issues.atom"))
    for slug in listed:
        with suppress(NotFoundError):  # its newsletter was removed since we looked
            yield f"issues/{slug}/index.html", publication.body(IssueAddress(slug=slug))


def _page_of(scope: Scope, number: int) -> Address:
    return PageAddress(scope=scope, number=number)


def _page_of_issues(number: int) -> Address:
    return ListAddress(name="issues", number=number)


def _replace(path: Path, body: bytes) -> bool:
    if path.is_file() and path.read_bytes() == body:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(body)
    unfinished.replace(path)
    return True
