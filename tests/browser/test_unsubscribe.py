"""Leaving a newsletter in a real browser. Pictures go to the folder named by TIDINGS_SCREENSHOTS."""

import os
from pathlib import Path

import pytest

from browser.conftest import app_in
from browser.legibility import CONTRAST
from browser.showcase import Readers, serving

TARGET_HEIGHT = 44


@pytest.fixture
def readers():
    return Readers()


@pytest.fixture
def site(readers):
    with serving(app_in("en", readers)) as url:
        yield url


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("token", ["1.ines", "2.lin"])
def test_the_pages_are_easy_to_read_and_the_button_to_press(window, site, width, scheme, token):
    shown = window(width, scheme, origin=site)
    shown.visit(f"/unsubscribe/{token}")
    button = shown.page.get_by_role("button")

    looks = [look(shown, width, f"unsubscribe-{token}-{width}-{scheme}")]
    tall = button.bounding_box()["height"]
    with shown.page.expect_navigation():
        button.click()
    looks.append(look(shown, width, f"unsubscribed-{token}-{width}-{scheme}"))

    assert tall >= TARGET_HEIGHT
    assert looks == [{"contrast": [], "sideways": False}] * 2
    assert shown.complaints == []


def look(shown, width, name):
    if folder := os.environ.get("TIDINGS_SCREENSHOTS"):
        shown.screenshot(Path(folder), name)
    across = shown.page.evaluate("document.documentElement.scrollWidth")
    return {"contrast": shown.page.evaluate(CONTRAST), "sideways": across > width}


def test_a_reader_leaves_by_keyboard(window, site, readers):
    shown = window(origin=site)
    shown.visit("/unsubscribe/1.ines")

    shown.page.get_by_role("button", name="Unsubscribe").focus()
    shown.page.keyboard.press("Enter")
    shown.page.wait_for_selector("h1:has-text('You are unsubscribed')")

    assert readers.subscriptions["1.ines"].ended_at
    assert not readers.subscriptions["2.lin"].ended_at
    assert shown.page.get_by_role("button").count() == 0
    assert shown.page.context.cookies() == []


def test_looking_again_and_again_leaves_everything_as_it_is(window, site, readers):
    shown = window(origin=site)

    for _ in range(3):
        shown.visit("/unsubscribe/1.ines")
        shown.page.reload()

    assert readers.subscriptions["1.ines"].ended_at is None
    assert {url for url in shown.requests if not url.startswith(site)} == set()


def test_where_a_reader_goes_next_is_not_told_where_they_were(window, site):
    shown = window(origin=site)
    shown.visit("/unsubscribe/1.ines")

    with shown.page.expect_request(f"{site}/") as asked:
        shown.page.get_by_role("link", name="Latest", exact=True).click()

    assert "referer" not in asked.value.headers
