"""Whose an element is: namespaces as publishers write them, by the names that feedparser knows."""

from functools import lru_cache

from feedparser.mixin import _FeedParserMixin

SEPARATOR = "\x1f"
"""Stands between a namespace and a local name, as no document of XML can hold it: expat refuses a
namespace that holds its separator, and some publishers leave a blank in theirs."""

MAX_KNOWN = 200
"""Characters; a longer namespace is none that anybody specified."""

STRUCTURE = frozenset({"rss", "rdf", "feed", "channel", "item", "entry"})
"""What makes a feed, in whatever namespace."""


def canonical(namespace: str) -> str:
    """Return a namespace as its specification writes it, however it is written here."""
    return _canonical(namespace) if len(namespace) <= MAX_KNOWN else namespace


def split(name: str) -> tuple[str | None, str]:
    """Return the canonical namespace and the local name of what expat calls `name`."""
    namespace, _, local = name.rpartition(SEPARATOR)
    return (canonical(namespace) if namespace else None), local


def is_known(namespace: str, prefix: str | None) -> bool:
    """Tell whether feedparser knows a canonical namespace, or the prefix that usually means it."""
    is_specified = _plain(namespace) in _SPECIFIED or "backend.userland.com/rss" in namespace
    return is_specified or prefix in _PREFIXES


@lru_cache(maxsize=256)  # it is asked for every element
def _canonical(namespace: str) -> str:
    return _SPECIFIED.get(_plain(namespace), namespace.strip())


def _plain(namespace: str) -> str:
    written = namespace.strip().lower().partition("://")
    return (written[2] or written[0]).removeprefix("www.").rstrip("/#")


_SPECIFIED: dict[str, str] = {_plain(uri): uri for uri in _FeedParserMixin.namespaces if uri}
_PREFIXES = frozenset(filter(None, _FeedParserMixin.namespaces.values()))
