"""`tidings doctor`: checks everything that sending needs."""

from collections.abc import Iterator
from dataclasses import asdict

import click

from tidings.cli.output import json_option, show_json
from tidings.cli.start import Start
from tidings.errors import TidingsError
from tidings.operator.checks import Finding, Level, problem

COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}


@click.command
@click.option("--send", "address", metavar="ADDRESS", help="Also send an issue there as a test.")
@json_option
@click.pass_obj
def doctor(start: Start, address: str | None, *, as_json: bool) -> None:
    """Check everything that letters need: settings, relay, DNS, pages, and the letters themselves.

    Nothing is changed. Exits with status 1 if there is a problem.

    Example: tidings doctor --send me@example.org
    """
    found = []
    for finding in _findings(start, address):
        found.append(finding)
        # At once: relays and name servers may take seconds each.
        if not as_json:
            _show(finding)
    if as_json:
        show_json([asdict(one) for one in found])
    if any(one.level is Level.PROBLEM for one in found):
        raise click.exceptions.Exit(1)


def _findings(start: Start, address: str | None) -> Iterator[Finding]:
    from tidings.app.app import opened
    from tidings.app.mailing import examining
    from tidings.mail.addresses import parse_address
    from tidings.mail.dns import Dns

    to = parse_address(address).address if address else None
    settings = start.settings()
    try:
        with opened(settings) as app, examining(app, Dns()) as examiner:
            yield from examiner.examine()
            if to:
                yield examiner.send_test(to)
    # What stops the examination is a finding as well, with what was found before.
    except TidingsError as error:
        yield problem("set-up", str(error), "mend this first, then come back")


def _show(finding: Finding) -> None:
    level = click.style(f"{finding.level:8}", fg=COLOURS[finding.level])
    click.echo(f"{level} {finding.what}: {finding.said}")
    if finding.advice:
        click.echo(f"         {finding.advice}")
