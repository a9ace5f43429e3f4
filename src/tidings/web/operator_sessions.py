"""Who is an operator: browser sessions by cookie, and the message about their last action."""

import re
from datetime import datetime
from urllib.parse import quote, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from tidings.model.operators import Session
from tidings.model.scopes import Address, PageAddress, Scope
from tidings.operator.moderation import OperatorView
from tidings.templating.site import Operator
from tidings.web import responses
from tidings.web.private import PRIVATE
from tidings.web.response_cache import compress
from tidings.web.services import OperatorServices, PublishedDocuments

# No second slash at the start, nor a backslash: browsers take `//host` for another site.
OWN_PATH = re.compile(r"/(?:[\w.~%!$&'()*+,;=:@?-][\w.~%!$&'()*+,;=:@?/-]{0,499})?", re.ASCII)

# Browsers resolve these segments, and may end up at `//host` after all.
DOTS = frozenset({".", ".."})

# 256 bits in base64url.
SECRET = re.compile(r"[A-Za-z0-9_-]{43}")

# An action, and the entry that it was done to.
SAID = re.compile(r"([a-z]{1,20})(?:\.([1-9][0-9]{0,17}))?")

# Seconds that the message about an action is kept for the page that follows it.
MOMENT = 60


class OperatorSessions:
    """Recognises operators by their cookie; a request without one costs nothing."""

    def __init__(
        self, operators: OperatorServices, publication: PublishedDocuments, base_url: str
    ) -> None:
        self.operators = operators
        self._publication = publication
        self.cookies = OperatorCookies(base_url)

    def may_be(self, request: Request) -> bool:
        """Tell whether a request may be an operator's: it has the cookie."""
        # Without the database: every visitor comes through here.
        return self.cookies.find_secret(request) is not None

    def find(self, request: Request) -> Session | None:
        """Return the operator's session of a request, if there is one: one quick read at most."""
        secret = self.cookies.find_secret(request)
        return self.operators.sessions.find(secret) if secret else None

    def find_answer(self, request: Request, address: Address) -> Response | None:
        """Answer an operator with what is at `address`; None for anybody else.

        Such a page is rendered each time, cached nowhere, and has no tag by which a copy of the
        public page could be confirmed.

        Raises:
            NotFoundError: There is nothing at that address.
        """
        session = self.find(request)
        headers = responses.headers_of(address) if session else {}
        # Feeds are the same for operators: nobody presses a button in a feed reader.
        if session is None or headers["Content-Type"] != responses.HTML_TYPE:
            return None
        operator = self.look(request, session, source=_source_of(address))
        body = compress(self._publication.body(address, operator=operator))
        answer = responses.full_response(request, body, headers={**headers, **PRIVATE})
        return self.told(answer, operator)

    def look(self, request: Request, session: Session, *, source: str = "") -> Operator:
        """Return what the requested page shows to an operator alone.

        Args:
            request: For the page.
            session: Theirs.
            source: The slug of the source that the page is about; empty if it is about none.
        """
        act, entry_id = self.cookies.said(request)
        looking = OperatorView(path=_path(request), source=source, act=act, entry_id=entry_id)
        return self.operators.overview.look(session, looking)

    def told(self, answer: Response, operator: Operator) -> Response:
        """Return a response with a page, which clears the message of the last action."""
        if operator.said is not None:
            self.cookies.has_said(answer)
        return answer


def own_path(text: str) -> str:
    """Return `text` if it is a path of ours, else that of the overview: no open redirect."""
    if not OWN_PATH.fullmatch(text):
        return "/operator"
    parts = unquote(urlsplit(text).path).split("/")
    return "/operator" if DOTS.intersection(parts) else text


def _source_of(address: Address) -> str:
    match address:
        case PageAddress(scope=Scope(kind="source", slug=slug)):
            return slug
        case _:
            return ""


def _path(request: Request) -> str:
    # ASGI decodes the path and leaves the query as bytes; `own_path` refuses what is not ASCII.
    path, query = quote(request.scope["path"]), request.scope["query_string"].decode("latin-1")
    return own_path(f"{path}?{query}" if query else path)


class OperatorCookies:
    """Reads and sets the cookies: `SameSite=Strict`, `HttpOnly`.

    Their names begin with `__Host-` at the root of a site with TLS; below a path of such a site,
    where that is not possible, with `__Secure-`.
    """

    def __init__(self, base_url: str) -> None:
        """Cookies are for paths below `base_url`."""
        parts = urlsplit(base_url)
        self._path = parts.path or "/"
        self._is_secure = parts.scheme == "https"
        prefix = ""
        if self._is_secure:
            # `__Host-` demands `Path=/`.
            prefix = "__Secure-" if parts.path else "__Host-"
        self._session, self._said = f"{prefix}tidings-operator", f"{prefix}tidings-said"

    def find_secret(self, request: Request) -> str | None:
        """Return the secret of the browser's session, if it has one."""
        secret = request.cookies.get(self._session, "")
        return secret if SECRET.fullmatch(secret) else None

    def keep_secret(self, response: Response, secret: str, *, until: datetime) -> None:
        """Sign the browser in."""
        self._set(response, self._session, secret, until=until)

    def drop_secret(self, response: Response) -> None:
        """Sign the browser out."""
        self._set(response, self._session, "", until=0)

    def said(self, request: Request) -> tuple[str, int | None]:
        """Return the last action and its entry, if no page has shown it yet."""
        match = SAID.fullmatch(request.cookies.get(self._said, ""))
        if match is None:
            return "", None
        return match[1], int(match[2]) if match[2] else None

    def say(self, response: Response, act: str, entry_id: int | None = None) -> None:
        """Have the next page show a message about an action."""
        text = act if entry_id is None else f"{act}.{entry_id}"
        self._set(response, self._said, text, until=MOMENT)

    def has_said(self, response: Response) -> None:
        """Clear the message."""
        self._set(response, self._said, "", until=0)

    def _set(self, response: Response, name: str, value: str, *, until: datetime | int) -> None:
        response.set_cookie(
            name,
            value,
            max_age=until if isinstance(until, int) else None,
            expires=until if isinstance(until, datetime) else None,
            path=self._path,
            secure=self._is_secure,
            httponly=True,
            # Sent by no page of somebody else, not even by a link there.
            samesite="strict",
        )
