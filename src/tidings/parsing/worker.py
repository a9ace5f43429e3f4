"""Child process that parses documents, within limits of processor time and memory."""

import os
import resource
import signal
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection

from tidings.errors import ParseError
from tidings.model.feed import Document, Newest, ParsedEntry, ParsedFeed, terms_of
from tidings.parsing.document import parse

NICENESS = 10

# Entries that are sent back at a time.
PART = 50


def serve(pipe: Connection, seconds: float, memory_limit: int) -> None:
    """Parse every document that comes through `pipe`, until its other end is closed.

    Sends back a feed with its first entries and how many parts follow, each some more entries; or,
    in place of any of these, the text of an error: text can always be pickled.

    Args:
        pipe: Receives the arguments of `document.parse`.
        seconds: Processor time for one document; beyond that the kernel kills this process.
        memory_limit: Bytes of address space for this process.
    """
    # Ctrl-C reaches the whole process group; the service decides when to end its children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(NICENESS)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, memory_limit)
    try:
        while True:
            document, known, memo, newest = pipe.recv()
            _allow_processor_time(seconds)
            _answer(pipe, _read(document, known, memo, newest))
    except (EOFError, OSError, MemoryError):
        return


def _answer(pipe: Connection, answer: ParsedFeed | str) -> None:
    if isinstance(answer, str):
        pipe.send(answer)
        return
    # In parts: with its terms and pickled as a whole, a long feed would take several times the memory.
    first, *more = [
        answer.entries[start : start + PART] for start in range(0, len(answer.entries) or 1, PART)
    ]
    try:
        pipe.send((replace(answer, entries=_with_terms(first)), len(more)))
        for part in more:
            pipe.send(_with_terms(part))
    except MemoryError:
        # Raised while pickling: nothing of this part is in the pipe yet.
        pipe.send("the result takes too much memory")


def _with_terms(entries: Sequence[ParsedEntry]) -> tuple[ParsedEntry, ...]:
    """Return entries with their terms: made here, the thread that stores them need not do it."""
    return tuple(replace(entry, terms=terms_of(entry)) for entry in entries)


def _read(
    document: Document, known: dict[bytes, bytes], memo: bytes | None, newest: Newest | None
) -> ParsedFeed | str:
    try:
        return parse(document, known, memo=memo, newest=newest)
    except ParseError as error:
        return error.because


def _allow_processor_time(seconds: float) -> None:
    """Set the limit of processor time to `seconds` beyond what earlier documents have used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + seconds) + 1)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (soft, hard))
