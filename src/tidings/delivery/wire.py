"""SMTP connections on which a reply comes whole, well-formed and in time, or not at all."""

import re
import smtplib
import socket
import time

MAX_LINE = 2000
"""Bytes of a line; RFC 5321 promises at most 512."""

MAX_LINES = 100

_LINE = re.compile(rb"(?P<code>[2-5]\d\d)(?:(?P<mark>[ -])(?P<text>[^\r\n]*))?\r?\n")


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


class StrictSmtpTls(StrictSmtp, smtplib.SMTP_SSL):
    """A connection that is encrypted from the first byte on."""
