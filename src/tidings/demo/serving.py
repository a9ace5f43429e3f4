"""Serving sites on loopback: a port for each, and one thread that accepts all connections."""

import gzip
import selectors
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from email.utils import format_datetime
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Thread
from urllib.parse import urlsplit

from tidings.demo.site_documents import PublisherSite, StaticDocument

HOST = "127.0.0.1"


class SiteServer(ThreadingTCPServer):
    """A listening port of its own for one site.

    Not an `HTTPServer`: that asks the resolver for its own name, which may take seconds.

    Attributes:
        site: What is served. Set once every port is known, because sites link to each other.
    """

    # A visitor that keeps a connection open must not keep the program from ending.
    daemon_threads = True
    request_queue_size = 64
    # `handle_request` is called when somebody is there, and must not wait if they have gone.
    timeout = 0
    site: PublisherSite

    def __init__(self) -> None:
        # Any free port: nothing of the operator's is in the way.
        super().__init__((HOST, 0), _Handler)

    @property
    def base(self) -> str:
        """The site's address, without a slash at the end."""
        return f"http://{HOST}:{self.server_address[1]}"


@contextmanager
def serving(servers: Sequence[SiteServer]) -> Iterator[None]:
    """Answer the visitors of all `servers` until the block ends."""
    # Something to select on beside the ports; a flag would have to be looked at again and again.
    stop, stopped = socket.socketpair()
    doorkeeper = Thread(target=_let_in, args=(servers, stopped), name="demo-world", daemon=True)
    with stop, stopped:
        doorkeeper.start()
        try:
            yield
        finally:
            stop.send(b"\0")
            doorkeeper.join()


def _let_in(servers: Sequence[SiteServer], stopped: socket.socket) -> None:
    # One selector, because `serve_forever` per port would look at its flag every half second.
    with selectors.DefaultSelector() as selector:
        selector.register(stopped, selectors.EVENT_READ)
        for server in servers:
            selector.register(server, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if not isinstance(key.fileobj, SiteServer):
                    return
                key.fileobj.handle_request()


class _Handler(BaseHTTPRequestHandler):
    """One request and its answer, in HTTP/1.0: no idle connection outlives the world."""

    server: SiteServer
    server_version = "demo"
    sys_version = ""
    timeout = 10

    def handle(self) -> None:
        with suppress(ConnectionError):  # a visitor who went away is no news
            super().handle()

    def do_GET(self) -> None:
        document = self.server.site.find_document(urlsplit(self.path).path)
        if document is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        elif self._is_known(document):
            self.send_response(HTTPStatus.NOT_MODIFIED)
            self._end_headers(document)
        else:
            self._send(document)

    do_HEAD = do_GET  # noqa: N815 (http.server finds it by this name)

    def log_message(self, *_: object) -> None:
        """Say nothing: the default prints every request."""

    def _is_known(self, document: StaticDocument) -> bool:
        """Say whether the visitor has `document`; a date counts if it is the one we gave."""
        tags = self.headers.get("If-None-Match")
        if tags is not None:
            return _etag(document) in {tag.strip() for tag in tags.split(",")}
        return self.headers.get("If-Modified-Since") == self._last_modified

    def _send(self, document: StaticDocument) -> None:
        body = document.body
        self.send_response(HTTPStatus.OK)
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, mtime=0)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", document.media_type)
        self.send_header("Content-Length", str(len(body)))
        self._end_headers(document)
        if self.command != "HEAD":
            self.wfile.write(body)

    def _end_headers(self, document: StaticDocument) -> None:
        self.send_header("ETag", _etag(document))
        self.send_header("Last-Modified", self._last_modified)
        self.send_header("Vary", "Accept-Encoding")
        self.end_headers()

    @property
    def _last_modified(self) -> str:
        return format_datetime(self.server.site.now, usegmt=True)


def _etag(document: StaticDocument) -> str:
    # Weak, because the compressed form is the same document in other bytes.
    return f'W/"{sha256(document.body).hexdigest()[:16]}"'
