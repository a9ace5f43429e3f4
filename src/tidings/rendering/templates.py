"""The templates: read and checked at start, compiled once, when first used."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from types import MappingProxyType

import jinja2
from jinja2 import meta, nodes

from tidings.domain.entries import Entry
from tidings.errors import TemplateError
from tidings.rendering import formula_text
from tidings.rendering.plain_text import columns, wrapped
from tidings.rendering.reading_view import readable
from tidings.rendering.sandbox import MISTAKES, Sandbox
from tidings.rendering.words import Words, direction, read_words

SUFFIXES = frozenset({".html", ".txt", ".toml", ".css", ".js", ".svg"})


class Templates:
    """The files that pages and letters are made from; in `.txt` files nothing is escaped.

    Beside the fields of its contract a template has: `t` (the `Words` of the page's
    language), `fingerprint`, what is shared, and the filters `by_day`, `direction`, `readable`, `wrapped`,
    `columns` and `formulas_as_text`.
    It is run in a sandbox, which bounds what one rendering can take.

    Attributes:
        fingerprint: Moves with every change of a file.
    """

    def __init__(
        self,
        directories: Sequence[Path],
        *,
        contracts: Mapping[str, Collection[str]],
        shared: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        """Read every file below `directories`; of two with the same name the first counts.

        Args:
            directories: The operator's first, ours last; one that does not exist is empty.
            contracts: The variables of each page's template. A template that is no page
                (others include or extend it) may use what all of them have.
            shared: What every template has besides, by name.

        Raises:
            TemplateError: A file is missing, cannot be read or compiled, or uses what its
                contract does not have.
        """
        self._files = _read_files(directories)
        self.fingerprint = _fingerprint(self._files)
        self._environment = Sandbox(self._files)
        self._environment.filters.update(
            by_day=by_day,
            direction=direction,
            readable=readable,
            wrapped=wrapped,
            columns=columns,
            formulas_as_text=formula_text.readable,
        )
        self._environment.globals.update(shared, fingerprint=self.fingerprint)
        compiled = {name for name in self._files if name.endswith((".html", ".txt"))}
        for name in contracts.keys() | compiled:
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
    days = groupby(entries, key=lambda entry: entry.sort_at.astimezone(UTC).date())
    groups = [list(group) for _, group in days]
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
            if path.suffix in SUFFIXES and path.is_file() and name not in files:
                files[name] = _read(path)
    return files


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise TemplateError(str(path), str(error)) from error


def _fingerprint(files: Mapping[str, str]) -> str:
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
