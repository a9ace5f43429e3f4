"""Elements of plain feeds: identifiers, links, files and pictures, categories."""

import re

from feedparser.api import StrictFeedParser

from tidings.parsing.elements import RELATION, XHTML
from tidings.parsing.feed_builder import (
    Attributes,
    EndOfElement,
    FeedBuilder,
    FeedElement,
    take_bare_text,
)

_PAGE_TYPES = (XHTML, "text/html")
_ITUNES = "http://www.itunes.com/"
_MEDIA_CATEGORIES = "http://search.yahoo.com/mrss/category_schema"

# Of "?a=1&b;=2", which feedparser takes for spoilt by parsers of HTML.
_SPOILT = re.compile("&([A-Za-z0-9_]+);")


def _start_guid(builder: FeedBuilder, attributes: Attributes) -> None:
    builder.is_guid_link = attributes.get("ispermalink", "true") == "true"
    builder.begin_text()


def _end_guid(builder: FeedBuilder) -> None:
    guid = builder.line()
    builder.store("id", guid)
    if builder.is_guid_link:
        builder.context().setdefault("link", guid)


def _start_link(builder: FeedBuilder, attributes: Attributes) -> None:
    is_typed = "type" in attributes
    if relation := attributes.get("rel"):
        attributes["rel"] = RELATION.sub("", relation.strip())
    for name in ("href", "url", "uri"):
        if not attributes.get(name, name).strip():
            del attributes[name]
    relation = attributes.setdefault("rel", "alternate")
    kind = attributes.setdefault(
        "type", "application/atom+xml" if relation == "self" else "text/html"
    )
    _name_address(attributes)
    if "href" in attributes:
        attributes["href"] = builder.resolved(attributes["href"])
        if relation == "alternate" and StrictFeedParser.map_content_type(kind) in _PAGE_TYPES:
            builder.context()["link"] = attributes["href"]
    else:
        builder.begin_text()
    if relation == "enclosure" and not is_typed:
        del attributes["type"]
    builder.parts("links").append({**attributes})


def _end_link(builder: FeedBuilder) -> None:
    if not builder.is_text_open:
        return  # its address is an attribute
    if not builder.is_text_expected:
        builder.written()
        return
    address = builder.address()
    if builder.in_entry and builder.source is None:
        address = address.replace("&amp;", "&")
    address = _SPOILT.sub(r"&\g<1>", address)
    builder.context()["link"] = address
    if address or not builder.in_entry or builder.source is not None:
        builder.parts("links")[-1]["href"] = address


def _start_enclosure(builder: FeedBuilder, attributes: Attributes) -> None:
    _name_address(attributes)
    builder.parts("links").append({**attributes, "rel": "enclosure"})
    builder.medium = {"is_file": True}


def _end_medium(builder: FeedBuilder) -> None:
    builder.medium = None


def _name_address(attributes: Attributes) -> None:
    """Let `href` be the address of an element, whatever it calls that."""
    if address := attributes.get("url", attributes.get("uri", attributes.get("href"))):
        attributes.pop("url", None)
        attributes.pop("uri", None)
        attributes["href"] = address


def _start_media_group(builder: FeedBuilder, _attributes: Attributes) -> None:
    builder.groups += 1
    builder.group = {"number": builder.groups}
    builder.parts("media_groups").append(builder.group)


def _end_media_group(builder: FeedBuilder) -> None:
    builder.group = {}


def _start_media_content(builder: FeedBuilder, attributes: Attributes) -> None:
    builder.medium = {**attributes, "group": builder.group.get("number")}
    builder.parts("media_content").append(builder.medium)


def _start_thumbnail(builder: FeedBuilder, attributes: Attributes) -> None:
    builder.parts("media_thumbnail").append({**attributes, "group": builder.group.get("number")})
    builder.begin_text()


def _end_thumbnail(builder: FeedBuilder) -> None:
    if address := builder.address():
        builder.parts("media_thumbnail")[-1].setdefault("url", address)


def _start_itunes_image(builder: FeedBuilder, attributes: Attributes) -> None:
    if address := attributes.get("href") or attributes.get("url"):
        builder.context()["image"] = {"href": address}
    builder.begin_text()


def _start_license(builder: FeedBuilder, _attributes: Attributes) -> None:
    builder.parts("links").append({"rel": "license"})
    builder.begin_text()


# Categories.


def _start_category(builder: FeedBuilder, attributes: Attributes) -> None:
    scheme = attributes.get("scheme", attributes.get("domain"))
    builder.add_category(attributes.get("term"), scheme, attributes.get("label"))
    builder.begin_text()


def _start_media_category(builder: FeedBuilder, attributes: Attributes) -> None:
    _start_category(builder, {"scheme": _MEDIA_CATEGORIES} | attributes)


def _start_itunes_category(builder: FeedBuilder, attributes: Attributes) -> None:
    if builder.in_entry:
        builder.add_category(attributes.get("text"), _ITUNES, None)
        builder.begin_text()  # those of a podcast nest, and nobody reads them


def _end_category(builder: FeedBuilder) -> None:
    if term := builder.line():
        tags = builder.parts("tags")
        if tags and not tags[-1]["term"]:
            tags[-1]["term"] = term
        else:
            builder.add_category(term, None, None)


def _end_itunes_category(builder: FeedBuilder) -> None:
    if builder.in_entry:
        _end_category(builder)


def _keywords(scheme: str | None) -> EndOfElement:
    def end(builder: FeedBuilder) -> None:
        for term in builder.line().split(","):
            if term.strip():
                builder.add_category(term.strip(), scheme, None)

    return end


_GUID = FeedElement(_start_guid, _end_guid)
_CATEGORY = FeedElement(_start_category, _end_category)
_ITUNES_IMAGE = FeedElement(_start_itunes_image, FeedBuilder.written)
_LICENSE = FeedElement(_start_license, FeedBuilder.written)

ELEMENTS = {
    "guid": _GUID,
    "id": _GUID,
    "link": FeedElement(_start_link, _end_link),
    "cc_license": _LICENSE,
    "creativecommons_license": _LICENSE,
    "enclosure": FeedElement(_start_enclosure, _end_medium),
    "media_group": FeedElement(_start_media_group, _end_media_group),
    "media_content": FeedElement(_start_media_content, _end_medium),
    "media_thumbnail": FeedElement(_start_thumbnail, _end_thumbnail),
    "itunes_image": _ITUNES_IMAGE,
    "itunes_link": _ITUNES_IMAGE,
    "category": _CATEGORY,
    "keywords": _CATEGORY,
    "dc_subject": _CATEGORY,
    "itunes_category": FeedElement(_start_itunes_category, _end_itunes_category),
    "itunes_keywords": FeedElement(take_bare_text, _keywords(_ITUNES)),
    "media_category": FeedElement(_start_media_category, _end_category),
    "media_keywords": FeedElement(take_bare_text, _keywords(None)),
}
