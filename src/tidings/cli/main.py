"""The command `tidings`: its options, errors and exit codes."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from tidings.cli.commands import LateGroup
from tidings.errors import ConfigError, InvalidError, TidingsError

# Commands import what they need inside their functions, and are imported when they are called:
# `--help` and completion load nothing else.

# As in shells: 2 for wrong usage, 128 and the signal's number after Ctrl-C.
OK, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130

# The umask of everything we write: the database, its backups and messages hold addresses and
# tokens.
OWNER_ONLY = 0o077


@click.group(
    cls=LateGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file of settings; without it, the one that TIDINGS_CONFIG names.",
)
@click.version_option(package_name="tidings", prog_name="tidings")
@click.pass_context
def tidings(context: click.Context, path: Path | None) -> None:
    """Follow many feeds, and tell people what is new.

    Example: tidings source add https://example.org/feed.xml && tidings run
    """
    from tidings.cli.start import Start

    # Nothing is read yet: `--help` of a command works with a broken file as well.
    context.obj = Start(path, umask=context.obj)


def run(arguments: Sequence[str]) -> int:
    """Run one command; return its exit status.

    0 means done, 1 that something failed, 2 wrong usage or configuration.
    """
    umask = os.umask(OWNER_ONLY)
    try:
        # Commands return nothing, so what comes back is the status of an `Exit`, if any.
        # Not standalone: click would print errors and choose exit codes by itself.
        done = tidings.main(list(arguments), prog_name="tidings", standalone_mode=False, obj=umask)
        status = done or OK
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except TidingsError as error:
        click.echo(f"tidings: {error}", err=True)
        status = MISUSED if isinstance(error, ConfigError | InvalidError) else FAILED
    # A bug is not caught: its traceback is what a report needs.
    except (click.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    finally:
        os.umask(umask)  # tests run commands in their own process
    return status
