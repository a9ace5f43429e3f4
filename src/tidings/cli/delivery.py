"""`tidings delivery`: the messages of issues, and their states."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from tidings.cli.output import ID, json_option, limit_option, moment, show_json, show_table
from tidings.cli.start import Start
from tidings.model.contracts import rfc3339
from tidings.model.newsletters import DeliveryState
from tidings.newsletters.retries import DeliveryRecord, Search

STATES = tuple(one.value for one in DeliveryState)  # as members, their names would be asked for
HELD = "held by the operator; `tidings delivery resend` sends it"


@click.group
def delivery() -> None:
    """List deliveries, send them again, cancel or hold them.

    Example: tidings delivery list --state uncertain
    """


@delivery.command("list")
@click.option("--state", type=click.Choice(STATES), help="In this state only.")
@click.option("--newsletter", metavar="SLUG", help="Of this newsletter only.")
@click.option("--issue", metavar="ISSUE", type=ID, help="Of this issue only.")
@click.option("--address", help="To this subscriber only.")
@limit_option
@json_option
@click.pass_obj
def list_deliveries(start: Start, /, limit: int, *, as_json: bool, **given: Any) -> None:
    """List deliveries, newest first.

    Example: tidings delivery list --state rejected --json
    """
    from tidings.app.app import opened
    from tidings.mail.addresses import parse_address
    from tidings.newsletters.store import deliveries

    search = Search(
        state=DeliveryState(given["state"]) if given["state"] else None,
        newsletter=given["newsletter"],
        issue=given["issue"],
        key=parse_address(given["address"]).key if given["address"] else None,
    )
    with opened(start.settings()) as app, app.database.read() as connection:
        found = deliveries.latest(connection, search, limit=limit or None)
    if as_json:
        show_json([contract(one) for one in found])
        return
    rows = [
        (one.id, one.subscriber, one.newsletter, one.slot, one.state, one.attempts, one.reply)
        for one in found
    ]
    show_table(("id", "subscriber", "newsletter", "slot", "state", "attempts", "reply"), rows)


@delivery.command
@click.argument("delivery_id", metavar="DELIVERY", type=ID)
@json_option
@click.pass_obj
def show(start: Start, delivery_id: int, *, as_json: bool) -> None:
    """Show a delivery with all details.

    Example: tidings delivery show 12
    """
    from tidings.app.app import opened
    from tidings.newsletters.store import deliveries

    with opened(start.settings()) as app, app.database.read() as connection:
        found = deliveries.get(connection, delivery_id)
    if as_json:
        show_json(contract(found))
        return
    for name, value in asdict(found).items():
        text = moment(value) if isinstance(value, datetime) else value
        click.echo(f"{name.replace('_', ' ')}: {'-' if text is None else text}")


@delivery.command
@click.argument("delivery_ids", metavar="[DELIVERY]...", type=ID, nargs=-1)
@click.option("--issue", metavar="ISSUE", type=ID, help="All held letters of this issue.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def resend(start: Start, delivery_ids: Sequence[int], issue: int | None, *, yes: bool) -> None:
    """Send letters again that are doubtful, held, rejected or expired.

    They go out with the next round, as they were, by the same Message-ID. One that may have
    arrived is sent once, and may be there twice then.

    Example: tidings delivery resend 12 13
    """
    from tidings.app.app import opened, utc_now
    from tidings.newsletters.store import deliveries

    if bool(delivery_ids) == (issue is not None):
        raise click.UsageError("name deliveries, or an issue by --issue")
    with opened(start.settings()) as app:
        with app.database.read() as connection:
            found = [deliveries.get(connection, one) for one in delivery_ids]
            if issue is not None:
                held = Search(state=DeliveryState.HELD, issue=issue)
                # Those that are held alone: others of the issue go out by themselves, or may have
                # arrived.
                found = deliveries.latest(connection, held, limit=None)
        # Outside of a transaction: somebody may take minutes to answer.
        _ask(_question(found), yes=yes)
        with app.database.write() as connection:
            deliveries.resend(connection, [one.id for one in found], now=utc_now())
    click.echo(f"{len(found)} to be sent")


@delivery.command
@click.argument("delivery_ids", metavar="DELIVERY...", type=ID, nargs=-1, required=True)
@click.pass_obj
def cancel(start: Start, delivery_ids: Sequence[int]) -> None:
    """Cancel letters that are not sent yet; their entries are in no later issue.

    Example: tidings delivery cancel 12 13
    """
    from tidings.app.app import opened, utc_now
    from tidings.newsletters.store import deliveries

    with opened(start.settings()) as app, app.database.write() as connection:
        deliveries.cancel(connection, delivery_ids, now=utc_now())
    click.echo(f"{len(delivery_ids)} cancelled")


@delivery.command
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def hold(start: Start, *, yes: bool) -> None:
    """Hold all planned letters until you resend them.

    For a PostgreSQL database that was restored: what it takes for unsent may have been sent.

    Example: tidings delivery hold --yes
    """
    from tidings.app.app import opened, utc_now
    from tidings.newsletters.store import deliveries

    with opened(start.settings()) as app:
        _ask("Hold every letter that is planned?", yes=yes)
        with app.database.write() as connection:
            held = deliveries.hold_unfinished(connection, because=HELD, now=utc_now())
    click.echo(f"{held} held")


def contract(one: DeliveryRecord) -> dict[str, object]:
    """Return a delivery in the shape that programs rely on."""
    return {
        name: rfc3339(value) if isinstance(value, datetime) else value
        for name, value in asdict(one).items()
    }


def _question(found: Sequence[DeliveryRecord]) -> str:
    doubtful = sum(one.may_have_arrived for one in found)
    warning = f", {doubtful} of which may have arrived" if doubtful else ""
    return f"Send {len(found)} letters{warning}?"


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    # Nobody to ask, in cron say.
    if not sys.stdin.isatty():
        raise click.UsageError("this changes what is sent: confirm with --yes")
    click.confirm(question, abort=True)
