"""The command line explains itself, quickly."""

import subprocess
import sys

import click
import pytest

from tidings.cli.main import run, tidings


def commands(group=tidings, path=()):
    yield path
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("path", [pytest.param(p, id=" ".join(p) or "tidings") for p in commands()])
def test_every_command_has_help_with_an_example(path, capsys):
    status = run([*path, "--help"])

    out, err = capsys.readouterr()
    assert (status, err) == (0, "")
    assert out.startswith("Usage: tidings")
    example = " ".join(out.partition("Example: ")[2].split())
    assert " ".join(("tidings", *path)).strip() in example


def test_every_command_of_the_contract_is_there():
    named = {" ".join(path) for path in commands()}

    assert {
        "source add", "source list", "source show", "source edit", "source pause", "source resume",
        "source remove", "source import", "source export", "poll", "entry list", "entry show",
        "topic add", "topic list", "topic remove", "publish", "db upgrade", "db backup",
        "db restore", "db check", "db copy", "config show", "run", "web", "demo", "completion",
    } <= named  # fmt: skip


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["source", "add", "--help"]])
def test_help_loads_nothing_heavy(arguments):
    script = (
        "import sys; from tidings.cli.main import run; run(sys.argv[1:]);"
        "heavy = {'sqlalchemy', 'aiohttp', 'feedparser', 'feedgen', 'jinja2', 'uvicorn', 'lxml',"
        " 'starlette', 'apscheduler', 'rich'} & set(sys.modules); sys.exit(str(heavy or ''))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], check=False, capture_output=True, text=True
    )

    assert done.stderr.strip() == ""
    assert done.stdout


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
