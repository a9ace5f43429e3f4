"""`tidings source add|discover|import|export`: how sources come to the list, and the list."""

import sys
from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

import click

from tidings.cli.output import json_option, show_json, show_table
from tidings.cli.start import Start
from tidings.domain.documents import Link
from tidings.errors import ImportFileError, NoFeedError, ParseError, StatusError


@click.command
@click.argument("url")
@click.option("--topic", "topics", multiple=True, help="A topic, made if it is new; repeatable.")
@click.option("--title", help="What to call it, instead of what it calls itself.")
@click.option("--first", is_flag=True, help="If URL is a page, follow the first feed found there.")
@click.pass_obj
def add(start: Start, url: str, topics: tuple[str, ...], title: str | None, *, first: bool) -> None:
    """Fetch a source once, and follow it from then on.

    If URL is a page, its feeds are looked for: the only one is followed, and of several you are
    asked which one on a terminal. URL may lack its scheme, or begin with feed:.

    Example: tidings source add https://example.org/feed.xml --topic science
    """
    from tidings.polling import polling
    from tidings.storage.sources import NewSource
    from tidings.wiring import opened

    new = NewSource(url=url, title=title, topics=topics)
    choose = partial(_choose, first=first)
    with opened(start.settings()) as app, polling(app) as gathering:
        try:
            added = gathering.source_adder().add(new, choose=choose)
        except NoFeedError as error:
            if not error.offered:
                raise
            click.echo(f"tidings: {error}", err=True)
            click.echo("follow one by its own address, or the first with --first", err=True)
            raise click.exceptions.Exit(1) from error
        except StatusError as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
            click.echo(f"tidings: {error}", err=True)
            click.echo(
                "it wants a login: name it in the address, as in https://NAME:PASSWORD@HOST/…;"
                " it is kept apart from it, and `tidings source access` changes it",
                err=True,
            )
            raise click.exceptions.Exit(1) from error
    click.echo(f"{added.source.id}: {added.source.title}")
    click.echo(f"{added.found} entries found, {added.public} of them public now")
    for problem in added.problems:
        click.echo(f"note: {problem}", err=True)


@click.command
@click.argument("url")
@json_option
@click.pass_obj
def discover(start: Start, url: str, *, as_json: bool) -> None:
    """List the feeds of a site, the likeliest first; nothing is followed.

    Exits with status 1 if there is none.

    Example: tidings source discover https://example.org/
    """
    from tidings.polling import polling
    from tidings.services.subscribe import find_feeds
    from tidings.wiring import opened

    with opened(start.settings()) as app, polling(app) as gathering:
        links = find_feeds(gathering.prober(), url)
    if as_json:
        show_json([{"url": link.url, "title": link.title, "type": link.type} for link in links])
        return
    show_table(("title", "type", "url"), [(link.title, link.type, link.url) for link in links])


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.pass_obj
def import_list(start: Start, file: BinaryIO) -> None:
    """Follow every source of an OPML list; folders and categories become topics.

    Nothing is fetched now. Exits with status 1 if part of the list could not be read; the
    rest is imported.

    Example: tidings source import subscriptions.opml
    """
    from tidings.parsing.opml import read_opml
    from tidings.services.subscribe import import_sources
    from tidings.wiring import opened, utc_now

    try:
        listed = read_opml(file.read())
    except ParseError as error:
        raise ImportFileError(file.name, error.because) from error
    with opened(start.settings()) as app:
        result = import_sources(app.database, listed.outlines, clock=utc_now)
    click.echo(f"{result.added} added, {result.known} followed already")
    for problem in listed.problems:
        click.echo(f"tidings: not imported: {problem}", err=True)
    if listed.problems:
        raise click.exceptions.Exit(1)


@click.command
@click.argument(
    "file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), default="-"
)
@click.pass_obj
def export(start: Start, file: Path) -> None:
    """Write all sources as an OPML list, to a file or to standard output.

    Example: tidings source export subscriptions.opml
    """
    from tidings.rendering.opml import render_opml
    from tidings.services.directories import outlines
    from tidings.storage import sources
    from tidings.wiring import opened

    settings = start.settings()
    with opened(settings) as app, app.database.read() as connection:
        body = render_opml(outlines(connection), title=settings.publish.title)
        hidden = [one.slug for one in sources.every(connection) if one.hides_address]
    try:
        with click.open_file(str(file), "wb", atomic=str(file) != "-") as target:
            target.write(body)
    except OSError as error:
        raise click.FileError(str(file), error.strerror) from error
    if hidden:
        are = "1 source is" if len(hidden) == 1 else f"{len(hidden)} sources are"
        click.echo(
            f"note: {are} not in the list, for the address is private: {', '.join(hidden)};"
            " `tidings source edit SOURCE --address shown` lets it be told",
            err=True,
        )


def _choose(feeds: Sequence[Link], *, first: bool) -> Link | None:
    """Return the feed to follow: the first, the only one, or the one that the person at the terminal names."""
    if first:
        return feeds[0]
    if len(feeds) == 1:
        click.echo(f"note: the feed there is {feeds[0].url}", err=True)
        return feeds[0]
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    rows = [(number, link.title, link.type, link.url) for number, link in enumerate(feeds, start=1)]
    show_table(("", "title", "type", "url"), rows)
    number = click.prompt("Which one", type=click.IntRange(1, len(feeds)), default=1)
    return feeds[number - 1]
