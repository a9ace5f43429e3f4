"""Leaving a newsletter in a real browser."""

import pytest

from browser.conftest import app_in
from browser.showcase import Readers, serving


@pytest.fixture
def readers():
    return Readers()


@pytest.fixture
def site(readers):
    with serving(app_in("en", readers)) as url:
        yield url


def test_a_reader_leaves_by_keyboard(window, site, readers):
    shown = window(origin=site)
    shown.visit("/unsubscribe/1.ines")

    shown.page.get_by_role("button", name="Unsubscribe").focus()
    shown.page.keyboard.press("Enter")
    shown.page.wait_for_selector("h1:has-text('You are unsubscribed')")

    assert readers.subscriptions["1.ines"].ended_at
    assert not readers.subscriptions["2.lin"].ended_at
    assert shown.page.locator("main button").all_text_contents() == ["Undo: I want to stay"]
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
