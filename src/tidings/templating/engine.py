"""Templates: loaded and checked at start, compiled on first use, run in a sandbox.

The sandbox keeps templates from reaching anything but their context, and from running forever.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Sized
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from threading import local
from types import MappingProxyType

import css_inline
import jinja2
from jinja2 import meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tidings.errors import TemplateError
from tidings.model.entries import Entry
from tidings.templating import plain_text
from tidings.templating.markdown import markdown_to_html
from tidings.templating.phrases import Words, direction, read_words
from tidings.templating.plain_text import clipped, columns, fitted, one_line, wrapped
from tidings.templating.site import host, readable

SUFFIXES = frozenset({".html", ".txt", ".toml", ".css", ".js", ".svg"})

# Turns of loops and calls of macros in one rendering.
MAX_STEPS = 500_000

# Of what `*` repeats; `**` is not for templates at all.
MAX_SIZE = 1_000_000

# What a template can raise that its author has to mend.
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

MAX_SUBJECT = 120


class Templates:
    """The template files of pages and messages; `.txt` files are not escaped.

    Beside the fields of its contract a template has: `t` (the `Words` of the page's
    language), `fingerprint`, what is shared, and the filters `by_day`, `by_month`, `direction`,
    `markdown`, `readable`, `wrapped`, `columns`, `fitted`, `host` and `formulas_as_text`.
    It is run in a sandbox, which bounds what one rendering can take.

    Attributes:
        fingerprint: Moves with every change of a file.
        fonts: By the names of their files.
        own: The names of the operator's files.
    """

    def __init__(
        self,
        directories: Sequence[Path],
        *,
        contracts: Mapping[str, Collection[str]],
        shared: Mapping[str, object] = MappingProxyType({}),
        prefixes: Mapping[str, str] = MappingProxyType({}),
        fonts: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        """Read every file below `directories`; of two with the same name the first counts.

        What the operator has written is checked. Ours was before it was shipped.

        Args:
            directories: The operator's, and ours last; one that does not exist is empty.
            contracts: The variables of each page's template. A template that is no page
                (others include or extend it) may use what all of them have.
            shared: What every template has besides, by name.
            prefixes: What stands before the content of a file, whoever has written that.
            fonts: That the style sheet asks for, by the names of their files.

        Raises:
            TemplateError: A file is missing, cannot be read or compiled, or uses what its
                contract does not have.
        """
        self.fonts = fonts
        *operators, ours = directories
        own = _read_files(operators)
        self.own = frozenset(own)
        self._files = _read_files([ours]) | own
        for name in prefixes.keys() & self._files.keys():
            self._files[name] = prefixes[name] + self._files[name]
        self.fingerprint = _fingerprint(self._files)
        self._environment = Sandbox(self._files)
        self._environment.filters.update(
            by_day=by_day,
            markdown=markdown_to_html,
            by_month=by_month,
            direction=direction,
            readable=readable,
            wrapped=wrapped,
            columns=columns,
            fitted=fitted,
            formulas_as_text=plain_text.readable,
            host=host,
        )
        self._environment.globals.update(shared, fingerprint=self.fingerprint)
        compiled = {name for name in self.own if name.endswith((".html", ".txt"))}
        for name in compiled | (contracts.keys() - self._files.keys()):
            self._check(name, contracts)
        self._words = _read_catalogues(self._files)

    def render(self, name: str, fields: Mapping[str, object], *, language: str) -> bytes:
        """Render a page.

        Raises:
            TemplateError: The template uses something that its values do not have.
        """
        try:
            text = self._environment.run(name, {**fields, "t": self.words(language)})
        except MISTAKES as error:
            raise TemplateError(name, str(error)) from error
        return text.encode()

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that there is a catalogue of."""
        return tuple(sorted(self._words))

    def words(self, language: str) -> Words:
        """Return the catalogue of `language`, failing that of what it is a variety of.

        Raises:
            TemplateError: There is neither.
        """
        exact = language.lower()
        words = self._words.get(exact) or self._words.get(exact.split("-")[0])
        if words is None:
            raise TemplateError(f"{exact}.toml", "there is no such catalogue")
        return words

    def file(self, name: str) -> bytes:
        """Return a file as it is.

        Raises:
            TemplateError: There is no such file.
        """
        if name not in self._files:
            raise TemplateError(name, "there is no such file")
        return self._files[name].encode()

    def _check(self, name: str, contracts: Mapping[str, Collection[str]]) -> None:
        """Compare what a template uses with what it is given."""
        # What any page may include must get along with what every page has.
        shared = frozenset[str]().union(*contracts.values()).intersection(*contracts.values())
        known = {*contracts.get(name, shared), *self._environment.globals, "t"}
        if name not in self._files:
            raise TemplateError(name, "there is no such file")
        try:
            tree = self._environment.parse(self._files[name])
            used = meta.find_undeclared_variables(tree)
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(name, f"line {error.lineno}: {error.message}") from error
        except MISTAKES as error:
            raise TemplateError(name, str(error)) from error
        if unknown := used - known - _set_at_top(tree):
            raise TemplateError(name, f"there is no {', '.join(sorted(unknown))}")


