"""Jobs: each says that there may be work of a kind; what there is, its handler finds in the tables.

So a job may be lost, doubled or late: the next tick of the clock makes another, and who comes second
finds nothing. No job is tried again; what failed is on record where it belongs.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

# How long one job claims work. What is left is another's, so that machines take turns, and one that
# is to be stopped has not long to go on.
ROUND = timedelta(seconds=60)


class JobQueue(StrEnum):
    """What is worked off side by side: nobody waits for work of another kind."""

    POLL = "poll"
    MAIL = "mail"
    PROMPT = "prompt"
    """Somebody waits for it at a screen, or a hub for its answer."""
    ODD = "odd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A wake-up call for one more worker.

    Attributes:
        name: Of the kind of work.
        priority: The higher, the earlier, within the queue.
        part: Of the same kind and part one waits at a time; another is swallowed.
        is_alone: While one is worked off, on whatever machine, others of its kind and part wait.
    """

    name: str
    queue: JobQueue
    priority: int = 0
    part: int = 0
    is_alone: bool = True

    @property
    def key(self) -> str:
        """What waits at most once, and is worked off by one at a time if it must be."""
        return f"{self.name}:{self.part}"

    def in_parts(self, number: int) -> list["Job"]:
        """Return so many jobs of this kind, for as many workers."""
        return [replace(self, part=part) for part in range(number)]


def deliver(senders: int) -> list[Job]:
    """Return a kind of job for each of so many senders, with its share of what the relay takes.

    So the limits of the relay and of recipients' domains hold for all machines together.
    """
    return [
        Job(name=f"deliver-{number}", queue=JobQueue.MAIL, priority=10) for number in range(senders)
    ]


POLL = Job(name="poll", queue=JobQueue.POLL, is_alone=False)
PLAN = Job(name="plan", queue=JobQueue.MAIL, priority=20)
NOTICES = Job(name="notices", queue=JobQueue.PROMPT, priority=30)
PUSHED = Job(name="pushed", queue=JobQueue.PROMPT, priority=10)
HUBS = Job(name="hubs", queue=JobQueue.PROMPT)
ANNOUNCE = Job(name="announce", queue=JobQueue.PROMPT)
BOUNCES = Job(name="bounces", queue=JobQueue.ODD, priority=5)
INBOX = Job(name="inbox", queue=JobQueue.ODD, priority=5)
CHANNELS = Job(name="channels", queue=JobQueue.ODD, priority=10)
MOVES = Job(name="moves", queue=JobQueue.ODD)
WATCH = Job(name="watch", queue=JobQueue.ODD)
