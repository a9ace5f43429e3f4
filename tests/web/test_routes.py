import gzip
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from browser.showcase import SITE, Showcase, serving
from tidings.model.scopes import ListAddress
from tidings.web.services import Check
from web.visitors import Operations, Visitor, app_of

ROUTES = {
    "/": "text/html; charset=utf-8",
    "/?page=2": "text/html; charset=utf-8",
    "/feed.atom": "application/atom+xml; charset=utf-8",
    "/feed.rss": "application/rss+xml; charset=utf-8",
    "/feed.json": "application/feed+json",
    "/topics": "text/html; charset=utf-8",
    "/topics/databases": "text/html; charset=utf-8",
    "/topics/databases.atom": "application/atom+xml; charset=utf-8",
    "/topics/databases.rss": "application/rss+xml; charset=utf-8",
    "/topics/databases.json": "application/feed+json",
    "/sources": "text/html; charset=utf-8",
    "/sources.opml": "text/x-opml; charset=utf-8",
    "/sources/notes": "text/html; charset=utf-8",
    "/sources/notes.atom": "application/atom+xml; charset=utf-8",
    "/sources/notes.rss": "application/rss+xml; charset=utf-8",
    "/sources/notes.json": "application/feed+json",
    "/entries/1": "text/html; charset=utf-8",
    "/issues": "text/html; charset=utf-8",
    "/issues.atom": "application/atom+xml; charset=utf-8",
    "/issues/morning-2026-11-20": "text/html; charset=utf-8",
}
OTHERS = {
    "/style.css": "text/css; charset=utf-8",
    "/script.js": "text/javascript; charset=utf-8",
    "/favicon.svg": "image/svg+xml",
    "/robots.txt": "text/plain; charset=utf-8",
    "/sitemap.xml": "application/xml; charset=utf-8",
    "/health/live": "application/json",
    "/health/ready": "application/json",
    "/metrics": "text/plain; version=0.0.4; charset=utf-8",
}
ERRORS = {
    "/?page=0": 400,
    "/?page=-1": 400,
    "/?page=abc": 400,
    "/?page=": 400,
    "/?page=1e3": 400,
    "/?page=%D9%A3": 400,
    f"/?page={10**30}": 400,
    "/topics/databases?page=0": 400,
    "/sitemap/0.xml": 404,
    "/?page=5": 404,
    f"/?page={10**17}": 404,
    "/nothing": 404,
    "/feed.xml": 404,
    "/feed.": 404,
    "/topics/": 404,
    "/topics/nothing": 404,
    "/topics/.atom": 404,
    "/topics/nothing.rss": 404,
    "/topics/data%00bases": 404,
    "/sources/a%0d%0aSet-Cookie:%20a=b": 404,
    "/sources/..%2f..%2fetc": 404,
    "/sources/%ff%fe": 404,
    "/entries/0": 404,
    "/entries/-1": 404,
    "/entries/abc": 404,
    f"/entries/{10**30}": 404,
    f"/entries/{'9' * 5000}": 404,
    "/%00": 404,
    "//evil.example/": 404,
    "/x?<script>alert(1)</script>": 404,
    "/page/<svg%20onload=alert(1)>": 404,
}
PAGES = [target for target, kind in ROUTES.items() if "html" in kind]
FEEDS = [target for target, kind in ROUTES.items() if "html" not in kind]


def is_protected(answer):
    policy = answer.headers["content-security-policy"]
    return (
        policy.startswith("default-src 'none'; base-uri 'none'; form-action 'self'")
        and "frame-ancestors 'none'" in policy
        and policy.count("script-src") == policy.count("script-src 'self';") <= 1
        and "unsafe" not in policy
        and answer.headers["x-content-type-options"] == "nosniff"
        and answer.headers["referrer-policy"] == "no-referrer"
        and "camera=()" in answer.headers["permissions-policy"]
    )


