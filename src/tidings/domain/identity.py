"""Which entry is which: the keys that tell the entries of one source apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

KEY_SIZE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What may identify an entry, as the document has it.

    Attributes:
        link: Canonical: absolute, without tracking parameters; without its fragment, too,
            if there is a guid.
        text: Plain text of the body.
    """

    guid: str | None
    link: str | None
    title: str
    date: str | None
    text: str


def digest(*parts: str) -> bytes:
    """Return a hash of `parts` that tells ("a", "bc") from ("ab", "c")."""
    joined = "\0".join(f"{len(part)}:{part}" for part in parts)
    return sha256(joined.encode(errors="surrogatepass")).digest()[:KEY_SIZE]


def entry_keys(entries: Sequence[Marks]) -> list[bytes]:
    """Return a key for each entry of one document, in its order.

    The guid counts, failing that the link, failing that title, date and text. Entries
    that share a guid are told apart by their links as well, and entries without guids
    that share a link by their titles; the first one keeps the plain key, so that a
    publisher who starts to repeat himself renames nothing. What still collides is the
    same entry twice, and gets the same key.
    """
    first: dict[bytes, Marks] = {}
    return [_told_apart(entry, first) for entry in entries]


def _told_apart(entry: Marks, first: dict[bytes, Marks]) -> bytes:
    key = _key(entry)
    namesake = first.setdefault(key, entry)
    if entry.guid and entry.link != namesake.link:
        return digest("guid+link", entry.guid, entry.link or "")
    if entry.link and not entry.guid and entry.title != namesake.title:
        return digest("link+title", entry.link, entry.title)
    return key


def _key(entry: Marks) -> bytes:
    if entry.guid:
        return digest("guid", entry.guid)
    if entry.link:
        return digest("link", entry.link)
    return digest("text", entry.title, entry.date or "", entry.text)


def first_of_each(keys: Iterable[bytes]) -> list[int]:
    """Return the positions at which a key stands for the first time."""
    seen: set[bytes] = set()
    positions = []
    for position, key in enumerate(keys):
        if key not in seen:
            seen.add(key)
            positions.append(position)
    return positions
