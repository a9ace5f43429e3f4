"""What is read of a page that has no feed: its items, or one element that is watched."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

# The selectors in the order in which people are told of them; fields of `PageRules`.
SELECTORS = ("item", "title", "link", "date", "watch")

# The namespace of their attributes in OPML, each of its own name.
PAGE_RULES = "urn:tidings:page"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedText:
    """What a watched element says, and the selector that found it."""

    selector: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRules:
    """How a page is read as if it were a feed; each rule is a CSS selector, or empty.

    Attributes:
        item: An element for each entry; empty if `watch` is not.
        title: With `link` and `date`, within an item; empty for what is likely to be that.
        watch: The one element whose changes are entries.
        seen: The text of that when it was read last; None before the first time.
        changes: How many changes of it were found.
    """

    item: str = ""
    title: str = ""
    link: str = ""
    date: str = ""
    watch: str = ""
    seen: str | None = None
    changes: int = 0

    @classmethod
    def of(cls, selectors: Mapping[str, str]) -> Self:
        """Return the rules with these selectors, by name; those not named are empty."""
        item, title, link, date, watch = (selectors.get(name, "") for name in SELECTORS)
        return cls(item=item, title=title, link=link, date=date, watch=watch)

    def with_selectors(self, selectors: Mapping[str, str]) -> Self:
        """Return the rules with other selectors; what was seen stays if the same is watched."""
        other = self.of(selectors)
        seen = self.seen if other.watch == self.watch else None
        return replace(other, seen=seen, changes=self.changes)

    @property
    def selectors(self) -> dict[str, str]:
        """The selectors that are set, by name."""
        return {name: said for name in SELECTORS if (said := getattr(self, name))}

    @property
    def summary(self) -> str:
        """The selectors in one line, as an operator gives them."""
        return ", ".join(f"{name} {said}" for name, said in self.selectors.items())
