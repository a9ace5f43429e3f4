"""Sending what is no issue: the same protocol as of deliveries, one letter after the other.

Somebody sits and waits for a letter that asks for a confirmation, so these go out beside the
issues and never behind them: over one connection, in a thread of their own.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Event, Thread

from tidings.delivery.letters import Letterhead
from tidings.delivery.notices import Notice, notice_letter
from tidings.delivery.transports import Connect, Envelope, Send
from tidings.domain.newsletters import DeliveryState, Newsletter
from tidings.domain.retries import DOUBT, PAUSES, Verdict, judge
from tidings.errors import (
    DatabaseAwayError,
    DeliveryError,
    LeaseLostError,
    NotFoundError,
    StorageError,
    TemplateError,
)
from tidings.rendering.notices import NoticeContext, WrittenNotice
from tidings.services.delivering import LAST_WAIT, Delivered
from tidings.services.notice_contexts import NoticeWriter, subject_of
from tidings.storage import notices, relays
from tidings.storage.database import Database
from tidings.storage.leases import RENEWAL, name_of_round
from tidings.storage.notices import ClaimedNotice
from tidings.storage.outbox import Settled

logger = logging.getLogger(__name__)

CLAIMED = 8
"""Letters that are taken at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeTools:
    """What sending notices works with.

    Attributes:
        owner: This process's name, which those of its rounds begin with.
        relay: The name under which the relay's pauses are kept.
        letterhead_of: Of a newsletter; of the service itself where there is none.
        domain: The last part of every Message-ID.
    """

    database: Database
    clock: Callable[[], datetime]
    owner: str
    connect: Connect
    relay: str
    letterhead_of: Callable[[Newsletter | None], Letterhead]
    writer: NoticeWriter
    write: Callable[[NoticeContext], WrittenNotice]
    domain: str


def deliver_notices(tools: NoticeTools, *, stop: Event) -> Delivered:
    """Send all notices whose time has come; return when nothing is left, or when told to stop.

    When told to stop it waits a few seconds for the letter on its way; if that is not
    answered by then, it is on record as doubtful.
    """
    database, now = tools.database, tools.clock()
    with database.read() as connection:
        is_any = notices.is_any_due(connection, now=now)
        pause = relays.find_pause(connection, tools.relay, now=now)
    if not is_any or pause:
        return Delivered(accepted=0, failed=0)
    with database.write() as connection:
        notices.recover(connection)
        notices.withdraw(connection, now=now)
    return _Round(tools, stop=stop).run()


