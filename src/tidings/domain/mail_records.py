"""What domains say about their mail in DNS: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MAX_LOOKUPS = 10
"""That an SPF record may cost; with more of them it counts for nothing."""

ASKING = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
"""The terms of SPF for which DNS is asked again."""

_TERM = re.compile(
    r"(?P<sign>[-+~?]?)(?P<kind>[a-z][a-z0-9]*)(?:[:=](?P<value>[^/\s]+))?(?P<size>/\S+)?"
)


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
    """What a domain wants done with mail that claims to be from it (DMARC).

    Attributes:
        organisation: The domain that all others are compared below.
    """

    organisation: str
    action: str
    is_strict_for_spf: bool
    is_strict_for_dkim: bool


def spf_records(texts: Iterable[str]) -> list[str]:
    """Return which of a domain's texts are SPF records; there has to be exactly one."""
    return [text for text in texts if text.lower().split(" ")[0] == "v=spf1"]


def spf_terms(record: str) -> list[SpfTerm]:
    """Return the terms of an SPF record, and leave out what is none."""
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
    """Return what a record of DKIM or DMARC says, by tag."""
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): re.sub(r"\s", "", value) for name, _, value in pairs if value}


def organizational_domains(domain: str) -> list[str]:
    """Return a domain and those above it that somebody may own, the domain itself first."""
    labels = domain.split(".")
    return [".".join(labels[number:]) for number in range(max(len(labels) - 1, 1))]


def find_policy(domain: str, records: Mapping[str, Sequence[str]]) -> DmarcPolicy | None:
    """Return the policy for mail from `domain`.

    Args:
        domain: What stands behind the @-sign in From.
        records: The texts at `_dmarc` below that domain and those above it.
    """
    said = {
        name: read_tags(text)
        for name in organizational_domains(domain)
        for text in records.get(name, ())
        if text.lower().replace(" ", "").startswith("v=dmarc1")
    }
    if not said:
        return None
    nearest, highest = next(iter(said)), list(said)[-1]
    own = said[nearest]
    action = own.get("sp", own.get("p", "none")) if nearest != domain else own.get("p", "none")
    return DmarcPolicy(
        organisation=highest,
        action=action.lower(),
        is_strict_for_spf=own.get("aspf") == "s",
        is_strict_for_dkim=own.get("adkim") == "s",
    )


def is_aligned(domain: str, sender: str, policy: DmarcPolicy, *, is_strict: bool) -> bool:
    """Tell whether a proof for `domain` counts for mail from `sender`, too."""
    if is_strict:
        return domain == sender
    return all(
        one == policy.organisation or one.endswith(f".{policy.organisation}")
        for one in (domain, sender)
    )
