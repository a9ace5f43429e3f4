"""What somebody may have meant by a name that nothing has."""

import difflib
from collections.abc import Iterable


def nearest(said: str, known: Iterable[str]) -> str | None:
    """Return the known name that is spelled most like `said`; None if none is close."""
    by_plain = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(said.casefold(), by_plain, n=1)
    return by_plain[found[0]] if found else None
