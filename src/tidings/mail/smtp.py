"""The SMTP transport: a connection to the relay per thread, kept open, with one rate limit for all.

Every failure becomes one of four errors: try again later, reject the recipient, a fault of the
sender, or the reply was lost.
"""

import re
import selectors
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from threading import Lock

from tidings.errors import (
    DeliveryError,
    LostReplyError,
    RefusedForNowError,
    RejectedError,
    RelayUnreachableError,
    SenderFaultError,
)
from tidings.mail.settings import SmtpSettings
from tidings.mail.transport import OutgoingMessage, Reply, Send
from tidings.model.refusals import RefusalSubject, names_size, subject_of

# Seconds after which an idle connection is not trusted any more: firewalls drop it without a word.
MAX_IDLE = 30.0

# Seconds that the reply to QUIT is waited for.
QUIT_TIMEOUT = 2.0

OK = 250

GO_AHEAD = 354

# Bytes of a reply line; RFC 5321, 4.5.3.1.5, allows 512, and some relays explain themselves longer.
MAX_LINE = 2000

MAX_LINES = 100

_LINE = re.compile(rb"(?P<code>[2-5]\d\d)(?:(?P<mark>[ -])(?P<text>[^\r\n]*))?\r?\n")

# Seconds of delay that the next messages may make up for.
MAX_CATCH_UP = 0.1

CLOSING = 421

STORAGE_EXCEEDED = 552

# The relay rejects the command itself, or does not accept mail at all (521, RFC 7504).
PROTOCOL_FAULTS = {500, 502, 503, 504, 521, 555}

# The relay wants AUTH, another mechanism, or encryption first (RFC 4954).
ACCESS_FAULTS = {530, 534, 535, 538}

# "Mail system status" (RFC 3463): the relay itself is full or not well.
_SYSTEM_STATUS = re.compile(r"#?4\.3\.\d+\b")

# A mailbox, or greylisting: neither says anything about other recipients of the domain.
_OF_RECIPIENT = re.compile(r"#?4\.[12]\.\d+\b|.*\bgr[ae]y-?list", re.IGNORECASE)


class SmtpStage(StrEnum):
    """The step of an SMTP session at which the relay refused."""

    SESSION = "session"
    """The connection itself: greeting, EHLO, STARTTLS, AUTH."""
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END = "end"
    """After the final dot: the relay says whether it accepts the message."""


# DATA must be the last of a group (RFC 2920, 3.1).
_ENVELOPE_STAGES = (SmtpStage.MAIL, SmtpStage.RCPT, SmtpStage.DATA)


class StrictSmtp(smtplib.SMTP):
    """A connection without encryption, or with STARTTLS; `timeout` holds for a whole reply.

    In the standard library it holds for every read, so a relay that sends a byte at a time would
    hold a thread for hours.
    """

    def getreply(self) -> tuple[int, bytes]:
        """Wait for a reply, and close the connection if none comes."""
        return self.reply_within(self.timeout)

    def reply_within(self, seconds: float) -> tuple[int, bytes]:
        """Wait up to `seconds` for a reply, and close the connection if none comes.

        Raises:
            OSError: The connection is lost, or what came is no reply.
        """
        sock = self.sock
        if sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        try:
            reply = self._read_reply(sock, time.monotonic() + seconds)
            sock.settimeout(self.timeout)  # for what is written next
        except BaseException:
            self.close()
            raise
        return reply

    def _read_reply(self, sock: socket.socket, deadline: float) -> tuple[int, bytes]:
        texts = []
        for _ in range(MAX_LINES):
            line = self._read_line(sock, deadline)
            match = _LINE.fullmatch(line)
            if match is None:
                raise ConnectionError(f"not an SMTP reply: {line[:80]!r}")
            texts.append((match["text"] or b"").strip())
            if match["mark"] != b"-":
                return int(match["code"]), b"\n".join(texts)
        raise ConnectionError("an SMTP reply without end")

    def _read_line(self, sock: socket.socket, deadline: float) -> bytes:
        self.file = self.file or sock.makefile("rb")
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or len(line) > MAX_LINE:
                raise TimeoutError("no reply in time" if left <= 0 else "a reply without end")
            sock.settimeout(left)
            waiting = self.file.peek()
            if not waiting:
                raise smtplib.SMTPServerDisconnected("the relay closed the connection")
            end = waiting.find(b"\n") + 1
            line += self.file.read(end or len(waiting))
        return line


class StrictSmtpTls(StrictSmtp, smtplib.SMTP_SSL):
    """A connection that is encrypted from the first byte on."""


