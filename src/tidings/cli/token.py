"""`tidings token`: tokens that operators sign in with."""

from datetime import timedelta

import click

from tidings.cli.output import ID, json_option, limit_option, moment, show_json, show_table
from tidings.cli.start import Start
from tidings.model.contracts import rfc3339
from tidings.model.operators import Role


@click.group(invoke_without_command=True)
@click.pass_context
def token(context: click.Context) -> None:
    """Let an operator sign in to the pages; by itself, makes a token for 30 days.

    Example: tidings token
    """
    if context.invoked_subcommand is None:
        context.invoke(create, label="", role=Role.ALL, days=30)


@token.command
@click.option("--label", default="", metavar="NAME", help="To tell it from others.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.ALL.value,
    show_default=True,
    help="What one may do who signs in with it.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=30,
    show_default=True,
    help="How long one can sign in with it, and stay so.",
)
@click.pass_obj
def create(start: Start, label: str, role: str, days: int) -> None:
    """Make a token, and print it, only this once: its hash alone is stored.

    The token alone is on standard output, how to use it on standard error.

    Example: tidings token create --label laptop --days 7
    """
    from tidings.app.app import opened, utc_now
    from tidings.operator.sessions import issue

    settings = start.settings()
    with opened(settings) as app:
        lifetime = timedelta(days=days)
        issued = issue(app.database, label=label, role=Role(role), lifetime=lifetime, now=utc_now())
    click.echo(issued.text)
    until = moment(issued.token.expires_at)
    # Not on standard output, which a script may read the token from.
    click.echo(f"sign in with it at {settings.web.public_url}/operator until {until} UTC", err=True)
    click.echo(f"to end it before: tidings token revoke {issued.token.id}", err=True)


@token.command("list")
@json_option
@click.pass_obj
def list_tokens(start: Start, *, as_json: bool) -> None:
    """List all tokens, the newest first; their texts are not stored.

    Example: tidings token list
    """
    from tidings.app.app import opened, utc_now
    from tidings.operator.store import sessions

    with opened(start.settings()) as app, app.database.read() as connection:
        found = sessions.every(connection)
    now = utc_now()
    if as_json:
        show_json(
            [
                {
                    "id": one.id,
                    "label": one.label,
                    "role": one.role,
                    "state": one.state(now=now),
                    "created_at": rfc3339(one.created_at),
                    "expires_at": rfc3339(one.expires_at),
                    "last_used_at": rfc3339(one.last_used_at),
                    "revoked_at": rfc3339(one.revoked_at),
                }
                for one in found
            ]
        )
        return
    rows = [
        (
            one.id,
            one.label,
            one.state(now=now),
            moment(one.expires_at),
            moment(one.last_used_at),
            one.role,
        )
        for one in found
    ]
    show_table(("id", "label", "state", "expires", "last used", "role"), rows)


@token.command
@limit_option
@json_option
@click.pass_obj
def audit(start: Start, limit: int, *, as_json: bool) -> None:
    """List what operators did on the pages, the latest first.

    Example: tidings token audit --limit 100
    """
    from tidings.app.app import opened
    from tidings.operator.store import sessions

    with opened(start.settings()) as app, app.database.read() as connection:
        found = sessions.latest_acts(connection, limit=limit or None)
    if as_json:
        show_json(
            [
                {"at": rfc3339(one.at), "who": one.who, "act": one.act, "what": one.what}
                for one in found
            ]
        )
        return
    rows = [(moment(one.at), one.who, one.act, one.what) for one in found]
    show_table(("at", "who", "act", "what"), rows)


@token.command
@click.argument("token_id", metavar="TOKEN", type=ID)
@click.pass_obj
def revoke(start: Start, token_id: int) -> None:
    """Revoke a token: whoever is signed in with it is signed out.

    TOKEN is the number that `tidings token list` shows.

    Example: tidings token revoke 3
    """
    from tidings.app.app import opened, utc_now
    from tidings.operator.store import sessions

    with opened(start.settings()) as app, app.database.write() as connection:
        was_good = sessions.revoke(connection, token_id, now=utc_now())
    click.echo(f"token {token_id} {'revoked' if was_good else 'is not valid any more'}")
