"""What a letter opens with, how its parts are told apart, and how its entries look."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from selectolax.lexbor import LexborHTMLParser

from sample_digests import (
    CHECKPOINTS,
    CHINESE,
    ENGLISH,
    ISSUE_URL,
    LEMMA,
    MATHEMATICS,
    MORNING,
    NOON,
    PRIMES,
    RELEASE,
    SITE_URL,
    SOFTMAX,
    TEMPLATES,
    a_digest,
    an_entry,
    of,
)
from tidings.app.templates import load_mail_templates
from tidings.model.drafts import EditorText, IssueEdits
from tidings.model.entries import AlsoAt
from tidings.model.feed import Enclosure, Image
from tidings.newsletters import digests, render
from tidings.templating.plain_text import columns

MATE = AlsoAt(id=7, title="The same", url="https://lemma.example/same", source=LEMMA)
PICTURE = Image(url="https://images.example/sea.jpg", width=1200, height=600, alt="The sea")
OPENED = replace(ENGLISH, lead_id=CHECKPOINTS.id)


@pytest.fixture(scope="module")
def write():
    """Write a letter."""
    templates = load_mail_templates([TEMPLATES / "email"])

    def compose(digest, **options):
        return render.compose(
            digest, site_url=SITE_URL, issue_url=ISSUE_URL, templates=templates, **options
        )

    return compose


def tree_of(letter):
    return LexborHTMLParser(letter.html)


def texts(letter, selector):
    return [" ".join(one.text().split()) for one in tree_of(letter).css(selector)]


def edits(**fields):
    values = {"draft_id": 1, "lead_id": None, "raised": (), "text": EditorText()}
    return IssueEdits(**(values | fields))


@pytest.mark.parametrize(
    ("entries", "chosen", "lead_id"),
    [
        pytest.param(
            [an_entry(1, pinned_at=NOON), an_entry(2, also_at=(MATE,)), an_entry(3)],
            edits(lead_id=3),
            3,
            id="what an editor has chosen",
        ),
        pytest.param(
            [an_entry(1, also_at=(MATE,)), an_entry(2, pinned_at=NOON)], None, 2, id="pinned"
        ),
        pytest.param(
            [an_entry(1), an_entry(2, also_at=(MATE,)), an_entry(3, also_at=(MATE, MATE))],
            None,
            3,
            id="told by most sources",
        ),
        pytest.param(
            [an_entry(1, excerpt=""), an_entry(2, title=""), an_entry(3), an_entry(4)],
            edits(raised=(4,)),
            3,
            id="the newest that says something",
        ),
        pytest.param([an_entry(1, excerpt="")], None, None, id="none that says anything"),
    ],
)
def test_a_letter_opens_with_what_counts_most(entries, chosen, lead_id):
    digest = digests.compose(MORNING, "en", entries, edits=chosen)

    assert digest.lead_id == lead_id
    if lead_id:
        assert digest.sections[0].entries[0].id == lead_id


def test_the_lead_stands_first_with_a_button_and_not_again_in_its_section(write):
    letter = write(OPENED)

    tree = tree_of(letter)
    assert tree.css_first("h2").text() == CHECKPOINTS.title
    assert CHECKPOINTS.title not in texts(letter, "h3")
    button = tree.css_first(".button")
    assert " ".join(button.text().split()) == "Read at Pages and Logs →"
    assert button.attributes["href"] == CHECKPOINTS.url
    assert letter.text.index(CHECKPOINTS.url) < letter.text.index("\nDatabases\n")
    assert letter.text.count(CHECKPOINTS.url) == 1
    assert letter.shown == 6


def test_a_section_with_nothing_but_the_lead_is_left_out(write):
    letter = write(a_digest(of(RELEASE), of(PRIMES, topic=MATHEMATICS), lead_id=RELEASE.id))

    assert texts(letter, ".part bdi") == ["Mathematics"]
    assert "Databases" not in letter.text


def test_a_lead_has_its_place_in_the_smallest_letter(write):
    newsletter = replace(MORNING, max_entries=1)
    sections = [of(an_entry(1)), of(PRIMES, topic=MATHEMATICS)]

    letter = write(a_digest(*sections, lead_id=PRIMES.id, newsletter=newsletter))

    assert texts(letter, ".headline") == [PRIMES.title]


def test_a_note_stands_above_the_lead_in_both_parts(write):
    noted = replace(OPENED, edits=edits(text=EditorText(note="A *good* week.", subject="Mine")))

    letter = write(noted)

    assert letter.html.index("<em>good</em>") < letter.html.index('class="headline')
    assert letter.text.index("A *good* week.") < letter.text.index(CHECKPOINTS.title)
    assert letter.subject == "Mine"


def test_the_picture_of_a_lead_stands_above_it_and_leads_to_it(write):
    newsletter = replace(MORNING, images=True)
    small = replace(PICTURE, width=300, height=200)

    def pictures(image):
        entry = replace(RELEASE, image=image)
        return tree_of(write(a_digest(of(entry), lead_id=entry.id, newsletter=newsletter))).css(
            ".top img"
        )

    [shown] = pictures(PICTURE)
    assert (shown.attributes["width"], shown.attributes["height"]) == ("560", "280")
    assert shown.parent.attributes["href"] == RELEASE.url
    assert pictures(small) == []


def test_a_small_picture_stands_beside_the_text(write):
    entry = an_entry(image=replace(PICTURE, width=399, height=200))

    tree = tree_of(write(a_digest(of(entry), newsletter=replace(MORNING, images=True))))

    picture = tree.css_first(".thumb a img")
    assert (picture.attributes["width"], picture.attributes["height"]) == ("96", "48")
    assert picture.attributes["alt"] == "The sea"


@pytest.mark.parametrize(
    ("digest", "preview"),
    [
        pytest.param(
            OPENED,
            "Also: Kestrel 4.2: fewer locks, the same answers · Two squares, one sentence · 3 more",
            id="more than it can name",
        ),
        pytest.param(
            a_digest(of(RELEASE, PRIMES), lead_id=RELEASE.id),
            "Also: Two squares, one sentence",
            id="one beside the lead",
        ),
        pytest.param(a_digest(of(RELEASE), lead_id=RELEASE.id), RELEASE.excerpt, id="it alone"),
        pytest.param(
            a_digest(of(RELEASE, PRIMES)), "Also: Two squares, one sentence", id="no lead"
        ),
        pytest.param(
            replace(CHINESE, lead_id=SOFTMAX.id),
            "还有：Two squares, one sentence · "  # noqa: RUF001
            "Checkpoints are a promise about tomorrow’s recovery, not… · 另有 1 篇",  # noqa: RUF001
            id="in Chinese",
        ),
    ],
)
def test_a_mailbox_previews_what_else_there_is(write, digest, preview):
    shown = tree_of(write(digest)).css_first(".unseen").text().strip("\u034f\u200c\xa0\n ")

    assert shown == preview


def test_from_eight_entries_on_a_letter_says_what_is_in_it(write):
    some = of(*map(an_entry, range(60, 65)), topic=MATHEMATICS)

    short = write(a_digest(of(CHECKPOINTS, RELEASE), some, lead_id=CHECKPOINTS.id))
    long = write(a_digest(of(CHECKPOINTS, RELEASE, PRIMES), some, lead_id=CHECKPOINTS.id))
    of_one_topic = write(a_digest(of(*map(an_entry, range(20)))))

    assert texts(short, ".contents") == texts(of_one_topic, ".contents") == []
    alone = write(a_digest(of(RELEASE), of(*map(an_entry, range(60, 69))), lead_id=RELEASE.id))
    assert len(texts(alone, ".contents tr")) == 1
    assert texts(long, ".contents h2") == ["In this issue: 8 entries"]
    assert texts(long, ".contents tr") == [
        f"Databases 3{RELEASE.title}",
        "Mathematics 5Entry number 60",
    ]
    assert tree_of(long).css_first(".contents a").attributes["href"] == RELEASE.url


def test_a_day_is_told_once_where_it_changes_and_never_in_a_letter_of_one_day(write):
    two_days_ago = NOON - timedelta(days=2)
    entries = [an_entry(1), an_entry(2), an_entry(3, sort_at=two_days_ago), an_entry(4)]

    several = write(a_digest(of(*entries)))
    one = write(a_digest(of(an_entry(1), an_entry(2))))

    friday, wednesday = "Friday, 20 November 2026", "Wednesday, 18 November 2026"
    assert texts(several, ".day") == [friday, wednesday, friday]
    assert several.text.count(friday) == 2
    assert texts(one, ".day") == []


def test_a_day_is_that_of_the_letters_zone(write):
    late = an_entry(1, sort_at=datetime(2026, 11, 20, 23, 30, tzinfo=UTC))

    letter = write(a_digest(of(late, an_entry(2))))

    assert texts(letter, ".day") == ["Saturday, 21 November 2026", "Friday, 20 November 2026"]


def test_a_lead_tells_its_day_in_a_letter_of_several(write):
    alone = write(a_digest(of(RELEASE), lead_id=RELEASE.id))

    assert texts(write(OPENED), ".top .meta") == ["Pages and Logs · 20 November 2026 · 6 min read"]
    assert texts(alone, ".top .meta") == ["Pages and Logs"]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        pytest.param(
            ("audio/mpeg", 31_400_000, 2050), "▶ Listen · 34 min · MP3 · 31 MB", id="all is known"
        ),
        pytest.param(("audio/x-unheard-of", None, None), "▶ Listen", id="nothing is known"),
        pytest.param(("audio/mp4", 999, 20), "▶ Listen · 1 min · M4A · 1 MB", id="next to nothing"),
    ],
)
def test_what_can_be_heard_leads_to_the_file(write, given, line):
    kind, length, duration = given
    files = (
        Enclosure(url="https://a.example/cover.pdf", type="application/pdf"),
        Enclosure(url="https://a.example/talk", type=kind, length=length, duration=duration),
    )

    letter = write(a_digest(of(an_entry(enclosures=files))))

    assert texts(letter, ".listen") == [line]
    assert tree_of(letter).css_first(".listen a").attributes["href"] == "https://a.example/talk"
    assert f"{line.removeprefix('▶ ')}\nhttps://a.example/talk\n" in letter.text


@pytest.mark.parametrize(
    ("excerpt", "shown"),
    [
        pytest.param("It is fast. Look: [code]", "It is fast.", id="code"),
        pytest.param("很快。看：[代码]…", "很快。", id="code in Chinese"),  # noqa: RUF001
        pytest.param("Version 3.5 has it: [formula]", "Version 3.5 has it…", id="one sentence"),
        pytest.param("So [code] is it.", "So [code] is it.", id="in the middle"),
        pytest.param("[code]", "", id="nothing else"),
    ],
)
def test_an_excerpt_does_not_end_with_what_it_cannot_show(write, excerpt, shown):
    letter = write(a_digest(of(an_entry(excerpt=excerpt))))

    assert texts(letter, ".text") == ([f"{shown} Read on"] if shown else [])


@pytest.mark.parametrize("word", ["word ", "潮汐"])
def test_excerpts_are_as_long_as_they_look(write, word):
    entry = an_entry(excerpt=word * 200)

    [excerpt] = texts(write(a_digest(of(entry))), ".text")
    [opening] = texts(write(a_digest(of(entry), lead_id=entry.id)), ".opening")

    assert 190 <= columns(excerpt.removesuffix(" Read on")) <= 200
    assert 250 <= columns(opening) <= 260


def test_a_logo_stands_in_the_head_where_there_is_one(write):
    shown = tree_of(write(ENGLISH, logo="https://news.example/logo.png")).css_first("img")

    assert shown.attributes["src"] == "https://news.example/logo.png"
    assert shown.attributes["alt"] == MORNING.title
    assert tree_of(write(ENGLISH)).css("img") == []
