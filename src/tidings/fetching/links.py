"""What Link headers say about a document (RFC 8288)."""

import re
from urllib.parse import urljoin

from tidings.domain.documents import Link
from tidings.domain.urls import host_of

_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_RELATIONS = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]*))', re.ASCII | re.IGNORECASE)

_PARAMETERS = re.compile(r';\s*([\w*-]+)\s*=\s*(?:"([^"]*)"|([^\s;,"]*))', re.ASCII)


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
    """Return what `header` names as other forms of a document, with titles and types."""
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
