"""`tidings search`: search entries, and save searches."""

import click

from tidings.cli.output import json_option, limit_option, moment, show_json, show_table
from tidings.cli.start import Start
from tidings.model.contracts import entry_json
from tidings.search.query import SavedSearch


@click.group
def search() -> None:
    """Search all entries; save searches, which have a page and feeds of their own.

    A query is words, "phrases", -words, and source:SLUG, topic:SLUG, since:DATE, until:DATE.

    Example: tidings search find '"machine learning" topic:science since:2026-01'
    """


_query_argument = click.argument("query", nargs=-1, required=True)


@search.command
@_query_argument
@limit_option
@json_option
@click.pass_obj
def find(start: Start, query: tuple[str, ...], limit: int, *, as_json: bool) -> None:
    """Find entries that readers can see, the best first.

    Example: tidings search find --limit 10 -- 机器学习 -python
    """
    from tidings.app.app import opened
    from tidings.publishing.search_page import find_entries

    with opened(start.settings()) as app, app.database.read() as connection:
        found = find_entries(connection, _joined(query), limit=limit or None)
    if as_json:
        show_json([entry_json(one) for one in found])
        return
    rows = [
        (one.id, moment(one.sort_at), one.source.title, one.title or one.excerpt[:60])
        for one in found
    ]
    show_table(("id", "date", "source", "title"), rows)


@search.command
@click.argument("slug")
@click.option("--title", help="What readers see; the query if it is left out.")
@_query_argument
@click.pass_obj
def add(start: Start, slug: str, title: str | None, query: tuple[str, ...]) -> None:
    """Save a search: it has a page and feeds at /searches/SLUG.

    Example: tidings search add sqlite --title "SQLite" -- sqlite -mysql
    """
    from tidings.app.app import opened, utc_now
    from tidings.publishing.search_page import save

    text = _joined(query)
    with opened(start.settings()) as app, app.database.write() as connection:
        new = SavedSearch(slug=slug, title=title or text, query=text)
        save(connection, new, now=utc_now())
    click.echo(f"added: {new.title}, at /searches/{slug}")


@search.command("list")
@json_option
@click.pass_obj
def list_searches(start: Start, *, as_json: bool) -> None:
    """List the saved searches.

    Example: tidings search list
    """
    from tidings.app.app import opened
    from tidings.search.store import saved_searches

    with opened(start.settings()) as app, app.database.read() as connection:
        saved = saved_searches.every(connection)
    if as_json:
        show_json([_contract(one) for one in saved])
        return
    show_table(("slug", "title", "query"), [(one.slug, one.title, one.query) for one in saved])


@search.command
@click.argument("slug")
@json_option
@click.pass_obj
def show(start: Start, slug: str, *, as_json: bool) -> None:
    """Show a saved search.

    Example: tidings search show sqlite --json
    """
    from tidings.app.app import opened
    from tidings.search.store import saved_searches

    with opened(start.settings()) as app, app.database.read() as connection:
        saved = saved_searches.get(connection, slug)
    if as_json:
        show_json(_contract(saved))
        return
    click.secho(saved.title, bold=True)
    click.echo(saved.query)


@search.command
@click.argument("slug")
@click.pass_obj
def remove(start: Start, slug: str) -> None:
    """Remove a saved search; its page and feeds go with it.

    Example: tidings search remove sqlite
    """
    from tidings.app.app import opened, utc_now
    from tidings.search.store import saved_searches

    with opened(start.settings()) as app, app.database.write() as connection:
        saved_searches.remove(connection, slug, now=utc_now())
    click.echo(f"removed: {slug}")


def _joined(query: tuple[str, ...]) -> str:
    """Return arguments as one query; what the shell kept together was in quotation marks."""
    return query[0] if len(query) == 1 else " ".join(map(_quoted, query))


def _quoted(part: str) -> str:
    # Unless it has quotation marks of its own, as in '"machine learning" topic:science'.
    return f'"{part}"' if " " in part and '"' not in part else part


def _contract(saved: SavedSearch) -> dict[str, object]:
    return {"slug": saved.slug, "title": saved.title, "query": saved.query}