class _Round:
    """One run; `_work` and what it calls run on the sender's thread."""

    def __init__(self, tools: NoticeTools, *, stop: Event) -> None:
        self._tools = tools
        self._owner = name_of_round(tools.owner)
        self._stop = stop
        self._is_saved = True
        self._accepted = self._failed = 0

    def run(self) -> Delivered:
        tools = self._tools
        thread = Thread(target=self._work, name="notices", daemon=True)
        thread.start()
        renewed = time.monotonic()
        while thread.is_alive() and not self._stop.is_set():
            thread.join(0.2)
            if time.monotonic() - renewed > RENEWAL.total_seconds():
                renewed = time.monotonic()
                with suppress(DatabaseAwayError), tools.database.write() as connection:
                    notices.renew(connection, self._owner)
        thread.join(LAST_WAIT)
        self._give_back()
        return Delivered(accepted=self._accepted, failed=self._failed)

    def _work(self) -> None:
        try:
            with self._tools.connect() as send:
                while claimed := self._claim():
                    for one in claimed:
                        if self._stop.is_set() or self._settle(one, *self._attempt(one, send)):
                            return
        except StorageError as error:
            self._is_saved = False
            logger.warning("notices stopped", extra={"because": str(error)})

    def _claim(self) -> list[ClaimedNotice]:
        tools = self._tools
        with tools.database.write() as connection:
            return notices.claim(connection, self._owner, limit=CLAIMED, now=tools.clock())

    def _attempt(self, claimed: ClaimedNotice, send: Send) -> tuple[Verdict | None, str]:
        """Send a letter; return what comes of it, None if it is not ours any more or not known."""
        try:
            letterhead, letter = _letter(self._tools, claimed)
            envelope = Envelope(sender=letterhead.sender.address, recipient=claimed.address)
        except (ValueError, NotFoundError, TemplateError) as error:
            return _unfit(claimed), str(error)
        try:
            reply = str(send(envelope, letter, partial(self._mark, claimed.id)))
        except DeliveryError as error:
            verdict = judge(error, attempt=claimed.attempt, is_resend=claimed.is_resend)
            return verdict, error.because
        except (LeaseLostError, StorageError) as error:
            return None, str(error)
        except Exception as error:  # one letter must not stop the others
            logger.exception("notice failed", extra={"notice": claimed.message_id})
            return None, str(error)
        return Verdict(state=DeliveryState.ACCEPTED), reply

    def _give_back(self) -> None:
        """Release what is not finished, unless a reply could not be saved: to be assumed accepted."""
        if self._is_saved:
            now = self._tools.clock()
            with self._tools.database.write() as connection:
                notices.give_back(connection, self._owner, doubtful_until=now + DOUBT, now=now)

    def _mark(self, notice_id: int) -> None:
        with self._tools.database.write() as connection:
            notices.mark(connection, self._owner, notice_id, now=self._tools.clock())

    def _settle(self, claimed: ClaimedNotice, verdict: Verdict | None, reply: str) -> bool:
        """Note what came of a letter; say whether the relay wants to be left alone."""
        now = self._tools.clock()
        is_accepted = verdict is not None and verdict.state is DeliveryState.ACCEPTED
        self._accepted += is_accepted
        self._failed += not is_accepted
        event = "notice accepted" if is_accepted else "notice not accepted"
        data = {"kind": claimed.kind, "message_id": claimed.message_id, "reply": reply}
        logger.log(logging.INFO if is_accepted else logging.WARNING, event, extra=data)
        if verdict is None:
            return False
        settled = Settled(
            id=claimed.id,
            state=verdict.state,
            next_try_at=now + verdict.pause,
            reply=reply,
            unmarked=verdict.unmarked,
        )
        self._is_saved = False
        while not self._save(settled, pause=verdict.relay_pause):
            if self._stop.is_set():
                return True
        self._is_saved = True
        return bool(verdict.relay_pause)

    def _save(self, settled: Settled, *, pause: timedelta) -> bool:
        """Save what came of a letter, unless the database is away: then wait a moment."""
        tools, now = self._tools, self._tools.clock()
        try:
            with tools.database.write() as connection:
                notices.settle(connection, self._owner, settled, now=now)
                if pause:
                    reason = settled.reply or ""
                    relays.pause(connection, tools.relay, until=now + pause, reason=reason)
        except DatabaseAwayError:
            self._stop.wait(1)
            return False
        return True


def _unfit(claimed: ClaimedNotice) -> Verdict:
    """Return what comes of a letter that is not as letters must be, and so is not sent."""
    state = DeliveryState.UNCERTAIN if claimed.is_resend else DeliveryState.HELD
    return Verdict(state=state, pause=PAUSES[-1], unmarked=not claimed.is_resend)


def _letter(tools: NoticeTools, claimed: ClaimedNotice) -> tuple[Letterhead, bytes]:
    """Return a notice in the form of bytes, and from whom it is.

    Raises:
        NotFoundError: What it is about is not there any more.
        TemplateError: Its template cannot cope with it.
        ValueError: Something of it cannot stand in a letter.
    """
    subject = subject_of(tools.database, claimed)
    written = tools.write(tools.writer.context(claimed, subject))
    letterhead = tools.letterhead_of(subject.newsletter)
    unsubscribe_url = tools.writer.unsubscribe_url(claimed)
    notice = Notice(
        address=claimed.address,
        message_id=f"<{claimed.message_id}@{tools.domain}>",
        date=claimed.made_at,
        subject=written.subject,
        text=written.text,
        html=written.html,
        is_of_list=claimed.kind.is_of_list,
        unsubscribe_url=unsubscribe_url,
    )
    return letterhead, notice_letter(notice, letterhead)
