"""A program on loopback that is told by webhooks, and looks whether they are genuine."""

import hmac
import json
from base64 import b64decode, b64encode
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from queue import SimpleQueue
from socketserver import ThreadingTCPServer
from threading import Thread
from typing import Self

from tidings.demo.serving import HOST

# Seconds between two looks at whether the demo ends.
LOOK = 0.1


class Receiver(ThreadingTCPServer):
    """Takes webhooks; a context manager that answers while it is open.

    Attributes:
        secret: What they are to be signed with; known once the channel is added.
        told: The documents that came and were genuine.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Handler)
        self.secret = ""
        self.told: SimpleQueue[dict[str, object]] = SimpleQueue()
        self._thread = Thread(target=self.serve_forever, args=[LOOK], name="demo-receiver")

    @property
    def host(self) -> str:
        """Its `host:port`."""
        return f"{HOST}:{self.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def is_genuine(self, headers: dict[str, str], body: bytes) -> bool:
        """Tell whether a webhook is signed with the secret."""
        # As any receiver would do it, and not by what signs: the demo shows how little that takes.
        text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = b64decode(self.secret.removeprefix("whsec_"))
        expected = f"v1,{b64encode(hmac.digest(key, text, 'sha256')).decode()}"
        return hmac.compare_digest(headers["webhook-signature"], expected)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    timeout = 10

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.server.is_genuine(headers, body):
            self.server.told.put(json.loads(body))
            self.send_response(HTTPStatus.NO_CONTENT)
            self.end_headers()
        else:
            self.send_error(HTTPStatus.UNAUTHORIZED)

    def log_message(self, *_: object) -> None:
        """Say nothing: the default prints every request."""
