"""One line an event, for people or for machines."""

import json
import logging

import pytest

from tidings import log


@pytest.fixture
def logged(capsys):
    before = logging.getLogger().handlers[:], logging.getLogger().level
    yield lambda: capsys.readouterr().err
    logging.getLogger().handlers[:], _ = before
    logging.getLogger().setLevel(before[1])


def test_json_has_an_object_a_line_with_everything_that_was_said(logged):
    log.configure("json", "INFO")

    logging.getLogger("tidings.x").info("polled\n数", extra={"source": "https://e.org/", "new": 2})

    [line] = logged().splitlines()
    event = json.loads(line)
    assert event.pop("time").endswith("Z")
    assert event == {
        "level": "info",
        "logger": "tidings.x",
        "message": "polled\n数",
        "source": "https://e.org/",
        "new": 2,
    }


def test_text_stays_on_its_line_whatever_a_server_says(logged):
    log.configure("text", "INFO")

    logging.getLogger("tidings.x").warning(
        "not\x1b[31m polled", extra={"error": "a\nb", "empty": ""}
    )

    [line] = logged().splitlines()
    assert line.endswith('WARNING not\N{REPLACEMENT CHARACTER}[31m polled error="a b" empty=""')


@pytest.mark.parametrize("form", ["json", "text"])
def test_an_exception_comes_with_its_traceback(logged, form):
    log.configure(form, "INFO")

    try:
        raise ValueError("broken")  # noqa: TRY301 - it is to be logged
    except ValueError:
        logging.getLogger("tidings.x").exception("failed")

    said = logged()
    assert "Traceback" in said
    assert "ValueError: broken" in said


def test_what_is_less_important_than_the_level_is_not_said(logged):
    log.configure("auto", "ERROR")

    logging.getLogger("tidings.x").warning("quiet")

    assert logged() == ""


def test_auto_is_json_where_nobody_looks(logged):
    log.configure("auto", "INFO")

    logging.getLogger("tidings.x").info("hello")

    assert json.loads(logged())["message"] == "hello"
