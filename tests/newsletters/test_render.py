import re
import subprocess
import sys
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, meta
from selectolax.lexbor import LexborHTMLParser

from sample_digests import (
    CHECKPOINTS,
    CHINESE,
    DATABASES,
    ENGLISH,
    ISSUE_URL,
    MATHEMATICS,
    MORNING,
    PAGES_AND_LOGS,
    RELEASE,
    SITE_URL,
    SKY,
    SOFTMAX,
    TEMPLATES,
    a_digest,
    an_entry,
    of,
)
from tidings.app.templates import load_mail_templates
from tidings.errors import TemplateError
from tidings.model.feed import Image
from tidings.model.newsletters import PREFERENCES_URL, UNSUBSCRIBE_URL, Fold
from tidings.newsletters import render
from tidings.newsletters.render import MAX_BYTES, DigestContext

EMAIL = TEMPLATES / "email"
OWN_LINKS = (UNSUBSCRIBE_URL, PREFERENCES_URL)


@cache
def load(*directories):
    return load_mail_templates([*directories, EMAIL])


def compose(digest, *directories):
    return render.compose(
        digest, site_url=SITE_URL, issue_url=ISSUE_URL, templates=load(*directories)
    )


def written(directory: Path, name, content):
    """Write one file of an operator's folder."""
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return directory


anything = st.builds(
    lambda text, times: (text * times)[:3000],  # more than any part of a letter shows
    st.one_of(
        st.text(min_size=1, max_size=60),
        st.sampled_from(
            ["&", "\"'<>", "潮汐。", "🌊 ", "e\u0301", "\\(x_1\\) ", "\u202e", *OWN_LINKS]
        ),
    ),
    st.sampled_from([1, 3000]),
)
anything_in_an_entry = st.fixed_dictionaries(
    {
        "title": anything,
        "excerpt": anything,
        "url": st.one_of(st.none(), anything.map("https://a.example/?{}".format)),
        "source": anything.map(lambda title: replace(PAGES_AND_LOGS, title=title)),
        "content": st.one_of(st.none(), anything),
        "image": anything.map(lambda text: Image(url=f"https://a.example/{text}")),
        "language": st.sampled_from([None, "en", "zh-cn", "ar"]),
    }
)


def titles_in(html):
    return [one.text() for one in LexborHTMLParser(html).css("h3")]


def test_a_letter_tells_of_everything_once_in_the_same_order_in_both_parts():
    letter = compose(ENGLISH)

    titles = titles_in(letter.html)
    lines = letter.text.replace("\n", " ")
    assert titles[0] == CHECKPOINTS.title
    assert len(set(titles)) == letter.shown == 6
    positions = [lines.index(title) for title in titles]
    assert positions == sorted(positions)


def test_both_parts_have_the_same_links_in_the_same_order():
    letter = compose(ENGLISH)

    links = [one.attributes["href"] for one in LexborHTMLParser(letter.html).css("a")]
    assert re.findall(r"(?m)^https?://\S+$", letter.text) == list(dict.fromkeys(links))
    assert len(set(links)) == 9


def test_every_link_is_absolute_and_nothing_is_loaded():
    tree = LexborHTMLParser(compose(ENGLISH).html)

    assert all(re.match("https?://[a-z]", one.attributes["href"]) for one in tree.css("[href]"))
    assert not tree.css("[src], link, script, img, iframe, form, object, [background]")
    assert "url(" not in tree.html


def test_an_entry_shows_title_source_and_excerpt_with_a_way_to_read_on():
    item = LexborHTMLParser(compose(a_digest(of(RELEASE))).html).css_first(".item")

    assert item.css_first("h3 a").attributes["href"] == RELEASE.url
    assert item.css_first(".meta").text() == "Pages and Logs"
    assert item.css_first(".text").text() == f"{RELEASE.excerpt} Read on"
    assert item.css_first(".text a").attributes["href"] == RELEASE.url
    assert item.css_first(".text a").attributes["aria-label"] == f"Read on: {RELEASE.title}"


