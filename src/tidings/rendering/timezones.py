"""The time zones that people choose from."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import groupby


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of the world, as IANA names it, and the names of its zones."""

    name: str
    zones: tuple[str, ...]


@cache
def regions() -> tuple[Region, ...]:
    """Return all places that a zone is named for, by region; old names are left out."""
    table = resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text("utf-8")
    rows = [line for line in table.splitlines() if not line.startswith("#")]
    zones = sorted(row.split("\t")[2] for row in rows)
    return tuple(
        Region(name=name, zones=tuple(group))
        for name, group in groupby(zones, key=lambda zone: zone.partition("/")[0])
    )
