"""Text that was encoded twice: UTF-8 that somebody took for Windows-1252 and encoded again."""

import re
from collections import Counter

MIN_RUNS = 2
"""Stretches beyond ASCII that must make sense when decoded once more: one may be chance."""

_BYTES = {
    bytes([byte]).decode("cp1252", errors="ignore") or chr(byte): byte for byte in range(128, 256)
}
_DOUBLED_RUN = re.compile(r"[^\x00-\x7f]+")
_REMNANT = "Â"
"""What is left where the second half of a no-break space became a blank."""


def undo_mojibake(text: str) -> str | None:
    """Return `text` as it was before its second encoding; None if it had but one.

    It had two if every single stretch beyond ASCII makes sense when decoded once more. In no
    language do letters fall like that, and texts about this very mistake hold other letters, too.
    """
    runs = Counter(_DOUBLED_RUN.findall(text))
    remnants = runs.pop(_REMNANT, 0)
    if runs.total() < MIN_RUNS:
        return None
    try:
        meant = {run: bytes(_BYTES[letter] for letter in run).decode() for run in runs}
    except (KeyError, UnicodeDecodeError):
        return None
    if remnants:
        meant[_REMNANT] = ""
    return _DOUBLED_RUN.sub(lambda run: meant[run[0]], text)
