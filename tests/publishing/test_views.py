import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from browser.showcase import (
    ARABIC,
    ENTRIES,
    HOSTILE,
    NOON,
    NOTES,
    PINNED,
    PODCAST,
    SITE,
    SOFTMAX,
    SOURCES,
    TEMPLATES,
    TOPICS,
    UNTITLED,
    WAL,
    an_entry,
    shipped_templates,
    source_line,
    sources_page,
    topic_line,
)
from tidings.app.templates import load_templates
from tidings.errors import TemplateError
from tidings.model.entries import Republish, TopicCredit
from tidings.model.feed import Enclosure, Image
from tidings.model.scopes import ListAddress, Scope
from tidings.model.sources import SourceHealth
from tidings.publishing import views
from tidings.publishing.directories import TopicsPage
from tidings.publishing.pagination import PageLink, paginate
from tidings.publishing.views import EntryPage, ErrorPage, ListPage
from tidings.templating.phrases import direction

CHINESE = replace(SITE, language="zh")


def every_page():
    """Return one of each kind, for the contract is about all of them."""
    return [
        a_list(*ENTRIES[:12], count=3),
        EntryPage(site=SITE, entry=WAL),
        TopicsPage(site=SITE, topics=tuple(map(topic_line, TOPICS))),
        sources_page(*map(source_line, SOURCES)),
        ErrorPage(site=SITE, status=404),
    ]


def a_list(*entries, site=SITE, slug="", number=1, count=1, folded=None):
    scope = Scope(kind="topic" if slug else "all", slug=slug)
    return ListPage(
        site=site,
        scope=scope,
        heading="Databases" if slug else site.title,
        entries=entries,
        folded=folded or {},
        pagination=paginate(number, count=count, href=lambda n: f"/page/{n or ''}"),
    )


def a_source_page(**fields):
    card = replace(source_line(NOTES), **fields)
    return replace(
        a_list(SOFTMAX),
        scope=Scope(kind="source", slug="notes"),
        heading=card.title,
        source=card,
    )


@cache
def load(*directories):
    return load_templates([*directories, TEMPLATES])


def html(page, *directories):
    return views.render(page, load(*directories)).decode()


def text_of(page):
    """Return what a reader sees, more or less."""
    body = re.sub(r"(?s)^.*?<body>", "", html(page))
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def written(directory: Path, **files):
    """Write an operator's folder."""
    directory.mkdir(exist_ok=True)
    for name, content in files.items():
        (directory / name.replace("_", ".")).write_text(content, encoding="utf-8")
    return directory


def test_the_first_page_says_what_it_is():
    page = html(a_list(WAL))

    assert "<title>Latest updates</title>" in page
    assert page.index(">Incoming transmission<") < page.index(">Latest updates</h1>")


def test_an_entry_in_a_list_links_to_its_page_its_source_and_its_topics():
    page = html(a_list(WAL))

    assert '<a href="/entries/1">What a write-ahead log' in page
    assert 'href="/sources/pages-and-logs"' in page
    assert 'href="/topics/databases"' in page
    assert WAL.excerpt in page


def test_an_entry_that_we_may_not_show_in_full_leads_to_its_publisher():
    source = replace(WAL.source, republish=Republish.EXCERPT)

    page = html(a_list(replace(WAL, source=source)))

    assert '<a class="out" href="https://pages-and-logs.example/1">What a write-ahead log' in page
    assert 'href="/entries/1"' not in page


def test_an_entry_without_title_shows_how_it_begins_and_leads_to_its_page():
    page = html(a_list(UNTITLED))

    assert '<a href="/entries/4">A short note without a title: every prime' in page
    assert UNTITLED.excerpt.replace("'", "&#39;") in page


def test_an_entry_whose_title_is_its_excerpt_does_not_say_it_twice():
    for said in ("A word.", "Bits & <bytes>"):
        entry = an_entry(1, title="", excerpt=said)

        assert 'class="excerpt"' not in html(a_list(entry))


def test_an_entry_that_says_nothing_can_still_be_found():
    entry = an_entry(1, title="", excerpt="", content="", url=None)

    assert f">{entry.source.title}</a></h3>" in html(a_list(entry))
    assert "The publisher gives no text here." in html(EntryPage(site=SITE, entry=entry))


