"""Search on a site of files, in a real browser, below a path, with the policy that pages have."""
# ruff: noqa: RUF001 - characters of many scripts

import functools
import shutil
import threading
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from browser.conftest import Window
from browser.legibility import violations
from browser.showcase import SITE, shipped_templates
from newsletter_site import NewsletterSite
from parsed_entries import NOON
from published_documents import SETTINGS
from tidings.db.database import Database
from tidings.model.words import words_of
from tidings.publishing import static_site
from tidings.publishing.site_context import SiteContext
from tidings.web.responses import PAGE_POLICY

FILES = ("style.css", "script.js", "search.js", "favicon.svg")

TEXTS = [
    "C++ and C# are languages, C+ is not",
    "Naïve Straße ΣΊΣΥΦΟΣ İstanbul ﬁne ŉ",
    "机器学习 2024年，从零开始",
    "ｆｕｌｌ ｗｉｄｔｈ カタカナ ひらがな ﾊﾝｶｸ",
    "한국어 검색 ภาษาไทย ភាសាខ្មែរ",
    "snake_case don't write-ahead e-mail user@example.org",
    "½ x² №5 Ⅻ ٣٤ हिन्दी العَرَبِيَّة עִבְרִית tiếng Việt",
    "🗞 emoji👩‍🔬 a\u0301 e\u0323\u0302 𝔘𝔫𝔦 𠀋𠀌",
    "x" * 80,
]


class Host(SimpleHTTPRequestHandler):
    """A host of files that knows nothing of us."""

    def end_headers(self):
        self.send_header("Content-Security-Policy", PAGE_POLICY)
        super().end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def folder(sqlite_template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    shutil.copyfile(sqlite_template, folder / "tidings.db")
    database = Database(f"sqlite:///{folder}/tidings.db")
    room = NewsletterSite(database)
    source_id = room.follow(topic="birds")
    room.publish(source_id, title="Of <terns> & gulls", text="They fly past the lighthouse.")
    room.publish(
        source_id, title="灯塔的消息", text="燕鸥飞过灯塔，机器学习也飞过。", language="zh"
    )
    room.publish(source_id, title="Something else", text="A lighthouse stands by the harbour.")
    room.publish(source_id, title="Lighthouse keepers", text="They are on strike.")
    for number in range(25):
        room.publish(source_id, title=f"Note {number}", text="constructor, and nothing more")
    for path in ("", "/project"):
        publish(database, folder / "www", path)
    yield folder / "www"
    database.close()


def publish(database, folder, path):
    """Write a site that is to lie below a path of its host."""
    templates = shipped_templates()
    site = replace(
        SITE, base_url=f"https://user.example{path}", has_forms=False, has_file_search=True
    )
    context = SiteContext(
        settings=SETTINGS,
        site=site,
        templates=templates,
        page_path=static_site.page_path,
        is_live=False,
    )
    assets = {name: templates.file(name) for name in FILES}
    static_site.publish(
        database, context, folder / path.strip("/"), assets=assets, clock=lambda: NOON
    )


@pytest.fixture(scope="module")
def origin(folder):
    handler = functools.partial(Host, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def shown(browser, origin):
    context = browser.new_context()
    yield Window(page=context.new_page(), origin=origin)
    context.close()


def titles(shown):
    return [one.text_content() for one in shown.page.locator("#hits h2").all()]


def wait_for(shown, count):
    # No function to wait for: it would be a text that is evaluated, which the policy forbids.
    expect(shown.page.locator("#hits article")).to_have_count(count)


@pytest.mark.parametrize("path", ["", "/project"])
def test_from_any_page_by_keyboard_alone_to_an_entry(shown, path):
    shown.visit(f"{path}/")
    before = [url for url in shown.requests if "/search/" in url]

    shown.page.keyboard.press("/")
    shown.page.keyboard.type("lighthouse")
    with shown.page.expect_navigation():
        shown.page.keyboard.press("Enter")
    wait_for(shown, 3)
    found, said = titles(shown), shown.page.get_by_role("status").text_content()
    shown.page.keyboard.press("j")
    with shown.page.expect_navigation():
        shown.page.keyboard.press("Enter")

    # The index is loaded by who searches, and by nobody else.
    assert before == []
    assert found == ["Lighthouse keepers", "Something else", "Of <terns> & gulls"]
    assert said == "Found: 3"
    assert shown.page.get_by_role("heading", name="Lighthouse keepers").is_visible()
    assert shown.page.url.startswith(f"{shown.origin}{path}/entries/")
    assert shown.complaints == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param("灯塔", ["灯塔的消息"], id="two characters"),
        pytest.param("鸥", ["灯塔的消息"], id="one character"),
        pytest.param("机器学习", ["灯塔的消息"], id="more than two"),
        pytest.param("器灯", [], id="characters that are not together"),
        pytest.param("LIGHTHOUSE strike", ["Lighthouse keepers"], id="two words"),
        pytest.param("lighthouse -strike -gulls", ["Something else"], id="without others"),
        pytest.param("harb*", ["Something else"], id="the beginning of a word"),
        pytest.param("harb", [], id="no whole word"),
        pytest.param('"stands by" harbour', ["Something else"], id="a phrase, as its words"),
        pytest.param("-lighthouse", [], id="nothing but without"),
        pytest.param("hasOwnProperty", [], id="what objects of scripts have"),
        pytest.param("?!", [], id="no word at all"),
    ],
)
def test_what_is_looked_for_is_found(shown, asked, found):
    shown.visit("/project/search/")

    shown.page.get_by_role("searchbox").fill(asked)
    shown.page.get_by_role("searchbox").press("Enter")
    expect(shown.page.get_by_role("status")).not_to_be_empty()
    wait_for(shown, len(found))

    assert titles(shown) == found
    said = f"Found: {len(found)}" if found else "Nothing was found"
    assert shown.page.get_by_role("status").text_content().startswith(said)
    assert shown.complaints == []


