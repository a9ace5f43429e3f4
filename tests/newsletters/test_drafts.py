"""Newsletters under review: nobody is written to before a draft is approved, and nothing is lost."""

from datetime import timedelta

import pytest

from newsletter_site import NEWS, NewsletterSite, Outbox, a_schedule
from parsed_entries import DAY, HOUR, NOON
from tidings.errors import ConflictError, InvalidError
from tidings.model.drafts import EditorText, Edits
from tidings.newsletters.digest_candidates import DigestCandidates, whole_audience
from tidings.newsletters.drafts import Drafts
from tidings.newsletters.store import issues

EDITION = NOON + 19 * HOUR
"""When the first issue of a newsletter that goes at seven is due."""


@pytest.fixture
def site(database):
    return NewsletterSite(database)


@pytest.fixture
def desk(site):
    return Drafts(site.database, clock=lambda: site.now)


def told(site):
    """Plan, send, and return which entries each letter tells of, by its reader."""
    outbox = Outbox()
    site.plan()
    site.deliver(outbox)
    return {one.recipient: one.told for one in outbox.sent}


def test_letters_wait_for_approval(site, desk):
    site.add_newsletter(review=True)
    site.subscribe()
    [entry] = site.publish(site.follow())

    site.now = EDITION
    assert told(site) == {}
    [waiting] = desk.every()
    assert [one.id for one in waiting.kept] == [entry]
    site.now += HOUR
    assert told(site) == {}

    desk.approve("news")
    assert told(site) == {"ann@example.org": [entry]}
    assert desk.every() == []
    assert told(site) == {}, "once"


def test_a_draft_goes_by_itself_when_its_time_is_over(site, desk):
    site.add_newsletter(review=True, review_time=2 * HOUR)
    site.subscribe()
    [entry] = site.publish(site.follow())
    site.now = EDITION
    site.plan()

    site.now = EDITION + 2 * HOUR - timedelta(seconds=1)
    assert told(site) == {}
    site.now = EDITION + 2 * HOUR
    assert told(site) == {"ann@example.org": [entry]}


def test_what_is_dropped_is_never_told_and_what_is_postponed_next_time(site, desk):
    site.add_newsletter(review=True)
    site.subscribe()
    source = site.follow()
    kept, dropped, postponed = site.publish(source, 3)
    site.now = EDITION
    site.plan()

    desk.change("news", Edits(dropped=frozenset({dropped}), postponed=frozenset({postponed})))
    desk.approve("news")
    assert told(site) == {"ann@example.org": [kept]}

    [later] = site.publish(source)
    site.now = EDITION + DAY
    site.plan()
    desk.approve("news")
    assert told(site) == {"ann@example.org": [later, postponed]}

    site.publish(source)
    site.now = EDITION + 2 * DAY
    site.plan()
    assert len(desk.get("news").kept) == 1, "neither of them comes again"


def test_what_is_postponed_twice_comes_the_third_time(site, desk):
    site.add_newsletter(review=True)
    site.subscribe()
    source = site.follow()
    first, again = site.publish(source, 2)
    letters = []
    for day in range(3):
        site.now = EDITION + day * DAY
        site.plan()
        if day < 2:
            desk.change("news", Edits(postponed=frozenset({again})))
        desk.approve("news")
        letters.append(told(site).get("ann@example.org"))
        if day < 2:
            new = site.publish(source)

    assert letters[0] == [first]
    assert again not in letters[1]
    assert sorted(letters[2]) == sorted([again, *new])


def test_a_weekly_reader_gets_all_that_was_approved_once(site, desk):
    """Whose window spans several drafts gets what any of them kept."""
    site.add_newsletter(review=True)
    weekly = site.subscribe("wim@example.org", frequency="weekly")
    source, kept, left_out = site.follow(), [], []
    for day in range(4):  # Saturday to Tuesday; NOON is on a Friday
        one, other = site.publish(source, 2)
        site.now = EDITION + day * DAY
        site.plan()
        desk.change("news", Edits(dropped=frozenset({other})))
        desk.approve("news")
        site.plan()
        kept.append(one)
        left_out.append(other)

    letters = {row.id: row for row in site.deliveries(weekly)}
    [letter] = letters.values()
    assert site.told(letter.issue_id) == kept[:2], "Monday's own draft holds up nothing before it"


def test_a_draft_grows_until_it_is_approved(site, desk):
    site.add_newsletter(review=True)
    site.subscribe()
    source = site.follow()
    first, second = site.publish(source, 2)
    site.now = EDITION
    site.plan()
    desk.change("news", Edits(dropped=frozenset({second})))
    third = site.publish(source)
    site.now = EDITION + DAY
    site.plan()

    assert {one.id for one in desk.get("news").kept} == {first, *third}
    desk.approve("news")
    assert sorted(told(site)["ann@example.org"]) == [first, *third]


