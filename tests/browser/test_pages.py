"""The pages in a real browser. Pictures of them go to the folder named by TIDINGS_SCREENSHOTS."""

import os
import re
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from browser.conftest import app_in
from browser.legibility import CONTRAST, violations
from browser.showcase import NOTES, SITE, TEMPLATES, Showcase, an_entry, serving
from tidings.app.fonts import fonts_in
from tidings.app.templates import load_templates
from tidings.model.scopes import Scope
from tidings.publishing.pagination import paginate
from tidings.publishing.views import ListPage

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
    "search": "/?q=log",
    "issues": "/issues",
    "issue": "/issues/morning-2026-11-20",
    "status": "/status",
    "error": "/nothing",
}
EACH_TEMPLATE = {
    "list",
    "code",
    "topics",
    "sources",
    "search",
    "issues",
    "issue",
    "status",
    "error",
}
"""Pages of which each has a template of its own; the others differ by their entries alone."""
LISTS = ["list", "second", "topic", "source", "topics", "sources", "search", "error"]
WIDTHS = (320, 375, 768, 1280, 2560)
LOOKS = ((375, "light"), (375, "dark"), (1280, "dark"), (1280, "light"))

SMALL_TARGETS = """
() => [...document.querySelectorAll("a, button, input")]
  .filter((one) => one.checkVisibility() && getComputedStyle(one).display !== "inline")
  .filter((one) => !one.matches(".skip"))
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


def looked_at(shown, name):
    """Return what is hard to read on a page, on any screen and in either light."""
    found = []
    for width in WIDTHS:
        shown.page.set_viewport_size({"width": width, "height": 800})
        across = shown.page.evaluate("document.documentElement.scrollWidth")
        found += [f"{width} pixels are not enough"] if across > width else []
    for width, scheme in LOOKS:
        shown.page.set_viewport_size({"width": width, "height": 800})
        shown.page.emulate_media(color_scheme=scheme)
        found += shown.page.evaluate(CONTRAST) + shown.page.evaluate(SMALL_TARGETS)
        if folder := os.environ.get("TIDINGS_SCREENSHOTS"):
            shown.screenshot(Path(folder), f"{name}-{width}-{scheme}")
    return [(name, one) for one in found]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_is_easy_to_read_on_any_screen_in_either_light(
    window, english, chinese, language
):
    shown = window(origin={"en": english, "zh": chinese}[language])

    found = []
    # Of another language all templates, not all that one of them shows.
    for name in PATHS if language == "en" else EACH_TEMPLATE:
        shown.visit(PATHS[name])
        found += looked_at(shown, f"{name}-{language}")
        # Axe takes longer than all else. Of what it looks at contrast alone depends on the light.
        found += violations(shown.page)
        if language == "en" and name in EACH_TEMPLATE:
            shown.page.emulate_media(color_scheme="dark")
            found += violations(shown.page, ["color-contrast"])

    assert found == []
    expected = ("404", "ERR_FAILED")  # the address that is not there, and pictures of strangers
    assert [one for one in shown.complaints if not any(why in one for why in expected)] == []


def test_lists_ask_nobody_but_us(window):
    shown = window()

    for name in LISTS:
        shown.visit(PATHS[name])

    assert shown.requests
    assert all(url.startswith(shown.origin) for url in shown.requests)


def test_entry_pages_ask_others_for_pictures_only_and_do_not_say_for_whom(window):
    shown = window()

    for name in sorted(PATHS.keys() - {*LISTS, "picture"}):
        shown.visit(PATHS[name])
    with shown.page.expect_request("**/a.jpg") as asked:
        shown.visit(PATHS["picture"])

    strangers = {url for url in shown.requests if not url.startswith(shown.origin)}
    assert strangers == {"https://pages-and-logs.example/a.jpg"}
    assert "referer" not in asked.value.headers


class Full(Showcase):
    """A first page as long as one can be, all of it Chinese, with excerpts as long as they get."""

    def _list(self, scope, number):  # noqa: ARG002 - as the real one
        signs = Random(1)  # noqa: S311 - any of the usual characters, hardly to be compressed
        entries = []
        for place in range(1, 24):
            text = "".join(chr(signs.randrange(0x4E00, 0x6600)) for _ in range(380))
            says = {"title": text[:30], "excerpt": text[30:], "language": "zh-cn"}
            entries.append(an_entry(place, source=NOTES, **says))
        return ListPage(
            site=self.site,
            scope=Scope(kind="all"),
            heading=SITE.title,
            entries=tuple(entries),
            folded={},
            pagination=paginate(9, count=9, href=lambda n: f"/?page={n}"),
        )


def test_a_first_view_is_four_small_files_asked_for_at_once(window):
    with serving(app_in("zh", showcase=Full)) as url:
        shown = window(origin=url)
        answers = []

        def note(request):
            answers.append(request)

        shown.page.on("requestfinished", note)

        shown.visit("/")
        shown.page.wait_for_load_state("networkidle")

        sizes = [one.sizes() for one in answers]
        source = shown.page.request.get(f"{url}/").text()
        assert len(shown.page.locator("article").all()) == 23
    paths = [one.removeprefix(url) for one in shown.requests]
    assert sorted({path.split("?")[0] for path in paths}) == [
        "/",
        "/favicon.svg",
        "/script.js",
        "/style.css",
    ]
    assert all(f'"{path}"' in source for path in paths)
    transferred = sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes)
    assert 20_000 < transferred < 60_000


@pytest.fixture(scope="session")
def lettered(tmp_path_factory):
    """The pages with fonts of their own."""
    fonts = fonts_in(str(tmp_path_factory.mktemp("fonts")))

    class Lettered(Showcase):
        def __init__(self, site):
            super().__init__(site)
            self.templates = load_templates([TEMPLATES], fonts=fonts)

    with serving(app_in("en", showcase=Lettered)) as url:
        yield url


def test_names_have_a_serif_of_their_own_and_formulas_what_fits_it(window, lettered):
    shown = window(origin=lettered)
    answers = []
    shown.page.on("requestfinished", lambda request: answers.append(request))  # noqa: PLW0108

    shown.visit("/")
    shown.page.wait_for_load_state("networkidle")
    first = sum(sum(one.sizes().values()) for one in answers)
    asked = [one.url.removeprefix(lettered).split("?")[0] for one in answers]
    shown.visit(PATHS["formulas"])
    shown.page.wait_for_load_state("networkidle")

    loaded = "[...document.fonts].filter((one) => one.status === 'loaded').map((one) => one.family)"
    assert sorted({*asked}) == ["/", "/favicon.svg", "/script.js", "/serif.woff2", "/style.css"]
    assert first < 60_000
    assert sorted(shown.page.evaluate(loaded)) == ["tidings math", "tidings serif"]
    assert shown.complaints == []


@pytest.mark.parametrize("name", ["list", "sources", "audio"])
def test_everything_is_reached_by_keyboard_and_the_focus_is_seen(window, name):
    shown = window(375)
    shown.visit(PATHS[name])
    links = shown.page.locator("a:visible").count()

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
    assert any('class="find"' in what for what in reached)
    assert any('class="theme"' in what for what in reached)


def test_the_first_stop_leads_past_the_navigation(window):
    shown = window()
    shown.visit("/")

    for key in ("Tab", "Enter", "Tab"):
        shown.page.keyboard.press(key)

    assert "/entries/90" in shown.page.evaluate(FOCUSED)["what"]


def test_what_is_too_wide_scrolls_by_keyboard_and_what_fits_is_passed_over(window):
    shown = window(375)
    shown.visit(PATHS["wide"])
    shown.page.wait_for_function("document.querySelectorAll('.prose [tabindex=\"0\"]').length")

    scrolled = []
    for scroller in shown.page.locator('.prose [tabindex="0"]').all():
        scroller.focus()
        shown.page.keyboard.press("ArrowRight")
        moved = "(one) => new Promise((done) => setTimeout(() => done(one.scrollLeft > 0), 200))"
        scrolled.append((scroller.evaluate("(one) => one.localName"), scroller.evaluate(moved)))
    shown.visit(PATHS["formulas"])
    shown.page.set_viewport_size({"width": 1280, "height": 800})
    shown.page.wait_for_function("!document.querySelector('.prose [tabindex=\"0\"]')")

    assert scrolled == [("math", True), ("div", True), ("pre", True)]


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
    shown.follow(shown.page.locator(".row h3 a").first)

    assert shown.page.get_by_role("link", name="原文").is_visible()
    assert shown.complaints == []


def test_a_topic_is_a_filter_that_can_be_taken_off(window):
    shown = window()
    topics = shown.page.get_by_role("navigation", name=re.compile("topic", re.IGNORECASE))
    shown.visit("/")

    shown.follow(topics.get_by_role("link", name="Mathematics"))
    chosen = topics.locator("[aria-current]").text_content().strip()
    filtered = shown.page.locator("article").count()
    shown.follow(topics.get_by_role("link", name="All"))

    assert chosen == "Mathematics"
    assert filtered == 2
    assert shown.page.locator("article").count() > 10
    assert topics.locator("[aria-current] > :first-child").text_content() == "All"


def test_what_is_pinned_stands_on_top_of_the_first_page_only(window):
    shown = window()

    firsts = []
    for path in (PATHS["list"], PATHS["second"], PATHS["topic"]):
        shown.visit(path)
        firsts.append("About this collection" in shown.page.locator("article").first.inner_text())

    assert firsts == [True, False, False]


def test_one_can_walk_through_all_pages(window):
    shown = window()
    shown.visit("/")

    seen = []
    while True:
        seen += shown.page.locator(".entries h3 a").all_text_contents()
        older = shown.page.get_by_role("link", name="Older")
        if not older.count():
            break
        shown.follow(older)

    assert len(seen) == len(set(seen)) == 39


def test_on_paper_only_what_is_to_be_read_is_left_and_where_links_lead(window):
    shown = window(scheme="dark")
    shown.visit(PATHS["code"])

    paper = shown.page.pdf()
    shown.page.emulate_media(media="print")

    assert paper.startswith(b"%PDF")
    assert not shown.page.get_by_role("navigation").first.is_visible()
    assert shown.page.get_by_role("heading", level=1).is_visible()
    after = "(a) => getComputedStyle(a, '::after').content"
    link = shown.page.locator(".prose a").first
    assert "https://pages-and-logs.example/2" in link.evaluate(after)
    colours = "(body) => [getComputedStyle(body).color, getComputedStyle(body.parentNode).backgroundColor]"
    assert shown.page.locator("body").evaluate(colours) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]


def test_an_error_page_leads_on_without_a_form_where_nobody_answers(window):
    shown = window()
    shown.visit("/nothing")

    shown.follow(shown.page.get_by_role("link", name="Look through the topics"))

    assert shown.page.get_by_role("heading", level=1).text_content() == "Topics"
