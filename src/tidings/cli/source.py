"""`tidings source`: list, change and remove sources; OPML; access; state."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, TextIO, TypedDict, Unpack

import click

from tidings.cli.output import ID, json_option, moment, show_json, show_table, until
from tidings.cli.secrets import SecretText
from tidings.cli.source_following import add, changed_rules, discover, try_page
from tidings.cli.start import Start
from tidings.errors import ImportFileError, InvalidError, ParseError
from tidings.model.access import Access, parse_pairs
from tidings.model.contracts import rfc3339, source_json
from tidings.model.durations import parse_duration
from tidings.model.entries import Republish
from tidings.model.full_text import TextMode
from tidings.model.mail_lists import is_by_mail
from tidings.model.sources import UNAUTHORIZED, Decision, Source, SourceState, login_advice

# What can be changed, by field, in words.
_SHOWN = {
    "title": "title",
    "url": "address",
    "topics": "topics",
    "given_interval": "interval",
    "republish": "what may be shown",
    "noindex": "for search engines",
    "hides_address": "whether its address is shown",
    "page": "what is read of the page",
    "text_mode": "whether its articles are fetched",
}


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.pass_obj
def import_list(start: Start, file: BinaryIO) -> None:
    """Follow every source of an OPML list, or of a Planet's settings; folders become topics.

    Nothing is fetched now. Exits with status 1 if part of the list could not be read; the
    rest is imported.

    Example: tidings source import subscriptions.opml
    """
    from tidings.app.app import opened, utc_now
    from tidings.parsing.source_lists import read_source_list
    from tidings.polling.source_list import import_sources

    try:
        listed = read_source_list(file.read())
    except ParseError as error:
        raise ImportFileError(file.name, error.because) from error
    with opened(start.settings()) as app:
        result = import_sources(app.database, listed.outlines, clock=utc_now)
    click.echo(f"{result.added} added, {result.known} followed already")
    for what in listed.left:
        click.echo(f"note: not carried over: {what}", err=True)
    for problem in listed.problems:
        click.echo(f"tidings: not imported: {problem}", err=True)
    if listed.problems:
        raise click.exceptions.Exit(1)


@click.command
@click.argument(
    "file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), default="-"
)
@click.pass_obj
def export(start: Start, file: Path) -> None:
    """Write all sources as an OPML list, to a file or to standard output.

    Example: tidings source export subscriptions.opml
    """
    from tidings.app.app import opened
    from tidings.app.publishing import site_of
    from tidings.catalog import sources
    from tidings.publishing.directories import outlines
    from tidings.publishing.formats.opml import render_opml

    with opened(start.settings()) as app, app.database.read() as connection:
        # Before the file is opened: what fails here leaves an older list as it was.
        body = render_opml(outlines(connection), title=site_of(app).title)
        hidden = [
            one.slug
            for one in sources.every(connection)
            if one.hides_address and not is_by_mail(one.url)
        ]
    try:
        # Atomic: whoever reads the file gets the old list or the new one, never half of it.
        with click.open_file(str(file), "wb", atomic=str(file) != "-") as target:
            target.write(body)
    except OSError as error:
        raise click.FileError(str(file), error.strerror) from error
    if hidden:
        are = "1 source is" if len(hidden) == 1 else f"{len(hidden)} sources are"
        click.echo(
            f"note: {are} not in the list, for the address is private: {', '.join(hidden)};"
            " `tidings source edit SOURCE --address shown` publishes it",
            err=True,
        )


class _Duration(click.ParamType[timedelta]):
    name = "duration"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        try:
            return parse_duration(value)
        except InvalidError as error:
            self.fail(str(error), param, ctx)


class _EditOptions(TypedDict):
    title: str | None
    url: str | None
    topics: tuple[str, ...]
    no_topics: bool
    interval: timedelta | None
    republish: str | None
    noindex: bool | None
    address: str | None
    item: str | None
    item_title: str | None
    item_link: str | None
    item_date: str | None
    watch: str | None
    full_text: str | None


class _AccessOptions(TypedDict):
    user: str | None
    password_file: TextIO | None
    headers: tuple[str, ...]
    cookies: tuple[str, ...]
    proxy: str | None
    user_agent: str | None
    none: bool


class _SourceName(click.ParamType[int]):
    """A source by id, slug or address; a number is not looked up."""

    name = "source"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        # The command itself says if there is none, in the transaction that it needs anyway.
        if value.isdecimal():
            return int(ID(value, param, ctx))
        from tidings.app.app import opened
        from tidings.catalog import sources

        start = ctx.find_object(Start) if ctx else None
        if start is None:
            self.fail(f"{value!r} is no number", param, ctx)
        with opened(start.settings()) as app, app.database.read() as connection:
            return sources.id_of(connection, value)


SOURCE = _SourceName()


@click.command
@click.argument("source_id", metavar="SOURCE", type=SOURCE)
@click.option("--title", help="Its title; empty for its own.")
@click.option("--url", help="Its new address.")
@click.option("--topic", "topics", multiple=True, help="Its topics from now on; repeatable.")
@click.option("--no-topics", is_flag=True, help="Remove all its topics.")
@click.option("--interval", type=_Duration(), help="How often to poll it; empty to adapt.")
@click.option(
    "--republish",
    type=click.Choice([one.value for one in Republish]),
    help="How much of its entries we may show, everywhere: all, title and excerpt, or the title.",
)
@click.option(
    "--noindex/--index",
    default=None,
    help="Whether search engines are asked to leave its pages out.",
)
@click.option(
    "--address",
    type=click.Choice(["shown", "hidden"]),
    help="Whether others may see its URL; one with a token in it is hidden unless you say so.",
)
@click.option("--item", metavar="CSS", help="What is an entry of a page without a feed.")
@click.option("--item-title", metavar="CSS", help="The title within an item; empty for a heading.")
@click.option("--item-link", metavar="CSS", help="The link within an item; empty for the title's.")
@click.option("--item-date", metavar="CSS", help="The date within an item; empty for its time.")
@click.option("--watch", metavar="CSS", help="The element of a page whose changes are entries.")
@click.option(
    "--full-text",
    type=click.Choice([*(mode.value for mode in TextMode), "off"]),
    help="Whether the page of each new entry is fetched for its article; auto: of teasers.",
)
@click.pass_obj
def edit(start: Start, source_id: int, **options: Unpack[_EditOptions]) -> None:
    """Change a source: title, address, topics, how it is polled, what may be shown of it.

    Example: tidings source edit 3 --title "The Daily Query" --republish excerpt
    """
    from tidings.app.app import opened, utc_now
    from tidings.catalog import source_edits, sources, topics
    from tidings.model.urls import web_address
    from tidings.operator.moderation import parse_text_mode, republish_with

    url, address, given = options["url"], options["address"], options["republish"]
    full_text = parse_text_mode(options["full_text"]) if options["full_text"] else None
    with opened(start.settings()) as app, app.database.write() as connection:
        now, before = utc_now(), sources.get(connection, source_id)
        slugs = list(topics.ids_of(connection, options["topics"]))
        change = source_edits.SourceEdit(
            title=options["title"],
            url=web_address(url) if url else None,
            # None leaves them as they are; an option that is repeatable is never None itself.
            topics=slugs if slugs or options["no_topics"] else None,
            interval=options["interval"],
            republish=Republish(given) if given else republish_with(full_text, before),
            noindex=options["noindex"],
            hides_address=None if address is None else address == "hidden",
            page=changed_rules(before.page, _selectors(options)),
            full_text=full_text,
        )
        source_edits.edit(connection, source_id, change, now=now)
        after = sources.get(connection, source_id)
    changed = [name for name in _SHOWN if getattr(before, name) != getattr(after, name)]
    words = ", ".join(_SHOWN[name] for name in changed)
    click.echo(f"{f'changed ({words})' if changed else 'is like that already'}: {after.title}")
    if change.republish and not given:
        click.echo(
            "note: others see the excerpt only, as its publisher sends no more;"
            " `--republish full` shows them the articles",
            err=True,
        )


@click.command
@click.argument("source_id", metavar="SOURCE", type=SOURCE)
@click.option("--user", help="The user name; empty for no login.")
@click.option(
    "--password-file",
    type=click.File(errors="surrogateescape"),
    help="Where the password stands; - to type it, or to read it from a pipe.",
)
@click.option(
    "--header", "headers", multiple=True, type=SecretText(), help="NAME: VALUE; repeatable."
)
@click.option(
    "--cookie", "cookies", multiple=True, type=SecretText(), help="NAME=VALUE; repeatable."
)
@click.option("--proxy", type=SecretText(), help="http://[USER:PASSWORD@]HOST:PORT to go through.")
@click.option("--user-agent", help="The user agent.")
@click.option("--none", is_flag=True, help="Remove all that was set before.")
@click.pass_obj
def access(start: Start, source_id: int, **options: Unpack[_AccessOptions]) -> None:
    """Set how a source is fetched: a login, headers, cookies, a proxy, a user agent.

    What is not named stays as it is; an empty value takes away what was set. Without any
    option, only tells what there is. Values themselves are never shown again. What others must
    not see on the command line can stand in a file: --header @FILE, and so with --cookie and
    --proxy.

    Example: tidings source access 3 --user reader --password-file -
    """
    from tidings.app.app import opened, utc_now
    from tidings.operator.moderation import OperatorActions

    change = _change(options)
    with opened(start.settings()) as app:
        actions = OperatorActions(app.database, clock=utc_now)
        # With `--none` from the beginning, so that it can be combined with what to set instead.
        after = actions.change_access(source_id, change, afresh=options["none"])
    click.echo(after.summary or "fetched like all others")


@click.group
def source() -> None:
    """Add, change and remove sources.

    Example: tidings source add https://example.org/feed.xml --topic databases
    """


for _command in (access, add, discover, edit, import_list, export, try_page):
    source.add_command(_command)


@source.command("list")
@json_option
@click.pass_obj
def list_sources(start: Start, *, as_json: bool) -> None:
    """List all sources.

    Example: tidings source list --json
    """
    from tidings.app.app import opened
    from tidings.catalog import sources

    with opened(start.settings()) as app, app.database.read() as connection:
        found = sources.every(connection)
    if as_json:
        show_json([source_json(one) for one in found])
        return
    rows = [
        (
            one.id,
            one.title,
            _health(one),
            one.entries,
            moment(one.next_poll_at),
            one.shown_url,
        )
        for one in found
    ]
    show_table(("id", "title", "state", "entries", "next poll", "url"), rows)


@source.command
@click.argument("source_id", metavar="SOURCE", type=SOURCE)
@json_option
@click.pass_obj
def show(start: Start, source_id: int, *, as_json: bool) -> None:
    """Show one source: its state, when it is polled next and why, what was decided.

    Example: tidings source show 3
    """
    from tidings.app.app import opened, utc_now
    from tidings.catalog import private_sources, sources
    from tidings.polling.store import push_subscriptions

    with opened(start.settings()) as app, app.database.read() as connection:
        found = sources.get(connection, source_id)
        own = private_sources.of_sources(connection, [source_id]).get(source_id)
        hub = push_subscriptions.of_sources(connection, [source_id]).get(source_id)
    beside = {"access": own.summary if own else None, "hub": hub.summary if hub else None}
    shown = source_json(found) | _details(found) | beside
    if as_json:
        show_json(shown | {"history": [_decision(one) for one in found.history]})
        return
    shown["page"] = found.page.summary if found.page else None
    shown["full_text"] = found.full_text.summary if found.full_text else None
    for name, value in shown.items():
        text = ", ".join(value) if isinstance(value, list | tuple) else value
        click.echo(f"{name.replace('_', ' ')}: {'-' if text in (None, '') else text}")
    if found.failing_with == UNAUTHORIZED:
        click.echo(login_advice(found.slug))
    if found.state is SourceState.ACTIVE:
        when = f"{moment(found.next_poll_at)} UTC, {until(found.next_poll_at, now=utc_now())}"
        click.echo(f"next poll: {when} ({found.next_poll_because or 'at once: it is new here'})")
    for decision in found.history:
        click.echo(f"{moment(decision.at)}: {decision.text}")


@source.command
@click.argument("source_id", metavar="SOURCE", type=SOURCE)
@click.pass_obj
def pause(start: Start, source_id: int) -> None:
    """Stop polling a source; its entries stay.

    Example: tidings source pause 3
    """
    _set_state(start, source_id, SourceState.PAUSED, said="paused")


@source.command
@click.argument("source_id", metavar="SOURCE", type=SOURCE)
@click.pass_obj
def resume(start: Start, source_id: int) -> None:
    """Poll a paused or retired source again, at once.

    Example: tidings source resume 3
    """
    _set_state(start, source_id, SourceState.ACTIVE, said="resumed")


@source.command
@click.argument("source_id", metavar="SOURCE", type=SOURCE)
@click.pass_obj
def unmove(start: Start, source_id: int) -> None:
    """Restore the address that a source had before it moved, for good.

    Example: tidings source unmove 3
    """
    from tidings.app.app import opened, utc_now
    from tidings.catalog import source_edits

    with opened(start.settings()) as app, app.database.write() as connection:
        click.echo(source_edits.revert_redirect(connection, source_id, now=utc_now()))


@source.command
@click.argument("source_id", metavar="SOURCE", type=SOURCE)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(start: Start, source_id: int, *, yes: bool) -> None:
    """Remove a source with all its entries.

    Example: tidings source remove 3 --yes
    """
    from tidings.app.app import opened, utc_now
    from tidings.catalog import sources
    from tidings.polling.source_list import remove_source

    with opened(start.settings()) as app:
        with app.database.read() as connection:
            found = sources.get(connection, source_id)
        if not yes:
            # Outside of a transaction: somebody may take minutes to answer.
            click.confirm(f"Remove {found.title} and its {found.entries} entries?", abort=True)
        with app.database.write() as connection:
            remove_source(connection, source_id, now=utc_now())
    click.echo(f"removed, with {found.entries} entries: {found.title}")


def _selectors(options: _EditOptions) -> dict[str, str | None]:
    return {
        "item": options["item"],
        "title": options["item_title"],
        "link": options["item_link"],
        "date": options["item_date"],
        "watch": options["watch"],
    }


def _health(shown: Source) -> str:
    if shown.is_dead:
        return f"{shown.state}, dead"
    return f"{shown.state}, failing ({shown.failures})" if shown.failures else shown.state


def _details(shown: Source) -> dict[str, object]:
    interval = shown.given_interval
    return {
        "deferred": shown.deferred,
        "problems": shown.problems,
        "interval": f"{interval.total_seconds():g}s" if interval else None,
        "former_url": shown.former_url,
        "republish": shown.republish,
        "noindex": shown.noindex,
    }


def _decision(decision: Decision) -> dict[str, object]:
    return {"at": rfc3339(decision.at), "text": decision.text}


def _set_state(start: Start, source_id: int, state: SourceState, *, said: str) -> None:
    from tidings.app.app import opened, utc_now
    from tidings.catalog import sources
    from tidings.operator.moderation import OperatorActions

    with opened(start.settings()) as app:
        with app.database.read() as connection:
            before = sources.get(connection, source_id)
        # Also if it is active already: resuming again makes it due.
        OperatorActions(app.database, clock=utc_now).set_state(source_id, state)
    click.echo(f"{said if before.state is not state else f'is {state} already'}: {before.title}")


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
        # On standard error: standard output may be redirected.
        return str(click.prompt("Password", hide_input=True, err=True))
    return file.read().rstrip(
        "\r\n"
    )  # an editor's line break, but no blanks, which may belong to it


def _pairs(texts: Sequence[str], *, mark: str) -> dict[str, str]:
    try:
        return parse_pairs(texts, mark=mark)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
