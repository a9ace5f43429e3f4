"""The rules of the house that no linter keeps."""

import ast
import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from tidings import errors

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
FOLDERS = ("src", "tests", "bench", "docs", "templates", "config", ".ci")
TEXTS = [
    path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*"))
    if path.is_file() and "__pycache__" not in path.parts and "data" not in path.parts
    if path.suffix != ".png"
] + [path for path in ROOT.iterdir() if path.suffix in {".md", ".toml", ".yaml"}]
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}

MAX_LINES_OF_A_MODULE = 600
"""One idea, one module, however long it reads well; from 400 on it is worth a look."""

MAX_LINES_OF_A_FUNCTION = 40


def shown(path):
    return str(path.relative_to(ROOT))


def test_modules_are_short():
    lengths = {shown(path): len(path.read_text("utf-8").splitlines()) for path in SOURCES}

    too_long = {name: n for name, n in lengths.items() if n > MAX_LINES_OF_A_MODULE}

    assert too_long == {}


def test_functions_are_short():
    lengths = {
        f"{shown(path)}:{node.lineno} {node.name}": body_length(node)
        for path in SOURCES
        if "migrations" not in path.parts  # those are lists
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    too_long = {name: n for name, n in lengths.items() if n > MAX_LINES_OF_A_FUNCTION}

    assert too_long == {}


def body_length(function):
    """Return the lines from the first statement after the docstring to the last."""
    has_docstring = ast.get_docstring(function) is not None
    statements = function.body[1:] if has_docstring else function.body
    return statements[-1].end_lineno - statements[0].lineno + 1 if statements else 0


def test_every_module_has_a_name_that_says_something():
    assert [shown(path) for path in SOURCES if path.stem in NAMELESS] == []


def test_a_class_has_one_meaning():
    places = [
        (node.name, shown(path))
        for path in SOURCES
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]

    names = Counter(name for name, _ in places)

    assert [place for place in places if names[place[0]] > 1] == []


def test_packages_export_nothing():
    packages = [path for path in SOURCES if path.name == "__init__.py"]

    talking = [shown(path) for path in packages if len(ast.parse(path.read_text()).body) > 1]

    assert packages
    assert talking == []


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("TO" + "DO|FIX" + "ME|XX" + "X(?!X)", id="nothing is left to be done"),
        pytest.param(r"(?<![\w.~*])/(work|root|home)/\w", id="no path of somebody's machine"),
    ],
)
def test_no_text_holds(pattern):
    wrong = re.compile(pattern)

    found = [
        f"{shown(path)}:{number}"
        for path in TEXTS
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1)
        if wrong.search(line)
    ]

    assert len(TEXTS) > 200
    assert found == []


def test_the_tree_of_errors_shows_every_error():
    raised = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.TidingsError)
    }

    drawn = re.findall(r"^[ │├└─]*(\w+Error)\b", errors.__doc__, re.MULTILINE)

    assert sorted(drawn) == sorted(raised)


@pytest.mark.parametrize(
    ("begin", "end", "item"),
    [
        pytest.param("dependencies = [", "]", r'"[a-z]', id="dependency"),
        pytest.param("[project.optional-dependencies]", "[", r'"[a-z]', id="extra"),
        pytest.param("dev = [", "]", r'"[a-z]', id="tool"),
        pytest.param("ignore = [", "]", r'"[A-Z]', id="rule of the linter left out"),
        pytest.param("[tool.ruff.lint.per-file-ignores]", "[", r'"[A-Z]', id="exception from it"),
        pytest.param("ignore_missing_imports", "[", "ignore", id="untyped library"),
    ],
)
def test_every_item_has_its_reason_beside_it(begin, end, item):
    lines = (ROOT / "pyproject.toml").read_text("utf-8").splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(begin))
    rest = enumerate(lines[first + 1 :], start=first + 1)
    last = next((number for number, line in rest if line.startswith(end)), len(lines))

    items = [line for line in lines[first:last] if re.search(item, line)]

    assert items
    assert [line for line in items if not re.search(r"\S\s+# \w", line)] == []


def test_the_wheel_takes_templates_and_settings_where_the_program_looks_for_them():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    wheel = build["targets"]["wheel"]

    places = {
        name: wheel["sources"][name] for name in wheel["only-include"] if name != "src/tidings"
    }

    assert places == {name: f"tidings/_data/{name}" for name in ("templates", "config")}


def test_nothing_that_belongs_into_the_wheel_is_ignored_by_git():
    folders = ["templates", "config", "src/tidings"]
    command = ["git", "ls-files", "--others", "--ignored", "--exclude-standard", "--", *folders]

    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    # Outside a checkout git has nothing to say, and nothing to ignore.
    assert [name for name in listed.stdout.splitlines() if "__pycache__" not in name] == []


@pytest.mark.parametrize(
    ("pattern", "places"),
    [
        pytest.param(r"\bsqlite\.insert\(|postgresql\.insert\(", {"statements.py"}, id="upserts"),
        pytest.param(r"available_timezones|ZoneInfoNotFound", {"newsletters.py"}, id="time zones"),
        pytest.param(
            r"\\u(?:3040|4e00|ac00|2e80)-", {"cjk.py"}, id="ranges of East Asian characters"
        ),
    ],
)
def test_a_fact_stands_in_one_place(pattern, places):
    found = {path.name for path in SOURCES if re.search(pattern, path.read_text("utf-8"))}

    assert found
    assert found <= places
