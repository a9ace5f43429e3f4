"""`tidings simulate`: future or past slots, and what their issues would have."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from tidings.cli.newsletter import preference_options, schedule_of
from tidings.cli.output import json_option, moment, show_json, show_table
from tidings.cli.start import Start
from tidings.errors import InvalidError
from tidings.model.contracts import rfc3339
from tidings.model.newsletters import Frequency, Schedule
from tidings.newsletters.windows import SimulatedSlot

DAY = timedelta(days=1)
SPAN = timedelta(days=14)
# Every slot is worked out: of a daily newsletter that is 3,660.
LONGEST = timedelta(days=3660)


@click.command
@click.argument("address", required=False)
@click.option("--newsletter", "slug", metavar="SLUG", required=True, help="Of which newsletter.")
@preference_options
@click.option("--from", "since", metavar="DATE", help="From this day on; today.")
@click.option("--to", "until", metavar="DATE", help="To the end of this day; two weeks on.")
@json_option
@click.pass_obj
def simulate(start: Start, /, address: str | None, *, as_json: bool, **given: Any) -> None:
    """Show every slot of a period, its window, and its entries; nothing is changed.

    Of a subscriber as they are, or of anybody with the wishes that the options name.

    Example: tidings simulate ada@example.org --newsletter weekly --from 2026-03-01 --to 2026-04-30
    """
    from tidings.app.app import opened, utc_now
    from tidings.catalog import newsletters
    from tidings.mail.addresses import parse_address
    from tidings.operator.simulate import SimulatedAudience, taken_slots
    from tidings.operator.simulate import simulate as run
    from tidings.subscribers.store import subscriptions

    now = utc_now()
    with opened(start.settings()) as app, app.database.read() as connection:
        series = newsletters.get(connection, given["slug"])
        one = None
        if address:
            one = subscriptions.get_of(connection, parse_address(address).key, series.slug)
        # Of a subscriber too: "what would she get if it were daily?"
        schedule = schedule_of(given, one.schedule if one else series.schedule)
        since, until = _span(given, schedule, now=now)
        # What was sent before only binds the future; a past period is shown by the rules alone.
        is_to_come = one is not None and since >= now
        wished = SimulatedAudience(
            newsletter=series,
            schedule=schedule,
            topics=given["topics"] or (one.topics if one else ()),
            watermark=one.watermark if one and is_to_come else None,
            taken_slots=taken_slots(connection, one.id) if one and is_to_come else (),
            subscription=one.id if one and is_to_come else None,
        )
        found = list(run(connection, wished, since=since, until=until))
    if one and (one.paused_at or one.ended_at):
        click.echo(
            "the subscription is paused or has ended: this shows it as if it were active", err=True
        )
    _show(found, as_json=as_json)


def _span(given: dict[str, Any], schedule: Schedule, *, now: datetime) -> tuple[datetime, datetime]:
    """Return the time from the beginning of one day to the end of another, on the wall clock.

    A slot at midnight is of the day that begins then.
    """
    zone = ZoneInfo(schedule.timezone)
    # Slots are sought after `since`: a moment earlier, so that the one at midnight is among them.
    edge = timedelta(0) if schedule.frequency is Frequency.INSTANT else timedelta.resolution
    since = _day(given["since"], zone) - edge if given["since"] else now
    until = _day(given["until"], zone) + DAY - edge if given["until"] else since + SPAN
    if not timedelta(0) < until - since <= LONGEST:
        raise InvalidError("span", f"{since:%F} to {until:%F}", "use up to ten years, in order")
    return since.astimezone(UTC), until.astimezone(UTC)


def _day(text: str, zone: ZoneInfo) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), tzinfo=zone)
    except ValueError as error:
        raise InvalidError("date", text, "expected one such as 2026-11-20") from error


def _show(found: Sequence[SimulatedSlot], *, as_json: bool) -> None:
    if as_json:
        show_json([_contract(one) for one in found])
        return
    rows = [
        (
            one.slot.key,
            moment(one.slot.due_at),
            f"{one.from_seq}-{one.to_seq}",
            one.omission or f"entries {', '.join(map(str, one.entry_ids))}",
            one.note,
        )
        for one in found
    ]
    show_table(("slot", "due (UTC)", "window", "holds", "note"), rows)


def _contract(one: SimulatedSlot) -> dict[str, object]:
    return {
        "slot": one.slot.key,
        "due_at": rfc3339(one.slot.due_at),
        "from_seq": one.from_seq,
        "to_seq": one.to_seq,
        "entry_ids": one.entry_ids,
        "omission": one.omission,
        "note": one.note,
    }
