"""`tidings explain subscriber`: what somebody got, and why not the rest."""

import click

from tidings.cli.output import ID, json_option, show_json
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
    """Say what somebody got, when, what became of it, and why not the rest.

    Example: tidings explain subscriber ada@example.org --slot w:2026-W47
    """
    from tidings.delivery.addresses import parse_address
    from tidings.services.explaining import explain_address, explain_entry_to, explain_subscriber
    from tidings.storage import subscriptions
    from tidings.wiring import opened

    if entry_id and slot:
        raise click.UsageError("say --entry or --slot, not both")
    key = parse_address(address).key
    with opened(start.settings()) as app, app.database.read() as connection:
        lines = explain_address(connection, key, app.links.suppression_hash(key))
        if entry_id:
            lines += explain_entry_to(connection, key, entry_id)
        elif not lines or subscriptions.of_key(connection, key):
            lines += explain_subscriber(connection, key, slot=slot)
    if as_json:
        show_json(lines)
        return
    for line in lines:
        click.echo(line)