class RateLimit:
    """A token bucket, shared by all threads.

    Args:
        per_second: Messages; 0 for no limit.
        clock: Seconds, monotonic.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._clock, self._sleep = clock, sleep
        self._lock = Lock()
        self._next = clock()

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit at all."""
        return self._interval > 0

    def wait(self) -> None:
        """Return when the next message may be sent."""
        if not self._interval:
            return
        with self._lock:
            now = self._clock()
            turn = max(self._next, now - MAX_CATCH_UP)
            self._next = turn + self._interval
        # Outside the lock: each thread has its turn already, and sleeps until then.
        if turn > now:
            self._sleep(turn - now)


class SmtpConnection:
    """One thread's connection to the relay, reopened when it is lost or stale.

    Where the relay allows it (PIPELINING, RFC 2920), MAIL, RCPT and DATA of a message go in one
    write, and those of the next behind the final dot of the one before: one round trip a message.
    """

    def __init__(
        self, settings: SmtpSettings, *, rate_limit: RateLimit, tls: ssl.SSLContext
    ) -> None:
        self._settings, self._rate_limit, self._tls = settings, rate_limit, tls
        self._smtp: StrictSmtp | None = None
        self._used_at = 0.0
        self._is_used = False  # a message was answered over this connection
        # Whose envelope went along with the message before, and is not answered yet.
        self._announced: OutgoingMessage | None = None
        self._may_announce = not rate_limit.is_limited
        self._bears_announcing = False  # it has before

    def send(
        self,
        message: OutgoingMessage,
        mark: Callable[[], None],
        *,
        following: OutgoingMessage | None = None,
    ) -> Reply:
        """Send a message, and the envelope of the following one.

        Raises:
            DeliveryError: The relay refused it, or its reply was lost.
        """
        payload = _dot_stuffed(message.content)
        smtp = self._go_ahead(message)
        try:
            # As late as possible, after the "354 go ahead": a crash from here on leaves it in
            # doubt.
            mark()
        except BaseException:
            self._disconnect()  # without the final dot nothing is sent
            raise
        return self._send_payload(smtp, message.envelope.recipient, payload, following)

    def close(self) -> None:
        """Send QUIT, and close the connection."""
        # After "354 go ahead" it would be taken for the first line of a message.
        if self._smtp is not None and self._announced is None:
            self._smtp.timeout = QUIT_TIMEOUT
            with suppress(OSError):
                self._smtp.quit()
        self._disconnect()

    def _go_ahead(self, message: OutgoingMessage) -> StrictSmtp:
        """Return the connection once the relay has said "354 go ahead" to a message."""
        if self._announced is message and self._smtp is not None:
            with suppress(RelayUnreachableError):
                return self._read_announced(self._smtp, message)
            # Whoever cannot cope with it would be asked in vain for every message; who could was
            # only closing the connection.
            self._may_announce = self._bears_announcing
        elif self._announced is not None:
            self._disconnect()  # the relay waits for another message
        self._rate_limit.wait()
        is_used = self._smtp is not None
        try:
            return self._send_envelope(message)
        except RelayUnreachableError:
            if not is_used:
                raise
        # Many relays close a connection after some time or number of messages (Exim after 1,000).
        return self._send_envelope(message)

    def _connected(self, recipient: str) -> StrictSmtp:
        if self._smtp is not None and self._is_stale(self._smtp):
            self._disconnect()
        if self._smtp is None:
            self._smtp = open_session(self._settings, self._tls, recipient=recipient)
        return self._smtp

    def _is_stale(self, smtp: StrictSmtp) -> bool:
        """Tell whether the relay has, or may have, closed the connection since the last message."""
        if time.monotonic() - self._used_at > MAX_IDLE or smtp.sock is None:
            return True
        with selectors.DefaultSelector() as selector:
            selector.register(smtp.sock, selectors.EVENT_READ)
            # A server says nothing unasked but "421 closing", or the end of the stream.
            return bool(selector.select(0))

    def _send_envelope(self, message: OutgoingMessage) -> StrictSmtp:
        """Send MAIL, RCPT and DATA until "354 go ahead"."""
        smtp = self._connected(message.envelope.recipient)
        commands = _commands(smtp, message)
        with self._lost_as_unreachable(message):
            if is_pipelined := smtp.has_extn("pipelining"):
                smtp.send(b"".join(commands.values()))
            for position, (stage, command) in enumerate(commands.items(), start=1):
                if not is_pipelined:
                    smtp.send(command)
                unread = len(commands) - position if is_pipelined else 0
                self._read_step(smtp, message, stage, unread=unread)
        return smtp

    def _read_announced(self, smtp: StrictSmtp, message: OutgoingMessage) -> StrictSmtp:
        """Read the replies to an envelope that went along with the message before."""
        self._announced = None
        with self._lost_as_unreachable(message):
            for unread, stage in zip((2, 1, 0), _ENVELOPE_STAGES, strict=True):
                self._read_step(smtp, message, stage, unread=unread, is_announced=True)
        self._bears_announcing = True
        return smtp

    def _read_step(
        self,
        smtp: StrictSmtp,
        message: OutgoingMessage,
        stage: SmtpStage,
        *,
        unread: int,
        is_announced: bool = False,
    ) -> None:
        """Read the reply to a step of the envelope, and raise it if it is a refusal."""
        reply = Reply.read(*smtp.getreply())
        if reply.code // 100 == (3 if stage is SmtpStage.DATA else 2):
            return
        is_of_order = stage is SmtpStage.MAIL or reply.code in PROTOCOL_FAULTS | {CLOSING}
        has_had_enough = self._is_used and reply.code == CLOSING and stage is SmtpStage.MAIL
        if has_had_enough or (is_announced and is_of_order):
            # The connection is closing, or commands are not wanted this early: not a refusal.
            raise ConnectionResetError(str(reply))
        self._reset_after(smtp, reply, unread=unread)
        raise error_of_reply(message.envelope.recipient, reply, stage)

    @contextmanager
    def _lost_as_unreachable(self, message: OutgoingMessage) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._disconnect()
            raise connection_error(message.envelope.recipient, error) from error

    def _reset_after(self, smtp: StrictSmtp, refusal: Reply, *, unread: int) -> None:
        """Make the connection ready for the next message after a refusal, or close it."""
        with suppress(OSError):
            last = [smtp.getreply()[0] for _ in range(unread)][-1:]
            # A relay that accepts DATA without a recipient waits for a message: RSET would be its
            # first line, and an empty message might be delivered somewhere.
            is_waiting = last == [GO_AHEAD] or refusal.code == GO_AHEAD
            if refusal.code != CLOSING and not is_waiting and smtp.rset()[0] == OK:
                self._used_at = time.monotonic()
                return
        self._disconnect()

    def _send_payload(
        self, smtp: StrictSmtp, recipient: str, payload: bytes, following: OutgoingMessage | None
    ) -> Reply:
        if following and self._may_announce and smtp.has_extn("pipelining"):
            payload = b"".join((payload, *_commands(smtp, following).values()))
            self._announced = following
        try:
            smtp.send(payload)
            seconds = self._settings.reply_timeout.total_seconds()
            reply = Reply.read(*smtp.reply_within(seconds))
        except BaseException as error:
            self._disconnect()
            if not isinstance(error, OSError):
                raise
            raise LostReplyError(recipient, describe_error(error)) from error
        self._used_at, self._is_used = time.monotonic(), True
        if reply.code // 100 == 2:
            return reply
        if reply.code == CLOSING or reply.code // 100 == 3:
            self._disconnect()
        if reply.code // 100 == 3:
            raise LostReplyError(recipient, f"answered out of turn: {reply}")
        raise error_of_reply(recipient, reply, SmtpStage.END)

    def _disconnect(self) -> None:
        smtp, self._smtp, self._announced = self._smtp, None, None
        self._is_used = False
        if smtp is not None:
            smtp.close()


