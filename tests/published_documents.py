"""What is published of a database, without a web server: documents by address, as readers parse them."""

from dataclasses import replace

from lxml import etree

from browser.showcase import SITE, shipped_templates
from tidings.model.scopes import EVERYTHING, ArchiveAddress, FeedAddress, PublishSettings, Scope
from tidings.publishing.publication import Publication
from tidings.publishing.site_context import SiteContext

NAMESPACES = {"a": "http://www.w3.org/2005/Atom", "fh": "http://purl.org/syndication/history/1.0"}
SETTINGS = PublishSettings(
    title="Latest updates",
    kicker="Incoming transmission",
    language="en",
    feed_size=50,
    page_size=12,
    first_poll=5,
    fold=5,
)


def publication_of(database, *, site=SITE, **settings):
    context = SiteContext(
        settings=replace(SETTINGS, **settings),
        site=site,
        templates=shipped_templates(),
        page_path=lambda path, number: f"{path}?page={number}",
    )
    return Publication(database, context)


def topic(slug):
    return Scope(kind="topic", slug=slug)


class Atom:
    """An Atom document of ours."""

    def __init__(self, body):
        self.root = etree.fromstring(body)

    @property
    def ids(self):
        return self.texts("a:entry/a:id")

    @property
    def titles(self):
        return self.texts("a:entry/a:title")

    def texts(self, path):
        return [found.text for found in self.root.xpath(path, namespaces=NAMESPACES)]

    def link(self, rel):
        """Return where the link leads, None if there is none."""
        [*found] = self.root.xpath(f"a:link[@rel='{rel}']/@href", namespaces=NAMESPACES)
        return found[0] if found else None

    @property
    def is_archive(self):
        return bool(self.root.xpath("fh:archive", namespaces=NAMESPACES))


class PublishedDocuments:
    """Whatever the publication of a database answers with."""

    def __init__(self, database, **settings):
        self.publication = publication_of(database, **settings)

    def feed(self, scope=EVERYTHING, *, since=0):
        return Atom(self.body(scope, since=since))

    def body(self, scope=EVERYTHING, form="atom", *, since=0):
        return self.publication.body(FeedAddress(scope=scope, form=form, since=since))

    def archive(self, number):
        return Atom(self.publication.body(ArchiveAddress(number=number)))

    def tag(self, scope=EVERYTHING):
        return self.publication.stamp(FeedAddress(scope=scope, form="atom")).etag

    def change(self, scope=EVERYTHING):
        return self.publication.stamp(FeedAddress(scope=scope, form="atom")).change

    def archive_tag(self, number):
        return self.publication.stamp(ArchiveAddress(number=number)).etag

    def walk(self):
        """Return the document that is subscribed to, and all that are reached from it."""
        documents = [self.feed()]
        while url := documents[-1].link("prev-archive"):
            documents.append(self.archive(int(url.rpartition("/")[2].removesuffix(".atom"))))
        return documents
