"""Answers: the headers each kind of document has, and the encoding the visitor takes."""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from tidings.domain.publishing import Address, EntryAddress, FeedAddress, ListAddress, Stamp
from tidings.web.bodies import Body
from tidings.web.conditions import accepts_gzip, http_date

FEED_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "atom": "application/atom+xml; charset=utf-8",
        "rss": "application/rss+xml; charset=utf-8",
        "json": "application/feed+json",
    }
)
OPML_TYPE = "text/x-opml; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"

POLICY = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
PAGE_POLICY = f"{POLICY}; style-src 'self'; img-src 'self'"
ENTRY_POLICY = (
    f"{POLICY}; style-src 'self'; img-src 'self' https: http: data:; media-src https: http:"
)

SHARED_FOR_A_WHILE = "public, max-age=300"
ASK_AGAIN = "no-cache"
"""May be kept, but not shown without asking: that costs one quick read here."""


def headers_of(address: Address) -> dict[str, str]:
    """Return the headers that an address has whatever it holds."""
    match address:
        case FeedAddress(form=form):
            return _feed_headers(FEED_TYPES[form])
        case ListAddress(name="sources.opml"):
            return _feed_headers(OPML_TYPE)
        case ListAddress(name="issues.atom"):
            return _feed_headers(FEED_TYPES["atom"])
        case EntryAddress():
            return page_headers(ENTRY_POLICY)
        case _:
            return page_headers(PAGE_POLICY)


def page_headers(policy: str = PAGE_POLICY, *, cache_control: str = ASK_AGAIN) -> dict[str, str]:
    """Return the headers of an HTML page."""
    return {
        "Content-Type": HTML_TYPE,
        "Cache-Control": cache_control,
        "Content-Security-Policy": policy,
    }


def validators(request: Request, stamp: Stamp) -> dict[str, str]:
    """Return the headers by which the visitor may ask again.

    A body and its compressed form differ in bytes and share their meaning; so the tag is
    strong for the one and weak for the other, and a copy of either is confirmed by both.
    """
    weak = "W/" if accepts_gzip(request.headers) else ""
    return {"ETag": f"{weak}{stamp.etag}", "Last-Modified": http_date(stamp.changed_at)}


def full(
    request: Request, body: Body, *, headers: Mapping[str, str], status: int = 200
) -> Response:
    """Answer with a body, compressed if the visitor takes that."""
    vary = {"Vary": "Accept-Encoding"}
    if accepts_gzip(request.headers):
        encoding = {"Content-Encoding": "gzip"}
        return Response(body.gzipped, status, {**headers, **vary, **encoding})
    return Response(body.plain, status, {**headers, **vary})


def not_modified(headers: Mapping[str, str]) -> Response:
    """Answer that the visitor's copy is current."""
    kept = {name: value for name, value in headers.items() if name != "Content-Type"}
    return Response(status_code=304, headers={**kept, "Vary": "Accept-Encoding"})


def _feed_headers(media_type: str) -> dict[str, str]:
    return {
        "Content-Type": media_type,
        "Cache-Control": SHARED_FOR_A_WHILE,
        "Access-Control-Allow-Origin": "*",
    }