class Relay:
    """The mail server that messages are handed to; shared by all threads of this process."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._rate_limit = RateLimit(settings.per_second)
        # Loading the trusted certificates takes tens of milliseconds; without TLS none are needed.
        is_clear = settings.security == "none"
        self._tls = (
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_clear else ssl.create_default_context()
        )

    @contextmanager
    def connect(self) -> Iterator[Send]:
        """Give a thread a connection of its own, opened with its first message."""
        connection = SmtpConnection(self._settings, rate_limit=self._rate_limit, tls=self._tls)
        try:
            yield connection.send
        finally:
            connection.close()


def _commands(smtp: StrictSmtp, message: OutgoingMessage) -> dict[SmtpStage, bytes]:
    envelope = message.envelope
    declared = f" SIZE={len(message.content)}" if smtp.has_extn("size") else ""
    lines = (f"MAIL FROM:<{envelope.sender}>{declared}", f"RCPT TO:<{envelope.recipient}>", "DATA")
    return {
        stage: f"{line}\r\n".encode() for stage, line in zip(_ENVELOPE_STAGES, lines, strict=True)
    }


def _dot_stuffed(content: bytes) -> bytes:
    """Return a message as it is transmitted, with the dot that ends it (RFC 5321, 4.5.2)."""
    # Our own encodings leave nothing to be replaced. Looked for from the end, which for so short a
    # pattern takes half the time.
    has_dots = content.rfind(b"\r\n.") >= 0
    stuffed = content.replace(b"\r\n.", b"\r\n..") if has_dots else content
    first = b"." if content.startswith(b".") else b""
    end = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
    return first + stuffed + end


def open_session(settings: SmtpSettings, tls: ssl.SSLContext, *, recipient: str) -> StrictSmtp:
    """Connect, and do what comes before the first message: TLS, EHLO, AUTH.

    Raises:
        DeliveryError: The relay cannot be reached, or refuses us.
    """
    seconds = settings.timeout.total_seconds()
    smtp: StrictSmtp | None = None
    try:
        if settings.security == "tls":
            smtp = StrictSmtpTls(settings.host, settings.port, timeout=seconds, context=tls)
        else:
            smtp = StrictSmtp(settings.host, settings.port, timeout=seconds)
        _introduce(smtp, settings, tls)
    except (OSError, ValueError) as error:  # ValueError: a challenge in AUTH that is no base64
        if smtp is not None:
            smtp.close()
        raise _session_error(recipient, error) from error
    return smtp


def connection_error(recipient: str, error: OSError | ValueError) -> RelayUnreachableError:
    """Return the error for a connection that broke before the payload was sent."""
    return RelayUnreachableError(recipient, describe_error(error), stops_relay=True)


def describe_error(error: OSError | ValueError) -> str:
    """Return what happened to a connection, in a few words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _introduce(smtp: StrictSmtp, settings: SmtpSettings, tls: ssl.SSLContext) -> None:
    if smtp.sock is not None:
        # Nagle's algorithm would hold back the end of each message for the relay's delayed ACK.
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    smtp.ehlo_or_helo_if_needed()
    if settings.security == "starttls":
        smtp.starttls(context=tls)
        smtp.ehlo_or_helo_if_needed()
    if settings.user:
        smtp.login(settings.user, settings.password)


