"""A hub on loopback: it takes what it is asked, and asks and pushes when the test says so."""

import hmac
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from fake_publisher import FakePublisher, answer
from web.visitors import Visitor

CHALLENGE = "a-challenge_0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a hub was asked for."""

    mode: str
    topic: str
    callback: str
    secret: str
    lease: int


class FakeHub(FakePublisher):
    """A context manager; `hub.url()` is where it is asked."""

    def __enter__(self):
        super().__enter__()
        self.serve("/", answer("202 Accepted"))
        return self

    @property
    def asked(self):
        return [
            Asked(
                mode=form["hub.mode"],
                topic=form["hub.topic"],
                callback=form["hub.callback"],
                secret=form["hub.secret"],
                lease=int(form["hub.lease_seconds"]),
            )
            for form in self._forms()
            if form["hub.mode"] != "publish"
        ]

    @property
    def told(self):
        """Return the addresses of the feeds it was told of, in that order."""
        told = [form for form in self._forms() if form["hub.mode"] == "publish"]
        assert all(form["hub.url"] == form["hub.topic"] for form in told)
        return [form["hub.url"] for form in told]

    def confirm(self, *, method="GET", **changes):
        """Ask whether what was asked last is meant; return the answer."""
        asked = self.asked[-1]
        said = {
            "mode": asked.mode,
            "topic": asked.topic,
            "challenge": CHALLENGE,
            "lease_seconds": asked.lease,
        } | changes
        query = urlencode({f"hub.{name}": value for name, value in said.items()})
        return self._call(f"?{query}", method=method)

    def push(self, body, *, method="sha256", **headers):
        """Send a document to whoever asked last; return the answer."""
        if "X_Hub_Signature" not in headers:
            headers["X_Hub_Signature"] = self.signature(body, method)
        return self._call("", method="POST", body=body, **headers)

    def signature(self, body, method="sha256", *, secret=None):
        key = secret or self.asked[-1].secret
        return f"{method}={hmac.new(key.encode(), body, method).hexdigest()}"

    def _forms(self):
        return [dict(parse_qsl(request.body.decode())) for request in self.received]

    def _call(self, query, **call):
        callback = urlsplit(self.asked[-1].callback)
        visitor = Visitor(f"{callback.scheme}://{callback.netloc}")
        return visitor.ask(callback.path + query, **call)
