"""What one document may cost; apart from `pool`, so that settings are read without a parser."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseLimits:
    """The limits of a child process that reads documents; each is a setting under `[parse]`.

    Attributes:
        processes: Children that read at the same time; 0 means one per processor.
        time_limit: CPU time for one document, and a tenth of the wall time it gets.
        memory_limit: Bytes of address space of a child.
    """

    processes: int
    time_limit: timedelta
    memory_limit: int
