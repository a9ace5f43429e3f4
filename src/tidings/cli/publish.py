"""`tidings publish`: the static site."""

from pathlib import Path

import click

from tidings.cli.start import Start


@click.command
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_obj
def publish(start: Start, folder: Path) -> None:
    """Write all feeds and pages into a folder, for any web server to serve.

    Files that would not change are left alone. Set [web] base_url to the address that the
    folder will have.

    Example: TIDINGS_WEB__BASE_URL=https://example.org/news tidings publish public/
    """
    from tidings.services import site
    from tidings.wiring import opened

    with opened(start.settings()) as app:
        publication = app.publication(site.page_path)
        written = site.publish(app.database, publication, folder, assets=app.assets())
    click.echo(f"{written.changed} of {written.files} files written into {folder}")