def test_every_address_answers_with_its_type(visitor):
    answers = {target: visitor.ask(target) for target in ROUTES | OTHERS}

    assert {answer.status for answer in answers.values()} == {200}
    types = {target: answer.headers["content-type"] for target, answer in answers.items()}
    assert types == ROUTES | OTHERS


def test_every_answer_is_protected(visitor):
    for target in [*ROUTES, *OTHERS, *ERRORS]:
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            assert is_protected(visitor.ask(target, method=method)), (method, target)


def test_what_cannot_be_answered_gets_a_page_that_helps(visitor):
    for target, status in ERRORS.items():
        answer = visitor.ask(target)

        assert answer.status == status, target
        assert b'<a href="/">Go to the latest updates</a>' in answer.body
        assert answer.headers["cache-control"] == "no-store"


def test_error_pages_show_nothing_of_the_request(visitor):
    bodies = {}
    for target, status in ERRORS.items():
        bodies.setdefault(status, set()).add(visitor.ask(target, Host="evil.example").body)

    assert {status: len(different) for status, different in bodies.items()} == {400: 1, 404: 1}
    assert not any(b"evil" in body for different in bodies.values() for body in different)


def test_no_address_comes_from_the_request(visitor):
    for target in [*ROUTES, "/topics/", "/sources/"]:
        answer = visitor.ask(target, Host="evil.example", X_Forwarded_Host="evil.example")

        assert b"evil" not in answer.body
        assert "location" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_addresses_are_for_reading_only(visitor, method):
    answer = visitor.ask("/topics", method=method)

    assert answer.status == 405
    assert {name.strip() for name in answer.headers["allow"].split(",")} == {"GET", "HEAD"}
    assert b"This address is read-only" in answer.body


def test_a_bug_is_answered_with_a_page_and_noted(visitor, publication, caplog):
    def fail():
        raise RuntimeError("the secret of the database")

    publication.before_rendering = fail

    answer = visitor.ask("/")

    assert answer.status == 500
    assert is_protected(answer)
    assert b"Something went wrong on our side" in answer.body
    assert b"secret" not in answer.body
    assert "the secret of the database" in caplog.text


def test_after_a_bug_the_next_visitor_is_served(visitor, publication):
    def fail():
        publication.before_rendering = lambda: None
        raise RuntimeError

    publication.before_rendering = fail

    assert [visitor.ask("/").status for _ in range(2)] == [500, 200]


@pytest.mark.parametrize("target", ["/", "/feed.atom", "/nothing", "/style.css", "/metrics"])
def test_head_answers_like_get_without_a_body(visitor, target):
    get = visitor.ask(target)
    head = visitor.ask(target, method="HEAD")

    assert head.body == b""
    assert head.status == get.status
    del get.headers["date"], head.headers["date"]
    assert head.headers == get.headers


def test_who_has_the_current_version_is_told_so(visitor, publication):
    for target in ROUTES:
        first = visitor.ask(target)
        publication.rendered.clear()

        again = visitor.ask(target, If_None_Match=first.headers["etag"])

        assert again.status == 304
        assert again.body == b""
        assert again.headers["etag"] == first.headers["etag"]
        assert again.headers["cache-control"] == first.headers["cache-control"]
        assert again.headers["vary"] == "Accept-Encoding"
        assert publication.rendered == []
        assert is_protected(again)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"If_None_Match": '"7-f00d"'}, 304, id="the tag"),
        pytest.param({"If_None_Match": 'W/"7-f00d"'}, 304, id="the weak tag"),
        pytest.param({"If_None_Match": '"6-f00d" , "7-f00d"'}, 304, id="one of several"),
        pytest.param({"If_None_Match": "*"}, 304, id="any"),
        pytest.param({"If_None_Match": '"6-f00d"'}, 200, id="an older tag"),
        pytest.param({"If_None_Match": "7-f00d"}, 200, id="without quotes"),
        pytest.param({"If_None_Match": ""}, 200, id="empty"),
        pytest.param(
            {"If_Modified_Since": "Fri, 20 Nov 2026 12:00:00 GMT"}, 304, id="the very second"
        ),
        pytest.param({"If_Modified_Since": "Sat, 21 Nov 2026 12:00:00 GMT"}, 304, id="later"),
        pytest.param({"If_Modified_Since": "Fri, 20 Nov 2026 11:59:59 GMT"}, 200, id="earlier"),
        pytest.param({"If_Modified_Since": "Friday, 20-Nov-26 12:00:00 GMT"}, 304, id="old style"),
        pytest.param({"If_Modified_Since": "Fri Nov 20 12:00:00 2026"}, 304, id="older style"),
        pytest.param({"If_Modified_Since": "yesterday"}, 200, id="no date"),
        pytest.param({"If_Modified_Since": "Fri, 99 Nov 99999 12:00:00 GMT"}, 200, id="no day"),
        pytest.param(
            {"If_None_Match": '"6"', "If_Modified_Since": "Sat, 21 Nov 2026 12:00:00 GMT"},
            200,
            id="the tag decides",
        ),
        pytest.param(
            {"If_None_Match": '"7-f00d"', "If_Modified_Since": "Thu, 19 Nov 2026 12:00:00 GMT"},
            304,
            id="the tag decides, the other way",
        ),
    ],
)
def test_conditional_requests(visitor, headers, status):
    assert visitor.ask("/feed.atom", **headers).status == status


