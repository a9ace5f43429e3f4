"""What is asked for, and what comes back."""

from dataclasses import dataclass
from datetime import timedelta

from tidings.errors import FetchError


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What a server gave us to ask "has it changed?" with: opaque, and only for `url`."""

    url: str
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One document to fetch; `source_id` is for the caller to know it by."""

    source_id: int
    url: str
    validators: Validators | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A document that arrived whole.

    Attributes:
        url: The address that answered, after redirects, without fragment.
        body: Decoded from its content encoding.
        content_type: Media type without parameters, lower-case.
        charset: The charset parameter of Content-Type, as written.
        validators: To be stored in place of the former ones.
        fresh_for: The cache lifetime that is left, if the server states one.
        moved_to: `url`, if every redirect on the way was permanent (301, 308) and there was one.
            Never for a source with credentials: the new address would not have them.
        is_partial: The document holds only what is new since `validators` (226): what it leaves
            out is not gone.
    """

    url: str
    body: bytes
    content_type: str | None = None
    charset: str | None = None
    validators: Validators
    fresh_for: timedelta | None = None
    moved_to: str | None = None
    is_partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NotModified:
    """The server says that what we have is current; fields as in `Fetched`."""

    url: str
    validators: Validators
    fresh_for: timedelta | None = None
    moved_to: str | None = None


Outcome = Fetched | NotModified | FetchError
