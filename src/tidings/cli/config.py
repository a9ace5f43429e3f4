"""`tidings config`: the settings in force."""

from typing import Any

import click

from tidings.cli.output import json_option, show_json
from tidings.cli.start import Start
from tidings.config import listed


@click.group
def config() -> None:
    """Show the settings.

    Example: tidings config show
    """


@config.command
@json_option
@click.pass_obj
def show(start: Start, *, as_json: bool) -> None:
    """Show the value of every setting, and where it is from; passwords are masked.

    Example: TIDINGS_WEB__PORT=8080 tidings config show
    """
    lines = listed(start.settings())
    if as_json:
        nested: dict[str, Any] = {}
        for line in lines:
            section = nested
            for name in line.path[:-1]:
                section = section.setdefault(name, {})
            section[line.path[-1]] = line.value
        show_json(nested)
        return
    heading: tuple[str, ...] = ()
    for line in lines:
        if line.path[:-1] != heading:
            heading = line.path[:-1]
            click.echo(f"[{'.'.join(heading)}]")
        click.echo(f"{line.path[-1]} = {line.value!r}  # {line.origin}")
