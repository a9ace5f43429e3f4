"""`tidings entry`: list, show, release, hide and pin entries."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from tidings.cli.output import ID, json_option, limit_option, moment, show_json, show_table
from tidings.cli.source import SOURCE
from tidings.cli.start import Start
from tidings.model.contracts import entry_json, rfc3339
from tidings.model.entries import Entry, EntryState
from tidings.model.operators import EntryAct


@click.group
def entry() -> None:
    """List, show, release, hide and pin entries.

    Example: tidings entry list --topic databases --limit 10
    """


@entry.command("list")
@click.option("--source", metavar="SOURCE", type=SOURCE, help="Of this source only.")
@click.option("--topic", help="Of sources with this topic only.")
@limit_option
@click.option(
    "--all",
    "states",
    flag_value=tuple(EntryState),
    default=(EntryState.PUBLIC,),
    # Or click would make a text of the tuple.
    type=click.UNPROCESSED,
    help="Also backfill, held and hidden entries.",
)
@click.option(
    "--held",
    "states",
    flag_value=(EntryState.HELD,),
    type=click.UNPROCESSED,
    help="Only held entries, which `tidings entry release` publishes.",
)
@json_option
@click.pass_obj
def list_entries(
    start: Start, /, limit: int, *, states: Sequence[EntryState], as_json: bool, **of: Any
) -> None:
    """List entries, newest first.

    Example: tidings entry list --source 3 --limit 0 --json
    """
    from tidings.app.app import opened
    from tidings.catalog import entries, sources, topics

    with opened(start.settings()) as app, app.database.read() as connection:
        if of["source"] is not None:
            # A source that does not exist is an error, not an empty list.
            sources.get(connection, of["source"])
        topic = topics.slug_of(connection, of["topic"]) if of["topic"] else None
        selection = entries.Selection(source=of["source"], topic=topic, states=states)
        window = entries.ListWindow(limit=limit or None)
        found = entries.select_entries(connection, selection, window)
    if as_json:
        show_json([entry_json(one) for one in found])
        return
    rows = [
        # Short posts have no title.
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
    from tidings.app.app import opened
    from tidings.catalog import entries

    with opened(start.settings()) as app, app.database.read() as connection:
        # To the operator also what the source does not let us show.
        found = entries.get(connection, entry_id, whole=True)
    if as_json:
        whole = {
            "content": found.content,
            "enclosures": [asdict(one) for one in found.enclosures],
            "image": asdict(found.image) if found.image else None,
            "language": found.language,
            "pictures": [asdict(one) for one in found.pictures],
            "pinned_at": rfc3339(found.pinned_at),
        }
        show_json(entry_json(found) | whole)
        return
    click.secho(found.title or found.excerpt[:60] or found.source.title, bold=True)
    click.echo(f"{found.source.title}, {moment(found.sort_at)}, {found.state}")
    for line in (found.url, *found.authors, found.excerpt, *_files_of(found)):
        if line:
            click.echo(line)


def _files_of(found: Entry) -> Iterator[str]:
    for picture in found.pictures:
        yield f"{picture.url} ({picture.alt})" if picture.alt else picture.url
    # Often the same picture stands in both.
    shown = {picture.url for picture in found.pictures}
    yield from (file.url for file in found.enclosures if file.url not in shown)


_entries_argument = click.argument(
    "entry_ids", metavar="ENTRY...", nargs=-1, type=ID, required=True
)


@entry.command
@click.argument("entry_ids", metavar="[ENTRY]...", nargs=-1, type=ID)
@click.option("--source", metavar="SOURCE", type=SOURCE, help="All that is held of this source.")
@click.pass_obj
def release(start: Start, entry_ids: tuple[int, ...], *, source: int | None) -> None:
    """Publish entries that were held because too many came at once.

    Example: tidings entry release --source 3
    """
    from tidings.app.app import opened, utc_now
    from tidings.operator.moderation import OperatorActions

    if bool(entry_ids) == bool(source):
        raise click.UsageError("name entries, or a source with --source")
    if source is None:
        _act(start, EntryAct.RELEASE, entry_ids, said=("released", "is public already"))
        return
    with opened(start.settings()) as app:
        released = OperatorActions(app.database, clock=utc_now).release_source(source)
    click.echo(f"{len(released)} entries of source {source} released")


@entry.command
@_entries_argument
@click.pass_obj
def hide(start: Start, entry_ids: tuple[int, ...]) -> None:
    """Hide entries from pages, feeds and future issues.

    Example: tidings entry hide 17
    """
    _act(start, EntryAct.HIDE, entry_ids, said=("hidden", "is hidden already"))


@entry.command
@_entries_argument
@click.pass_obj
def unhide(start: Start, entry_ids: tuple[int, ...]) -> None:
    """Show hidden entries again, at their old place in the feeds.

    Example: tidings entry unhide 17
    """
    _act(start, EntryAct.UNHIDE, entry_ids, said=("shown again", "is public already"))


@entry.command
@_entries_argument
@click.pass_obj
def pin(start: Start, entry_ids: tuple[int, ...]) -> None:
    """Pin public entries to the top of the first page, until they are unpinned.

    Example: tidings entry pin 17
    """
    _act(start, EntryAct.PIN, entry_ids, said=("pinned", "is pinned already"))


@entry.command
@_entries_argument
@click.pass_obj
def unpin(start: Start, entry_ids: tuple[int, ...]) -> None:
    """Unpin entries.

    Example: tidings entry unpin 17
    """
    _act(start, EntryAct.UNPIN, entry_ids, said=("unpinned", "is not pinned"))


def _act(start: Start, act: EntryAct, entry_ids: Sequence[int], *, said: tuple[str, str]) -> None:
    """Do something with entries; say of each that it is done, or why it made no difference."""
    from tidings.app.app import opened, utc_now
    from tidings.operator.moderation import OperatorActions

    with opened(start.settings()) as app:
        changed = OperatorActions(app.database, clock=utc_now).on_entries(act, entry_ids)
    done, otherwise = said
    # Each once, in the order in which they were named.
    for entry_id in dict.fromkeys(entry_ids):
        click.echo(f"entry {entry_id} {done if entry_id in changed else otherwise}")
