"""`tidings explain`: why something is as it is."""

import click

from tidings.cli.explain_subscriber import explain_a_subscriber
from tidings.cli.output import ID, json_option, show_json
from tidings.cli.source_name import SOURCE
from tidings.cli.start import Start


@click.group
def explain() -> None:
    """Say why a source or an entry is as it is, and what a subscriber got.

    Example: tidings explain source 3
    """


explain.add_command(explain_a_subscriber)


@explain.command("source")
@click.argument("source_id", metavar="SOURCE", type=SOURCE)
@json_option
@click.pass_obj
def explain_a_source(start: Start, source_id: int, *, as_json: bool) -> None:
    """Say where a source stands, when it is polled next, and what was decided about it.

    Example: tidings explain source 3
    """
    from tidings.services.explaining import explain_source
    from tidings.wiring import opened

    with opened(start.settings()) as app, app.database.read() as connection:
        _show(explain_source(connection, source_id), as_json=as_json)


@explain.command("entry")
@click.argument("entry_id", metavar="ENTRY", type=ID)
@json_option
@click.pass_obj
def explain_an_entry(start: Start, entry_id: int, *, as_json: bool) -> None:
    """Say what an entry is known by, who may see it, and who was told of it.

    Example: tidings explain entry 17
    """
    from tidings.services.explaining import explain_entry
    from tidings.wiring import opened

    with opened(start.settings()) as app, app.database.read() as connection:
        _show(explain_entry(connection, entry_id), as_json=as_json)


def _show(lines: list[str], *, as_json: bool) -> None:
    if as_json:
        show_json(lines)
        return
    for line in lines:
        click.echo(line)
