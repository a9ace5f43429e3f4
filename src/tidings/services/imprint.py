"""The imprint: what all that is published has in common."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256

from tidings.domain.publishing import PublishSettings
from tidings.rendering.site import Site
from tidings.rendering.templates import Templates
from tidings.storage import newsletters, topics
from tidings.storage.database import Connection

ISSUES_IN_FEED = 20
"""Issues in the feed of issues: each one tells of many entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteContext:
    """What all that is published has in common.

    Attributes:
        settings: How it is published.
        site: What all pages share; its topics are read with each page.
        templates: Of the pages.
        page_path: Our path of a numbered page, given that of the scope's newest.
    """

    settings: PublishSettings
    site: Site
    templates: Templates
    page_path: Callable[[str, int], str]

    @property
    def fingerprint(self) -> str:
        """What moves with our version, the templates and the settings."""
        shown = f"{self.settings} {self.site} {self.templates.fingerprint}"
        return sha256(shown.encode()).hexdigest()[:12]

    def site_now(self, connection: Connection) -> Site:
        """Return the site with its topics as they are."""
        return replace(
            self.site,
            topics=tuple(topics.every(connection)),
            has_newsletters=bool(newsletters.every(connection)),
        )

    def page_href(self, path: str, number: int | None) -> str:
        """Return the link to a page of a list; the newest has no number."""
        return self.site.href(path if number is None else self.page_path(path, number))
