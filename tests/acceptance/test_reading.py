"""What an entry says, from the publisher's document to whoever reads it here."""

import json

import pytest
from lxml import etree

from fake_publisher import answer
from installation import on_sqlite
from w3c_feed_rules import faults

MEDIA = "{http://search.yahoo.com/mrss/}"
FOG = "Fog over the harbour, the pier, and the first ferry of the day, which waits for it to lift."


def toots(text="Good morning!", *, extra=""):
    """Return a document as Mastodon writes it."""
    return f"""<?xml version="1.0"?><rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/">
<channel><title>Ann</title><link>https://m.example/@ann</link><description>Toots</description>{extra}
<item><guid isPermaLink="true">https://m.example/@ann/1</guid><link>https://m.example/@ann/1</link>
<pubDate>Fri, 20 Nov 2026 08:00:00 GMT</pubDate><description>&lt;p&gt;{text}&lt;/p&gt;</description>
<media:content url="https://files.example/1.png" type="image/png" medium="image">
<media:description type="plain">{FOG}</media:description></media:content>
<media:content url="https://files.example/2.png" type="image/png" medium="image"/></item>
</channel></rss>""".encode()


@pytest.fixture
def pictured(tidings, web):
    """Follow somebody who toots with pictures."""
    tidings.add(web.serve(answer(body=toots())))
    assert tidings("poll", "--all").status == 0
    return tidings


def test_the_pictures_of_an_entry_reach_its_readers_with_what_is_to_be_seen(pictured, tmp_path):
    assert pictured("publish", tmp_path / "public").status == 0

    said = pictured("entry", "show", 1, "--json").json
    assert (said["content"], said["excerpt"]) == ("<p>Good morning!</p>", "Good morning!")
    assert [(one["url"], one["alt"]) for one in said["pictures"]] == [
        ("https://files.example/1.png", FOG),
        ("https://files.example/2.png", ""),
    ]
    page = (tmp_path / "public/entries/1/index.html").read_text()
    assert f'<img src="https://files.example/1.png" alt="{FOG}"' in page
    assert '<img src="https://files.example/2.png" alt=""' in page
    for form in ("atom", "rss"):
        feed = (tmp_path / f"public/feed.{form}").read_bytes()
        assert not faults(feed)
        shown = etree.fromstring(feed).findall(f".//{MEDIA}content")
        assert [one.get("url") for one in shown] == [one["url"] for one in said["pictures"]]
        assert shown[0].findtext(f"{MEDIA}description") == FOG
    [item] = json.loads((tmp_path / "public/feed.json").read_bytes())["items"]
    assert [one.get("title") for one in item["attachments"]] == [FOG, None]


def test_the_pictures_go_along_when_the_database_moves(pictured, tmp_path):
    target = f"sqlite:///{tmp_path}/copy.db"

    assert pictured("db", "copy", target).status == 0

    before = pictured("entry", "show", 1, "--json").json
    after = pictured("entry", "show", 1, "--json", DATABASE__URL=target).json
    assert after == before


def test_what_was_read_less_well_before_is_mended_and_told_to_nobody(tidings_on_sqlite, web):
    tidings = tidings_on_sqlite
    url = web.serve(
        answer(body=toots()), answer(body=toots(extra="\n")), answer(body=toots("Good night!"))
    )
    tidings.add(url)
    assert tidings.polled("--all")[url]["new"] == 1
    # As the version stored it that took the longest text for the body.
    tidings.execute(
        "UPDATE entry SET content = '<p>Fog over the harbour</p>', raw_hash = x'00', pictures = NULL,"
        " revision = x'572cffc2e8fb5e57ebf27b1b19af6b40'"
    )

    again = tidings.polled("--all")[url]
    read_now = tidings("entry", "show", 1, "--json").json
    edited = tidings.polled("--all")[url]

    assert (again["new"], again["updated"]) == (0, 0)
    assert read_now["content"] == "<p>Good morning!</p>"
    assert len(read_now["pictures"]) == 2
    assert (edited["new"], edited["updated"]) == (0, 1)


@on_sqlite
def test_what_a_server_names_as_its_language_is_that_of_what_is_pushed_or_read_again(tidings, web):
    tidings.add(web.serve(answer(body=toots(), Content_Language="fr")))
    assert tidings("poll", "--all").status == 0

    language = tidings("entry", "show", 1, "--json").json["language"]
    again = tidings("poll", "--replay", 1)

    assert (language, again.status) == ("fr", 0)
    assert tidings("entry", "show", 1, "--json").json["language"] == "fr"
