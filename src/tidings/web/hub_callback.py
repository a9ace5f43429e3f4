"""The callback that hubs verify subscriptions at, and push to (W3C WebSub)."""

import re
from datetime import timedelta

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tidings.errors import NotFoundError
from tidings.model.content_type import split_content_type
from tidings.model.websub import Intent, Push
from tidings.web.forms import read_body
from tidings.web.services import Callbacks

# Pushes that are read at a time: each is held in memory. Others are answered 503, and hubs repeat
# them.
AT_ONCE = 4

# A challenge is echoed, so it must be harmless wherever it is shown.
CHALLENGE = re.compile(r"[A-Za-z0-9_\-.~+/=]{1,512}")

TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
SECONDS = re.compile(r"[0-9]{1,9}")
KEPT_NOWHERE = {"Cache-Control": "no-store"}


class HubCallbacks:
    """The callback of hubs. Every token but the right one is answered 404."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._reading = 0

    def route(self) -> Route:
        """Return the route of all addresses that hubs were given."""
        return Route("/websub/{token}", self.answer, methods=["GET", "POST"])

    async def answer(self, request: Request) -> Response:
        """Answer a verification, or receive a push."""
        token: str = request.path_params["token"]
        # Starlette answers HEAD wherever it answers GET; without a body nothing can be confirmed.
        if request.method == "HEAD":
            raise HTTPException(405, headers={"Allow": "GET, POST"})
        if request.method == "GET":
            return await run_in_threadpool(self._confirm, request, token)
        try:
            return await self._receive(request, _readable(token))
        except NotFoundError:
            # 410 tells a hub to end the subscription (W3C WebSub, 7).
            return Response(status_code=410, headers={**KEPT_NOWHERE, "Connection": "close"})

    def _confirm(self, request: Request, token: str) -> Response:
        said = request.query_params
        intent = Intent(
            mode=said.get("hub.mode", ""),
            topic=said.get("hub.topic", ""),
            lease=_seconds(said.get("hub.lease_seconds", "")),
            reason=said.get("hub.reason", ""),
        )
        challenge = said.get("hub.challenge", "")
        # A denial asks for nothing and has no challenge (W3C WebSub, 5.2).
        if intent.mode != "denied" and not CHALLENGE.fullmatch(challenge):
            raise NotFoundError("challenge", "of that kind")
        self._callbacks.confirm(_readable(token), intent)
        return PlainTextResponse("" if intent.mode == "denied" else challenge, headers=KEPT_NOWHERE)

    async def _receive(self, request: Request, token: str) -> Response:
        # Before anything is read: only a hub with a subscription gets us to hold a body.
        room = await run_in_threadpool(self._callbacks.room_for, token)
        # Not unpacked: the limit is for bytes as they arrive, and the signature is of those.
        if "content-encoding" in request.headers:
            return Response(status_code=415, headers={**KEPT_NOWHERE, "Connection": "close"})
        if self._reading >= AT_ONCE:
            later = {"Retry-After": "60", "Connection": "close"}
            return Response(status_code=503, headers={**KEPT_NOWHERE, **later})
        self._reading += 1
        try:
            body = await read_body(request, room)
            push = _push(request, body)
            signatures = request.headers.getlist("x-hub-signature")
            await run_in_threadpool(self._callbacks.receive, token, push, signatures)
        finally:
            self._reading -= 1
        # 202 even if the signature is wrong (W3C WebSub, 7.1.2): whoever forges learns nothing.
        return Response(status_code=202, headers=KEPT_NOWHERE)


def _readable(token: str) -> str:
    if not TOKEN.fullmatch(token):
        raise NotFoundError("subscription", "with that token")
    return token


def _push(request: Request, body: bytes) -> Push:
    content_type, charset = split_content_type(request.headers.get("content-type", ""))
    return Push(body=body, content_type=content_type, charset=charset)


def _seconds(text: str) -> timedelta | None:
    return timedelta(seconds=int(text)) if SECONDS.fullmatch(text) else None
