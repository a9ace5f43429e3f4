"""What the script adds to the pages, and that they do without it."""

import pytest

SHADE = "getComputedStyle(document.documentElement).backgroundColor"
LIGHT, DARK = "rgb(252, 251, 248)", "rgb(22, 24, 27)"


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
    assert [bar.get_attribute("content") for bar in bars.all()] == ["#16181b"]


def test_to_choose_what_the_system_wants_is_to_follow_it_again(window):
    shown = window(scheme="dark")
    shown.visit("/")

    theme(shown).click()
    other = shown.page.evaluate(SHADE), shown.page.evaluate("localStorage.length")
    theme(shown).click()

    assert other == (LIGHT, 1)
    assert (shown.page.evaluate(SHADE), shown.page.evaluate("localStorage.length")) == (DARK, 0)


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
