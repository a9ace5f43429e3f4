import json
from datetime import datetime
from urllib.parse import urlsplit

from tidings.publishing.formats.json_feed import render_json


def items(feed):
    return json.loads(render_json(feed))["items"]


def test_a_json_feed_is_written_as_in_the_golden_file(varied_feed, golden, pretty):
    body = render_json(varied_feed)

    golden("latest.json", pretty(body))


def test_the_same_feed_gives_the_same_bytes(varied_feed):
    assert render_json(varied_feed) == render_json(varied_feed)


def test_a_feed_has_what_json_feed_demands(varied_feed):
    document = json.loads(render_json(varied_feed))

    assert document["version"] == "https://jsonfeed.org/version/1.1"
    assert document["title"] == "Latest updates"
    assert document["home_page_url"] == "https://tidings.example/"
    assert document["feed_url"] == "https://tidings.example/feed.json"
    assert isinstance(document["items"], list)


def test_every_item_has_an_id_of_its_own_and_a_body(varied_feed):
    found = items(varied_feed)

    assert [item["id"] for item in found] == [entry.atom_id for entry in varied_feed.entries]
    assert all(("content_html" in item) != ("content_text" in item) for item in found)
    assert all(author["name"] for item in found for author in item["authors"])


def test_dates_have_a_zone_and_addresses_are_absolute(varied_feed):
    for item in items(varied_feed):
        assert datetime.fromisoformat(item["date_published"]).tzinfo
        assert datetime.fromisoformat(item["date_modified"]).tzinfo
        addresses = [item.get("url"), item.get("image"), *item["_source"].values()]
        assert all(urlsplit(address).netloc for address in addresses if address and ":" in address)


def test_an_item_holds_all_of_its_entry(an_entry, a_feed):
    entry = an_entry()

    (item,) = items(a_feed(entry))

    assert item == {
        "id": entry.atom_id,
        "url": entry.url,
        "title": entry.title,
        "content_html": entry.content,
        "summary": entry.excerpt,
        "image": "https://harbour.example/tide.jpg",
        "date_published": "2026-11-20T10:00:00+00:00",
        "date_modified": "2026-11-20T12:00:00+00:00",
        "authors": [{"name": "Mara Quay"}, {"name": "Jon Lock"}],
        "tags": ["tides", "weather"],
        "language": "en-gb",
        "attachments": [
            {
                "url": "https://harbour.example/tides.mp3",
                "mime_type": "audio/mpeg",
                "size_in_bytes": 40_960,
            },
            {
                "url": "https://harbour.example/tides.pdf",
                "mime_type": "application/octet-stream",
            },
            {
                "url": "https://harbour.example/fog.png?w=9",
                "mime_type": "image/png",
                "title": "Fog & a ferry",
            },
            {
                "url": "https://harbour.example/picture",
                "mime_type": "application/octet-stream",
            },
        ],
        "_source": {
            "title": "The Harbour Log",
            "home_page_url": "https://harbour.example/",
            "feed_url": "https://harbour.example/feed.xml",
            "rights": "© 2026 The Harbour Log",
        },
    }


def test_who_else_tells_a_story_is_named(an_entry, a_feed, a_mate):
    (item,) = items(a_feed(an_entry(also_at=(a_mate(),))))

    assert item["_also_at"] == {
        "sources": [
            {
                "url": "https://quay.example/tides?a=1&b=2",
                "title": "Tides",
                "source": "Quay & Co",
            }
        ]
    }
    assert "Also at" in item["content_html"]


def test_hubs_and_the_picture_of_the_feed_are_named(a_feed):
    document = json.loads(render_json(a_feed(hubs=("https://hub.example/",))))

    assert document["hubs"] == [{"type": "WebSub", "url": "https://hub.example/"}]
    assert document["favicon"] == "https://tidings.example/favicon.svg"


def test_what_is_not_known_is_left_out(varied_feed):
    _, bare, *_ = items(varied_feed)

    assert bare.keys() == {
        "id",
        "content_text",
        "summary",
        "date_published",
        "date_modified",
        "authors",
        "_source",
    }


def test_an_item_with_a_title_only_has_it_as_text(an_entry, a_feed):
    (item,) = items(a_feed(an_entry(content=None, excerpt="")))

    assert item["content_text"] == "Tides of the week"


def test_an_empty_feed_still_has_its_items(a_feed):
    assert items(a_feed()) == []