def test_a_change_is_seen_at_once(visitor, publication):
    before = visitor.ask("/feed.atom")
    publication.change += 1
    publication.changed_at += timedelta(seconds=1)

    after = visitor.ask("/feed.atom", If_None_Match=before.headers["etag"])

    assert after.status == 200
    assert after.body == b"the atom feed, change 8, of /"
    assert after.headers["etag"] != before.headers["etag"]
    assert after.headers["last-modified"] == "Fri, 20 Nov 2026 12:00:01 GMT"


@pytest.mark.parametrize(
    ("accept", "compressed"),
    [
        pytest.param("gzip", True, id="gzip"),
        pytest.param("br, GZIP;q=0.5", True, id="among others"),
        pytest.param("*", True, id="anything"),
        pytest.param("gzip;q=0", False, id="explicitly not"),
        pytest.param("gzip;q=0.000, *", False, id="anything but gzip"),
        pytest.param("br, deflate", False, id="others only"),
        pytest.param("identity", False, id="none"),
    ],
)
def test_bodies_are_compressed_for_those_who_take_it(visitor, accept, compressed):
    for target in [*ROUTES, "/style.css", "/nothing"]:
        plain = visitor.ask(target, Accept_Encoding="identity")

        answer = visitor.ask(target, Accept_Encoding=accept)

        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-length"] == str(len(answer.body))
        if compressed:
            assert answer.headers["content-encoding"] == "gzip"
            assert gzip.decompress(answer.body) == plain.body
        else:
            assert "content-encoding" not in answer.headers
            assert answer.body == plain.body


def test_a_compressed_copy_has_a_tag_of_its_own_that_is_confirmed_too(visitor):
    plain = visitor.ask("/")
    small = visitor.ask("/", Accept_Encoding="gzip")

    assert small.headers["etag"] != plain.headers["etag"]
    for tag in (plain.headers["etag"], small.headers["etag"]):
        assert visitor.ask("/", If_None_Match=tag).status == 304
        assert visitor.ask("/", If_None_Match=tag, Accept_Encoding="gzip").status == 304


def test_feeds_may_be_read_by_any_site_and_kept_for_a_while(visitor):
    for target in FEEDS:
        answer = visitor.ask(target)

        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cache-control"] == "public, max-age=300"


def test_pages_are_asked_for_again_and_belong_to_us(visitor):
    for target in PAGES:
        answer = visitor.ask(target)

        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["cache-control"] == "no-cache"


def test_only_entry_pages_may_show_pictures_of_others(visitor):
    policies = {
        target: visitor.ask(target).headers["content-security-policy"]
        for target in [*PAGES, "/nothing"]
    }

    open_to_others = {target for target, policy in policies.items() if "https:" in policy}
    assert open_to_others == {"/entries/1"}
    assert "media-src https: http:" in policies["/entries/1"]


