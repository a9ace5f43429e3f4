"""What came of an import: numbers, and the lines that were left out, by reason."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidings.subscribers.subscriber_csv import LineResult

# Lines that are left out for the same reason and still told of one by one.
MOST_ALIKE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Lines that were left out for the same reason.

    Attributes:
        first: The first of them, each with its number and what is wrong with it.
        more: How many others there are.
        ranges: The numbers of those, as in `3-7, 9`.
    """

    cause: str
    first: tuple[tuple[int, str], ...]
    more: int
    ranges: str


class ImportReport:
    """Counts the results of an import.

    Attributes:
        counted: Numbers of lines by result: `in`, `asked`, `known`, `suppressed`, `refused`.
    """

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self._left_out: dict[str, list[tuple[int, str]]] = {}

    def note(self, one: LineResult) -> None:
        """Count a line."""
        self.counted["in"] += one.is_in
        self.counted["asked"] += one.is_asked
        self.counted["known"] += one.is_known
        self.counted["suppressed"] += one.is_suppressed
        self.counted["refused"] += one.problem is not None
        if one.problem:
            # By cause: problems name the value as well, and differ from line to line.
            self._left_out.setdefault(one.cause, []).append((one.line, one.problem))
        elif one.is_known:
            said = "is subscribed already"
            self._left_out.setdefault(said, []).append((one.line, said))

    def left_out(self) -> Iterator[LeftOut]:
        """Yield what was left out, by reason.

        A list of ten thousand lines without proof has one reason, not ten thousand.
        """
        for cause, alike in self._left_out.items():
            others = [number for number, _ in alike[MOST_ALIKE:]]
            yield LeftOut(
                cause=cause,
                first=tuple(alike[:MOST_ALIKE]),
                more=len(others),
                ranges=_ranges(others),
            )


def _ranges(numbers: Sequence[int]) -> str:
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1][1:] = [number]
        else:
            found.append([number])
    return ", ".join("-".join(map(str, one)) for one in found)
