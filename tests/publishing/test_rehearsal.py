"""What is made once before the first visitor comes."""

from parsed_entries import NOON, an_entry
from tidings.catalog import topics
from tidings.errors import TemplateError
from tidings.model.scopes import EntryAddress, FeedAddress, ListAddress, PageAddress
from tidings.publishing.rehearsal import rehearse


class Noting:
    """A publication that notes what is made, and in which every entry is broken."""

    def __init__(self):
        self.made = []

    def stamp(self, address):
        pass

    def body(self, address):
        self.made.append(address)
        if isinstance(address, EntryAddress):
            raise TemplateError("entry.html", "broken")


def test_a_document_of_each_kind_is_made_whatever_is_wrong_with_another(database, follow, poll):
    with database.write() as connection:
        topics.add(connection, "tides", title="Tides", now=NOON)
    poll(follow(topics=("tides",)), an_entry())
    publication = Noting()

    rehearse(publication, database)

    kinds = {type(address) for address in publication.made}
    assert kinds == {PageAddress, FeedAddress, ListAddress, EntryAddress}
    pages = [address for address in publication.made if isinstance(address, PageAddress)]
    assert {page.scope.kind for page in pages} == {"all", "topic", "query"}


def test_a_new_database_is_rehearsed_as_well(database):
    publication = Noting()

    rehearse(publication, database)

    assert EntryAddress not in {type(address) for address in publication.made}
