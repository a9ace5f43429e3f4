"""Charts: columns of stacked numbers, as the rectangles that a template draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Kind = TypeVar("Kind", bound=str)

WIDTH, HEIGHT = 600, 120
"""Units of the drawing, which is stretched to the place that there is."""

GAP = 0.2
"""The part of a column's place that stays empty."""

LEAST = 1.5
"""The height of what is little, so that it can be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle; `kind` is what it counts."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Columns side by side.

    Attributes:
        kinds: What is counted, from the foot of a column up.
        bars: What is drawn; nothing for zero.
        most: The number that the highest column stands for.
    """

    width: int = WIDTH
    height: int = HEIGHT
    kinds: tuple[str, ...]
    bars: tuple[Bar, ...]
    most: int


def draw(kinds: Sequence[Kind], columns: Sequence[Mapping[Kind, int]]) -> Chart:
    """Return a chart of `columns`, each of which counts `kinds`, the first at its foot."""
    most = max((sum(column.values()) for column in columns), default=0)
    place = WIDTH / max(len(columns), 1)
    bars: list[Bar] = []
    for index, column in enumerate(columns):
        foot = float(HEIGHT)
        for kind in kinds:
            if not column[kind]:
                continue
            height = max(HEIGHT * column[kind] / most, LEAST)
            foot = max(foot - height, 0.0)
            bars.append(
                Bar(
                    kind=kind,
                    x=round(place * (index + GAP / 2), 2),
                    y=round(foot, 2),
                    width=round(place * (1 - GAP), 2),
                    height=round(height, 2),
                )
            )
    return Chart(kinds=tuple(kinds), bars=tuple(bars), most=most)
