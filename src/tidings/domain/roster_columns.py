"""What the columns of a list of subscribers mean, in our own lists and in those of other programs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tidings.errors import InvalidError

COLUMNS = (
    "address",
    "newsletter",
    "confirmed_at",
    "proof",
    "frequency",
    "hour",
    "timezone",
    "language",
    "topics",
    "paused_at",
)
"""Of the columns only `address` must be there; topics are slugs with blanks between them."""

FIELDS = (*COLUMNS, "status", "left_at", "bounced_at")
"""What a column can be read as. The last three say who gets nothing any more."""

LEAVE_OUT = "-"
"""What a column is named that is not to be read."""

_IS_OFF = "email_disabled"
"""Of a column that says true of those who left."""


class Membership(StrEnum):
    """How somebody stood where the list comes from."""

    SUBSCRIBED = "subscribed"
    PENDING = "pending"
    """Asked, and never confirmed."""
    LEFT = "left"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    BLOCKED = "blocked"
    """By whoever ran it."""


_STATUSES: Mapping[Membership, str] = {
    Membership.SUBSCRIBED: "subscribed enabled active confirmed regular premium gifted trialed"
    " past_due churning free paid comped true yes 1",
    Membership.PENDING: "pending unconfirmed unactivated nonsubscribed transactional",
    Membership.LEFT: "unsubscribed left disabled inactive removed archived opted_out false no 0",
    Membership.BOUNCED: "bounced cleaned undeliverable hard_bounced",
    Membership.COMPLAINED: "complained complaint spam abuse",
    Membership.BLOCKED: "blocked blocklisted blacklisted",
}
_MEMBERSHIPS = {word: one for one, words in _STATUSES.items() for word in words.split()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program whose lists are known by their headings.

    Attributes:
        signs: Headings that all its lists have.
        columns: What they mean; of two that mean the same the first one counts that holds anything.
        evidence: Columns that show that somebody agreed, as that program has recorded it.
    """

    name: str
    signs: frozenset[str]
    columns: Mapping[str, str]
    evidence: tuple[str, ...] = ()


PROGRAMS = (
    Program(
        name="Mailchimp",
        signs=frozenset({"email_address", "optin_time"}),
        columns={
            "email_address": "address",
            "confirm_time": "confirmed_at",
            "optin_time": "confirmed_at",
            "unsub_time": "left_at",
            "clean_time": "bounced_at",
        },
        evidence=("optin_time", "optin_ip", "confirm_time", "confirm_ip"),
    ),
    Program(
        name="Ghost",
        signs=frozenset({"email", "subscribed_to_emails"}),
        columns={
            "email": "address",
            "created_at": "confirmed_at",
            "subscribed_to_emails": "status",
            "deleted_at": "left_at",
        },
        evidence=("created_at", "subscribed_to_emails"),
    ),
    Program(
        name="Substack",
        signs=frozenset({"email", "email_disabled"}),
        columns={"email": "address", "created_at": "confirmed_at", "email_disabled": _IS_OFF},
        evidence=("created_at", "email_disabled"),
    ),
    # Buttondown has renamed columns with the versions of its API.
    *(
        Program(
            name="Buttondown",
            signs=frozenset({address, date}),
            columns={
                address: "address",
                date: "confirmed_at",
                "type": "status",
                "subscriber_type": "status",
                "status": "status",
                "unsubscription_date": "left_at",
                "undeliverability_date": "bounced_at",
            },
            evidence=(date, "type", "subscriber_type", "status", "ip_address"),
        )
        for address in ("email", "email_address")
        for date in ("creation_date", "subscription_date")
    ),
    # Its lists hold who has left, and who never confirmed, as `enabled`: that shows nothing.
    *(
        Program(
            name="listmonk",
            signs=frozenset({"email", sign}),
            columns={"email": "address", "status": "status", "created_at": "confirmed_at"},
        )
        for sign in ("attributes", "uuid")
    ),
)

