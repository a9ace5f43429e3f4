"""Forms that hubs are sent, and what they answer."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event

from tidings.errors import FetchError, one_line
from tidings.fetching.outcomes import FormPost, PostReply

Answer = PostReply | FetchError
# Sends a form, and reports from any thread.
Post = Callable[[FormPost, Callable[[Answer], None]], None]


def send(post: Post, form: FormPost, *, stop: Event) -> Answer | None:
    """Return what a hub answers to `form`; None if the service ends first."""
    inbox: SimpleQueue[Answer] = SimpleQueue()
    post(form, inbox.put)
    while not stop.is_set():
        with suppress(Empty):
            return inbox.get(timeout=0.2)
    return None


def refusal(answer: Answer, *, hiding: Sequence[str] = ()) -> str | None:
    """Return why a hub did not accept, in one line; None if it did.

    Args:
        answer: Of the hub, which may repeat what it was told.
        hiding: What of that is not shown.
    """
    if isinstance(answer, FetchError):
        return str(answer)
    if 200 <= answer.status < 300:
        return None
    said = answer.text
    for secret in hiding:
        said = said.replace(secret, "…")
    return one_line(f"{answer.status}: {said}")
