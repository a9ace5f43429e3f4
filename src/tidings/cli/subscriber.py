"""`tidings subscriber`: add, list, change and remove subscribers; CSV import and export."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

import click

from tidings.cli.newsletter import preference_options, schedule_of
from tidings.cli.output import json_option, limit_option, moment, show_json, show_table
from tidings.cli.start import Start
from tidings.errors import ImportFileError, InvalidError, StorageError
from tidings.model.contracts import rfc3339
from tidings.model.newsletters import WEEKDAYS, Subscription
from tidings.model.subscribers import SignUp, Suppression
from tidings.subscribers.bounce_rules import BounceHistory
from tidings.subscribers.import_report import ImportReport
from tidings.subscribers.subscriber_csv import COLUMNS, decoded, read_csv, write_csv

STATES = ("active", "paused", "ended", "unconfirmed", "bouncing")

HEADINGS = ("address", "newsletter", "frequency", "at", "language", "next issue")


class _How(TypedDict):
    columns: tuple[str, ...]
    ask: bool
    dry_run: bool


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--newsletter", "slug", required=True, help="What they are subscribed to.")
@click.option(
    "--map",
    "columns",
    multiple=True,
    metavar="COLUMN=FIELD",
    help="What a column means; - for nothing. Can be given again.",
)
@click.option("--ask", is_flag=True, help="Send a letter to confirm, where there is no proof.")
@click.option("--dry-run", is_flag=True, help="Say what would come of it; write nothing.")
@click.pass_obj
def import_subscribers(start: Start, /, file: Path, slug: str, **how: Unpack[_How]) -> None:
    """Subscribe people from a CSV file, with the proof that they agreed.

    Its columns are address, confirmed_at and proof; frequency, hour, timezone, language, topics
    and paused_at may be there too. Lists of Mailchimp, Ghost, Buttondown, Substack and listmonk
    are known by their headings; who had left there, or could not be reached, gets nothing. What
    is left out is reported by line; exits with status 1 if a line was refused. It can be run
    again: who is subscribed already stays as they are.

    Example: tidings subscriber import readers.csv --newsletter weekly --dry-run
    """
    from tidings.app import mailing
    from tidings.app.app import opened
    from tidings.subscribers.bulk_import import ImportPlan

    plan = ImportPlan(newsletter=slug, asks=how["ask"], is_rehearsal=how["dry_run"])
    given = dict(_meaning(one) for one in how["columns"])
    # All of the file is read before anything is written: one bad quotation mark refuses it.
    text = _looked_through(file, given)
    report = ImportReport()
    with opened(start.settings()) as app:
        # Read again line by line: a list of a hundred thousand is never in memory as objects.
        _, lines = read_csv(text, given)
        try:
            for one in mailing.importer(app, plan).run(lines):
                report.note(one)
        except (StorageError, KeyboardInterrupt):
            # It is imported in pieces; those that are in are known the next time.
            said = _summary(report, is_rehearsal=plan.is_rehearsal)
            click.echo(f"stopped; what was imported stays: {said}; run it again", err=True)
            raise
    _show_left_out(report)
    click.echo(_summary(report, is_rehearsal=plan.is_rehearsal))
    if report.counted["refused"]:
        raise click.exceptions.Exit(1)


@click.command
@click.option("--newsletter", "slug", help="Only of this newsletter.")
@click.option("--consent", is_flag=True, help="What they agreed to and took back, and when.")
@click.option("--address", help="With --consent: only of this person.")
@click.pass_obj
def export(start: Start, slug: str | None, address: str | None, *, consent: bool) -> None:
    """Print all subscribers as CSV, as `subscriber import` reads it.

    Example: tidings subscriber export --newsletter weekly
    """
    from tidings.app.app import opened
    from tidings.catalog import newsletters
    from tidings.mail.addresses import parse_address
    from tidings.subscribers.bulk_import import CONSENT_COLUMNS, consent_rows, subscriber_rows

    # Of one person there is `subscriber show`.
    if address and not consent:
        raise click.UsageError("--address goes with --consent")
    key = parse_address(address).key if address else None
    with opened(start.settings()) as app, app.database.read() as connection:
        if slug:
            newsletters.get(connection, slug)
        if consent:
            write_csv(consent_rows(connection, slug, key), sys.stdout, CONSENT_COLUMNS)
        else:
            write_csv(subscriber_rows(connection, slug), sys.stdout, COLUMNS)


@click.command("list")
@click.option("--newsletter", "slug", help="Only of this newsletter.")
@click.option("--state", type=click.Choice(STATES), help="Only in this state.")
@click.option("--topic", help="Only who gets this topic.")
@click.option("--like", metavar="TEXT", help="Only addresses with this in them.")
@limit_option
@json_option
@click.pass_obj
def list_subscribers(start: Start, /, *, limit: int, as_json: bool, **given: str | None) -> None:
    """List subscriptions by address; unconfirmed ones with `--state unconfirmed`.

    Example: tidings subscriber list --newsletter weekly --state bouncing
    """
    from tidings.app.app import opened, utc_now
    from tidings.catalog import newsletters, topics
    from tidings.subscribers.store import bulk, sign_ups
    from tidings.subscribers.store.bulk import SubscriptionFilter

    slug, state, like = (given[name] for name in ("slug", "state", "like"))
    with opened(start.settings()) as app, app.database.read() as connection:
        # By name as well; one that does not exist is an error, not an empty list.
        topic = topics.slug_of(connection, given["topic"]) if given["topic"] else None
        series = newsletters.get(connection, slug) if slug else None
        if state == "unconfirmed":
            waiting = sign_ups.pending(connection, series.id if series else None, now=utc_now())
            found = [one for one in waiting if _is_meant(one, topic, like)]
            _show_waiting(found[: limit or None], as_json=as_json)
            return
        wanted = SubscriptionFilter(newsletter=slug, state=state, topic=topic, like=like)
        show_subscriptions(
            bulk.select_subscriptions(connection, wanted, limit=limit), as_json=as_json
        )


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
    """Subscribe somebody on their behalf, without a confirmation, from now on.

    What is not named is as the newsletter has it.

    Example: tidings subscriber add ada@example.org --newsletter weekly --timezone Asia/Shanghai
    """
    from tidings.app.app import opened, utc_now
    from tidings.catalog import newsletters
    from tidings.mail.addresses import parse_address
    from tidings.model.subscribers import Preferences
    from tidings.subscribers import subscription_changes
    from tidings.subscribers.subscriber_access import refuse_suppressed
    from tidings.subscribers.subscription_changes import Actor

    known = parse_address(address)
    with opened(start.settings()) as app:
        actor = Actor(now=utc_now(), by="operator")
        with app.database.write() as connection:
            series = newsletters.get(connection, slug)
            preferences = Preferences(
                schedule=schedule_of(given, series.schedule),
                language=given["language"] or series.language,
                topics=given["topics"],
            )
            # Also for the operator, who may not know that somebody complained; `suppression remove`
            # lifts it.
            refuse_suppressed(connection, app.links, known)
            subscription_changes.add(connection, slug, known, preferences=preferences, actor=actor)
    click.echo(f"subscribed to {series.title}: {known.address}")


@subscriber.command
@click.argument("address")
@json_option
@click.pass_obj
def show(start: Start, address: str, *, as_json: bool) -> None:
    """Show what somebody subscribes to, and whether letters reach them.

    Example: tidings subscriber show ada@example.org
    """
    from tidings.app.app import opened
    from tidings.mail.addresses import parse_address
    from tidings.subscribers.store import subscribers, subscriptions, suppressions

    key = parse_address(address).key
    with opened(start.settings()) as app, app.database.read() as connection:
        found = subscriptions.of_subscriber(connection, key)
        standing = subscribers.bounce_history(connection, key)
        suppression = suppressions.find(connection, app.links.suppression_hash(key))
    show_subscriber(found, standing, suppression, as_json=as_json)


@subscriber.command
@click.argument("address")
@click.option("--newsletter", "slug", required=True, help="Which of their subscriptions.")
@preference_options
@click.option("--no-topics", is_flag=True, help="Everything of the newsletter from now on.")
@click.pass_obj
def edit(start: Start, /, address: str, slug: str, **given: Any) -> None:
    """Change a subscription; options left out change nothing, and no entry is missed or doubled.

    Example: tidings subscriber edit ada@example.org --newsletter weekly --frequency daily
    """
    from tidings.app.app import opened, utc_now
    from tidings.mail.addresses import parse_address
    from tidings.model.subscribers import Preferences
    from tidings.subscribers import subscription_changes
    from tidings.subscribers.store import subscriptions
    from tidings.subscribers.subscription_changes import Actor

    with opened(start.settings()) as app, app.database.write() as connection:
        old = subscriptions.get_of(connection, parse_address(address).key, slug)
        kept = () if given["no_topics"] else old.topics
        preferences = Preferences(
            schedule=schedule_of(given, old.schedule),
            language=given["language"] or old.language,
            topics=given["topics"] or kept,
        )
        subscription_changes.edit(
            connection, old, preferences, actor=Actor(now=utc_now(), by="operator")
        )
        new = subscriptions.get_of(connection, parse_address(address).key, slug)
    click.echo(f"{'is like that already' if new == old else 'changed'}: {address}, {slug}")


@subscriber.command
@click.argument("address")
@click.option("--newsletter", "slug", help="End this subscription only; the person stays known.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(start: Start, address: str, slug: str | None, *, yes: bool) -> None:
    """Erase a subscriber with all their data, or end one of their subscriptions.

    Of who is forgotten a keyed hash of the address stays, so that no import brings them back;
    they can still sign up themselves.

    Example: tidings subscriber remove ada@example.org --newsletter weekly
    """
    from tidings.app.app import opened, utc_now
    from tidings.mail.addresses import parse_address
    from tidings.model.newsletters import Ending
    from tidings.subscribers import subscription_changes
    from tidings.subscribers.erasure import erase
    from tidings.subscribers.store import subscribers, subscriptions
    from tidings.subscribers.subscription_changes import Actor

    key = parse_address(address).key
    with opened(start.settings()) as app:
        with app.database.read() as connection:
            # Before asking: a slip in the address is told at once.
            subscribers.get_of(connection, key)
        if not slug and not yes:
            # Outside of a transaction: somebody may take minutes to answer.
            click.confirm(f"Delete {address} and all that was sent there?", abort=True)
        with app.database.write() as connection:
            if slug:
                one = subscriptions.get_of(connection, key, slug)
                actor = Actor(now=utc_now(), by="operator")
                subscription_changes.end(connection, one, Ending.OPERATOR, actor=actor)
            else:
                # Again, in the transaction that erases: they may have left while the question
                # stood.
                person = subscribers.get_of(connection, key)
                erase(connection, app.links, person, now=utc_now())
    click.echo(f"ended: {address}, {slug}" if slug else f"forgotten: {address}")


def _looked_through(file: Path, given: Mapping[str, str]) -> str:
    """Return the text of a list after a first pass over all of its lines."""
    try:
        text = decoded(file.read_bytes())
        columns, lines = read_csv(text, given)
        for _ in lines:
            pass
    except OSError as error:
        raise ImportFileError(file, error.strerror or str(error)) from error
    except InvalidError as error:
        raise ImportFileError(file, f"{error}; nothing was brought in") from error
    if columns.program:
        unread = f"; not read: {', '.join(columns.unread)}" if columns.unread else ""
        click.echo(f"read as a list of {columns.program}{unread}", err=True)
    return text


def _meaning(text: str) -> tuple[str, str]:
    # From the right: headings may have an equals sign in them, fields never do.
    column, equals, field = text.rpartition("=")
    if not equals:
        raise click.UsageError(f"--map {text}: say COLUMN=FIELD, as in --map Mail=address")
    return column, field.strip().lower()


def _show_left_out(report: ImportReport) -> None:
    """Print the first skipped lines of each reason, and the numbers of the others."""
    groups = list(report.left_out())
    # In the order of the file, which is open in an editor.
    for number, problem in sorted(one for group in groups for one in group.first):
        click.echo(f"line {number}: {problem}", err=True)
    for group in groups:
        if group.more:
            click.echo(f"{group.more} more lines: {group.cause}: {group.ranges}", err=True)


def _summary(report: ImportReport, *, is_rehearsal: bool) -> str:
    would = "would be " if is_rehearsal else ""
    names = {"in": "subscribed", "asked": "asked", "known": "known", "refused": "refused"}
    if report.counted["suppressed"]:
        names["suppressed"] = "suppressed"
    return would + ", ".join(f"{name} {report.counted[key]}" for key, name in names.items())


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
        click.echo(f"bounces: {standing.score:g} since {first}, the last on {last}")
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
        "weekday": WEEKDAYS[one.schedule.weekday],
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
    # Row by row: a hundred thousand subscriptions are never in memory at once.
    separator = "[\n"
    for value in values:
        click.echo(separator + json.dumps(value, ensure_ascii=False), nl=False)
        separator = ",\n"
    click.echo("[]" if separator == "[\n" else "\n]")


def _is_meant(one: SignUp, topic: str | None, like: str | None) -> bool:
    has_topic = not topic or not one.preferences.topics or topic in one.preferences.topics
    # Keys are normalised addresses, without capitals.
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
