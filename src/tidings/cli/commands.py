"""All commands: what the overview says of each, and where it is, for none is imported before use."""

from collections.abc import Mapping
from pkgutil import resolve_name

import click

# Module and name below `tidings.cli`, and the first sentence of the command's own help.
_COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": (
        "run:run",
        "Poll and mail what is due, and serve pages and feeds, until SIGTERM or Ctrl-C.",
    ),
    "web": ("run:web", "Serve pages and feeds only; another process polls and mails."),
    "worker": (
        "jobs:worker",
        "Poll and mail what is due, together with others on the same PostgreSQL database.",
    ),
    "jobs": ("jobs:jobs", "List what waits for workers, runs or has failed; cancel it."),
    "demo": ("demo:demo", "Follow a small web of feeds on this machine, to see how it works."),
    "poll": ("poll:poll", "Poll the sources that are due, or those that are named, due or not."),
    "publish": (
        "publish:publish",
        "Write all feeds and pages into a folder, for any web server to serve.",
    ),
    "source": ("source:source", "Add, change and remove sources."),
    "inbox": ("inbox:inbox", "Follow newsletters and mailing lists that come by mail."),
    "topic": ("topic:topic", "Add, list and remove topics, the labels on sources."),
    "entry": ("entry:entry", "List, show, release, hide and pin entries."),
    "search": (
        "search:search",
        "Search all entries; save searches, which have a page and feeds of their own.",
    ),
    "story": ("story:story", "List, show, split and merge stories that several sources tell."),
    "filter": ("filter:filters", "Keep only what you want of a source, or for a newsletter."),
    "newsletter": ("newsletter:newsletter", "Add, change and remove newsletters."),
    "subscriber": ("subscriber:subscriber", "Add, change and remove subscribers."),
    "suppression": (
        "suppression:suppression",
        "List and change the addresses that nothing is sent to.",
    ),
    "issue": ("issue:issue", "Preview, send, list and show issues."),
    "delivery": ("delivery:delivery", "List deliveries, send them again, cancel or hold them."),
    "channel": (
        "channel:channel",
        "Tell chats and services of issues and entries: add, test, change, pause and remove channels.",
    ),
    "bounce": ("bounce:bounce", "Process bounces and complaints, and list them."),
    "explain": (
        "explain:explain",
        "Explain why a source or an entry is as it is, and what a subscriber got.",
    ),
    "simulate": (
        "simulate:simulate",
        "Show every slot of a period, its window, and its entries; nothing is changed.",
    ),
    "stats": (
        "stats:stats",
        "Show the state of the service: freshness, polls, sources, letters, hubs.",
    ),
    "doctor": (
        "doctor:doctor",
        "Check everything that letters need: settings, relay, DNS, pages, and the letters themselves.",
    ),
    "token": (
        "token:token",
        "Let an operator sign in to the pages; by itself, makes a token for 30 days.",
    ),
    "db": ("db:db", "Upgrade, back up, check and copy the database."),
    "config": ("config:config", "Show the settings."),
    "completion": (
        "completion:completion",
        "Print a script that completes commands and options in a shell.",
    ),
}


class LateGroup(click.Group):
    """A group of placeholders, enough for overviews; a command is imported when it is called."""

    def __init__(self, **attributes: object) -> None:
        super().__init__(**attributes)  # type: ignore[arg-type] # click's own, passed through
        for name, (_, said) in _COMMANDS.items():
            self.add_command(click.Command(name, help=said))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Import the command that `args` begin with; completion asks for it here as well."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, command(name) if name else None, rest


def command(name: str) -> click.Command:
    """Import a command of `tidings`."""
    where, _ = _COMMANDS[name]
    found: click.Command = resolve_name(f"tidings.cli.{where}")
    return found
