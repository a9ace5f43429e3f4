"""Sources looked after in a real browser: by keyboard, without scripts, in both languages."""

import pytest
from sqlalchemy import update

from browser.legibility import CONTRAST, violations
from browser.showcase import serving
from browser.test_operators import SMALL_TARGETS
from fake_publisher import FakePublisher, answer
from feed_documents import atom, items
from letters_of_lists import letter
from operator_site import OperatorSite
from tidings.catalog import sources
from tidings.db import schema
from tidings.db.database import Database
from tidings.db.tables import entry, source
from tidings.model.entries import EntryState
from tidings.polling.mail_gatherer import MailGatherer
from tidings.search.store import index

ONE = "/operator/sources/1-example-org"
PAGES = (
    "/operator",
    "/operator/follow",
    "/operator/inbox?list=1",
    "/operator/opml",
    "/operator/sources",
    "/operator/entries",
    ONE,
    f"{ONE}/access",
    f"{ONE}/filters",
)
TRIAL = "/operator/follow/page?selector_item=link"
OPML = '<opml version="2.0"><body><outline text="A" xmlUrl="https://a.example/feed"/></body></opml>'


@pytest.fixture
def control(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/tidings.db")
    schema.prepare(database, rebuild_index=index.rebuild)
    yield OperatorSite(database)
    database.close()


@pytest.fixture
def site(control):
    """A site whose page names a feed."""
    with FakePublisher() as publisher:
        control.allow = publisher.host
        feed = publisher.serve("/feed", answer(body=atom(*items(3), title="Write-Ahead")))
        page = f'<link rel="alternate" type="application/atom+xml" href="{feed}">'
        yield publisher.serve("/", answer(body=page.encode(), Content_Type="text/html"))


class Keyboard:
    """An operator without scripts and without a mouse."""

    def __init__(self, page, origin, token):
        self.page, self.origin = page, origin
        page.goto(f"{origin}/operator")
        page.locator("#token:focus").wait_for()
        page.keyboard.type(token)
        self._go()

    def open(self, path):
        self.page.goto(self.origin + path)

    def write(self, label, text):
        field = self.page.get_by_label(label, exact=True)
        field.focus()
        self.page.keyboard.type(text)

    def tick(self, label):
        self.page.get_by_label(label, exact=True).focus()
        self.page.keyboard.press("Space")

    def press(self, name, role="button"):
        self.page.get_by_role(role, name=name).first.focus()
        self._go()

    def heading(self):
        return self.page.get_by_role("heading", level=1).text_content().strip()

    def said(self):
        return self.page.get_by_role("status").first.text_content().strip()

    def _go(self):
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")


@pytest.fixture
def keyboard(browser, control):
    with serving(control.app()) as url:
        context = browser.new_context(java_script_enabled=False)
        yield Keyboard(context.new_page(), url, control.token()[0])
        context.close()


def trouble(control):
    """Have a source fail, another one hold its entries, and a list ask to be followed."""
    MailGatherer(control.database, clock=control.clock).take(letter())
    failing, holding = control.room.follow(), control.room.follow()
    for source_id in (failing, holding):
        control.room.publish(source_id, 2, title="A lecture")
    with control.database.write() as connection:
        held = update(entry).where(entry.c.source_id == holding)
        connection.execute(held.values(state=EntryState.HELD))
        fails = update(source).where(source.c.id == failing)
        connection.execute(fails.values(failures=3, failing_with="html", last_error="a page"))


def test_an_empty_instance_gets_its_first_source(keyboard, site):
    keyboard.write("Address of a site or a feed", site)
    keyboard.press("Find feeds")
    keyboard.write("A new topic", "Databases")
    keyboard.tick("With everything that is there")
    keyboard.press("Follow this feed")

    assert keyboard.heading() == "Write-Ahead"
    assert keyboard.said() == "Followed"
    assert keyboard.page.locator("article").count() == 3


def test_a_bookmark_pressed_on_another_site_leads_to_its_feeds(keyboard, site):
    # Another name, so another site to a browser: it sends no cookie of ours from there.
    keyboard.page.goto(site.replace("127.0.0.1", "localhost"))
    link = f"{keyboard.origin}/operator/follow?address={site}"
    keyboard.page.set_content(f'<a href="{link}">Follow here</a>')
    keyboard.press("Follow here", "link")
    keyboard.page.get_by_role("button", name="Follow this feed").wait_for()

    assert keyboard.heading() == "Follow a source"
    assert keyboard.page.get_by_label("Write-Ahead").is_checked()


def test_a_list_is_imported_after_a_look_at_it(keyboard, control):
    keyboard.press("Import an OPML list", "link")
    keyboard.page.get_by_label("A file").set_input_files(
        {"name": "a.opml", "mimeType": "text/xml", "buffer": OPML.encode()}
    )
    keyboard.press("Look at it")
    looked = keyboard.page.locator("main").text_content()
    keyboard.press("Follow 1 source")

    assert "https://a.example/feed" in looked
    assert keyboard.heading() == "1 source added"
    with control.database.read() as connection:
        assert [one.url for one in sources.every(connection)] == ["https://a.example/feed"]


def test_what_needs_attention_is_mended_from_the_desk(keyboard, control):
    trouble(control)
    keyboard.open("/operator")
    keyboard.press("Release all")
    released = keyboard.said()
    keyboard.press("Poll now")
    queued = keyboard.page.get_by_role("status").all_text_contents()
    keyboard.press("Do not wait", "link")
    keyboard.press("Filters", "link")
    keyboard.write("What to look for", "lecture")
    keyboard.press("Try it")
    dropped = keyboard.page.locator(".dropped").count()
    keyboard.press("Add it")
    added = keyboard.said()
    keyboard.press("Access", "link")
    keyboard.write("User name", "ann")
    keyboard.write("Password", "s3cret")
    keyboard.press("Save")
    keyboard.press("Access", "link")

    assert released == "Released"
    assert any("Queued; polled within a minute." in one for one in queued)
    assert dropped == 2
    assert added == "Filter added"
    assert "Set now: login." in keyboard.page.locator(".about").text_content()
    assert "s3cret" not in keyboard.page.content()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_is_legible_at_every_width(window, control, site, language):
    control.language = language
    trouble(control)
    found = []
    with serving(control.app()) as url:
        shown = window(origin=url, width=375)
        shown.visit("/operator")
        shown.page.locator("#token").fill(control.token()[0])
        with shown.page.expect_navigation():
            shown.page.locator("main button").click()
        for path in (*PAGES, f"/operator/follow?address={site}", f"{TRIAL}&address={site}"):
            shown.visit(path)
            for width, scheme in ((375, "dark"), (1440, "light")):
                shown.page.set_viewport_size({"width": width, "height": 800})
                shown.page.emulate_media(color_scheme=scheme)
                across = shown.page.evaluate("document.documentElement.scrollWidth")
                found += [f"{path} is {across} wide"] if across > width else []
                looks = shown.page.evaluate(CONTRAST) + shown.page.evaluate(SMALL_TARGETS)
                found += [f"{path}: {one}" for one in looks]
            # It takes longest, and what it finds is in the templates, whatever their words.
            axe = violations(shown.page) if language == "en" else []
            found += [f"{path}: {one}" for one in axe]
        complaints = [one for one in shown.complaints if "username fields" not in one]

    assert found == []
    assert complaints == []
