"""Elements of plain feeds: the feed, its entries, the people in both, and when not to poll."""

from tidings.parsing.feed_builder import (
    Attributes,
    EndOfElement,
    FeedBuilder,
    FeedElement,
    UnfamiliarError,
    ignore_end,
    take_bare_text,
)
from tidings.parsing.feedparser_limits import DAYS

_RSS = {"0.91": "rss091u", "0.92": "rss092", "0.93": "rss093", "0.94": "rss094"}
_ATOM = {"0.1": "atom01", "0.2": "atom02", "0.3": "atom03"}

# Where more than these would mix up what feedparser keeps of the element and of its parent.
_IN_PERSON = frozenset({"name", "email", "uri", "url", "homepage"})
_IN_OWNER = frozenset({"itunes_name", "itunes_email", "name", "email"})
_IN_IMAGE = frozenset({"title", "link", "description", "url", "width", "height"})
_IN_SOURCE = frozenset({"title", "subtitle", "id", "link", "updated", "author", "rights", "icon"})


def _start_rss(builder: FeedBuilder, attributes: Attributes) -> None:
    if not builder.version.startswith("rss"):
        version = attributes.get("version", "")
        builder.version = _RSS.get(version, "rss20" if version.startswith("2.") else "rss")


def _start_feed(builder: FeedBuilder, attributes: Attributes) -> None:
    builder.in_feed = True
    builder.version = builder.version or _ATOM.get(attributes.get("version", ""), "atom")


def _start_channel(builder: FeedBuilder, attributes: Attributes) -> None:
    _refuse_cdf(attributes)
    builder.in_feed = True


def _end_feed(builder: FeedBuilder) -> None:
    builder.in_feed = False


def _start_entry(builder: FeedBuilder, attributes: Attributes) -> None:
    _refuse_cdf(attributes)
    builder.begin_entry()
    if about := attributes.get("rdf:about"):
        builder.entries[-1]["id"] = about


def _end_entry(builder: FeedBuilder) -> None:
    builder.in_entry = builder.has_content = False


def _refuse_cdf(attributes: Attributes) -> None:
    if "lastmod" in attributes or "href" in attributes:
        raise UnfamiliarError("CDF")


def _start_image(builder: FeedBuilder, _attributes: Attributes) -> None:
    builder.title_depth = -1
    if builder.in_entry:
        builder.begin_text()
        return
    builder.context().setdefault("image", {})
    builder.in_image = True
    builder.allowed = _IN_IMAGE


def _end_image(builder: FeedBuilder) -> None:
    builder.in_image = False
    if builder.is_text_open:
        builder.written()


def _start_source(builder: FeedBuilder, _attributes: Attributes) -> None:
    builder.source = {}
    builder.title_depth = -1
    builder.allowed = _IN_SOURCE


def _end_source(builder: FeedBuilder) -> None:
    source, builder.source = builder.source, None
    builder.context()["source"] = source


# People.


def _start_author(builder: FeedBuilder, _attributes: Attributes) -> None:
    builder.begin_author()
    builder.allowed = _IN_PERSON


def _start_contributor(builder: FeedBuilder, _attributes: Attributes) -> None:
    builder.allowed = _IN_PERSON


def _start_owner(builder: FeedBuilder, _attributes: Attributes) -> None:
    if builder.in_entry:
        raise UnfamiliarError("an owner of an entry")
    builder.in_owner = True
    builder.allowed = _IN_OWNER


def _end_owner(builder: FeedBuilder) -> None:
    builder.in_owner = False


def _said_of_person(key: str) -> EndOfElement:
    def end(builder: FeedBuilder) -> None:
        value = builder.written()
        if builder.in_owner or builder.in_author:
            people = builder.parts("authors")
            if not people:
                people.append({})
            people[-1][key] = value

    return end


def _end_url(builder: FeedBuilder) -> None:
    address = builder.address()
    builder.store("href", address)
    if builder.in_author:
        builder.parts("authors")[-1]["href"] = address


def _end_hour(builder: FeedBuilder) -> None:
    hour = builder.line()
    if not builder.in_entry and hour.isdecimal() and len(hour) <= 2 and int(hour) <= 24:
        builder.skip_hours.add(int(hour) % 24)


def _end_day(builder: FeedBuilder) -> None:
    day = builder.line().lower()[:3]
    if not builder.in_entry and day in DAYS:
        builder.skip_days.add(DAYS.index(day))


_TEXT = FeedBuilder.begin_text
_AUTHOR = FeedElement(_start_author, FeedBuilder.end_author)
_ENTRY = FeedElement(_start_entry, _end_entry)
_NAME = FeedElement(_TEXT, _said_of_person("name"))
_EMAIL = FeedElement(_TEXT, _said_of_person("email"))
_URL = FeedElement(_TEXT, _end_url)

ELEMENTS = {
    "rss": FeedElement(_start_rss, ignore_end),
    "feed": FeedElement(_start_feed, _end_feed),
    "channel": FeedElement(_start_channel, _end_feed),
    "item": _ENTRY,
    "entry": _ENTRY,
    "image": FeedElement(_start_image, _end_image),
    "source": FeedElement(_start_source, _end_source),
    "author": _AUTHOR,
    "managingeditor": _AUTHOR,
    "dc_author": _AUTHOR,
    "dc_creator": _AUTHOR,
    "itunes_author": _AUTHOR,
    "contributor": FeedElement(_start_contributor, ignore_end),
    "itunes_owner": FeedElement(_start_owner, _end_owner),
    "name": _NAME,
    "itunes_name": _NAME,
    "email": _EMAIL,
    "itunes_email": _EMAIL,
    "uri": _URL,
    "url": _URL,
    "homepage": _URL,
    "hour": FeedElement(take_bare_text, _end_hour),
    "day": FeedElement(take_bare_text, _end_day),
}
