"""Lists that come by mail, on the operator's pages: who has written, and what becomes of them."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.errors import NotFoundError
from tidings.model.mail_lists import shown_key
from tidings.model.operators import FollowAct, Role, Session
from tidings.operator.source_desk import FollowForm
from tidings.operator.source_pages import InboxPage
from tidings.publishing.pagination import paginate_from_first
from tidings.web.forms import NUMBER, Form
from tidings.web.operator_answers import OperatorAnswers, chosen

PATH = "/operator/inbox"


class OperatorInbox:
    """The page of the lists that have written."""

    def __init__(self, answers: OperatorAnswers) -> None:
        self._answers = answers
        self._desk = answers.sessions.operators.inbox
        self._site = answers.private.site

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route(PATH, self.lists, methods=["GET", "POST"])]

    async def lists(self, request: Request) -> Response:
        """Answer with the lists; follow or refuse one."""
        if request.method == "POST":
            return await self._answers.act(request, self._on_list)
        # A list may be known by the address of a person, which the lesser roles may not see.
        return await self._answers.show(request, self._lists, role=Role.ALL)

    def _lists(self, request: Request, session: Session) -> Response:
        asked = request.query_params
        number, list_id = asked.get("page", "1"), asked.get("list")
        if not NUMBER.fullmatch(number):
            raise NotFoundError("page", number)
        if list_id is not None and not NUMBER.fullmatch(list_id):
            raise NotFoundError("list", list_id)
        listing = self._desk.listing(number=int(number), chosen=int(list_id) if list_id else None)

        def href(page: int) -> str:
            return self._site.href(f"{PATH}?page={page}" if page > 1 else PATH)

        page = InboxPage(
            site=self._site,
            listing=listing,
            pagination=paginate_from_first(int(number), count=listing.pages, href=href),
        )
        return self._answers.page(request, session, page)

    def _on_list(self, _: Request, session: Session, form: Form) -> Response:
        act, key = chosen(FollowAct, form), form.text("list")
        match act:
            case FollowAct.FOLLOW:
                filled = FollowForm(
                    title=form.text("title"),
                    topics=(*form.every("topic"), form.text("new_topic")),
                    republish=form.text("republish"),
                )
                what = f"source {self._desk.follow(key, filled).slug}"
            case FollowAct.REFUSE:
                self._desk.refuse(key)
                # Who may read what operators did may not see people's addresses.
                what = f"list {shown_key(key)}"
            case _:
                raise HTTPException(400)
        return self._answers.done(session, form, act, what)
