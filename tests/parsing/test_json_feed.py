import json
from datetime import UTC, datetime

import pytest

from tidings.errors import ParseError
from tidings.model.feed import Document, Enclosure, Image
from tidings.parsing.document import parse

VERSION = "https://jsonfeed.org/version/1.1"

WRONG = [None, True, 7, -1.5, "", " ", [], {}, [None], [[]], {"name": None}, ["x", 1, {}], "\ud800"]


def read(feed, encoding="utf-8"):
    body = json.dumps(feed).encode(encoding)
    return parse(Document(url="https://notes.example/feed.json", body=body), {})


def an_item(**fields):
    return {"id": "1", "content_text": "Rain"} | fields


def only_entry(**fields):
    (entry,) = read({"version": VERSION, "title": "Notes", "items": [an_item(**fields)]}).entries
    return entry


def test_every_field_is_read():
    feed = read(
        {
            "version": VERSION,
            "title": "Notes",
            "description": "What we saw",
            "home_page_url": "https://notes.example/",
            "language": "en-GB",
            "authors": [{"name": "Ann Bell"}],
            "items": [
                {
                    "id": "1",
                    "url": "https://notes.example/1",
                    "title": "Rain & <sun>",
                    "content_html": "<p>It <em>rained</em>.</p>",
                    "content_text": "It rained.",
                    "image": "https://notes.example/1.jpg",
                    "banner_image": "https://notes.example/2.jpg",
                    "date_published": "2026-11-20T08:00:00+01:00",
                    "date_modified": "2026-11-21T08:00:00Z",
                    "tags": ["sky", "sky", "night"],
                    "language": "de",
                    "attachments": [
                        {
                            "url": "https://files.example/1.ogg",
                            "mime_type": "audio/ogg",
                            "size_in_bytes": 1337,
                        }
                    ],
                }
            ],
        }
    )

    assert (feed.format, feed.title, feed.subtitle) == ("json11", "Notes", "What we saw")
    assert (feed.site_url, feed.language) == ("https://notes.example/", "en-gb")
    (entry,) = feed.entries
    assert (entry.guid, entry.url) == ("1", "https://notes.example/1")
    assert (entry.title, entry.excerpt) == ("Rain & <sun>", "It rained.")
    assert (entry.authors, entry.categories) == (("Ann Bell",), ("sky", "night"))
    assert entry.published == datetime(2026, 11, 20, 7, tzinfo=UTC)
    assert entry.updated == datetime(2026, 11, 21, 8, tzinfo=UTC)
    assert entry.image == Image(url="https://notes.example/1.jpg")
    file = Enclosure(url="https://files.example/1.ogg", type="audio/ogg", length=1337)
    assert entry.enclosures == (file,)
    assert entry.language == "de"


@pytest.mark.parametrize(
    ("version", "form"),
    [
        pytest.param("https://jsonfeed.org/version/1", "json1", id="1.0"),
        pytest.param("https://jsonfeed.org/version/1.1", "json11", id="1.1"),
        pytest.param("https://jsonfeed.org/version/2", "json11", id="a later one"),
    ],
)
def test_the_version_is_told(version, form):
    assert read({"version": version, "items": []}).format == form


@pytest.mark.parametrize("field", ["authors", "author"])
def test_the_author_of_an_entry_goes_before_that_of_the_feed(field):
    person = {"name": "Bo Ek"}
    entry = only_entry(**{field: [person] if field == "authors" else person})

    assert entry.authors == ("Bo Ek",)


@pytest.mark.parametrize(
    ("claim", "guid"),
    [
        pytest.param("42", "42", id="a number"),
        pytest.param("9" * 5000, "9" * 2048, id="thousands of digits"),
        pytest.param('" a "', "a", id="blanks"),
        pytest.param("null", None, id="null"),
        pytest.param("true", None, id="a truth"),
        pytest.param("NaN", None, id="not a number"),
        pytest.param('"\\u0000"', None, id="a NUL"),
    ],
)
def test_ids_need_not_be_strings(claim, guid):
    body = f'{{"version": "{VERSION}", "items": [{{"title": "x", "id": {claim}}}]}}'

    (entry,) = parse(Document(url="https://notes.example/", body=body.encode()), {}).entries

    assert entry.guid == guid


@pytest.mark.parametrize("key", ["title", "content_html", "content_text", "url", "authors", "tags"])
@pytest.mark.parametrize("value", WRONG)
def test_an_entry_survives_any_value_in_a_field(key, value):
    entry = only_entry(**{key: value})

    assert entry.guid == "1"


@pytest.mark.parametrize(
    "key", ["id", "external_url", "image", "language", "date_published", "attachments", "author"]
)
@pytest.mark.parametrize("value", WRONG)
def test_an_entry_survives_any_value_in_a_lesser_field(key, value):
    entry = only_entry(**{key: value})

    assert entry.excerpt == "Rain"


@pytest.mark.parametrize(
    "key",
    ["title", "home_page_url", "description", "language", "authors", "hubs", "feed_url", "author"],
)
@pytest.mark.parametrize("value", WRONG)
def test_a_feed_survives_any_value_in_a_field(key, value):
    feed = read({"version": VERSION, "items": [an_item()], key: value})

    assert len(feed.entries) == 1


def test_an_id_that_is_an_address_serves_as_link():
    assert only_entry(id="https://notes.example/1").url == "https://notes.example/1"