def by_day(entries: Iterable[Entry]) -> list[tuple[datetime, list[Entry]]]:
    """Group `entries`, keeping their order, by the calendar day in UTC they stand at."""
    return _grouped(entries, lambda moment: (moment.year, moment.month, moment.day))


def by_month(entries: Iterable[Entry]) -> list[tuple[datetime, list[Entry]]]:
    """Group `entries`, keeping their order, by the calendar month in UTC they stand at."""
    return _grouped(entries, lambda moment: (moment.year, moment.month))


def _grouped(
    entries: Iterable[Entry], period_of: Callable[[datetime], tuple[int, ...]]
) -> list[tuple[datetime, list[Entry]]]:
    # In UTC: a page is the same for everybody, wherever they are.
    periods = groupby(entries, key=lambda entry: period_of(entry.sort_at.astimezone(UTC)))
    groups = [list(group) for _, group in periods]
    return [(group[0].sort_at, group) for group in groups]


def _set_at_top(tree: nodes.Template) -> set[str]:
    """Return what a template sets or imports outside its blocks, for use inside them."""
    imported = {node.target for node in tree.body if isinstance(node, nodes.Import)}
    targets = [node.target for node in tree.body if isinstance(node, nodes.Assign)]
    return imported | {target.name for target in targets if isinstance(target, nodes.Name)}


def _read_files(directories: Sequence[Path]) -> dict[str, str]:
    files: dict[str, str] = {}
    for directory in directories:
        for path in sorted(directory.rglob("*")):
            name = path.relative_to(directory).as_posix()
            # Other files, such as an editor's backups, are no templates.
            if path.suffix in SUFFIXES and path.is_file() and name not in files:
                files[name] = _read(path)
    return files


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise TemplateError(str(path), str(error)) from error


def _fingerprint(files: Mapping[str, str]) -> str:
    # Sorted: the same files give the same fingerprint, whichever folder they came from.
    content = "\0".join(f"{name}\0{files[name]}" for name in sorted(files))
    return sha256(content.encode()).hexdigest()[:12]


def _read_catalogues(files: Mapping[str, str]) -> dict[str, Words]:
    """Read all catalogues; what one language can say, all can."""
    catalogues = {
        name.removesuffix(".toml").lower(): read_words(text, name=name)
        for name, text in files.items()
        if name.endswith(".toml")
    }
    keys = {key for words in catalogues.values() for key in words.vocabulary()}
    for language, words in catalogues.items():
        if lacking := keys - words.vocabulary():
            raise TemplateError(f"{language}.toml", f"lacks {', '.join(sorted(lacking))}")
    return catalogues


class Sandbox(ImmutableSandboxedEnvironment):
    """An environment whose templates change nothing, reach nothing else, and come to an end."""

    # Short templates can ask for long texts and huge numbers: `"x" * 10 ** 9`.
    intercepted_binops = frozenset({"*", "**"})

    def __init__(self, files: Mapping[str, str]) -> None:
        """Make the environment of templates by name; in `.txt` files nothing is escaped."""
        super().__init__(
            loader=jinja2.DictLoader(files),
            # A name that does not exist is an error, not a gap in the page.
            undefined=jinja2.StrictUndefined,
            autoescape=jinja2.select_autoescape(disabled_extensions=["txt"], default=True),
            trim_blocks=True,
            lstrip_blocks=True,
            # All files were read at the start: the fingerprint must stay true of what is rendered.
            auto_reload=False,
        )
        # A count for each thread: several pages are rendered at once.
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
            # In the tree, since Jinja's sandbox bounds `range` alone, and loops over loops
            # multiply.
            loop.iter = nodes.Call(counted, [loop.iter], [], None, None, lineno=loop.lineno)
        return tree

    def _count(self) -> None:
        self._rendering.steps = getattr(self._rendering, "steps", 0) + 1
        if self._rendering.steps > MAX_STEPS:
            raise SecurityError("the template takes too long: does a loop repeat a loop?")


def subject_line(text: str, template: str) -> str:
    """Return `text` as a subject: one line, not too long, nothing that reads as encoded.

    Raises:
        TemplateError: The template has written nothing.
    """
    line = one_line(text)
    if not line.strip():
        raise TemplateError(template, "says nothing: a letter needs a subject")
    # `=?` begins an encoded word (RFC 2047): mail programs would decode what a title says.
    return clipped(line.replace("=?", "= ?"), MAX_SUBJECT)


def styled(html: str) -> str:
    """Return HTML with its styles in its elements, where all mail programs look for them."""
    return css_inline.inline(
        # `@media` rules cannot stand in elements; and composing a letter must not need the network.
        html,
        keep_at_rules=True,
        minify_css=True,
        load_remote_stylesheets=False,
    )
