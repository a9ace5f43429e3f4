"""`tidings subscriber list`: who is subscribed, and how."""

import json
from collections.abc import Iterable, Sequence

import click

from tidings.cli.output import json_option, limit_option, moment, rfc3339, show_json, show_table
from tidings.cli.start import Start
from tidings.domain.bounces import BounceHistory
from tidings.domain.newsletters import Subscription
from tidings.domain.readers import SignUp, Suppression

STATES = ("active", "paused", "ended", "unconfirmed", "bouncing")
HEADINGS = ("address", "newsletter", "frequency", "at", "language", "next issue")


@click.command("list")
@click.option("--newsletter", "slug", help="Only of this newsletter.")
@click.option("--state", type=click.Choice(STATES), help="Only in this state.")
@click.option("--topic", help="Only who gets this topic.")
@click.option("--like", metavar="TEXT", help="Only addresses with this in them.")
@limit_option
@json_option
@click.pass_obj
def list_subscribers(start: Start, /, *, limit: int, as_json: bool, **given: str | None) -> None:
    """List subscriptions, by address; those to be confirmed yet, by `--state unconfirmed`.

    Example: tidings subscriber list --newsletter weekly --state bouncing
    """
    from tidings.storage import newsletters, rosters, sign_ups, topics
    from tidings.storage.rosters import SubscriptionFilter
    from tidings.wiring import opened, utc_now

    slug, state, like = (given[name] for name in ("slug", "state", "like"))
    with opened(start.settings()) as app, app.database.read() as connection:
        topic = topics.slug_of(connection, given["topic"]) if given["topic"] else None
        series = newsletters.get(connection, slug) if slug else None
        if state == "unconfirmed":
            waiting = sign_ups.waiting(connection, series.id if series else None, now=utc_now())
            found = [one for one in waiting if _is_meant(one, topic, like)]
            _show_waiting(found[: limit or None], as_json=as_json)
            return
        wanted = SubscriptionFilter(newsletter=slug, state=state, topic=topic, like=like)
        show_subscriptions(
            rosters.select_subscriptions(connection, wanted, limit=limit), as_json=as_json
        )


def show_subscriptions(found: Iterable[Subscription], *, as_json: bool) -> None:
    """Print subscriptions one by one, however many there are."""
    if as_json:
        _stream(_contract(one) for one in found)
        return
    show_table(HEADINGS, (_row(one) for one in found))


def show_subscriber(
    found: Sequence[Subscription],
    standing: BounceHistory,
    suppression: Suppression | None,
    *,
    as_json: bool,
) -> None:
    """Print the subscriptions of one person, and whether letters reach them."""
    if as_json:
        reached = {
            "bounce_score": standing.score,
            "bouncing_since": rfc3339(standing.since),
            "bounced_at": rfc3339(standing.last_at),
            "suppressed": suppression.reason if suppression else None,
        }
        _stream(_contract(one) | reached for one in found)
        return
    show_subscriptions(found, as_json=False)
    if standing.score:
        first, last = moment(standing.since), moment(standing.last_at)
        click.echo(f"came back: {standing.score:g} since {first}, the last on {last}")
    if suppression:
        click.echo(f"suppressed: {suppression.reason} on {moment(suppression.since)}")


def _row(one: Subscription) -> Sequence[object]:
    if one.ended_at:
        following = "left"
    elif one.paused_at:
        following = "paused"
    else:
        following = moment(one.next_issue_at)
    at = f"{one.schedule.hour}:00 {one.schedule.timezone}"
    frequency = one.schedule.frequency
    return one.address, one.newsletter.slug, frequency, at, one.language, following


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
        "confirmed_at": rfc3339(one.confirmed_at),
        "paused_at": rfc3339(one.paused_at),
        "ended_at": rfc3339(one.ended_at),
        "ended_because": one.ended_because,
    }


def _stream(values: Iterable[dict[str, object]]) -> None:
    separator = "[\n"
    for value in values:
        click.echo(separator + json.dumps(value, ensure_ascii=False), nl=False)
        separator = ",\n"
    click.echo("[]" if separator == "[\n" else "\n]")


def _is_meant(one: SignUp, topic: str | None, like: str | None) -> bool:
    has_topic = not topic or not one.wish.topics or topic in one.wish.topics
    return has_topic and (like or "").casefold() in one.key


def _show_waiting(found: Sequence[SignUp], *, as_json: bool) -> None:
    if as_json:
        show_json(
            [
                {
                    "address": one.address,
                    "newsletter": one.newsletter.slug,
                    "asked_at": rfc3339(one.asked_at),
                    "asked_times": one.asked_times,
                    "expires_at": rfc3339(one.expires_at),
                }
                for one in found
            ]
        )
        return
    rows = [
        (one.address, one.newsletter.slug, moment(one.asked_at), moment(one.expires_at))
        for one in found
    ]
    show_table(("address", "newsletter", "asked", "forgotten"), rows)
