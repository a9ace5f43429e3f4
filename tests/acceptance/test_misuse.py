"""What an operator may get wrong: one line that names it, status 2, no traceback."""

import re
import socket
import sqlite3

import pytest


def one_line(done):
    assert done.status == 2
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert done.err.startswith("tidings: ")
    return done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "[poll]\nintervall = 1",
            r"\[poll\] intervall: no such setting \(interval\?\)",
            id="an unknown key, with the nearest",
        ),
        pytest.param(
            "[pol]\ntick = 1", r"\[pol\]: no such setting \(poll\?\)", id="an unknown section"
        ),
        pytest.param(
            "[poll]\ntick = 'soon'",
            r"\[poll\] tick: expected a duration .*'soon'",
            id="a bad duration",
        ),
        pytest.param(
            "[poll]\ntick = -5",
            r"\[poll\] tick: expected a duration .*'-5'",
            id="a negative duration",
        ),
        pytest.param(
            "[web]\nport = 'eighty'",
            r"\[web\] port: expected a whole number",
            id="a text for a number",
        ),
        pytest.param(
            "[web]\nport = true",
            r"\[web\] port: expected a whole number",
            id="a truth for a number",
        ),
        pytest.param(
            "[fetch]\ncontact_url = 5",
            r"\[fetch\] contact_url: expected a text",
            id="a number for a text",
        ),
        pytest.param("poll = 5", r"\[poll\]: a value where a section belongs", id="no section"),
        pytest.param(
            "[log]\nformat = 'xml'",
            r"\[log\] format: expected one of auto, text, json, got 'xml'",
            id="no format",
        ),
        pytest.param(
            "[log]\nlevel = 'loud'",
            r"\[log\] level: expected one of DEBUG, .*, got 'loud'",
            id="no level",
        ),
        pytest.param(
            "[publish]\npage_size = 0",
            r"\[publish\] page_size: expected a whole number from 1 on, got 0",
            id="a zero that leaves nothing",
        ),
        pytest.param(
            "[poll]\ninterval = 0",
            r"\[poll\] interval: expected more than 0 to 3650 days, got '0'",
            id="no pause at all",
        ),
        pytest.param(
            "[poll]\nmax_pause = '999999999d'",
            r"\[poll\] max_pause: expected a duration .* up to 3650 days",
            id="a pause beyond all calendars",
        ),
        pytest.param(
            "[fetch]\nhosts = 5",
            r"\[fetch\] hosts: a value where a section belongs",
            id="a value for hosts",
        ),
        pytest.param("[poll", r"settings.toml: ", id="no TOML"),
    ],
)
def test_a_bad_setting_is_named_with_its_file(tidings_on_sqlite, tmp_path, text, said):
    file = tmp_path / "settings.toml"
    file.write_text(text)

    error = one_line(tidings_on_sqlite("--config", file, "topic", "list"))

    assert re.search(said, error)
    assert "settings.toml" in error


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        pytest.param(
            "POLL__INTERVALL",
            "1h",
            "TIDINGS_POLL__INTERVALL: [poll] intervall: no such setting (interval?)",
            id="an unknown name",
        ),
        pytest.param(
            "POLL__TICK",
            "1 hour",
            "TIDINGS_POLL__TICK: [poll] tick: expected a duration",
            id="a bad duration",
        ),
        pytest.param(
            "WEB__PORT",
            "-1",
            "TIDINGS_WEB__PORT: [web] port: expected a whole number",
            id="a negative number",
        ),
        pytest.param(
            "DATABASE__URL",
            "mysql://localhost/x",
            "mysql is not supported",
            id="another kind of database",
        ),
        pytest.param("DATABASE__URL", "tidings.db", "not a database URL", id="no URL"),
        pytest.param("DATABASE__URL", "sqlite://", "name a file", id="no file"),
        pytest.param(
            "DATABASE__URL",
            "sqlite:////proc/nothing/x.db",
            "/proc/nothing",
            id="a folder that cannot be",
        ),
        pytest.param(
            "DATABASE__URL",
            "postgresql://x@127.0.0.1:1/x",
            "127.0.0.1",
            id="a database that is not there",
        ),
        pytest.param(
            "DATABASE__URL_FILE",
            "/no/such/secret",
            "TIDINGS_DATABASE__URL_FILE",
            id="a secret that is not there",
        ),
        pytest.param("CONFIG", "/no/such/file", "cannot read /no/such/file", id="no file"),
    ],
)
def test_a_bad_variable_is_named(tidings_on_sqlite, variable, value, said):
    error = one_line(tidings_on_sqlite("source", "list", **{variable: value}))

    assert said in error


