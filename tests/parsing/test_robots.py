import time

import pytest

from tidings.parsing.robots import is_allowed

SITE = "https://example.org"


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        pytest.param("", "/x", True, id="no rules"),
        pytest.param("<!doctype html><p>Not found: sorry", "/x", True, id="a page instead"),
        pytest.param("User-agent: *\nDisallow: /", "/x", False, id="nobody"),
        pytest.param("User-agent: *\nDisallow:", "/x", True, id="nothing forbidden"),
        pytest.param("User-Agent : *\r\nDISALLOW:/x # no", "/x/y", False, id="spelling"),
        pytest.param("User-agent: *\nDisallow: /x\nAllow: /x/y", "/x/y", True, id="longest"),
        pytest.param("User-agent: *\nAllow: /x\nDisallow: /x", "/x", True, id="of equals, allow"),
        pytest.param("User-agent: other\nDisallow: /", "/x", True, id="somebody else"),
        pytest.param(
            "User-agent: *\nDisallow: /\nUser-agent: Tidings/1\nDisallow: /y", "/x", True, id="us"
        ),
        pytest.param("User-agent: a\nUser-agent: *\nDisallow: /", "/x", False, id="two of a group"),
        pytest.param(
            "User-agent: *\nDisallow: /a\n\nUser-agent: *\nDisallow: /b", "/b", False, id="again"
        ),
        pytest.param("User-agent: *\nDisallow: /*.pdf$", "/a/b.pdf", False, id="asterisk"),
        pytest.param("User-agent: *\nDisallow: /*.pdf$", "/a.pdf?x", True, id="the end"),
        pytest.param("User-agent: *\nDisallow: /fish$", "/fish", False, id="all of it"),
        pytest.param("User-agent: *\nDisallow: /a*b$", "/ab", False, id="nothing between"),
        pytest.param("User-agent: *\nDisallow: /ab*b$", "/ab", True, id="no overlap"),
        pytest.param("User-agent: *\nDisallow: /*?print=", "/a?print=1", False, id="query"),
        pytest.param("User-agent: *\nDisallow: /文", "/%E6%96%87/1", False, id="encoded"),
        pytest.param("Disallow: /", "/x", True, id="of no group"),
    ],
)
def test_robots(rules, path, allowed):
    assert is_allowed(rules, SITE + path) is allowed


def test_a_hostile_pattern_takes_no_time():
    rules = "User-agent: *\nDisallow: /" + "a*" * 20_000 + "b$"
    started = time.process_time()

    assert is_allowed(rules, SITE + "/" + "a" * 4000)
    assert time.process_time() - started < 2
