"""Numbers as drawings of characters, for terminals."""

from collections.abc import Sequence

EIGHTHS = " ▏▎▍▌▋▊▉█"
HEIGHTS = "▁▂▃▄▅▆▇█"


def bar(number: int, *, most: int, width: int) -> str:
    """Return a bar as long as `number` is to `most`; what is little can be seen."""
    if not number:
        return ""
    eighths = max(round(8 * width * number / most), 1)
    return EIGHTHS[-1] * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def sparkline(numbers: Sequence[int]) -> str:
    """Return a column of a character for each number; a dot stands for zero."""
    most = max(numbers, default=0)
    return "".join(
        HEIGHTS[min(len(HEIGHTS) * number // most, len(HEIGHTS) - 1)] if number else "·"
        for number in numbers
    )
