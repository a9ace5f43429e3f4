"""What Miniflux and FreshRSS say of a source in their lists beyond OPML, as far as there is the same here."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tidings.errors import InvalidError
from tidings.model.access import Access, apply_change, parse_pairs
from tidings.model.full_text import TextMode

# Attributes by their names in lower case, without the namespace of FreshRSS.
_FULL_TEXT = ("crawler", "scraperrules", "cssfullcontent")
_USER_AGENT = ("useragent", "curlopt_useragent")
_COOKIES = ("cookie", "curlopt_cookie")

# What has no counterpart, in words, and the attributes that say it.
_LEFT = {
    "how its page is read (see `source add --page`)": ("xpathitem", "jsonitem", "xpathtojson"),
    "its rules for entries (see `filter add`)": (
        "blocklistrules",
        "keeplistrules",
        "blockfilterentryrules",
        "keepfilterentryrules",
        "filtersactionread",
    ),
    "its selectors for the full text": (
        "scraperrules",
        "cssfullcontent",
        "cssfullcontentconditions",
        "cssfullcontentfilter",
        "csscontentfilter",
    ),
    "its rules that rewrite": ("rewriterules", "urlrewriterules"),
    "its headers (see `source access`)": ("curlopt_httpheader",),
    # A list of somebody else could have our requests sent anywhere, into our own network as well.
    "its proxy (see `source access`)": ("proxyurl", "curlopt_proxy"),
    "that it is asked by POST": ("curlopt_post", "curlopt_postfields"),
    "that any certificate will do": ("allowselfsignedcertificates",),
}

_NAMESPACE = re.compile(r"\A(?:\{https?://freshrss\.org/opml\}|frss:)")
_NO = frozenset({"", "false", "0"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListExtras:
    """What a list says of a source beyond its address.

    Attributes:
        is_paused: It was disabled, or muted.
        left: What cannot be carried over, in words.
    """

    full_text: TextMode | None = None
    access: Access | None = None
    is_paused: bool = False
    left: tuple[str, ...] = ()


def read_extras(attributes: Mapping[str, str]) -> ListExtras:
    """Return what the attributes of an outline say, their names in lower case."""
    said = {_NAMESPACE.sub("", name): text for name, text in attributes.items()}
    left = [what for what, names in _LEFT.items() if _says(said, *names)]
    access = Access()
    for what, change in _changes(said):
        try:
            access = apply_change(access, change())
        except (InvalidError, ValueError):
            left.append(f"its {what}, which cannot be sent as it is")
    return ListExtras(
        full_text=TextMode.ON if _says(said, *_FULL_TEXT) else None,
        access=access if access.summary else None,
        is_paused=_says(said, "disabled") or said.get("ttl", "").startswith("-"),
        left=tuple(left),
    )


def _says(said: Mapping[str, str], *names: str) -> bool:
    return any(said.get(name, "").lower() not in _NO for name in names)


def _first(said: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((said[name] for name in names if said.get(name)), "")


def _changes(said: Mapping[str, str]) -> Iterator[tuple[str, Callable[[], Access]]]:
    """Yield what requests carry, each by its name, and how it is read."""
    if agent := _first(said, _USER_AGENT):
        yield "user agent", lambda: Access(user_agent=agent)
    if cookie := _first(said, _COOKIES).strip("; "):
        yield "cookie", lambda: Access(cookies=parse_pairs(cookie.split(";"), mark="="))
