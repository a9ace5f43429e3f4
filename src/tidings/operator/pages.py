"""The pages for operators: what each one shows, as a contract with its template."""

from dataclasses import dataclass
from typing import ClassVar

from tidings.model.entries import Republish, TopicCredit
from tidings.model.operators import ModerationQueue, OperatorToken, SourceForm
from tidings.model.sources import Source
from tidings.templating.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPage:
    """Where an operator signs in.

    Attributes:
        fault: Why they are not: `token`, `tries` or `ended`; empty at first.
    """

    template: ClassVar[str] = "operator/sign_in.html"

    site: Site
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPage:
    """What an operator finds to do; `token` is what they are signed in with."""

    template: ClassVar[str] = "operator/desk.html"

    site: Site
    token: OperatorToken
    desk: ModerationQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFormPage:
    """What an operator changes in a source.

    Attributes:
        topics: All that there are.
        rights: All that can be said of republishing.
        form: What the fields hold.
        fault: The field that has to be mended, or empty.
    """

    template: ClassVar[str] = "operator/source.html"

    site: Site
    source: Source
    topics: tuple[TopicCredit, ...]
    rights: tuple[Republish, ...]
    form: SourceForm
    fault: str = ""


OperatorPage = SignInPage | DeskPage | SourceFormPage