_OURS = {name: name for name in FIELDS}
_PLAIN = {"email": "address", "e_mail": "address", "email_address": "address"}
_WORDS = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where in a line things stand.

    Attributes:
        program: Whose list it is; empty for one of ours.
        places: The columns of a field, by number; the first one counts that holds anything.
        evidence: The columns that show consent, with their headings.
        unread: The headings of columns that are not read.
    """

    program: str
    places: Mapping[str, tuple[int, ...]]
    evidence: tuple[tuple[str, int], ...]
    unread: tuple[str, ...]

    def cells(self, row: Sequence[str]) -> dict[str, str]:
        """Return what a row holds, by field; what it is too short for is empty."""
        held = {
            field: next((row[one] for one in places if one < len(row) and row[one]), "")
            for field, places in self.places.items()
        }
        if membership_word(held.pop(_IS_OFF, "")) is Membership.SUBSCRIBED:
            held["status"] = "unsubscribed"
        shown = [f"{name} {row[one]}" for name, one in self.evidence if one < len(row) and row[one]]
        if shown and not held.get("proof"):
            held["proof"] = f"{self.program}: {', '.join(shown)}"
        return held


def columns_of(headings: Sequence[str], given: Mapping[str, str]) -> Columns:
    """Return what columns mean.

    Args:
        headings: As they stand in the file; empty for a column without one.
        given: What the operator says that columns mean, by heading; that comes first.

    Raises:
        InvalidError: A column is not known, or there is none for the address, or two.
    """
    names = [_name(heading) for heading in headings]
    for one in {name for name in names if name and names.count(name) > 1}:
        raise InvalidError("column", one, "it is there twice: name each column once")
    said = {_name(heading): field for heading, field in given.items()}
    for name, field in said.items():
        if name not in names:
            raise InvalidError(
                "column", name, f"it is not in the file, which has {_list(headings)}"
            )
        if field not in {*FIELDS, LEAVE_OUT}:
            raise InvalidError("field", field, f"use {', '.join(FIELDS)}, or {LEAVE_OUT} for none")
    program = next((one for one in PROGRAMS if one.signs <= set(names)), None)
    meanings = _meanings(names, said, program)
    places: dict[str, tuple[int, ...]] = {}
    for name, field in meanings.items():
        if name in names:
            places[field] = (*places.get(field, ()), names.index(name))
    if len(places.get("address", ())) != 1:
        because = "there must be one column address, or email: name it by --map COLUMN=address"
        raise InvalidError("headings", _list(headings), because)
    evidence = program.evidence if program else ()
    return Columns(
        program=program.name if program else "",
        places=places,
        evidence=tuple(
            (headings[names.index(one)], names.index(one)) for one in evidence if one in names
        ),
        unread=tuple(
            h for h, name in zip(headings, names, strict=True) if name and name not in meanings
        ),
    )


def membership_of(cells: Mapping[str, str]) -> Membership:
    """Return how somebody stood where the list comes from.

    Raises:
        InvalidError: Its word for that is not known.
    """
    if cells.get("bounced_at"):
        return Membership.BOUNCED
    if cells.get("left_at"):
        return Membership.LEFT
    status = cells.get("status", "")
    found = membership_word(status) if status else Membership.SUBSCRIBED
    if found is None:
        words = ", ".join(one.value for one in Membership)
        raise InvalidError("status", status, f"not known; use one of {words}")
    return found


def membership_word(text: str) -> Membership | None:
    """Return what a status means; None if nobody knows."""
    return _MEMBERSHIPS.get(_name(text))


def _meanings(
    names: Sequence[str], said: Mapping[str, str], program: Program | None
) -> dict[str, str]:
    """Return the field of each column that is read, those that come first at the beginning."""
    known = program.columns if program else _PLAIN | _OURS
    # Beside an e-mail address, an address is one of a house.
    has_mail = any(known.get(name) == "address" for name in names if name != "address")
    own = (
        {} if program is None else {name: name for name in ("proof", "newsletter") if name in names}
    )
    usual = {
        name: field
        for name, field in (own | dict(known)).items()
        if name not in said and not (has_mail and name == "address")
    }
    taken = set(said.values())
    read = {name: field for name, field in usual.items() if field not in taken}
    if program is None:
        for name in names:
            if name and name not in read and name not in said and name != "address":
                because = (
                    f"use {', '.join(FIELDS)}, or --map {name}=FIELD, or --map {name}={LEAVE_OUT}"
                )
                raise InvalidError("column", name, because)
    return {name: field for name, field in said.items() if field != LEAVE_OUT} | read


def _name(text: str) -> str:
    return _WORDS.sub("_", text.strip().lower())


def _list(headings: Sequence[str]) -> str:
    return ", ".join(one for one in headings if one) or "none"
