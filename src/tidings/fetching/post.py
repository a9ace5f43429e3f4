"""Post to hubs and webhooks, and judge their responses."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event

from tidings.errors import FetchError, one_line
from tidings.fetching.outcomes import BodyPost, FormPost, PostReply

PostOutcome = PostReply | FetchError
# Posts a form or a document; calls back from any thread.
Post = Callable[[FormPost | BodyPost, Callable[[PostOutcome], None]], None]


def send(post: Post, what: FormPost | BodyPost, *, stop: Event) -> PostOutcome | None:
    """Return the response to what is posted; None if `stop` is set first."""
    inbox: SimpleQueue[PostOutcome] = SimpleQueue()
    post(what, inbox.put)
    while not stop.is_set():
        with suppress(Empty):
            return inbox.get(timeout=0.2)
    return None


def refusal_reason(answer: PostOutcome, *, hiding: Sequence[str] = ()) -> str | None:
    """Return why a hub did not accept a form, in one line; None if it did.

    Args:
        answer: The hub's response, which may quote the form.
        hiding: Secrets of the form that must not be logged or shown.
    """
    if isinstance(answer, FetchError):
        return str(answer)
    if 200 <= answer.status < 300:
        return None
    said = answer.text
    for secret in hiding:
        said = said.replace(secret, "…")
    return one_line(f"{answer.status}: {said}")