def test_entries_stand_under_the_day_they_came_in_utc():
    late = an_entry(1, sort_at=datetime(2026, 11, 20, 0, 0, tzinfo=UTC))
    earlier = an_entry(2, sort_at=late.sort_at - timedelta(seconds=1))

    days = re.findall(r"<h2>(.*?)</h2>", html(a_list(late, earlier)))

    assert days == [
        '<time datetime="2026-11-20">Friday, 20 November 2026</time>',
        '<time datetime="2026-11-19">Thursday, 19 November 2026</time>',
    ]


def test_times_can_be_read_by_machines():
    entry = an_entry(1, sort_at=datetime(2026, 11, 20, 9, 5, 7, 123456, tzinfo=UTC))

    page = html(a_list(entry))

    assert 'datetime="2026-11-20T09:05:07+00:00">09:05</time>' in page


def test_what_a_publisher_writes_is_never_markup_outside_the_content():
    for page in (a_list(HOSTILE), EntryPage(site=SITE, entry=HOSTILE)):
        rendered = html(page)

        assert rendered.count("<script") == rendered.count('<script src="/script.js?v=') == 1
        assert "<img src=x" not in rendered
        assert "<b>" not in rendered
        assert "&lt;script&gt;alert(&#34;title&#34;)" in rendered


@pytest.mark.parametrize(
    ("slug", "feed"),
    [
        pytest.param("", "/feed", id="of everything"),
        pytest.param("databases", "/topics/databases", id="of a topic"),
    ],
)
def test_a_list_offers_its_own_feeds(slug, feed):
    page = html(a_list(WAL, slug=slug))

    heading = "Databases" if slug else "Latest updates"
    alternates = re.findall(r'<link rel="alternate" type="(.*?)" title="(.*?)" href="(.*?)">', page)
    assert alternates == [
        ("application/atom+xml", f"{heading} (Atom)", f"{feed}.atom"),
        ("application/rss+xml", f"{heading} (RSS)", f"{feed}.rss"),
        ("application/feed+json", f"{heading} (JSON Feed)", f"{feed}.json"),
    ]
    footer = page[page.index("<footer>") :]
    assert f'href="{feed}.atom"' in footer
    assert 'href="/sources.opml"' in footer


def test_a_source_page_leads_to_the_publisher():
    page = a_source_page(site_url="https://n/")

    assert 'href="https://n/">Visit the site</a>' in html(page)


def test_a_source_page_says_how_it_does_what_it_is_about_and_whose_it_is():
    page = text_of(a_source_page(health=SourceHealth.FINE))

    assert (
        "学习笔记 Up to date 1,234 entries Databases Visit the site © 2026 the author, CC BY-SA 4.0"
        in page
    )


def test_when_a_source_was_last_reached_is_said_while_it_is_out_of_reach():
    fine, failing = (a_source_page(health=SourceHealth(one)) for one in ("fine", "failing"))

    assert "Failing Last reached: 20 November 2026" in text_of(failing)
    assert "Last reached" not in text_of(fine)


def test_search_engines_leave_out_what_a_source_wants_left_out():
    withheld = replace(WAL, source=replace(WAL.source, noindex=True))

    for page in (a_source_page(noindex=True), EntryPage(site=SITE, entry=withheld)):
        assert '<meta name="robots" content="noindex">' in html(page)
    assert "robots" not in html(a_source_page())


def test_an_empty_list_says_why():
    assert "Nothing here yet" in text_of(a_list())


def test_links_stay_below_the_path_of_the_site():
    site = replace(SITE, base_url="https://news.example/below/here")

    for page in every_page():
        links = re.findall(r'(?:href|src)="(/[^"]*)"', html(replace(page, site=site)))

        own = [link for link in links if not link.startswith("/page/")]
        assert len(own) > 10
        assert all(link.startswith("/below/here/") for link in own)


