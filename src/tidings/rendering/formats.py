"""All formats that we write feeds in: a new one is a module of its own, and a line here."""

from collections.abc import Mapping
from types import MappingProxyType

from tidings.rendering.atom import ATOM
from tidings.rendering.json_feed import JSON_FEED
from tidings.rendering.publishable import FeedFormat
from tidings.rendering.rss import RSS

FORMATS: Mapping[str, FeedFormat] = MappingProxyType(
    {one.name: one for one in (ATOM, RSS, JSON_FEED)}
)
"""By name, which is the suffix of their addresses, in the order in which they are offered."""
