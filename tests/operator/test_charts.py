"""Charts: what is drawn of numbers."""

from itertools import pairwise

import pytest

from tidings.operator.status import HEIGHT, LEAST, WIDTH, draw

KINDS = ("good", "bad")


def column(good, bad=0):
    return {"good": good, "bad": bad}


def test_the_highest_column_fills_the_chart_and_the_others_are_in_proportion():
    chart = draw(KINDS, [column(10), column(5)])

    assert chart.most == 10
    assert [bar.height for bar in chart.bars] == [HEIGHT, HEIGHT / 2]
    assert [bar.y for bar in chart.bars] == [0, HEIGHT / 2]


def test_columns_share_the_width():
    chart = draw(KINDS, [column(1), column(1), column(1)])

    assert chart.bars[0].x >= 0
    assert all(left.x + left.width < right.x for left, right in pairwise(chart.bars))
    assert chart.bars[-1].x + chart.bars[-1].width <= WIDTH


def test_kinds_are_stacked_from_the_foot_up():
    [below, above] = draw(KINDS, [column(3, bad=1)]).bars

    assert (below.kind, above.kind) == KINDS
    assert below.y + below.height == HEIGHT
    assert above.y + above.height == below.y


def test_nothing_is_drawn_for_nothing_and_little_can_be_seen():
    [large, little] = draw(KINDS, [column(0), column(1_000_000, bad=1)]).bars

    assert little.height == LEAST
    assert large.y >= little.y >= 0


@pytest.mark.parametrize("columns", [[], [column(0)]], ids=["no columns", "empty ones"])
def test_a_chart_of_nothing_is_empty(columns):
    chart = draw(KINDS, columns)

    assert (chart.bars, chart.most) == ((), 0)
