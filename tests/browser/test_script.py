"""What the script adds to the pages, and that they do without it."""

import pytest

from browser.legibility import violations

SHADE = "getComputedStyle(document.documentElement).backgroundColor"
LIGHT, DARK = "rgb(252, 251, 248)", "rgb(21, 23, 26)"
KEPT = "localStorage.getItem('theme')"
SIX_HOURS_BEFORE_NOON = 1_795_154_400_000


def theme(shown):
    return shown.page.get_by_role("button", name="Light or dark")


def test_the_chosen_light_is_kept_from_page_to_page_and_set_before_anything_is_painted(window):
    shown = window()
    shown.visit("/")
    before = shown.page.evaluate(SHADE)

    theme(shown).click()
    chosen = shown.page.evaluate(SHADE)
    shown.page.add_init_script(
        "new MutationObserver((_, watch) => { if (document.body) { watch.disconnect();"
        " window.first = document.documentElement.dataset.theme; } })"
        ".observe(document, {childList: true, subtree: true});"
    )
    shown.visit("/topics")

    assert (before, chosen, shown.page.evaluate(SHADE)) == (LIGHT, DARK, DARK)
    assert shown.page.evaluate("window.first") == "dark"
    bars = shown.page.locator("meta[name=theme-color][media=all]")
    assert [bar.get_attribute("content") for bar in bars.all()] == ["#1b1e22"]


def test_to_choose_what_the_system_wants_is_to_follow_it_again(window):
    shown = window(scheme="dark")
    shown.visit("/")

    theme(shown).click()
    other = shown.page.evaluate(SHADE), shown.page.evaluate(KEPT)
    theme(shown).click()

    assert other == (LIGHT, "light")
    assert (shown.page.evaluate(SHADE), shown.page.evaluate(KEPT)) == (DARK, None)


def test_what_is_found_changes_as_one_types(window):
    shown = window()
    shown.visit("/?q=harbour")
    field = shown.page.get_by_role("searchbox")
    before = shown.page.get_by_role("status").text_content()

    field.clear()
    field.press_sequentially("write-ahead", delay=20)
    shown.page.get_by_role("heading", name="What a write-ahead log really promises").wait_for()

    asked = [url for url in shown.requests if "q=" in url]
    assert len(asked) <= 3
    assert (before, shown.page.get_by_role("status").text_content()) == ("1 entry found",) * 2
    assert shown.page.url.endswith("/?q=write-ahead")
    assert shown.page.title() == "write-ahead · Latest updates"
    assert shown.page.evaluate("document.activeElement.name") == "q"
    assert field.input_value() == "write-ahead"


def test_an_input_method_is_left_to_choose_its_characters_first(window):
    shown = window()
    shown.visit("/?q=harbour")
    field = shown.page.get_by_role("searchbox")
    typing = """(field) => {
      field.value = "shu";
      field.dispatchEvent(new InputEvent("input", {bubbles: true, isComposing: true}));
    }"""

    field.evaluate(typing)
    shown.page.wait_for_timeout(400)
    meanwhile = shown.page.url
    field.evaluate("(field) => { field.value = '熵' }")
    field.dispatch_event("compositionend")
    shown.page.get_by_role("heading", name="从最大熵到 softmax").wait_for()

    assert meanwhile.endswith("/?q=harbour")


@pytest.fixture
def plain(browser, english):
    """A window in which no script runs."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(english)
    yield page
    context.close()


def test_nothing_is_missing_without_the_script(plain, english):
    assert plain.locator("button.theme").is_hidden()
    with plain.expect_navigation():
        plain.get_by_role("link", name="Older").click()
    assert plain.locator("article").count() == 12
    plain.get_by_role("searchbox").fill("log")
    plain.get_by_role("searchbox").press("Enter")
    plain.wait_for_url(f"{english}/?q=log")


def test_the_density_is_kept_from_page_to_page(window):
    shown = window()
    shown.visit("/")
    roomy = shown.page.locator(".row").last.bounding_box()["height"]

    shown.page.get_by_role("radio", name="Titles").check()
    shown.visit("/?page=2")

    assert shown.page.get_by_role("radio", name="Titles").is_checked()
    assert shown.page.locator(".row").last.bounding_box()["height"] < roomy / 1.5


def test_without_the_script_the_density_is_a_matter_of_the_style_sheet(plain):
    roomy = plain.locator(".row").last.bounding_box()["height"]

    plain.get_by_role("radio", name="Titles").check()

    assert plain.locator(".row").last.bounding_box()["height"] < roomy / 1.5


@pytest.fixture
def in_china(browser, english):
    """A page in a browser whose clock is eight hours ahead of ours."""
    context = browser.new_context(timezone_id="Asia/Shanghai")
    page = context.new_page()
    page.goto(english)
    yield page
    context.close()


def test_times_are_the_readers_own_and_so_are_the_days(in_china):
    days = in_china.locator(".entries .day")

    assert "20 November" in days.locator("time").first.text_content()
    assert days.locator("article time").first.text_content() == "19:00"
    # Entry 15 stands at nine in the evening of the day before, by UTC.
    own = days.filter(has_text="Entry number 15").locator("h2")
    assert "20 November" in own.text_content()
    assert in_china.get_by_text("times in UTC").count() == 0


def test_times_are_in_utc_without_the_script(plain):
    assert plain.locator(".entries article time").first.text_content() == "11:00"
    assert plain.get_by_text("times in UTC").is_visible()


def test_who_comes_back_sees_what_is_new_since_the_last_visit(window):
    shown = window()
    shown.visit("/")
    first = shown.page.locator(".seen").count()

    # As if entries 1 to 5 had come after they left.
    shown.page.evaluate(f"localStorage.setItem('visits', '0 {SIX_HOURS_BEFORE_NOON}')")
    shown.visit("/")
    line = shown.page.locator(".seen")
    said, below = line.text_content(), line.locator("xpath=following-sibling::article[1]")
    shown.visit("/")

    assert first == 0
    assert said.startswith("↑ New since your last visit, 20 November 2026")
    assert below.locator("time").text_content() == "06:00"
    assert shown.page.locator(".seen").count() == 1


def test_keys_lead_through_a_list_to_the_search_and_to_their_help(window):
    shown = window()
    shown.visit("/")
    keyboard, focused = shown.page.keyboard, "document.activeElement.textContent"

    keyboard.press("j")
    keyboard.press("j")
    second = shown.page.evaluate(focused)
    keyboard.press("k")
    first = shown.page.evaluate(focused)
    keyboard.press("/")
    typed = shown.page.evaluate("document.activeElement.name")
    keyboard.press("j")  # in a field it is a letter
    written = shown.page.get_by_role("searchbox").input_value()
    shown.page.get_by_role("link", name="Latest", exact=True).focus()
    keyboard.press("?")

    assert first == "About this collection, and how to suggest a source"
    assert second == "What a write-ahead log really promises"
    assert (typed, written) == ("q", "j")
    assert shown.page.get_by_role("dialog", name="Keys").is_visible()
    assert violations(shown.page) == []


def test_keys_can_be_turned_off(window):
    shown = window()
    shown.visit("/")
    shown.page.keyboard.press("?")

    shown.page.get_by_role("checkbox", name="Use these keys").uncheck()
    shown.page.keyboard.press("Escape")
    shown.visit("/")
    shown.page.keyboard.press("j")

    assert shown.page.evaluate("document.activeElement.localName") == "body"
