"""`tidings demo`: the demo."""

import click

from tidings.cli.run import end_in_order
from tidings.cli.start import Start


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
