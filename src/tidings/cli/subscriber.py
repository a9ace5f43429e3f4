"""`tidings subscriber`: who gets letters."""

from typing import Any

import click

from tidings.cli.output import json_option, moment, rfc3339, show_json, show_table
from tidings.cli.schedules import schedule_of, wish_options
from tidings.cli.start import Start
from tidings.domain.newsletters import Subscription


@click.group
def subscriber() -> None:
    """Add, change and remove subscribers.

    Example: tidings subscriber add ada@example.org --newsletter weekly
    """


@subscriber.command
@click.argument("address")
@click.option("--newsletter", "slug", required=True, help="What to subscribe to.")
@wish_options
@click.pass_obj
def add(start: Start, /, address: str, slug: str, **given: Any) -> None:
    """Subscribe somebody, confirmed by your word, to what comes from now on.

    What is not named is as the newsletter has it.

    Example: tidings subscriber add ada@example.org --newsletter weekly --timezone Asia/Shanghai
    """
    from tidings.delivery.addresses import mailbox
    from tidings.storage import newsletters, subscriptions
    from tidings.storage.subscriptions import Wish
    from tidings.wiring import opened, utc_now

    known = mailbox(address)
    with opened(start.settings()) as app, app.database.write() as connection:
        series = newsletters.get(connection, slug)
        wish = Wish(
            schedule=schedule_of(given, series.schedule),
            language=given["language"] or series.language,
            topics=given["topics"],
        )
        now = utc_now()
        subscriptions.add(connection, slug, (known.address, known.key), wish, now)


@subscriber.command("list")
@json_option
@click.pass_obj
def list_subscribers(start: Start, *, as_json: bool) -> None:
    """List all subscriptions, by address.

    Example: tidings subscriber list
    """
    from tidings.storage import subscriptions
    from tidings.wiring import opened

    with opened(start.settings()) as app, app.database.read() as connection:
        found = subscriptions.every(connection)
    _show(found, as_json=as_json)


@subscriber.command
@click.argument("address")
@json_option
@click.pass_obj
def show(start: Start, address: str, *, as_json: bool) -> None:
    """Show what somebody subscribes to.

    Example: tidings subscriber show ada@example.org
    """
    from tidings.delivery.addresses import mailbox
    from tidings.storage import subscriptions
    from tidings.wiring import opened

    with opened(start.settings()) as app, app.database.read() as connection:
        found = subscriptions.of_subscriber(connection, mailbox(address).key)
    _show(found, as_json=as_json)


@subscriber.command
@click.argument("address")
@click.option("--newsletter", "slug", required=True, help="Which of their subscriptions.")
@wish_options
@click.option("--no-topics", is_flag=True, help="Everything of the newsletter from now on.")
@click.pass_obj
def edit(start: Start, /, address: str, slug: str, **given: Any) -> None:
    """Change a subscription; what is not named stays, and nothing is missed or doubled.

    Example: tidings subscriber edit ada@example.org --newsletter weekly --frequency daily
    """
    from tidings.delivery.addresses import mailbox
    from tidings.storage import subscriptions
    from tidings.storage.subscriptions import Wish
    from tidings.wiring import opened, utc_now

    with opened(start.settings()) as app, app.database.write() as connection:
        old = subscriptions.get_of(connection, mailbox(address).key, slug)
        kept = () if given["no_topics"] else old.topics
        wish = Wish(
            schedule=schedule_of(given, old.schedule),
            language=given["language"] or old.language,
            topics=given["topics"] or kept,
        )
        subscriptions.edit(connection, old.id, wish, now=utc_now())


@subscriber.command
@click.argument("address")
@click.option("--newsletter", "slug", help="End this subscription only; the person stays known.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(start: Start, address: str, slug: str | None, *, yes: bool) -> None:
    """Delete a subscriber with all subscriptions and deliveries, or end one subscription.

    Example: tidings subscriber remove ada@example.org --newsletter weekly
    """
    from tidings.delivery.addresses import mailbox
    from tidings.storage import subscriptions
    from tidings.wiring import opened, utc_now

    key = mailbox(address).key
    with opened(start.settings()) as app:
        with app.database.read() as connection:
            subscriptions.of_subscriber(connection, key)
        if not slug and not yes:
            click.confirm(f"Delete {address} and all that was sent there?", abort=True)
        with app.database.write() as connection:
            if slug:
                one = subscriptions.get_of(connection, key, slug)
                subscriptions.end(connection, one.id, now=utc_now())
            else:
                subscriptions.remove(connection, key)


def _show(found: list[Subscription], *, as_json: bool) -> None:
    if as_json:
        show_json([_contract(one) for one in found])
        return
    rows = [
        (
            one.address,
            one.newsletter.slug,
            one.schedule.frequency,
            f"{one.schedule.hour}:00 {one.schedule.timezone}",
            one.language,
            "left" if one.ended_at else moment(one.next_issue_at),
        )
        for one in found
    ]
    show_table(("address", "newsletter", "frequency", "at", "language", "next issue"), rows)


def _contract(one: Subscription) -> dict[str, object]:
    return {
        "id": one.id,
        "address": one.address,
        "newsletter": one.newsletter.slug,
        "frequency": one.schedule.frequency,
        "hour": one.schedule.hour,
        "timezone": one.schedule.timezone,
        "language": one.language,
        "topics": one.topics,
        "watermark": one.watermark,
        "next_issue_at": rfc3339(one.next_issue_at),
        "ended_at": rfc3339(one.ended_at),
    }
