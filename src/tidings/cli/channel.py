"""`tidings channel`: chats and services that are told what is new."""

from threading import Event
from typing import TypedDict, Unpack
from uuid import uuid4

import click

from tidings.cli.output import json_option, moment, show_json, show_table
from tidings.cli.secrets import SecretText
from tidings.cli.start import Start
from tidings.model.channels import Channel
from tidings.model.contracts import rfc3339

# What somebody who reads a chat can bear.
PER_HOUR = 10

per_hour_range = click.IntRange(1, 1000)


class _ToldOptions(TypedDict):
    newsletter: str | None
    topic: str | None
    per_hour: int


@click.group
def channel() -> None:
    """Tell chats and services of issues and entries: add, test, change, pause and remove channels.

    Example: tidings channel add ops https://example.org/hook --newsletter daily
    """


@channel.command
@click.argument("name")
@click.argument("address", type=SecretText())
@click.option("--newsletter", metavar="SLUG", help="Tell of its issues.")
@click.option("--topic", metavar="SLUG", help="Tell of the entries of this topic.")
@click.option(
    "--per-hour",
    type=per_hour_range,
    default=PER_HOUR,
    show_default=True,
    help="Messages at most; further entries go together in one.",
)
@click.pass_obj
def add(start: Start, name: str, address: str, **told: Unpack[_ToldOptions]) -> None:
    """Add a channel: it is told of issues or entries that come from now on.

    ADDRESS is https://… for a webhook of our own kind, or one of Apprise's, such as
    mastodons://TOKEN@HOST; @FILE reads it from a file, @- from standard input. Without a newsletter
    and a topic every entry is told. The secret that webhooks are signed with is printed only this
    once, alone on standard output.

    Example: tidings channel add chat https://example.org/hook --topic science --per-hour 4
    """
    from tidings.app.app import opened, utc_now
    from tidings.channels import webhook
    from tidings.channels.store import channels
    from tidings.channels.store.channels import NewChannel
    from tidings.model.channels import is_webhook

    if told["newsletter"] and told["topic"]:
        raise click.UsageError("--newsletter and --topic: a channel has one of them")
    url = _usable(address)
    secret = webhook.new_secret() if is_webhook(url) else None
    new = NewChannel(name=name, url=url, secret=secret, **told)
    with opened(start.settings()) as app, app.database.write() as connection:
        added = channels.add(connection, new, now=utc_now())
    if secret:
        click.echo(secret)
    click.echo(f"added: {name}, {added.shown_url}, told of {added.subject}", err=True)


@channel.command("list")
@json_option
@click.pass_obj
def list_channels(start: Start, *, as_json: bool) -> None:
    """List all channels, and how they do; of addresses only what is no secret.

    Example: tidings channel list
    """
    from tidings.app.app import opened
    from tidings.channels.store import channels

    with opened(start.settings()) as app, app.database.read() as connection:
        found = channels.every(connection)
    if as_json:
        show_json([_contract(one) for one in found])
        return
    rows = [
        (
            one.name,
            one.shown_url,
            one.subject,
            one.state,
            one.waiting,
            moment(one.accepted_at),
            one.last_error,
        )
        for one in found
    ]
    headings = ("name", "address", "told of", "state", "waiting", "last success", "last error")
    show_table(headings, rows)


@channel.command
@click.argument("name")
@click.pass_obj
def test(start: Start, name: str) -> None:
    """Send a channel a message now, paused or not. Exits with status 1 if it does not take it.

    Example: tidings channel test ops
    """
    from tidings.app.app import opened, utc_now
    from tidings.app.channels import announcements, courier
    from tidings.app.polling import polling
    from tidings.channels.store import channels

    with opened(start.settings()) as app, polling(app) as gathering:
        with app.database.read() as connection:
            found = channels.get(connection, name)
        announcement = announcements(app).test(name, now=utc_now())
        result = courier(app, gathering.post).tell(
            announcement, url=found.url, secret=found.secret, key=str(uuid4()), stop=Event()
        )
    because = result.because if result else "stopped"
    if because:
        click.echo(f"tidings: {name} did not take it: {because}", err=True)
        raise click.exceptions.Exit(1)
    click.echo(f"taken: {name}")