def _session_error(recipient: str, error: OSError | ValueError) -> DeliveryError:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        raw = said if isinstance(said, bytes) else said.encode()
        return error_of_reply(recipient, Reply.read(error.smtp_code, raw), SmtpStage.SESSION)
    is_misfit = isinstance(error, smtplib.SMTPException)
    if is_misfit and not isinstance(error, smtplib.SMTPServerDisconnected):
        return SenderFaultError(recipient, str(error).rstrip("."), stops_relay=True)
    return connection_error(recipient, error)


def error_of_reply(recipient: str, reply: Reply, stage: SmtpStage) -> DeliveryError:
    """Return the error for a reply that is not the expected one.

    Whose fault it is: before RCPT ours; afterwards what its text says; if that says nothing, the
    recipient's at RCPT, and ours after the payload.
    """
    knows_recipient = stage in {SmtpStage.RCPT, SmtpStage.DATA, SmtpStage.END}
    because, subject = str(reply), subject_of(reply.text)
    # RFC 5321 lets servers say 552 for a full mailbox, and wants clients to try again (4.5.3.1.10).
    is_full = (
        reply.code == STORAGE_EXCEEDED
        and stage is SmtpStage.RCPT
        and subject is not RefusalSubject.OURS
    )
    if reply.code // 100 == 4 or is_full:
        return _temporary_error(recipient, reply, knows_recipient=knows_recipient)
    if reply.code // 100 != 5:
        return RelayUnreachableError(
            recipient, f"answered out of turn: {because}", stops_relay=True
        )
    if reply.code in PROTOCOL_FAULTS | ACCESS_FAULTS:
        return SenderFaultError(recipient, because, stops_relay=True)
    is_of_size = reply.code == STORAGE_EXCEEDED or names_size(reply.text)
    if is_of_size and not (knows_recipient and subject is RefusalSubject.RECIPIENT):
        return SenderFaultError(recipient, because)  # other issues may be smaller
    if not knows_recipient:
        return SenderFaultError(recipient, because, stops_relay=True)
    return _permanent_error(recipient, because, subject, stage)


def _permanent_error(
    recipient: str, because: str, subject: RefusalSubject, stage: SmtpStage
) -> DeliveryError:
    # Some say "too many messages, slow down" with a 5xx code: that is no reason to give up.
    if subject is RefusalSubject.PACE:
        return RefusedForNowError(recipient, because)
    if subject is RefusalSubject.UNKNOWN:
        subject = RefusalSubject.RECIPIENT if stage is SmtpStage.RCPT else RefusalSubject.OURS
    if subject is RefusalSubject.RECIPIENT:
        return RejectedError(recipient, because)
    return SenderFaultError(recipient, because, is_of_domain=True)


def _temporary_error(recipient: str, reply: Reply, *, knows_recipient: bool) -> RefusedForNowError:
    stops = (
        not knows_recipient or reply.code == CLOSING or _SYSTEM_STATUS.match(reply.text) is not None
    )
    is_of_domain = not stops and _OF_RECIPIENT.match(reply.text) is None
    return RefusedForNowError(recipient, str(reply), stops_relay=stops, is_of_domain=is_of_domain)
