"""What changed in a text, as HTML that people can read: `ins` and `del`, word by word."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from html import escape, unescape

from tidings.model.cjk import UNSPACED
from tidings.model.text import HIDDEN, INLINE, TAG

# Lines that are compared, and lines that are shown of what changed.
MAX_LINES, MAX_SHOWN = 2000, 200

# Words of a passage that are compared one by one; a longer one is shown before and after.
MAX_WORDS = 400

# They do not end a line: a row of a table is one.
_WITHIN_LINES = INLINE | {"td", "th"}

_BLANKS = re.compile(r"\s+")

# Letters of scripts without blanks are compared one by one.
_WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+|\s+|.")


def text_lines(raw_html: str) -> list[str]:
    """Return the visible text of HTML, a line for each block; white space makes no difference."""
    first, *rest = TAG.split(HIDDEN.sub(" ", raw_html))
    text = [first]
    for name, piece in zip(rest[1::3], rest[2::3], strict=True):
        mark = "" if name.lower() in INLINE else " " if name.lower() in _WITHIN_LINES else "\0"
        text += (mark, piece)
    lines = _BLANKS.sub(" ", "".join(text)).split("\0")
    shown = (" ".join(unescape(line).split()) for line in lines)
    return [line for line in shown if line]


def to_html(before: str, after: str) -> str:
    """Return the lines that differ between two texts, with a line around them; bounded.

    Args:
        before: Lines of plain text.
        after: The same, later.
    """
    old, new = before.split("\n")[:MAX_LINES], after.split("\n")[:MAX_LINES]
    shown: list[str] = []
    reached = 0
    for group in SequenceMatcher(a=old, b=new).get_grouped_opcodes(n=1):
        if group[0][3] > reached:
            shown.append("…")
        for operation, begin, end, new_begin, new_end in group:
            is_same = operation == "equal"
            shown += map(escape, new[new_begin:new_end]) if is_same else ()
            shown += () if is_same else _changed(old[begin:end], new[new_begin:new_end])
        reached = group[-1][4]
    if reached < len(new) or len(shown) > MAX_SHOWN:
        shown = [*shown[:MAX_SHOWN], "…"]
    return "\n".join(f"<p>{line}</p>" for line in shown)


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """Yield lines that took the place of others: word by word where they match one to one."""
    if len(old) == len(new):
        for before, after in zip(old, new, strict=True):
            yield _by_words(before, after)
        return
    yield from (f"<del>{escape(line)}</del>" for line in old)
    yield from (f"<ins>{escape(line)}</ins>" for line in new)


def _by_words(before: str, after: str) -> str:
    old, new = _WORD.findall(before), _WORD.findall(after)
    if max(len(old), len(new)) > MAX_WORDS:
        return f"<del>{escape(before)}</del><br><ins>{escape(after)}</ins>"
    shown = []
    # Without junk: in a short text every word counts, blanks as well.
    for operation, *ends in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        begin, end, new_begin, new_end = ends
        gone, come = escape("".join(old[begin:end])), escape("".join(new[new_begin:new_end]))
        if operation == "equal":
            shown.append(come)
            continue
        shown += [f"<del>{gone}</del>"] if gone else []
        shown += [f"<ins>{come}</ins>"] if come else []
    return "".join(shown)
