"""Sources that fail, each in its way: an error of their own, and nobody else's loss."""

import gzip
import itertools
import time

import pytest

from documents import atom, items
from loopback import answer, dripping, hanging_up, redirect, silence

HURRY = {
    "FETCH__CONNECT_TIMEOUT": "0.5s",
    "FETCH__FIRST_BYTE_TIMEOUT": "0.5s",
    "FETCH__READ_TIMEOUT": "1s",
    "FETCH__TOTAL_TIMEOUT": "2s",
}


def padded(size):
    return b"<!--" + b" " * size + b"-->"


TROUBLES = {
    "says nothing": (silence, "no answer within 0.5 s"),
    "drips for ever": (dripping(answer(Content_Length=10_000), b"x"), "not done within 2 s"),
    "hangs up": (
        hanging_up(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<feed"),
        "the body ends early",
    ),
    "speaks no HTTP": (hanging_up(b"SSH-2.0-OpenSSH_9.2\r\n"), "cannot fetch"),
    "404": (answer("404 Not Found"), "404 Not Found"),
    "410": (answer("410 Gone"), "410 Gone"),
    "500": (answer("500 Internal Server Error"), "500 Internal Server Error"),
    "status 999": (answer("999 " + "x" * 5000), "999"),
    "is empty": (answer(), "an empty document"),
    "is rubbish": (answer(body=bytes(range(256)) * 8), "not a feed"),
    "is a page": (answer(body=b"<!doctype html><p>Hello"), "an HTML page"),
    "breaks off": (answer(body=b'{"version": "https://jsonfeed.org/version/1.1", '), "JSON"),
    "redirects for ever": (redirect("/feed"), "redirect"),
    "redirects to a file": (redirect("file:///etc/passwd"), "http(s)"),
    "redirects inside": (redirect("http://[::ffff:127.0.0.1]:1/"), "cannot fetch"),
    "redirects to the metadata": (redirect("http://169.254.169.254/"), "169.254.169.254"),
    "names a file": (answer(body=b"/etc/passwd"), "not a feed"),
    "is a gzip bomb": (
        answer(body=gzip.compress(b" " * 10_000_000), Content_Encoding="gzip"),
        "larger than 100000 bytes",
    ),
    "is stacked": (
        answer(body=gzip.compress(gzip.compress(b"<feed/>")), Content_Encoding="gzip, gzip"),
        "gzip, gzip",
    ),
    "is too large": (answer(body=padded(200_000)), "larger than 100000 bytes"),
}


def test_every_trouble_is_an_error_of_its_own_source_only(tidings, web):
    urls = {name: web.serve(reply) for name, (reply, _) in TROUBLES.items()}
    healthy = web.serve(answer(body=atom(*items(3))))
    tidings.add(*urls.values(), healthy)

    started = time.monotonic()
    done = tidings("poll", "--json", **HURRY, FETCH__MAX_SIZE=100_000)

    assert time.monotonic() - started < 20
    assert done.status == 1
    results = {source["url"]: source for source in done.json["sources"]}
    assert results.pop(healthy)["new"] == 3
    assert {source["outcome"] for source in results.values()} == {"failed"}
    stored = {source["url"]: source for source in tidings("source", "list", "--json").json}
    for name, (_, said) in TROUBLES.items():
        error = results[urls[name]]["error"]
        assert said in error, name
        assert len(error.encode()) <= 1000, name
        assert stored[urls[name]]["last_error"] == error
        assert stored[urls[name]]["failures"] == 1
    assert done.err.count("\n") == len(TROUBLES)


def nested(tag, depth):
    return f"<{tag}>" * depth


def entity_bomb():
    names = [f"e{n}" for n in range(10)]
    entities = '<!ENTITY e0 "lol">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in itertools.pairwise(names)
    )
    return f"<!DOCTYPE rss [{entities}]>" + channel("<title>&e9;</title>")


def flat_entity_bomb():
    entity = "A" * 50_000
    return f'<!DOCTYPE rss [<!ENTITY a "{entity}">]>' + channel(f"<title>{'&a;' * 20_000}</title>")


def channel(inside):
    return f'<rss version="2.0"><channel>{inside}</channel></rss>'


def item(inside):
    return channel(f"<title>t</title><item><guid>1</guid>{inside}</item>")


def described(html):
    return item(f"<description><![CDATA[{html}]]></description>")


