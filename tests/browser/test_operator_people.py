"""An operator looks after subscribers in a real browser: by keyboard, without scripts, in both
languages. Pictures go to the folder named by TIDINGS_SCREENSHOTS."""

import os
from pathlib import Path

import pytest

from browser.legibility import CONTRAST, violations
from browser.showcase import serving
from browser.test_operators import SMALL_TARGETS
from operator_site import OperatorSite
from tidings.db import schema
from tidings.db.database import Database
from tidings.search.store import index
from tidings.subscribers.store import subscribers, subscriptions

LOOKS = ((375, "dark"), (768, "light"), (1440, "light"))
PEOPLE = "/operator/subscribers"
LIST = "Mail,confirmed_at,proof\ndora@example.org,2026-01-02,form\neve@example.org,,\n"


@pytest.fixture(params=["en", "zh"])
def control(request, tmp_path):
    database = Database(f"sqlite:///{tmp_path}/tidings.db")
    schema.prepare(database, rebuild_index=index.rebuild)
    control = OperatorSite(database, language=request.param)
    control.room.add_newsletter(title="The week")
    control.room.add_newsletter("daily", title="Daily 每日", review=True)
    for name in ("ann", "bob"):
        control.room.subscribe(f"{name}@example.org")
    control.room.publish(control.room.follow(), 2)
    yield control
    database.close()


@pytest.fixture
def page(browser, control):
    """Sign in where no script runs."""
    with serving(control.app()) as url:
        context = browser.new_context(java_script_enabled=False, base_url=url)
        page = context.new_page()
        page.goto("/operator")
        page.locator("#token").focus()
        page.keyboard.type(control.token()[0])
        press(page, page.locator("button[type=submit]").last)
        yield page
        context.close()


def press(page, button):
    """Press a button as those do who have no mouse."""
    button.focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")


def fill(page, field, text):
    page.locator(field).focus()
    page.keyboard.insert_text(text)


def found(control, address):
    with control.database.read() as connection:
        return subscribers.find_id(connection, address)


def subscription_of(control, address):
    with control.database.read() as connection:
        return subscriptions.get_of(connection, address, "news")


def test_somebody_is_found_and_their_subscription_changed_and_ended(control, page):
    page.goto(PEOPLE)
    fill(page, "#like", "ann@")
    press(page, page.locator(".filter button"))
    press(page, page.get_by_role("link", name="ann@example.org"))
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    page.locator("select[name=hour]").focus()
    page.keyboard.type("21")
    press(page, page.locator("button[value=save]"))
    changed = subscription_of(control, "ann@example.org")
    press(page, page.locator("button[value=end]"))

    assert changed.schedule.hour == 21
    assert page.get_by_role("status").count() == 1
    assert subscription_of(control, "ann@example.org").ended_at is not None


def test_somebody_is_added_and_erased_after_a_question(control, page):
    page.goto(f"{PEOPLE}/add")
    fill(page, "#address", "cleo@example.org")
    press(page, page.locator("main button"))
    added = found(control, "cleo@example.org")
    press(page, page.locator("a.danger"))
    press(page, page.locator("button.danger"))

    assert added is not None
    assert page.url.endswith(PEOPLE)
    assert found(control, "cleo@example.org") is None


def test_a_list_is_pasted_mapped_tried_and_imported(control, page):
    page.goto(f"{PEOPLE}/import")
    page.locator("#newsletter").select_option("news")
    fill(page, "#list", LIST)
    press(page, page.locator("button[value=try]"))
    told = page.get_by_role("alert").count()
    page.locator("#column-1").select_option("address")
    press(page, page.locator("button[value=try]"))
    tried = page.locator(".tiles dd").all_text_contents()
    before = found(control, "dora@example.org")
    press(page, page.locator("button[value=import]"))

    assert told == 1
    assert tried == page.locator(".tiles dd").all_text_contents() == ["1", "1"]
    assert before is None
    assert found(control, "dora@example.org") is not None


def test_an_address_is_suppressed_and_let_go(control, page):
    for act in ("suppress", "lift"):
        page.goto("/operator/suppression")
        fill(page, "#address", "bob@example.org")
        press(page, page.locator("button[value=look]"))
        press(page, page.locator(f"button[value={act}]"))
        assert page.get_by_role("status").count() == 1

    assert subscription_of(control, "bob@example.org").ended_because == "operator"


def test_subscribers_are_downloaded(page):
    page.goto(PEOPLE)
    page.locator("form[action$=export] button").focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")

    assert download.value.suggested_filename == "subscribers.csv"
    assert "bob@example.org" in Path(download.value.path()).read_text(encoding="utf-8")


def test_every_page_about_people_can_be_read_at_any_width(control, window):
    with serving(control.app()) as url:
        shown = window(origin=url, width=375)
        page = shown.page
        shown.visit("/operator")
        page.locator("#token").fill(control.token()[0])
        press(page, page.locator("form.sheet button"))
        looks = look(shown, control, "desk")
        number = found(control, "ann@example.org")
        paths = (PEOPLE, f"{PEOPLE}/{number}", f"{PEOPLE}/{number}/erase", f"{PEOPLE}/add")
        for path in (*paths, "/operator/settings", "/operator/deliveries"):
            shown.visit(path)
            if page.locator("main details").count():
                page.locator("main summary").first.click()
            looks += look(shown, control, path.strip("/").replace("/", "-"))
        shown.visit("/operator/suppression")
        page.locator("#address").fill("ann@example.org")
        press(page, page.locator("button[value=look]"))
        looks += look(shown, control, "suppression")
        shown.visit(f"{PEOPLE}/import")
        page.locator("#list").fill(LIST.replace("Mail", "address"))
        press(page, page.locator("button[value=try]"))
        looks += look(shown, control, "import")

    assert looks == []


def look(shown, control, name):
    """Return what is hard to read, small or without a name on the page, and picture it."""
    page, faults = shown.page, []
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        if folder := os.environ.get("TIDINGS_SCREENSHOTS"):
            shown.screenshot(Path(folder), f"people-{name}-{control.language}-{width}-{scheme}")
        across = page.evaluate("document.documentElement.scrollWidth")
        faults += ["sideways"] if across > width else []
        faults += page.evaluate(CONTRAST) + page.evaluate(SMALL_TARGETS)
    # It takes longest, and what it finds is in the templates, whatever their words.
    faults += violations(page) if control.language == "en" else []
    return [f"{name}: {one}" for one in faults]
