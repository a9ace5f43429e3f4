"""Bounces: what comes back is counted, and addresses that get nothing are let go.

A report counts only for a delivery that it can be shown to be about: by the signed address that
it was sent to, failing that by a Message-ID, which only those know who have the letter.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from threading import Event

from tidings.db.database import Connection, Database
from tidings.errors import MailboxError, NotFoundError
from tidings.mail.addresses import BounceAddress, BounceClaim
from tidings.mail.mailboxes import Mailbox
from tidings.mail.reports import Report, read_incoming
from tidings.model.newsletters import Ending
from tidings.model.refusals import find_status
from tidings.subscribers import consent_log
from tidings.subscribers.bounce_rules import (
    QUIET,
    BounceHistory,
    BounceKind,
    decide,
    is_forgiven,
    kind_of,
)
from tidings.subscribers.consent_log import Actor
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import bounces, subscriptions
from tidings.subscribers.store.bounces import Addressee, NewBounce

logger = logging.getLogger(__name__)

# Refusals that are judged in one transaction.
BATCH = 100

# How long a refusal is not judged while other letters are about to go out.
PATIENCE = timedelta(hours=1)


class BounceResult(StrEnum):
    """What became of a message."""

    COUNTED = "counted"
    REPEATED = "repeated"
    """Its report has been counted before."""
    UNKNOWN = "unknown"
    """A report that cannot be shown to be about a letter of ours, or is about a former address."""
    LEFT = "left"
    """From a reader who wants no more letters, and gets none."""
    IGNORED = "ignored"
    """No report of a failure or a complaint."""

    @property
    def is_dealt_with(self) -> bool:
        """Whether nobody has to read the message any more."""
        return self in {BounceResult.COUNTED, BounceResult.REPEATED, BounceResult.LEFT}


class BounceProcessor:
    """Judges what relays refuse for good and what comes back, and ends what is to be ended.

    Args:
        database: Where letters and failures are.
        links: Reads the links by which subscriptions end, and hashes addresses.
        address: Reads the addresses that bounces go to; None if there are none of our own.
        clock: Tells the time.
    """

    def __init__(
        self,
        database: Database,
        *,
        links: SignedLinks,
        address: BounceAddress | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._links = links
        self._address = address
        self._clock = clock

    def take_in(self, raw: bytes, *, sent_to: Iterable[str] = ()) -> BounceResult:
        """Read a message, and do what follows from it, in one transaction.

        Args:
            raw: The message.
            sent_to: Whom the server that delivered it says it was for.
        """
        incoming = read_incoming(raw)
        addresses = (*sent_to, *incoming.sent_to)
        if incoming.asks_to_unsubscribe:
            return self._leave(addresses)
        if incoming.report is None:
            return BounceResult.IGNORED
        with self._database.write() as connection:
            found = self._find_addressee(connection, incoming.report, addresses)
            if found is None or found.has_moved:
                logger.warning("bounce of nobody", extra={"sent_to": " ".join(addresses)[:500]})
                return BounceResult.UNKNOWN
            is_new = self._judge(connection, _bounce(incoming.report, found), found)
        return BounceResult.COUNTED if is_new else BounceResult.REPEATED

    def read_mailbox(self, mailbox: Mailbox, *, stop: Event) -> Counter[BounceResult]:
        """Take in what waits in a mailbox; return how many messages came to what.

        Raises:
            MailboxError: It cannot be read; what was taken in so far is saved.
        """
        taken = Counter[BounceResult]()
        with closing(mailbox.unread()) as messages:
            for message in messages:
                if stop.is_set():
                    break
                what = self.take_in(message.raw)
                message.finish(what.is_dealt_with)
                taken[what] += 1
        return taken

    def attend(self, mailboxes: Sequence[Mailbox], *, stop: Event) -> None:
        """Judge what relays refused and what came back, and forget failures that are over.

        A mailbox that cannot be read now is left to the next time.
        """
        self.judge_refusals()
        self.forgive()
        for mailbox in mailboxes:
            try:
                taken = self.read_mailbox(mailbox, stop=stop)
            except MailboxError as error:
                logger.warning("mailbox not read", extra={"because": str(error)})
            else:
                if taken:
                    logger.info("mailbox read", extra={key.value: n for key, n in taken.items()})

    def judge_refusals(self) -> None:
        """Judge what relays have refused for good, each letter once."""
        is_more, now = True, self._clock()
        while is_more:
            with self._database.write() as connection:
                refused = bounces.rejected(connection, before=now - PATIENCE, now=now, limit=BATCH)
                judged = [self._judge(connection, _refusal(found), found) for found in refused]
            is_more = len(judged) == BATCH and any(judged)

    def forgive(self) -> None:
        """Forget failures of addresses where a later issue arrived."""
        now = self._clock()
        with self._database.write() as connection:
            for one in bounces.bouncing(connection, before=now - QUIET):
                if is_forgiven(one.standing, arrived_at=one.arrived_at, now=now):
                    bounces.save_standing(connection, one.subscriber_id, BounceHistory())

    def _leave(self, sent_to: Iterable[str]) -> BounceResult:
        """End the subscription whose letter had that address in it."""
        with self._database.write() as connection:
            found = self._find_signed(connection, self._claims(sent_to))
            if found is None:
                return BounceResult.UNKNOWN
            old = subscriptions.get(connection, found.subscription_id)
            consent_log.end(
                connection, old, Ending.READER, act=Actor(now=self._clock(), by="reader")
            )
        return BounceResult.LEFT

    def _claims(self, sent_to: Iterable[str]) -> list[BounceClaim]:
        claims = [self._address.read(one) for one in sent_to] if self._address else []
        return [claim for claim in claims if claim]

    def _find_signed(
        self, connection: Connection, claims: Iterable[BounceClaim]
    ) -> Addressee | None:
        for claim in claims:
            found = bounces.find_addressee(connection, claim.delivery_id)
            if self._address and found and self._address.is_ours(claim, found.message_id):
                return found
        return None

    def _find_addressee(
        self, connection: Connection, report: Report, sent_to: Iterable[str]
    ) -> Addressee | None:
        claims = self._claims(sent_to)
        if signed := self._find_signed(connection, claims):
            return signed
        if claims or not report.is_standard:
            return None
        found = self._find_returned(connection, report)
        # Those who complain are often not named, or not by the name that we know.
        is_about_them = found and (report.is_complaint or found.key in report.recipients)
        return found if is_about_them else None

    def _find_returned(self, connection: Connection, report: Report) -> Addressee | None:
        """Return whom the letter went to that came back, by what only they have of it."""
        if report.message_id and (
            found := bounces.find_addressee_of(connection, report.message_id)
        ):
            return found
        if signed := self._find_signed(connection, self._claims(report.senders)):
            return signed
        for token in report.tokens:
            with suppress(NotFoundError):
                number, nonce = self._links.unsubscribe.read(token)
                return bounces.find_last_addressee(connection, number, nonce=nonce)
        return None

    def _judge(self, connection: Connection, new: NewBounce, found: Addressee) -> bool:
        """Keep a report, and do what follows from it; say whether it is new."""
        now = self._clock()
        whose = bounces.lock(connection, found.subscriber_id)
        is_known_to_fail = bounces.is_known_to_fail(connection, found.delivery_id)
        if whose is None or not bounces.add(connection, new, now=now):
            return False
        if found.has_moved:
            return True
        is_over = is_forgiven(whose.standing, arrived_at=whose.arrived_at, now=now)
        before = BounceHistory() if is_over else whose.standing
        decision = decide(new.kind, before, is_known_to_fail=is_known_to_fail, now=now)
        bounces.save_standing(connection, found.subscriber_id, decision.standing)
        data = {"message_id": found.message_id, "kind": new.kind.value, "status": new.status}
        logger.info("letter came back", extra=data)
        if decision.reason:
            evidence = new.diagnostic or new.status
            address, act = (
                (found.key, self._links.suppression_hash(found.key)),
                Actor(now=now, by="program"),
            )
            consent_log.suppress(connection, address, decision.reason, evidence=evidence, act=act)
            logger.warning("address let go", extra={**data, "because": decision.reason.value})
        return True


def _bounce(report: Report, found: Addressee) -> NewBounce:
    kind = (
        BounceKind.COMPLAINT if report.is_complaint else kind_of(report.status, report.diagnostic)
    )
    if not report.is_standard and kind is BounceKind.GONE:
        kind = BounceKind.FAILED  # it is only what some server says in words of its own
    return NewBounce(
        subscriber_id=found.subscriber_id,
        delivery_id=found.delivery_id,
        kind=kind,
        status=report.status,
        diagnostic=report.diagnostic,
        report=sha256(b"%d %b" % (found.delivery_id, report.fingerprint)).digest(),
    )


def _refusal(found: Addressee) -> NewBounce:
    reply = found.reply or ""
    status = find_status(reply)
    return NewBounce(
        subscriber_id=found.subscriber_id,
        delivery_id=found.delivery_id,
        kind=kind_of(status, reply),
        status=status,
        diagnostic=reply,
        report=sha256(b"refused %b" % found.message_id.encode()).digest(),
    )
