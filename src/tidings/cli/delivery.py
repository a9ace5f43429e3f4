"""`tidings delivery`: what was sent to whom, and what came of it."""

from dataclasses import asdict

import click

from tidings.cli.output import json_option, limit_option, show_json, show_table
from tidings.cli.start import Start
from tidings.domain.newsletters import DeliveryState

STATES = tuple(one.value for one in DeliveryState)  # as members, their names would be asked for


@click.group
def delivery() -> None:
    """List deliveries.

    Example: tidings delivery list --state uncertain
    """


@delivery.command("list")
@click.option("--state", type=click.Choice(STATES), help="In this state only.")
@limit_option
@json_option
@click.pass_obj
def list_deliveries(start: Start, state: str | None, limit: int, *, as_json: bool) -> None:
    """List deliveries, newest first.

    Example: tidings delivery list --state rejected --json
    """
    from tidings.storage import deliveries
    from tidings.wiring import opened

    wanted = DeliveryState(state) if state else None
    with opened(start.settings()) as app, app.database.read() as connection:
        found = deliveries.latest(connection, state=wanted, limit=limit or None)
    if as_json:
        show_json([asdict(one) for one in found])
        return
    rows = [
        (one.id, one.subscriber, one.newsletter, one.slot, one.state, one.attempts, one.reply)
        for one in found
    ]
    show_table(("id", "subscriber", "newsletter", "slot", "state", "attempts", "reply"), rows)
