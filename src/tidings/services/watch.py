"""The operator's daily note: what does not mend itself, at most once a day."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tidings.domain.notices import NoticeKind
from tidings.domain.watching import MORNING, Worry, worries
from tidings.storage import notices, watching
from tidings.storage.database import Database
from tidings.storage.notices import NewNotice

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTools:
    """What watching works with.

    Attributes:
        operator: Who is told; empty for nobody.
        language: Of the note.
        disk: Free bytes of the disk with the database, and all of them; None if that disk is
            not ours to watch.
    """

    database: Database
    clock: Callable[[], datetime]
    operator: str
    language: str
    disk: Callable[[], tuple[int, int] | None]


def tell_operator(tools: WatchTools) -> bool:
    """Queue the day's note, once there is something to tell; say whether this call did it.

    Two services that do so at the same moment queue one note.
    """
    now = tools.clock()
    if not tools.operator or now.hour < MORNING:
        return False
    name = f"{now:%Y%m%d}.operator"
    with tools.database.read() as connection:
        if notices.is_known(connection, name):
            return False
        snapshot = watching.snapshot(connection, now=now)
    if space := tools.disk():
        snapshot = replace(snapshot, free_space=space[0], whole_space=space[1])
    found = worries(snapshot, now=now)
    if not found:
        return False
    note = NewNotice(
        kind=NoticeKind.OPERATOR,
        address=tools.operator,
        language=tools.language,
        details=_kept(found),
        name=name,
    )
    with tools.database.write() as connection:
        is_new = notices.add(connection, note, now=now)
    if is_new:
        logger.info("operator told", extra={"about": [worry.kind.value for worry in found]})
    return is_new


def _kept(found: Sequence[Worry]) -> dict[str, object]:
    """Return worries as they are kept with the letter that tells of them."""
    return {"worries": [[one.kind, one.count, list(one.lines)] for one in found]}


def forget_notices(tools: WatchTools) -> None:
    """Forget letters that were settled long ago."""
    with tools.database.write() as connection:
        notices.prune(connection, now=tools.clock())
