"""`tidings source add`, `discover` and `try`: begin to follow feeds, and pages without one."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from tidings.cli.output import json_option, moment, show_json, show_table
from tidings.cli.start import Start
from tidings.errors import NoFeedError, StatusError
from tidings.model.entries import Republish
from tidings.model.feed import Link
from tidings.model.page_rules import PageRules

if TYPE_CHECKING:
    from tidings.catalog.sources import NewSource
    from tidings.polling.follow import AddedSource


class _Selectors(TypedDict):
    item: str
    title: str
    link: str
    date: str
    watch: str


class _AddOptions(_Selectors):
    page: str | None
    first: bool
    public: int | None
    republish: str


@click.command
@click.argument("url", required=False)
@click.option("--topic", "topics", multiple=True, help="A topic, made if it is new; repeatable.")
@click.option("--page", metavar="URL", help="A page that has no feed: with --item or --watch.")
@click.option("--item", default="", metavar="CSS", help="What is an entry of --page.")
@click.option(
    "--title",
    default="",
    help="A title instead of its own; with --page, the title within an item (CSS).",
)
@click.option("--link", default="", metavar="CSS", help="The link within an item.")
@click.option("--date", default="", metavar="CSS", help="The date within an item.")
@click.option("--watch", default="", metavar="CSS", help="The element whose changes are entries.")
@click.option("--first", is_flag=True, help="If URL is a page, follow the first feed found there.")
@click.option(
    "--public",
    type=click.IntRange(0),
    help="How many of its entries become public now, the newest; else as the settings say.",
)
@click.option(
    "--republish",
    type=click.Choice([one.value for one in Republish]),
    default=Republish.FULL.value,
    help="How much of its entries we may show: all, title and excerpt, or the title.",
)
@click.pass_obj
def add(
    start: Start, url: str | None, topics: tuple[str, ...], **options: Unpack[_AddOptions]
) -> None:
    """Add a source: fetch it once, and follow it from then on.

    If URL is a page, its feeds are looked for: the only one is followed, and of several you are
    asked which one on a terminal. URL may lack its scheme, or begin with feed:.

    A page that has no feed is named by --page, with selectors (CSS) of what is to be read; `tidings
    source try` shows what they find.

    Example: tidings source add https://example.org/feed.xml --topic science
    """
    if (url is None) == (options["page"] is None):
        raise click.UsageError("name either URL or --page URL")
    new = _new_source(url or options["page"] or "", topics, options)
    added = _add(start, new, options)
    click.echo(f"{added.source.id}: {added.source.title}")
    if new.page and new.page.watch:
        click.echo("watched from now on: its changes are entries")
    else:
        click.echo(f"{added.found} entries found, {added.public} of them public now")
    for problem in added.problems:
        click.echo(f"note: {problem}", err=True)


@click.command
@click.argument("url")
@json_option
@click.pass_obj
def discover(start: Start, url: str, *, as_json: bool) -> None:
    """List the feeds of a site, the likeliest first; nothing is followed.

    Exits with status 1 if there is none.

    Example: tidings source discover https://example.org/
    """
    from tidings.app.app import opened
    from tidings.app.polling import polling
    from tidings.polling.follow import find_feeds

    with opened(start.settings()) as app, polling(app) as gathering:
        links = find_feeds(gathering.prober(), url)
    if as_json:
        show_json([{"url": link.url, "title": link.title, "type": link.type} for link in links])
        return
    show_table(("title", "type", "url"), [(link.title, link.type, link.url) for link in links])


@click.command("try")
@click.argument("url")
@click.option("--item", default="", metavar="CSS", help="What is an entry.")
@click.option("--title", default="", metavar="CSS", help="The title within an item.")
@click.option("--link", default="", metavar="CSS", help="The link within an item.")
@click.option("--date", default="", metavar="CSS", help="The date within an item.")
@click.option("--watch", default="", metavar="CSS", help="The element whose changes are entries.")
@click.pass_obj
def try_page(start: Start, url: str, **options: Unpack[_Selectors]) -> None:
    """Show what selectors find on a page that has no feed; nothing is followed.

    Exits with status 1 if they find nothing.

    Example: tidings source try https://example.org/news --item "main li" --date .when
    """
    from tidings.app.app import opened
    from tidings.app.polling import polling
    from tidings.parsing.page_tree import checked_rules
    from tidings.polling.follow import preview_page

    rules = checked_rules(PageRules.of(_given(options)))
    with opened(start.settings()) as app, polling(app) as gathering:
        preview = preview_page(gathering.prober(), url, rules)
    rows = [
        (one.name, one.selector, one.found, " | ".join(one.examples)) for one in preview.findings
    ]
    show_table(("what", "selector", "found", "the first ones"), rows)
    hints = [one.hint for one in preview.findings if one.hint]
    for hint in (*hints, *preview.doubts):
        click.echo(f"note: {hint}", err=True)
    if preview.entries:
        click.echo("entries as they would be:")
        entries = [(moment(one.published), one.title, one.url) for one in preview.entries]
        show_table(("published", "title", "url"), entries)
    if not preview.findings[0].found:
        raise click.exceptions.Exit(1)


def changed_rules(
    before: PageRules | None, selectors: Mapping[str, str | None]
) -> PageRules | None:
    """Return the rules of a page with other selectors; None if none is given.

    Args:
        before: Its rules; None if the source is a feed.
        selectors: By name; None for those that stay.

    Raises:
        UsageError: The source is a feed.
        InvalidError: The selectors do not belong together, or one of them cannot be read.
    """
    from tidings.parsing.page_tree import checked_rules

    given = {name: said for name, said in selectors.items() if said is not None}
    if not given:
        return None
    if before is None:
        raise click.UsageError("it has a feed: selectors are for pages that have none")
    # Who names an item watches nothing any more, and the other way round.
    kept = {} if given.get("watch") else before.selectors
    kept |= {"watch": ""} if given.get("item") else {}
    return checked_rules(before.with_selectors(kept | given))


def _new_source(url: str, topics: Sequence[str], options: _AddOptions) -> "NewSource":
    from tidings.catalog.sources import NewSource
    from tidings.parsing.page_tree import checked_rules

    republish = Republish(options["republish"])
    selectors = _given(options)
    if options["page"]:
        page = checked_rules(PageRules.of(selectors))
        return NewSource(url=url, topics=topics, republish=republish, page=page)
    title = selectors.pop("title") or None
    if any(selectors.values()):
        raise click.UsageError("selectors are for a page: --page URL")
    return NewSource(url=url, title=title, topics=topics, republish=republish)


def _given(options: _Selectors) -> dict[str, str]:
    return {
        "item": options["item"],
        "title": options["title"],
        "link": options["link"],
        "date": options["date"],
        "watch": options["watch"],
    }


def _add(start: Start, new: "NewSource", options: _AddOptions) -> "AddedSource":
    from tidings.app.app import opened
    from tidings.app.polling import polling

    with opened(start.settings()) as app, polling(app) as gathering, _advice():
        adder = gathering.source_adder()
        if new.page:
            return adder.add_page(new, public=options["public"])
        choose = partial(_choose, first=options["first"])
        return adder.add(new, choose=choose, public=options["public"])


@contextmanager
def _advice() -> Iterator[None]:
    """Say what to do about what the operator can do something about."""
    try:
        yield
    except NoFeedError as error:
        if not error.offered:
            raise
        click.echo(f"tidings: {error}", err=True)
        click.echo("follow one by its own address, or the first with --first", err=True)
        raise click.exceptions.Exit(1) from error
    except StatusError as error:
        # Of all statuses the one that the operator can do something about at once.
        if error.status != HTTPStatus.UNAUTHORIZED:
            raise
        click.echo(f"tidings: {error}", err=True)
        click.echo(
            "it wants a login: name it in the address, as in https://NAME:PASSWORD@HOST/…;"
            " it is kept apart from it, and `tidings source access` changes it",
            err=True,
        )
        raise click.exceptions.Exit(1) from error


def _choose(feeds: Sequence[Link], *, first: bool) -> Link | None:
    """Return the feed to follow: the first, the only one, or the one chosen at the terminal."""
    if first:
        return feeds[0]
    if len(feeds) == 1:
        # On standard error, as all notes: standard output is for what was asked for.
        click.echo(f"note: the feed there is {feeds[0].url}", err=True)
        return feeds[0]
    # In a script the caller gets an error that lists the feeds.
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    rows = [(number, link.title, link.type, link.url) for number, link in enumerate(feeds, start=1)]
    show_table(("", "title", "type", "url"), rows)
    number = click.prompt("Which one", type=click.IntRange(1, len(feeds)), default=1)
    return feeds[number - 1]
