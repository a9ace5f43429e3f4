"""The pages in a real browser. Pictures of them go to the folder named by TIDINGS_SCREENSHOTS."""

import os
from itertools import pairwise
from pathlib import Path

import pytest

from browser.legibility import CONTRAST

PATHS = {
    "list": "/",
    "second": "/?page=2",
    "topic": "/topics/mathematics",
    "source": "/sources/notes",
    "topics": "/topics",
    "sources": "/sources",
    "code": "/entries/1",
    "formulas": "/entries/2",
    "audio": "/entries/3",
    "hostile": "/entries/5",
    "wide": "/entries/6",
    "picture": "/entries/7",
    "arabic": "/entries/14",
    "issues": "/issues",
    "issue": "/issues/morning-2026-11-20",
    "error": "/nothing",
}
LISTS = ["list", "second", "topic", "source", "topics", "sources", "error"]

SMALL_TARGETS = """
() => [...document.querySelectorAll("a, button")]
  .filter((one) => getComputedStyle(one).display !== "inline" && !one.matches(".skip"))
  .map((one) => [one.textContent.trim(), one.getBoundingClientRect().height])
  .filter(([text, height]) => height < 24)
"""
FOCUSED = """
() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  return {
    what: element === document.body ? "" : element.outerHTML,
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_pages_show_without_complaint_and_are_easy_to_read(window, width, scheme):
    shown = window(width, scheme)

    for name, path in PATHS.items():
        shown.visit(path)

        assert shown.page.evaluate(CONTRAST) == [], name
        assert shown.page.evaluate(SMALL_TARGETS) == [], name
        if folder := os.environ.get("TIDINGS_SCREENSHOTS"):
            shown.screenshot(Path(folder), f"{name}-{width}-{scheme}")
    unexpected = [one for one in shown.complaints if "404" not in one and "ERR_FAILED" not in one]
    assert unexpected == []


@pytest.mark.parametrize("width", [320, 375, 768, 1280, 2560])
def test_no_page_scrolls_sideways(window, width):
    shown = window(width)

    for name, path in PATHS.items():
        shown.visit(path)

        assert shown.page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_lists_ask_nobody_but_us(window):
    shown = window()

    for name in LISTS:
        shown.visit(PATHS[name])

    assert shown.requests
    assert all(url.startswith(shown.origin) for url in shown.requests)


def test_entry_pages_ask_others_for_pictures_only(window):
    shown = window()

    for name in sorted(PATHS.keys() - {*LISTS, "picture"}):
        shown.visit(PATHS[name])
    with shown.page.expect_request("**/a.jpg"):
        shown.visit(PATHS["picture"])

    strangers = {url for url in shown.requests if not url.startswith(shown.origin)}
    assert strangers == {"https://pages-and-logs.example/a.jpg"}


def test_a_first_view_is_three_small_files(window):
    shown = window()
    sizes = []
    shown.page.on("response", lambda response: sizes.append(len(response.body())))

    shown.visit("/")

    assert len(set(shown.requests)) == 3
    assert sum(sizes) < 60_000


@pytest.mark.parametrize("name", ["list", "sources", "audio"])
def test_everything_is_reached_by_keyboard_and_the_focus_is_seen(window, name):
    shown = window(375)
    shown.visit(PATHS[name])
    links = shown.page.locator("a").count()

    reached = []
    for _ in range(links + 20):
        shown.page.keyboard.press("Tab")
        focused = shown.page.evaluate(FOCUSED)
        if not focused["what"] or focused["what"] in reached[:1]:
            break
        assert focused["seen"], focused["what"]
        assert focused["outlined"] or "<audio" in focused["what"], focused["what"]
        reached.append(focused["what"])

    assert sum(what.startswith("<a ") for what in reached) == links
    assert "Skip to the content" in reached[0]


def test_the_first_stop_leads_past_the_navigation(window):
    shown = window()
    shown.visit("/")

    for key in ("Tab", "Enter", "Tab"):
        shown.page.keyboard.press(key)

    assert "Databases" in shown.page.evaluate(FOCUSED)["what"]


def test_pages_have_landmarks_and_headings_in_order(window):
    shown = window()

    for name, path in PATHS.items():
        shown.visit(path)
        levels = shown.page.evaluate(
            "[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map((h) => +h.tagName[1])"
        )

        assert levels[0] == 1, name
        assert levels.count(1) == 1, name
        assert all(b <= a + 1 for a, b in pairwise(levels)), name
        for landmark in ("banner", "main", "contentinfo"):
            assert shown.page.get_by_role(landmark).count() == 1, (name, landmark)


def test_formulas_are_set_and_code_is_coloured(window):
    shown = window()
    shown.visit(PATHS["formulas"])

    fraction = shown.page.locator("math[display=block] mfrac").first.bounding_box()
    colours = shown.page.evaluate(
        "[...document.querySelectorAll('pre.code span')].map((one) => getComputedStyle(one).color)"
    )

    assert fraction["height"] > 30
    assert len(set(colours)) >= 4


def test_text_from_right_to_left_runs_so(window):
    shown = window()
    shown.visit(PATHS["arabic"])

    assert shown.page.locator(".prose p").evaluate("p => getComputedStyle(p).direction") == "rtl"


def test_the_interface_in_chinese(window, chinese):
    shown = window(375, origin=chinese)

    shown.visit("/")
    shown.page.get_by_role("link", name="在此阅读").first.click()

    assert shown.page.get_by_role("link", name="阅读原文").is_visible()
    assert shown.complaints == []


def test_one_can_walk_through_all_pages(window):
    shown = window()
    shown.visit("/")

    seen = []
    while True:
        seen += shown.page.locator("h3 a").all_text_contents()
        older = shown.page.get_by_role("link", name="Older")
        if not older.count():
            break
        older.click()

    assert len(seen) == len(set(seen)) == 39


def test_on_paper_only_what_is_to_be_read_is_left(window):
    shown = window()
    shown.visit(PATHS["code"])

    shown.page.emulate_media(media="print")

    assert not shown.page.get_by_role("navigation").first.is_visible()
    assert shown.page.get_by_role("heading", level=1).is_visible()
