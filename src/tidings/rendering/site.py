"""What all pages have in common."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from tidings.domain.entries import TopicCredit
from tidings.domain.sources import Source

ICON_PATH = "/favicon.svg"
"""Where our picture stands, which feeds name as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flash:
    """What an operator is told of what they did last.

    Attributes:
        act: A phrase of the catalogue says it.
        title: Of the entry, if it was one; else empty.
        entry_id: Where that is to be found.
        undo: What puts it back; empty if nothing does.
    """

    act: str
    title: str = ""
    entry_id: int | None = None
    undo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Operator:
    """The operator who looks at a page, and sees on it what can be done.

    Attributes:
        proof: What their forms carry; a page of somebody else cannot know it.
        back: Our path of the page, to come back to.
        waiting: How many entries are held.
        said: What they are told of what they did last.
        source: The source that the page is about, if it is.
    """

    proof: str
    back: str
    waiting: int
    said: Flash | None = None
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What all pages have in common.

    Attributes:
        title: The heading of the first page.
        kicker: The small line above it.
        base_url: Absolute, without trailing slash; its path is the prefix of every link.
        language: BCP 47; the interface speaks it.
        version: Of the program.
        topics: For the navigation, in its order.
        has_newsletters: Whether the navigation leads to their archive.
        has_forms: Whether somebody answers to forms: not where pages are mere files.
        has_status: Whether there is a page on how the service does, for the same reason.
        hubs: Who is told when a feed of ours has changed, absolute URLs.
        operator: Who looks at the page, if it is the operator; nobody else gets it then.
    """

    title: str
    kicker: str
    base_url: str
    language: str
    version: str
    topics: tuple[TopicCredit, ...] = ()
    has_newsletters: bool = False
    has_forms: bool = False
    has_status: bool = False
    hubs: tuple[str, ...] = ()
    operator: Operator | None = None

    def href(self, path: str) -> str:
        """Return the link to one of our paths."""
        return urlsplit(self.base_url).path + path
