"""A reader's whole way in a real browser. Pictures go to the folder named by TIDINGS_SCREENSHOTS."""

import os
import re
from email import message_from_bytes, policy
from pathlib import Path
from threading import Event

import pytest

from browser.legibility import CONTRAST, violations
from browser.showcase import SITE, serving
from newsletter_site import Outbox
from subscriber_pages import WAIT, SubscriberPages
from tidings.db import schema
from tidings.db.database import Database
from tidings.search.store import index
from transactional_mail import sender_for

LOOKS = ((320, "light"), (375, "dark"), (1280, "light"))
SMALL_TARGETS = """
() => [...document.querySelectorAll("button, select, input:not([type=hidden]), label.choice")]
  .filter((one) => one.checkVisibility() && !one.closest("label.choice input"))
  .map((one) => [one.outerHTML.slice(0, 80), (one.closest("label") ?? one).getBoundingClientRect()])
  .filter(([what, box]) => box.height < 36 || box.width < 24)
  .map(([what]) => what)
"""


@pytest.fixture
def door(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/tidings.db")
    schema.prepare(database, rebuild_index=index.rebuild)
    yield SubscriberPages(database, "Databases", "Machine learning", "Mathematics")
    database.close()


class Reader:
    """Somebody in front of a browser, with a mailbox."""

    def __init__(self, shown, door):
        self.shown, self.page = shown, shown.page
        self._door = door

    def visit(self, path):
        self.shown.visit(path)

    def press(self, name):
        self._door.house.wait(WAIT)
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).click()

    def heading(self):
        return self.page.get_by_role("heading", level=1).text_content()

    def said(self):
        return self.page.get_by_role("status").text_content()

    def open_letter(self, kind):
        """Follow a link of the letter that has just come."""
        outbox, house = Outbox(), self._door.house
        sender = sender_for(house.database, outbox.connect, clock=house.clock)
        sender.send_due(stop=Event())
        letter = message_from_bytes(outbox.sent[-1].letter, policy=policy.default)
        text = letter.get_body(("plain",)).get_content()
        self.visit(re.search(f"{SITE.base_url}(/{kind}/\\S+)", text)[1])

    def look(self, name):
        """Return what is hard to read or to press on the page, and picture it."""
        found = []
        for width, scheme in LOOKS:
            self.page.set_viewport_size({"width": width, "height": 800})
            self.page.emulate_media(color_scheme=scheme)
            if folder := os.environ.get("TIDINGS_SCREENSHOTS"):
                self.shown.screenshot(Path(folder), f"{name}-{width}-{scheme}")
            across = self.page.evaluate("document.documentElement.scrollWidth")
            found += ["sideways"] if across > width else []
            found += self.page.evaluate(CONTRAST) + self.page.evaluate(SMALL_TARGETS)
            if scheme == "dark":  # contrast alone depends on the light
                found += violations(self.page, ["color-contrast"])
        found += violations(self.page)
        return [f"{name}: {one}" for one in found]


@pytest.fixture
def reader(window, door):
    with serving(door.app()) as url:
        yield Reader(window(origin=url, width=375), door)


def test_signing_up_is_easy_to_read_and_to_press(reader, door):
    reader.visit("/subscribe")
    looks = reader.look("subscribe")
    reader.page.get_by_label("Your e-mail address").fill("ann@example.org")
    reader.page.get_by_label("Every second week").check()
    reader.page.get_by_label("On which day").select_option("Thursday")
    looks += reader.look("subscribe-fortnightly")
    reader.page.get_by_text("Hour, language and topics").click()
    reader.page.get_by_label("Time zone").select_option("Asia/Shanghai")
    reader.page.get_by_label("Mathematics").check()
    reader.press("Subscribe")
    looks += reader.look("asked")
    reader.open_letter("confirm")
    looks += reader.look("confirm")
    reader.press("Yes, subscribe")
    looks += reader.look("confirmed")
    reader.visit("/confirm/wrong")
    looks += reader.look("lost-link")

    assert looks == []
    [made] = door.house.subscriptions()
    assert (made.topics, made.schedule.frequency) == (("mathematics",), "fortnightly")
    assert made.schedule.weekday == 3
    assert made.schedule.timezone == "Asia/Shanghai"
    assert [one for one in reader.shown.complaints if "404" not in one] == []
    assert reader.page.context.cookies() == []
    assert [url for url in reader.shown.requests if not url.startswith(reader.shown.origin)] == []


