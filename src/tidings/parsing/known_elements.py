"""The closed table of elements that the fast reader knows; whatever else is left to feedparser."""

from tidings.parsing import feed_links, feed_structure, feed_texts
from tidings.parsing.feed_builder import FeedBuilder, FeedElement, ignore, ignore_end

# An element that feedparser does not know, and whose text nobody reads.
UNREAD = FeedElement(ignore, ignore_end)

_UNREAD_TEXT = FeedElement(FeedBuilder.begin_text, FeedBuilder.written)

# By name, as feedparser makes it: a standard prefix, an underscore and the local name.
ELEMENTS = {
    **feed_structure.ELEMENTS,
    **feed_texts.ELEMENTS,
    **feed_links.ELEMENTS,
    # What feedparser knows, and nobody reads.
    "admin_errorreportsto": UNREAD,
    "admin_generatoragent": UNREAD,
    "cloud": UNREAD,
    "dc_contributor": _UNREAD_TEXT,
    "dc_publisher": _UNREAD_TEXT,
    "expirationdate": _UNREAD_TEXT,
    "feedburner_browserfriendly": _UNREAD_TEXT,
    "generator": _UNREAD_TEXT,
    "georss_box": _UNREAD_TEXT,
    "georss_line": _UNREAD_TEXT,
    "georss_point": _UNREAD_TEXT,
    "georss_polygon": _UNREAD_TEXT,
    "height": _UNREAD_TEXT,
    "info": _UNREAD_TEXT,
    "itunes_block": _UNREAD_TEXT,
    "itunes_explicit": _UNREAD_TEXT,
    "media_credit": _UNREAD_TEXT,
    "media_license": _UNREAD_TEXT,
    "media_player": _UNREAD_TEXT,
    "media_rating": _UNREAD_TEXT,
    "media_restriction": _UNREAD_TEXT,
    "psc_chapter": UNREAD,
    "psc_chapters": UNREAD,
    "webmaster": _UNREAD_TEXT,
    "width": _UNREAD_TEXT,
}