def test_lists_ask_nothing_of_third_parties():
    image = an_entry(1, content='<img src="https://elsewhere.example/a.jpg">')

    page = html(a_list(image, PODCAST))

    assert "elsewhere" not in page
    assert re.findall(r'src="(.*?)"', page) == [
        f"/script.js?v={load().fingerprint}",
        "/favicon.svg",
    ]


def test_an_entry_page_shows_everything_about_it():
    page = text_of(EntryPage(site=SITE, entry=WAL))

    for piece in (
        "Pages and Logs",
        "What a write-ahead log really promises",
        "Ines Moreau, T. Okafor",
        "20 November 2026, 11:00 UTC",
        "Databases",
        "Filed under: storage, durability",
        "One fsync may carry many transactions.",
        "Original at pages-and-logs.example",
    ):
        assert piece in page


def test_an_entry_without_content_shows_its_excerpt():
    entry = replace(WAL, content=None)

    assert f"<p>{entry.excerpt}</p>" in html(EntryPage(site=SITE, entry=entry))


def test_search_engines_are_sent_to_the_original():
    page = html(EntryPage(site=SITE, entry=WAL))

    assert "noindex" not in page
    assert '<link rel="canonical" href="https://pages-and-logs.example/1">' in page


def test_only_a_page_with_something_to_hear_may_load_it():
    barred = """<meta http-equiv="Content-Security-Policy" content="media-src 'none'">"""
    film = replace(WAL, content='<video src="https://pages-and-logs.example/a.mp4"></video>')

    assert barred in html(EntryPage(site=SITE, entry=WAL))
    assert barred not in html(EntryPage(site=SITE, entry=PODCAST))
    assert barred not in html(EntryPage(site=SITE, entry=film))


def test_audio_can_be_heard_and_loads_nothing_before():
    page = html(EntryPage(site=SITE, entry=PODCAST))

    assert page.count("<audio") == 1
    assert '<audio controls preload="none" src="https://radio.example/41.mp3?x=1"' in page
    assert ">41.mp3</a>" in page
    assert "48.2 MB" in page
    assert ">notes.pdf</a>" in page


def test_pictures_beside_the_text_are_shown_with_it_and_are_no_files_to_download():
    fog = Image(
        url="https://radio.example/fog.png?a&b", width=640, height=480, alt='"Fog" & a ferry'
    )
    file = Enclosure(url=fog.url, type="image/png")
    other = Image(url="https://radio.example/2.png")
    entry = replace(PODCAST, pictures=(fog, other), enclosures=(*PODCAST.enclosures, file))

    page = html(EntryPage(site=SITE, entry=entry))

    assert (
        '<img src="https://radio.example/fog.png?a&amp;b" alt="&#34;Fog&#34; &amp; a ferry"'
        ' width="640" height="480" loading="lazy"' in page
    )
    assert '<img src="https://radio.example/2.png" alt="" loading="lazy"' in page
    assert ">fog.png</a>" not in page
    assert ">notes.pdf</a>" in page


def test_an_entry_of_nothing_but_pictures_does_not_say_that_there_is_nothing():
    entry = replace(WAL, content="", excerpt="", pictures=(Image(url="https://a.example/a.png"),))

    page = html(EntryPage(site=SITE, entry=entry))

    assert "https://a.example/a.png" in page
    assert "gives no text" not in page


def test_a_file_without_a_name_is_called_by_its_address():
    entry = replace(PODCAST, enclosures=(Enclosure(url="https://radio.example/"),))

    assert ">https://radio.example/</a>" in html(EntryPage(site=SITE, entry=entry))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(SOFTMAX, 'lang="zh-cn" dir="ltr"', id="its own language"),
        pytest.param(ARABIC, 'lang="ar" dir="rtl"', id="from right to left"),
        pytest.param(
            replace(SOFTMAX, language=None), 'lang="zh-cn" dir="ltr"', id="its source's language"
        ),
        pytest.param(
            replace(SOFTMAX, language=None, source=replace(NOTES, language=None)),
            'dir="auto"',
            id="nobody knows: the letters decide",
        ),
    ],
)
def test_an_entry_is_marked_with_its_language(entry, expected):
    page = html(EntryPage(site=SITE, entry=entry))

    assert '<html lang="en" dir="ltr">' in page
    assert f'<div class="prose" {expected}>' in page
    assert f"<h1 {expected}>" in page


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        pytest.param("he", "rtl", id="Hebrew"),
        pytest.param("fa-IR", "rtl", id="a variety of Persian"),
        pytest.param("UR", "rtl", id="in capitals"),
        pytest.param("zh-hans", "ltr", id="Chinese"),
        pytest.param("arn", "ltr", id="begins like Arabic"),
        pytest.param(None, "ltr", id="unknown"),
    ],
)
def test_direction(language, expected):
    assert direction(language) == expected


