"""`tidings source edit`: what the operator changes in a source."""

from datetime import timedelta
from typing import TypedDict, Unpack

import click

from tidings.cli.source_name import SOURCE
from tidings.cli.start import Start
from tidings.domain.entries import Republish
from tidings.domain.spans import parse_duration
from tidings.errors import InvalidError


class _Duration(click.ParamType[timedelta]):
    name = "duration"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        try:
            return parse_duration(value)
        except InvalidError as error:
            self.fail(str(error), param, ctx)


_SHOWN = {
    "title": "title",
    "url": "address",
    "topics": "topics",
    "given_interval": "interval",
    "republish": "what may be shown",
    "noindex": "for search engines",
    "hides_address": "whether its address is shown",
}
"""What can be changed, by field, in words."""


class _EditOptions(TypedDict):
    title: str | None
    url: str | None
    topics: tuple[str, ...]
    no_topics: bool
    interval: timedelta | None
    republish: str | None
    noindex: bool | None
    address: str | None


@click.command
@click.argument("source_id", metavar="SOURCE", type=SOURCE)
@click.option("--title", help="What to call it; empty for what it calls itself.")
@click.option("--url", help="Where it is now.")
@click.option("--topic", "topics", multiple=True, help="Its topics from now on; repeatable.")
@click.option("--no-topics", is_flag=True, help="Take all its topics away.")
@click.option("--interval", type=_Duration(), help="How often to poll it; empty to learn that.")
@click.option(
    "--republish",
    type=click.Choice([one.value for one in Republish]),
    help="How much of its entries we may show, everywhere: all, title and excerpt, or the title.",
)
@click.option(
    "--noindex/--index",
    default=None,
    help="Whether search engines are asked to leave its pages out.",
)
@click.option(
    "--address",
    type=click.Choice(["shown", "hidden"]),
    help="Whether others may see its URL; one with a token in it is hidden unless you say so.",
)
@click.pass_obj
def edit(start: Start, source_id: int, **options: Unpack[_EditOptions]) -> None:
    """Change a source: title, address, topics, how often it is polled, what may be shown of it.

    Example: tidings source edit 3 --title "The Daily Query" --republish excerpt
    """
    from tidings.domain.urls import web_address
    from tidings.storage import sources, topics
    from tidings.wiring import opened, utc_now

    url, republish, address = options["url"], options["republish"], options["address"]
    with opened(start.settings()) as app, app.database.write() as connection:
        now, before = utc_now(), sources.get(connection, source_id)
        slugs = list(topics.ids_of(connection, options["topics"]))
        change = sources.SourceEdit(
            title=options["title"],
            url=web_address(url) if url else None,
            topics=slugs if slugs or options["no_topics"] else None,
            interval=options["interval"],
            republish=Republish(republish) if republish else None,
            noindex=options["noindex"],
            hides_address=None if address is None else address == "hidden",
        )
        sources.edit(connection, source_id, change, now=now)
        after = sources.get(connection, source_id)
    changed = [name for name in _SHOWN if getattr(before, name) != getattr(after, name)]
    words = ", ".join(_SHOWN[name] for name in changed)
    click.echo(f"{f'changed ({words})' if changed else 'is like that already'}: {after.title}")
