"""One line an event, for people or for machines."""

import json
import logging
from io import StringIO

import pytest

from tidings import log


@pytest.fixture
def stream():
    before = logging.getLogger().handlers[:], logging.getLogger().level
    yield StringIO()
    logging.getLogger().handlers[:], _ = before
    logging.getLogger().setLevel(before[1])


def test_json_has_an_object_a_line_with_everything_that_was_said(stream):
    log.configure("json", "INFO", stream=stream)

    logging.getLogger("tidings.x").info("polled\n数", extra={"source": "https://e.org/", "new": 2})

    [line] = stream.getvalue().splitlines()
    event = json.loads(line)
    assert event.pop("time").endswith("Z")
    assert event == {
        "level": "info",
        "logger": "tidings.x",
        "message": "polled\n数",
        "source": "https://e.org/",
        "new": 2,
    }


def test_text_stays_on_its_line_whatever_a_server_says(stream):
    log.configure("text", "INFO", stream=stream)

    logging.getLogger("tidings.x").warning(
        "not\x1b[31m polled", extra={"error": "a\nb", "empty": ""}
    )

    [line] = stream.getvalue().splitlines()
    assert line.endswith('WARNING not\N{REPLACEMENT CHARACTER}[31m polled error="a b" empty=""')


@pytest.mark.parametrize("form", ["json", "text"])
def test_an_exception_comes_with_its_traceback(stream, form):
    log.configure(form, "INFO", stream=stream)

    try:
        raise ValueError("broken")  # noqa: TRY301 - it is to be logged
    except ValueError:
        logging.getLogger("tidings.x").exception("failed")

    assert "Traceback" in stream.getvalue()
    assert "ValueError: broken" in stream.getvalue()


def test_what_is_less_important_than_the_level_is_not_said(stream):
    log.configure("auto", "ERROR", stream=stream)

    logging.getLogger("tidings.x").warning("quiet")

    assert stream.getvalue() == ""


def test_auto_is_json_where_nobody_looks(stream):
    log.configure("auto", "INFO", stream=stream)

    logging.getLogger("tidings.x").info("hello")

    assert json.loads(stream.getvalue())["message"] == "hello"
