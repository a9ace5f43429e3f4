"""`tidings newsletter`: add, change and remove newsletters."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from tidings.cli.output import json_option, show_json, show_table
from tidings.cli.start import Start
from tidings.model.durations import format_duration
from tidings.model.newsletters import (
    WEEKDAYS,
    Frequency,
    Newsletter,
    Schedule,
    parse_review,
    parse_timezone,
    parse_weekday,
)
from tidings.newsletters.windows import due_after_change, in_words, next_due

LETTER_OPTIONS = (
    click.option(
        "--from", "sender", metavar="SENDER", help="Name <address>; empty for the settings' own."
    ),
    click.option("--reply-to", metavar="ADDRESS", help="Where answers go; empty for the sender."),
    click.option("--postal-address", help="At the foot of each letter; empty for none."),
    click.option(
        "--min-entries",
        type=click.IntRange(1, 100),
        help="With fewer, entries wait for the next slot.",
    ),
    click.option(
        "--max-entries", type=click.IntRange(1, 500), help="Further ones are on the web page only."
    ),
    click.option("--images/--no-images", default=None, help="Show publishers' images."),
    click.option(
        "--review",
        metavar="WHEN",
        help="Wait as a draft for approval: yes, no, or 2h: as it is two hours later.",
    ),
)

LETTER_FIELDS = (
    "sender",
    "reply_to",
    "postal_address",
    "min_entries",
    "max_entries",
    "images",
    "review",
    "review_time",
)

DAILY = Schedule(frequency=Frequency.DAILY, hour=8, timezone="UTC")

Command = TypeVar("Command", bound=Callable[..., Any])

LANGUAGES = ("en", "zh")

FREQUENCIES = tuple(one.value for one in Frequency)  # as members, their names would be asked for

OPTIONS = (
    click.option("--frequency", type=click.Choice(FREQUENCIES), help="How often."),
    click.option("--hour", type=click.IntRange(0, 23), help="Of the day, on the wall clock."),
    click.option("--timezone", metavar="ZONE", help="An IANA name such as Asia/Shanghai."),
    click.option("--weekday", type=click.Choice(WEEKDAYS), help="Of weekly and fortnightly."),
    click.option("--language", type=click.Choice(LANGUAGES), help="Of the letters."),
    click.option("--topic", "topics", multiple=True, help="Only this topic; repeatable."),
)


def preference_options(command: Command) -> Command:
    """Add the options that say how often, when, in what language and of what."""
    # The last decorator stands first in `--help`.
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def letter_options(command: Command) -> Command:
    """Add the options that say what stands in a newsletter's letters."""
    for option in reversed(LETTER_OPTIONS):
        command = option(command)
    return command


@click.group
def newsletter() -> None:
    """Add, change and remove newsletters.

    Example: tidings newsletter add weekly --title "This week" --frequency weekly
    """


@newsletter.command
@click.argument("slug")
@click.option("--title", required=True, help="What readers see.")
@preference_options
@letter_options
@click.pass_obj
def add(start: Start, /, slug: str, **given: Any) -> None:
    """Add a newsletter; its first issue has what is new from now on.

    Example: tidings newsletter add daily --title "Latest updates" --hour 7 --timezone Europe/Paris
    """
    from tidings.app.app import opened, utc_now
    from tidings.catalog import newsletters
    from tidings.catalog.newsletters import NewsletterForm

    form = NewsletterForm(
        title=given["title"],
        schedule=schedule_of(given, DAILY),
        topics=given["topics"],
        language=given["language"] or "en",
        **_letters(given),
    )
    with opened(start.settings()) as app, app.database.write() as connection:
        now = utc_now()
        first = next_due(form.schedule, now)
        newsletters.add(connection, slug, form, next_issue_at=first, now=now)
        new = newsletters.get(connection, slug)
    click.echo(f"added: {new.title}, {in_words(new.schedule)}")


@newsletter.command("list")
@json_option
@click.pass_obj
def list_newsletters(start: Start, *, as_json: bool) -> None:
    """List all newsletters.

    Example: tidings newsletter list
    """
    from tidings.app.app import opened
    from tidings.catalog import newsletters

    with opened(start.settings()) as app, app.database.read() as connection:
        found = newsletters.every(connection)
    if as_json:
        show_json([_contract(one) for one in found])
        return
    rows = [
        (one.slug, one.title, one.schedule.frequency, one.schedule.hour, one.schedule.timezone)
        for one in found
    ]
    show_table(("slug", "title", "frequency", "hour", "time zone"), rows)


