"""The access log: a line for each request, without what it would be wrong to keep."""

import logging
import re
import time
from collections.abc import Mapping
from urllib.parse import quote

from starlette.types import Scope

logger = logging.getLogger(__name__)

# What follows these prefixes is a token, and goes into no log.
BEFORE_TOKENS = re.compile(
    "(.*?/(?:address|confirm|preferences|unsubscribe|websub)/)(.+)", re.DOTALL
)


def log_answer(line: Mapping[str, str], status: int, *, started: float) -> None:
    """Log that a request was answered.

    Args:
        line: As `request_line` gives it.
        status: Of the answer.
        started: When the request came, by `time.perf_counter`.
    """
    elapsed = round((time.perf_counter() - started) * 1000, 1)
    logger.info("request answered", extra={**line, "status": status, "ms": elapsed})


def request_line(scope: Scope) -> dict[str, str]:
    """Return method and path for the log, the path quoted: visitors may put anything into it."""
    # Without the query, which holds what people search for.
    path: str = scope["path"]
    secret = BEFORE_TOKENS.fullmatch(path)
    return {"method": scope["method"], "path": f"{quote(secret[1])}…" if secret else quote(path)}
