"""The operator's pages about people: the context of each template."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tidings.model.newsletters import Newsletter
from tidings.model.subscribers import SignUp
from tidings.operator.people_desk import AddressStanding, PeopleFigures, Person
from tidings.subscribers.import_report import ImportReport
from tidings.subscribers.pages import Menu, Preference
from tidings.subscribers.store.bulk import ListPiece
from tidings.templating.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleFields:
    """What is looked for: unchecked text, empty for all.

    Attributes:
        like: Part of an address.
        newsletter: A slug.
    """

    like: str = ""
    newsletter: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    """Subscriptions by address; sign-ups that wait instead, if those are looked for.

    Attributes:
        states: All that can be looked for.
        waiting: Sign-ups that wait to be confirmed.
        is_first: Whether it is the beginning of the list.
    """

    template: ClassVar[str] = "operator/people.html"

    site: Site
    newsletters: tuple[Newsletter, ...]
    states: tuple[str, ...]
    fields: PeopleFields
    found: ListPiece
    waiting: tuple[SignUp, ...]
    figures: PeopleFigures
    is_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPage:
    """A subscriber: what they subscribe to, and whether letters reach them."""

    template: ClassVar[str] = "operator/person.html"

    site: Site
    found: Person
    preferences: tuple[Preference, ...]
    menu: Menu


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasePage:
    """The question whether a subscriber shall be erased."""

    template: ClassVar[str] = "operator/erase.html"

    site: Site
    found: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class AddPersonPage:
    """The form by which somebody is subscribed on their behalf.

    Attributes:
        fault: What has to be corrected, in the words of the command line; empty if nothing.
    """

    template: ClassVar[str] = "operator/add_person.html"

    site: Site
    newsletters: tuple[Newsletter, ...]
    address: str = ""
    newsletter: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionPage:
    """What is known of an address; `found` is None until one is looked up.

    Attributes:
        fault: What has to be corrected, in the words of the command line; empty if nothing.
    """

    template: ClassVar[str] = "operator/suppression.html"

    site: Site
    address: str = ""
    found: AddressStanding | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberImportPage:
    """A list that is to be imported, and what came of that or would come.

    Attributes:
        text: Of the list.
        asks: Whether those without proof of consent are asked to confirm.
        columns: What each column means, by heading; empty where that is clear.
        meanings: All that a column can mean.
        report: None before it was tried.
        is_done: Whether the list is imported.
        fault: What has to be corrected, in the words of the command line; empty if nothing.
    """

    template: ClassVar[str] = "operator/import.html"

    site: Site
    newsletters: tuple[Newsletter, ...]
    meanings: tuple[str, ...]
    newsletter: str = ""
    text: str = ""
    asks: bool = False
    columns: Mapping[str, str]
    report: ImportReport | None = None
    is_done: bool = False
    fault: str = ""


AnyPeoplePage = (
    PeoplePage | PersonPage | ErasePage | AddPersonPage | SuppressionPage | SubscriberImportPage
)
