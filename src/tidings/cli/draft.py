"""`tidings issue draft`: review issues before they go."""

from typing import Any

import click

from tidings.cli.output import json_option, moment, show_json, show_table
from tidings.cli.start import Start
from tidings.model.drafts import Draft, EditorText, Edits
from tidings.model.entries import Entry, headline
from tidings.newsletters.drafts import Drafts, DraftView, draft_json


@click.group
def draft() -> None:
    """Review issues before they go, of newsletters with `--review`.

    Example: tidings issue draft show weekly
    """


@draft.command("list")
@json_option
@click.pass_obj
def list_drafts(start: Start, *, as_json: bool) -> None:
    """List the drafts that wait.

    Example: tidings issue draft list
    """
    from tidings.app.app import opened, utc_now

    with opened(start.settings()) as app:
        found = Drafts(app.database, clock=utc_now).every()
    if as_json:
        show_json([draft_json(one) for one in found])
        return
    rows = [
        (one.newsletter.slug, moment(one.draft.opened_at), len(one.kept), _state(one.draft))
        for one in found
    ]
    show_table(("newsletter", "opened", "entries", "state"), rows)


@draft.command
@click.argument("newsletter")
@json_option
@click.pass_obj
def show(start: Start, newsletter: str, *, as_json: bool) -> None:
    """Show a draft: its entries in their order, and what was changed.

    Example: tidings issue draft show weekly
    """
    from tidings.app.app import opened, utc_now

    with opened(start.settings()) as app:
        found = Drafts(app.database, clock=utc_now).get(newsletter)
    _show(found, as_json=as_json)


@draft.command("open")
@click.argument("newsletter")
@json_option
@click.pass_obj
def open_draft(start: Start, newsletter: str, *, as_json: bool) -> None:
    """Open a draft of what is new now, before its hour; one that is open takes it in.

    Example: tidings issue draft open weekly
    """
    from tidings.app.app import opened, utc_now

    with opened(start.settings()) as app:
        found = Drafts(app.database, clock=utc_now).open(newsletter)
    _show(found, as_json=as_json)


@draft.command
@click.argument("newsletter")
@click.option("--drop", "dropped", type=int, multiple=True, help="An entry never to be told.")
@click.option("--postpone", "postponed", type=int, multiple=True, help="An entry for next time.")
@click.option("--keep", "kept", type=int, multiple=True, help="Neither dropped nor raised.")
@click.option("--raise", "raised", type=int, multiple=True, help="An entry above all others.")
@click.option("--lead", type=int, help="The entry to begin with; 0 to leave the choice.")
@click.option("--language", help="Of --subject and --note; the newsletter's own if left out.")
@click.option("--subject", help="In the place of the usual one; empty for that.")
@click.option("--note", help="Markdown above the entries; empty for none.")
@click.option("--note-file", type=click.File(), help="The same from a file; - for input.")
@json_option
@click.pass_obj
def edit(start: Start, /, newsletter: str, *, as_json: bool, **given: Any) -> None:
    """Change a draft; what is not named stays as it is.

    Entries are named by the number that `show` gives. All but --keep, --lead and the texts may
    be repeated.

    Example: tidings issue draft edit weekly --drop 17 --lead 12 --note "A quiet week."
    """
    from tidings.app.app import opened, utc_now

    with opened(start.settings()) as app:
        desk = Drafts(app.database, clock=utc_now)
        found = desk.get(newsletter)
        language = given["language"] or found.newsletter.language
        desk.change(newsletter, _changed(found.draft.edits, given, language))
        changed = desk.get(newsletter)
    _show(changed, as_json=as_json)


@draft.command
@click.argument("newsletter")
@click.pass_obj
def approve(start: Start, newsletter: str) -> None:
    """Approve a draft: subscribers whose hour has come get it now, the others at theirs.

    Example: tidings issue draft approve weekly
    """
    from tidings.app.app import opened, utc_now

    with opened(start.settings()) as app:
        found = Drafts(app.database, clock=utc_now).approve(newsletter)
    click.echo(f"approved: {found.newsletter.title}, {len(found.kept)} entries")


def _changed(old: Edits, given: dict[str, Any], language: str) -> Edits:
    """Return the edits with what the options say."""
    dropped, postponed, raised = (set(given[name]) for name in ("dropped", "postponed", "raised"))
    named = {*given["kept"], *dropped, *postponed, *raised}
    lead = old.lead_id if given["lead"] is None else given["lead"] or None
    note = given["note_file"].read() if given["note_file"] else given["note"]
    text = old.texts.get(language, EditorText())
    text = EditorText(
        subject=text.subject if given["subject"] is None else given["subject"] or None,
        note=text.note if note is None else note.strip() or None,
    )
    return Edits(
        lead_id=None if lead in dropped | postponed else lead,
        raised=(*given["raised"], *(one for one in old.raised if one not in named)),
        dropped=(old.dropped - named) | dropped,
        postponed=(old.postponed - named) | postponed,
        texts={**old.texts, language: text},
    )


def _show(found: DraftView, *, as_json: bool) -> None:
    if as_json:
        show_json(draft_json(found))
        return
    click.secho(f"{found.newsletter.title}: {_state(found.draft)}", bold=True)
    for language, text in found.draft.edits.texts.items():
        for name, said in (("subject", text.subject), ("note", text.note)):
            if said:
                click.echo(f"{name} ({language}): {said}")
    lead, raised = found.draft.edits.lead_id, found.draft.edits.raised
    rows = [
        (one.id, "lead" if one.id == lead else "raised" if one.id in raised else "", *_named(one))
        for one in found.kept
    ]
    rows += [(one.id, "dropped", *_named(one)) for one in found.dropped]
    rows += [(one.id, "next time", *_named(one)) for one in found.postponed]
    show_table(("entry", "", "source", "title"), rows)


def _named(entry: Entry) -> tuple[str, str]:
    return entry.source.title or entry.source.url, headline(entry)


def _state(draft: Draft) -> str:
    if draft.approved_at:
        return "approved, goes within a minute"
    if draft.deadline_at:
        return f"goes by itself at {moment(draft.deadline_at)}"
    return "waits for approval"
