"""All formats that we write feeds in: a new one is a module of its own, and a line here."""

from collections.abc import Mapping
from types import MappingProxyType

from tidings.publishing.formats.atom import ATOM
from tidings.publishing.formats.json_feed import JSON_FEED
from tidings.publishing.formats.rss import RSS
from tidings.publishing.formats.values import FeedFormat

# By name, which is the suffix of their addresses, in the order in which they are offered.
FORMATS: Mapping[str, FeedFormat] = MappingProxyType(
    {one.name: one for one in (ATOM, RSS, JSON_FEED)}
)
