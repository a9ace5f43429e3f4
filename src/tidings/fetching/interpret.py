"""One HTTP request as it is sent, and what its response means.

Status, validators, cache lifetime (RFC 9111), Retry-After, Link headers (RFC 8288).
"""

import re
from asyncio import IncompleteReadError
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookies import SimpleCookie
from urllib.parse import urljoin

from aiohttp import ClientResponse
from yarl import URL

from tidings.errors import FetchError, StatusError
from tidings.fetching.bodies import read_body
from tidings.fetching.guard import Target
from tidings.fetching.outcomes import Fetched, NotModified, PostReply, Validators
from tidings.fetching.policy import FetchPolicy
from tidings.model.content_type import split_content_type
from tidings.model.feed import Link
from tidings.model.urls import host_of

# Bytes of an ETag or Last-Modified; a longer one is not kept.
MAX_VALIDATOR = 1000

# Bytes that are read of what comes back for what was posted.
MAX_REPLY = 1000

# On the challenge pages that Cloudflare, DataDome and AWS WAF send in place of a feed.
_BOT_WALL_HEADERS = ("cf-mitigated", "x-datadome", "x-amzn-waf-action")

_DOCUMENT_STATUSES = frozenset({200, 203})  # 203: a proxy has changed something on the way

_REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})

_PERMANENT_STATUSES = frozenset({301, 308})


_LANGUAGE = re.compile(r"[A-Za-z0-9_-]{2,35}")

# The longest pause that a header can ask for: some servers say "a year".
LONGEST_HINT = timedelta(days=7)

_MAX_DIGITS = 9

_SECONDS = re.compile(r'\s*"?0*(\d+)', re.ASCII)

_DIRECTIVE = re.compile(r'([\w-]+)\s*(?:=\s*("[^"]*"|[^\s,]*))?', re.ASCII)

_LINK = re.compile(r"<([^<>]*)>([^<]*)")

_RELATIONS = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]*))', re.ASCII | re.IGNORECASE)

