from dataclasses import replace
from functools import cache
from uuid import UUID

import pytest
from lxml import etree
from selectolax.lexbor import LexborHTMLParser

from sample_digests import (
    CHECKPOINTS,
    CHINESE,
    ENGLISH,
    MORNING,
    NOON,
    RELEASE,
    SITE_URL,
    TEMPLATES,
    a_digest,
    an_entry,
    an_issue,
    of,
)
from tidings.app.templates import load_templates
from tidings.model.newsletters import UNSUBSCRIBE_URL
from tidings.publishing import views
from tidings.publishing.formats.atom import render_atom
from tidings.publishing.issue_archive import issues_feed
from tidings.publishing.pagination import paginate
from tidings.publishing.views import Archive, IssuePage, IssuesPage
from tidings.templating.site import Site
from w3c_feed_rules import faults

ALONE = paginate(1, count=1, href=str)
ATOM = {"a": "http://www.w3.org/2005/Atom"}
INSTANCE = UUID("6a1f1c5e-0a52-4b7e-9c1e-6a2f8b1d7c11")
SITE = Site(
    title="Latest updates",
    kicker="Incoming transmission",
    base_url=f"{SITE_URL}/news",
    language="en",
    version="0.1.0",
)


@cache
def load():
    return load_templates([TEMPLATES / "web"])


def shown(page):
    return LexborHTMLParser(views.render(page, load()))


def feed_of(*issues):
    feed = issues_feed(issues, site=SITE, instance=INSTANCE, updated=NOON, templates=load())
    return etree.fromstring(render_atom(feed))


def test_the_page_of_an_issue_tells_of_every_entry():
    digest = a_digest(of(*map(an_entry, range(1, 200))))

    page = shown(IssuePage(site=SITE, issue=an_issue(digest), digest=digest))

    assert len(page.css("article")) == 199
    assert page.css_first(".about").text() == "199 entries"


def test_the_page_of_an_issue_says_what_it_is():
    page = shown(IssuePage(site=SITE, issue=an_issue(), digest=ENGLISH))

    assert page.css_first("title").text() == "Morning tidings · 18–20 November 2026"  # noqa: RUF001
    assert page.css_first("h1").text() == "18–20 November 2026"  # noqa: RUF001
    assert page.css_first(".kicker a").attributes["href"] == "/news/issues"
    assert [one.text() for one in page.css("main h2")] == ["Databases", "Mathematics", "More news"]
    article = page.css_first("article")
    assert article.css_first("h3 a").attributes["href"] == f"/news/entries/{CHECKPOINTS.id}"
    assert article.css_first("time").text() == "20 Nov"
    assert article.css_first(".excerpt").text() == CHECKPOINTS.excerpt


@pytest.mark.parametrize(
    ("listed", "hidden"),
    [pytest.param(True, False, id="for all"), pytest.param(False, True, id="for its readers")],
)
def test_search_engines_keep_away_from_issues_that_are_not_listed(listed, hidden):
    page = shown(IssuePage(site=SITE, issue=an_issue(listed=listed), digest=ENGLISH))

    assert bool(page.css('meta[content="noindex"]')) is hidden
    assert bool(page.css(".kicker a")) is listed


def test_an_issue_of_the_past_that_nothing_is_left_of_still_has_its_page():
    page = shown(IssuePage(site=SITE, issue=an_issue(), digest=a_digest()))

    assert page.css_first(".nothing")


def test_the_interface_around_an_issue_in_chinese():
    site = replace(SITE, language="zh")

    page = shown(IssuePage(site=site, issue=an_issue(CHINESE), digest=CHINESE))

    assert page.css_first("h1").text() == "2026年11月20日"
    assert page.css_first(".about").text() == "4 篇"


def test_the_archive_lists_issues_by_newsletter_under_their_subjects():
    issues = (an_issue(), an_issue(slug="older", subject="Morning tidings <b>"))
    archives = (Archive(newsletter=MORNING, issues=issues),)

    page = shown(IssuesPage(site=SITE, archives=archives, pagination=ALONE))

    assert page.css_first("h2").text() == "Morning tidings"
    assert [one.text() for one in page.css("li a")] == [issues[0].subject, "Morning tidings <b>"]
    assert page.css("li a")[1].attributes["href"] == "/news/issues/older"
    assert page.css_first('link[type="application/atom+xml"]').attributes["href"] == (
        "/news/issues.atom"
    )


def test_an_archive_without_issues_says_so():
    page = shown(IssuesPage(site=SITE, archives=(), pagination=ALONE))

    assert page.css_first(".nothing").text() == "No newsletter has been sent yet."


def test_the_feed_has_an_entry_for_each_issue_with_all_it_tells():
    untitled = an_entry(9, title="", url=None)
    digest = a_digest(of(RELEASE, untitled))

    feed = feed_of((an_issue(digest), digest), (an_issue(slug="older"), ENGLISH))

    entries = feed.findall("a:entry", ATOM)
    assert len(entries) == 2
    assert entries[0].findtext("a:title", None, ATOM) == an_issue().subject
    link = entries[0].find("a:link", ATOM).get("href")
    assert link == "https://news.example/news/issues/morning-2026-11-20"
    content = LexborHTMLParser(entries[0].findtext("a:content", None, ATOM))
    assert [one.attributes["href"] for one in content.css("a")] == [
        RELEASE.url,
        "https://news.example/news/entries/9",
    ]
    assert RELEASE.excerpt in content.text()


def test_the_feed_names_itself_and_says_nothing_of_leaving():
    feed = feed_of((an_issue(html=UNSUBSCRIBE_URL, text=UNSUBSCRIBE_URL), ENGLISH))

    assert feed.findtext("a:title", None, ATOM) == "Newsletters · Latest updates"
    own = feed.find("a:link[@rel='self']", ATOM).get("href")
    assert own == "https://news.example/news/issues.atom"
    assert UNSUBSCRIBE_URL not in etree.tostring(feed, encoding="unicode")


def test_identifiers_of_issues_stay_the_same_and_differ():
    feed = feed_of((an_issue(), ENGLISH), (an_issue(slug="older"), ENGLISH))
    again = feed_of((an_issue(subject="Anew"), ENGLISH))

    ids = [one.text for one in feed.findall(".//a:entry/a:id", ATOM)]
    assert len(set(ids)) == 2
    assert again.findtext("a:entry/a:id", None, ATOM) == ids[0]


def test_a_feed_without_issues_is_a_feed():
    feed = feed_of()

    assert feed.findtext("a:updated", None, ATOM) == "2026-11-20T12:00:00+00:00"
    assert feed.findall("a:entry", ATOM) == []


def test_the_feed_holds_nothing_that_validators_refuse():
    feed = feed_of((an_issue(), ENGLISH), (an_issue(slug="chinese"), CHINESE))

    assert faults(etree.tostring(feed)) == []
