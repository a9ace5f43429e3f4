"""`tidings filter`: rules that keep or drop entries of a source, or for a newsletter."""

from collections.abc import Callable
from typing import Any

import click

from tidings.cli.output import ID, json_option, moment, show_json, show_table
from tidings.cli.source import SOURCE
from tidings.cli.start import Start
from tidings.filters.rules import Action, Field, Filter, FilterTrial, Kind, Rule

INCOMPLETE = "say what to do: --keep or --drop, --field, and either --words or --pattern"

OWNER_OPTIONS = (
    click.option("--source", "source_id", metavar="SOURCE", type=SOURCE, help="Of this source."),
    click.option("--newsletter", metavar="SLUG", help="For this newsletter."),
)
RULE_OPTIONS = (
    click.option("--keep", "action", flag_value=Action.KEEP.value, help="Leave out the others."),
    click.option("--drop", "action", flag_value=Action.DROP.value, help="Leave these out."),
    click.option("--field", type=click.Choice([one.value for one in Field]), help="Where to look."),
    click.option("--words", help='All of them, whatever their case; a "phrase" in quotes.'),
    click.option("--pattern", metavar="RE2", help="A regular expression, as RE2 has them."),
)


def _options(command: Callable[..., None]) -> Callable[..., None]:
    # The last decorator stands first in `--help`.
    for option in reversed(OWNER_OPTIONS + RULE_OPTIONS):
        command = option(command)
    return command


@click.group("filter")
def filters() -> None:
    """Keep only what you want of a source, or for a newsletter.

    Example: tidings filter list
    """


@filters.command
@_options
@click.pass_obj
def add(start: Start, /, **given: Any) -> None:
    """Add a filter for new entries; `filter try` shows what it would do.

    Example: tidings filter add --source 3 --drop --field title --words sponsored
    """
    from tidings.app.app import opened, utc_now
    from tidings.filters import filtering

    _require_owner(given)
    rule = _find_rule(given)
    if rule is None:
        raise click.UsageError(INCOMPLETE)
    new = Filter(source_id=given["source_id"], newsletter=given["newsletter"], rule=rule)
    with opened(start.settings()) as app, app.database.write() as connection:
        new_id = filtering.add(connection, new, now=utc_now())
    click.echo(f"{new_id}: {rule}")


@filters.command("list")
@OWNER_OPTIONS[0]
@OWNER_OPTIONS[1]
@json_option
@click.pass_obj
def list_filters(
    start: Start, source_id: int | None, newsletter: str | None, *, as_json: bool
) -> None:
    """List all filters, or those of one source or newsletter.

    Example: tidings filter list --source 3
    """
    from tidings.app.app import opened
    from tidings.filters import store

    with opened(start.settings()) as app, app.database.read() as connection:
        found = store.select_filters(connection, source_id, newsletter)
    if as_json:
        show_json([_contract(one) for one in found])
        return
    show_table(("id", "of", "filter"), [(one.id, one.owner, one.rule) for one in found])


@filters.command
@click.argument("filter_id", metavar="FILTER", type=ID)
@click.pass_obj
def remove(start: Start, filter_id: int) -> None:
    """Remove a filter; what it has hidden stays hidden.

    Example: tidings filter remove 2
    """
    from tidings.app.app import opened
    from tidings.filters import store

    with opened(start.settings()) as app, app.database.write() as connection:
        store.remove(connection, filter_id)
    click.echo(f"removed: filter {filter_id}; what it has hidden stays hidden")


@filters.command("try")
@_options
@json_option
@click.pass_obj
def try_filters(start: Start, /, *, as_json: bool, **given: Any) -> None:
    """Try filters on the last 100 entries; nothing is changed.

    A filter in the options counts as if it had been added to those that are there.

    Example: tidings filter try --source 3 --keep --field title --pattern "^Release"
    """
    from tidings.app.app import opened
    from tidings.filters.filtering import try_filter

    _require_owner(given)
    rule = _find_rule(given)
    with opened(start.settings()) as app, app.database.read() as connection:
        tried = try_filter(connection, given["source_id"], given["newsletter"], new=rule)
    if as_json:
        show_json(_rehearsal_contract(tried))
        return
    rows = [
        (entry.id, moment(entry.sort_at), entry.title or entry.excerpt[:60], verdict.because)
        for entry, verdict in tried.verdicts
    ]
    show_table(("id", "date", "title", "verdict"), rows)
    for one, number in tried.finds.items():
        click.echo(f"{one.name} finds {number}: {one.rule}")
    click.echo(f"{tried.kept} of {len(tried.verdicts)} entries kept")


def _require_owner(given: dict[str, Any]) -> None:
    if (given["source_id"] is None) == (given["newsletter"] is None):
        raise click.UsageError("use either --source or --newsletter")


def _find_rule(given: dict[str, Any]) -> Rule | None:
    """Return the rule that options describe; None if they describe none at all."""
    looked_for = {kind: given[kind.value] for kind in Kind if given[kind.value] is not None}
    action, field = given["action"], given["field"]
    if not looked_for and action is None and field is None:
        return None
    if len(looked_for) != 1 or action is None or field is None:
        raise click.UsageError(INCOMPLETE)
    [(kind, pattern)] = looked_for.items()
    return Rule(action=Action(action), field=Field(field), kind=kind, pattern=pattern)


def _contract(one: Filter) -> dict[str, object]:
    return {
        "id": one.id,
        "source": one.source_id,
        "newsletter": one.newsletter,
        "action": one.rule.action,
        "field": one.rule.field,
        "kind": one.rule.kind,
        "pattern": one.rule.pattern,
    }


def _rehearsal_contract(tried: FilterTrial) -> dict[str, object]:
    return {
        "kept": tried.kept,
        "entries": [
            {
                "id": entry.id,
                "title": entry.title,
                "kept": verdict.is_kept,
                "because": verdict.because,
                "filters": [one.id for one in verdict.found_by],
            }
            for entry, verdict in tried.verdicts
        ],
        "filters": [_contract(one) | {"finds": number} for one, number in tried.finds.items()],
    }
