"""The allow-list of HTML: the last gate, which everything a publisher wrote goes through."""

import nh3

_TAGS = (
    "a abbr audio b bdi bdo blockquote br caption cite code dd del details dfn div dl dt em"
    " figcaption figure h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp small"
    " source span strong sub summary sup table tbody td tfoot th thead time tr u ul var video"
)
TAGS = frozenset(_TAGS.split())
"""Elements that may stand in an entry."""

ATTRIBUTES = {
    "*": frozenset({"dir", "lang"}),
    "a": frozenset({"href", "title"}),
    "abbr": frozenset({"title"}),
    "audio": frozenset({"src"}),
    "details": frozenset({"open"}),
    "dfn": frozenset({"title"}),
    "img": frozenset({"src", "alt", "title", "width", "height"}),
    "li": frozenset({"value"}),
    "ol": frozenset({"start", "reversed", "type"}),
    "source": frozenset({"src", "type"}),
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan", "scope"}),
    "time": frozenset({"datetime"}),
    "video": frozenset({"src", "poster", "width", "height"}),
}
"""Attributes that may stand on them; `*` is for all."""

FIXED = {
    "audio": {"controls": "", "preload": "none"},
    "img": {"loading": "lazy", "decoding": "async", "referrerpolicy": "no-referrer"},
    "video": {"controls": "", "preload": "none"},
}
"""Attributes that we add, and the only values they may have."""

_CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags={"script", "style"},
    attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
    tag_attribute_values={
        tag: {name: {value} for name, value in fixed.items()} for tag, fixed in FIXED.items()
    },
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    link_rel="noopener noreferrer nofollow ugc",
)


def sanitize(html: str) -> str:
    """Return `html` with nothing but what the allow-list names, balanced, links made harmless."""
    return _CLEANER.clean(html)