@channel.command
@click.argument("name")
@click.option("--address", type=SecretText(), help="Its new address, or @FILE.")
@click.option("--per-hour", type=per_hour_range, help="Messages at most.")
@click.pass_obj
def edit(start: Start, name: str, address: str | None, per_hour: int | None) -> None:
    """Change a channel; what it was told stays as it is.

    Example: tidings channel edit chat --per-hour 2
    """
    from tidings.app.app import opened
    from tidings.channels.store import channels
    from tidings.model.channels import is_webhook

    url = _usable(address) if address else None
    with opened(start.settings()) as app, app.database.write() as connection:
        old = channels.get(connection, name)
        if url and is_webhook(url) is not is_webhook(old.url):
            raise click.UsageError("a webhook stays one: add another channel")
        channels.edit(connection, name, url=url, per_hour=per_hour)
        new = channels.get(connection, name)
    click.echo(f"changed: {name}, {new.shown_url}, {new.per_hour} an hour")


@channel.command
@click.argument("name")
@click.argument("given", metavar="[SECRET]", type=SecretText(), required=False)
@click.pass_obj
def secret(start: Start, name: str, given: str | None) -> None:
    """Sign a webhook with a new secret from now on, and print it, only this once.

    With SECRET, or @FILE, that one is taken.

    Example: tidings channel secret ops
    """
    from tidings.app.app import opened
    from tidings.channels import webhook
    from tidings.channels.store import channels
    from tidings.model.channels import is_webhook

    new = webhook.checked_secret(given) if given else webhook.new_secret()
    with opened(start.settings()) as app, app.database.write() as connection:
        if not is_webhook(channels.get(connection, name).url):
            raise click.UsageError(f"{name} is no webhook: there is nothing to sign")
        channels.edit(connection, name, secret=new)
    if not given:
        click.echo(new)
    click.echo(f"signed with another secret from now on: {name}", err=True)


@channel.command
@click.argument("name")
@click.pass_obj
def pause(start: Start, name: str) -> None:
    """Send a channel nothing until it is resumed.

    Example: tidings channel pause chat
    """
    from tidings.app.app import opened, utc_now
    from tidings.channels.store import channels

    with opened(start.settings()) as app, app.database.write() as connection:
        channels.pause(connection, name, now=utc_now())
    click.echo(f"paused: {name}")


@channel.command
@click.argument("name")
@click.pass_obj
def resume(start: Start, name: str) -> None:
    """Tell a channel again, also of what it has missed.

    Example: tidings channel resume chat
    """
    from tidings.app.app import opened
    from tidings.channels.store import channels

    with opened(start.settings()) as app, app.database.write() as connection:
        channels.resume(connection, name)
    click.echo(f"resumed: {name}")


@channel.command
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(start: Start, name: str, *, yes: bool) -> None:
    """Remove a channel, with what waits for it.

    Example: tidings channel remove chat --yes
    """
    from tidings.app.app import opened
    from tidings.channels.store import channels

    with opened(start.settings()) as app:
        with app.database.read() as connection:
            found = channels.get(connection, name)
        if not yes:
            # Outside of a transaction: somebody may take minutes to answer.
            click.confirm(f"Remove {name}, told of {found.subject}?", abort=True)
        with app.database.write() as connection:
            channels.remove(connection, name)
    click.echo(f"removed: {name}")


def _usable(address: str) -> str:
    """Return an address that something can be sent to, as far as that shows without doing it.

    Raises:
        InvalidError: It is none.
        ConfigError: It needs Apprise, which is not installed.
    """
    from tidings.channels.services import check_address
    from tidings.errors import InvalidError
    from tidings.model.channels import checked_address, is_webhook, shown_address

    url = checked_address(address)
    if not is_webhook(url) and (because := check_address(url)):
        raise InvalidError("address", shown_address(url), because)
    return url


def _contract(one: Channel) -> dict[str, object]:
    return {
        "name": one.name,
        "address": one.shown_url,
        "newsletter": one.newsletter,
        "topic": one.topic,
        "per_hour": one.per_hour,
        "state": one.state,
        "waiting": one.waiting,
        "failures": one.failures,
        "last_error": one.last_error,
        "accepted_at": rfc3339(one.accepted_at),
        "paused_at": rfc3339(one.paused_at),
        "added_at": rfc3339(one.added_at),
    }
