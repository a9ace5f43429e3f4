"""Findings: what an examination says of the installation, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but not everywhere or not for ever."""
    PROBLEM = "problem"
    """Letters do not arrive, or readers cannot leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the result.

    Attributes:
        what: That was looked at, such as `SPF of example.org`.
        said: What was found.
        advice: What to do; empty if nothing.
    """

    level: Level
    what: str
    said: str
    advice: str = ""


def ok(what: str, said: str) -> Finding:
    """Return that nothing has to be done."""
    return Finding(level=Level.OK, what=what, said=said)


def warning(what: str, said: str, advice: str) -> Finding:
    """Return what should be looked at some day."""
    return Finding(level=Level.WARNING, what=what, said=said, advice=advice)


def problem(what: str, said: str, advice: str) -> Finding:
    """Return what has to be mended."""
    return Finding(level=Level.PROBLEM, what=what, said=said, advice=advice)
