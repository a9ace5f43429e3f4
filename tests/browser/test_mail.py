"""Letters in a real browser. Pictures of them go to the folder named by TIDINGS_SCREENSHOTS."""

import os
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from math import sin
from pathlib import Path

import pytest
from playwright.sync_api import Page

from browser.legibility import CONTRAST, RULES, violations
from sample_digests import (
    CHINESE,
    ENGLISH,
    ISSUE_URL,
    NOON,
    PAGES_AND_LOGS,
    SITE_URL,
    TEMPLATES,
    a_digest,
    an_entry,
    of,
)
from tidings.app.templates import load_mail_templates
from tidings.demo.site_documents import png
from tidings.model.drafts import EditorText, IssueEdits
from tidings.model.feed import Enclosure, Image
from tidings.model.newsletters import Fold
from tidings.newsletters.render import compose

# Without `best-practice`: mail programs show a letter within their own landmarks.
WCAG = RULES[:-1]

FOLDED = Fold(source=PAGES_AND_LOGS, entries=tuple(map(an_entry, range(50, 62))))
WIDE = Image(url="https://images.example/wide.png", width=1120, height=480, alt="Low sun")
SMALL = Image(url="https://images.example/small.png", width=350, height=150, alt="Low sun")
TALK = Enclosure(url="https://majalla.example/sky.mp3", type="audio/mpeg", length=31_000_000)


def waves():
    """Return a picture for letters: waves below a bright sky."""
    width, height = 560, 240

    def brightness(x, y):
        depth = sum(y > 60 + 36 * n + 9 * sin(x / (37 + 7 * n) + n) for n in range(5))
        return 255 - 48 * depth

    rows = (bytes(brightness(x, y) for x in range(width)) for y in range(height))
    return png(rows, width=width, height=height, darkest=(12, 76, 84), brightest=(243, 226, 198))


PICTURE = waves()


def full(digest, note):
    """Return a digest with all that a letter can have."""
    first, *others = digest.sections
    lead, *rest = first.entries
    pictured = (replace(lead, image=WIDE), *(replace(one, image=SMALL) for one in rest))
    heard = [
        replace(one, entries=tuple(replace(entry, enclosures=(TALK,)) for entry in one.entries[:1]))
        for one in others[-1:]
    ]
    sections = [replace(first, entries=pictured), *others[:-1], *heard]
    sections[-2] = replace(sections[-2], folds=(FOLDED,))
    return replace(
        digest,
        sections=tuple(sections),
        since=NOON - timedelta(days=2),
        newsletter=replace(digest.newsletter, images=True),
        lead_id=lead.id,
        edits=IssueEdits(draft_id=1, lead_id=lead.id, raised=(), text=EditorText(note=note)),
    )


DIGESTS = {
    "en": full(ENGLISH, "If you read **one** long piece this week, let it be the first."),
    "zh": full(CHINESE, "本周若只读**一篇**长文，就读第一篇。"),  # noqa: RUF001
}


@dataclass
class Letter:
    """A letter in a window that remembers what it asked for and complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.route("**/*", lambda route: route.fulfill(body=PICTURE, content_type="image/png"))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def show(self, digest):
        templates = load_mail_templates([TEMPLATES / "email"])
        letter = compose(digest, site_url=SITE_URL, issue_url=ISSUE_URL, templates=templates)
        self.page.set_content(letter.html)
        return self


@pytest.fixture
def letter(browser):
    """Return a function that shows a digest as a letter."""
    contexts = []

    def show(digest, width=600, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        return Letter(context.new_page()).show(digest)

    yield show
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 600])
@pytest.mark.parametrize("language", DIGESTS)
def test_letters_are_easy_to_read(letter, language, width, scheme):
    shown = letter(DIGESTS[language], width, scheme)

    if folder := os.environ.get("TIDINGS_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        shown.page.screenshot(
            path=Path(folder) / f"digest-{language}-{scheme}-{width}.png", full_page=True
        )

    assert shown.page.evaluate(CONTRAST) == []
    assert violations(shown.page, WCAG) == []
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width


def test_letters_ask_nobody_and_complain_of_nothing(letter):
    shown = letter(ENGLISH)

    assert shown.requests == []
    assert shown.complaints == []


@pytest.mark.parametrize(
    ("scheme", "paper"),
    [
        pytest.param("light", "rgb(252, 251, 248)", id="light"),
        pytest.param("dark", "rgb(21, 23, 26)", id="dark"),
    ],
)
def test_letters_are_as_dark_as_the_room(letter, scheme, paper):
    shown = letter(ENGLISH, scheme=scheme)

    assert shown.page.evaluate("getComputedStyle(document.body).backgroundColor") == paper


def test_a_letter_is_600_pixels_wide_in_the_middle_of_a_wide_window(letter):
    shown = letter(ENGLISH, width=1000)

    box = shown.page.locator(".sheet").bounding_box()
    assert (box["x"], box["width"]) == (200, 600)


def test_nothing_in_a_letter_is_too_wide_for_a_phone(letter):
    word = "Aword" * 30
    shown = letter(a_digest(of(an_entry(title=word, excerpt=f"https://a.example/{word}"))), 320)

    assert shown.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_pictures_are_as_large_as_they_say_and_no_wider_than_a_phone(letter):
    for width, wide in ((600, 560), (375, 343)):
        shown = letter(DIGESTS["en"], width)

        sizes = shown.page.evaluate("[...document.images].map((i) => [i.width, i.height])")
        assert sizes == [[wide, round(wide * 240 / 560)], [96, 41]]


def test_sections_are_no_smaller_than_the_titles_in_them(letter):
    shown = letter(DIGESTS["en"])

    size = "e => parseFloat(getComputedStyle(e).fontSize)"
    sizes = [
        shown.page.locator(part).first.evaluate(size)
        for part in (".headline", ".brand", ".part", ".title", ".text")
    ]
    assert sizes == [28, 22, 20, 18, 16]


def test_headings_of_a_letter_are_in_order(letter):
    shown = letter(DIGESTS["en"])

    levels = shown.page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map((h) => +h.tagName[1])"
    )

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_what_a_mailbox_previews_is_not_seen_in_the_letter(letter):
    shown = letter(ENGLISH)

    preview = shown.page.locator(".unseen")
    assert not preview.is_visible()
    assert "Kestrel 4.2" in preview.text_content()


def test_an_entry_from_right_to_left_runs_so_with_its_small_print(letter):
    shown = letter(ENGLISH)

    item = shown.page.locator(".item", has_text="السماء")
    for part in ("h3", ".meta", ".text"):
        assert item.locator(part).evaluate("e => getComputedStyle(e).direction") == "rtl"
