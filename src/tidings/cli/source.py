"""`tidings source`: the sources that are followed."""

import click

from tidings.cli.output import (
    json_option,
    moment,
    rfc3339,
    show_json,
    show_table,
    source_json,
    until,
)
from tidings.cli.source_access import access
from tidings.cli.source_add import add, discover, export, import_list
from tidings.cli.source_edit import edit
from tidings.cli.source_name import SOURCE
from tidings.cli.start import Start
from tidings.domain.sources import LOGIN_WANTED, Decision, Source, SourceState, login_advice


@click.group
def source() -> None:
    """Add, change and remove sources.

    Example: tidings source add https://example.org/feed.xml --topic databases
    """


for _command in (access, add, discover, edit, import_list, export):
    source.add_command(_command)


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
            _health(one),
            one.entries,
            moment(one.next_poll_at),
            one.shown_url,
        )
        for one in found
    ]
    show_table(("id", "title", "state", "entries", "next poll", "url"), rows)


@source.command
@click.argument("source_id", metavar="SOURCE", type=SOURCE)
@json_option
@click.pass_obj
def show(start: Start, source_id: int, *, as_json: bool) -> None:
    """Show one source: where it stands, when it is polled next and why, what was decided.

    Example: tidings source show 3
    """
    from tidings.storage import sources, websub
    from tidings.storage import sources as stored
    from tidings.wiring import opened, utc_now

    with opened(start.settings()) as app, app.database.read() as connection:
        found = sources.get(connection, source_id)
        own = stored.access_of(connection, [source_id]).get(source_id)
        hub = websub.of_sources(connection, [source_id]).get(source_id)
    beside = {"access": own.summary if own else None, "hub": hub.summary if hub else None}
    shown = source_json(found) | _details(found) | beside
    if as_json:
        show_json(shown | {"history": [_decision(one) for one in found.history]})
        return
    for name, value in shown.items():
        text = ", ".join(value) if isinstance(value, list | tuple) else value
        click.echo(f"{name.replace('_', ' ')}: {'-' if text in (None, '') else text}")
    if found.failing_with == LOGIN_WANTED:
        click.echo(login_advice(found.slug))
    if found.state is SourceState.ACTIVE:
        when = f"{moment(found.next_poll_at)} UTC, {until(found.next_poll_at, now=utc_now())}"
        click.echo(f"next poll: {when} ({found.next_poll_because or 'at once: it is new here'})")
    for decision in found.history:
        click.echo(f"{moment(decision.at)}: {decision.text}")


@source.command
@click.argument("source_id", metavar="SOURCE", type=SOURCE)
@click.pass_obj
def pause(start: Start, source_id: int) -> None:
    """Stop polling a source; its entries stay.

    Example: tidings source pause 3
    """
    _set_state(start, source_id, SourceState.PAUSED, said="paused")


@source.command
@click.argument("source_id", metavar="SOURCE", type=SOURCE)
@click.pass_obj
def resume(start: Start, source_id: int) -> None:
    """Poll a paused or retired source again, at once.

    Example: tidings source resume 3
    """
    _set_state(start, source_id, SourceState.ACTIVE, said="resumed")


@source.command
@click.argument("source_id", metavar="SOURCE", type=SOURCE)
@click.pass_obj
def unmove(start: Start, source_id: int) -> None:
    """Take a source back to the address it had before it moved, to stay there.

    Example: tidings source unmove 3
    """
    from tidings.storage import sources
    from tidings.wiring import opened, utc_now

    with opened(start.settings()) as app, app.database.write() as connection:
        click.echo(sources.revert_redirect(connection, source_id, now=utc_now()))


@source.command
@click.argument("source_id", metavar="SOURCE", type=SOURCE)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(start: Start, source_id: int, *, yes: bool) -> None:
    """Remove a source with all its entries.

    Example: tidings source remove 3 --yes
    """
    from tidings.services.subscribe import remove_source
    from tidings.storage import sources
    from tidings.wiring import opened, utc_now

    with opened(start.settings()) as app:
        with app.database.read() as connection:
            found = sources.get(connection, source_id)
        if not yes:
            click.confirm(f"Remove {found.title} and its {found.entries} entries?", abort=True)
        with app.database.write() as connection:
            remove_source(connection, source_id, now=utc_now())
    click.echo(f"removed, with {found.entries} entries: {found.title}")


def _health(shown: Source) -> str:
    if shown.is_dead:
        return f"{shown.state}, dead"
    return f"{shown.state}, failing ({shown.failures})" if shown.failures else shown.state


def _details(shown: Source) -> dict[str, object]:
    interval = shown.given_interval
    return {
        "problems": shown.problems,
        "interval": f"{interval.total_seconds():g}s" if interval else None,
        "former_url": shown.former_url,
        "republish": shown.republish,
        "noindex": shown.noindex,
    }


def _decision(decision: Decision) -> dict[str, object]:
    return {"at": rfc3339(decision.at), "text": decision.text}


def _set_state(start: Start, source_id: int, state: SourceState, *, said: str) -> None:
    from tidings.services.desk import OperatorActions
    from tidings.storage import sources
    from tidings.wiring import opened, utc_now

    with opened(start.settings()) as app:
        with app.database.read() as connection:
            before = sources.get(connection, source_id)
        # One that is resumed again is due again, as it always was.
        OperatorActions(app.database, clock=utc_now).set_state(source_id, state)
    click.echo(f"{said if before.state is not state else f'is {state} already'}: {before.title}")
