"""Identifiers that publishers give: which of them can stand in a feed of ours as they are."""

import re

MAX_LENGTH = 500

_REST = r"(?:[0-9A-Za-z;/?:@&=+$.~!*'(),_-]|%[0-9A-F]{2})*"
_HEX = "[0-9A-Fa-f]"
_FORMS = (
    rf"https?://[a-z0-9.-]+(?::[1-9][0-9]*)?/(?!(?:.*/)?\.\.?(?:[/?#]|$)){_REST}(?:#{_REST})?",
    rf"urn:uuid:{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}",
    r"urn:(?!uuid:)[A-Za-z0-9][A-Za-z0-9-]{1,31}:(?:[0-9A-Za-z()+,.:=@;$_!*'-]|%[0-9A-F]{2})+",
    rf"tag:(?:[a-z0-9._-]+@)?[a-z0-9.-]+,[0-9]{{4}}(?:-[0-9]{{2}}){{0,2}}:{_REST}(?:#{_REST})?",
)
_NAME = re.compile("|".join(_FORMS))


def is_name(text: str) -> bool:
    """Tell whether `text` is an absolute IRI in its canonical form, of a kind that lasts.

    Validators refuse tags without a date and UUIDs that are none, and warn of addresses that
    can be written otherwise: with them, readers could not tell whether two names are one.
    """
    return len(text) <= MAX_LENGTH and _NAME.fullmatch(text) is not None