def test_entries_stand_under_their_topics_and_the_others_under_more_news():
    digest = a_digest(of(RELEASE), of(an_entry(5), topic=MATHEMATICS), of(an_entry(6), topic=None))

    letter = compose(digest)

    headings = [one.text() for one in LexborHTMLParser(letter.html).css("h2")]
    assert headings == ["■\xa0 Databases 1", "■\xa0 Mathematics 1", "■\xa0 More news 1"]
    assert "\nDatabases\n---------\n" in letter.text


def test_entries_without_any_topic_are_simply_what_is_new():
    letter = compose(a_digest(of(RELEASE, topic=None)))

    assert LexborHTMLParser(letter.html).css_first("h2 bdi").text() == "What is new"


def test_an_entry_without_page_leads_to_ours():
    letter = compose(a_digest(of(an_entry(5, url=None, title=""))))

    assert 'href="https://news.example/entries/5"' in letter.html
    assert "https://news.example/entries/5\n" in letter.text


def test_an_entry_whose_excerpt_is_its_title_does_not_say_it_twice():
    letter = compose(a_digest(of(an_entry(title="", excerpt="Office hours move."))))

    assert LexborHTMLParser(letter.html).css(".text") == []
    assert letter.text.count("Office hours move.") == 1


@pytest.mark.parametrize(
    ("digest", "subject"),
    [
        pytest.param(
            a_digest(of(RELEASE), lead_id=RELEASE.id),
            "Morning tidings: Kestrel 4.2: fewer locks, the same answers",
            id="one entry",
        ),
        pytest.param(
            a_digest(of(RELEASE, CHECKPOINTS), lead_id=RELEASE.id),
            "Morning tidings: Kestrel 4.2: fewer locks, the same answers, and 1 more",
            id="two",
        ),
        pytest.param(
            a_digest(of(RELEASE, an_entry(5))),
            "Morning tidings: 2 new: Kestrel 4.2: fewer locks, the same answers",
            id="nothing to open with",
        ),
        pytest.param(
            replace(CHINESE, lead_id=SOFTMAX.id),
            "晨间通讯：从最大熵到 softmax：一个公式的来历，另有 3 篇",  # noqa: RUF001
            id="in Chinese",
        ),
        pytest.param(
            CHINESE,
            "晨间通讯：4 篇新内容：从最大熵到 softmax：一个公式的来历",  # noqa: RUF001
            id="nothing to open with in Chinese",
        ),
    ],
)
def test_the_subject_says_whose_letter_it_is_what_it_opens_with_and_how_much_else(digest, subject):
    assert compose(digest).subject == subject


@pytest.mark.parametrize(
    ("language", "first", "last", "period"),
    [
        pytest.param("en", (2026, 11, 20), (2026, 11, 20), "20 November 2026", id="a day"),
        pytest.param("en", (2026, 11, 28), (2026, 12, 2), "28 November – 2 December 2026", id="en"),  # noqa: RUF001
        pytest.param("zh", (2026, 11, 28), (2026, 12, 2), "2026年11月28日至12月2日", id="zh"),
        pytest.param(
            "zh", (2025, 12, 2), (2026, 12, 2), "2025年12月2日至2026年12月2日", id="a year in zh"
        ),
    ],
)
def test_periods_are_written_as_people_write_them(language, first, last, period):
    words = load().words(language)

    assert words.period(datetime(*first, 9, tzinfo=UTC), datetime(*last, 9, tzinfo=UTC), "UTC") == (
        period
    )


def test_days_are_those_of_the_readers_zone():
    late = an_entry(sort_at=datetime(2026, 11, 20, 23, 30, tzinfo=UTC))

    berlin = compose(a_digest(of(late), until=late.sort_at))
    lisbon = compose(a_digest(of(late), until=late.sort_at, timezone="Europe/Lisbon"))

    assert "\n21 November 2026 · 1 entry" in berlin.text
    assert "\n20 November 2026 · 1 entry" in lisbon.text


