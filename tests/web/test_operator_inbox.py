"""Lists that come by mail, on the operator's pages."""

import html
import re

import pytest

from installation import on_sqlite
from letters_of_lists import DISCUSSION, letter
from tidings.catalog import sources
from tidings.model.operators import Role
from tidings.operator.store import sessions
from tidings.polling.mail_gatherer import MailGatherer
from tidings.polling.store import mail_lists

INBOX = "/operator/inbox"
LIST = "weekly.python.example"


@pytest.fixture
def gatherer(control):
    return MailGatherer(control.database, clock=control.clock)


def act(control, do, key=LIST, **fields):
    asked = {"proof": control.proof(), "back": INBOX, "do": do, "list": key}
    return control.post(INBOX, asked | fields)


def shown(control, query=""):
    return html.unescape(control.get(f"{INBOX}{query}").body.decode())


def lists(control):
    with control.database.read() as connection:
        return {one.key: one for one in mail_lists.every(connection)}


def test_a_list_is_followed_and_what_waits_is_left_to_the_job(control, gatherer):
    for raw in (letter(1), letter(2), DISCUSSION):
        gatherer.take(raw)
    asking = shown(control)
    [list_id] = re.findall(
        r'href="/operator/inbox\?list=(\d+)">Follow<[^>]*>: Python Weekly', asking
    )

    form = shown(control, f"?list={list_id}")
    followed = act(control, "follow", title="", new_topic="Python", republish="excerpt")

    assert re.search(rf"{LIST}.*?<td[^>]*>2</td>\s*<td[^>]*>2</td>", asking, re.DOTALL)
    assert 'value="excerpt" checked' in form
    assert (followed.status, followed.headers["location"]) == (303, INBOX)
    with control.database.read() as connection:
        [source] = sources.every(connection)
        [line] = sessions.latest_acts(connection, limit=1)
    assert (source.title, source.republish, source.entries) == ("Python Weekly", "excerpt", 0)
    assert [topic.slug for topic in source.topics] == ["python"]
    assert (line.act, line.what) == ("follow", f"source {source.slug}")
    assert lists(control)[LIST].waiting == 2
    after = shown(control)
    assert f'href="/operator/sources/{source.slug}"' in after
    assert f"?list={list_id}" not in after


@on_sqlite
def test_a_list_is_refused_until_it_is_followed(control, gatherer):
    gatherer.take(letter(1, List_Id=""))

    refused = act(control, "refuse", "ada@python.example")

    assert "tidings-said=refuse" in refused.headers["set-cookie"]
    [one] = lists(control).values()
    assert (one.refused, one.waiting) == (True, 0)
    after = shown(control)
    assert "Refused" in after
    assert 'value="refuse"' not in after
    audit = control.get("/operator/audit").body.decode()
    assert "list python.example" in audit
    assert "ada@" not in audit
    act(control, "follow", one.key, republish="title")
    assert not lists(control)[one.key].refused


@on_sqlite
def test_what_cannot_be_is_refused(control, gatherer):
    gatherer.take(letter(1))

    assert control.get(f"{INBOX}?list=99").status == 404
    assert control.get(f"{INBOX}?list=x").status == 404
    assert control.get(f"{INBOX}?page=2").status == 404
    assert act(control, "follow", "nobody", republish="full").status == 404
    assert act(control, "follow", republish="nothing").status == 422
    assert act(control, "move").status == 400
    assert control.post(INBOX, {"do": "refuse", "list": LIST}).status == 403
    act(control, "follow", republish="full")
    assert act(control, "follow", republish="full").status == 409
    assert act(control, "refuse").status == 409
    assert lists(control)[LIST].waiting == 1


@on_sqlite
def test_many_lists_stand_on_several_pages(control, gatherer):
    for number in range(51):
        gatherer.take(letter(number, List_Id=f"<list-{number}.example>"))

    assert shown(control).count('value="refuse"') == 50
    assert shown(control, "?page=2").count('value="refuse"') == 1


@on_sqlite
def test_where_no_list_has_written_the_page_says_what_to_set(control):
    assert "imap_host" in shown(control)


@on_sqlite
@pytest.mark.parametrize("role", [Role.READ, Role.MODERATE])
def test_lesser_roles_see_nobody_who_writes(control, role):
    control.sign_in(control.token(role=role)[0])

    assert control.get(INBOX).status == 403
    assert INBOX not in control.get("/operator").body.decode()
    assert act(control, "refuse").status == 403