def test_changing_ones_mind_is_easy_to_read_and_to_press(reader, door):
    number = door.house.room.subscribe()
    reader.visit(door.preferences_path())
    reader.page.get_by_role("group", name="How often").get_by_label("Monthly").check()
    reader.press("Save")
    reader.press("Pause")
    looks = reader.look("preferences-paused")
    reader.visit(door.unsubscribe_path(number))
    looks += reader.look("unsubscribe")
    reader.press("Unsubscribe")
    looks += reader.look("unsubscribed")
    left_at = door.house.room.subscription(number).ended_at
    reader.press("Undo: I want to stay")
    looks += reader.look("undone")

    assert looks == []
    assert left_at
    after = door.house.room.subscription(number)
    assert (after.ended_at, after.schedule.frequency) == (None, "monthly")
    assert after.paused_at
    assert reader.shown.complaints == []


def test_chinese_readers_are_spoken_to_in_chinese(reader, door):
    number = door.house.room.subscribe("lin@example.org", language="zh")
    reader.visit(door.preferences_path("lin@example.org"))

    looks = reader.look("preferences-zh")
    heading = reader.heading()
    reader.press("暂停")
    said = reader.said()
    reader.visit(door.unsubscribe_path(number))
    looks += reader.look("unsubscribe-zh")

    assert looks == []
    assert heading == "您的通讯"
    assert "已暂停" in said
    assert reader.heading() == "退订"


def test_a_reader_finds_the_form_and_signs_up_by_keyboard_alone(reader, door):
    reader.visit("/")
    keys = reader.page.keyboard

    def tab_to(name):
        for _ in range(60):
            keys.press("Tab")
            focused = "document.activeElement.name || document.activeElement.textContent"
            if reader.page.evaluate(focused).strip() == name:
                return
        pytest.fail(f"the keyboard does not reach {name}")

    tab_to("Subscribe")
    with reader.page.expect_navigation():
        keys.press("Enter")
    tab_to("address")
    keys.type("ann@example.org")
    tab_to("frequency")
    keys.press("ArrowDown")
    tab_to("Subscribe")
    door.house.wait(WAIT)
    with reader.page.expect_navigation():
        keys.press("Enter")

    assert reader.heading() == "Check your inbox"
    reader.open_letter("confirm")
    reader.press("Yes, subscribe")
    assert [one.schedule.frequency for one in door.house.subscriptions()] == ["weekdays"]


def test_a_mistake_is_read_out_and_the_cursor_is_in_its_field(reader):
    reader.visit("/subscribe/news")
    field = reader.page.get_by_label("Your e-mail address")

    field.fill("postmaster@example.org")
    reader.page.get_by_text("Hour, language and topics").click()
    reader.page.get_by_label("Databases").check()
    reader.press("Subscribe")

    described = reader.page.evaluate(
        "document.getElementById(document.activeElement.getAttribute('aria-describedby'))"
        ".textContent"
    )
    assert "Nobody reads newsletters at this address" in described
    assert field.input_value() == "postmaster@example.org"
    assert field.get_attribute("autocomplete") == "email"
    assert reader.page.get_by_label("Databases").is_checked()
    assert reader.look("subscribe-fault") == []


def test_nobody_meets_the_trap_but_machines(reader):
    reader.visit("/subscribe/news")
    trap = reader.page.locator("[name=homepage]")
    reader.page.locator("details").evaluate("(one) => { one.open = true; }")

    names = []
    for _ in range(22):
        reader.page.keyboard.press("Tab")
        names.append(reader.page.evaluate("document.activeElement.name"))
    spoken = reader.page.locator("main form").aria_snapshot()

    assert trap.count() == 1
    assert not trap.is_visible()
    assert "homepage" not in names
    assert {"address", "timezone", "topic"} <= set(names)
    assert "Leave this empty" not in spoken


def test_time_zones_are_grouped_and_the_newsletters_own_is_preset(reader):
    reader.visit("/subscribe/news")
    zones = reader.page.get_by_label("Time zone")

    groups = zones.locator("optgroup").evaluate_all("all => all.map((one) => one.label)")

    assert zones.input_value() == "UTC"
    assert groups[:2] == ["Africa", "America"]
    assert zones.locator("optgroup[label=Asia] option[value='Asia/Shanghai']").count() == 1
