"""`tidings explain`: why a source or an entry is as it is, and what a subscriber got."""

import click

from tidings.cli.output import ID, json_option, show_json
from tidings.cli.source import SOURCE
from tidings.cli.start import Start


@click.command("subscriber")
@click.argument("address")
@click.option("--entry", "entry_id", metavar="ENTRY", type=ID, help="Only of this entry.")
@click.option("--slot", metavar="LABEL", help="Only of this slot, with all that its window held.")
@json_option
@click.pass_obj
def explain_a_subscriber(
    start: Start, address: str, entry_id: int | None, slot: str | None, *, as_json: bool
) -> None:
    """Explain what a subscriber got and when, and why not the rest.

    Example: tidings explain subscriber ada@example.org --slot w:2026-W47
    """
    from tidings.app.app import opened
    from tidings.mail.addresses import parse_address
    from tidings.operator.explain import explain_address, explain_entry_to, explain_subscriber
    from tidings.subscribers.store import subscriptions

    if entry_id and slot:
        raise click.UsageError("say --entry or --slot, not both")
    key = parse_address(address).key
    with opened(start.settings()) as app, app.database.read() as connection:
        # First: who is suppressed or bounces gets nothing, whatever else there is to say.
        lines = explain_address(connection, key, app.links.suppression_hash(key))
        if entry_id:
            lines += explain_entry_to(connection, key, entry_id)
        # An address that is suppressed and no subscriber's is explained by that; one that nothing
        # is known of is an error.
        elif not lines or subscriptions.of_key(connection, key):
            lines += explain_subscriber(connection, key, slot=slot)
    if as_json:
        show_json(lines)
        return
    for line in lines:
        click.echo(line)


@click.group
def explain() -> None:
    """Explain why a source or an entry is as it is, and what a subscriber got.

    Example: tidings explain source 3
    """


explain.add_command(explain_a_subscriber)


@explain.command("source")
@click.argument("source_id", metavar="SOURCE", type=SOURCE)
@json_option
@click.pass_obj
def explain_a_source(start: Start, source_id: int, *, as_json: bool) -> None:
    """Explain a source: its state, when it is polled next and why, what was decided.

    Example: tidings explain source 3
    """
    from tidings.app.app import opened
    from tidings.operator.explain import explain_source

    with opened(start.settings()) as app, app.database.read() as connection:
        _show(explain_source(connection, source_id), as_json=as_json)


@explain.command("entry")
@click.argument("entry_id", metavar="ENTRY", type=ID)
@json_option
@click.pass_obj
def explain_an_entry(start: Start, entry_id: int, *, as_json: bool) -> None:
    """Explain an entry: how it is identified, who can see it, which issues have it.

    Example: tidings explain entry 17
    """
    from tidings.app.app import opened
    from tidings.operator.explain import explain_entry

    with opened(start.settings()) as app, app.database.read() as connection:
        _show(explain_entry(connection, entry_id), as_json=as_json)


def _show(lines: list[str], *, as_json: bool) -> None:
    if as_json:
        show_json(lines)
        return
    for line in lines:
        click.echo(line)
