"""`tidings source access`: what a source is asked with."""

from collections.abc import Sequence
from typing import TextIO, TypedDict, Unpack

import click

from tidings.cli.source_name import SOURCE
from tidings.cli.start import Start
from tidings.domain.access import Access, changed


class _Secret(click.ParamType[str]):
    """A text, or `@FILE` for what stands in that file."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value.startswith("@"):
            return value
        file = click.File(errors="surrogateescape").convert(value[1:], param, ctx)
        return str(file.read()).strip()


class _AccessOptions(TypedDict):
    user: str | None
    password_file: TextIO | None
    headers: tuple[str, ...]
    cookies: tuple[str, ...]
    proxy: str | None
    user_agent: str | None
    none: bool


@click.command
@click.argument("source_id", metavar="SOURCE", type=SOURCE)
@click.option("--user", help="Who logs in; empty for nobody.")
@click.option(
    "--password-file",
    type=click.File(errors="surrogateescape"),
    help="Where the password stands; - to type it, or to read it from a pipe.",
)
@click.option("--header", "headers", multiple=True, type=_Secret(), help="NAME: VALUE; repeatable.")
@click.option("--cookie", "cookies", multiple=True, type=_Secret(), help="NAME=VALUE; repeatable.")
@click.option("--proxy", type=_Secret(), help="http://[USER:PASSWORD@]HOST:PORT to go through.")
@click.option("--user-agent", help="What to call ourselves.")
@click.option("--none", is_flag=True, help="Take away what was set before.")
@click.pass_obj
def access(start: Start, source_id: int, **options: Unpack[_AccessOptions]) -> None:
    """Set what a source is asked with: a login, headers, cookies, a proxy, a user agent.

    What is not named stays as it is; an empty value takes away what was set. Without any
    option, only tells what there is. Values themselves are never shown again. What others must
    not see on the command line can stand in a file: --header @FILE, and so with --cookie and
    --proxy.

    Example: tidings source access 3 --user reader --password-file -
    """
    from tidings.storage import sources
    from tidings.storage import sources as stored
    from tidings.wiring import opened, utc_now

    change = _change(options)
    with opened(start.settings()) as app, app.database.write() as connection:
        sources.get(connection, source_id)
        before = stored.access_of(connection, [source_id]).get(source_id, Access())
        after = changed(Access() if options["none"] else before, change)
        if after != before:
            edit = sources.SourceEdit(access=after)
            sources.edit(connection, source_id, edit, now=utc_now())
    click.echo(after.summary or "asked like all others")


def _change(options: _AccessOptions) -> Access:
    file = options["password_file"]
    return Access(
        user=options["user"],
        password=_password(file) if file else None,
        headers=_pairs(options["headers"], mark=":"),
        cookies=_pairs(options["cookies"], mark="="),
        proxy=options["proxy"],
        user_agent=options["user_agent"],
    )


def _password(file: TextIO) -> str:
    if file.isatty():
        return str(click.prompt("Password", hide_input=True, err=True))
    return file.read().rstrip("\r\n")


def _pairs(texts: Sequence[str], *, mark: str) -> dict[str, str]:
    pairs = [text.partition(mark) for text in texts]
    if not all(found for _, found, _ in pairs):
        raise click.UsageError(f"expected NAME{mark}VALUE")
    return {name.strip(): value.strip() for name, _, value in pairs}
