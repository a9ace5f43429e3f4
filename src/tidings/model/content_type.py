"""The Content-Type header (RFC 9110, 8.3), as servers and hubs send it."""

import re

_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s";]+)', re.IGNORECASE)


def split_content_type(header: str) -> tuple[str | None, str | None]:
    """Return the media type in small letters, and the charset as it is written; None if missing."""
    charset = _CHARSET.search(header)
    return header.partition(";")[0].strip().lower() or None, charset[1] if charset else None
