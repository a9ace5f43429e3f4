"""What operators find to do, and what a form of theirs changes."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from newsletter_site import NewsletterSite
from parsed_entries import HOUR, NOON
from tidings.catalog import sources
from tidings.db.tables import entry
from tidings.errors import InvalidError, NotFoundError
from tidings.model.entries import EntryState
from tidings.model.operators import EntryAct, OperatorToken, Role, Session, SourceForm
from tidings.operator.moderation import OperatorActions, OperatorView, Overview, to_form

TOKEN = OperatorToken(
    role=Role.ALL,
    id=1,
    label="",
    created_at=NOON,
    expires_at=NOON + HOUR,
    last_used_at=None,
    revoked_at=None,
)
SESSION = Session(secret="s", token=TOKEN, csrf_token="p")


@pytest.fixture
def room(database):
    return NewsletterSite(database)


@pytest.fixture
def operating(database, room):
    return OperatorActions(database, clock=lambda: room.now)


@pytest.fixture
def overview(database):
    return Overview(database)


def put(database, entry_id, **columns):
    with database.write() as connection:
        connection.execute(update(entry).where(entry.c.id == entry_id).values(columns))


def ids(found):
    return [one.id for one in found]


def test_the_desk_tells_what_waits_who_is_pinned_and_what_was_hidden(
    database, room, operating, overview
):
    quiet, loud = room.follow(), room.follow()
    first = room.publish(quiet, 3)
    held = room.publish(loud, 3)
    for one in (*held, first[0]):
        put(database, one, state=EntryState.HELD)
    operating.on_entries(EntryAct.PIN, [first[1]])
    room.now += HOUR
    operating.on_entries(EntryAct.PIN, [first[2]])
    operating.on_entries(EntryAct.HIDE, [held[0]])

    desk = overview.desk()

    assert sorted(ids(desk.held)) == sorted([first[0], *held[1:]])
    slugs = [source_of(database, one).slug for one in (loud, quiet)]
    assert [(one.slug, one.entries) for one in desk.waiting] == [(slugs[0], 2), (slugs[1], 1)]
    assert ids(desk.pinned) == [first[2], first[1]]
    assert ids(desk.hidden) == [held[0]]


@pytest.mark.parametrize(
    ("act", "undo"),
    [
        (EntryAct.HIDE, "unhide"),
        (EntryAct.PIN, "unpin"),
        (EntryAct.UNPIN, "pin"),
    ],
)
def test_what_was_done_is_told_with_what_puts_it_back(room, operating, overview, act, undo):
    [one] = room.publish(room.follow(), title="The title")
    operating.on_entries(act, [one])

    looked = overview.look(SESSION, OperatorView(path="/", act=act, entry_id=one))

    assert (looked.said.title, looked.said.entry_id, looked.said.undo) == ("The title", one, undo)


def test_what_cannot_be_undone_has_no_button_for_it(database, room, overview):
    [one] = room.publish(room.follow())
    hidden = OperatorView(path="/", act=EntryAct.HIDE, entry_id=one)
    put(database, one, state=EntryState.BACKFILL)

    not_hidden_any_more = overview.look(SESSION, hidden)
    released = overview.look(SESSION, OperatorView(path="/", act=EntryAct.RELEASE, entry_id=one))

    assert not_hidden_any_more.said.undo == ""
    assert released.said.undo == ""


def test_a_form_changes_what_it_says_otherwise_and_nothing_else(database, room, operating):
    source_id = room.follow(topic="databases")
    before = source_of(database, source_id)

    operating.edit_source(source_id, to_form(before))
    untouched = source_of(database, source_id)
    filled = SourceForm(title="Mine", topics=(), interval="90m", republish="title", noindex=True)
    operating.edit_source(source_id, filled)
    edited = source_of(database, source_id)
    operating.edit_source(source_id, to_form(edited))

    assert untouched == before
    assert (edited.title, edited.topics, edited.given_interval) == (
        "Mine",
        (),
        timedelta(minutes=90),
    )
    assert (edited.republish, edited.noindex) == ("title", True)
    assert [one.text for one in edited.history] == [
        "changed by the operator: title, topics, interval, republish, noindex"
    ]
    assert source_of(database, source_id) == edited


def test_a_title_is_one_line_that_can_be_shown(database, room, operating):
    source_id = room.follow()
    filled = SourceForm(title=" a\0\r\nb ", topics=(), interval="", republish="full", noindex=False)

    operating.edit_source(source_id, filled)

    assert source_of(database, source_id).title == "a b"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"interval": "often"}, InvalidError),
        ({"republish": "nothing"}, InvalidError),
        ({"topics": ("gone",)}, NotFoundError),
    ],
)
def test_a_form_that_cannot_be_changes_nothing(database, room, operating, wrong, error):
    source_id = room.follow()
    before = source_of(database, source_id)
    usual = {"title": "Mine", "topics": (), "interval": "", "republish": "full", "noindex": False}

    with pytest.raises(error):
        operating.edit_source(source_id, SourceForm(**usual | wrong))

    assert source_of(database, source_id) == before


def source_of(database, source_id):
    with database.read() as connection:
        return sources.get(connection, source_id)
