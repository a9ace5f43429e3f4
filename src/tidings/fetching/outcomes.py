"""Requests to the web and their outcomes, as the rest of the program sees them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

from tidings.errors import FetchError
from tidings.model.access import Access
from tidings.model.feed import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """Validators of a conditional request (RFC 9110, section 8.8): opaque, only for `url`."""

    url: str
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One document to fetch.

    Attributes:
        source_id: Handed back with the outcome.
        access: Login, headers, cookies and proxy of the source.
        borrows: Its host is not leased yet: it is to be borrowed, as that of a redirect is.
    """

    source_id: int
    url: str
    validators: Validators | None = None
    access: Access | None = None
    borrows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A document that arrived whole.

    Attributes:
        url: The address that responded, after redirects, without fragment.
        body: Decoded from its content encoding.
        body_hash: Its SHA-256, to recognise the same one without parsing it.
        content_type: Media type without parameters, lower-case.
        charset: The charset parameter of Content-Type, as written.
        language: What Content-Language names, if it is one language alone, as written.
        validators: To be stored in place of the former ones.
        fresh_for: The cache lifetime that is left, if the server states one.
        moved_to: `url`, if every redirect on the way was permanent (301, 308) and there was one.
            Never for a source with credentials that the new address would not get.
        is_partial: The document holds only what is new since `validators` (226, RFC 3229, or a
            push): what it leaves out is not gone.
        hubs: Its WebSub hubs, by the Link header; absolute http(s) addresses.
        self_url: Its WebSub topic, by the Link header.
        alternates: Other forms of it, by the Link header: feeds, if it is a page.
        problems: What was wrong with the transfer, in words; the document is whole all the same.
    """

    url: str
    body: bytes
    content_type: str | None = None
    charset: str | None = None
    language: str | None = None
    validators: Validators
    fresh_for: timedelta | None = None
    moved_to: str | None = None
    is_partial: bool = False
    hubs: tuple[str, ...] = ()
    self_url: str | None = None
    alternates: tuple[Link, ...] = ()
    problems: tuple[str, ...] = ()
    body_hash: bytes = field(init=False)

    def __post_init__(self) -> None:
        # Here, where another thread waits for the network: it takes a while, and no lock.
        object.__setattr__(self, "body_hash", sha256(self.body).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class NotModified:
    """Status 304: what we have is current; fields as in `Fetched`."""

    url: str
    validators: Validators
    fresh_for: timedelta | None = None
    moved_to: str | None = None


Outcome = Fetched | NotModified | FetchError

Fetch = Callable[[Sequence[Request], Callable[[Request, Outcome], None]], None]
"""What fetches requests of one host in turn, and reports each from any thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPost:
    """A form to post to a hub."""

    url: str
    fields: Mapping[str, str] = field(repr=False)  # the secret is among them


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyPost:
    """A document to post, with headers of its own; a login in `url` is sent along."""

    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostReply:
    """The response to what was posted, with whatever status; redirects are not followed.

    Attributes:
        text: The beginning of the body, about 1 kB.
        retry_after: The pause the server asked for, if it did.
    """

    url: str
    status: int
    text: str
    retry_after: timedelta | None = None
