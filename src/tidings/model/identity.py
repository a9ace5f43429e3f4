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
    of one guid by their links, those of one link by their titles, what is left by dates, and
    by titles and texts where the dates agree, too. An entry that was stored under such a finer
    key keeps it when its namesakes are gone. What still shares a key is one entry, listed more
    than once.

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
        needed = _step_needed([(ladders[position], entries[position]) for position in positions])
        for position in positions:
            finer = ladders[position][needed + 1 :]
            stored = [key for key in finer if key in known]
            keys[position] = stored[-1] if stored else ladders[position][needed]
    return keys


def _ladder(entry: Marks) -> tuple[bytes, ...]:
    """Return the keys that an entry can have, finer with each step."""
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


def _step_needed(namesakes: Sequence[tuple[Sequence[bytes], Marks]]) -> int:
    """Return the step of their ladders on which entries that share the first are told apart."""
    if len(namesakes) == 1:
        return 0
    last = len(namesakes[0][0]) - 1
    for step in range(last):
        holders: dict[bytes, Marks] = {}
        if not any(_are_two(holders.setdefault(keys[step], one), one) for keys, one in namesakes):
            return step
    return last


def _are_two(one: Marks, other: Marks) -> bool:
    """Tell whether what shares a guid, or else a link, is two entries all the same.

    Of what shares guid and link, a title or a text in common says that it is one, edited and
    listed twice. That the guid is the address of a page says nothing: feeds of one page, like
    a changelog, give it to all their entries.
    """
    has_one_title, has_one_text = one.title == other.title, one.text == other.text
    has_other_date = one.date is None or one.date != other.date
    if not one.guid:
        return not has_one_title or (has_other_date and not has_one_text)
    if one.link != other.link:
        return True
    if (has_one_title and (one.title or has_one_text)) or (has_one_text and one.text):
        return False
    return has_other_date or not has_one_title
