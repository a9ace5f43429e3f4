"""Secrets on the command line."""

import click


class SecretText(click.ParamType[str]):
    """A text, or `@FILE` for the content of a file: arguments are visible in `ps`."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text; `@-` reads it from standard input."""
        if not value.startswith("@"):
            return value
        # A secret need not be UTF-8: its bytes go to the server as they are.
        file = click.File(errors="surrogateescape").convert(value[1:], param, ctx)
        return str(file.read()).strip()