def test_items_that_are_none_are_counted_as_a_problem():
    feed = read({"version": VERSION, "items": [an_item(), None, 3, "x", []]})

    assert len(feed.entries) == 1
    assert feed.problems == ("4 items are no objects",)


@pytest.mark.parametrize("number", ["NaN", "1e999", "-1", "1.5", "9007199254740992", "null"])
def test_impossible_sizes_are_unknown(number):
    item = f'{{"id": "1", "attachments": [{{"url": "https://files.example/1", "size_in_bytes": {number}}}]}}'
    body = f'{{"version": "{VERSION}", "items": [{item}]}}'

    (entry,) = parse(Document(url="https://notes.example/", body=body.encode()), {}).entries

    assert [file.length for file in entry.enclosures] == [None]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_json_may_come_in_any_unicode(encoding):
    assert read({"version": VERSION, "title": "Zoë", "items": []}, encoding).title == "Zoë"


def test_a_feed_without_version_is_read_if_it_has_items():
    feed = read({"items": [an_item()]})

    assert (len(feed.entries), feed.problems) == (1, ("no version",))


def test_hubs_and_the_own_address_are_told():
    hubs = [
        {"type": "WebSub", "url": "https://hub.example/"},
        {"type": "rssCloud", "url": "https://cloud.example/"},
        {"type": "websub", "url": "/hub"},
        {"type": "WebSub", "url": "javascript:x"},
    ]
    address = "https://notes.example/feed.json?utm_source=self"

    feed = read({"version": VERSION, "feed_url": address, "hubs": hubs, "items": []})

    assert feed.hubs == ("https://hub.example/", "https://notes.example/hub")
    assert feed.self_url == address


@pytest.mark.parametrize(
    "end", ['{"id": "3", "tit', '{"id": "3", "authors": [{"name": "A"}', "", "{"]
)
def test_a_document_that_ends_early_gives_its_whole_items(end):
    items = ", ".join(json.dumps(an_item(id=number)) for number in ("1", "2"))
    body = f'{{"version": "{VERSION}", "items": [{items}, {end}'

    feed = parse(Document(url="https://notes.example/", body=body.encode()), {})

    assert [entry.guid for entry in feed.entries] == ["1", "2"]
    assert [problem[:7] for problem in feed.problems] == ["broken:"]


def test_control_characters_in_strings_are_no_trouble():
    body = f'{{"version": "{VERSION}", "items": [{{"id": "1", "title": "a\tb\nc\x01"}}]}}'

    (entry,) = parse(Document(url="https://notes.example/", body=body.encode()), {}).entries

    assert entry.title == "a b c"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("null", id="null"),
        pytest.param("[]", id="a list"),
        pytest.param('{"items": {}}', id="items that are none"),
        pytest.param('{"items": []} x', id="something behind"),
        pytest.param('{"items": [' + "}" * 1000, id="nothing to cut at"),
        pytest.param('{"items": [{"_x": ' + "[" * 100_000, id="too deep"),
    ],
)
def test_what_is_no_json_feed_is_an_error(body):
    with pytest.raises(ParseError):
        parse(Document(url="https://notes.example/", body=body.encode()), {})


def test_of_too_many_items_the_newest_are_read():
    items = [an_item(id=str(n), date_published=f"{2000 + n % 2}-01-01") for n in range(4000)]

    feed = read({"version": VERSION, "items": items})

    assert (len(feed.entries), feed.cut) == (2000, 2000)
    assert {entry.published.year for entry in feed.entries} == {2001}


@pytest.mark.parametrize(
    ("version", "form"),
    [
        pytest.param('"https://jsonfeed.org/version/1"', "json1", id="1.0 by its address"),
        pytest.param('"https://jsonfeed.org/version/1.1"', "json11", id="1.1 by its address"),
        pytest.param('"HTTPS://JSONFeed.org/version/1/"', "json1", id="in capitals"),
        pytest.param('"1.0"', "json1", id="1.0"),
        pytest.param('"1"', "json1", id="1"),
        pytest.param("1", "json1", id="the number 1"),
        pytest.param("1.1", "json11", id="the number 1.1"),
        pytest.param('"v1.1"', "json11", id="v1.1"),
    ],
)
def test_a_version_may_be_a_number(version, form):
    body = f'{{"version": {version}, "items": [{{"id": "1"}}]}}'

    feed = parse(Document(url="https://a.example/", body=body.encode()), {})

    assert (feed.format, len(feed.entries)) == (form, 1)


def test_a_main_picture_and_attached_ones_are_beside_the_text():
    attached = [
        {"url": "https://a.example/2.png", "mime_type": "image/png"},
        {"url": "https://a.example/3.mp3", "mime_type": "audio/mpeg"},
    ]

    entry = only_entry(image="https://a.example/1.png", attachments=attached)

    shown = [picture.url for picture in entry.pictures]
    assert shown == ["https://a.example/1.png", "https://a.example/2.png"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("<p>Rain</p>", "<p>Rain</p>", id="HTML"),
        pytest.param("<p> </p>", "<p>Sun</p>", id="HTML that says nothing"),
        pytest.param('<img src="/p.png" width="1">', "<p>Sun</p>", id="a picture that counts"),
        pytest.param(None, "<p>Sun</p>", id="no HTML"),
    ],
)
def test_plain_text_serves_where_html_says_nothing(content, expected):
    assert only_entry(content_html=content, content_text="Sun").content == expected
