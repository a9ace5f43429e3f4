"""`tidings publish`: feeds and pages as files."""

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidings.cli.start import Start

# For an annotation only: what is imported here, `--help` would pay for.
if TYPE_CHECKING:
    from tidings.publishing.static_site import Written


@click.command
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--watch",
    is_flag=True,
    help="Go on: write again what changes, until SIGTERM or Ctrl-C.",
)
@click.option(
    "--pause",
    default="1m",
    show_default=True,
    help="With --watch, how long at least between one time and the next.",
)
@click.pass_obj
def publish(start: Start, folder: Path, pause: str, *, watch: bool) -> None:
    """Write all feeds and pages into a folder, for any web server to serve.

    Only what has changed is rendered and written again, and what is gone is removed; files of
    other origin are left alone. Set [web] base_url to the address that the folder will have.

    Example: TIDINGS_WEB__BASE_URL=https://example.org/news tidings publish public/
    """
    from tidings.app import publishing
    from tidings.app.app import opened
    from tidings.cli.run import end_in_order
    from tidings.errors import InvalidError
    from tidings.model.durations import parse_duration

    span = parse_duration(pause)
    if span < timedelta(seconds=1):
        raise InvalidError("pause", pause, "expected a second at least")
    settings = start.service_settings() if watch else start.settings()
    with opened(settings) as app:
        os.umask(start.umask)  # all else is ours alone; this is for a web server to read
        if not watch:
            _say(publishing.publish(app, folder), folder)
            return
        end_in_order()
        for done in publishing.published_again(app, folder, pause=span):
            if done.written or done.removed:
                _say(done, folder)


def _say(done: "Written", folder: Path) -> None:
    removed = f", {done.removed} removed" if done.removed else ""
    click.echo(f"{done.written} of {done.files} files written into {folder}{removed}")
