"""Those who speak to the web application in these tests."""

import http.client
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from browser.showcase import SITE, shipped_templates, tokens_of
from tidings.web.routes import create_app
from tidings.web.services import Check


@dataclass
class Operations:
    """What the probes are told."""

    checks: list[Check] = field(default_factory=lambda: [Check("database", ok=True, detail="")])
    asked: int = 0

    def health(self):
        return self.checks

    def metrics(self):
        return b"tidings_entries 39\n"

    def figures(self):
        return b"{}"

    def status(self):
        self.asked += 1
        return f"<!doctype html><p>asked {self.asked} times".encode()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Visitor:
    """Speaks plain HTTP: no redirects followed, no encodings undone, any header sent."""

    def __init__(self, url):
        parts = urlsplit(url)
        self._address = parts.hostname, parts.port

    def ask(self, target, *, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection(*self._address, timeout=10)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, body, names)
            response = connection.getresponse()
            answered = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, answered, response.read())
        finally:
            connection.close()


def app_of(publication, operations, site=SITE, readers=None, callbacks=None):
    return create_app(
        publication,
        site,
        templates=shipped_templates(),
        tokens=tokens_of(readers, callbacks),
        probes=operations,
    )