def test_topics_are_listed_with_what_is_in_them():
    page = text_of(TopicsPage(site=SITE, topics=tuple(map(topic_line, TOPICS))))

    assert "Machine learning 机器学习 3 Sources: Machine learning 机器学习 20 November 2026" in page


def test_sources_are_listed_with_how_they_are_doing():
    fine = replace(source_line(NOTES), health=SourceHealth.FINE)
    silent = replace(source_line(NOTES), health=SourceHealth.NEW, latest=None, site_url=None)

    page = text_of(sources_page(fine, silent))

    assert "2 sources." in page
    assert "学习笔记 Up to date 20 November 2026 1,234 Databases" in page
    assert "学习笔记 Not polled yet – 1,234 Databases" in page  # noqa: RUF001 - a dash


def test_a_source_that_fails_is_listed_with_the_reason_and_when_it_was_last_reached():
    failing = replace(source_line(NOTES), health=SourceHealth.FAILING, trouble="http 404")

    reached, never = (text_of(sources_page(replace(failing, last_ok=at))) for at in (NOON, None))

    assert "学习笔记 Answers 404. Last reached: 20 November 2026 Failing" in reached
    assert "学习笔记 Answers 404. Last reached: never Failing" in never


@pytest.mark.parametrize("health", list(SourceHealth))
@pytest.mark.parametrize("site", [SITE, CHINESE], ids=["en", "zh"])
def test_there_is_a_word_for_every_health(health, site):
    line = replace(source_line(NOTES), health=health)

    word = shipped_templates().words(site.language)(f"health-{health}")
    assert f">{word}</span>" in html(sources_page(line, site=site))


@pytest.mark.parametrize("page", [TopicsPage(site=SITE, topics=()), sources_page()])
def test_an_empty_directory_says_so(page):
    assert "There are no" in text_of(page)


@pytest.mark.parametrize("status", [400, 404, 405, 500])
@pytest.mark.parametrize("site", [SITE, CHINESE], ids=["en", "zh"])
def test_error_pages_help(status, site):
    page = html(ErrorPage(site=site, status=status))

    assert str(status) in page
    assert '<p class="original"><a href="/">' in page


def test_the_interface_speaks_chinese():
    page = html(a_list(WAL, site=CHINESE, number=2, count=3))

    assert '<html lang="zh" dir="ltr">' in page
    assert "2026年11月20日" in page
    assert "时间为 UTC" in page
    assert "较新" in page
    assert "第 2 页" in page


def test_a_variety_of_a_language_reads_its_catalogue():
    site = replace(SITE, language="zh-Hans-CN")

    assert "时间为 UTC" in html(a_list(WAL, site=site))


@pytest.mark.parametrize(
    ("number", "count", "shown"),
    [
        pytest.param(1, 1, "[1]", id="a single page"),
        pytest.param(3, 3, "[1] 2 3 >", id="the newest"),
        pytest.param(1, 3, "< 1 2 [3]", id="the oldest"),
        pytest.param(2, 3, "< 1 [2] 3 >", id="in between"),
        pytest.param(9, 20, "< 1 10 11 [12] 13 14 20 >", id="in the middle of many"),
    ],
)
def test_pagination(number, count, shown):
    pagination = paginate(number, count=count, href=lambda n: f"/?page={n}")

    links = [str(link.position) if link.href else f"[{link.position}]" for link in pagination.links]
    arrows = ["<"] * bool(pagination.newer) + links + [">"] * bool(pagination.older)
    assert " ".join(arrows) == shown