def test_a_chinese_letter_speaks_chinese_throughout():
    letter = compose(CHINESE)

    assert '<html lang="zh" dir="ltr">' in letter.html
    assert "您订阅了《晨间通讯》" in letter.text
    assert re.search("Unsubscribe|November|entries|subscribed", letter.html + letter.text) is None


def test_text_from_feeds_is_only_ever_text():
    hostile = '<script>alert(1)</script>{{ 7*7 }}{% include "en.toml" %} & "quotes" <b>'
    entry = an_entry(
        title=hostile, excerpt=f"{hostile}.", source=replace(PAGES_AND_LOGS, title=hostile)
    )

    letter = compose(a_digest(of(entry, topic=replace(DATABASES, title=hostile))))

    tree = LexborHTMLParser(letter.html)
    assert not tree.css("script, b")
    for part in ("h2 bdi", "h3", ".source"):
        assert tree.css_first(part).text() == hostile
    assert tree.css_first(".text").text() == f"{hostile}. Read on"
    assert letter.text.count(hostile) == 4


def test_text_from_feeds_is_one_line_that_turns_nothing_around():
    title = "A title\r\nBcc: all\u2028of\x00 them \u202egnp.exe\u2066 =?utf-8?q?=0A?="

    letter = compose(a_digest(of(an_entry(title=title))))

    assert titles_in(letter.html) == ["A title Bcc: all of them gnp.exe =?utf-8?q?=0A?="]
    assert "\nA title Bcc: all of them gnp.exe =?utf-8?q?=0A?=\n" in letter.text


def test_a_subject_cannot_pass_for_a_header_however_it_is_made(tmp_path):
    own = written(tmp_path, "digest/subject.txt", "{{ sections[0].items[0].title }}\n{{ total }}")
    title = "A =?utf-8?q?=0D=0ABcc:_e=40e.org?=\r\nBcc: e@e.org \u202e" + "long " * 99

    subject = compose(a_digest(of(an_entry(title=title))), own).subject

    assert subject.startswith("A = ?utf-8?q?=0D=0ABcc:_e=40e.org?= Bcc: e@e.org long")
    assert subject.isprintable()
    assert len(subject) <= 120


def test_a_long_name_and_a_long_title_leave_room_for_the_number_in_the_subject():
    newsletter = replace(MORNING, title="A very long name " * 20)

    subject = compose(replace(ENGLISH, newsletter=newsletter, lead_id=CHECKPOINTS.id)).subject

    assert subject.startswith("A very long name A very long name A…: Checkpoints are a promise ab")
    assert subject.endswith("…, and 5 more")
    assert len(subject) <= 120


@pytest.mark.parametrize("link", OWN_LINKS)
def test_the_readers_own_links_are_placeholders_in_both_parts(link):
    letter = compose(ENGLISH)

    assert f'href="{link}"' in letter.html
    assert f"\n{link}\n" in letter.text
    assert (letter.html + letter.text).count(link) == 2


@pytest.mark.parametrize("field", ["title", "excerpt", "url", "source", "topic"])
@pytest.mark.parametrize(("link", "other"), [OWN_LINKS, OWN_LINKS[::-1]])
def test_no_feed_can_have_a_readers_own_link_put_into_its_text(field, link, other):
    name = link.removesuffix("invalid/")
    text = f"{name}{link}invalid/ {name}{other}invalid/ {link}"
    told = {
        "url": {"url": link},
        "source": {"source": replace(PAGES_AND_LOGS, title=text)},
        "topic": {},
    }
    entry = an_entry(5, **told.get(field, {field: text}))
    topic = replace(DATABASES, title=text) if field == "topic" else DATABASES

    letter = compose(a_digest(of(entry, topic=topic)))

    assert [(letter.html + letter.text).count(one) for one in OWN_LINKS] == [2, 2]


def test_the_foot_says_why_where_and_from_whom():
    letter = compose(ENGLISH)

    foot = LexborHTMLParser(letter.html).css_first(".foot")
    assert "because you subscribed to Morning tidings" in foot.text()
    assert MORNING.postal_address in foot.text()
    assert foot.css_first("a").attributes["href"] == ISSUE_URL
    assert foot.css_first("a").text() == "See all 6 entries in your browser"
    assert letter.text.endswith(f"{UNSUBSCRIBE_URL}\n\n{MORNING.postal_address}\n")