def test_a_password_is_shown_to_nobody(tidings_on_sqlite):
    url = "postgresql://tidings:geheim@127.0.0.1:1/x"

    refused = tidings_on_sqlite("source", "list", DATABASE__URL=url)
    shown = tidings_on_sqlite("config", "show", DATABASE__URL=url)

    assert "geheim" not in one_line(refused)
    assert "geheim" not in shown.out
    assert "tidings:***@127.0.0.1" in shown.out


def test_a_file_that_is_no_database_is_refused_and_left_alone(tidings_on_sqlite, tmp_path):
    (tmp_path / "tidings.db").write_bytes(b"Dear diary, " * 1000)

    error = one_line(tidings_on_sqlite("source", "list"))

    assert "[database] url" in error
    assert (tmp_path / "tidings.db").read_bytes() == b"Dear diary, " * 1000


def test_a_newer_schema_is_refused(tidings_on_sqlite, tmp_path):
    tidings_on_sqlite("source", "list")
    with sqlite3.connect(tmp_path / "tidings.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    error = one_line(tidings_on_sqlite("source", "list"))

    assert "9999" in error
    assert "upgrade the program" in error


def test_an_empty_postgresql_database_wants_an_upgrade_first(install, postgres_url):
    from sqlalchemy import create_engine, text  # noqa: PLC0415

    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    tidings = install(postgres_url)

    assert "tidings db upgrade" in one_line(tidings("source", "list"))
    assert tidings("db", "upgrade").status == 0
    assert tidings("source", "list").status == 0


def test_a_folder_that_is_a_file_cannot_be_published_into(tidings_on_sqlite, tmp_path):
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "topics").write_text("in the way")

    error = one_line(tidings_on_sqlite("publish", tmp_path / "public"))

    assert str(tmp_path / "public" / "topics") in error


@pytest.mark.parametrize("command", ["run", "web"])
def test_a_port_that_is_taken_is_named(tidings_on_sqlite, command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        error = one_line(tidings_on_sqlite(command, WEB__PORT=port))

    assert f"127.0.0.1:{port}" in error


def test_a_list_for_the_first_start_that_is_missing_is_named(tidings_on_sqlite):
    error = one_line(
        tidings_on_sqlite("run", WEB__PORT=0, SOURCES__IMPORT_AT_FIRST_START="no.opml")
    )

    assert "import_at_first_start" in error
    assert "no.opml" in error


def test_a_broken_template_is_named_at_the_start(tidings_on_sqlite, tmp_path):
    (tmp_path / "own" / "web").mkdir(parents=True)
    (tmp_path / "own" / "web" / "list.html").write_text("{% if %}")

    done = tidings_on_sqlite("publish", tmp_path / "public", TEMPLATES__FOLDER=tmp_path / "own")

    assert done.status in {1, 2}
    assert done.err.count("\n") == 1
    assert "list.html" in done.err


def test_a_broken_template_of_letters_ends_the_service(tidings_on_sqlite, tmp_path):
    (tmp_path / "own" / "email" / "digest").mkdir(parents=True)
    (tmp_path / "own" / "email" / "digest" / "subject.txt").write_text("{{ horoscope }}")

    done = tidings_on_sqlite.call("run", WEB__PORT=0, TEMPLATES__FOLDER=tmp_path / "own")

    assert done.status in {1, 2}
    *_, said = done.err.splitlines()
    assert said == "tidings: template digest/subject.txt: there is no horoscope"
    assert "Traceback" not in done.err
