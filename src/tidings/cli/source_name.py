"""How a source is named on the command line: by its id, its slug, or its address."""

import click

from tidings.cli.output import ID
from tidings.cli.start import Start


class _SourceName(click.ParamType[int]):
    """Makes an id of what names a source; what is a number is not looked up."""

    name = "source"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value.isdecimal():
            return int(ID(value, param, ctx))
        from tidings.storage import sources
        from tidings.wiring import opened

        start = ctx.find_object(Start) if ctx else None
        if start is None:
            self.fail(f"{value!r} is no number", param, ctx)
        with opened(start.settings()) as app, app.database.read() as connection:
            return sources.id_of(connection, value)


SOURCE = _SourceName()
