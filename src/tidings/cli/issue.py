"""`tidings issue`: preview, send, list and show issues."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from tempfile import NamedTemporaryFile
from typing import IO, TypedDict, Unpack

import click

from tidings.cli.delivery import contract as delivery_contract
from tidings.cli.draft import draft
from tidings.cli.output import json_option, limit_option, moment, show_json, show_table
from tidings.cli.start import Start
from tidings.errors import ConflictError, InvalidError
from tidings.model.contracts import rfc3339
from tidings.model.newsletters import Issue
from tidings.newsletters.windows import Forecast

# Doubtful deliveries of an issue that are named.
MAX_DOUBTFUL = 100


@click.group
def issue() -> None:
    """Preview, send, list and show issues.

    Example: tidings issue preview weekly
    """


issue.add_command(draft)


@issue.command("list")
@limit_option
@json_option
@click.pass_obj
def list_issues(start: Start, limit: int, *, as_json: bool) -> None:
    """List all issues, newest first, also those for some subscribers only.

    Example: tidings issue list --limit 10
    """
    from tidings.app.app import opened
    from tidings.newsletters.store import issues

    with opened(start.settings()) as app, app.database.read() as connection:
        found = issues.latest(connection, only_listed=False, limit=limit or None)
    if as_json:
        show_json([_contract(one) for one in found])
        return
    rows = [
        (one.id, one.newsletter.slug, moment(one.created_at), one.entries, one.subject)
        for one in found
    ]
    show_table(("id", "newsletter", "planned", "entries", "subject"), rows)


@issue.command
@click.argument("issue_id", metavar="ISSUE", type=int)
@json_option
@click.pass_obj
def show(start: Start, issue_id: int, *, as_json: bool) -> None:
    """Show an issue: the states of its letters, which are doubtful, and its text.

    Example: tidings issue show 3
    """
    from tidings.app.app import opened
    from tidings.newsletters.store import deliveries, issues

    with opened(start.settings()) as app, app.database.read() as connection:
        found = issues.get(connection, issue_id)
        told = [entry.id for entry in issues.entries_of(connection, [issue_id])[issue_id]]
        counts = deliveries.by_state_of_issue(connection, issue_id)
        doubtful = deliveries.doubtful_of_issue(connection, issue_id, limit=MAX_DOUBTFUL)
    if as_json:
        letters = {"deliveries": counts, "doubtful": [delivery_contract(one) for one in doubtful]}
        bodies = {"text": found.text, "html": found.html}
        show_json(_contract(found) | {"entry_ids": told} | letters | bodies)
        return
    click.secho(found.subject, bold=True)
    click.echo(f"letters: {', '.join(f'{n} {state}' for state, n in counts.items()) or 'none'}")
    for one in doubtful:
        click.echo(f"delivery {one.id} to {one.subscriber}: {one.state}, {one.reply or 'no reply'}")
    click.echo(f"\n{found.text}")


class _Wish(TypedDict):
    time: str | None
    language: str | None
    form: str
    output: IO[bytes] | None
    is_opened: bool


@issue.command
@click.argument("newsletter")
@click.option("--at", "time", metavar="TIME", help="As of then: 2026-11-20 or 2026-11-20T08:00Z.")
@click.option("--language", help="In this language instead of the newsletter's own.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "html", "eml"]),
    default="text",
    show_default=True,
    help="Either part, or the letter as it is sent.",
)
@click.option("--output", type=click.File("wb"), help="Write it there.")
@click.option("--open", "is_opened", is_flag=True, help="Show it in the program for such files.")
@click.pass_obj
def preview(start: Start, /, newsletter: str, **wish: Unpack[_Wish]) -> None:
    """Preview the next issue; nothing is stored, nobody gets it.

    Under review it is the draft, as it was changed.

    Example: tidings issue preview weekly --format html --open
    """
    draft = _draft(start, newsletter, wish)
    form, output = wish["form"], wish["output"]
    if draft is None:
        click.echo("nothing new since the last issue")
        return
    if output is None and wish["is_opened"]:
        # It stays: the program that shows it opens it after we have ended.
        output = NamedTemporaryFile(suffix=f".{form}", delete=False)  # noqa: SIM115 - closed below
    if output is None:
        # Bytes: a letter has its own encodings.
        sys.stdout.buffer.write(draft)
        return
    output.write(draft)
    # Before it is shown, or its end might still be in our buffer.
    output.close()
    click.echo(f"{form} written to {output.name}")
    if wish["is_opened"]:
        click.launch(output.name)


def _draft(start: Start, newsletter: str, wish: _Wish) -> bytes | None:
    from tidings.app import mailing
    from tidings.app.app import opened, utc_now
    from tidings.catalog import newsletters
    from tidings.newsletters import compose

    at = _time(wish["time"]) if wish["time"] else utc_now()
    with opened(start.settings()) as app:
        composer = mailing.composer(app)
        with app.database.read() as connection:
            edition = newsletters.edition_of(connection, newsletter)
            series = edition.newsletter
            spoken = replace(series, language=wish["language"] or series.language)
            found = compose.preview(
                composer, connection, replace(edition, newsletter=spoken), at=at
            )
        if found is None:
            return None
        if wish["form"] != "eml":
            return (found.html if wish["form"] == "html" else found.text).encode()
        # A sample: its links lead to nobody's subscription.
        messages = mailing.issue_messages(app)
        return messages.sample(found, messages.sender, now=utc_now()).content


class _Word(TypedDict):
    yes: bool
    force: bool


@issue.command
@click.argument("newsletter")
@click.option(
    "--to", metavar="ADDRESS", help="As a test, to this address only; nothing is recorded."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also if it is more than ten times the usual.")
@json_option
@click.pass_obj
def send(
    start: Start, /, newsletter: str, to: str | None, *, as_json: bool, **said: Unpack[_Word]
) -> None:
    """Send what is new to all subscribers now, instead of at their next slot.

    Of a newsletter under review only what was approved goes. As a test, the newest entries are sent if nothing is new. Exits with status 1 if a letter
    was not accepted.

    Example: tidings issue send weekly --yes
    """
    from tidings.app import mailing
    from tidings.app.app import opened
    from tidings.catalog import newsletters
    from tidings.mail.addresses import parse_address
    from tidings.newsletters.send_by_hand import forecast, send_now, send_test

    # Before anything is opened: a slip in the address should cost nothing.
    tester = parse_address(to).address if to else None
    with opened(start.settings()) as app:
        sender, planner = mailing.issue_sender(app), mailing.planner(app)
        with app.database.read() as connection:
            edition = newsletters.edition_of(connection, newsletter)
            expected = forecast(connection, edition.newsletter)
        if tester:
            messages, composer = mailing.issue_messages(app), mailing.composer(app)
            reply = send_test(sender, edition, composer=composer, messages=messages, to=tester)
            click.echo(reply)
            return
        _ask(newsletter, expected, **said)
        sent = send_now(planner, sender, edition.newsletter)
    if as_json:
        told = [_contract(one) | {"deliveries": number} for one, number in sent.issues]
        show_json({"issues": told, "accepted": sent.accepted, "failed": sent.failed})
    else:
        _show_sent(sent.issues, sent.listed, app.settings.web.public_url)
        click.echo(f"{sent.accepted} accepted, {sent.failed} not accepted so far")
    if sent.failed:
        raise click.exceptions.Exit(1)


def _show_sent(issues: Sequence[tuple[Issue, int]], listed: Issue | None, site_url: str) -> None:
    for one, number in issues:
        click.echo(f"{number} x {one.subject}")
    if listed and not issues:
        click.echo(f"nobody to send it to; in the archive: {site_url}/issues/{listed.slug}")


def _ask(slug: str, expected: Forecast, *, yes: bool, force: bool) -> None:
    what = f"up to {expected.entries} entries to {expected.recipients} subscribers"
    # `--yes` is not enough: it stands in scripts, which nobody reads while they run.
    if expected.is_unusual and not force:
        because = f"would send {what}, more than ten times the usual: say --force"
        raise ConflictError("newsletter", slug, because=because)
    if yes:
        return
    # Nobody to ask, in cron say: what cannot be taken back needs a word.
    if not sys.stdin.isatty():
        raise click.UsageError("this sends mail: confirm with --yes")
    click.confirm(f"Send {what}?", abort=True)


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        because = "expected a time such as 2026-11-20 or 2026-11-20T08:00Z"
        raise InvalidError("time", text, because) from error
    # As all times are shown.
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _contract(one: Issue) -> dict[str, object]:
    return {
        "id": one.id,
        "newsletter": one.newsletter.slug,
        "slug": one.slug,
        "listed": one.listed,
        "language": one.language,
        "subject": one.subject,
        "from_seq": one.from_seq,
        "to_seq": one.to_seq,
        "entries": one.entries,
        "created_at": rfc3339(one.created_at),
    }
