"""When a channel is told, in how many messages, and when again after a failure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tidings.newsletters.retries import BACKOFF


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSpan:
    """The entries of one message: those whose `seq` lies within (from_seq, to_seq]."""

    from_seq: int
    to_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TellResult:
    """What came of telling a channel.

    Attributes:
        because: Why it did not take it, without anything that is secret; None if it did.
        retry_after: The pause that it asked for.
        is_gone: It says that it will never take anything again.
    """

    because: str | None = None
    retry_after: timedelta | None = None
    is_gone: bool = False


def share_out(seqs: Sequence[int], *, watermark: int, room: int) -> list[ToldSpan]:
    """Return the messages for new entries: one for each, and the rest in the last one.

    Args:
        seqs: Of the entries, ascending.
        watermark: The last `seq` before them that was told.
        room: Messages that may be made now.
    """
    singles = seqs if len(seqs) <= room else seqs[: max(room - 1, 0)]
    ends = [*singles, seqs[-1]] if room > len(singles) and len(seqs) > len(singles) else singles
    starts = [watermark, *ends]
    return [ToldSpan(from_seq=start, to_seq=end) for start, end in zip(starts, ends, strict=False)]


def pause_after(failures: int, asked: timedelta | None) -> timedelta:
    """Return the pause after so many failures in a row; what was `asked` for is the least."""
    pause = BACKOFF[min(failures, len(BACKOFF)) - 1]
    return max(pause, asked or timedelta(0))