def test_links_to_pages_are_the_callers():
    pagination = paginate(2, count=4, href="/page/{}".format)

    assert (pagination.newer, pagination.older) == ("/page/3", "/page/1")
    assert pagination.links[1] == PageLink(position=2, href="/page/3")


def test_where_nobody_answers_only_the_newest_page_says_where_it_stands():
    newest, older = (
        paginate(number, count=4, href="/page/{}".format, is_placed=False) for number in (4, 2)
    )

    assert [link.position for link in newest.links] == [1, 2, 3, 4]
    assert (older.position, older.links) == (None, ())
    assert (older.newest, older.newer, older.older) == ("/page/None", "/page/3", "/page/1")


def test_the_newest_page_has_no_number_in_its_address():
    pagination = paginate(2, count=3, href="/page/{}".format)

    assert pagination.newest == pagination.newer == "/page/None"
    assert paginate(3, count=3, href=str).newest is None


def test_pages_that_are_left_out_are_marked():
    page = html(a_list(WAL, number=9, count=20))

    assert page.count(">…</li>") == 2
    assert 'aria-current="page" aria-label="Page 12">12</span>' in page
    assert "<title>Latest updates \u2013 20 November 2026</title>" in page


def test_the_first_view_is_small():
    templates = load_templates([TEMPLATES])

    page = views.render(a_list(*ENTRIES[:12], count=4), templates)

    files = len(templates.file("style.css")) + len(templates.file("favicon.svg"))
    assert len(page) + files < 60_000


def test_the_same_values_give_the_same_bytes():
    assert [html(page) for page in every_page()] == [html(page) for page in every_page()]


def test_an_operator_overrides_file_by_file(tmp_path):
    own = written(tmp_path / "own", topics_html="<h1>{{ topics | length }} of mine</h1>")

    assert html(TopicsPage(site=SITE, topics=()), own) == "<h1>0 of mine</h1>"
    assert ">Latest updates</h1>" in html(a_list(WAL), own)


def test_a_folder_that_does_not_exist_is_no_folder(tmp_path):
    assert "</h1>" in html(a_list(WAL), tmp_path / "nowhere")


def test_a_language_is_added_by_a_file(tmp_path):
    catalogue = (TEMPLATES / "en.toml").read_text(encoding="utf-8")
    own = written(
        tmp_path, fr_toml=catalogue.replace('"en"', '"fr"').replace("times in UTC", "heures UTC")
    )

    page = html(a_list(WAL, site=replace(SITE, language="fr")), own)

    assert '<html lang="fr"' in page
    assert "heures UTC" in page


def test_every_file_moves_the_fingerprint(tmp_path):
    plain = load_templates([TEMPLATES]).fingerprint

    own = written(tmp_path, style_css="body { color: red }")
    overridden = load_templates([own, TEMPLATES]).fingerprint

    assert plain == load_templates([TEMPLATES]).fingerprint
    assert plain != overridden


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param(
            "topics.html",
            "<p>\n{% if %}",
            "template topics.html: line 2: Expected an expression, got 'end of statement block'",
            id="a slip in the syntax",
        ),
        pytest.param(
            "topics.html",
            "{{ topics | shuffled }}",
            "template topics.html: line 1: No filter named 'shuffled'.",
            id="an unknown filter",
        ),
        pytest.param(
            "topics.html",
            "{{ entries }} {{ site.title }}",
            "template topics.html: there is no entries",
            id="a value of another page",
        ),
        pytest.param(
            "frame.html",
            "{{ topics }}",
            "template frame.html: there is no topics",
            id="a value that not all pages have",
        ),
        pytest.param(
            "en.toml",
            "language =",
            "template en.toml: Invalid value (at end of document)",
            id="a catalogue that is not TOML",
        ),
        pytest.param(
            "en.toml",
            'language = "en"',
            "template en.toml: needs a section [dates]",
            id="a catalogue without dates",
        ),
        pytest.param(
            "en.toml",
            "language = 1\n[dates]\n[texts]\n[counts]",
            "template en.toml: language: needs a text",
            id="a catalogue with a number in place of a text",
        ),
        pytest.param(
            "en.toml",
            'language = "en"\n[dates]\nday = ""\ntime = ""\nmoment = ""\nmonths = ["May", 6]\n'
            "[texts]\n[counts]",
            "template en.toml: months: needs a list of texts",
            id="a catalogue with a number in a list of texts",
        ),
        pytest.param(
            "fr.toml",
            'language = "fr"\n[dates]\nday = ""\ntime = ""\nmoment = ""\nmonths = []\ndays = []\n'
            'long_day = ""\nmonth = ""\nshort_day = ""\nshort_months = []\nweekdays = []\n[texts]\n[counts]\n',
            "template fr.toml: needs twelve months, and a form for every count",
            id="a catalogue without months",
        ),
    ],
)
def test_a_broken_template_is_found_at_start(tmp_path, name, content, message):
    own = written(tmp_path, **{name.replace(".", "_"): content})

    with pytest.raises(TemplateError) as caught:
        load_templates([own, TEMPLATES])

    assert str(caught.value) == message