def test_without_a_postal_address_the_foot_ends_with_the_links():
    digest = replace(ENGLISH, newsletter=replace(MORNING, postal_address=None))

    assert compose(digest).text.endswith(f"{UNSUBSCRIBE_URL}\n")


def test_a_letter_tells_of_fifty_entries_and_leaves_the_rest_to_the_page():
    letter = compose(a_digest(of(*map(an_entry, range(1, 80)))))

    assert letter.shown == len(titles_in(letter.html)) == 50
    assert "79 entries" in letter.text
    assert "29 more in Databases\nhttps://news.example/issues/" in letter.text
    more = LexborHTMLParser(letter.html).css_first(".more a")
    assert (more.text(), more.attributes["href"]) == ("29 more in Databases", ISSUE_URL)


def test_of_several_topics_each_shows_five_entries_and_says_how_many_more_there_are():
    digest = a_digest(
        of(*map(an_entry, range(1, 10))),
        of(*map(an_entry, range(10, 16)), topic=MATHEMATICS),
        of(*map(an_entry, range(16, 30)), topic=None),
    )

    letter = compose(digest)

    more = [one.text() for one in LexborHTMLParser(letter.html).css(".more")]
    # One more than five takes no more room than the line that counts it.
    assert more == ["4 more in Databases", "And 9 more, on the web"]
    assert letter.shown == 5 + 6 + 5


def test_a_topic_that_comes_late_keeps_its_share_of_a_long_letter():
    digest = a_digest(
        of(*map(an_entry, range(1, 60))),
        of(*map(an_entry, range(60, 63)), topic=MATHEMATICS),
        newsletter=replace(MORNING, max_entries=7),
    )

    letter = compose(digest)

    assert titles_in(letter.html) == [
        *(f"Entry number {n}" for n in range(1, 5)),
        *(f"Entry number {n}" for n in range(60, 63)),
    ]
    assert "55 more in Databases" in letter.text


@pytest.mark.parametrize(
    "filler",
    [
        pytest.param("&<>\"'", id="what takes more room once escaped"),
        pytest.param("潮汐", id="three bytes a character"),
        pytest.param("🌊 ", id="four bytes a character"),
        pytest.param("e\u0301\u0302\u0303", id="marks on marks"),
        pytest.param("\\(", id="formulas without end"),
    ],
)
def test_a_letter_is_never_cut_by_a_mail_program_whatever_the_feeds_hold(filler):
    text = filler * 20_000
    entry = an_entry(
        title=text,
        excerpt=text,
        url=f"https://a.example/?{filler * 400}",
        source=replace(PAGES_AND_LOGS, title=text),
    )
    topic = replace(DATABASES, title=text)

    letter = compose(a_digest(of(*[entry] * 5000, topic=topic)))

    assert len(letter.html.encode()) <= MAX_BYTES
    assert 1 <= letter.shown == len(titles_in(letter.html)) <= 50
    assert f"{5000 - letter.shown:,} more" in letter.html
    assert f"{5000 - letter.shown:,} more" in letter.text


@settings(max_examples=30, deadline=None)
@given(
    digest=st.sampled_from([ENGLISH, CHINESE]),
    entries=st.lists(anything_in_an_entry, min_size=1, max_size=4),
    times=st.sampled_from([1, 50]),
    topic=anything,
    lead_id=st.sampled_from([None, 1, 2]),
)
def test_a_letter_stays_under_102_kb_with_the_longest_links_whatever_the_feeds_hold(
    digest, entries, times, topic, lead_id
):
    told = [an_entry(n, **fields) for n, fields in enumerate(entries * times, start=1)]
    newsletter = replace(digest.newsletter, images=True)
    sections = [of(one, topic=replace(DATABASES, title=topic)) for one in told[:2]]
    if told[2:]:
        sections.append(of(*told[2:]))

    letter = compose(
        replace(digest, sections=tuple(sections), newsletter=newsletter, lead_id=lead_id)
    )

    html, longest = letter.html, "https://" + "a" * 892
    for link in OWN_LINKS:
        assert html.count(link) == letter.text.count(link) == 1
        html = html.replace(link, longest)
    assert len(html.encode()) <= 102_000
    shown = len(titles_in(html)) + len(LexborHTMLParser(html).css(".headline"))
    assert 1 <= letter.shown == shown <= len(told)


