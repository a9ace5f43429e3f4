"""`tidings issue`: what newsletters told, and will tell."""

import sys
from datetime import UTC, datetime
from typing import IO

import click

from tidings.cli.output import (
    json_option,
    limit_option,
    moment,
    rfc3339,
    show_json,
    show_table,
)
from tidings.cli.start import Start
from tidings.domain.newsletters import Issue
from tidings.errors import InvalidError


@click.group
def issue() -> None:
    """Preview, send, list and show issues.

    Example: tidings issue preview weekly --html preview.html
    """


@issue.command("list")
@limit_option
@json_option
@click.pass_obj
def list_issues(start: Start, limit: int, *, as_json: bool) -> None:
    """List issues, newest first, those for some subscribers only as well.

    Example: tidings issue list --limit 10
    """
    from tidings.storage import issues
    from tidings.wiring import opened

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
    """Show an issue as text.

    Example: tidings issue show 3
    """
    from tidings.storage import issues
    from tidings.wiring import opened

    with opened(start.settings()) as app, app.database.read() as connection:
        found = issues.get(connection, issue_id)
        told = [entry.id for entry in issues.entries_of(connection, [issue_id])[issue_id]]
    if as_json:
        show_json(_contract(found) | {"entry_ids": told, "text": found.text, "html": found.html})
        return
    click.secho(found.subject, bold=True)
    click.echo(found.text)


@issue.command
@click.argument("newsletter")
@click.option("--at", "time", metavar="TIME", help="As of then: 2026-11-20 or 2026-11-20T08:00Z.")
@click.option("--html", type=click.File("wb"), help="Write the HTML.")
@click.option("--text", type=click.File("wb"), help="Write the text.")
@click.option("--eml", type=click.File("wb"), help="Write the letter.")
@click.pass_obj
def preview(start: Start, /, newsletter: str, time: str | None, **files: IO[bytes] | None) -> None:
    """Show what the next issue would be; nothing is stored, nobody gets it.

    Example: tidings issue preview weekly --eml preview.eml
    """
    from tidings import mailing
    from tidings.services.drafts import preview as draft
    from tidings.services.sending import sample_letter
    from tidings.storage import newsletters
    from tidings.wiring import opened, utc_now

    at = _time(time) if time else utc_now()
    with opened(start.settings()) as app:
        tools = mailing.planning(app)
        with app.database.read() as connection:
            edition = newsletters.edition_of(connection, newsletter)
            found = draft(tools, connection, edition, at=at)
        if found is None:
            click.echo("nothing new since the last issue")
            return
        with mailing.delivering(app) as delivering:
            letter = sample_letter(delivering, found, delivering.sender)
    bodies = {"html": found.html.encode(), "text": found.text.encode(), "eml": letter}
    for form, file in files.items():
        if file:
            file.write(bodies[form])
            click.echo(f"{form} written to {file.name}")
    if not any(files.values()):
        click.secho(found.subject, bold=True)
        click.echo(found.text)


@issue.command
@click.argument("newsletter")
@click.option(
    "--to", metavar="ADDRESS", help="As a test, to this address only; it counts for nothing."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def send(start: Start, newsletter: str, to: str | None, *, yes: bool, as_json: bool) -> None:
    """Send what is new to everybody who has not had it, now instead of at their next slot.

    Exits with status 1 if a letter was not accepted.

    Example: tidings issue send weekly --yes
    """
    from tidings import mailing
    from tidings.delivery.addresses import mailbox
    from tidings.services.drafts import preview as draft
    from tidings.services.sending import send_now, send_sample
    from tidings.storage import newsletters, subscriptions
    from tidings.wiring import opened, utc_now

    tester = mailbox(to).address if to else None
    with opened(start.settings()) as app, mailing.delivering(app) as delivering:
        planning = mailing.planning(app)
        with app.database.read() as connection:
            edition = newsletters.edition_of(connection, newsletter)
            readers = subscriptions.count_of_newsletter(connection, edition.newsletter.id)
            sample = draft(planning, connection, edition, at=utc_now()) if tester else None
        if not tester:
            _ask(edition.newsletter.title, readers, yes=yes)
            sent = send_now(planning, delivering, edition.newsletter)
        elif sample:
            click.echo(send_sample(delivering, sample, tester))
            return
        else:
            click.echo("nothing new since the last issue")
            return
    if as_json:
        told = [_contract(one) | {"deliveries": number} for one, number in sent.issues]
        show_json({"issues": told, "accepted": sent.accepted, "failed": sent.failed})
    else:
        for one, number in sent.issues:
            click.echo(f"{number} x {one.subject}")
        click.echo(f"{sent.accepted} accepted, {sent.failed} not accepted so far")
    if sent.failed:
        raise click.exceptions.Exit(1)


def _ask(title: str, readers: int, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("this sends mail: say --yes")
    click.confirm(f"Send what is new in {title} to {readers} subscribers?", abort=True)


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        because = "expected a time such as 2026-11-20 or 2026-11-20T08:00Z"
        raise InvalidError("time", text, because) from error
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
