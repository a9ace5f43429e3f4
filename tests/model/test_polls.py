"""A round in numbers."""

from tidings.model.service_status import PollOutcome, PollResult, summarise


def a_result(source_id, outcome, **counts):
    return PollResult(source_id=source_id, url=f"https://{source_id}/", outcome=outcome, **counts)


def test_a_round_is_added_up_and_ordered_by_source():
    summary = summarise(
        [
            a_result(5, PollOutcome.SKIPPED, error="busy"),
            a_result(4, PollOutcome.FAILED, error="gone"),
            a_result(3, PollOutcome.NOT_MODIFIED),
            a_result(2, PollOutcome.UNCHANGED),
            a_result(1, PollOutcome.NEW, new=3, updated=1),
            a_result(6, PollOutcome.UPDATED, updated=2),
        ]
    )

    assert [result.source_id for result in summary.sources] == [1, 2, 3, 4, 5, 6]
    assert (summary.polled, summary.skipped, summary.failed) == (5, 1, 1)
    assert (summary.new, summary.updated, summary.unchanged) == (3, 3, 2)


def test_an_empty_round_is_all_zeros():
    summary = summarise([])

    assert (summary.polled, summary.new, summary.failed, summary.sources) == (0, 0, 0, ())
