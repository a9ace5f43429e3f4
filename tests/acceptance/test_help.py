"""The command line explains itself, quickly."""

import pytest

from command_tree import commands, subcommand
from tidings.cli.main import run, tidings


@pytest.mark.parametrize("path", [path for path, _ in commands()])
def test_every_command_has_help_with_an_example(path, capsys):
    status = run([*path.split()[1:], "--help"])

    out, err = capsys.readouterr()
    assert (status, err) == (0, "")
    assert out.startswith("Usage: tidings")
    example = " ".join(out.partition("Example: ")[2].split())
    assert path in example


@pytest.mark.parametrize("name", tidings.commands)
def test_the_overview_says_of_a_command_what_it_says_itself(name):
    in_overview, itself = tidings.commands[name], subcommand(tidings, name)

    assert itself.name == name
    assert in_overview.get_short_help_str(limit=200) == itself.get_short_help_str(limit=200)


def test_every_command_of_the_contract_is_there():
    named = {path.removeprefix("tidings ") for path, _ in commands()}

    assert {
        "source add", "source list", "source show", "source edit", "source pause", "source resume",
        "source remove", "source import", "source export", "poll", "entry list", "entry show",
        "topic add", "topic list", "topic remove", "publish", "db upgrade", "db backup",
        "db restore", "db check", "db copy", "config show", "run", "web", "demo", "completion",
    } <= named  # fmt: skip


HEAVY = {
    "alembic", "aiohttp", "apscheduler", "feedgen", "feedparser", "jinja2", "lxml", "rich",
    "selectolax", "sqlalchemy", "starlette", "tidings.parsing.document", "uvicorn",
}  # fmt: skip


@pytest.mark.parametrize("arguments", ["--version", "source add --help", "source list --help"])
def test_help_loads_nothing_heavy(tidings_on_sqlite, arguments):
    assert loaded(tidings_on_sqlite, *arguments.split()) & HEAVY == set()


def test_the_overview_loads_no_command(tidings_on_sqlite):
    names = {f"tidings.cli.{name}" for name in tidings.commands}

    assert loaded(tidings_on_sqlite, "--help") & {*HEAVY, *names, "tidings.model"} == set()


@pytest.mark.parametrize("arguments", ["source list", "topic list", "newsletter list"])
def test_what_only_reads_the_database_loads_nothing_to_migrate_fetch_or_parse(
    tidings_on_sqlite, arguments
):
    tidings_on_sqlite("source", "list")

    found = loaded(tidings_on_sqlite, *arguments.split()) & HEAVY

    assert found == {"sqlalchemy"}


def test_a_list_is_imported_and_a_source_removed_without_what_reads_feeds(
    tidings_on_sqlite, tmp_path
):
    file = tmp_path / "sources.opml"
    file.write_text('<opml><body><outline xmlUrl="https://example.org/feed"/></body></opml>')

    importing = loaded(tidings_on_sqlite, "source", "import", file)
    removing = loaded(tidings_on_sqlite, "source", "remove", "1", "--yes")

    assert (importing | removing) & {"aiohttp", "feedparser", "tidings.parsing.document"} == set()


def test_the_pages_are_served_without_what_parses(tidings_on_sqlite):
    found = loaded(tidings_on_sqlite, "import tidings.web.server", program=("-c",))

    needless = {"alembic", "aiohttp", "apscheduler", "feedparser", "tidings.parsing.document"}
    assert found & needless == set()


def loaded(tidings, *arguments, program=("-m", "tidings")):
    """Return the modules that a process of its own imports."""
    with tidings.start(*arguments, program=("-X", "importtime", *program)) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return {line.rpartition("|")[2].strip() for line in err.splitlines()}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_the_shell(shell, capsys):
    status = run(["completion", shell])

    out, _ = capsys.readouterr()
    assert status == 0
    assert "_TIDINGS_COMPLETE" in out


def test_a_reader_that_goes_away_is_no_crash(tidings_on_sqlite):
    process = tidings_on_sqlite.start("config", "show")
    process.stdout.close()

    _, err = process.stderr.read(), process.wait(timeout=30)
    process.stderr.close()

    assert process.returncode in {0, 1}
    assert "Traceback" not in str(err)


def test_the_settings_in_force_are_shown(tidings_on_sqlite, tmp_path):
    file = tmp_path / "own.toml"
    file.write_text('[poll]\ninterval = "2h"\n[fetch.hosts."example.org:443"]\ninterval = "5s"\n')

    shown = tidings_on_sqlite("--config", file, "config", "show", "--json", WEB__PORT=8080).json

    assert shown["poll"]["interval"] == "7200s"
    assert shown["web"]["port"] == 8080
    assert shown["fetch"]["hosts"] == {"example.org:443": {"interval": "5s"}}
    assert set(shown) >= {
        "database", "web", "sources", "fetch", "poll", "parse", "publish", "templates", "log",
    }  # fmt: skip
