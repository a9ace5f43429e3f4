"""Our feeds, fetched by ourselves."""

from urllib.parse import urlsplit

import feedparser

from browser.showcase import serving
from newsletter_site import NewsletterSite
from published_documents import PublishedDocuments
from tidings.fetching.outcomes import Fetched, NotModified
from web.visitors import Operations, app_of


def test_who_follows_us_is_told_what_is_newer_alone(fetch, database):
    room = NewsletterSite(database)
    source_id = room.follow()
    room.publish(source_id, title="Old")
    with serving(app_of(PublishedDocuments(database).publication, Operations())) as address:
        url, allow = f"{address}/feed.atom", (urlsplit(address).netloc,)
        whole = fetch(url, allow=allow)
        same = fetch(url, validators=whole.validators, allow=allow)
        room.publish(source_id, title="New")
        part = fetch(url, validators=whole.validators, allow=allow)
        nothing = fetch(url, validators=part.validators, allow=allow)

    assert [type(one) for one in (whole, same, part, nothing)] == [
        Fetched,
        NotModified,
        Fetched,
        NotModified,
    ]
    assert (whole.is_partial, part.is_partial) == (False, True)
    assert [entry.title for entry in feedparser.parse(part.body).entries] == ["New"]
