"""A line to the relay: letters go out one after the other, over a connection that stays open.

The SMTP transport: one relay, and a line to it for every thread.

How a session with the relay begins: connection, encryption, AUTH — or why it does not.

SMTP connections on which a reply comes whole, well-formed and in time, or not at all.

How fast letters may go out to one relay, whatever the number of threads.

What a relay's refusal means: come back later, give up on the recipient, or look at ourselves.
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
from tidings.mail.transport import Envelope, Reply, Send
from tidings.model.refusals import RefusalSubject, names_size, subject_of

# Seconds after which a connection is made again rather than trusted.
MAX_IDLE = 30.0

# Seconds that a relay has to answer our QUIT.
FAREWELL = 2.0

OK = 250

GO_AHEAD = 354

# Bytes of a line; RFC 5321 promises at most 512.
MAX_LINE = 2000

MAX_LINES = 100

_LINE = re.compile(rb"(?P<code>[2-5]\d\d)(?:(?P<mark>[ -])(?P<text>[^\r\n]*))?\r?\n")

# Seconds by which somebody who came late may make up for it.
CATCH_UP = 0.1


class StrictSmtp(smtplib.SMTP):
    """A connection without encryption, or with STARTTLS; `timeout` holds for every reply.

    The standard library's own waits that long for every few bytes, so a relay that drips
    would hold it for hours.
    """

    def getreply(self) -> tuple[int, bytes]:
        """Wait for a reply, and close the connection if none comes."""
        return self.reply_within(self.timeout)

    def reply_within(self, seconds: float) -> tuple[int, bytes]:
        """Wait so long for a reply, and close the connection if none comes.

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


class RateLimit:
    """A bucket of tokens that fills at a steady rate, shared by all threads.

    Args:
        per_second: Letters; 0 for as many as will.
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

    def wait(self) -> None:
        """Return when the next letter may go."""
        if not self._interval:
            return
        with self._lock:
            now = self._clock()
            turn = max(self._next, now - CATCH_UP)
            self._next = turn + self._interval
        if turn > now:
            self._sleep(turn - now)


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


class Relay:
    """A mail server that passes letters on, as seen by all threads of this process."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._pace = RateLimit(settings.per_second)
        # Reading all the certificates that are trusted takes a while; without TLS none is.
        is_clear = settings.security == "none"
        self._tls = (
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_clear else ssl.create_default_context()
        )

    @contextmanager
    def connect(self) -> Iterator[Send]:
        """Give a thread a connection of its own, made when the first letter goes out."""
        line = SmtpConnection(self._settings, pace=self._pace, tls=self._tls)
        try:
            yield line.send
        finally:
            line.close()


def open_session(settings: SmtpSettings, tls: ssl.SSLContext, *, recipient: str) -> StrictSmtp:
    """Connect, and do what must come before the first letter.

    Raises:
        DeliveryError: The relay is not there, or does not want us.
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
    """Return what a broken connection amounts to before the letter is on its way."""
    return RelayUnreachableError(recipient, describe_error(error), stops_relay=True)


def describe_error(error: OSError | ValueError) -> str:
    """Return what became of a connection, in few words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _introduce(smtp: StrictSmtp, settings: SmtpSettings, tls: ssl.SSLContext) -> None:
    if smtp.sock is not None:  # a letter is one write; its end need not wait for more
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


class StrictSmtpTls(StrictSmtp, smtplib.SMTP_SSL):
    """A connection that is encrypted from the first byte on."""


class SmtpStage(StrEnum):
    """What was asked of the relay when it refused."""

    SESSION = "session"
    """The connection itself: greeting, EHLO, STARTTLS, AUTH."""
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END = "end"
    """The letter is through; the relay says whether it takes it."""


CLOSING = 421

TOO_MUCH = 552

# The relay does not understand us, or does not want to.
PROTOCOL_FAULTS = {500, 502, 503, 504, 521, 555}

# The relay wants us to log in, or to do it otherwise.
ACCESS_FAULTS = {530, 534, 535, 538}

# The relay itself is full or not well.
_SYSTEM_STATUS = re.compile(r"#?4\.3\.\d+\b")

# One mailbox, or whoever is seen for the first time: neither says anything of the others.
_OF_RECIPIENT = re.compile(r"#?4\.[12]\.\d+\b|.*\bgr[ae]y-?list", re.IGNORECASE)


def error_of_reply(recipient: str, reply: Reply, stage: SmtpStage) -> DeliveryError:
    """Return the error that a reply amounts to, given that it does not accept.

    Before it knows the recipient, a relay that refuses refuses us. Afterwards its words say
    whom it means; where they do not, the answer to the recipient's name is about them, and the
    answer to the letter about the letter.
    """
    knows_recipient = stage in {SmtpStage.RCPT, SmtpStage.DATA, SmtpStage.END}
    because, subject = str(reply), subject_of(reply.text)
    is_full = (
        reply.code == TOO_MUCH and stage is SmtpStage.RCPT and subject is not RefusalSubject.OURS
    )
    if reply.code // 100 == 4 or is_full:
        return _for_now(recipient, reply, knows_recipient=knows_recipient)
    if reply.code // 100 != 5:
        return RelayUnreachableError(
            recipient, f"answered out of turn: {because}", stops_relay=True
        )
    if reply.code in PROTOCOL_FAULTS | ACCESS_FAULTS:
        return SenderFaultError(recipient, because, stops_relay=True)
    is_of_size = reply.code == TOO_MUCH or names_size(reply.text)
    if is_of_size and not (knows_recipient and subject is RefusalSubject.RECIPIENT):
        return SenderFaultError(recipient, because)  # other issues may be smaller
    if not knows_recipient:
        return SenderFaultError(recipient, because, stops_relay=True)
    return _for_good(recipient, because, subject, stage)


def _for_good(
    recipient: str, because: str, subject: RefusalSubject, stage: SmtpStage
) -> DeliveryError:
    if subject is RefusalSubject.PACE:
        return RefusedForNowError(recipient, because)
    if subject is RefusalSubject.UNKNOWN:
        subject = RefusalSubject.RECIPIENT if stage is SmtpStage.RCPT else RefusalSubject.OURS
    if subject is RefusalSubject.RECIPIENT:
        return RejectedError(recipient, because)
    return SenderFaultError(recipient, because, is_of_domain=True)


def _for_now(recipient: str, reply: Reply, *, knows_recipient: bool) -> RefusedForNowError:
    stops = (
        not knows_recipient or reply.code == CLOSING or _SYSTEM_STATUS.match(reply.text) is not None
    )
    is_of_domain = not stops and _OF_RECIPIENT.match(reply.text) is None
    return RefusedForNowError(recipient, str(reply), stops_relay=stops, is_of_domain=is_of_domain)