def test_nothing_is_changed_after_approval(site, desk):
    site.add_newsletter(review=True)
    site.publish(site.follow())
    site.now = EDITION
    site.plan()
    desk.approve("news")

    with pytest.raises(ConflictError, match="approved already"):
        desk.change("news", Edits(lead_id=None))
    with pytest.raises(ConflictError, match="approved already"):
        desk.approve("news")


def test_what_comes_after_approval_waits_for_the_next_draft(site, desk):
    site.add_newsletter(review=True)
    site.subscribe()
    source = site.follow()
    [first] = site.publish(source)
    site.now = EDITION
    site.plan()
    desk.approve("news")
    [second] = site.publish(source)

    assert told(site) == {"ann@example.org": [first]}
    site.now = EDITION + DAY
    assert told(site) == {}
    assert [one.id for one in desk.get("news").kept] == [second]


def test_who_approves_late_tells_it_then(site, desk):
    """However long after the hour of the letters, and each day."""
    site.add_newsletter(review=True)
    site.subscribe()
    source, published, letters = site.follow(), [], []
    for day in range(3):
        published += site.publish(source)
        site.now = EDITION + day * DAY
        assert told(site) == {}
        site.now += 13 * HOUR
        desk.approve("news")
        letters += told(site)["ann@example.org"]

    assert letters == published


def test_what_was_approved_early_is_not_held_up_by_the_next_draft(site, desk):
    site.add_newsletter(review=True)
    site.subscribe()
    source = site.follow()
    [first] = site.publish(source)
    desk.open("news")
    desk.approve("news")
    site.plan()
    site.publish(source)
    site.now = EDITION

    assert told(site) == {"ann@example.org": [first]}
    assert len(desk.get("news").kept) == 1


def test_what_was_approved_goes_be_it_ever_so_little(site, desk):
    site.add_newsletter(review=True, min_entries=3)
    site.subscribe()
    one, two, three = site.publish(site.follow(), 3)
    site.now = EDITION
    site.plan()
    desk.change("news", Edits(dropped=frozenset({two, three})))
    desk.approve("news")

    assert told(site) == {"ann@example.org": [one]}


def test_a_draft_that_is_opened_again_goes_with_its_note(site, desk):
    site.add_newsletter(review=True)
    site.subscribe()
    source = site.follow()
    first = site.publish(source)
    site.now = EDITION
    site.plan()
    second = site.publish(source)
    desk.open("news")
    desk.change("news", Edits(texts={"en": EditorText(note="Hello")}))
    desk.approve("news")

    assert sorted(told(site)["ann@example.org"]) == first + second
    [delivery] = site.deliveries()
    with site.database.read() as connection:
        assert issues.get(connection, delivery.issue_id).draft_id is not None


def test_the_time_of_a_draft_is_that_of_its_newsletter_now(site, desk):
    site.add_newsletter(review=True, review_time=HOUR)
    site.subscribe()
    [entry] = site.publish(site.follow())
    site.now = EDITION
    site.plan()
    site.edit_newsletter(review=True)
    site.now += 2 * HOUR
    waiting = told(site)
    site.edit_newsletter(review=True, review_time=HOUR)

    assert waiting == {}
    assert told(site) == {"ann@example.org": [entry]}


def test_what_some_readers_had_already_is_not_postponed(site, desk):
    site.add_newsletter(schedule=a_schedule(hour=9))
    site.subscribe(hour=6)
    [entry] = site.publish(site.follow())
    site.now = EDITION - HOUR
    assert told(site) == {"ann@example.org": [entry]}
    site.edit_newsletter(review=True)
    desk.open("news")

    with pytest.raises(InvalidError, match="had it already"):
        desk.change("news", Edits(postponed=frozenset({entry})))


def test_an_editor_changes_what_they_have_seen(site, desk):
    site.add_newsletter(review=True)
    source = site.follow()
    site.publish(source)
    seen = desk.open("news").draft.version
    site.publish(source)
    desk.open("news")

    with pytest.raises(ConflictError, match="look at it again"):
        desk.change("news", Edits(), version=seen, approve=True)
    desk.change("news", Edits(), version=desk.get("news").draft.version, approve=True)
    assert desk.get("news").draft.approved_at == site.now


def test_a_note_and_a_subject_are_in_the_issue_of_their_language(site, desk):
    site.add_newsletter(review=True)
    site.subscribe("ann@example.org")
    site.subscribe("mei@example.org", language="zh")
    site.publish(site.follow())
    site.now = EDITION
    site.plan()
    desk.change("news", Edits(texts={"en": EditorText(subject="Quiet", note="*Hello*")}))
    desk.approve("news")
    site.plan()

    with site.database.read() as connection:
        made = issues.latest(connection, only_listed=False, limit=None)
    drafts = {one.language: one.draft_id for one in made}
    assert drafts["en"] == drafts["zh"] is not None
    assert {one.language: one.listed for one in made} == {"en": True, "zh": False}


