"""Bounces and complaints: counted, and addresses suppressed that cannot be reached.

A report counts only for a delivery that it is proven to be about: by the signed address that it
was sent to, failing that by a Message-ID, which only those who have the message know.
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
from tidings.subscribers import subscription_changes
from tidings.subscribers.bounce_rules import (
    FORGIVE_AFTER,
    BounceHistory,
    BounceKind,
    decide,
    is_forgiven,
    kind_of,
)
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import bounces, subscriptions
from tidings.subscribers.store.bounces import Addressee, NewBounce
from tidings.subscribers.subscription_changes import Actor

logger = logging.getLogger(__name__)

# Refusals that are processed in one transaction.
BATCH = 100

# How long refusals are left alone while other messages are being sent: if most of an issue turns
# out to be refused in the same words, they must not count against the addresses.
JUDGE_AFTER = timedelta(hours=1)


class BounceResult(StrEnum):
    """What a message in the bounce mailbox turned out to be."""

    COUNTED = "counted"
    REPEATED = "repeated"
    """Its report has been counted before."""
    UNKNOWN = "unknown"
    """A report that is not proven to be about a message of ours, or is about a former address."""
    LEFT = "left"
    """A request to unsubscribe, which was done."""
    IGNORED = "ignored"
    """Neither a report nor a request."""

    @property
    def is_processed(self) -> bool:
        """Whether nobody needs to look at the message: it is marked as read."""
        return self in {BounceResult.COUNTED, BounceResult.REPEATED, BounceResult.LEFT}


class BounceProcessor:
    """Counts bounces, complaints and permanent refusals, and suppresses addresses.

    Args:
        database: Where deliveries and bounces are.
        links: Verifies unsubscribe links in returned messages, and hashes addresses.
        address: Reads signed bounce addresses; None without them.
        clock: Aware UTC.
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

    def process(self, raw: bytes, *, sent_to: Iterable[str] = ()) -> BounceResult:
        """Process a message, in one transaction.

        Args:
            raw: The message.
            sent_to: Recipients that the delivering server passed on, beside those in the headers.
        """
        incoming = read_incoming(raw)
        addresses = (*sent_to, *incoming.sent_to)
        if incoming.asks_to_unsubscribe:
            return self._unsubscribe(addresses)
        if incoming.report is None:
            return BounceResult.IGNORED
        with self._database.write() as connection:
            found = self._find_addressee(connection, incoming.report, addresses)
            if found is None or found.has_moved:
                logger.warning(
                    "bounce not attributed", extra={"sent_to": " ".join(addresses)[:500]}
                )
                return BounceResult.UNKNOWN
            is_new = self._record(connection, _bounce(incoming.report, found), found)
        return BounceResult.COUNTED if is_new else BounceResult.REPEATED

    def read_mailbox(self, mailbox: Mailbox, *, stop: Event) -> Counter[BounceResult]:
        """Process the unread messages of a mailbox; return how many had which result.

        Raises:
            MailboxError: It cannot be read; what was processed so far is saved.
        """
        taken = Counter[BounceResult]()
        with closing(mailbox.unread()) as messages:
            for message in messages:
                if stop.is_set():
                    break
                what = self.process(message.raw)
                # After the transaction: what is not saved must not be marked as read.
                message.finish(what.is_processed)
                taken[what] += 1
        return taken

    def run(self, mailboxes: Sequence[Mailbox], *, stop: Event) -> None:
        """Process refusals and mailboxes, and forgive old failures.

        A mailbox that cannot be read is tried again the next time.
        """
        self.process_refusals()
        self.forgive()
        for mailbox in mailboxes:
            try:
                taken = self.read_mailbox(mailbox, stop=stop)
            except MailboxError as error:
                logger.warning("mailbox not read", extra={"because": str(error)})
            else:
                if taken:
                    logger.info("mailbox read", extra={key.value: n for key, n in taken.items()})

    def process_refusals(self) -> None:
        """Count what relays have refused for good, each message once."""
        is_more, now = True, self._clock()
        while is_more:
            with self._database.write() as connection:
                refused = bounces.rejected(
                    connection, before=now - JUDGE_AFTER, now=now, limit=BATCH
                )
                judged = [self._record(connection, _refusal(found), found) for found in refused]
            # any(): a full batch of which nothing is recorded would be selected again, for ever.
            is_more = len(judged) == BATCH and any(judged)

    def forgive(self) -> None:
        """Forget failures of addresses that a later issue arrived at."""
        now = self._clock()
        with self._database.write() as connection:
            for one in bounces.bouncing(connection, before=now - FORGIVE_AFTER):
                if is_forgiven(one.history, arrived_at=one.arrived_at, now=now):
                    bounces.save_history(connection, one.subscriber_id, BounceHistory())

    def _unsubscribe(self, sent_to: Iterable[str]) -> BounceResult:
        """End the subscription of the signed bounce address that a message was sent to."""
        with self._database.write() as connection:
            found = self._find_signed(connection, self._claims(sent_to))
            if found is None:
                return BounceResult.UNKNOWN
            old = subscriptions.get(connection, found.subscription_id)
            subscription_changes.end(
                connection, old, Ending.READER, actor=Actor(now=self._clock(), by="reader")
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
        # A signed address that does not verify is a forgery, and a guess from the text is too weak.
        if claims or not report.is_standard:
            return None
        found = self._find_returned(connection, report)
        # Complaints often hide the recipient, for privacy (Yahoo, Outlook), or name an alias.
        is_about_them = found and (report.is_complaint or found.key in report.recipients)
        return found if is_about_them else None

    def _find_returned(self, connection: Connection, report: Report) -> Addressee | None:
        """Return the addressee of the returned message, by parts that only its recipient has."""
        # What only the recipient has, the strongest first: some relays replace the Message-ID, but
        # not the addresses and links of the message.
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

    def _record(self, connection: Connection, new: NewBounce, found: Addressee) -> bool:
        """Record a bounce, suppress the address if it was one too many; return whether it is new."""
        now = self._clock()
        # Locked first: two reports at once must not both count from the same history.
        whose = bounces.lock(connection, found.subscriber_id)
        # Before the new row is there, which it would find.
        is_known_to_fail = bounces.is_known_to_fail(connection, found.delivery_id)
        if whose is None or not bounces.add(connection, new, now=now):
            return False
        if found.has_moved:
            return True  # recorded, but it says nothing of the new address
        # Here as well: `forgive` runs every few minutes, and this failure may come before it.
        is_over = is_forgiven(whose.history, arrived_at=whose.arrived_at, now=now)
        before = BounceHistory() if is_over else whose.history
        decision = decide(new.kind, before, is_known_to_fail=is_known_to_fail, now=now)
        bounces.save_history(connection, found.subscriber_id, decision.history)
        data = {"message_id": found.message_id, "kind": new.kind.value, "status": new.status}
        logger.info("bounce recorded", extra=data)
        if decision.reason:
            evidence = new.diagnostic or new.status
            address = found.key, self._links.suppression_hash(found.key)
            actor = Actor(now=now, by="program")
            subscription_changes.suppress(
                connection, address, decision.reason, evidence=evidence, actor=actor
            )
            logger.warning("address suppressed", extra={**data, "because": decision.reason.value})
        return True


def _bounce(report: Report, found: Addressee) -> NewBounce:
    kind = (
        BounceKind.COMPLAINT if report.is_complaint else kind_of(report.status, report.diagnostic)
    )
    if not report.is_standard and kind is BounceKind.GONE:
        # Guessed from the text: too weak to suppress an address at once, so it counts as one
        # failure.
        kind = BounceKind.FAILED
    return NewBounce(
        subscriber_id=found.subscriber_id,
        delivery_id=found.delivery_id,
        kind=kind,
        status=report.status,
        diagnostic=report.diagnostic,
        # With the delivery: servers report two messages in the very same words.
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
        # Without the reply: a delivery is refused for good once, however often it is looked at.
        report=sha256(b"refused %b" % found.message_id.encode()).digest(),
    )
