"""`tidings source`: the sources that are followed."""

from pathlib import Path
from typing import BinaryIO

import click

from tidings.cli.output import ID, json_option, moment, show_json, show_table, source_json
from tidings.cli.start import Start
from tidings.domain.sources import SourceState
from tidings.errors import ImportFileError, ParseError


@click.group
def source() -> None:
    """Add, change and remove sources.

    Example: tidings source add https://example.org/feed.xml --topic databases
    """


@source.command
@click.argument("url")
@click.option("--topic", "topics", multiple=True, help="A topic, made if it is new; repeatable.")
@click.option("--title", help="What to call it, instead of what it calls itself.")
@click.option("--first", is_flag=True, help="If URL is a page, follow the first feed it offers.")
@click.pass_obj
def add(start: Start, url: str, topics: tuple[str, ...], title: str | None, *, first: bool) -> None:
    """Fetch a source once, and follow it from then on.

    Example: tidings source add https://example.org/feed.xml --topic science
    """
    from tidings.services.subscribe import add_source
    from tidings.storage.sources import NewSource
    from tidings.wiring import opened

    with opened(start.settings()) as app, app.polling() as tools:
        added = add_source(tools, NewSource(url=url, title=title, topics=topics), first=first)
    click.echo(f"{added.source.id}: {added.source.title}")
    click.echo(f"{added.found} entries found, {added.public} of them public now")
    for problem in added.problems:
        click.echo(f"note: {problem}", err=True)


@source.command("list")
@json_option
@click.pass_obj
def list_sources(start: Start, *, as_json: bool) -> None:
    """List all sources.

    Example: tidings source list --json
    """
    from tidings.storage import sources
    from tidings.wiring import opened

    with opened(start.settings()) as app, app.database.read() as connection:
        found = sources.every(connection)
    if as_json:
        show_json([source_json(one) for one in found])
        return
    rows = [
        (
            one.id,
            one.title,
            one.state if not one.failures else f"{one.state}, failing ({one.failures})",
            one.entries,
            moment(one.next_poll_at),
            one.url,
        )
        for one in found
    ]
    show_table(("id", "title", "state", "entries", "next poll", "url"), rows)


@source.command
@click.argument("source_id", metavar="SOURCE", type=ID)
@json_option
@click.pass_obj
def show(start: Start, source_id: int, *, as_json: bool) -> None:
    """Show one source, with its last error and what is wrong with its document.

    Example: tidings source show 3
    """
    from tidings.storage import sources
    from tidings.wiring import opened

    with opened(start.settings()) as app, app.database.read() as connection:
        found = sources.get(connection, source_id)
    shown = source_json(found) | {"problems": found.problems}
    if as_json:
        show_json(shown)
        return
    for name, value in shown.items():
        text = ", ".join(value) if isinstance(value, list | tuple) else value
        click.echo(f"{name.replace('_', ' ')}: {'-' if text in (None, '') else text}")


@source.command
@click.argument("source_id", metavar="SOURCE", type=ID)
@click.option("--title", help="What to call it; empty for what it calls itself.")
@click.option("--url", help="Where it is now.")
@click.option("--topic", "topics", multiple=True, help="Its topics from now on; repeatable.")
@click.option("--no-topics", is_flag=True, help="Take all its topics away.")
@click.pass_obj
def edit(
    start: Start,
    /,
    source_id: int,
    title: str | None,
    url: str | None,
    **labels: tuple[str, ...] | bool,
) -> None:
    """Change a source's title, address or topics.

    Example: tidings source edit 3 --title "The Daily Query" --topic databases
    """
    from tidings.services.subscribe import web_address
    from tidings.storage import sources, topics
    from tidings.wiring import opened, utc_now

    named = labels["topics"] if isinstance(labels["topics"], tuple) else ()
    with opened(start.settings()) as app, app.database.write() as connection:
        now = utc_now()
        slugs = list(topics.ensure(connection, named, now=now).values())
        change = sources.Edit(
            title=title,
            url=web_address(url) if url else None,
            topics=slugs if slugs or labels["no_topics"] else None,
        )
        sources.edit(connection, source_id, change, now=now)


@source.command
@click.argument("source_id", metavar="SOURCE", type=ID)
@click.pass_obj
def pause(start: Start, source_id: int) -> None:
    """Stop polling a source; its entries stay.

    Example: tidings source pause 3
    """
    _set_state(start, source_id, SourceState.PAUSED)


@source.command
@click.argument("source_id", metavar="SOURCE", type=ID)
@click.pass_obj
def resume(start: Start, source_id: int) -> None:
    """Poll a paused or retired source again, at once.

    Example: tidings source resume 3
    """
    _set_state(start, source_id, SourceState.ACTIVE)


@source.command
@click.argument("source_id", metavar="SOURCE", type=ID)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(start: Start, source_id: int, *, yes: bool) -> None:
    """Remove a source with all its entries.

    Example: tidings source remove 3 --yes
    """
    from tidings.storage import sources
    from tidings.wiring import opened, utc_now

    with opened(start.settings()) as app:
        with app.database.read() as connection:
            found = sources.get(connection, source_id)
        if not yes:
            click.confirm(f"Remove {found.title} and its {found.entries} entries?", abort=True)
        with app.database.write() as connection:
            sources.remove(connection, source_id, now=utc_now())


@source.command("import")
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


@source.command
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
    from tidings.wiring import opened

    settings = start.settings()
    with opened(settings) as app, app.database.read() as connection:
        body = render_opml(outlines(connection), title=settings.publish.title)
    with click.open_file(str(file), "wb", atomic=str(file) != "-") as target:
        target.write(body)


def _set_state(start: Start, source_id: int, state: SourceState) -> None:
    from tidings.storage import sources
    from tidings.wiring import opened, utc_now

    with opened(start.settings()) as app, app.database.write() as connection:
        sources.set_state(connection, source_id, state, now=utc_now())
