"""Responses: headers for each kind of document, and conditional requests (RFC 9110)."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from operator import itemgetter
from types import MappingProxyType

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from tidings.model.scopes import (
    Address,
    ArchiveAddress,
    CacheValidator,
    DataAddress,
    EntryAddress,
    FeedAddress,
    ListAddress,
)
from tidings.publishing.formats.atom import ATOM
from tidings.publishing.formats.registry import FORMATS
from tidings.templating.engine import Templates
from tidings.templating.site import Site
from tidings.web.response_cache import CachedBody

# Cache-Control of feeds and lists that are no pages.
LIST_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "sources.opml": "text/x-opml; charset=utf-8",
        "issues.atom": ATOM.content_type,
        "sitemap.xml": "application/xml; charset=utf-8",
    }
)

# CORS: scripts of any site may read our feeds.
FOR_ANY_SITE: Mapping[str, str] = MappingProxyType({"Access-Control-Allow-Origin": "*"})

JSON_TYPE = "application/json"

# The address at which a list goes on, as our documents begin if it does.
NEXT = re.compile(rb'\{"next":"([^"]+)"')

HTML_TYPE = "text/html; charset=utf-8"

# Framed nowhere (clickjacking), forms to ourselves alone, no `base` that bends links.
POLICY = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

OWN_FILES = "style-src 'self'; script-src 'self'; font-src 'self'; connect-src 'self'"

PAGE_POLICY = f"{POLICY}; {OWN_FILES}; img-src 'self'"

# Content is cleaned before it is stored; this would stop a script that came through all the same.
# Pictures and sound are the publisher's, and not all of them have TLS.
ENTRY_POLICY = f"{POLICY}; {OWN_FILES}; img-src 'self' https: http: data:; media-src https: http:"

SHARED_FOR_A_WHILE = "public, max-age=300"

SHARED_FOR_A_DAY = "public, max-age=86400"

# A delta depends on the tag that was sent; `im` tells caches that know RFC 3229 so, and keeps
# others from storing it.
FOR_THIS_VISITOR = "no-store, im"

# May be stored, but must be revalidated: that costs one indexed read here, and nobody sees old
# pages.
ASK_AGAIN = "no-cache"

# Of the API. Scripts of other sites see of an answer's headers what is named here.
DATA_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Type": JSON_TYPE,
        "Cache-Control": ASK_AGAIN,
        "X-Robots-Tag": "noindex",
        "Access-Control-Expose-Headers": "ETag, Link",
        **FOR_ANY_SITE,
    }
)

# Characters of Accept-Language that are read.
MAX_LANGUAGES = 500

# An entity tag of ours: a change, and a fingerprint.
TAG = re.compile(r'"([0-9]{1,18})-([0-9a-f]+)"')

WEIGHT = re.compile(r"[01](?:\.[0-9]{0,3})?")


def headers_of(address: Address) -> dict[str, str]:
    """Return the headers of an address that do not depend on its content."""
    match address:
        case FeedAddress() | ArchiveAddress():
            return _feed_headers(address)
        case ListAddress(name=name) if name in LIST_TYPES:
            return {**_shared(LIST_TYPES[name]), **FOR_ANY_SITE}
        case DataAddress():
            return dict(DATA_HEADERS)
        case EntryAddress():
            return page_headers(ENTRY_POLICY)
        case _:
            return page_headers(PAGE_POLICY)


def links_of(address: Address, site: Site) -> dict[str, str]:
    """Return the `Link` header with our hubs, if any; the feed says the same (W3C WebSub)."""
    match address:
        case FeedAddress(scope=scope, form=form) if scope.kind != "query":
            path = scope.feed_path(form)
        case ListAddress(name="issues.atom"):
            path = "/issues.atom"
        case _:
            return {}
    hubs = [f'<{hub}>; rel="hub"' for hub in site.hubs]
    # `self` is what subscribers name to the hub, so it is the address that we ping with.
    return {"Link": ", ".join([*hubs, f'<{site.base_url}{path}>; rel="self"'])} if hubs else {}


def link_to_next(body: CachedBody) -> dict[str, str]:
    """Return the `Link` header of a list of the API that goes on (RFC 8288)."""
    # From the body, which was rendered once for many: nobody has to ask the database again.
    found = NEXT.match(body.plain)
    return {"Link": f'<{found[1].decode()}>; rel="next"'} if found else {}


def page_headers(policy: str = PAGE_POLICY, *, cache_control: str = ASK_AGAIN) -> dict[str, str]:
    """Return the headers of an HTML page."""
    return {
        "Content-Type": HTML_TYPE,
        "Cache-Control": cache_control,
        "Content-Security-Policy": policy,
    }


def validators(request: Request, stamp: CacheValidator) -> dict[str, str]:
    """Return ETag and Last-Modified.

    A body and its compressed form differ in bytes and share their meaning: the tag is strong for
    the one and weak for the other, and a copy of either is confirmed by both.
    """
    weak = "W/" if accepts_gzip(request.headers) else ""
    return {"ETag": f"{weak}{stamp.etag}", "Last-Modified": format_http_date(stamp.changed_at)}


def full_response(
    request: Request, body: CachedBody, *, headers: Mapping[str, str], status: int = 200
) -> Response:
    """Answer 200 with a body, compressed if the visitor accepts gzip."""
    # On both forms: a cache that has one must not hand it to who wants the other.
    vary = {"Vary": "Accept-Encoding"}
    if accepts_gzip(request.headers):
        encoding = {"Content-Encoding": "gzip"}
        return Response(body.gzipped, status, {**headers, **vary, **encoding})
    return Response(body.plain, status, {**headers, **vary})


def feed_delta(request: Request, body: CachedBody, *, headers: Mapping[str, str]) -> Response:
    """Answer 226 with the part of a feed that the visitor does not have yet (RFC 3229)."""
    own = {"IM": "feed", "Cache-Control": FOR_THIS_VISITOR}
    answer = full_response(request, body, headers={**headers, **own}, status=HTTPStatus.IM_USED)
    answer.headers.add_vary_header("A-IM")
    return answer


def not_modified(headers: Mapping[str, str]) -> Response:
    """Answer 304."""
    # There is no body to describe; what a cache updates from a 304 stays (RFC 9110, 15.4.5).
    kept = {name: value for name, value in headers.items() if name != "Content-Type"}
    return Response(status_code=304, headers={**kept, "Vary": "Accept-Encoding"})


def _feed_headers(address: FeedAddress | ArchiveAddress) -> dict[str, str]:
    match address:
        case ArchiveAddress():
            return {**_shared(ATOM.content_type, SHARED_FOR_A_DAY), **FOR_ANY_SITE}
        case FeedAddress(scope=scope, form=form):
            # There is no end to queries: search engines would index the same entries over and over.
            hidden = {"X-Robots-Tag": "noindex"} if scope.kind == "query" else {}
            return {**_shared(FORMATS[form].content_type), **FOR_ANY_SITE, **hidden}


def _shared(media_type: str, cache_control: str = SHARED_FOR_A_WHILE) -> dict[str, str]:
    return {"Content-Type": media_type, "Cache-Control": cache_control}


def is_current(headers: Headers, *, etag: str, changed_at: datetime) -> bool:
    """Tell whether the visitor's copy is current.

    If-None-Match decides where it is present; only without it does If-Modified-Since
    (RFC 9110, 13.2.2).
    """
    if "if-none-match" in headers:
        return _matches(",".join(headers.getlist("if-none-match")), etag)
    since = _read_date(headers.get("if-modified-since", ""))
    # HTTP's dates have whole seconds.
    return since is not None and changed_at.replace(microsecond=0) <= since


def accepts_gzip(headers: Headers) -> bool:
    """Tell whether the visitor accepts gzip."""
    weights = _weights(headers, "accept-encoding")
    # A weight for gzip itself wins over that of `*` (RFC 9110, 12.5.3).
    return _is_wanted(weights.get("gzip", weights.get("*", "0")))


def known_change(headers: Headers, *, fingerprint: str) -> int:
    """Return the change that a visitor's copy of a feed has, if they ask for a delta.

    They do so with `A-IM: feed` (RFC 3229) and the tag of their copy. 0 if they do not, or if
    their copy was made by another version of the templates or settings.
    """
    if not _is_wanted(_weights(headers, "a-im").get("feed", "0")):
        return 0
    # The tag names the change that the copy has; the fingerprint must be ours, or the copy was made
    # by another version, and may differ in every entry.
    tags = TAG.findall(",".join(headers.getlist("if-none-match")))
    return max((int(change) for change, made_by in tags if made_by == fingerprint), default=0)


def preferred_language(headers: Headers, offered: Collection[str]) -> str | None:
    """Return which of the available languages the visitor prefers, if any."""
    wanted = []
    for part in ",".join(headers.getlist("accept-language"))[:MAX_LANGUAGES].split(","):
        tag, _, weight = part.strip().lower().partition(";")
        quality = weight.strip().removeprefix("q=") or "1"
        if WEIGHT.fullmatch(quality) and float(quality):
            wanted.append((-float(quality), tag.split("-")[0]))
    # By weight alone: the sort is stable, so of equals the one named first is preferred.
    return next((tag for _, tag in sorted(wanted, key=itemgetter(0)) if tag in offered), None)


def in_wanted_language(
    request: Request, site: Site, templates: Templates, *, known: str | None = None
) -> Site:
    """Return what pages share, in the language of `?lang=`, or `known`, or the browser's.

    The first of these that there is a catalogue of counts; failing all, it stays the site's.
    """
    offered = templates.languages
    asked = request.query_params.get("lang")
    chosen = next((one for one in (asked, known) if one and one.lower() in offered), None)
    chosen = chosen or preferred_language(request.headers, offered) or site.language
    return in_language(chosen, site, templates)


def in_language(language: str, site: Site, templates: Templates) -> Site:
    """Return what pages share in a language, with the others that there are."""
    words = templates.words(language)
    every = [templates.words(one) for one in templates.languages]
    others = {one.language: one("own-name") for one in every if one is not words}
    return replace(site.in_language(words), others=others)


def format_http_date(moment: datetime) -> str:
    """Return `moment` in HTTP's date format."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _weights(headers: Headers, name: str) -> dict[str, str]:
    """Return the items of a header with their `q` values as written."""
    weights = {}
    for part in ",".join(headers.getlist(name)).lower().split(","):
        wanted, _, weight = part.partition(";")
        weights[wanted.strip()] = weight.strip().removeprefix("q=").strip()
    return weights


def _is_wanted(weight: str) -> bool:
    # `q=0`, also as `0.000`, means "not this one".
    return weight == "" or weight.strip("0.") != ""


def _matches(header: str, etag: str) -> bool:
    """Compare weakly (RFC 9110, 8.8.3.2); our tags have neither commas nor blanks."""
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags


def _read_date(text: str) -> datetime | None:
    # An invalid date is ignored, not refused (RFC 9110, 13.1.3).
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # `parsedate_to_datetime` leaves out the zone for `-0000`.
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date
