"""Hostile publishers on loopback, each a host of its own."""

from contextlib import ExitStack

from fake_publisher import FakePublisher, answer


class Ring:
    """Publishers, each a host of its own, that a service may poll; a context manager."""

    def __init__(self, scripts):
        self._scripts = scripts
        self._open = ExitStack()

    def __enter__(self):
        self.publishers = {}
        self.urls = {}
        for name, script in self._scripts.items():
            self.publishers[name] = self._open.enter_context(FakePublisher())
            self.urls[name] = self.publishers[name].serve("/feed", script)
        return self

    def __exit__(self, *_):
        self._open.close()

    @property
    def hosts(self):
        return [publisher.host for publisher in self.publishers.values()]


def document(body):
    """Return the answer of a server that sends `body`, in whatever characters."""
    data = body if isinstance(body, bytes) else body.encode(errors="surrogatepass")
    return answer(body=data)
