"""Letters that are no issue, in a real browser; pictures go to TIDINGS_SCREENSHOTS."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest

from browser.legibility import CONTRAST
from tidings.model.operators import Problem, ProblemKind
from tidings.subscribers.transactional_message import (
    AddressChangedContext,
    ConfirmContext,
    OperatorContext,
    WelcomeContext,
    render_message,
)
from transactional_mail import SITE_URL, mail_templates

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HEAD = {"language": "en", "site_url": SITE_URL, "postal_address": "1 Harbour Street, Tidewater"}
TITLES = {"en": "Morning tidings", "zh": "晨间通讯"}

LETTERS = {
    "confirm": ConfirmContext(
        **HEAD, newsletter="", confirm_url=f"{SITE_URL}/confirm/abc", until=NOON
    ),
    "welcome": WelcomeContext(
        **HEAD,
        newsletter="",
        frequency="daily",
        hour=7,
        timezone="Asia/Shanghai",
        next_issue_at=NOON,
        preferences_url=f"{SITE_URL}/preferences/abc",
        unsubscribe_url=f"{SITE_URL}/unsubscribe/abc",
        issues_url=f"{SITE_URL}/issues",
    ),
    "moved": AddressChangedContext(
        **HEAD, newsletters=("Morning tidings",), contact="desk@example.org"
    ),
    "operator": OperatorContext(
        **HEAD,
        moment=NOON,
        worries=(
            Problem(kind=ProblemKind.NOTHING_POLLED, count=1),
            Problem(
                kind=ProblemKind.FAILING,
                count=2,
                lines=(
                    "3 The Old Observatory: cannot fetch https://old.example/feed: 404 Not Found",
                    f"7 Kestrel: cannot fetch https://kestrel.example/{'releases' * 30}: timed out",
                ),
            ),
        ),
    ),
}


@pytest.fixture
def letter(browser):
    """Return a function that shows a letter."""
    window = browser.new_context()

    def show(name, language):
        context = replace(LETTERS[name], language=language)
        if hasattr(context, "newsletter"):
            context = replace(context, newsletter=TITLES[language])
        page = window.new_page()
        page.set_content(render_message(context, mail_templates()).html)
        return page

    yield show
    window.close()


@pytest.mark.parametrize("language", TITLES)
@pytest.mark.parametrize("name", LETTERS)
def test_they_are_easy_to_read_wide_and_narrow_light_and_dark(letter, name, language):
    page = letter(name, language)

    for width, scheme in product((375, 600), ("light", "dark")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        if folder := os.environ.get("TIDINGS_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            picture = Path(folder) / f"{name}-{language}-{scheme}-{width}.png"
            page.screenshot(path=picture, full_page=True)
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_button_is_large_enough_for_a_thumb(letter):
    page = letter("confirm", "en")
    page.set_viewport_size({"width": 320, "height": 800})

    box = page.get_by_role("link", name="Confirm").bounding_box()

    assert box["height"] >= 44
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 320
