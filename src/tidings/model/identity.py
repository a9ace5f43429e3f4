"""Keys that identify an entry within its source, although guids and links are not unique."""

from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from hashlib import sha256

# Bytes of a key, whatever the guid's length.
KEY_SIZE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifiers:
    """What may identify an entry, as the document has it.

    Attributes:
        link: Canonical: absolute, without tracking parameters; without its fragment, too,
            if there is a guid.
        text: The body; plain text if there is neither guid nor link.
    """

    guid: str | None
    link: str | None
    title: str
    date: str | None
    text: str


def digest(*parts: str) -> bytes:
    """Return a hash of `parts`; their lengths are in it, so that ("a", "bc") differs from ("ab", "c")."""
    joined = "\0".join(f"{len(part)}:{part}" for part in parts)
    return sha256(joined.encode(errors="surrogatepass")).digest()[:KEY_SIZE]


def entry_keys(entries: Sequence[Identifiers], known: Container[bytes] = ()) -> list[bytes]:
    """Return a key for each entry of one document, in its order.

    The guid counts, failing that the link, failing that title, date and text. Where several
    entries share that, all of them get more precise keys: those of one guid with their links,
    those of one link with their titles, then with dates, then with titles and texts. What still
    shares a key is one entry, listed more than once.

    Args:
        entries: All that the document holds.
        known: The keys that are stored of the source.
    """
    ladders = [keys_by_precision(entry) for entry in entries]
    namesakes = defaultdict(list)
    for position, ladder in enumerate(ladders):
        namesakes[ladder[0]].append(position)
    keys = [ladder[0] for ladder in ladders]
    for positions in namesakes.values():
        needed = _precision_needed(
            [(ladders[position], entries[position]) for position in positions]
        )
        for position in positions:
            # Stored under a more precise key, an entry keeps that when its namesakes are gone.
            finer = ladders[position][needed + 1 :]
            stored = [key for key in finer if key in known]
            keys[position] = stored[-1] if stored else ladders[position][needed]
    return keys


def keys_by_precision(entry: Identifiers) -> tuple[bytes, ...]:
    """Return the keys that an entry can have, the least precise first."""
    link, title, text = entry.link or "", entry.title, entry.text
    when = entry.date or title
    if entry.guid:
        return (
            digest("guid", entry.guid),
            digest("guid+link", entry.guid, link),
            digest("guid+link+date", entry.guid, link, when),
            digest("guid+link+date+title", entry.guid, link, when, title),
            digest("guid+link+date+title+text", entry.guid, link, when, title, text),
        )
    if entry.link:
        return (
            digest("link", link),
            digest("link+title", link, title),
            digest("link+title+date", link, title, when),
            digest("link+title+date+text", link, title, when, text),
        )
    return (digest("text", title, entry.date or "", text),)


def _precision_needed(namesakes: Sequence[tuple[Sequence[bytes], Identifiers]]) -> int:
    """Return the index of the first keys that differ among entries that share key 0."""
    if len(namesakes) == 1:
        return 0
    last = len(namesakes[0][0]) - 1
    for step in range(last):
        holders: dict[bytes, Identifiers] = {}
        if not any(_are_two(holders.setdefault(keys[step], one), one) for keys, one in namesakes):
            return step
    return last


def _are_two(one: Identifiers, other: Identifiers) -> bool:
    """Tell whether two items that share a guid, or else a link, are two entries all the same.

    If they share guid and link, the same title or text means one entry, edited and listed twice.
    """
    # That the guid is the URL of a page proves nothing: changelogs give one to all their entries.
    has_one_title, has_one_text = one.title == other.title, one.text == other.text
    has_other_date = one.date is None or one.date != other.date
    if not one.guid:
        return not has_one_title or (has_other_date and not has_one_text)
    if one.link != other.link:
        return True
    if (has_one_title and (one.title or has_one_text)) or (has_one_text and one.text):
        return False
    return has_other_date or not has_one_title