def test_as_many_entries_stand_in_a_letter_as_there_is_room_for():
    digest = a_digest(of(*(an_entry(n, title="&" * 200, excerpt="&" * 900) for n in range(1, 50))))

    letter = compose(digest)

    size = len(letter.html.encode())
    assert letter.shown < 49
    assert MAX_BYTES - size / letter.shown < size <= MAX_BYTES


def test_long_titles_end_at_a_word_and_formulas_stay_whole():
    formula = r"\(" + "x + " * 60 + r"y\)"
    digest = a_digest(of(an_entry(1, title="word " * 60), an_entry(2, title=f"If {formula} then")))

    titles = titles_in(compose(digest).html)

    assert titles == ["word " * 39 + "word…", "If…"]


def test_formulas_are_written_as_people_write_them_in_both_parts():
    letter = compose(CHINESE)

    for part in (LexborHTMLParser(letter.html).text(), letter.text):
        assert "pᵢ = e^(zᵢ) / ∑ⱼ e^(zⱼ)" in " ".join(part.split())
        assert "is a sum a² + b²." in " ".join(part.split())


def test_what_is_folded_of_a_source_is_counted_behind_it_with_a_link():
    rest = tuple(map(an_entry, range(2, 14)))
    section = replace(of(an_entry(1), SKY), folds=(Fold(source=PAGES_AND_LOGS, entries=rest),))

    letter = compose(a_digest(section))

    more = LexborHTMLParser(letter.html).css_first(".more a")
    assert more.text() == "12 more from Pages and Logs"
    assert more.attributes["href"] == "https://news.example/sources/pages-and-logs"
    assert "\n12 more from Pages and Logs\nhttps://news.example/sources/pages" in letter.text
    assert "14 entries" in letter.text
    assert "on the web" not in letter.text


def test_a_long_entry_says_how_long_it_takes_to_read():
    long, short = "<p>" + "word " * 1000 + "</p>", "<p>" + "word " * 200 + "</p>"

    letter = compose(a_digest(of(an_entry(1, content=long), an_entry(2, content=short))))

    lines = [one.text() for one in LexborHTMLParser(letter.html).css(".meta")]
    assert lines == ["Pages and Logs · 4 min read", "Pages and Logs"]
    assert "\nPages and Logs · 4 min read\n" in letter.text


