"""The command `tidings`: its options, errors and exit codes; `completion`, `demo`, `publish`."""

import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from tidings.cli.bounce import bounce
from tidings.cli.config import config
from tidings.cli.db import db
from tidings.cli.delivery import delivery
from tidings.cli.doctor import doctor
from tidings.cli.entry import entry
from tidings.cli.explain import explain
from tidings.cli.filter import filters
from tidings.cli.issue import issue
from tidings.cli.newsletter import newsletter
from tidings.cli.poll import poll
from tidings.cli.run import end_in_order, web
from tidings.cli.run import run as run_service
from tidings.cli.search import search
from tidings.cli.simulate import simulate
from tidings.cli.source import source
from tidings.cli.start import Start
from tidings.cli.stats import stats
from tidings.cli.story import story
from tidings.cli.subscriber import subscriber
from tidings.cli.suppression import suppression
from tidings.cli.token import token
from tidings.cli.topic import topic
from tidings.errors import ConfigError, InvalidError, TidingsError

# Commands import what they need inside their functions: `--help` and completion load nothing else.

# As in shells: 2 for wrong usage, 128 and the signal's number after Ctrl-C.
OK, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130

# The umask of everything we write: the database, its backups and messages hold addresses and
# tokens.
OWNER_ONLY = 0o077


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


@click.command
@click.option("--once", is_flag=True, help="Stop after the first round instead of serving.")
@click.pass_obj
def demo(start: Start, *, once: bool) -> None:
    """Follow a small web of feeds on this machine, to see how it works.

    Everything is kept in var/demo, which is made anew each time.

    Example: tidings demo --once
    """
    from tidings.demo.tour import first_round, serving

    settings = start.settings()
    with serving(settings, say=click.echo) as tour:
        first_round(tour)
        if not once:
            # Only here: the first round ends by Ctrl-C like any command, with its status.
            end_in_order()
            tour.serve()


@click.command
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_obj
def publish(start: Start, folder: Path) -> None:
    """Write all feeds and pages into a folder, for any web server to serve.

    Only what has changed is rendered and written again, and what is gone is removed; files of
    other origin are left alone. Set [web] base_url to the address that the folder will have.

    Example: TIDINGS_WEB__BASE_URL=https://example.org/news tidings publish public/
    """
    from tidings.app import publishing
    from tidings.app.app import opened

    with opened(start.settings()) as app:
        os.umask(start.umask)  # all else is ours alone; this is for a web server to read
        done = publishing.publish(app, folder)
    removed = f", {done.removed} removed" if done.removed else ""
    click.echo(f"{done.written} of {done.files} files written into {folder}{removed}")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file of settings; without it, the one that TIDINGS_CONFIG names.",
)
@click.version_option(version("tidings"), prog_name="tidings")
@click.pass_context
def tidings(context: click.Context, path: Path | None) -> None:
    """Follow many feeds, and tell people what is new.

    Example: tidings source add https://example.org/feed.xml && tidings run
    """
    # Nothing is read yet: `--help` of a command works with a broken file as well.
    context.obj = Start(path, umask=context.obj)


for command in (
    run_service,
    web,
    demo,
    poll,
    publish,
    source,
    topic,
    entry,
    search,
    story,
    filters,
    newsletter,
    subscriber,
    suppression,
    issue,
    delivery,
    bounce,
    explain,
    simulate,
    stats,
    doctor,
    token,
    db,
    config,
    completion,
):
    tidings.add_command(command)


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
