"""What a request says about the copy it has and the encodings it takes (RFC 9110)."""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from operator import itemgetter

from starlette.datastructures import Headers

MAX_LANGUAGES = 500
"""Characters of a wish for languages that are read."""

TAG = re.compile(r'"([0-9]{1,18})-([0-9a-f]+)"')
"""An entity tag of ours: a change, and a fingerprint."""

WEIGHT = re.compile(r"[01](?:\.[0-9]{0,3})?")


def is_current(headers: Headers, *, etag: str, changed_at: datetime) -> bool:
    """Return whether the copy that the visitor has is what they would get.

    If-None-Match decides where there is one; only without it does If-Modified-Since.
    """
    if "if-none-match" in headers:
        return _matches(",".join(headers.getlist("if-none-match")), etag)
    since = _read_date(headers.get("if-modified-since", ""))
    return since is not None and changed_at.replace(microsecond=0) <= since


def accepts_gzip(headers: Headers) -> bool:
    """Return whether the visitor takes a body compressed with gzip."""
    weights = _weights(headers, "accept-encoding")
    return _is_wanted(weights.get("gzip", weights.get("*", "0")))


def known_change(headers: Headers, *, fingerprint: str) -> int:
    """Return the change up to which a visitor has a feed, if they ask for what is newer alone.

    They do so with `A-IM: feed` (RFC 3229) and the tag of their copy. 0 if they do not, or if
    what they have was made otherwise than we make it now.
    """
    if not _is_wanted(_weights(headers, "a-im").get("feed", "0")):
        return 0
    tags = TAG.findall(",".join(headers.getlist("if-none-match")))
    return max((int(change) for change, made_by in tags if made_by == fingerprint), default=0)


def preferred_language(headers: Headers, offered: Collection[str]) -> str | None:
    """Return which of the languages on offer the visitor would rather read, if any."""
    wanted = []
    for part in ",".join(headers.getlist("accept-language"))[:MAX_LANGUAGES].split(","):
        tag, _, weight = part.strip().lower().partition(";")
        quality = weight.strip().removeprefix("q=") or "1"
        if WEIGHT.fullmatch(quality) and float(quality):
            wanted.append((-float(quality), tag.split("-")[0]))
    return next((tag for _, tag in sorted(wanted, key=itemgetter(0)) if tag in offered), None)


def format_http_date(moment: datetime) -> str:
    """Return `moment` as HTTP writes it."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _weights(headers: Headers, name: str) -> dict[str, str]:
    """Return what a header lists, each with its weight as written; empty if it has none."""
    weights = {}
    for part in ",".join(headers.getlist(name)).lower().split(","):
        wanted, _, weight = part.partition(";")
        weights[wanted.strip()] = weight.strip().removeprefix("q=").strip()
    return weights


def _is_wanted(weight: str) -> bool:
    return weight == "" or weight.strip("0.") != ""


def _matches(header: str, etag: str) -> bool:
    """Compare weakly: our tags hold neither commas nor blanks."""
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags


def _read_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date
