"""Text and addresses as any document may hold them, whatever a publisher wrote."""

import re
from urllib.parse import quote

LOST = "\ufffd"
"""Stands in decoded text for bytes that meant nothing."""

_ALLOWED = r"\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff"
_CLEAN = re.compile(f"[{_ALLOWED}]*")
_FORBIDDEN = re.compile(f"[^{_ALLOWED}]")

_URI = re.compile(r"https?://[a-z0-9.:-]+/[\w%/:?#@!$&'()*+,;=.~-]*", re.ASCII)
_ADDRESS = re.compile(r"(https?://)(?:[^/?#]*@)?([^/?#]+)(.*)", re.IGNORECASE | re.DOTALL)
_DELIMITERS = "%/:?#@!$&'()*+,;="


def xml_text(text: str) -> str:
    """Return `text` without the characters that XML forbids or discourages."""
    # Nearly all text is clean, and to see that it is takes a third of the time.
    return text if _CLEAN.fullmatch(text) else _FORBIDDEN.sub("", text)


def xml_line(text: str) -> str:
    """Return `text` as one line that XML allows, without blanks at its ends.

    Where a character got lost on its way to us stands a question mark, which validators allow.
    """
    return " ".join(xml_text(text).replace(LOST, "?").split())


def find_uri(url: str | None) -> str | None:
    """Return an http(s) address as a URI: in ASCII, with a path, escaped where it has to be.

    RSS knows no IRIs, and validators refuse brackets outside of a host. Credentials are
    left out: what we publish is for everybody.
    """
    if not url or _URI.fullmatch(url):
        return url or None
    parts = _ADDRESS.fullmatch(xml_text(url))
    if parts is None:
        return None
    scheme, host, rest = parts.groups()
    slash = "" if rest.startswith("/") else "/"
    return scheme + quote(host, safe=f"{_DELIMITERS}[]") + slash + quote(rest, safe=_DELIMITERS)