@pytest.mark.parametrize(
    ("url", "is_shown"),
    [
        pytest.param("https://images.example/a.jpg", True, id="https"),
        pytest.param("http://images.example/a.jpg", False, id="readable on its way"),
        pytest.param("javascript:alert(1)", False, id="no picture"),
    ],
)
def test_pictures_are_shown_where_the_newsletter_wants_them_and_nowhere_else(url, is_shown):
    entry = an_entry(image=Image(url=url))
    wanted = replace(MORNING, images=True)

    shown = LexborHTMLParser(compose(a_digest(of(entry), newsletter=wanted)).html).css("img")
    by_default = LexborHTMLParser(compose(a_digest(of(entry))).html).css("img")

    assert [one.attributes["src"] for one in shown] == [url] * is_shown
    assert all(one.attributes["alt"] == entry.title for one in shown)
    assert all(one.parent.attributes["href"] == entry.url for one in shown)
    assert by_default == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        pytest.param((1200, 800), ("560", "373"), id="wider than a letter"),
        pytest.param((400, 300), ("400", "300"), id="smaller than a letter"),
        pytest.param((600, 800), ("420", "560"), id="taller than wide"),
        pytest.param((600, 901), None, id="a strip"),
        pytest.param((560, 560), ("560", "560"), id="a square"),
        pytest.param((63, 63), None, id="a logo"),
        pytest.param((199, None), None, id="narrow, of whatever height"),
        pytest.param((None, None), ("560", None), id="of unknown size: mail programs see"),
        pytest.param((700, None), ("560", None), id="of unknown height"),
    ],
)
def test_a_picture_is_never_larger_than_it_is_nor_taller_than_a_letter_is_wide(given, shown):
    width, height = given
    image = Image(url="https://images.example/a.jpg", width=width, height=height, alt="The sea")
    wanted = replace(MORNING, images=True)

    letter = compose(a_digest(of(an_entry(image=image)), newsletter=wanted))

    pictures = LexborHTMLParser(letter.html).css("img")
    found = [(one.attributes["width"], one.attributes.get("height")) for one in pictures]
    assert found == ([shown] if shown else [])
    for one in pictures:
        style = one.attributes["style"].replace(" ", "")
        assert one.attributes["alt"] == "The sea"
        assert {"max-width:100%", "max-height:560px", "height:auto"} <= set(style.split(";"))
        assert f"width:{shown[0]}px" in style if shown[1] else "width:auto" in style


def test_plain_text_is_at_most_78_columns_wide_but_for_links():
    letter = compose(CHINESE)
    letter_in_english = compose(ENGLISH)

    for line in (letter.text + letter_in_english.text).splitlines():
        wide = len(re.findall("[\u2e80-\u9fff\uff01-\uff60]", line))
        assert len(line) + wide <= 78 or line.startswith("https://"), line


def test_plain_text_has_each_link_on_a_line_of_its_own():
    for digest in (ENGLISH, CHINESE):
        for line in compose(digest).text.splitlines():
            assert re.fullmatch(r"https?://\S+", line) or "://" not in line


def test_the_same_digest_is_the_same_letter_in_every_process():
    script = (
        "from sample_digests import ENGLISH, ISSUE_URL, SITE_URL, TEMPLATES\n"
        "from tidings.newsletters.render import compose\n"
        "from tidings.app.templates import load_mail_templates\n"
        "templates = load_mail_templates([TEMPLATES / 'email'])\n"
        "print(compose(ENGLISH, site_url=SITE_URL, issue_url=ISSUE_URL, templates=templates))\n"
    )
    tests = str(Path(__file__).parents[1])

    outputs = {
        subprocess.run(
            [sys.executable, "-c", script], cwd=tests, check=True, capture_output=True
        ).stdout
        for _ in range(2)
    }

    assert outputs == {f"{compose(ENGLISH)}\n".encode()}


def test_styles_stand_in_the_elements_and_dark_rooms_keep_their_rules():
    letter = compose(ENGLISH)

    assert '<h3 class="title" style="margin:0;font:600 18px' in letter.html
    style = LexborHTMLParser(letter.html).css("style")
    assert len(style) == 1
    assert style[0].text().startswith("@media (max-width:480px)")
    assert "@media (prefers-color-scheme:dark)" in style[0].text()
    assert letter.html.index("<meta charset") < 1024 - len('<meta charset="utf-8">')


def test_the_letter_and_foreign_entries_name_their_language():
    tree = LexborHTMLParser(compose(ENGLISH).html)

    items = {one.css_first("h3").text(): one for one in tree.css(".item")}
    arabic = items["لماذا تبدو السماء زرقاء"]
    chinese = items["从最大熵到 softmax：一个公式的来历"]  # noqa: RUF001
    assert tree.css_first("html").attributes["lang"] == "en"
    assert (arabic.attributes["dir"], arabic.css_first("h3").attributes["lang"]) == ("rtl", "ar")
    assert chinese.css_first("h3").attributes["lang"] == "zh-cn"
    assert "lang" not in items[CHECKPOINTS.title].css_first("h3").attributes


