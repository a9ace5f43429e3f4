"""What Link headers say about a document (RFC 8288)."""

import re
from urllib.parse import urljoin

from tidings.domain.urls import host_of

_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_RELATIONS = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]*))', re.ASCII | re.IGNORECASE)


def related(header: str, relation: str, *, base: str) -> tuple[str, ...]:
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


def _absolute(address: str, base: str) -> str | None:
    try:
        link = urljoin(base, address.strip())
        host_of(link)
    except ValueError:
        return None
    return link if link.isprintable() else None
