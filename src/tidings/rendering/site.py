"""What all pages have in common."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from tidings.domain.entries import TopicCredit


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
    """

    title: str
    kicker: str
    base_url: str
    language: str
    version: str
    topics: tuple[TopicCredit, ...] = ()
    has_newsletters: bool = False
    has_forms: bool = False

    def href(self, path: str) -> str:
        """Return the link to one of our paths."""
        return urlsplit(self.base_url).path + path