def test_templates_use_only_what_their_context_has():
    known = {field.name for field in fields(DigestContext)} | {"t", "parts", "pieces"}
    environment = Environment(autoescape=True)  # nothing is rendered here
    environment.filters.update(dict.fromkeys(("direction", "wrapped", "columns", "fitted"), str))

    for path in (EMAIL / "digest").iterdir():
        used = meta.find_undeclared_variables(environment.parse(path.read_text(encoding="utf-8")))

        assert used <= known, path.name


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("digest/subject.txt", "{{ subjekt }}", "no subjekt", id="an unknown field"),
        pytest.param("digest/body.html", "{{ site }}", "no site", id="a field of pages"),
        pytest.param(
            "digest/body.txt",
            "{% for s in sections %}{% for i in s.items %}{{ i.author }}{% endfor %}{% endfor %}",
            "no attribute 'author'",
            id="an unknown field of an item",
        ),
        pytest.param("digest/body.txt", "{% for %}", "line 1", id="a broken template"),
        pytest.param("digest/body.txt", "{{ t('hello') }}", "no phrase 'hello'", id="a phrase"),
        pytest.param(
            "digest/body.html", "{{ '-' * 100001 }}", "without any entry", id="a huge template"
        ),
        pytest.param("digest/body.txt", "{{ 'a' * 10**9 }}", "too large", id="a huge number"),
        pytest.param("digest/body.txt", "{{ 'a' * 1000000000 }}", "too large", id="a huge text"),
        pytest.param(
            "digest/body.txt",
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "takes too long",
            id="loops without an end",
        ),
        pytest.param("digest/body.txt", "{{ 1 / 0 }}", "division by zero", id="a mistake"),
        pytest.param("digest/body.txt", "{{ ''.__class__ }}", "unsafe", id="a way out"),
        pytest.param("digest/body.txt", "News", "body.txt: lacks uns", id="no way out of text"),
        pytest.param("digest/body.html", "News", "body.html: lacks uns", id="no way out of HTML"),
        pytest.param("frame.html", "{% include 'none.html' %}", "none.html", id="a missing file"),
    ],
)
def test_a_template_that_breaks_its_contract_is_refused_at_start(tmp_path, name, content, message):
    own = written(tmp_path, name, content)

    with pytest.raises(TemplateError, match=message):
        load_mail_templates([own, EMAIL])


def test_ours_would_be_accepted_at_start_as_well(tmp_path):
    assert load_mail_templates([EMAIL, tmp_path]).own


def test_another_language_is_another_file(tmp_path):
    words = (EMAIL / "en.toml").read_text(encoding="utf-8")
    words = words.replace('"November"', '"novembre"').replace(
        '["{n} entry", "{n} entries"]', '["{n} article", "{n} articles"]'
    )
    own = written(tmp_path, "fr.toml", words.replace('"Unsubscribe"', '"Se désabonner"'))

    letter = compose(replace(ENGLISH, language="fr"), own)

    assert "\n18–20 novembre 2026 · 6 articles\n" in letter.text  # noqa: RUF001
    assert '<html lang="fr" dir="ltr">' in letter.html
    assert "\nSe désabonner\n" in letter.text


def test_letters_without_their_templates_are_refused_at_start(tmp_path):
    with pytest.raises(TemplateError, match="there is no such file"):
        load_mail_templates([tmp_path])


def test_a_catalogue_knows_how_to_write_several_days(tmp_path):
    english = (EMAIL / "en.toml").read_text(encoding="utf-8")
    own = written(tmp_path, "en.toml", re.sub(r"(?ms)^days = \[.*?\n\]", "days = []", english))

    with pytest.raises(TemplateError, match="needs three forms for several days"):
        load_mail_templates([own, EMAIL])


def test_each_file_can_be_replaced_by_the_operators_own(tmp_path):
    own = written(tmp_path, "digest/subject.txt", "News of {{ t.period(since, until, timezone) }}")

    letter = compose(ENGLISH, own)

    assert letter.subject == "News of 18–20 November 2026"  # noqa: RUF001
    assert letter.html == compose(ENGLISH).html
    assert load(own).fingerprint != load().fingerprint
