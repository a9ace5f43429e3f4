"""Filters of newsletters, from planning to what is told, on both databases."""

import random
from itertools import pairwise

import pytest
from sqlalchemy import event

from installation import on_sqlite
from parsed_entries import DAY, HOUR, NOON
from tidings.catalog import newsletters
from tidings.errors import InvalidError
from tidings.filters import store
from tidings.filters.filtering import add, try_filter
from tidings.filters.rules import Action, Field, Filter, Kind, Rule
from tidings.newsletters import plan
from tidings.newsletters.compose import preview

SEVEN = NOON - 5 * HOUR + DAY
"""Tomorrow at seven, when the daily slot of these tests falls due."""


class Editor:
    """Who says what a newsletter is to tell."""

    def __init__(self, newsletter_site):
        self._newsroom = newsletter_site

    def filter(self, action, words, *, field=Field.TITLE, newsletter="news"):
        rule = Rule(action=Action(action), field=field, kind=Kind.WORDS, pattern=words)
        with self._newsroom.database.write() as connection:
            return add(connection, Filter(newsletter=newsletter, rule=rule), now=NOON)

    def change_mind(self, filter_id):
        with self._newsroom.database.write() as connection:
            store.remove(connection, filter_id)

    def morning(self):
        """Plan the next morning's letters; return what each tells, by subscription."""
        newsletter_site = self._newsroom
        newsletter_site.now = SEVEN if newsletter_site.now < SEVEN else newsletter_site.now + DAY
        before = len(newsletter_site.deliveries())
        newsletter_site.plan()
        new = newsletter_site.deliveries()[before:]
        return {row.subscription_id: newsletter_site.told(row.issue_id) for row in new}


@pytest.fixture
def editor(newsletter_site):
    newsletter_site.add_newsletter()
    return Editor(newsletter_site)


@pytest.fixture
def source(newsletter_site):
    return newsletter_site.follow()


@pytest.fixture
def content_reads(database):
    """How often the contents of entries are read."""
    statements = []

    def note(_connection, _cursor, statement, *_):
        if "entry.content" in statement and statement.startswith("SELECT"):
            statements.append(statement)

    event.listen(database._engine, "before_cursor_execute", note)
    return statements


@pytest.mark.parametrize(
    ("action", "told"),
    [
        pytest.param("drop", [1, 3], id="what is dropped is left out"),
        pytest.param("keep", [2], id="what is kept is all there is"),
    ],
)
def test_a_letter_tells_of_what_the_filters_leave(newsletter_site, editor, source, action, told):
    ann = newsletter_site.subscribe()
    editor.filter(action, "sponsored")
    newsletter_site.publish(source, title="News")
    newsletter_site.publish(source, title="Sponsored: news")
    newsletter_site.publish(source, title="More news")

    letters = editor.morning()

    assert letters == {ann: told}
    assert newsletter_site.subscription(ann).watermark == 3


def test_what_was_left_out_counts_as_had(newsletter_site, editor, source, outbox):
    ann = newsletter_site.subscribe()
    dropping = editor.filter("drop", "sponsored")
    newsletter_site.publish(source, title="News")
    newsletter_site.publish(source, title="Sponsored: news")
    editor.morning()
    editor.change_mind(dropping)
    newsletter_site.deliver(outbox)
    [later] = newsletter_site.publish(source, title="News of tomorrow")

    letters = editor.morning()

    assert letters == {ann: [later]}


def test_a_window_with_nothing_left_sends_nothing_and_is_over(newsletter_site, editor, source):
    ann = newsletter_site.subscribe()
    editor.filter("keep", "nobody writes this")
    newsletter_site.publish(source, 3)

    letters = editor.morning()

    assert letters == {}
    assert [(row.reason, row.from_seq, row.to_seq) for row in newsletter_site.log()] == [
        ("empty", 0, 3)
    ]
    assert newsletter_site.subscription(ann).watermark == 3


