"""The tutorial and the README, followed step by step: what they show is what happens."""

import email
import os
import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from email import policy
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
PATIENCE = 60

PASSING = {
    r"127\.0\.0\.1:\d+": "HERE",
    r"\d{4}-\d\d-\d\d \d\d:\d\d": "TIME",
    r"\d{1,2} [A-Z][a-z]+ \d{4}|\d{4}年\d{1,2}月\d{1,2}日": "DAY",
    r"[a-z2-7]{26}\.d@": "ID@",
    r"/updates-[a-z2-7]{16}": "/updates-ID",
    r" in \d+\.\d s": " in SOME s",
    r"Published: \d+ files": "Published: SOME files",  # of words that come in another order
    r"^\d+(?=\tTIME)": "NUMBER",
    r"^[\w-]{43}$": "TOKEN",
}
"""What differs each time, in this order; publishers are polled, and entries numbered, as they come."""


def masked(text):
    """Return the lines that say something, without what differs each time."""
    for pattern, name in PASSING.items():
        text = re.sub(pattern, name, text, flags=re.MULTILINE)
    return [line.strip() for line in text.splitlines() if line.strip()]


def section(number):
    """Return the lines that a section shows: what is typed, and what is printed."""
    [(_, text)] = re.findall(rf"^## ({number})\. .*\n((?:(?!## ).*\n)*)", TUTORIAL, re.MULTILINE)
    return re.findall(r"^ {4}(.*)$", text, re.MULTILINE)


class Terminal:
    """Where somebody types what the tutorial says, beside a demo, and has a browser."""

    def __init__(self, folder, url):
        self.folder = folder
        self.url = url
        self.environment = dict(os.environ)
        self.browser = build_opener(HTTPCookieProcessor())

    def follow(self, lines):
        """Type what stands in a document, and compare what comes; return all that came."""
        came = ""
        for typed, shown in steps(lines):
            here = typed.replace("127.0.0.1:8000", self.url.removeprefix("http://"))
            printed = self.type(shlex.split(here, comments=True))
            assert masked(printed) == masked("\n".join(shown)), typed
            came += printed
        return came

    def type(self, words):
        match words:
            case ["export", setting]:
                name, _, value = setting.partition("=")
                self.environment[name] = value
                return ""
            case ["unset", name]:
                del self.environment[name]
                return ""
            case [".venv/bin/tidings", *rest]:
                return self._run(rest)
        pytest.fail(f"not to be typed here: {words}")

    def _run(self, arguments):
        done = subprocess.run(
            [sys.executable, "-m", "tidings", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        return done.stdout

    def get(self, path, body=None):
        """Return a page, whatever its status."""
        try:
            with self.browser.open(self.url + path, body, timeout=PATIENCE) as answer:
                return answer.read().decode()
        except HTTPError as answer:
            with answer:
                return answer.read().decode()

    def post(self, path, **fields):
        return self.get(path, urlencode(fields).encode())

    def letter(self, subject):
        """Return the text of a letter in the demo's outbox; None if it is not there yet."""
        for path in (self.folder / "var/demo/outbox").glob("*.eml"):
            found = email.message_from_bytes(path.read_bytes(), policy=policy.default)
            if found["Subject"] == subject:
                return found.get_body(("plain",)).get_content()
        return None


def steps(lines):
    """Yield each thing to be typed, with what is shown after it."""
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield lines[start].removeprefix("$ "), lines[start + 1 : end]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A demo that runs."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-u", "-m", "tidings", "demo"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            printed = ""
            while "Ctrl-C ends the demo" not in printed:
                assert process.poll() is None, printed
                printed += process.stdout.readline()
            yield Demo(folder, printed)
        finally:
            process.terminate()


@dataclass(frozen=True)
class Demo:
    """Where it keeps what it makes, and what it printed until it served."""

    folder: Path
    printed: str

    @property
    def url(self):
        return re.search(r"Open (\S+)", self.printed)[1]


def wait_for(find):
    give_up_at = time.monotonic() + PATIENCE
    while not (found := find()):
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
    return found


def subscribe(reader):
    """Do what the fourth section says in a browser."""
    page = wait_for(lambda: is_served(reader) and reader.get("/subscribe"))
    fields = {
        "address": "you@example.org",
        "stamp": re.search(r'name="stamp" value="([^"]+)"', page)[1],
        "frequency": re.search(r'name="frequency" value="(\w+)" checked', page)[1],
        **{name: chosen(page, name) for name in ("hour", "timezone", "language")},
    }
    # Who is quicker than people are is shown the form once more.
    wait_for(lambda: "Check your inbox" in reader.post("/subscribe/updates", **fields))
    letter = wait_for(lambda: reader.letter("Please confirm: Latest updates"))
    path = re.search(rf"{reader.url}(/confirm/\S+)", letter)[1]
    assert "Yes, subscribe" in reader.get(path)
    assert "You are subscribed" in reader.post(path)


def is_served(reader):
    try:
        return reader.get("/health/ready")
    except OSError:
        return False


def chosen(page, name):
    """Return what a browser sends of a list that nobody touches."""
    [select] = re.findall(rf'<select[^>]* name="{name}">(.*?)</select>', page, re.DOTALL)
    first = r'<option value="([^"]*)"'
    return (re.search(first + " selected", select) or re.search(first, select))[1]


def test_the_tutorial_shows_what_happens(demo):
    announced = [line for line in section(1) if line not in ("make demo", "   …")]
    figures = r"(\d+) entries were found\. (\d+) of .*? tell of (\d+)"
    found, public, told = re.search(figures, TUTORIAL, re.DOTALL).groups()
    terminal = Terminal(demo.folder, demo.url)

    terminal.follow(section(3))
    [archived] = set(re.findall(r"/issues/updates-\w+", terminal.get("/issues")))
    subscribe(terminal)
    terminal.follow(section(4))
    [token] = re.findall(r"^[\w-]{43}$", terminal.follow(section(5)), re.MULTILINE)
    desk = terminal.post("/operator", token=token)
    terminal.follow(section(6))

    printed = masked(demo.printed)
    assert [line for line in masked("\n".join(announced)) if line not in printed] == []
    assert f"{int(found) - 2} new entries" in demo.printed  # and two letters
    assert f"now:{public}" in TUTORIAL
    assert f"and {int(told) - 1} more\n" in demo.printed
    assert archived in demo.printed
    assert "Sign out" in desk


def test_the_first_screen_of_the_readme_shows_what_happens(demo, tmp_path):
    first, _, _ = README.partition("\n## ")
    session = re.findall(r"^ {4}(.*)$", first, re.MULTILINE)

    Terminal(tmp_path, demo.url).follow(session)
