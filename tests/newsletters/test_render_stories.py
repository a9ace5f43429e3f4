"""Who else tells the same, in letters."""

from dataclasses import replace

import pytest
from selectolax.lexbor import LexborHTMLParser

from sample_digests import (
    ISSUE_URL,
    LEMMA,
    MAJALLA,
    NOTES,
    SITE_URL,
    TEMPLATES,
    a_digest,
    an_entry,
    of,
)
from tidings.app.templates import load_mail_templates
from tidings.model.entries import AlsoAt
from tidings.model.newsletters import UNSUBSCRIBE_URL
from tidings.newsletters import render
from tidings.newsletters.digest_items import MAX_ALSO_AT

MATE = AlsoAt(id=7, title="The same", url="https://lemma.example/same", source=LEMMA)


@pytest.fixture(scope="module")
def write():
    """Write a letter that tells of one entry with these mates."""
    templates = load_mail_templates([TEMPLATES / "email"])

    def compose(*mates, language="en"):
        digest = replace(a_digest(of(an_entry(also_at=mates))), language=language)
        return render.compose(digest, site_url=SITE_URL, issue_url=ISSUE_URL, templates=templates)

    return compose


def links(letter):
    """Return what the HTML part links to, by the words of the link."""
    tree = LexborHTMLParser(letter.html)
    return {node.text(strip=True): node.attributes["href"] for node in tree.css("a")}


def test_a_letter_names_who_else_tells_the_same_and_leads_there(write):
    letter = write(MATE, replace(MATE, source=NOTES, url="https://notes.example/1"))

    assert links(letter)[LEMMA.title] == "https://lemma.example/same"
    assert links(letter)[NOTES.title] == "https://notes.example/1"
    assert f"Also at {LEMMA.title}\nhttps://lemma.example/same\n" in letter.text


def test_in_chinese_as_well(write):
    letter = write(MATE, language="zh")

    assert f"另见 {LEMMA.title}" in letter.text


def test_who_tells_alone_has_nobody_beside_it(write):
    letter = write()

    assert "Also at" not in letter.text + letter.html


def test_a_mate_without_a_page_leads_to_ours(write):
    letter = write(replace(MATE, source=MAJALLA, url=None))

    assert links(letter)[MAJALLA.title] == f"{SITE_URL}/entries/7"


def test_a_mate_cannot_put_in_the_readers_own_link(write):
    trap = replace(MATE, url=UNSUBSCRIBE_URL, source=replace(LEMMA, title=f"x {UNSUBSCRIBE_URL}"))

    letter = write(trap)

    assert letter.html.count(UNSUBSCRIBE_URL) == write().html.count(UNSUBSCRIBE_URL)


def test_of_many_mates_the_first_are_named(write):
    letter = write(
        *[replace(MATE, url=f"https://lemma.example/{n}") for n in range(MAX_ALSO_AT + 2)]
    )

    assert letter.text.count("Also at") == MAX_ALSO_AT