_PARAMETERS = re.compile(r';\s*([\w*-]+)\s*=\s*(?:"([^"]*)"|([^\s;,"]*))', re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request for one URL.

    Attributes:
        host: The `hostname:port` of `url`.
        validators: For a conditional request; only ever those of this very `url`.
        extra_headers: Headers of the source's own, as far as `url` may see them.
        proxy: Where it is sent through.
        data: What is posted, a form or a document; None for a GET.
        keep_alive: Whether another request to the same host follows soon.
    """

    url: URL
    host: str
    validators: Validators | None = None
    extra_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    proxy: Target | None = None
    data: Mapping[str, str] | bytes | None = field(default=None, repr=False)
    keep_alive: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """The headers that differ from one request to the next."""
        headers = {"Connection": "keep-alive" if self.keep_alive else "close", **self.extra_headers}
        if self.data is not None:
            headers["Accept-Encoding"] = "identity"
        if self.validators and self.validators.etag:
            headers["If-None-Match"] = self.validators.etag
            headers["A-IM"] = "feed"  # only what is new, if the server can (RFC 3229, "feed")
        if self.validators and self.validators.last_modified:
            headers["If-Modified-Since"] = self.validators.last_modified
        return headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """A redirect; `location` as the header has it."""

    location: str
    is_permanent: bool
    cookies: SimpleCookie = field(default_factory=SimpleCookie, repr=False)


async def read_response(
    response: ClientResponse, request: HttpRequest, *, policy: FetchPolicy
) -> Fetched | NotModified | Redirect:
    """Return what `response` means, with its body if it is a document.

    Raises:
        FetchError: It is neither a document, nor "not modified", nor a redirect.
    """
    status = response.status
    if status == HTTPStatus.NOT_MODIFIED:
        return _not_modified(response, request)
    if status in _DOCUMENT_STATUSES or _is_delta(response, request):
        return await _document(response, request, policy=policy)
    if status in _REDIRECT_STATUSES:
        location = response.headers.get("Location", "")
        return Redirect(
            location=location, is_permanent=status in _PERMANENT_STATUSES, cookies=response.cookies
        )
    pause = _asked_pause(response)
    raise StatusError(str(request.url), status, _phrase(response), retry_after=pause)


async def read_reply(response: ClientResponse, request: HttpRequest) -> PostReply:
    """Return the status of `response` and the beginning of its body, whatever they are."""
    try:
        start = await response.content.readexactly(MAX_REPLY)
    except IncompleteReadError as error:
        start = error.partial
    text = start.decode(errors="replace")
    return PostReply(
        url=str(request.url),
        status=response.status,
        text=text,
        retry_after=_asked_pause(response),
    )


def _asked_pause(response: ClientResponse) -> timedelta | None:
    return retry_after(
        response.headers.get("Retry-After"),
        date=response.headers.get("Date"),
        now=datetime.now(UTC),
    )


def _is_delta(response: ClientResponse, request: HttpRequest) -> bool:
    """Tell whether this is the part of a feed that we lack, and nothing but that (RFC 3229)."""
    manipulations = ",".join(response.headers.getall("IM", ())).strip().lower()
    asked = "A-IM" in request.headers
    return response.status == HTTPStatus.IM_USED and manipulations == "feed" and asked


async def _document(
    response: ClientResponse, request: HttpRequest, *, policy: FetchPolicy
) -> Fetched:
    url = str(request.url)
    body = await read_body(response, url, policy=policy)
    content_type, charset = split_content_type(response.headers.get("Content-Type", ""))
    link = ",".join(response.headers.getall("Link", ()))
    return Fetched(
        url=url,
        body=body.content,
        content_type=content_type,
        charset=charset,
        language=_language(response),
        validators=Validators(
            url=url,
            # With half a document, the next request must not get "not modified".
            etag=_validator(response, "ETag") if body.is_whole else None,
            last_modified=_validator(response, "Last-Modified") if body.is_whole else None,
        ),
        problems=body.problems,
        fresh_for=_fresh_for(response),
        is_partial=response.status == HTTPStatus.IM_USED,
        hubs=related_links(link, "hub", base=url),
        self_url=next(iter(related_links(link, "self", base=url)), None),
        alternates=alternate_links(link, base=url),
    )


def _language(response: ClientResponse) -> str | None:
    named = response.headers.getall("Content-Language", ())
    # Several name the audience (RFC 9110, section 8.5), not the language of any text.
    return named[0].strip() if len(named) == 1 and _LANGUAGE.fullmatch(named[0].strip()) else None


def _not_modified(response: ClientResponse, request: HttpRequest) -> NotModified:
    url, sent = str(request.url), request.validators
    if sent is None or not (sent.etag or sent.last_modified):
        raise FetchError(url, "304 Not Modified, to a question without conditions")
    validators = Validators(
        url=url,
        etag=_validator(response, "ETag") or sent.etag,
        last_modified=_validator(response, "Last-Modified") or sent.last_modified,
    )
    return NotModified(url=url, validators=validators, fresh_for=_fresh_for(response))


def _validator(response: ClientResponse, name: str) -> str | None:
    value = response.headers.get(name, "")
    # Not printable: control characters, and bytes that are not UTF-8.
    if not value.isprintable() or len(value.encode()) > MAX_VALIDATOR:
        return None
    return value or None


def _fresh_for(response: ClientResponse) -> timedelta | None:
    headers = response.headers
    return fresh_for(
        ",".join(headers.getall("Cache-Control", ())),
        expires=headers.get("Expires"),
        age=headers.get("Age"),
        date=headers.get("Date"),
        now=datetime.now(UTC),
    )


def _phrase(response: ClientResponse) -> str:
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = response.reason or ""
    is_wall = any(name in response.headers for name in _BOT_WALL_HEADERS)
    return f"{phrase}, from a wall against bots" if is_wall else phrase


def fresh_for(
    cache_control: str,
    *,
    expires: str | None = None,
    age: str | None = None,
    date: str | None = None,
    now: datetime,
) -> timedelta | None:
    """Return how long a response stays fresh from `now` on; None if its headers do not say.

    `max-age` wins over Expires (RFC 9111, section 5.3). With `no-cache` or `no-store` it is
    zero. The result lies between zero and `LONGEST_HINT`.

    Args:
        cache_control: Every Cache-Control header, joined by commas; may be empty.
        expires: The header of that name, as the next two.
        age: How long a cache on the way has had the response, in seconds.
        date: When the response was made, by the clock that Expires goes by.
        now: By our clock; stands in for a missing Date.
    """
    directives = {name.lower(): value for name, value in _DIRECTIVE.findall(cache_control)}
    if "no-cache" in directives or "no-store" in directives:
        return timedelta(0)
    lifetime = _seconds(directives.get("max-age"))
    if lifetime is None and expires is not None:
        until = _http_date(expires)
        lifetime = until - (_http_date(date) or now) if until else timedelta(0)
    if lifetime is None:
        return None
    return _clamped(lifetime - (_seconds(age) or timedelta(0)))


def retry_after(value: str | None, *, date: str | None = None, now: datetime) -> timedelta | None:
    """Return the pause that a Retry-After header asks for; None if it cannot be read.

    The result lies between zero and `LONGEST_HINT`.

    Args:
        value: The header; seconds, or a time.
        date: When the response was made, by the clock that a time goes by.
        now: By our clock; stands in for a missing Date.
    """
    pause = _seconds(value)
    if pause is None and (until := _http_date(value)):
        pause = until - (_http_date(date) or now)
    return None if pause is None else _clamped(pause)


def _seconds(value: str | None) -> timedelta | None:
    match = _SECONDS.match(value or "")
    if match is None:
        return None
    digits = match[1]
    return timedelta(seconds=int(digits)) if len(digits) <= _MAX_DIGITS else LONGEST_HINT


def _http_date(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _clamped(pause: timedelta) -> timedelta:
    return min(max(pause, timedelta(0)), LONGEST_HINT)


def related_links(header: str, relation: str, *, base: str) -> tuple[str, ...]:
    """Return the http(s) addresses that `header` names for a relation, each once.

    Args:
        header: Every Link header, joined by commas; may be empty.
        relation: Such as `hub`, lower-case.
        base: The address of the document, for links that are relative.
    """
    found: dict[str, None] = {}
    for address, parameters in _LINK.findall(header):
        named = _RELATIONS.search(parameters)
        relations = (named[1] or named[2] or "").lower().split() if named else ()
        link = _absolute(address, base) if relation in relations else None
        if link:
            found[link] = None
    return tuple(found)


def alternate_links(header: str, *, base: str) -> tuple[Link, ...]:
    """Return the links that `header` names as `rel=alternate`, with titles and types."""
    found = []
    for address, parameters in _LINK.findall(header):
        values = {
            name.lower(): quoted or bare for name, quoted, bare in _PARAMETERS.findall(parameters)
        }
        link = _absolute(address, base)
        if link and "alternate" in values.get("rel", "").lower().split():
            kind = values.get("type", "").partition(";")[0].strip().lower()
            found.append(Link(url=link, title=values.get("title", ""), type=kind or None))
    return tuple(found)


def _absolute(address: str, base: str) -> str | None:
    try:
        link = urljoin(base, address.strip())
        host_of(link)
    except ValueError:
        return None
    return link if link.isprintable() else None
