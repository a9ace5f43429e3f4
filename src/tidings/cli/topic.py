"""`tidings topic`: add, list and remove topics."""

import click

from tidings.cli.output import json_option, show_json, show_table
from tidings.cli.start import Start
from tidings.model.contracts import rfc3339


@click.group
def topic() -> None:
    """Add, list and remove topics, the labels on sources.

    Example: tidings topic add databases --title "Databases"
    """


@topic.command
@click.argument("slug")
@click.option("--title", help="What readers see; the slug if it is left out.")
@click.pass_obj
def add(start: Start, slug: str, title: str | None) -> None:
    """Add a topic.

    Example: tidings topic add machine-learning --title "Machine learning 机器学习"
    """
    from tidings.app.app import opened, utc_now
    from tidings.catalog import topics

    with opened(start.settings()) as app, app.database.write() as connection:
        new = topics.add(connection, slug, title=title or slug, now=utc_now())
    click.echo(f"added: {new.title}")


@topic.command("list")
@json_option
@click.pass_obj
def list_topics(start: Start, *, as_json: bool) -> None:
    """List all topics, with the number of sources and entries of each.

    Example: tidings topic list
    """
    from tidings.app.app import opened
    from tidings.catalog import topics

    with opened(start.settings()) as app, app.database.read() as connection:
        found = topics.with_counts(connection)
    if as_json:
        show_json(
            [
                {
                    "slug": use.slug,
                    "title": use.title,
                    "sources": use.sources,
                    "entries": use.entries,
                    "latest_at": rfc3339(use.latest_at),
                }
                for use in found
            ]
        )
        return
    rows = [(use.slug, use.title, use.sources, use.entries) for use in found]
    show_table(("slug", "title", "sources", "entries"), rows)


@topic.command
@click.argument("slug")
@click.pass_obj
def remove(start: Start, slug: str) -> None:
    """Remove a topic; its sources and entries stay.

    Example: tidings topic remove databases
    """
    from tidings.app.app import opened, utc_now
    from tidings.catalog import topics

    with opened(start.settings()) as app, app.database.write() as connection:
        topics.remove(connection, slug, now=utc_now())
    click.echo(f"removed: {slug}; its sources stay")
