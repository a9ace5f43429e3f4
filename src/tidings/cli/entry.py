"""`tidings entry`: what the sources brought."""

from dataclasses import asdict
from typing import Any

import click

from tidings.cli.output import (
    ID,
    entry_json,
    json_option,
    limit_option,
    moment,
    show_json,
    show_table,
)
from tidings.cli.start import Start
from tidings.domain.entries import EntryState
from tidings.errors import NotFoundError


@click.group
def entry() -> None:
    """List and show entries.

    Example: tidings entry list --topic databases --limit 10
    """


@entry.command("list")
@click.option("--source", metavar="SOURCE", type=ID, help="Of this source only.")
@click.option("--topic", help="Of sources with this topic only.")
@limit_option
@click.option("--all", "every", is_flag=True, help="Also backfill, held and hidden entries.")
@json_option
@click.pass_obj
def list_entries(start: Start, /, limit: int, *, every: bool, as_json: bool, **of: Any) -> None:
    """List entries, newest first.

    Example: tidings entry list --source 3 --limit 0 --json
    """
    from tidings.storage import entries, sources, topics
    from tidings.wiring import opened

    states = tuple(EntryState) if every else (EntryState.PUBLIC,)
    selection = entries.Selection(source=of["source"], topic=of["topic"], states=states)
    with opened(start.settings()) as app, app.database.read() as connection:
        if selection.source is not None:
            sources.get(connection, selection.source)
        if selection.topic is not None and topics.find(connection, selection.topic) is None:
            raise NotFoundError("topic", selection.topic)
        window = entries.Window(limit=limit or None)
        found = entries.select_entries(connection, selection, window)
    if as_json:
        show_json([entry_json(one) for one in found])
        return
    rows = [
        (one.id, moment(one.sort_at), one.source.title, one.title or one.excerpt[:60], one.state)
        for one in found
    ]
    show_table(("id", "date", "source", "title", "state"), rows)


@entry.command
@click.argument("entry_id", metavar="ENTRY", type=ID)
@json_option
@click.pass_obj
def show(start: Start, entry_id: int, *, as_json: bool) -> None:
    """Show one entry with its content.

    Example: tidings entry show 17 --json
    """
    from tidings.storage import entries
    from tidings.wiring import opened

    with opened(start.settings()) as app, app.database.read() as connection:
        found = entries.get(connection, entry_id)
    if as_json:
        whole = {
            "content": found.content,
            "enclosures": [asdict(one) for one in found.enclosures],
            "image": asdict(found.image) if found.image else None,
            "language": found.language,
        }
        show_json(entry_json(found) | whole)
        return
    click.secho(found.title or "(no title)", bold=True)
    click.echo(f"{found.source.title}, {moment(found.sort_at)}, {found.state}")
    for line in (found.url, *found.authors, found.excerpt, *(e.url for e in found.enclosures)):
        if line:
            click.echo(line)
