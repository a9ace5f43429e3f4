"""The sandbox of templates: no way out of their values, and no rendering without an end."""

from collections.abc import Iterable, Iterator, Mapping, Sized
from threading import local

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_STEPS = 500_000
"""Turns of loops and calls of macros in one rendering."""
MAX_SIZE = 1_000_000
"""Of what `*` repeats; `**` is not for templates at all."""

MISTAKES = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a template can raise that its author has to mend."""


class Sandbox(ImmutableSandboxedEnvironment):
    """An environment whose templates change nothing, reach nothing else, and come to an end."""

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self, files: Mapping[str, str]) -> None:
        """Make the environment of templates by name; in `.txt` files nothing is escaped."""
        super().__init__(
            loader=jinja2.DictLoader(files),
            undefined=jinja2.StrictUndefined,
            autoescape=jinja2.select_autoescape(disabled_extensions=["txt"], default=True),
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._rendering = local()

    def run(self, name: str, values: Mapping[str, object]) -> str:
        """Render a template.

        Raises:
            SecurityError: It takes too long or wants too much.
        """
        self._rendering.steps = 0
        return self.get_template(name).render(values)

    def counted(self, items: Iterable[object]) -> Iterator[object]:
        """Yield `items`; every loop of every template runs through this."""
        for item in items:
            self._count()
            yield item

    def call(self, context: Context, thing: object, *args: object, **named: object) -> object:
        """Call what a template calls."""
        self._count()
        return super().call(context, thing, *args, **named)

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        """Calculate `left * right`, if the result has a sensible size."""
        times = [one for one in (left, right) if isinstance(one, int)]
        sizes = [len(one) for one in (left, right) if isinstance(one, Sized)]
        if operator == "**" or (sizes and times and sizes[0] * times[0] > MAX_SIZE):
            raise SecurityError(f"the result of {operator} is too large")
        return super().call_binop(context, operator, left, right)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in list(tree.find_all(nodes.For)):
            counted = nodes.EnvironmentAttribute("counted")
            loop.iter = nodes.Call(counted, [loop.iter], [], None, None, lineno=loop.lineno)
        return tree

    def _count(self) -> None:
        self._rendering.steps = getattr(self._rendering, "steps", 0) + 1
        if self._rendering.steps > MAX_STEPS:
            raise SecurityError("the template takes too long: does a loop repeat a loop?")
