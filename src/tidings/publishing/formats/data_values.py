"""What is public of entries, sources and topics, as values of JSON: what the API is made of.

They are as clean as in our feeds, and have no more of an entry than its source lets us show.
"""

from dataclasses import asdict

from tidings.catalog.topics import TopicSummary
from tidings.model.contracts import rfc3339
from tidings.model.entries import AlsoAt, Entry, SourceCredit
from tidings.model.sources import Source, health_of
from tidings.publishing.formats.values import publishable_entry, published_at, updated_at


def entry_value(entry: Entry, *, base_url: str) -> dict[str, object]:
    """Return an entry as lists have it, without its content; `base_url` is our site's."""
    return _listed(publishable_entry(entry, entries_url=""), base_url)


def whole_entry_value(entry: Entry, *, base_url: str) -> dict[str, object]:
    """Return an entry with its content, clean HTML, which is empty if we may not show it."""
    shown = publishable_entry(entry, entries_url="")
    pictures = [asdict(one) for one in shown.pictures]
    return {**_listed(shown, base_url), "content": shown.content, "pictures": pictures}


def source_value(source: Source, *, base_url: str) -> dict[str, object]:
    """Return a source; its address is missing if that is private."""
    # When it was last polled is left out: that moves with every poll, and would be no news.
    return {
        "id": source.id,
        "slug": source.slug,
        "title": source.title,
        "site_url": source.site_url,
        "feed_url": None if source.hides_address else source.url,
        "page_url": f"{base_url}/sources/{source.slug}",
        "topics": [topic.slug for topic in source.topics],
        "health": health_of(
            source.state,
            fails=bool(source.failures),
            has_worked=source.last_ok_at is not None,
        ),
        "entries": source.entries,
        "latest_at": rfc3339(source.latest_at),
        "language": source.language,
        "rights": source.rights,
        "republish": source.republish,
    }


def topic_value(topic: TopicSummary, *, base_url: str) -> dict[str, object]:
    """Return a topic, with how much stands under it."""
    return {
        "slug": topic.slug,
        "title": topic.title,
        "page_url": f"{base_url}/topics/{topic.slug}",
        "sources": topic.sources,
        "latest_at": rfc3339(topic.latest_at),
    }


def _listed(shown: Entry, base_url: str) -> dict[str, object]:
    return {
        "id": shown.id,
        "seq": shown.seq,
        "atom_id": shown.atom_id,
        "title": shown.title,
        "url": shown.url,
        "page_url": f"{base_url}/entries/{shown.id}",
        "excerpt": shown.excerpt,
        "authors": shown.authors,
        "categories": shown.categories,
        "language": shown.language,
        # As in our feeds: what publishers claim is believed where it can be.
        "published": rfc3339(published_at(shown)),
        "updated": rfc3339(updated_at(shown)),
        "first_seen_at": rfc3339(shown.first_seen_at),
        "source": _credit(shown.source),
        "topics": [topic.slug for topic in shown.topics],
        "image": asdict(shown.image) if shown.image else None,
        "enclosures": [asdict(one) for one in shown.enclosures],
        "also_at": [_mate(mate) for mate in shown.also_at],
    }


def _credit(source: SourceCredit) -> dict[str, object]:
    return {
        "slug": source.slug,
        "title": source.title,
        "site_url": source.site_url,
        "rights": source.rights,
    }


def _mate(mate: AlsoAt) -> dict[str, object]:
    return {"id": mate.id, "title": mate.title, "url": mate.url, "source": mate.source.slug}
