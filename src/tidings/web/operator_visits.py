"""Operators who look at the pages: who they are, and what they see beside what everybody does."""

import re
from urllib.parse import quote, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from tidings.domain.operators import Session
from tidings.domain.publishing import Address, PageAddress, Scope
from tidings.rendering.site import Operator
from tidings.services.desk import OperatorView
from tidings.web import answers
from tidings.web.bodies import compress
from tidings.web.operator_cookies import OperatorCookies
from tidings.web.publication import Operators, Publication
from tidings.web.reader_answers import PRIVATE

OWN_PATH = re.compile(r"/(?:[\w.~%!$&'()*+,;=:@?-][\w.~%!$&'()*+,;=:@?/-]{0,499})?", re.ASCII)
DOTS = frozenset({".", ".."})


class OperatorSessions:
    """Knows an operator again by the cookie; who sends none costs nothing."""

    def __init__(self, operators: Operators, publication: Publication, base_url: str) -> None:
        self.operators = operators
        self._publication = publication
        self.cookies = OperatorCookies(base_url)

    def may_be(self, request: Request) -> bool:
        """Tell whether it could be an operator who asks: whether there is a cookie of ours."""
        return self.cookies.find_secret(request) is not None

    def find(self, request: Request) -> Session | None:
        """Return the session of whoever asks, if there is one: one quick read at most."""
        secret = self.cookies.find_secret(request)
        return self.operators.sessions.find(secret) if secret else None

    def find_answer(self, request: Request, address: Address) -> Response | None:
        """Answer an operator with what is at `address`; everybody else elsewhere.

        Such a page is rendered anew each time, kept nowhere, and has no tag that a copy for
        everybody could be confirmed by.

        Raises:
            NotFoundError: There is nothing at that address.
        """
        session = self.find(request)
        headers = answers.headers_of(address) if session else {}
        if session is None or headers["Content-Type"] != answers.HTML_TYPE:
            return None
        operator = self.look(request, session, source=_source_of(address))
        body = compress(self._publication.body(address, operator=operator))
        answer = answers.full_response(request, body, headers={**headers, **PRIVATE})
        return self.told(answer, operator)

    def look(self, request: Request, session: Session, *, source: str = "") -> Operator:
        """Return what the page that is asked for shows to an operator.

        Args:
            request: For the page.
            session: Theirs.
            source: The slug of the source that the page is about; empty if it is about none.
        """
        act, entry_id = self.cookies.said(request)
        looking = OperatorView(path=_path(request), source=source, act=act, entry_id=entry_id)
        return self.operators.overview.look(session, looking)

    def told(self, answer: Response, operator: Operator) -> Response:
        """Return an answer that shows a page to an operator, who is told nothing twice."""
        if operator.said is not None:
            self.cookies.has_said(answer)
        return answer


def own_path(text: str) -> str:
    """Return `text` if it is one of our paths and leads nowhere else, else that of the desk."""
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
    path, query = quote(request.scope["path"]), request.scope["query_string"].decode("latin-1")
    return own_path(f"{path}?{query}" if query else path)
