"""Bodies of requests: read as far as they are wanted."""

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request


async def read_body(request: Request, max_size: int) -> bytes:
    """Return the body; one that is too long is refused while it arrives.

    Raises:
        HTTPException: It is longer than `max_size` bytes, or breaks off.
    """
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_size:
                raise HTTPException(413, headers={"Connection": "close"})
    except ClientDisconnect as error:
        raise HTTPException(400) from error
    return bytes(body)
