"""`tidings source edit`: what the operator changes in a source."""

import re
from datetime import timedelta
from typing import TypedDict, Unpack

import click

from tidings.cli.output import ID
from tidings.cli.start import Start
from tidings.config import UNITS


class _Duration(click.ParamType[timedelta]):
    name = "duration"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        match = re.fullmatch(r"([0-9]{1,6})([smhd])", value)
        if value and match is None:
            self.fail(f"{value!r} is no duration such as 90m, 3h or 2d", param, ctx)
        return timedelta(seconds=int(match[1]) * UNITS[match[2]] if match else 0)


class _Options(TypedDict):
    title: str | None
    url: str | None
    topics: tuple[str, ...]
    no_topics: bool
    interval: timedelta | None


@click.command
@click.argument("source_id", metavar="SOURCE", type=ID)
@click.option("--title", help="What to call it; empty for what it calls itself.")
@click.option("--url", help="Where it is now.")
@click.option("--topic", "topics", multiple=True, help="Its topics from now on; repeatable.")
@click.option("--no-topics", is_flag=True, help="Take all its topics away.")
@click.option("--interval", type=_Duration(), help="How often to poll it; empty to learn that.")
@click.pass_obj
def edit(start: Start, source_id: int, **options: Unpack[_Options]) -> None:
    """Change a source's title, address or topics, or how often it is polled.

    Example: tidings source edit 3 --title "The Daily Query" --topic databases
    """
    from tidings.services.subscribe import web_address
    from tidings.storage import sources, topics
    from tidings.wiring import opened, utc_now

    url = options["url"]
    with opened(start.settings()) as app, app.database.write() as connection:
        now = utc_now()
        slugs = list(topics.ensure(connection, options["topics"], now=now).values())
        change = sources.Edit(
            title=options["title"],
            url=web_address(url) if url else None,
            topics=slugs if slugs or options["no_topics"] else None,
            interval=options["interval"],
        )
        sources.edit(connection, source_id, change, now=now)