def test_an_unchanged_draft_is_the_issue_it_would_have_been(site, desk):
    """So that turning review on costs nobody a second copy of the page."""
    site.add_newsletter("news", review=True)
    site.add_newsletter("other")
    site.subscribe(newsletter="news")
    site.publish(site.follow())
    site.now = EDITION
    site.plan()
    desk.approve("news")
    site.plan()

    with site.database.read() as connection:
        made = issues.latest(connection, only_listed=True, limit=None)
    assert {one.subject for one in made} == {"en: [1]"}


def test_without_review_a_draft_goes_as_it_is(site, desk):
    site.add_newsletter(review=True)
    site.subscribe()
    [entry] = site.publish(site.follow())
    site.now = EDITION
    site.plan()

    site.edit_newsletter(review=False)
    assert told(site) == {"ann@example.org": [entry]}


def test_a_draft_can_be_opened_before_its_hour(site, desk):
    site.add_newsletter(review=True)
    site.subscribe()
    with pytest.raises(ConflictError, match="nothing new"):
        desk.open("news")
    [entry] = site.publish(site.follow())

    assert [one.id for one in desk.open("news").kept] == [entry]
    desk.approve("news")
    assert told(site) == {}, "their hour has not come"
    site.now = EDITION
    assert told(site) == {"ann@example.org": [entry]}


def test_what_is_sent_by_hand_is_what_was_approved(site, desk):
    newsletter = site.add_newsletter(review=True)
    site.subscribe()
    source = site.follow()
    [first] = site.publish(source)
    desk.open("news")
    desk.approve("news")
    site.publish(source)

    planned = site.planner().plan_now(newsletter)

    [issue_id] = planned.deliveries
    assert site.told(issue_id) == [first]
    assert planned.listed is not None


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ({"dropped": {99}}, "not in this draft"),
        ({"dropped": {1}, "lead_id": 1}, "left out and told at once"),
        ({"dropped": {1}, "postponed": {1}}, "left out and told at once"),
        ({"texts": {"en": EditorText(note="x" * 5001)}}, "at most 5000"),
        ({"texts": {"en": EditorText(subject="two\nlines")}}, "one line"),
    ],
)
def test_what_cannot_be_is_refused(site, desk, edits, said):
    site.add_newsletter(review=True)
    site.publish(site.follow())
    desk.open("news")
    sets = {name: frozenset(value) for name, value in edits.items() if isinstance(value, set)}

    with pytest.raises(InvalidError, match=said):
        desk.change("news", Edits(**edits | sets))


def test_a_newsletter_without_review_has_no_drafts(site, desk):
    site.add_newsletter()
    site.publish(site.follow())

    with pytest.raises(ConflictError, match="not under review"):
        desk.open("news")


@pytest.mark.parametrize("act", ["dropped", "postponed"])
def test_what_is_done_to_an_entry_holds_for_its_story(site, desk, act):
    """Another source's report, which the editor never saw, does not take its place."""
    site.add_newsletter(review=True)
    site.subscribe()
    shown, hidden = (site.publish(site.follow(topic=topic), **NEWS)[0] for topic in ("art", "law"))
    [other] = site.publish(site.follow())
    opened = desk.open("news")
    desk.change("news", Edits(**{act: frozenset({shown})}))
    desk.approve("news")
    site.now = EDITION
    first = told(site)["ann@example.org"]
    [later] = site.publish(site.follow())
    site.now = EDITION + DAY
    site.plan()
    desk.approve("news")

    assert hidden not in {one.id for one in opened.kept}
    assert first == [other]
    again = [shown] if act == "postponed" else []
    assert sorted(told(site)["ann@example.org"]) == sorted([later, *again])


def test_a_round_that_is_under_way_sees_what_was_dropped_meanwhile(site, desk):
    """Who reads the entries of a window for one newsletter may plan another one with them later."""
    newsletter = site.add_newsletter(review=True)
    kept, dropped = site.publish(site.follow(), 2)
    candidates, audience = DigestCandidates(), whole_audience(newsletter, watermark=0)
    span = {"from_seq": 0, "to_seq": 2}
    with site.database.read() as connection:
        candidates.read(connection, **span)
        before = candidates.of(connection, audience, **span)
    desk.open("news")
    desk.change("news", Edits(dropped=frozenset({dropped})))
    with site.database.read() as connection:
        candidates.read(connection, **span)
        after = candidates.of(connection, audience, **span)

    assert (before, after) == ((kept, dropped), (kept,))
