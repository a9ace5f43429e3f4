"""Forms: reading bodies within limits, parsing, and protection against cross-site requests."""

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

# Bytes of a form that are read; what a browser sends has some hundreds.
MAX_BODY = 10_000

# An id or the number of a page, as it stands in an address or a form: it fits into 64 bits.
NUMBER = re.compile(r"[1-9][0-9]{0,17}")

# A newsletter's topics are fields as well.
MAX_FIELDS = 200

FORM_TYPE = "application/x-www-form-urlencoded"

UPLOAD_TYPE = "multipart/form-data"

# Of a form that has any.
MAX_FILES = 1

# The body stays unread, so the connection has to end: what is left of it would be taken for the
# next request (RFC 9112, 9.3).
NO_MORE = {"Connection": "close"}

# Seconds that a body may take to arrive.
DEADLINE = 30


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, and its files by field."""

    fields: tuple[tuple[str, str], ...]
    files: Mapping[str, bytes] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return the value of a field; empty if it is missing."""
        return next(iter(self.every(name)), "")

    def every(self, name: str) -> tuple[str, ...]:
        """Return all values of a field."""
        return tuple(value for key, value in self.fields if key == name)


EMPTY_FORM = Form(())


async def read_form(
    request: Request, *, max_body: int = MAX_BODY, max_fields: int = MAX_FIELDS
) -> Form:
    """Read and parse the form in a request.

    Raises:
        HTTPException: It is no form that a browser would send, or too long.
    """
    if not is_form(request):
        raise HTTPException(415, headers=NO_MORE)
    body = await read_body(request, max_body)
    # A long one takes a second, in which nobody else would be answered.
    return await run_in_threadpool(parse_form, body, max_fields=max_fields)


async def read_upload(request: Request, *, max_body: int) -> Form:
    """Read and parse a form with files (RFC 7578).

    Raises:
        HTTPException: It is no form that a browser would send, or too long.
    """
    body = await read_body(request, max_body)

    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    # The body as a whole is bounded already; a part may be all of it.
    parser = MultiPartParser(
        request.headers, whole(), max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=max_body
    )
    try:
        parts = (await parser.parse()).multi_items()
    except MultiPartException as error:
        raise HTTPException(400) from error
    fields = tuple((name, part) for name, part in parts if isinstance(part, str))
    files = {name: await _taken(part) for name, part in parts if isinstance(part, UploadFile)}
    return Form(fields, files)


async def _taken(file: UploadFile) -> bytes:
    try:
        return await file.read()
    finally:
        await file.close()


def is_upload(request: Request) -> bool:
    """Tell whether a request claims to have a form with files."""
    return _kind(request) == UPLOAD_TYPE


def is_form(request: Request) -> bool:
    """Tell whether a request claims to have a form."""
    return _kind(request) == FORM_TYPE


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def parse_form(body: bytes, *, max_fields: int = MAX_FIELDS) -> Form:
    """Parse a form.

    Raises:
        HTTPException: It is none.
    """
    try:
        # Whatever is not ASCII is percent-encoded in such a form; bytes that are no UTF-8 are
        # refused.
        text = body.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=max_fields)
    except ValueError as error:
        raise HTTPException(400) from error
    return Form(tuple(pairs))


def refuse_cross_site(request: Request, base_url: str) -> None:
    """Reject cross-site POSTs (Sec-Fetch-Site, Origin).

    `Origin: null` is accepted from older browsers without Sec-Fetch-Site: they send it because our
    pages have `Referrer-Policy: no-referrer`.

    Raises:
        HTTPException: The form was sent from another site.
    """
    said = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin", "null")
    if said is None and origin != "null":
        # Either name: people may come past the proxy, by the service's own address.
        ours = {urlsplit(base_url).netloc, request.headers.get("host")}
        said = "same-origin" if urlsplit(origin).netloc in ours else "cross-site"
    # Not `same-site` either: another host of the domain may be somebody else's. `none` is a person
    # who typed the address.
    if said not in {None, "same-origin", "none"}:
        raise HTTPException(403)


async def read_body(request: Request, max_size: int) -> bytes:
    """Read a body; one that is too long is refused while it arrives.

    Raises:
        HTTPException: It is longer than `max_size` bytes, comes too slowly, or breaks off.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(DEADLINE):
            async for chunk in request.stream():
                # Counted as it arrives: Content-Length may be missing, or a lie.
                body += chunk
                if len(body) > max_size:
                    raise HTTPException(413, headers={"Connection": "close"})
    except TimeoutError as error:
        raise HTTPException(400, headers={"Connection": "close"}) from error
    except ClientDisconnect as error:
        raise HTTPException(400) from error
    return bytes(body)
