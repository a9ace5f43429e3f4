"""`tidings subscriber`: who gets letters."""

from typing import Any

import click

from tidings.cli.output import json_option
from tidings.cli.schedules import preference_options, schedule_of
from tidings.cli.start import Start
from tidings.cli.subscriber_files import export, import_subscribers
from tidings.cli.subscriber_list import list_subscribers, show_subscriber


@click.group
def subscriber() -> None:
    """Add, change and remove subscribers.

    Example: tidings subscriber add ada@example.org --newsletter weekly
    """


for _command in (list_subscribers, import_subscribers, export):
    subscriber.add_command(_command)


@subscriber.command
@click.argument("address")
@click.option("--newsletter", "slug", required=True, help="What to subscribe to.")
@preference_options
@click.pass_obj
def add(start: Start, /, address: str, slug: str, **given: Any) -> None:
    """Subscribe somebody, confirmed by your word, to what comes from now on.

    What is not named is as the newsletter has it.

    Example: tidings subscriber add ada@example.org --newsletter weekly --timezone Asia/Shanghai
    """
    from tidings.delivery.addresses import parse_address
    from tidings.domain.readers import Preferences
    from tidings.services import changes
    from tidings.services.changes import Actor
    from tidings.services.readers import refuse_suppressed
    from tidings.storage import newsletters
    from tidings.wiring import opened, utc_now

    known = parse_address(address)
    with opened(start.settings()) as app:
        act = Actor(now=utc_now(), by="operator")
        with app.database.write() as connection:
            series = newsletters.get(connection, slug)
            wish = Preferences(
                schedule=schedule_of(given, series.schedule),
                language=given["language"] or series.language,
                topics=given["topics"],
            )
            refuse_suppressed(connection, app.links, known)
            changes.add(connection, slug, known, wish=wish, act=act)
    click.echo(f"subscribed to {series.title}: {known.address}")


@subscriber.command
@click.argument("address")
@json_option
@click.pass_obj
def show(start: Start, address: str, *, as_json: bool) -> None:
    """Show what somebody subscribes to, and whether letters reach them.

    Example: tidings subscriber show ada@example.org
    """
    from tidings.delivery.addresses import parse_address
    from tidings.storage import subscribers, subscriptions, suppressions
    from tidings.wiring import opened

    key = parse_address(address).key
    with opened(start.settings()) as app, app.database.read() as connection:
        found = subscriptions.of_subscriber(connection, key)
        standing = subscribers.standing(connection, key)
        suppression = suppressions.find(connection, app.links.suppression_hash(key))
    show_subscriber(found, standing, suppression, as_json=as_json)


@subscriber.command
@click.argument("address")
@click.option("--newsletter", "slug", required=True, help="Which of their subscriptions.")
@preference_options
@click.option("--no-topics", is_flag=True, help="Everything of the newsletter from now on.")
@click.pass_obj
def edit(start: Start, /, address: str, slug: str, **given: Any) -> None:
    """Change a subscription; what is not named stays, and nothing is missed or doubled.

    Example: tidings subscriber edit ada@example.org --newsletter weekly --frequency daily
    """
    from tidings.delivery.addresses import parse_address
    from tidings.domain.readers import Preferences
    from tidings.services import changes
    from tidings.services.changes import Actor
    from tidings.storage import subscriptions
    from tidings.wiring import opened, utc_now

    with opened(start.settings()) as app, app.database.write() as connection:
        old = subscriptions.get_of(connection, parse_address(address).key, slug)
        kept = () if given["no_topics"] else old.topics
        wish = Preferences(
            schedule=schedule_of(given, old.schedule),
            language=given["language"] or old.language,
            topics=given["topics"] or kept,
        )
        changes.edit(connection, old, wish, act=Actor(now=utc_now(), by="operator"))
        new = subscriptions.get_of(connection, parse_address(address).key, slug)
    click.echo(f"{'is like that already' if new == old else 'changed'}: {address}, {slug}")


@subscriber.command
@click.argument("address")
@click.option("--newsletter", "slug", help="End this subscription only; the person stays known.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(start: Start, address: str, slug: str | None, *, yes: bool) -> None:
    """Forget a person with all that belongs to them, or end one of their subscriptions.

    Of who is forgotten a keyed hash of the address stays, so that no import brings them back;
    they can still sign up themselves.

    Example: tidings subscriber remove ada@example.org --newsletter weekly
    """
    from tidings.delivery.addresses import parse_address
    from tidings.domain.newsletters import Ending
    from tidings.services import changes
    from tidings.services.changes import Actor
    from tidings.services.erasure import erase
    from tidings.storage import subscribers, subscriptions
    from tidings.wiring import opened, utc_now

    key = parse_address(address).key
    with opened(start.settings()) as app:
        with app.database.read() as connection:
            subscribers.get_of(connection, key)
        if not slug and not yes:
            click.confirm(f"Delete {address} and all that was sent there?", abort=True)
        with app.database.write() as connection:
            if slug:
                one = subscriptions.get_of(connection, key, slug)
                act = Actor(now=utc_now(), by="operator")
                changes.end(connection, one, Ending.OPERATOR, act=act)
            else:
                person = subscribers.get_of(connection, key)
                erase(connection, app.links, person, now=utc_now())
    click.echo(f"ended: {address}, {slug}" if slug else f"forgotten: {address}")
