"""`tidings config`: the settings in force."""

import re
from dataclasses import fields, is_dataclass
from datetime import timedelta

import click

from tidings.cli.output import json_option, show_json
from tidings.cli.start import Start

# Ends of names, so that new settings of that kind are masked as well.
SECRETS = ("secret", "password", "key")
MASK = "***"
# In addresses of databases and relays; the user name helps to find what is wrong.
CREDENTIALS = r"(?<=://)([^/@:]*):[^/@]*@"


@click.group
def config() -> None:
    """Show the settings.

    Example: tidings config show
    """


@config.command
@json_option
@click.pass_obj
def show(start: Start, *, as_json: bool) -> None:
    """Show the value of every setting; passwords are masked.

    Example: TIDINGS_WEB__PORT=8080 tidings config show
    """
    settings = start.settings()
    shown = {
        field.name: _plain(field.name, getattr(settings, field.name)) for field in fields(settings)
    }
    if as_json:
        show_json(shown)
        return
    for name, value in shown.items():
        if not isinstance(value, dict):
            click.echo(f"{name} = {value!r}")
            continue
        click.echo(f"[{name}]")
        for key, inner in value.items():
            click.echo(f"{key} = {inner!r}")


def _plain(name: str, value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        # `from_` is `from` in the file.
        parts = [(field.name.rstrip("_"), getattr(value, field.name)) for field in fields(value)]
        return {key: _plain(key, inner) for key, inner in parts if inner is not None}
    if isinstance(value, dict):
        return {key: _plain(key, inner) for key, inner in value.items()}
    if isinstance(value, timedelta):
        # As it can be written into the file.
        return f"{value.total_seconds():g}s"
    if isinstance(value, str):
        return (
            MASK if value and name.endswith(SECRETS) else re.sub(CREDENTIALS, rf"\1:{MASK}@", value)
        )
    return value
