"""`tidings completion`: a script for the shell."""

import click
from click.shell_completion import get_completion_class


@click.command
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that completes commands and options in a shell.

    Example: source <(tidings completion bash)
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"no completion for {shell}")
    # Of the whole program, whichever command this one stands under.
    root = context.find_root()
    click.echo(kind(root.command, {}, "tidings", "_TIDINGS_COMPLETE").source())
