"""Elements of plain feeds: titles, bodies, and lines of text."""

from tidings.parsing.feed_builder import (
    Attributes,
    EndOfElement,
    FeedBuilder,
    FeedElement,
    StartOfElement,
    take_bare_text,
)


def _start_title(builder: FeedBuilder, attributes: Attributes) -> None:
    builder.begin_typed_text(attributes, "text/plain")


def _end_title(builder: FeedBuilder) -> None:
    is_expected = builder.is_text_expected
    title, detail = builder.typed_text(is_expected=is_expected)
    if is_expected and not -1 < builder.title_depth <= builder.depth:
        builder.store("title", title, detail)
    builder.keep("title", detail)
    if title:
        builder.title_depth = builder.depth


def _end_media_title(builder: FeedBuilder) -> None:
    before = builder.title_depth
    _end_title(builder)
    builder.title_depth = before


def _typed(default: str) -> StartOfElement:
    def start(builder: FeedBuilder, attributes: Attributes) -> None:
        builder.begin_typed_text(attributes, default)

    return start


def _stored_typed(key: str) -> EndOfElement:
    def end(builder: FeedBuilder) -> None:
        text, detail = builder.typed_text()
        builder.store(key, text, detail)
        builder.keep(key, detail)

    return end


def _content(default: str) -> StartOfElement:
    def start(builder: FeedBuilder, attributes: Attributes) -> None:
        builder.has_content = True
        builder.begin_typed_text(attributes, default)

    return start


def _end_content(builder: FeedBuilder) -> None:
    text, detail = builder.typed_text()
    if builder.in_entry and builder.source is None:
        builder.parts("content").append(detail)
    builder.keep("content", detail)
    builder.context().setdefault("summary", text)


def _summary(default: str) -> StartOfElement:
    """Return the start of a summary: a second one before any body is taken for the body."""

    def start(builder: FeedBuilder, attributes: Attributes) -> None:
        if "summary" in builder.context() and not builder.has_content:
            builder.is_second_summary = builder.has_content = True
            builder.begin_typed_text(attributes, "text/plain")
        else:
            builder.begin_typed_text(attributes, default)

    return start


def _end_summary(builder: FeedBuilder) -> None:
    _end_either(builder, "summary", is_expected=True)


def _end_description(builder: FeedBuilder) -> None:
    is_expected = builder.is_text_expected
    _end_either(builder, "description", is_expected=is_expected)


def _end_either(builder: FeedBuilder, key: str, *, is_expected: bool) -> None:
    if builder.is_second_summary:
        builder.is_second_summary = False
        _end_content(builder)
        return
    text, detail = builder.typed_text(is_expected=is_expected)
    if is_expected:
        builder.store(key, text, detail)
    builder.keep(key, detail)


def _stored(key: str) -> EndOfElement:
    def end(builder: FeedBuilder) -> None:
        builder.store(key, builder.line())

    return end


_TEXT = FeedBuilder.begin_text
_TITLE = FeedElement(_start_title, _end_title)
_DESCRIPTION = FeedElement(_summary("text/html"), _end_description)
_SUMMARY = FeedElement(_summary("text/plain"), _end_summary)
_SUBTITLE = FeedElement(_typed("text/plain"), _stored_typed("subtitle"))
_RIGHTS = FeedElement(_typed("text/plain"), _stored_typed("rights"))
_LANGUAGE = FeedElement(_TEXT, _stored("language"))
_PUBLISHED = FeedElement(_TEXT, _stored("published"))
_UPDATED = FeedElement(_TEXT, _stored("updated"))
_CREATED = FeedElement(_TEXT, _stored("created"))

ELEMENTS = {
    "title": _TITLE,
    "dc_title": _TITLE,
    "media_title": FeedElement(_start_title, _end_media_title),
    "content": FeedElement(_content("text/plain"), _end_content),
    "content_encoded": FeedElement(_content("text/html"), _end_content),
    "description": _DESCRIPTION,
    "dc_description": _DESCRIPTION,
    "media_description": _DESCRIPTION,
    "summary": _SUMMARY,
    "itunes_summary": _SUMMARY,
    "subtitle": _SUBTITLE,
    "tagline": _SUBTITLE,
    "itunes_subtitle": FeedElement(_typed("text/plain"), _stored_typed("itunes_subtitle")),
    "rights": _RIGHTS,
    "copyright": _RIGHTS,
    "dc_rights": _RIGHTS,
    "language": _LANGUAGE,
    "dc_language": _LANGUAGE,
    "published": _PUBLISHED,
    "issued": _PUBLISHED,
    "pubdate": _PUBLISHED,
    "dcterms_issued": _PUBLISHED,
    "updated": _UPDATED,
    "modified": _UPDATED,
    "lastbuilddate": _UPDATED,
    "dc_date": _UPDATED,
    "dcterms_modified": _UPDATED,
    "created": _CREATED,
    "dcterms_created": _CREATED,
    **{
        key: FeedElement(take_bare_text, _stored(key))
        for key in (
            "feedburner_origlink",
            "itunes_duration",
            "itunes_title",
            "sy_updatefrequency",
            "sy_updateperiod",
            "ttl",
        )
    },
}