def test_what_is_found_changes_as_one_types_and_its_address_can_be_passed_on(shown):
    shown.visit("/project/search/?q=strike")
    wait_for(shown, 1)
    field = shown.page.get_by_role("searchbox")

    field.clear()
    field.press_sequentially("燕鸥", delay=20)
    shown.page.get_by_role("heading", name="灯塔的消息").wait_for()
    address = shown.page.url
    shown.page.goto(address)
    shown.page.get_by_role("heading", name="灯塔的消息").wait_for()

    assert "q=%E7%87%95%E9%B8%A5" in address
    assert shown.page.locator("#hits h2 a").get_attribute("lang") == "zh"
    assert violations(shown.page) == []


def test_long_lists_are_shown_part_by_part(shown):
    shown.visit("/project/search/?q=constructor")
    wait_for(shown, 20)

    shown.page.get_by_role("button", name="Show more").press("Enter")
    wait_for(shown, 25)

    assert titles(shown)[:2] == ["Note 24", "Note 23"]
    assert shown.page.evaluate("document.activeElement.textContent") == "Note 4"
    assert shown.page.get_by_role("button", name="Show more").is_hidden()


def test_an_index_that_cannot_be_loaded_is_said_and_asked_for_again(shown):
    shown.visit("/project/search/")
    shown.page.route("**/index.json", lambda route: route.abort())
    field = shown.page.get_by_role("searchbox")
    field.fill("strike")
    field.press("Enter")
    shown.page.get_by_text("could not be loaded").wait_for()

    shown.page.unroute("**/index.json")
    field.press("Enter")
    wait_for(shown, 1)

    assert titles(shown) == ["Lighthouse keepers"]


def test_words_are_cut_in_the_browser_as_they_are_in_the_index(shown):
    shown.visit("/project/search/")
    cut = """async (text) => {
      const own = await import(document.querySelector("script[type=module]").src);
      return own.wordsOf(text, own.patternsOf(await own.load("index.json")));
    }"""

    for text in TEXTS:
        assert shown.page.evaluate(cut, text) == [word[:50] for word in words_of(text)], text


def test_both_scripts_of_the_page_work_beside_each_other(shown):
    shown.visit("/project/search/?q=strike")
    wait_for(shown, 1)

    shown.page.get_by_role("button", name="Light or dark").click()

    assert shown.page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert shown.page.locator("#hits time").text_content() == "20 Nov"
    assert shown.complaints == []


def test_without_scripts_the_page_says_so(browser, origin):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{origin}/project/search/?q=strike")

    assert page.locator("noscript .note").is_visible()
    context.close()