@newsletter.command
@click.argument("slug")
@json_option
@click.pass_obj
def show(start: Start, slug: str, *, as_json: bool) -> None:
    """Show one newsletter.

    Example: tidings newsletter show weekly
    """
    from tidings.app.app import opened
    from tidings.catalog import newsletters

    with opened(start.settings()) as app, app.database.read() as connection:
        shown = _contract(newsletters.get(connection, slug))
    if as_json:
        show_json(shown)
        return
    for name, value in shown.items():
        text = ", ".join(value) if isinstance(value, tuple) else value
        click.echo(f"{name.replace('_', ' ')}: {'-' if text in (None, '') else text}")


@newsletter.command
@click.argument("slug")
@click.option("--title", help="What readers see.")
@preference_options
@click.option("--no-topics", is_flag=True, help="Of all topics from now on.")
@letter_options
@click.pass_obj
def edit(start: Start, /, slug: str, **given: Any) -> None:
    """Change a newsletter; options left out change nothing, an empty value removes a setting.

    Example: tidings newsletter edit weekly --hour 9
    """
    from tidings.app.app import opened, utc_now
    from tidings.catalog import newsletters
    from tidings.catalog.newsletters import NewsletterForm

    letters = _letters(given)
    with opened(start.settings()) as app, app.database.write() as connection:
        old = newsletters.get(connection, slug)
        kept = () if given["no_topics"] else old.topics
        form = NewsletterForm(
            title=given["title"] or old.title,
            schedule=schedule_of(given, old.schedule),
            topics=given["topics"] or kept,
            language=given["language"] or old.language,
            **{name: getattr(old, name) for name in LETTER_FIELDS} | letters,
        )
        now = utc_now()
        following = due_after_change(old.schedule, form.schedule, now)
        newsletters.edit(connection, slug, form, next_issue_at=following, now=now)
        new = newsletters.get(connection, slug)
    said = "is like that already" if new == old else "changed"
    click.echo(f"{said}: {new.title}, {in_words(new.schedule)}")


@newsletter.command
@click.argument("slug")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(start: Start, slug: str, *, yes: bool) -> None:
    """Remove a newsletter with its subscriptions and issues.

    Example: tidings newsletter remove weekly --yes
    """
    from tidings.app.app import opened, utc_now
    from tidings.catalog import newsletters
    from tidings.newsletters.store import plans

    with opened(start.settings()) as app:
        with app.database.read() as connection:
            found = newsletters.get(connection, slug)
            readers = plans.count_active(connection, found.id)
        if not yes:
            # Outside of a transaction: somebody may take minutes to answer.
            click.confirm(f"Remove {found.title} and its {readers} subscriptions?", abort=True)
        with app.database.write() as connection:
            newsletters.remove(connection, slug, now=utc_now())
    click.echo(f"removed, with {readers} subscriptions: {found.title}")


def _letters(given: dict[str, Any]) -> dict[str, Any]:
    """Return what options say of a newsletter's letters; what is not named is not in it."""
    from tidings.mail.addresses import parse_address, parse_sender

    said = {name: given[name] for name in LETTER_FIELDS if given.get(name) is not None}
    if "review" in said:
        said["review"], said["review_time"] = parse_review(said["review"])
    # Parsed here: a slip shows now, and not when the first letter is made.
    if said.get("sender"):
        found = parse_sender(said["sender"])
        said["sender"] = f"{found.name} <{found.address}>" if found.name else found.address
    if said.get("reply_to"):
        said["reply_to"] = parse_address(said["reply_to"]).address
    # An empty value takes away what was set; an option that is left out is not in it at all.
    return {name: None if value == "" else value for name, value in said.items()}


def _contract(one: Newsletter) -> dict[str, object]:
    return {
        "id": one.id,
        "slug": one.slug,
        "title": one.title,
        "frequency": one.schedule.frequency,
        "hour": one.schedule.hour,
        "timezone": one.schedule.timezone,
        "weekday": WEEKDAYS[one.schedule.weekday],
        "topics": one.topics,
        "language": one.language,
        **{name: getattr(one, name) for name in LETTER_FIELDS},
        "review_time": format_duration(one.review_time) if one.review_time else None,
    }


def schedule_of(given: dict[str, Any], default: Schedule) -> Schedule:
    """Return the schedule that options ask for; `default` where they do not.

    Raises:
        InvalidError: There is no such time zone.
    """
    zone = parse_timezone(given["timezone"] or default.timezone)
    # Not `or`: midnight is 0.
    hour = default.hour if given["hour"] is None else given["hour"]
    return Schedule(
        frequency=Frequency(given["frequency"] or default.frequency),
        hour=hour,
        timezone=zone,
        weekday=parse_weekday(given["weekday"] or WEEKDAYS[default.weekday]),
    )
