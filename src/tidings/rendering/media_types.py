"""What each form of a feed is called on the web."""

FEED_TYPES = {
    "atom": "application/atom+xml",
    "rss": "application/rss+xml",
    "json": "application/feed+json",
}
"""Media type by form."""
