"""What is asked of a server, and what its answer means."""

import re
from asyncio import IncompleteReadError
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.cookies import SimpleCookie

from aiohttp import ClientResponse
from yarl import URL

from tidings.errors import FetchError, StatusError
from tidings.fetching import hints, links
from tidings.fetching.addresses import Target
from tidings.fetching.bodies import read_body
from tidings.fetching.outcomes import Fetched, NotModified, PostReply, Validators
from tidings.fetching.policy import FetchPolicy

MAX_VALIDATOR = 1000
"""Bytes of an ETag or Last-Modified; a longer one is not kept."""

MAX_REPLY = 1000
"""Bytes that are read of what comes back for a form."""

_WALLS = ("cf-mitigated", "x-datadome", "x-amzn-waf-action")
_DOCUMENTS = frozenset({200, 203})  # 203: a proxy has changed something on the way
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s";]+)', re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z0-9_-]{2,35}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request for one URL.

    Attributes:
        host: The `hostname:port` of `url`.
        validators: What to ask "has it changed?" with; only ever for this very `url`.
        shown: Headers of the source's own, as far as `url` may see them.
        proxy: Who is told to ask it.
        form: What is posted; None for a plain question.
        keep_alive: Whether another question to the same host follows soon.
    """

    url: URL
    host: str
    validators: Validators | None = None
    shown: Mapping[str, str] = field(default_factory=dict, repr=False)
    proxy: Target | None = None
    form: Mapping[str, str] | None = field(default=None, repr=False)
    keep_alive: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """The headers that differ from one question to the next."""
        headers = {"Connection": "keep-alive" if self.keep_alive else "close", **self.shown}
        if self.form is not None:
            headers["Accept-Encoding"] = "identity"
        if self.validators and self.validators.etag:
            headers["If-None-Match"] = self.validators.etag
            headers["A-IM"] = "feed"
        if self.validators and self.validators.last_modified:
            headers["If-Modified-Since"] = self.validators.last_modified
        return headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """An answer that is to be found elsewhere; `location` as the header has it."""

    location: str
    is_permanent: bool
    cookies: SimpleCookie = field(default_factory=SimpleCookie, repr=False)


async def read_answer(
    response: ClientResponse, question: Question, *, policy: FetchPolicy
) -> Fetched | NotModified | Redirect:
    """Return what `response` means, with its body if it is a document.

    Raises:
        FetchError: It is neither a document, nor "not modified", nor a redirect.
    """
    status = response.status
    if status in _DOCUMENTS or _is_delta(response, question):
        return await _document(response, question, policy=policy)
    if status == HTTPStatus.NOT_MODIFIED:
        return _not_modified(response, question)
    if status in _REDIRECTS:
        location = response.headers.get("Location", "")
        return Redirect(
            location=location, is_permanent=status in _PERMANENT, cookies=response.cookies
        )
    pause = hints.retry_after(
        response.headers.get("Retry-After"),
        date=response.headers.get("Date"),
        now=datetime.now(UTC),
    )
    raise StatusError(str(question.url), status, _phrase(response), retry_after=pause)


async def read_reply(response: ClientResponse, question: Question) -> PostReply:
    """Return the status of `response` and the beginning of its body, whatever they are."""
    try:
        start = await response.content.readexactly(MAX_REPLY)
    except IncompleteReadError as error:
        start = error.partial
    text = start.decode(errors="replace")
    return PostReply(url=str(question.url), status=response.status, text=text)


def _is_delta(response: ClientResponse, question: Question) -> bool:
    """Tell whether this is the part of a feed that we lack, and nothing but that (RFC 3229)."""
    manipulations = ",".join(response.headers.getall("IM", ())).strip().lower()
    asked = "A-IM" in question.headers
    return response.status == HTTPStatus.IM_USED and manipulations == "feed" and asked


async def _document(
    response: ClientResponse, question: Question, *, policy: FetchPolicy
) -> Fetched:
    url = str(question.url)
    body = await read_body(response, url, policy=policy)
    described = response.headers.get("Content-Type", "")
    charset = _CHARSET.search(described)
    link = ",".join(response.headers.getall("Link", ()))
    return Fetched(
        url=url,
        body=body.content,
        content_type=described.partition(";")[0].strip().lower() or None,
        charset=charset[1] if charset else None,
        language=_language(response),
        validators=Validators(
            url=url,
            # Who has half a document must not be told next time that it has not changed.
            etag=_validator(response, "ETag") if body.is_whole else None,
            last_modified=_validator(response, "Last-Modified") if body.is_whole else None,
        ),
        problems=body.problems,
        fresh_for=_fresh_for(response),
        is_partial=response.status == HTTPStatus.IM_USED,
        hubs=links.related_links(link, "hub", base=url),
        self_url=next(iter(links.related_links(link, "self", base=url)), None),
        alternates=links.alternate_links(link, base=url),
    )


def _language(response: ClientResponse) -> str | None:
    named = response.headers.getall("Content-Language", ())
    # Several are those of its readers (RFC 9110, section 8.5): they tell of no text in it.
    return named[0].strip() if len(named) == 1 and _LANGUAGE.fullmatch(named[0].strip()) else None


def _not_modified(response: ClientResponse, question: Question) -> NotModified:
    url, sent = str(question.url), question.validators
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
    return hints.fresh_for(
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
    is_wall = any(name in response.headers for name in _WALLS)
    return f"{phrase}, from a wall against bots" if is_wall else phrase
