"""Runtimes with known faults: what an update of Python or SQLite would mend."""

from collections.abc import Mapping
from types import MappingProxyType

PYTHONS: Mapping[tuple[int, ...], int] = MappingProxyType(
    {(3, 11): 15, (3, 12): 13, (3, 13): 12, (3, 14): 3}
)
"""The first good release of each series: before, the libraries for mail and XML have holes."""

SQLITES = ((3, 51, 3), (3, 50, 7), (3, 44, 6))
"""The first good release, and those older series that were mended as well: before, two writers
at the same moment could damage a database in WAL mode."""


def faults(python: tuple[int, ...], sqlite: tuple[int, ...] | None) -> list[str]:
    """Return what is wrong with the versions in use.

    Args:
        python: Such as `(3, 11, 7)`.
        sqlite: None where the database is another one.
    """
    found = []
    series, release = python[:2], python[2]
    if release < PYTHONS.get(series, 0):
        good = ".".join(map(str, (*series, PYTHONS[series])))
        found.append(
            f"Python {_shown(python)} has holes in what it reads mail and XML with, "
            f"mended in {good}; tidings works around those that are known"
        )
    if sqlite and not _is_mended(sqlite):
        found.append(
            f"SQLite {_shown(sqlite)} can, very rarely, damage a database that two processes "
            f"write at the same moment, mended in {_shown(SQLITES[0])}"
        )
    return found


def _is_mended(sqlite: tuple[int, ...]) -> bool:
    newest, *older = SQLITES
    return sqlite >= newest or any(sqlite[:2] == one[:2] and sqlite >= one for one in older)


def _shown(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version[:3]))
