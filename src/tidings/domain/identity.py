"""Which entry is which: the keys that tell the entries of one source apart."""

from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from hashlib import sha256

KEY_SIZE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What may identify an entry, as the document has it.

    Attributes:
        link: Canonical: absolute, without tracking parameters; without its fragment, too,
            if there is a guid.
        text: What the body says; plain if there is neither guid nor link.
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


def entry_keys(entries: Sequence[Marks], known: Container[bytes] = ()) -> list[bytes]:
    """Return a key for each entry of one document, in its order.

    The guid counts, failing that the link, failing that title, date and text. Where several
    entries share that, all of them are told apart, by what stays as others come and go: those
    of one guid by their links, those of one link by their titles, what is left by dates. An
    entry that was stored under such a finer key keeps it when its namesakes are gone. What
    still shares a key is one entry, listed more than once.

    Args:
        entries: All that the document holds.
        known: The keys that are stored of the source.
    """
    ladders = [_ladder(entry) for entry in entries]
    namesakes = defaultdict(list)
    for position, ladder in enumerate(ladders):
        namesakes[ladder[0]].append(position)
    keys = [ladder[0] for ladder in ladders]
    for positions in namesakes.values():
        needed = _step_needed([entries[position] for position in positions])
        for position in positions:
            finer = ladders[position][needed + 1 :]
            stored = [key for key in finer if key in known]
            keys[position] = stored[-1] if stored else ladders[position][needed]
    return keys


def _ladder(entry: Marks) -> tuple[bytes, ...]:
    """Return the keys that an entry can have, finer with each step."""
    link, when = entry.link or "", entry.date or entry.title
    if entry.guid:
        return (
            digest("guid", entry.guid),
            digest("guid+link", entry.guid, link),
            digest("guid+link+date", entry.guid, link, when),
        )
    if entry.link:
        return (
            digest("link", link),
            digest("link+title", link, entry.title),
            digest("link+title+date", link, entry.title, when),
        )
    return (digest("text", entry.title, entry.date or "", entry.text),)


def _step_needed(namesakes: Sequence[Marks]) -> int:
    """Return the step of their ladders on which entries that share the first are told apart."""
    first = namesakes[0]
    if len(namesakes) == 1 or not (first.guid or first.link):
        return 0
    alike: dict[str, Marks] = {}
    for entry in namesakes:
        mark = (entry.link or "") if entry.guid else entry.title
        if _are_two(alike.setdefault(mark, entry), entry):
            return 2
    return 1 if len(alike) > 1 else 0


def _are_two(one: Marks, other: Marks) -> bool:
    """Tell whether nothing says that what shares guid and link, or link and title, is one.

    A guid that is the address of a page names that page, which cannot show two entries.
    """
    if one.guid and (one.guid == one.link or (one.title and one.title == other.title)):
        return False
    has_other_date = one.date is None or one.date != other.date
    return has_other_date and one.text != other.text
