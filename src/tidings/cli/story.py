"""`tidings story`: stories that several sources tell."""

import click

from tidings.cli.output import ID, json_option, limit_option, moment, show_json, show_table
from tidings.cli.start import Start
from tidings.errors import InvalidError
from tidings.model.contracts import entry_json, rfc3339


@click.group
def story() -> None:
    """List, show, split and merge stories that several sources tell.

    Example: tidings story list --limit 10
    """


@story.command("list")
@limit_option
@json_option
@click.pass_obj
def list_stories(start: Start, limit: int, *, as_json: bool) -> None:
    """List stories, the latest first.

    Example: tidings story list --json
    """
    from tidings.app.app import opened
    from tidings.stories.store import records

    with opened(start.settings()) as app, app.database.read() as connection:
        found = records.latest(connection, limit=limit or None)
    if as_json:
        show_json(
            [
                {
                    "id": one.id,
                    "made_at": rfc3339(one.made_at),
                    "entries": [entry.id for entry in one.entries],
                }
                for one in found
            ]
        )
        return
    rows = [(one.id, moment(one.made_at), len(one.entries), one.entries[0].title) for one in found]
    show_table(("id", "made", "entries", "title"), rows)


@story.command
@click.argument("story_id", metavar="STORY", type=ID)
@json_option
@click.pass_obj
def show(start: Start, story_id: int, *, as_json: bool) -> None:
    """Show the entries of a story, the oldest first; the oldest public one leads.

    Example: tidings story show 3
    """
    from tidings.app.app import opened
    from tidings.stories.store import records

    with opened(start.settings()) as app, app.database.read() as connection:
        found = records.get(connection, story_id)
    if as_json:
        members = [entry_json(one) | {"follows": one.follows} for one in found.entries]
        show_json({"id": found.id, "made_at": rfc3339(found.made_at), "entries": members})
        return
    rows = [
        (one.id, one.source.title, one.title, one.state, "follows" if one.follows else "leads")
        for one in found.entries
    ]
    show_table(("id", "source", "title", "state", "place"), rows)


@story.command
@click.argument("entry_id", metavar="ENTRY", type=ID)
@click.pass_obj
def split(start: Start, entry_id: int) -> None:
    """Take an entry out of its story, never to join those that are in it again.

    Example: tidings story split 17
    """
    from tidings.app.app import opened, utc_now
    from tidings.stories.store import records

    with opened(start.settings()) as app, app.database.write() as connection:
        mates = records.split(connection, entry_id, now=utc_now())
    click.echo(f"entry {entry_id} is kept apart from {', '.join(map(str, mates))}")


@story.command
@click.argument("entry_ids", metavar="ENTRY ENTRY...", nargs=-1, type=ID, required=True)
@click.pass_obj
def merge(start: Start, entry_ids: tuple[int, ...]) -> None:
    """Make entries one story, with all that are in a story with one of them.

    Example: tidings story merge 17 21
    """
    from tidings.app.app import opened, utc_now
    from tidings.stories.store import records

    # As a set: the same entry twice is one.
    if len(set(entry_ids)) < 2:
        raise InvalidError("entries", " ".join(map(str, entry_ids)), "name two or more")
    with opened(start.settings()) as app, app.database.write() as connection:
        story_id = records.merge(connection, list(dict.fromkeys(entry_ids)), now=utc_now())
    click.echo(f"one story: {story_id}")