def test_ours_would_be_found_without_a_fault_at_start_as_well(tmp_path):
    assert load_templates([TEMPLATES, tmp_path]).own


def test_a_catalogue_that_lacks_a_phrase_is_found_at_start(tmp_path):
    catalogue = (TEMPLATES / "zh.toml").read_text(encoding="utf-8")
    own = written(tmp_path, zh_toml=catalogue.replace("topics =", "labels ="))

    with pytest.raises(TemplateError, match="lacks"):
        load_templates([own, TEMPLATES])


def test_a_missing_template_is_found_at_start(tmp_path):
    with pytest.raises(TemplateError, match="there is no such file"):
        load_templates([tmp_path])


def test_a_file_that_is_not_text_is_found_at_start(tmp_path):
    (tmp_path / "topics.html").write_bytes(b"\xff\xfe")

    with pytest.raises(TemplateError, match=r"topics\.html"):
        load_templates([tmp_path, TEMPLATES])


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("{{ site.colour }}", id="a field that the value does not have"),
        pytest.param('{{ t("good-bye") }}', id="a phrase that no catalogue has"),
    ],
)
def test_what_only_shows_while_rendering_names_its_template(tmp_path, content):
    own = written(tmp_path, topics_html=content)

    with pytest.raises(TemplateError):
        html(TopicsPage(site=SITE, topics=()), own)


def test_a_language_without_catalogue_is_an_error():
    with pytest.raises(TemplateError, match=r"template tlh\.toml: there is no such catalogue"):
        html(ErrorPage(site=replace(SITE, language="tlh"), status=404))


def test_a_file_that_is_not_there_is_an_error():
    with pytest.raises(TemplateError, match=r"template logo\.svg: there is no such file"):
        load_templates([TEMPLATES]).file("logo.svg")


def test_what_a_source_brought_at_once_is_counted_behind_the_last_that_stands():
    first, second = ENTRIES[:2]

    page = html(a_list(first, second, folded={second.id: 12}))

    line = f'>12 more<span class="unseen">: {second.source.title}</span></a>'
    assert page.count(line) == 1
    assert page.index(f"/entries/{second.id}") < page.index(line)


def meta_of(page):
    """Return what a page says of itself to those who link to it."""
    found = re.findall(r'<meta (?:name|property)="([\w:]+)" content="(.*?)">', html(page))
    return dict(found)


def test_a_link_to_an_entry_can_be_shown_with_its_title_and_what_it_says():
    told = meta_of(EntryPage(site=SITE, entry=WAL))

    assert told["og:title"] == WAL.title
    assert told["og:description"] == told["description"] == WAL.excerpt
    assert told["og:url"] == "https://news.example/entries/1"
    assert (told["og:type"], told["og:site_name"]) == ("article", "Latest updates")
    assert told["twitter:card"] == "summary"


def test_formulas_are_plain_text_wherever_no_markup_can_stand():
    halves = replace(WAL, title=r"A & \(\sqrt{2}\)", excerpt=r"Less < \(\frac{1}{2}\).", content="")

    told, listed = meta_of(EntryPage(site=SITE, entry=halves)), html(a_list(halves))

    assert told["og:title"] == "A &amp; √2"
    assert told["og:description"] == told["description"] == "Less &lt; 1/2."
    assert ">A &amp; √2<" in listed
    assert ">Less &lt; 1/2.<" in listed


