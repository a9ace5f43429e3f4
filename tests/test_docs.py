"""The documents say what the program does: all of it, and nothing else."""

import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import is_dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import get_args, get_origin, get_type_hints

import click
import pytest

from command_tree import commands, subcommand
from tidings.app.templates import load_templates
from tidings.cli.main import tidings
from tidings.cli.secrets import SecretText
from tidings.config import Settings
from tidings.publishing.formats.registry import FORMATS
from tidings.resources import data_dir
from tidings.templating.site import Site
from tidings.web.routes import create_app
from tidings.web.services import OperatorServices, SubscriberServices, TokenServices
from web.visitors import Operations

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHIPPED = (ROOT / "config" / "tidings.toml").read_text("utf-8")
ACTIONS = {path: one for path, one in commands() if not isinstance(one, click.Group)}


def text_of(name):
    return (ROOT / name).read_text("utf-8")


def settings_of(kind, section=""):
    """Return every setting of a dataclass as `section.key`."""
    names = set()
    for name, hint in get_type_hints(kind).items():
        path = f"{section}.{name.rstrip('_')}".lstrip(".")
        if is_dataclass(hint):
            names |= settings_of(hint, path)
        elif get_origin(hint) is Mapping:
            names |= settings_of(get_args(hint)[1], path)
        else:
            names.add(path)
    return names


def documented_settings():
    """Return the default of each setting as the reference has it, by `section.key`."""
    section, found = "", {}
    for line in text_of("docs/reference/configuration.md").splitlines():
        if heading := re.match(r'##+ \[([\w.]+?)(?:\."(?:HOST:PORT|DOMAIN)")?\]$', line):
            section = heading[1]
        elif row := re.match(r"\| `(\w+)` \| (.+?) \|", line):
            found[f"{section}.{row[1]}".lstrip(".")] = row[2]
    return found


def shipped_settings():
    shipped = {}
    for name, value in tomllib.loads(SHIPPED).items():
        section = value if isinstance(value, dict) else {"": value}
        shipped |= {f"{name}.{key}".rstrip("."): one for key, one in section.items()}
    return shipped


def test_every_setting_is_in_the_reference():
    assert sorted(documented_settings()) == sorted(settings_of(Settings))


def test_the_reference_has_the_defaults_that_are_shipped():
    documented = documented_settings()

    wrong = {
        name: (documented[name], value)
        for name, value in shipped_settings().items()
        if as_documented(value) != documented[name].strip("`").replace("_", "")
    }

    assert wrong == {}


def as_documented(value):
    return {"": "empty", "[]": "none"}.get(str(value), str(value)).replace("_", "")


def test_every_setting_is_shipped_with_a_comment_above_it():
    uncommented = []
    covered = False
    for line in SHIPPED.splitlines():
        covered = line.startswith("#") or (covered and "=" in line)
        if re.match(r"\w+ = ", line) and not covered:
            uncommented.append(line)

    assert set(shipped_settings()) == {
        name
        for name in settings_of(Settings)
        if not name.startswith(("fetch.hosts.", "smtp.domains."))
    }
    assert uncommented == []


def test_every_section_says_what_its_settings_are():
    sections = [kind for kind in get_type_hints(Settings).values() if is_dataclass(kind)]

    assert len(sections) > 5
    assert [kind.__name__ for kind in sections if kind.__doc__.startswith(kind.__name__)] == []


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_every_command_is_in_the_reference_and_has_an_example(name):
    assert f"`{name}" in text_of("docs/reference/commands.md")
    assert "Example: " in ACTIONS[name].help


def test_every_option_is_in_the_reference():
    reference = text_of("docs/reference/commands.md")
    options = {
        option
        for command in ACTIONS.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }

    assert [option for option in sorted(options) if option not in reference] == []


def test_every_address_is_in_the_reference():
    site = Site(title="", kicker="", base_url="http://x", language="en", version="1")
    templates = load_templates([data_dir("templates") / "web"])
    readers = SubscriberServices(None, None, None, None, languages=())
    operators = OperatorServices(*[None] * len(OperatorServices._fields))
    tokens = TokenServices(
        None, None, subscribers=readers, trusted=(), clock=None, operators=operators
    )
    publication = SimpleNamespace(state=None, stamp=None)
    app = create_app(publication, site, templates=templates, tokens=tokens, probes=Operations())
    reference = text_of("docs/reference/http.md")

    paths = [route.path for route in app.routes]

    assert len(paths) > 10
    for path in paths:
        written = re.sub(r"{(slug|id|issue|token)}", lambda one: one[1].upper(), path)
        written = written.replace("{number}", "N")
        for form in FORMATS:
            assert f"`{written.replace('{form}', form)}`" in reference


def examples():
    for path in DOCS:
        for line in path.read_text("utf-8").splitlines():
            if match := re.match(r" {4,}(?:\$ )?(?:\S+=\S+ )*(?:\S+/)?(tidings [a-z].*)", line):
                yield pytest.param(match[1], id=f"{path.name}: {match[1]}")
    for name, command in ACTIONS.items():
        given = " ".join(command.help.split()).partition("Example: ")[2]
        yield pytest.param(re.search(r"tidings [a-z][^()]*", given)[0], id=f"{name} --help")


@pytest.mark.parametrize("line", list(examples()))
def test_every_example_can_be_typed(line):
    line = re.sub(r"\$\(.*?\)", "substituted", line)
    words = shlex.split(re.split(r" (?:&&|[|<>]) |\\$", line)[0], comments=True)
    command, rest = tidings, words[1:]
    while isinstance(command, click.Group) and rest:
        assert rest[0] in command.commands, line
        command, rest = subcommand(command, rest[0]), rest[1:]

    if not isinstance(command, click.Group):
        command.make_context(line, rest, resilient_parsing=needs_file(command))


def needs_file(command):
    """Tell whether reading the arguments would look for a file."""
    kinds = [parameter.type for parameter in command.params]
    return any(
        isinstance(kind, SecretText)
        or (isinstance(kind, click.File) and "r" in kind.mode)
        or (isinstance(kind, click.Path) and kind.exists)
        for kind in kinds
    )


def test_every_link_leads_somewhere():
    links = [
        (path, target)
        for path in DOCS
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text("utf-8"))
        if not target.startswith("http")
    ]

    assert len(links) > 10
    assert [(path.name, to) for path, to in links if not (path.parent / to).exists()] == []


def test_the_first_screen_of_the_readme_is_one():
    first, _, _ = text_of("README.md").partition("\n## ")

    assert len(first.splitlines()) <= 30
    for command in ("make demo", "make test"):
        assert command in first


def test_every_figure_that_is_explained_is_served():
    served = text_of("src/tidings/web/metrics.py")

    explained = set(re.findall(r"tidings_[a-z_]+", text_of("docs/how-to/monitoring.md")))

    assert explained
    assert [name for name in explained if f'"{name.removesuffix("_total")}"' not in served] == []