@pytest.mark.parametrize("name", ["style.css", "script.js"])
def test_a_file_of_this_version_is_kept_for_ever(visitor, publication, name):
    versioned = visitor.ask(f"/{name}?v={publication.templates.fingerprint}")
    other = visitor.ask(f"/{name}?v=0")

    assert versioned.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert other.headers["cache-control"] == "no-cache"
    page = visitor.ask("/").body.decode()
    assert f'"/{name}?v={publication.templates.fingerprint}"' in page


def test_the_directory_of_sources_is_chosen_from_by_topic(visitor, publication):
    visitor.ask("/sources?topic=databases&page=2")
    visitor.ask("/topics?topic=databases&page=2")

    assert publication.rendered == [
        ListAddress(name="sources", topic="databases", number=2),
        ListAddress(name="topics"),
    ]
    assert visitor.ask("/sources?topic=a%0d%0ab").status == 404


def test_a_burst_renders_once(visitor, publication):
    everybody_waits = threading.Barrier(2)
    publication.before_rendering = lambda: everybody_waits.wait(timeout=10)

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(visitor.ask, "/") for _ in range(8)]
        everybody_waits.wait(timeout=10)
        bodies = {answer.result().body for answer in asked}

    assert len(publication.rendered) == 1
    assert len(bodies) == 1


def test_the_service_is_alive_while_it_cannot_work(visitor, operations):
    operations.checks = [
        Check("database", ok=False, detail="cannot open"),
        Check("clock", ok=True, detail=""),
    ]

    ready = visitor.ask("/health/ready")

    assert visitor.ask("/health/live").status == 200
    assert ready.status == 503
    assert json.loads(ready.body) == {
        "ready": False,
        "checks": [
            {"name": "database", "ok": False, "detail": "cannot open"},
            {"name": "clock", "ok": True, "detail": ""},
        ],
    }


def test_the_service_is_ready_when_everything_is(visitor):
    ready = visitor.ask("/health/ready")

    assert ready.status == 200
    assert ready.headers["cache-control"] == "no-store"


def test_metrics_are_handed_on(visitor):
    assert visitor.ask("/metrics").body == b"tidings_entries 39\n"


def test_robots_are_kept_from_what_is_not_for_readers(visitor):
    assert visitor.ask("/robots.txt").body == (
        b"User-agent: *\nDisallow: /health/\nDisallow: /metrics\n"
        b"\nSitemap: https://news.example/sitemap.xml\n"
    )


@pytest.mark.parametrize(
    "target",
    ["/news", "/news/", "/", "/news/topics/databases", "/topics/databases", "/news/entries/1"],
)
def test_a_site_below_a_path_answers_whether_a_proxy_takes_the_path_off_or_not(target):
    site = replace(SITE, base_url="https://example.org/news")
    app = app_of(Showcase(site), Operations(), site)

    with serving(app) as url:
        answer = Visitor(url).ask(target)

    assert answer.status == 200
    assert b'href="/news/feed.atom"' in answer.body or b'"/news/topics/' in answer.body


def test_a_path_that_only_begins_like_the_sites_is_not_its():
    site = replace(SITE, base_url="https://example.org/to")
    app = app_of(Showcase(site), Operations(), site)

    with serving(app) as url:
        visitor = Visitor(url)

        assert visitor.ask("/topics").status == 200
        assert visitor.ask("/to/topics").status == 200


def test_every_request_is_a_line_in_the_log_without_its_query(app, caplog):
    caplog.set_level(logging.INFO, logger="tidings.web")

    with serving(app) as url:
        Visitor(url).ask("/topics/a%0d%0ab?token=secret")

    record = next(one for one in caplog.records if one.name == "tidings.web.access_log")
    assert record.getMessage() == "request answered"
    assert (record.method, record.path, record.status) == ("GET", "/topics/a%0D%0Ab", 404)
    assert record.ms >= 0
    assert "secret" not in str(record.__dict__)
