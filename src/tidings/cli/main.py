"""The command `tidings`: its options, its errors, its exit codes."""

import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import click

from tidings.cli.bounce import bounce
from tidings.cli.completion import completion
from tidings.cli.config import config
from tidings.cli.db import db
from tidings.cli.delivery import delivery
from tidings.cli.demo import demo
from tidings.cli.doctor import doctor
from tidings.cli.entry import entry
from tidings.cli.explain import explain
from tidings.cli.filter import filters
from tidings.cli.issue import issue
from tidings.cli.newsletter import newsletter
from tidings.cli.poll import poll
from tidings.cli.publish import publish
from tidings.cli.run import run as run_service
from tidings.cli.run import web
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

OK, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130

OWNER_ONLY = 0o077
"""A umask: addresses and links with tokens are in the database, its backups, and letters."""


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
        done = tidings.main(list(arguments), prog_name="tidings", standalone_mode=False, obj=umask)
        status = done or OK
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except TidingsError as error:
        click.echo(f"tidings: {error}", err=True)
        status = MISUSED if isinstance(error, ConfigError | InvalidError) else FAILED
    except (click.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    finally:
        os.umask(umask)
    return status
