"""Sign-up with double opt-in: a form, a confirmation message, a subscription.

The answer to a form never tells whether an address is subscribed, suppressed or unknown.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from tidings.catalog import newsletters, topics
from tidings.db import job_tickets
from tidings.db.database import Connection, Database
from tidings.errors import InvalidError, NotFoundError
from tidings.model.jobs import NOTICES
from tidings.model.newsletters import (
    WEEKDAYS,
    Frequency,
    Newsletter,
    Schedule,
    Subscription,
    parse_timezone,
    parse_weekday,
)
from tidings.model.subscribers import (
    CONFIRMATION_PAUSE,
    QUICKEST,
    Consent,
    ConsentEvent,
    MessageKind,
    Preferences,
    PreferencesForm,
    SignUp,
    SignUpForm,
    Visitor,
    abuse_key,
    looks_human,
)
from tidings.subscribers.pages import NewsletterChoice
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import (
    consents,
    rate_limits,
    sign_ups,
    subscribers,
    subscriptions,
    suppressions,
    transactional,
)
from tidings.subscribers.store.sign_ups import NewSignUp
from tidings.subscribers.store.transactional import NewMessage
from tidings.subscribers.subscriber_access import (
    consent_details,
    is_barred,
    message_about,
    read_address,
)

logger = logging.getLogger(__name__)

HOUR = timedelta(hours=1)

# Sign-ups an hour, from one network and through one form; more are refused.
MAX_PER_NETWORK, MAX_PER_FORM = 20, 1000

HOURS = range(24)


class SignUpAnswer(StrEnum):
    """The answer to a form; the same for every address."""

    TAKEN = "taken"
    AGAIN = "again"
    """It was sent faster than people type, or from an old page: they press the button once more."""
    LATER = "later"
    """Too many sign-ups from their network, or through this form."""


class SignUps:
    """Takes sign-ups, and turns confirmed ones into subscriptions.

    Args:
        database: Where both are.
        links: Signs and verifies the tokens of links and forms.
        clock: Aware UTC.
        languages: Those that messages are available in.
    """

    def __init__(
        self,
        database: Database,
        *,
        links: SignedLinks,
        clock: Callable[[], datetime],
        languages: Collection[str],
    ) -> None:
        self._database = database
        self._links = links
        self._clock = clock
        self._languages = languages

    def stamp(self, *, is_again: bool = False) -> str:
        """Return the signed time for a form: bots send it within a second or two.

        A form that is shown again is filled in already, so it may be sent at once.
        """
        rendered_at = self._clock() - (QUICKEST if is_again else timedelta(0))
        return self._links.rendered.sign(int(rendered_at.timestamp()))

    def ask(self, form: SignUpForm, visitor: Visitor) -> SignUpAnswer:
        """Send a message to confirm a sign-up, or silently nothing.

        Who is subscribed already gets a link to their preferences instead. Nothing is sent to
        suppressed addresses, to bots, or beyond the limits of an address.

        Raises:
            InvalidError: The visitor can correct it: an invalid address or preference.
            NotFoundError: There is no such newsletter.
        """
        now = self._clock()
        address = read_address(form.address)
        # Checked before the write transaction: SQLite has one writer at a time.
        with self._database.read() as connection:
            newsletter = newsletters.get(connection, form.newsletter)
            offered = offered_topics(connection, newsletter)
        usual = default_preferences(newsletter)
        if visitor.language in self._languages:
            usual = replace(usual, language=visitor.language or usual.language)
        preferences = read_preferences(
            form.choice, usual, languages=self._languages, offered=offered
        )
        # A field that people do not see: bots fill in every one. They get the usual answer, so that
        # they learn nothing.
        if form.honeypot:
            logger.info("sign-up dropped", extra={"because": "machine"})
            return SignUpAnswer.TAKEN
        if not self._took_its_time(form.rendered, now=now):
            return SignUpAnswer.AGAIN
        new = NewSignUp(
            address=address.address,
            key=address.key,
            newsletter_id=newsletter.id,
            preferences=preferences,
            form=form.form,
            wording=form.wording,
            network=self._links.network_hash(visitor),
        )
        with self._database.write() as connection:
            because = self._find_limit(connection, new, now=now) or self._write(
                connection, new, now=now
            )
        if because:
            logger.info("sign-up dropped", extra={"because": because})
        # The limit of an address is not told: it would tell that somebody has signed up with it.
        return SignUpAnswer.LATER if because in {"network", "form"} else SignUpAnswer.TAKEN

    def look(self, token: str) -> SignUp | Subscription:
        """Return the sign-up that a link confirms, or the subscription if it has been confirmed.

        Raises:
            NotFoundError: The link is not ours (`link`), has expired or was replaced (`sign-up`).
        """
        number, asked_at = self._read(token)
        with self._database.read() as connection:
            sign_up = sign_ups.find(connection, number)
            return self._check(connection, sign_up, asked_at)

    def confirm(self, token: str, visitor: Visitor) -> Subscription:
        """Turn a sign-up into a subscription; a second time does nothing.

        Raises:
            NotFoundError: As for `look`.
        """
        number, asked_at = self._read(token)
        with self._database.write() as connection:
            sign_up = sign_ups.lock(connection, number)
            found = self._check(connection, sign_up, asked_at)
            if isinstance(found, Subscription):
                return found
            return self._subscribe(connection, found, visitor)

    def _took_its_time(self, stamp: str, *, now: datetime) -> bool:
        try:
            [rendered_at] = self._links.rendered.read(stamp)
        except (NotFoundError, ValueError):
            return False
        return looks_human(datetime.fromtimestamp(rendered_at, UTC), now=now)

    def _find_limit(self, connection: Connection, new: NewSignUp, *, now: datetime) -> str | None:
        """Count a sign-up; return the name of the limit that it exceeds, if any."""
        # What one limit stops is not counted for the next: nobody can use up the daily message of
        # somebody else's address without a message being sent.
        limits = (
            ("network", new.network, MAX_PER_NETWORK, HOUR),
            ("form", f"{new.newsletter_id} {new.form}", MAX_PER_FORM, HOUR),
            ("address", f"{new.newsletter_id} {abuse_key(new.key)}", 1, CONFIRMATION_PAUSE),
        )
        for name, who, most, window in limits:
            if who is None:
                continue
            key = self._links.keyed_hash(f"quota of {name}", who)
            if rate_limits.take(connection, key, window=window, now=now) > most:
                return name
        return None

    def _write(self, connection: Connection, new: NewSignUp, *, now: datetime) -> str | None:
        """Store a sign-up and queue its message; return why not, if so."""
        # The same statements for every address: the time it takes tells nothing about it either.
        is_silenced = is_barred(connection, self._links, new.key)
        theirs = sign_ups.find_current(connection, new)
        sign_up_id = sign_ups.ask(connection, new, now=now)
        if is_silenced:
            sign_ups.remove(connection, new.key)
            job_tickets.defer(connection, NOTICES)  # for nothing, as for a message
            return "suppressed"
        if sign_up_id is None:
            return "unanswered"
        message = NewMessage(
            kind=MessageKind.CONFIRM,
            address=new.address,
            language=new.preferences.language,
            newsletter_id=new.newsletter_id,
            sign_up_id=sign_up_id,
        )
        if theirs:
            message = NewMessage(
                kind=MessageKind.WELCOME,
                address=theirs.address,
                language=theirs.language,
                newsletter_id=new.newsletter_id,
                subscription_id=theirs.subscription_id,
            )
        transactional.add(connection, message, now=now)
        return None

    def _read(self, token: str) -> tuple[int, int]:
        number, asked_at = self._links.confirm.read(token)
        return number, asked_at

    def _check(
        self, connection: Connection, found: SignUp | None, asked_at: int
    ) -> SignUp | Subscription:
        outdated = NotFoundError("sign-up", "waits here any more")
        if found is None:
            raise outdated
        # Somebody may press the button twice, or open an old message after signing up again: both
        # get the subscription, not an error. One that ended after the sign-up is over.
        theirs = subscriptions.find(connection, found.key, found.newsletter.id)
        if theirs and (theirs.ended_at is None or theirs.ended_at > found.asked_at):
            return theirs
        # Only the link of the latest message: it shows the preferences that were entered last.
        is_late = self._clock() >= found.expires_at
        if is_late or int(found.asked_at.timestamp()) != asked_at:
            raise outdated
        if is_barred(connection, self._links, found.key):
            raise outdated
        return found

    def _subscribe(self, connection: Connection, found: SignUp, visitor: Visitor) -> Subscription:
        now = self._clock()
        # The newsletter may have lost topics since they signed up.
        offered = offered_topics(connection, found.newsletter)
        preferences = replace(
            found.preferences, topics=[one for one in found.preferences.topics if one in offered]
        )
        address = found.address, found.key
        number = subscriptions.add(connection, found.newsletter.slug, address, preferences, now)
        # They come by their own wish: an erasure, or having left elsewhere, stands no longer in the
        # way.
        suppressions.forgive(connection, self._links.suppression_hash(found.key))
        subscriber_id = subscribers.get_of(connection, found.key).id
        network = self._links.network_hash(visitor)
        # Both lines now: the record belongs to a subscriber, and there was none when they asked.
        consents.add(connection, subscriber_id, *_consent_lines(found, network, now))
        made = subscriptions.get(connection, number)
        transactional.add(connection, message_about(MessageKind.WELCOME, made), now=now)
        logger.info("subscription confirmed", extra={"subscription": number})
        return made


def forget_expired(database: Database, *, now: datetime) -> None:
    """Delete sign-ups and address changes that were not confirmed in time, and old rate limits."""
    with database.write() as connection:
        sign_ups.purge(connection, now=now)
        subscribers.purge_changes(connection, now=now)
        rate_limits.forget(connection, before=now - CONFIRMATION_PAUSE)


def _consent_lines(found: SignUp, network: str | None, now: datetime) -> tuple[Consent, Consent]:
    slug = found.newsletter.slug
    asked = Consent(
        at=found.asked_at,
        event=ConsentEvent.ASKED,
        newsletter=slug,
        form=found.form,
        wording=found.wording,
        network=found.network,
        details=consent_details(found.preferences),
    )
    confirmed = Consent(
        at=now, event=ConsentEvent.CONFIRMED, newsletter=slug, network=network, details={}
    )
    return asked, confirmed


class NewsletterChoices:
    """The newsletters that visitors can subscribe to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def every(self) -> tuple[Newsletter, ...]:
        """Return all newsletters."""
        with self._database.read() as connection:
            return tuple(newsletters.every(connection))

    def get(self, slug: str) -> NewsletterChoice:
        """Return a newsletter with the topics that it can be narrowed to.

        Raises:
            NotFoundError: There is no such newsletter.
        """
        # The slug comes from the URL; PostgreSQL fails on a NUL in a text, with an error of its
        # own.
        if not slug.isprintable():
            raise NotFoundError("newsletter", slug)
        with self._database.read() as connection:
            newsletter = newsletters.get(connection, slug)
            every = tuple(topics.every(connection))
        own = tuple(topic for topic in every if topic.slug in newsletter.topics)
        return NewsletterChoice(newsletter=newsletter, topics=own or every)


