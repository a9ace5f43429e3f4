"""An operator in a real browser. Pictures go to the folder named by TIDINGS_SCREENSHOTS."""

import os
from pathlib import Path

import pytest

from browser.legibility import CONTRAST, violations
from browser.showcase import serving
from operator_site import OperatorSite
from tidings.db import schema
from tidings.db.database import Database
from tidings.search.store import index

LOOKS = ((320, "light"), (375, "dark"), (1280, "light"))
SMALL_TARGETS = """
() => [...document.querySelectorAll("button, a, input:not([type=hidden]), label.choice")]
  .filter((one) => one.checkVisibility() && getComputedStyle(one).display !== "inline")
  .filter((one) => !one.matches(".skip") && !one.closest("label.choice input"))
  .map((one) => [one.outerHTML.slice(0, 80), (one.closest("label") ?? one).getBoundingClientRect()])
  .filter(([what, box]) => box.height < 24 || box.width < 24)
  .map(([what]) => what)
"""


@pytest.fixture
def control(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/tidings.db")
    schema.prepare(database, rebuild_index=index.rebuild)
    yield OperatorSite(database)
    database.close()


class Desk:
    """An operator in front of a browser."""

    def __init__(self, shown):
        self.shown, self.page = shown, shown.page

    def press(self, what, title=""):
        """Press a button, of the entry with that title if there is one."""
        within = self.page.locator("article", has_text=title) if title else self.page
        with self.page.expect_navigation():
            if title:
                within.locator("summary").click()
            within.get_by_role("button", name=what).first.click()

    def titles(self):
        return self.page.locator("article h3").all_text_contents()

    def said(self):
        return self.page.get_by_role("status").locator("span").first.text_content()

    def look(self, name):
        """Return what is hard to read, small or without a name on the page, and picture it."""
        found = []
        for width, scheme in LOOKS:
            self.page.set_viewport_size({"width": width, "height": 800})
            self.page.emulate_media(color_scheme=scheme)
            if folder := os.environ.get("TIDINGS_SCREENSHOTS"):
                self.shown.screenshot(Path(folder), f"operator-{name}-{width}-{scheme}")
            across = self.page.evaluate("document.documentElement.scrollWidth")
            found += ["sideways"] if across > width else []
            found += self.page.evaluate(CONTRAST) + self.page.evaluate(SMALL_TARGETS)
        found += violations(self.page)
        return [f"{name}: {one}" for one in found]


@pytest.fixture
def old(control):
    """Publish two entries, and return the id of the older one."""
    [old] = control.room.publish(control.room.follow(), title="An old entry")
    control.room.publish(control.room.follow(), title="Of no interest")
    return old


@pytest.fixture
def desk(window, control, old):
    """Sign in at a small screen."""
    with serving(control.app()) as url:
        desk = Desk(window(origin=url, width=375))
        desk.shown.visit("/operator")
        desk.page.get_by_label("Token").fill(control.token()[0])
        desk.press("Sign in")
        yield desk


def test_an_operator_hides_an_entry_takes_it_back_and_pins_another(desk):
    looks = desk.look("desk")
    desk.shown.visit("/")
    desk.press("Hide", "Of no interest")
    hidden = (desk.said(), desk.titles())
    looks += desk.look("hidden")
    desk.press("Undo")
    shown = (desk.said(), sorted(desk.titles()))
    desk.press("Pin", "An old entry")
    pinned = (desk.said(), desk.titles()[0])
    looks += desk.look("pinned")
    desk.press("Sign out")
    looks += desk.look("signed-out")

    assert looks == []
    assert hidden == ("Hidden: Of no interest", ["An old entry"])
    assert shown == ("Shown again: Of no interest", ["An old entry", "Of no interest"])
    assert pinned == ("Pinned: An old entry", "An old entry")
    assert desk.page.get_by_role("button", name="Hide").count() == 0
    assert desk.page.context.cookies() == []
    assert [url for url in desk.shown.requests if not url.startswith(desk.shown.origin)] == []
    assert [one for one in desk.shown.complaints if "username fields" not in one] == []


def test_an_operator_goes_from_an_entry_to_its_source_and_edits_that(desk, old):
    desk.shown.visit(f"/entries/{old}")
    desk.press("Hide")
    mark = desk.page.locator(".operator-mark").text_content()
    looks = desk.look("entry")
    desk.shown.follow(desk.page.locator(".crumb a"))
    looks += desk.look("source")
    desk.shown.follow(desk.page.get_by_role("link", name="Edit the source"))
    desk.page.get_by_label("Title", exact=True).fill("A better name")
    desk.page.get_by_label("Title and excerpt").check()
    looks += desk.look("form")
    desk.press("Save")

    assert looks == []
    assert mark == "Hidden: nobody else sees this"
    assert desk.page.get_by_role("heading", level=1).text_content() == "A better name"
    assert desk.said() == "Saved"


def test_all_of_it_works_by_keyboard_and_without_scripts(browser, control, old):
    with serving(control.app()) as url:
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{url}/operator")
        page.locator("#token").focus()
        page.keyboard.type(control.token()[0])
        with page.expect_navigation():
            page.keyboard.press("Enter")
        page.goto(f"{url}/")
        row = page.locator("article", has_text="Of no interest")
        row.locator("summary").focus()
        page.keyboard.press("Enter")
        row.get_by_role("button", name="Hide").focus()
        with page.expect_navigation():
            page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        said = page.get_by_role("status").text_content()
        left = page.locator("article").count()
        context.close()

    assert "Of no interest" in said
    assert left == 1