BOMBS = {
    "entities in entities": entity_bomb(),
    "one entity many times": flat_entity_bomb(),
    "a secret file": '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    + channel("<title>&x;</title>"),
    "an author of 40 kB": item(f"<author>{'a' * 40_000}</author>"),
    "a declaration of 20 kB": "<?xml " + "encoding='x" * 2000 + "?>" + channel(""),
    "20,000 lines before the root": "\n" * 20_000 + channel("<title>t</title>"),
    "30,000 categories": item("<category>c</category>" * 30_000),
    "100,000 attributes": channel("<a " + "".join(f"a{n}='' " for n in range(100_000)) + "/>"),
    "elements in elements": channel(nested("a", 100_000)),
    "bases in bases": channel("<a xml:base='aaaaaaaaaa/'>" * 20_000),
    "blocks in blocks": described(nested("div", 90_000)),
    "formatting that multiplies": described("<b><i><u><s><p>" * 3000),
    "attributes of an element": described(f"<p {' '.join(f'a{n}=1' for n in range(100_000))}>x"),
    "comments that never end": described("<!--" * 40_000),
    "JSON in JSON": "[" * 100_000,
}


def test_no_document_holds_the_others_up(tidings_on_sqlite, web):
    tidings = tidings_on_sqlite
    urls = {name: web.serve(answer(body=bomb.encode())) for name, bomb in BOMBS.items()}
    healthy = web.serve(answer(body=atom(*items(3))))
    tidings.add(*urls.values(), healthy)

    started = time.monotonic()
    done = tidings("poll", "--json", PARSE__TIME_LIMIT="1s", PARSE__PROCESSES=2)

    assert time.monotonic() - started < 4 * len(BOMBS)
    results = {source["url"]: source for source in done.json["sources"]}
    assert results[healthy]["new"] == 3
    assert len(results) == len(BOMBS) + 1
    for source in results.values():
        assert len((source["error"] or "").encode()) <= 1000
    stored = tidings("entry", "list", "--json", "--all", "--limit", 0)
    assert "root:x:0" not in stored.out
    assert len(stored.out) < 1_000_000
    assert tidings.polled(healthy_id(tidings, healthy))[healthy]["outcome"] == "unchanged"


def healthy_id(tidings, url):
    listed = tidings("source", "list", "--json").json
    return next(source["id"] for source in listed if source["url"] == url)


@pytest.mark.parametrize(
    ("status", "asked", "obeyed"),
    [
        pytest.param("429 Too Many Requests", "600", True, id="429 with a pause"),
        pytest.param("503 Service Unavailable", "7200", False, id="503 with a pause"),
    ],
)
def test_a_pause_that_was_asked_for_is_kept(tidings, web, *, status, asked, obeyed):
    publisher = web.publisher()
    urls = [publisher.serve(path, answer(status, Retry_After=asked)) for path in ("/a", "/b")]
    tidings.add(*urls)

    first = tidings.polled()

    assert {source["outcome"] for source in first.values()} == {"failed"}
    assert len(publisher.received) == (1 if obeyed else 2)
    assert tidings.polled() == {}


def test_a_source_that_fails_again_waits_longer_and_recovers_at_once(tidings, web):
    url = web.serve(*[answer("500 Internal Server Error")] * 3, answer(body=atom(*items(1))))
    tidings.add(url)

    failures, waits = [], []
    for _ in range(3):
        tidings("poll", "--all")
        [source] = tidings("source", "list", "--json").json
        failures.append(source["failures"])
        waits.append(source["next_poll_at"])
    tidings("poll", "--all")

    assert failures == [1, 2, 3]
    assert waits == sorted(waits)
    [source] = tidings("source", "list", "--json").json
    assert (source["failures"], source["last_error"]) == (0, None)
    assert source["next_poll_at"] < waits[-1]


def test_what_was_there_stays_when_a_source_fails(tidings, web):
    url = web.serve(
        answer(body=atom(*items(3)), ETag='"1"'), answer(body=b"<!doctype html>Sorry", ETag='"2"')
    )
    tidings.add(url)
    tidings("poll")

    tidings("poll", "--all")
    tidings("poll", "--all")

    assert len(tidings("entry", "list", "--json").json) == 3
    assert [r.headers.get("if-none-match") for r in web.requests(url)] == [None, '"1"', '"1"']