def test_other_newsletters_are_told_everything(newsletter_site, editor, source):
    newsletter_site.add_newsletter("all")
    ann, bob = (
        newsletter_site.subscribe(),
        newsletter_site.subscribe("bob@example.org", newsletter="all"),
    )
    editor.filter("drop", "sponsored")
    newsletter_site.publish(source, title="News")
    newsletter_site.publish(source, title="Sponsored: news")

    letters = editor.morning()

    assert letters == {ann: [1], bob: [1, 2]}


def test_the_edition_and_its_preview_are_filtered_as_well(
    database, newsletter_site, editor, source
):
    editor.filter("drop", "advertisement", field=Field.TEXT)
    newsletter_site.publish(source, title="News")
    newsletter_site.publish(
        source, content="<p>An <b>adver</b>tisement.</p>", excerpt="Nothing of it"
    )
    with database.read() as connection:
        edition = newsletters.edition_of(connection, "news")
        shown = preview(newsletter_site.composer(), connection, edition, at=NOON)
    newsletter_site.now = SEVEN

    newsletter_site.plan()

    assert (shown.entries, newsletter_site.told(1)) == (1, [1])


def test_contents_are_read_for_the_filter_and_for_the_letter_however_many_the_readers(
    newsletter_site, editor, source, content_reads, monkeypatch
):
    monkeypatch.setattr(plan, "CHUNK", 2)
    readers = [newsletter_site.subscribe(f"{number}@example.org") for number in range(5)]
    editor.filter("drop", "advertisement", field=Field.TEXT)
    newsletter_site.publish(source, 3)

    letters = editor.morning()

    assert letters == {reader: [1, 2, 3] for reader in readers}
    assert len(content_reads) == 2


@on_sqlite
def test_windows_leave_no_gap_however_filters_come_and_go(newsletter_site, editor, source, outbox):
    chance = random.Random(4)  # noqa: S311 - the same sequence each time
    ann, all_told, wanted = newsletter_site.subscribe(), [], []
    active = {}
    for _ in range(25):
        if active and chance.random() < 0.5:
            editor.change_mind(active.popitem()[0])
        if chance.random() < 0.7:
            word = chance.choice(["red", "green", "blue"])
            active[editor.filter("drop", word)] = word
        for _ in range(chance.randrange(3)):
            colour = chance.choice(["red", "green", "blue"])
            [entry_id] = newsletter_site.publish(source, title=colour)
            wanted += [entry_id] if colour not in active.values() else []
        all_told += editor.morning().get(ann, [])
        newsletter_site.deliver(outbox)

    stretches = [
        (row.from_seq, row.to_seq)
        for row in [*newsletter_site.deliveries(), *newsletter_site.log()]
    ]

    bounds = sorted({bound for stretch in stretches for bound in stretch})
    assert sorted(one for one in stretches if one[0] < one[1]) == [*pairwise(bounds)]
    assert (bounds[0], bounds[-1]) == (0, newsletter_site.subscription(ann).watermark)
    assert all_told == wanted


def test_a_rehearsal_is_of_what_the_newsletter_could_tell(database, newsletter_site, editor):
    art, law = newsletter_site.follow(topic="art"), newsletter_site.follow(topic="law")
    newsletter_site.add_newsletter("art", topics=["art"])
    newsletter_site.publish(art, title="Paint")
    newsletter_site.publish(law, title="Paint, by law")
    newsletter_site.publish(art, title="Prints")
    editor.filter("drop", "prints", newsletter="art")
    rule = Rule(action=Action.KEEP, field=Field.TITLE, kind=Kind.PATTERN, pattern="^P")

    with database.read() as connection:
        tried = try_filter(connection, None, "art", new=rule)

    assert [(entry.title, verdict.because) for entry, verdict in tried.verdicts] == [
        ("Prints", "dropped by filter 1: title has prints"),
        ("Paint", "kept by the new filter: title matches ^P"),
    ]
    assert [(one.id, number) for one, number in tried.finds.items()] == [(1, 1), (None, 2)]
    assert newsletter_site.deliveries() == []


def test_what_cannot_be_understood_is_not_stored(database, editor):
    with pytest.raises(InvalidError):
        editor.filter("drop", "")

    with database.read() as connection:
        assert store.select_filters(connection, None, None) == []
