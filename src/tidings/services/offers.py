"""What visitors can subscribe to."""

from tidings.domain.newsletters import Newsletter
from tidings.errors import NotFoundError
from tidings.rendering.reader_pages import NewsletterChoice
from tidings.storage import newsletters, topics
from tidings.storage.database import Database


class NewsletterChoices:
    """Shows the newsletters that there are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def every(self) -> tuple[Newsletter, ...]:
        """Return all newsletters."""
        with self._database.read() as connection:
            return tuple(newsletters.every(connection))

    def get(self, slug: str) -> NewsletterChoice:
        """Return a newsletter with what it can be narrowed to.

        Raises:
            NotFoundError: There is no such newsletter.
        """
        if not slug.isprintable():
            raise NotFoundError("newsletter", slug)
        with self._database.read() as connection:
            newsletter = newsletters.get(connection, slug)
            every = tuple(topics.every(connection))
        own = tuple(topic for topic in every if topic.slug in newsletter.topics)
        return NewsletterChoice(newsletter=newsletter, topics=own or every)
