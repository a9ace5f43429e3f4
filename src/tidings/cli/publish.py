"""`tidings publish`: feeds and pages as files."""

import os
from pathlib import Path

import click

from tidings.cli.start import Start


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
