"""A small IMAP server on loopback, over TLS: one folder, whose messages have numbers and flags."""

import re
import socketserver
from contextlib import suppress
from threading import Thread

PASSWORD = 's3cret "word"'


class FakeImap:
    """Listens on `127.0.0.1` and a port of its own; a context manager.

    `messages` are those of the folder by number, `seen` the numbers that are flagged so,
    `fetched` those that were asked for, in turn. A command in `refused` is answered with NO.
    """

    def __init__(self, tls, *messages):
        self.messages = dict(enumerate(messages, start=7))
        self.seen = set()
        self.fetched = []
        self.commands = []
        self.refused = set()
        self.validity = 1
        self._tls = tls

    def __enter__(self):
        served = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                with suppress(OSError):
                    stream = served._tls.wrap_socket(self.request, server_side=True)
                    with stream, stream.makefile("rwb") as file:
                        served._talk(file)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _talk(self, file):
        said = b"* OK ready\r\n"
        while said:
            file.write(said)
            file.flush()
            line = file.readline().decode().rstrip("\r\n")
            said = self._answer(line) if line else b""

    def _answer(self, line):
        tag, _, command = line.partition(" ")
        self.commands.append(command)
        verb = command.removeprefix("UID ").split(" ")[0]
        if verb in self.refused:
            return f"{tag} NO not now\r\n".encode()
        data = getattr(self, f"_{verb.lower()}")(command)
        if data is None:
            return f"{tag} NO [AUTHENTICATIONFAILED] who are you?\r\n".encode()
        return data + f"{tag} OK done\r\n".encode()

    def _capability(self, _):
        return b"* CAPABILITY IMAP4rev1\r\n"

    def _login(self, command):
        escaped = PASSWORD.replace('"', '\\"')
        return b"" if command.endswith(f'"{escaped}"') else None

    def _select(self, command):
        assert command == 'SELECT "Mail/Bounces"'
        return (
            f"* {len(self.messages)} EXISTS\r\n* OK [UIDVALIDITY {self.validity}] ok\r\n".encode()
        )

    def _search(self, command):
        first = int(re.search(r"UID (\d+):\*", command)[1])
        last = max(self.messages, default=0)
        asked = {n for n in self.messages if n >= first} | ({last} if self.messages else set())
        numbers = " ".join(map(str, sorted(asked - self.seen)))
        return f"* SEARCH {numbers}".rstrip().encode() + b"\r\n"

    def _fetch(self, command):
        number, size = map(
            int, re.fullmatch(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", command).groups()
        )
        self.fetched.append(number)
        if number not in self.messages:
            return b""
        data = self.messages[number][:size]
        return b"* 1 FETCH (UID %d BODY[]<0> {%d}\r\n%b)\r\n" % (number, len(data), data)

    def _store(self, command):
        number = int(re.fullmatch(r"UID STORE (\d+) \+FLAGS\.SILENT \(\\Seen\)", command)[1])
        self.seen.add(number)
        return b""

    def _logout(self, _):
        return b"* BYE\r\n"
