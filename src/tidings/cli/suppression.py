"""`tidings suppression`: addresses that nothing is sent to."""

import click

from tidings.cli.output import json_option, moment, show_json, show_table
from tidings.cli.start import Start
from tidings.model.contracts import rfc3339


@click.group
def suppression() -> None:
    """List and change the addresses that nothing is sent to.

    They are kept as keyed hashes: whether an address is among them can be asked, who they are
    cannot.

    Example: tidings suppression add ada@example.org
    """


@suppression.command("list")
@click.option("--address", help="Only this address, if it is there.")
@json_option
@click.pass_obj
def list_suppressions(start: Start, address: str | None, *, as_json: bool) -> None:
    """List suppressed addresses, since when and why, the latest first.

    Example: tidings suppression list --address ada@example.org
    """
    from tidings.app.app import opened
    from tidings.mail.addresses import parse_address
    from tidings.subscribers.store import suppressions

    with opened(start.settings()) as app, app.database.read() as connection:
        if address is None:
            found = suppressions.every(connection)
        else:
            one = suppressions.find(
                connection, app.links.suppression_hash(parse_address(address).key)
            )
            found = [one] if one else []
    if as_json:
        show_json(
            [
                {
                    "hash": one.key.hex(),
                    "reason": one.reason,
                    "since": rfc3339(one.since),
                    "evidence": one.evidence,
                }
                for one in found
            ]
        )
        return
    # Enough to tell them apart by eye; JSON has all of it.
    rows = [(one.key.hex()[:12], one.reason, moment(one.since), one.evidence) for one in found]
    show_table(("hash", "reason", "since", "evidence"), rows)


@suppression.command
@click.argument("address")
@click.option("--evidence", metavar="TEXT", help="What shows that it is right.")
@click.pass_obj
def add(start: Start, address: str, evidence: str | None) -> None:
    """Suppress an address: nothing is sent to it, and its subscriptions end.

    Example: tidings suppression add ada@example.org --evidence "letter of 3 May"
    """
    from tidings.app.app import opened, utc_now
    from tidings.mail.addresses import parse_address
    from tidings.model.subscribers import SuppressionReason
    from tidings.subscribers import subscription_changes
    from tidings.subscribers.store import suppressions
    from tidings.subscribers.subscription_changes import Actor

    key = parse_address(address).key
    with opened(start.settings()) as app:
        actor = Actor(now=utc_now(), by="operator")
        # The hash is what is kept; the key finds the subscriptions that end now.
        both = key, app.links.suppression_hash(key)
        with app.database.write() as connection:
            reason = SuppressionReason.OPERATOR
            is_known = suppressions.find(connection, both[1]) is not None
            subscription_changes.suppress(connection, both, reason, evidence=evidence, actor=actor)
    click.echo(f"{'is suppressed already' if is_known else 'suppressed'}: {address}")


@suppression.command
@click.argument("address")
@click.pass_obj
def remove(start: Start, address: str) -> None:
    """Lift a suppression: the address can be subscribed again.

    Example: tidings suppression remove ada@example.org
    """
    from tidings.app.app import opened
    from tidings.errors import NotFoundError
    from tidings.mail.addresses import parse_address
    from tidings.subscribers.store import suppressions

    key = parse_address(address).key
    with opened(start.settings()) as app:
        hashed = app.links.suppression_hash(key)
        with app.database.write() as connection:
            if not suppressions.remove(connection, hashed):
                raise NotFoundError("suppression", f"of {address}")
    click.echo(f"can be subscribed again: {address}")
