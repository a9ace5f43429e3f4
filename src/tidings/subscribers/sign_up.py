"""Signing up and confirming; to whoever asks, every address looks the same.

What visitors can subscribe to.

What somebody wishes of a newsletter, checked: out of forms, files and letters.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from tidings.catalog import newsletters, topics
from tidings.db.database import Connection, Database
from tidings.errors import InvalidError, NotFoundError
from tidings.model.newsletters import Frequency, Newsletter, Schedule, Subscription, parse_timezone
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
from tidings.subscribers.subscriber_access import in_record, is_barred, letter_about, read_address

logger = logging.getLogger(__name__)

HOUR = timedelta(hours=1)

# Sign-ups an hour; more are refused.
PER_NETWORK, PER_FORM = 20, 1000

HOURS = range(24)


class SignUpAnswer(StrEnum):
    """What a visitor is told who has sent the form; it depends on nothing they do not know."""

    TAKEN = "taken"
    AGAIN = "again"
    """It came quicker than people are, or from a page of long ago: they press once more."""
    LATER = "later"
    """Too many came from where they are, or of this form."""


class SignUps:
    """Takes sign-ups, and makes subscriptions of those that are confirmed.

    Args:
        database: Where both are.
        links: Signs and reads the tokens of links and forms.
        clock: Tells the time.
        languages: In which letters are written.
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
        """Return the signed time that a form carries, to tell people from machines.

        A form that is shown again is filled in already, and can be sent at once.
        """
        rendered_at = self._clock() - (QUICKEST if is_again else timedelta(0))
        return self._links.rendered.sign(int(rendered_at.timestamp()))

    def ask(self, form: SignUpForm, visitor: Visitor) -> SignUpAnswer:
        """Have a letter sent by which a sign-up can be confirmed, or not: nobody can tell.

        Who is subscribed already gets one that leads to their preferences instead. Nothing
        is sent to who is suppressed, to what a machine filled in, and beyond the limits of an
        address.

        Raises:
            InvalidError: The visitor can mend it: an address that is none, a wish that cannot be.
            NotFoundError: There is no such newsletter.
        """
        now = self._clock()
        address = read_address(form.address)
        with self._database.read() as connection:
            newsletter = newsletters.get(connection, form.newsletter)
            offered = offered_topics(connection, newsletter)
        usual = default_preferences(newsletter)
        if visitor.language in self._languages:
            usual = replace(usual, language=visitor.language or usual.language)
        wish = read_preferences(form.choice, usual, languages=self._languages, offered=offered)
        if form.honeypot:
            logger.info("sign-up dropped", extra={"because": "machine"})
            return SignUpAnswer.TAKEN
        if not self._took_its_time(form.rendered, now=now):
            return SignUpAnswer.AGAIN
        new = NewSignUp(
            address=address.address,
            key=address.key,
            newsletter_id=newsletter.id,
            wish=wish,
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
        return SignUpAnswer.LATER if because in {"network", "form"} else SignUpAnswer.TAKEN

    def look(self, token: str) -> SignUp | Subscription:
        """Return what a link is to confirm, or the subscription if that has been done.

        Raises:
            NotFoundError: The link is not ours (`link`), or it is too late or outdated (`sign-up`).
        """
        number, asked_at = self._read(token)
        with self._database.read() as connection:
            sign_up = sign_ups.find(connection, number)
            return self._check(connection, sign_up, asked_at)

    def confirm(self, token: str, visitor: Visitor) -> Subscription:
        """Make a subscription of a sign-up, from now on; done twice, it is done once.

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
        """Count a sign-up; return which limit it is beyond, if any.

        What a limit stops is not counted for the next one: nobody can use up the letter of
        somebody else's address without a letter being sent.
        """
        limits = (
            ("network", new.network, PER_NETWORK, HOUR),
            ("form", f"{new.newsletter_id} {new.form}", PER_FORM, HOUR),
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
        """Keep a sign-up and queue its letter; return why not, if so.

        It takes as many statements for every address, so that nobody can tell them apart by
        the time it takes.
        """
        is_silenced = is_barred(connection, self._links, new.key)
        theirs = sign_ups.find_letterbox(connection, new)
        sign_up_id = sign_ups.ask(connection, new, now=now)
        if is_silenced:
            sign_ups.remove(connection, new.key)
            return "suppressed"
        if sign_up_id is None:
            return "unanswered"
        letter = NewMessage(
            kind=MessageKind.CONFIRM,
            address=new.address,
            language=new.wish.language,
            newsletter_id=new.newsletter_id,
            sign_up_id=sign_up_id,
        )
        if theirs:
            letter = NewMessage(
                kind=MessageKind.WELCOME,
                address=theirs.address,
                language=theirs.language,
                newsletter_id=new.newsletter_id,
                subscription_id=theirs.subscription_id,
            )
        transactional.add(connection, letter, now=now)
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
        theirs = subscriptions.find(connection, found.key, found.newsletter.id)
        if theirs and (theirs.ended_at is None or theirs.ended_at > found.asked_at):
            return theirs
        is_late = self._clock() >= found.expires_at
        if is_late or int(found.asked_at.timestamp()) != asked_at:
            raise outdated
        if is_barred(connection, self._links, found.key):
            raise outdated
        return found

    def _subscribe(self, connection: Connection, found: SignUp, visitor: Visitor) -> Subscription:
        now = self._clock()
        offered = offered_topics(connection, found.newsletter)
        wish = replace(found.wish, topics=[one for one in found.wish.topics if one in offered])
        address = found.address, found.key
        number = subscriptions.add(connection, found.newsletter.slug, address, wish, now)
        suppressions.forgive(connection, self._links.suppression_hash(found.key))
        subscriber_id = subscribers.get_of(connection, found.key).id
        network = self._links.network_hash(visitor)
        consents.add(connection, subscriber_id, *_record(found, network, now))
        made = subscriptions.get(connection, number)
        transactional.add(connection, letter_about(MessageKind.WELCOME, made), now=now)
        logger.info("subscription confirmed", extra={"subscription": number})
        return made


def forget_expired(database: Database, *, now: datetime) -> None:
    """Forget what nobody confirmed in time, and how often people asked who ask no more."""
    with database.write() as connection:
        sign_ups.purge(connection, now=now)
        subscribers.purge_changes(connection, now=now)
        rate_limits.forget(connection, before=now - CONFIRMATION_PAUSE)


def _record(found: SignUp, network: str | None, now: datetime) -> tuple[Consent, Consent]:
    slug = found.newsletter.slug
    asked = Consent(
        at=found.asked_at,
        event=ConsentEvent.ASKED,
        newsletter=slug,
        form=found.form,
        wording=found.wording,
        network=found.network,
        details=in_record(found.wish),
    )
    confirmed = Consent(
        at=now, event=ConsentEvent.CONFIRMED, newsletter=slug, network=network, details={}
    )
    return asked, confirmed


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
    """Return the wish in a form; what is empty is as in `default`, but for the topics.

    Raises:
        InvalidError: A value is none of those that there are; its kind names the field.
    """
    schedule = Schedule(
        frequency=_frequency(choice.frequency or default.schedule.frequency),
        hour=_hour(choice.hour or str(default.schedule.hour)),
        timezone=parse_timezone(choice.timezone or default.schedule.timezone),
    )
    language = choice.language or default.language
    if language not in languages:
        raise InvalidError("language", language, f"use {' or '.join(languages)}")
    wanted = tuple(dict.fromkeys(choice.topics))
    for slug in wanted:
        if slug not in offered:
            raise InvalidError("topic", slug, "the newsletter has no such topic")
    return Preferences(schedule=schedule, language=language, topics=wanted)


def default_preferences(newsletter: Newsletter) -> Preferences:
    """Return what a subscription gets if nothing else is said."""
    return Preferences(schedule=newsletter.schedule, language=newsletter.language, topics=())


def _frequency(text: str) -> Frequency:
    try:
        return Frequency(text)
    except ValueError as error:
        raise InvalidError("frequency", text, f"use {', '.join(Frequency)}") from error


def _hour(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text[:3]) in HOURS):
        raise InvalidError("hour", text, "use 0 to 23")
    return int(text)
