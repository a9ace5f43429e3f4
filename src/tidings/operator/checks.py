"""The doctor's findings, and checks without I/O: DNS records of mail, known faults of runtimes.

SPF is RFC 7208, DKIM RFC 6376, DMARC RFC 7489.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

# DNS lookups that an SPF record may cause; with more it is invalid (RFC 7208, 4.6.4).
MAX_LOOKUPS = 10

# The terms of SPF that cause a lookup.
ASKING = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})

_TERM = re.compile(
    r"(?P<sign>[-+~?]?)(?P<kind>[a-z][a-z0-9]*)(?:[:=](?P<value>[^/\s]+))?(?P<size>/\S+)?"
)

# The first good release of each series: before, the libraries for mail and XML have holes.
PYTHONS: Mapping[tuple[int, ...], int] = MappingProxyType(
    {(3, 11): 15, (3, 12): 13, (3, 13): 12, (3, 14): 3}
)

# The first good release, and those older series that were mended as well: before, two writers at
# the same moment could damage a database in WAL mode.
SQLITES = ((3, 51, 3), (3, 50, 7), (3, 44, 6))


class Level(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    WARNING = "warning"
    """It works, but not everywhere or not for ever."""
    PROBLEM = "problem"
    """Messages do not arrive, or subscribers cannot unsubscribe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A finding of the doctor.

    Attributes:
        what: Was checked, such as `SPF of example.org`.
        said: What was found.
        advice: What to do; empty if nothing.
    """

    level: Level
    what: str
    said: str
    advice: str = ""


def ok(what: str, said: str) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(level=Level.OK, what=what, said=said)


def warning(what: str, said: str, advice: str) -> Finding:
    """Return a finding that should be looked at some day."""
    return Finding(level=Level.WARNING, what=what, said=said, advice=advice)


def problem(what: str, said: str, advice: str) -> Finding:
    """Return a finding that has to be fixed."""
    return Finding(level=Level.PROBLEM, what=what, said=said, advice=advice)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpfTerm:
    """A term of an SPF record.

    Attributes:
        sign: `+` allows, `-`, `~` and `?` do not.
        value: A name or an address, with its prefix length; empty for the domain itself.
        size: The prefix length of `a` and `mx`, with its slash.
    """

    sign: str
    kind: str
    value: str
    size: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcPolicy:
    """What a domain wants done with mail that fails DMARC.

    Attributes:
        organisation: The organizational domain.
    """

    organisation: str
    action: str
    is_strict_for_spf: bool
    is_strict_for_dkim: bool


def spf_records(texts: Iterable[str]) -> list[str]:
    """Return the SPF records among a domain's texts; there has to be exactly one."""
    # The word as a whole: `v=spf10` is another version (RFC 7208, 4.5).
    return [text for text in texts if text.lower().split(" ")[0] == "v=spf1"]


def spf_terms(record: str) -> list[SpfTerm]:
    """Return the terms of an SPF record; invalid ones are left out."""
    matches = (_TERM.fullmatch(word) for word in record.lower().split()[1:])
    return [
        SpfTerm(
            sign=match["sign"] or "+",
            kind=match["kind"],
            value=match["value"] or "",
            size=match["size"] or "",
        )
        for match in matches
        if match
    ]


def read_tags(record: str) -> dict[str, str]:
    """Return the tags of a DKIM or DMARC record."""
    # Without white space: keys are published in pieces, and people fold them.
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): re.sub(r"\s", "", value) for name, _, value in pairs if value}


def organizational_domains(domain: str) -> list[str]:
    """Return a domain and its parents that may be registered, the domain itself first."""
    # Not the last label alone: nobody registers that.
    labels = domain.split(".")
    return [".".join(labels[number:]) for number in range(max(len(labels) - 1, 1))]


def find_policy(domain: str, records: Mapping[str, Sequence[str]]) -> DmarcPolicy | None:
    """Return the DMARC policy for mail from `domain`.

    Args:
        domain: Of the address in From.
        records: The texts at `_dmarc` below that domain and its parents.
    """
    said = {
        name: read_tags(text)
        for name in organizational_domains(domain)
        for text in records.get(name, ())
        if text.lower().replace(" ", "").startswith("v=dmarc1")
    }
    if not said:
        return None
    # Without a list of public suffixes: the highest domain with a record is taken for the
    # organizational one.
    nearest, highest = next(iter(said)), list(said)[-1]
    own = said[nearest]
    # `sp` is for subdomains, where it is given (RFC 7489, 6.3).
    action = own.get("sp", own.get("p", "none")) if nearest != domain else own.get("p", "none")
    return DmarcPolicy(
        organisation=highest,
        action=action.lower(),
        is_strict_for_spf=own.get("aspf") == "s",
        is_strict_for_dkim=own.get("adkim") == "s",
    )


def is_aligned(domain: str, sender: str, policy: DmarcPolicy, *, is_strict: bool) -> bool:
    """Tell whether SPF or DKIM for `domain` counts for mail from `sender` (RFC 7489, 3.1)."""
    if is_strict:
        return domain == sender
    return all(
        one == policy.organisation or one.endswith(f".{policy.organisation}")
        for one in (domain, sender)
    )


def faults(python: tuple[int, ...], sqlite: tuple[int, ...] | None) -> list[str]:
    """Return the known faults of the versions in use.

    Args:
        python: Such as `(3, 11, 7)`.
        sqlite: None for another database.
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
    # Later series have the fix from their start.
    newest, *older = SQLITES
    return sqlite >= newest or any(sqlite[:2] == one[:2] and sqlite >= one for one in older)


def _shown(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version[:3]))
