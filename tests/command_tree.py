"""The commands of the program, by what one types."""

import click

from tidings.cli.main import tidings


def commands(group=tidings, path="tidings"):
    """Yield every command and every group, each with its path."""
    yield path, group
    if isinstance(group, click.Group):
        for name in group.commands:
            yield from commands(subcommand(group, name), f"{path} {name}")


def subcommand(group, name):
    """Return what is called when this name is typed."""
    _, command, _ = group.resolve_command(click.Context(group), [name])
    return command