@pytest.mark.parametrize(
    ("republish", "shown"), [(Republish.FULL, True), (Republish.EXCERPT, False)]
)
def test_a_publishers_picture_goes_with_a_link_if_they_let_us_show_it(republish, shown):
    image = Image(url="https://pages-and-logs.example/log.png", alt="A log")
    entry = replace(WAL, image=image, source=replace(WAL.source, republish=republish))

    told = meta_of(EntryPage(site=SITE, entry=entry))

    assert ("og:image" in told) is shown
    assert told["twitter:card"] == ("summary_large_image" if shown else "summary")


def test_a_link_to_a_list_can_be_shown_too():
    told = meta_of(a_list(WAL, slug="databases"))

    assert (told["og:title"], told["og:type"]) == ("Databases", "website")
    assert told["og:url"] == "https://news.example/topics/databases"
    assert told["og:description"] == "New entries from many sources, gathered in one place."


def test_a_story_says_where_else_it_stands():
    for page in (a_list(WAL), EntryPage(site=SITE, entry=WAL)):
        assert "Also at: The Wide Margin , 学习笔记" in text_of(page)
        assert 'href="https://margin.example/21" title="A write-ahead log" lang="en"' in html(page)
    assert "Also at" not in text_of(a_list(SOFTMAX))


def test_what_is_pinned_stands_above_the_days_with_the_day_it_was():
    page = text_of(replace(a_list(WAL), pinned=(PINNED,)))

    assert page.index("Pinned") < page.index(PINNED.title) < page.index("Friday, 20 November")
    assert f"16 Nov {PINNED.title}" in page


@pytest.mark.parametrize("slug", ["", "databases"])
def test_topics_are_filters_and_the_chosen_one_is_marked(slug):
    page = html(a_list(WAL, slug=slug))

    chosen = re.findall(r'aria-current="true"><span>(.*?)</span></a>', page)
    assert chosen == ["Databases" if slug else "All"]


def test_of_many_topics_the_first_and_the_chosen_one_are_shown_and_a_way_to_the_others():
    every = tuple(TopicCredit(slug=f"t{n}", title=f"Topic {n}") for n in range(20))

    page = html(a_list(WAL, slug="t17", site=replace(SITE, topics=every)))

    _, _, rest = page.partition('class="topics"')
    filters = rest.partition("</nav>")[0]
    shown = re.findall(r'href="/topics/(t\d+)"', filters)
    assert shown == [*(f"t{n}" for n in range(12)), "t17"]
    assert 'href="/topics">More topics</a>' in filters


def test_the_directory_of_sources_is_filtered_by_topic_where_somebody_answers():
    live = html(sources_page(asked=ListAddress(name="sources", topic="databases")))
    files = html(sources_page(site=replace(SITE, has_forms=False)))

    assert '<option value="databases" selected>' in live
    assert "<select" not in files


def test_where_nobody_answers_there_is_nothing_to_search_with():
    files = replace(SITE, has_forms=False)

    for page in (a_list(WAL), ErrorPage(site=SITE, status=404)):
        assert html(page).count('role="search"') == 1
        assert 'role="search"' not in html(replace(page, site=files))


def test_an_entry_that_was_changed_on_a_later_day_says_so():
    later = replace(WAL, changed_at=WAL.first_seen_at + timedelta(days=1))

    assert "changed on 21 November 2026" in text_of(EntryPage(site=SITE, entry=later))
    assert "changed on" not in text_of(EntryPage(site=SITE, entry=WAL))


def test_an_entry_says_whose_it_is_if_its_publisher_does():
    ours = replace(WAL, source=replace(WAL.source, rights="© Ines Moreau"))

    assert "© Ines Moreau" in text_of(EntryPage(site=SITE, entry=ours))


def test_the_way_one_is_on_is_marked():
    marked = re.compile(r'<a href="(/\w*)" aria-current="page">')

    assert [marked.findall(html(page)) for page in every_page()] == [
        ["/"],
        [],
        ["/topics"],
        ["/sources"],
        [],
    ]
