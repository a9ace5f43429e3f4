"""A line to the relay: letters go out one after the other, over a connection that stays open."""

import selectors
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

from tidings.delivery.pace import RateLimit
from tidings.delivery.sessions import connection_error, describe_error, open_session
from tidings.delivery.settings import SmtpSettings
from tidings.delivery.transports import Envelope, Reply
from tidings.delivery.verdicts import CLOSING, SmtpStage, error_of_reply
from tidings.delivery.wire import StrictSmtp
from tidings.errors import LostReplyError, RelayUnreachableError

MAX_IDLE = 30.0
"""Seconds after which a connection is made again rather than trusted."""

FAREWELL = 2.0
"""Seconds that a relay has to answer our QUIT."""

OK = 250
GO_AHEAD = 354


class SmtpConnection:
    """One thread's connection to the relay, made again when it is lost or stale."""

    def __init__(self, settings: SmtpSettings, *, pace: RateLimit, tls: ssl.SSLContext) -> None:
        self._settings, self._pace, self._tls = settings, pace, tls
        self._smtp: StrictSmtp | None = None
        self._used_at = 0.0

    def send(self, envelope: Envelope, letter: bytes, mark: Callable[[], None]) -> Reply:
        """Send a letter.

        Raises:
            DeliveryError: The relay does not take it, or nobody knows whether it did.
        """
        payload = _dot_stuffed(letter)
        self._pace.wait()
        smtp = self._ready_for(envelope, size=len(letter))
        try:
            mark()
        except BaseException:
            self._hang_up()  # without its final dot a letter is not sent
            raise
        return self._hand_over(smtp, envelope.recipient, payload)

    def close(self) -> None:
        """Take leave of the relay."""
        if self._smtp is not None:
            self._smtp.timeout = FAREWELL
            with suppress(OSError):
                self._smtp.quit()
        self._hang_up()

    def _ready_for(self, envelope: Envelope, *, size: int) -> StrictSmtp:
        """Bring the relay to the point where the letter itself comes next."""
        is_used = self._smtp is not None
        try:
            return self._announced(envelope, size=size)
        except RelayUnreachableError:
            if not is_used:
                raise
        # Many relays end a connection after some time or number of letters.
        return self._announced(envelope, size=size)

    def _connected(self, recipient: str) -> StrictSmtp:
        if self._smtp is not None and self._is_stale(self._smtp):
            self._hang_up()
        if self._smtp is None:
            self._smtp = open_session(self._settings, self._tls, recipient=recipient)
        return self._smtp

    def _is_stale(self, smtp: StrictSmtp) -> bool:
        """Tell whether the relay has, or may have, closed the connection since the last letter."""
        if time.monotonic() - self._used_at > MAX_IDLE or smtp.sock is None:
            return True
        with selectors.DefaultSelector() as selector:
            selector.register(smtp.sock, selectors.EVENT_READ)
            return bool(selector.select(0))  # nobody speaks unasked but to say good-bye

    def _announced(self, envelope: Envelope, *, size: int) -> StrictSmtp:
        """Say what comes, at once where the relay lets us, until it says "go ahead"."""
        smtp = self._connected(envelope.recipient)
        declared = f" SIZE={size}" if smtp.has_extn("size") else ""
        commands = {
            SmtpStage.MAIL: f"MAIL FROM:<{envelope.sender}>{declared}",
            SmtpStage.RCPT: f"RCPT TO:<{envelope.recipient}>",
            SmtpStage.DATA: "DATA",
        }
        is_pipelined = smtp.has_extn("pipelining")
        try:
            if is_pipelined:
                smtp.send("\r\n".join([*commands.values(), ""]))
            for position, (stage, command) in enumerate(commands.items(), start=1):
                reply = Reply.read(*(smtp.getreply() if is_pipelined else smtp.docmd(command)))
                if reply.code // 100 != (3 if stage is SmtpStage.DATA else 2):
                    unread = len(commands) - position if is_pipelined else 0
                    self._start_over(smtp, reply, unread=unread)
                    raise error_of_reply(envelope.recipient, reply, stage)
        except OSError as error:
            self._hang_up()
            raise connection_error(envelope.recipient, error) from error
        return smtp

    def _start_over(self, smtp: StrictSmtp, refusal: Reply, *, unread: int) -> None:
        """Make the connection ready for the next letter, or give it up."""
        with suppress(OSError):
            last = [smtp.getreply()[0] for _ in range(unread)][-1:]
            # To one who waits for a letter to nobody, even an empty one must not be sent.
            is_waiting = last == [GO_AHEAD] or refusal.code == GO_AHEAD
            if refusal.code != CLOSING and not is_waiting and smtp.rset()[0] == OK:
                self._used_at = time.monotonic()
                return
        self._hang_up()

    def _hand_over(self, smtp: StrictSmtp, recipient: str, payload: bytes) -> Reply:
        try:
            smtp.send(payload)
            patience = self._settings.reply_timeout.total_seconds()
            reply = Reply.read(*smtp.reply_within(patience))
        except BaseException as error:
            self._hang_up()
            if not isinstance(error, OSError):
                raise
            raise LostReplyError(recipient, describe_error(error)) from error
        self._used_at = time.monotonic()
        if reply.code // 100 == 2:
            return reply
        if reply.code == CLOSING or reply.code // 100 == 3:
            self._hang_up()
        if reply.code // 100 == 3:
            raise LostReplyError(recipient, f"answered out of turn: {reply}")
        raise error_of_reply(recipient, reply, SmtpStage.END)

    def _hang_up(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()


def _dot_stuffed(letter: bytes) -> bytes:
    """Return a letter as it goes over the wire, with the dot that ends it (RFC 5321, 4.5.2)."""
    stuffed = letter.replace(b"\r\n.", b"\r\n..")
    first = b"." if letter.startswith(b".") else b""
    end = b".\r\n" if letter.endswith(b"\r\n") else b"\r\n.\r\n"
    return first + stuffed + end
