"""Transactional messages: the context of each kind, and rendering from its three templates."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import ClassVar

from tidings.errors import TemplateError
from tidings.model.newsletters import Frequency
from tidings.model.operators import Problem, ProblemKind
from tidings.model.subscribers import MessageKind
from tidings.templating.engine import Templates, styled, subject_line
from tidings.templating.plain_text import clipped, one_line

PARTS = ("subject.txt", "body.txt", "body.html")
# Characters of one text from elsewhere, such as a title: an endless one leaves room for the rest.
MAX_LINE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageContext:
    """The context that all transactional messages share.

    Attributes:
        language: Of the message, BCP 47.
        site_url: Our first page, absolute.
        postal_address: The operator's; None if none is given.
    """

    kind: ClassVar[MessageKind]
    link: ClassVar[str]
    """The field that a template must show: the message is sent for its sake."""

    language: str
    site_url: str
    postal_address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmContext(MessageContext):
    """Asks to confirm a sign-up. Nothing in it was written by the visitor: no spam through us.

    Attributes:
        newsletter: Its title.
        confirm_url: The page with the button that confirms.
        until: When that stops working.
    """

    kind = MessageKind.CONFIRM
    link = "confirm_url"

    newsletter: str
    confirm_url: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WelcomeContext(MessageContext):
    """Welcomes a subscriber.

    Attributes:
        newsletter: Its title.
        frequency: `daily`, `weekdays`, `weekly`, `monthly` or `instant`.
        hour: Of the day, in `timezone`, an IANA name.
        next_issue_at: No issue comes before.
        preferences_url: The subscriber's own page.
        unsubscribe_url: The page with the button that ends the subscription.
        issues_url: All issues of the past.
    """

    kind = MessageKind.WELCOME
    link = "preferences_url"

    newsletter: str
    frequency: str
    hour: int
    timezone: str
    next_issue_at: datetime
    preferences_url: str
    unsubscribe_url: str
    issues_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodbyeContext(MessageContext):
    """Confirms that a subscription has ended, with a link to undo it.

    Attributes:
        newsletter: Its title.
        undo_url: The page with the button that undoes it.
        until: When that stops working.
    """

    kind = MessageKind.GOODBYE
    link = "undo_url"

    newsletter: str
    undo_url: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressContext(MessageContext):
    """Asks to confirm a new address.

    Attributes:
        newsletters: The titles of what will come to it.
        confirm_url: The page with the button that confirms.
        until: When that stops working.
    """

    kind = MessageKind.ADDRESS
    link = "confirm_url"

    newsletters: tuple[str, ...]
    confirm_url: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressChangedContext(MessageContext):
    """Tells the old address of a change. The new one is not named: a stranger may read the old one.

    Attributes:
        newsletters: The titles of what came to this one.
        contact: Who to write to if that was not wanted.
    """

    kind = MessageKind.MOVED
    link = "contact"

    newsletters: tuple[str, ...]
    contact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorContext(MessageContext):
    """The daily note to the operator.

    Attributes:
        moment: When it was found.
        worries: The worst first.
    """

    kind = MessageKind.OPERATOR
    link = "site_url"

    moment: datetime
    worries: tuple[Problem, ...]


_CONTEXTS: tuple[type[MessageContext], ...] = (
    ConfirmContext,
    WelcomeContext,
    GoodbyeContext,
    AddressContext,
    AddressChangedContext,
    OperatorContext,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedMessage:
    """A rendered message."""

    subject: str
    html: str
    text: str


def template_contracts() -> Mapping[str, frozenset[str]]:
    """Return the names that each template may use."""
    return {
        f"{context.kind}/{part}": frozenset(field.name for field in fields(context))
        for context in _CONTEXTS
        for part in PARTS
    }


def try_templates(templates: Templates) -> None:
    """Render every message in every language, to check the operator's templates.

    Raises:
        TemplateError: A template uses what its values do not have, or lacks its link.
    """
    # At start: a broken template must stop the service, not the confirmations of a whole night.
    for language in templates.languages:
        for sample in _samples(language):
            written = render_message(sample, templates)
            link = getattr(sample, sample.link)
            for part, said in (("body.html", written.html), ("body.txt", written.text)):
                if link not in said:
                    name = f"{sample.kind}/{part}"
                    raise TemplateError(name, f"lacks {sample.link}: nobody could follow it")


def render_message(context: MessageContext, templates: Templates) -> RenderedMessage:
    """Render a message; the same arguments give the same bytes.

    Raises:
        TemplateError: A template uses what its values do not have.
    """
    values = {
        # Not links, which are ours: a clipped one leads nowhere.
        name: value if name.endswith("_url") else _escaped(value)
        for name, value in ((field.name, getattr(context, field.name)) for field in fields(context))
    }
    subject, text, html = (
        templates.render(f"{context.kind}/{part}", values, language=context.language).decode()
        for part in PARTS
    )
    return RenderedMessage(
        subject=subject_line(subject, f"{context.kind}/{PARTS[0]}"),
        html=styled(html),
        text=text.strip("\n") + "\n",
    )


def _escaped(value: object) -> object:
    """Return a value with every text on one line and clipped: titles are written by anybody."""
    match value:
        case str():
            return clipped(one_line(value), MAX_LINE)
        case Problem():
            return replace(
                value, lines=tuple(clipped(one_line(one), MAX_LINE) for one in value.lines)
            )
        case tuple():
            return tuple(_escaped(one) for one in value)
    return value


def _samples(language: str) -> tuple[MessageContext, ...]:
    """Return a sample of each kind."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    url = "https://link.example"
    head = {"language": language, "site_url": url, "postal_address": "-"}
    series = {**head, "newsletter": "-"}
    welcomes = tuple(
        WelcomeContext(
            **series,
            frequency=frequency,
            hour=7,
            timezone="UTC",
            next_issue_at=moment,
            preferences_url=url,
            unsubscribe_url=url,
            issues_url=url,
        )
        for frequency in Frequency
    )
    return (
        ConfirmContext(**series, confirm_url=url, until=moment),
        *welcomes,
        GoodbyeContext(**series, undo_url=url, until=moment),
        AddressContext(**head, newsletters=("-", "-"), confirm_url=url, until=moment),
        AddressChangedContext(**head, newsletters=("-", "-"), contact="somebody@example.org"),
        OperatorContext(
            **head,
            moment=moment,
            worries=tuple(Problem(kind=kind, count=2, lines=("-",)) for kind in ProblemKind),
        ),
    )