def offered_topics(connection: Connection, newsletter: Newsletter) -> tuple[str, ...]:
    """Return the slugs of the topics that a subscription can be narrowed to."""
    return newsletter.topics or tuple(topic.slug for topic in topics.every(connection))


def read_preferences(
    choice: PreferencesForm,
    default: Preferences,
    *,
    languages: Collection[str],
    offered: Collection[str],
) -> Preferences:
    """Return the preferences in a form; empty fields are as in `default`, topics excepted.

    Raises:
        InvalidError: A value is not among the choices; its kind names the field.
    """
    schedule = Schedule(
        frequency=_frequency(choice.frequency or default.schedule.frequency),
        hour=_hour(choice.hour or str(default.schedule.hour)),
        timezone=parse_timezone(choice.timezone or default.schedule.timezone),
        weekday=parse_weekday(choice.weekday or WEEKDAYS[default.schedule.weekday]),
    )
    language = choice.language or default.language
    if language not in languages:
        raise InvalidError("language", language, f"use {' or '.join(languages)}")
    # Topics have no default: browsers send nothing for boxes that are not ticked, so an empty field
    # is a choice.
    wanted = tuple(dict.fromkeys(choice.topics))
    for slug in wanted:
        if slug not in offered:
            raise InvalidError("topic", slug, "the newsletter has no such topic")
    return Preferences(schedule=schedule, language=language, topics=wanted)


def default_preferences(newsletter: Newsletter) -> Preferences:
    """Return the preferences of a subscription where nothing else is chosen."""
    return Preferences(schedule=newsletter.schedule, language=newsletter.language, topics=())


def _frequency(text: str) -> Frequency:
    try:
        return Frequency(text)
    except ValueError as error:
        raise InvalidError("frequency", text, f"use {', '.join(Frequency)}") from error


def _hour(text: str) -> int:
    # isdecimal() alone takes the digits of other scripts.
    if not (len(text) <= 2 and text.isascii() and text.isdecimal() and int(text) in HOURS):
        raise InvalidError("hour", text, "use 0 to 23")
    return int(text)
