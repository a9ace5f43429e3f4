"""robots.txt (RFC 9309): whether a page may be fetched; in time linear in the file.

Our own, since patterns with many asterisks take the usual libraries exponential time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

# Bytes that are read (RFC 9309, section 2.5).
MAX_SIZE = 500 * 1024

# Letters that are the same with and without percent-encoding.
_SAFE = "/*$?=&;:@!'(),+~-._"

_OURS, _EVERYBODY = "tidings", "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotsRule:
    """One line of a group: what it allows or forbids."""

    pattern: str
    allows: bool


def site_of(url: str) -> str:
    """Return the part of an address that a robots.txt is for: scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def address(site: str) -> str:
    """Return where the robots.txt of a site is."""
    return f"{site}/robots.txt"


def text_of(body: bytes) -> str:
    """Return a robots.txt as text, as far as it is read."""
    return body[:MAX_SIZE].decode("utf-8", "replace").replace("\0", "")


def is_allowed(robots: str, url: str) -> bool:
    """Tell whether `robots` lets us fetch `url`; the longest rule that fits counts."""
    groups = _groups(robots)
    rules = groups.get(_OURS, groups.get(_EVERYBODY, ()))
    parts = urlsplit(url)
    path = _normalised(f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}")
    fitting = [rule for rule in rules if _fits(rule.pattern, path)]
    # Of two as long, the one that allows (RFC 9309, section 2.2.2).
    last = max(fitting, key=lambda rule: (len(rule.pattern), rule.allows), default=None)
    return last is None or last.allows


def _groups(robots: str) -> dict[str, list[RobotsRule]]:
    """Return the rules by user agent; groups that name the same one are one group."""
    groups: dict[str, list[RobotsRule]] = {}
    named: list[str] = []
    in_rules = False
    for key, value in _lines(robots):
        if key == "user-agent":
            # What follows rules begins a new group.
            named = [] if in_rules else named
            in_rules = False
            named.append(value.partition("/")[0].strip().lower())
            groups.setdefault(named[-1], [])
        elif key in {"allow", "disallow"}:
            in_rules = True
            for name in named if value else ():
                rule = RobotsRule(pattern=_normalised(value), allows=key == "allow")
                groups[name].append(rule)
    return groups


def _lines(robots: str) -> Iterator[tuple[str, str]]:
    for line in robots.lstrip("\ufeff").splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield key.strip().lower(), value.strip()


def _normalised(path: str) -> str:
    return quote(unquote(path), safe=_SAFE)


def _fits(pattern: str, path: str) -> bool:
    """Tell whether a path begins as a pattern says; `*` is anything, `$` at its end the end."""
    is_whole = pattern.endswith("$")
    first, *others = (pattern[:-1] if is_whole else pattern).split("*")
    if not path.startswith(first):
        return False
    place = len(first)
    # Each part at the first place where it stands: that leaves the most to those behind it.
    for part in others[:-1] if is_whole else others:
        found = path.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    if not is_whole:
        return True
    last = others[-1] if others else None
    return (
        place == len(path)
        if last is None
        else len(path) - len(last) >= place and path.endswith(last)
    )
