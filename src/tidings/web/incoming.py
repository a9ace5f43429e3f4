"""Bodies of requests: read as far as they are wanted, and not for long."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

DEADLINE = 30
"""Seconds that a body may take to arrive."""


async def read_body(request: Request, max_size: int) -> bytes:
    """Return the body; one that is too long is refused while it arrives.

    Raises:
        HTTPException: It is longer than `max_size` bytes, comes too slowly, or breaks off.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(DEADLINE):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_size:
                    raise HTTPException(413, headers={"Connection": "close"})
    except TimeoutError as error:
        raise HTTPException(400, headers={"Connection": "close"}) from error
    except ClientDisconnect as error:
        raise HTTPException(400) from error
    return bytes(body)
