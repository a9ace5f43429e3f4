"""The status page: what it says, in which words, and what it keeps to itself."""

import re
from dataclasses import replace

import pytest

from browser.showcase import SITE, shipped_templates
from parsed_entries import DAY, HOUR, NOON
from tidings import errors
from tidings.model.service_status import (
    FailingSource,
    HubStatus,
    MessageOutcome,
    PollCounts,
    PollOutcome,
    SlowSource,
    Status,
    TimeStep,
    starts_of,
)
from tidings.model.sources import SourceHealth, failure_word
from tidings.operator.status import status_page
from tidings.publishing.views import render

NO_LETTERS = dict.fromkeys(MessageOutcome, 0)


def a_tally(lags=(0, 0, 0, 0, 0), **polls):
    numbers = {outcome: polls.get(outcome.value, 0) for outcome in PollOutcome}
    return PollCounts(polls=numbers, entries=sum(lags), lags=lags)


def a_status(*, tally=None, **fields):
    tally = tally or a_tally()
    steps = [
        TimeStep(start=start, tally=a_tally(), issues=0, letters=NO_LETTERS)
        for start in starts_of(30 * DAY, now=NOON)
    ]
    steps[-1] = replace(steps[-1], tally=tally)
    usual = {
        "at": NOON,
        "since": steps[0].start,
        "polled_at": NOON - HOUR,
        "overdue": 0 * HOUR,
        "sources": dict.fromkeys(SourceHealth, 0),
        "spans": {DAY: tally, 7 * DAY: tally, 30 * DAY: tally},
        "steps": tuple(steps),
        "failing": (),
        "slow": (),
        "hubs": (),
    }
    return Status(**usual | fields)


def page_of(status, **site):
    return render(status_page(replace(SITE, **site), status), shipped_templates()).decode()


def text_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_it_says_how_fresh_entries_are_and_draws_it():
    page = page_of(a_status(tally=a_tally(lags=(1, 5, 1, 0, 0))))

    assert "half of the new entries were seen within an hour" in page
    assert page.count('<rect class="entries"') == 3
    assert "within 15 minutes 1" in text_of(page)


def test_every_drawing_has_a_name_a_description_and_its_numbers_in_a_table():
    tally = a_tally(lags=(1, 0, 0, 0, 0), new=3, failed=1)
    status = a_status(tally=tally)
    sent = replace(status.steps[-1], issues=1, letters=NO_LETTERS | {MessageOutcome.ACCEPTED: 2})
    polled = [replace(step, tally=tally) for step in status.steps[:-1]]
    page = page_of(replace(status, steps=(*polled, sent)))

    drawings = re.findall(r"<svg .*?</svg>", page, re.DOTALL)
    assert len(drawings) == page.count("<details>") == 3
    for drawing in drawings:
        title, about = re.search(r'aria-labelledby="(\S+) (\S+)"', drawing).groups()
        assert f'<title id="{title}">' in drawing
        assert f'<desc id="{about}">' in drawing
        assert 'role="img"' in drawing


def test_charts_by_day_wait_for_days_to_tell_of():
    page = page_of(a_status(tally=a_tally(lags=(1, 0, 0, 0, 0), new=3)))

    assert len(re.findall("<svg", page)) == 1  # how fresh entries are, whatever the days
    assert "Charts by day begin with seven days of figures." in page


def test_it_says_in_a_line_how_many_sources_fail():
    health = dict.fromkeys(SourceHealth, 0) | {SourceHealth.FINE: 11, SourceHealth.FAILING: 2}

    assert "Polling on time; 2 of 13 sources failing" in page_of(a_status(sources=health))


def test_it_needs_neither_scripts_nor_styles_of_its_own():
    page = page_of(a_status(tally=a_tally(new=3)))

    main = page[page.index("<main") : page.index("</main>")]
    assert "style=" not in main
    assert "<script" not in main


def test_polling_that_is_behind_is_admitted():
    assert "Polling on time; all sources reached" in page_of(a_status())
    assert "Polling is behind by 3 hours" in page_of(a_status(overdue=3 * HOUR))


def test_of_a_source_that_fails_it_says_a_word_and_since_when():
    failing = FailingSource(
        id=1, slug="one", title="<One>", since=NOON - 9 * DAY, has_worked=True, word="http 404"
    )

    page = page_of(a_status(failing=(failing,)))

    assert '<a href="/sources/one" dir="auto">&lt;One&gt;</a>' in page
    assert "Answers 404" in page
    assert "11 November 2026" in page


def test_of_a_source_that_was_never_reached_it_says_so():
    failing = FailingSource(
        id=1, slug="one", title="One", since=NOON - 9 * DAY, has_worked=False, word="dns"
    )

    page = page_of(a_status(failing=(failing,)))

    assert "<td>never</td>" in page
    assert "11 November 2026" not in page


def test_new_entries_are_counted_beside_the_polls_that_brought_them():
    shown = text_of(page_of(a_status(tally=replace(a_tally(new=2), entries=37))))

    assert "New entries 37" in shown
    assert "Polls with new entries 2" in shown


@pytest.mark.parametrize("language", ["en", "zh"])
def test_there_are_words_for_whatever_a_source_fails_with(language):
    found = [
        errors.StatusError("u", 404, "Not Found"),
        errors.ParseError("u", "an HTML page, no feed"),
        errors.ParseError("u", "broken"),
        errors.TidingsError("something"),
        *(
            kind("u", "because")
            for kind in (errors.FetchError, *kinds_of(errors.FetchError))
            if kind is not errors.StatusError
        ),
    ]
    failing = [
        FailingSource(
            id=1, slug="s", title="S", since=NOON, has_worked=True, word=failure_word(error)
        )
        for error in found
    ]

    page = page_of(a_status(failing=tuple(failing)), language=language)

    assert page.count('href="/sources/s"') == len(found) > 8


def kinds_of(kind):
    return [one for child in kind.__subclasses__() for one in (child, *kinds_of(child))]


def test_sources_that_are_slow_and_hubs_are_named():
    slow = SlowSource(id=1, slug="weekly", title="Weekly", lag=30 * HOUR)
    hub = HubStatus(
        hub="https://hub.example/", told=1200, waiting=3, failing=1, error="401: your token is"
    )

    text = text_of(page_of(a_status(slow=(slow,), hubs=(hub,))))

    assert "Weekly 30 hours" in text
    assert "https://hub.example/ 1,200 3 1" in text
    assert "token" not in text


def test_without_newsletters_it_says_nothing_of_letters():
    assert ">Deliveries<" in page_of(a_status())
    assert ">Deliveries<" not in page_of(a_status(), has_newsletters=False)


def test_it_speaks_chinese():
    page = page_of(a_status(tally=a_tally(lags=(0, 0, 0, 0, 3), new=3)), language="zh")

    assert '<html lang="zh"' in page
    assert "发布一天之后" in page
