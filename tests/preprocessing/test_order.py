"""Order, series and context of small tables, by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skattn._inputs.tables import read_table
from skattn._preprocessing.context import Context
from skattn._preprocessing.gaps import Length
from skattn._preprocessing.order import Order, describe_gaps
from skattn._preprocessing.read_order import read_order
from skattn._preprocessing.times import Times

NAN = np.nan


@pytest.fixture
def order():
    """Two groups: p at 0, 1, 5 and q at 0, 1."""
    return Order(np.array(list("pqpqp")), numbers([0, 0, 1, 1, 5]))


def numbers(times):
    return Times(np.array(times), "numbers")


def read(X, group_by=None, time=None):
    return read_order(read_table(X, "name"), group_by, time, "name")


def test_series_by_group(order):
    series = order.series()
    assert series.rows.tolist() == [0, 2, 4, 1, 3]
    assert series.begins.tolist() == [True, False, False, True, False]
    assert_array_equal(series.steps, [1, 4, NAN, 1])
    assert series.number.tolist() == [0, 0, 0, 1, 1]
    assert series.rank.tolist() == [0, 1, 2, 0, 1]
    assert series.lengths.tolist() == [3, 2]
    assert series.increases


def test_series_end_at_gaps(order):
    series = order.series(limit=Length(3))
    assert series.begins.tolist() == [True, False, True, True, False]
    assert series.rank.tolist() == [0, 1, 0, 0, 1]
    assert series.lengths.tolist() == [2, 1, 2]
    assert describe_gaps(order, series) == "1 to 5"
    assert describe_gaps(order, order.series()) is None


def test_a_step_of_max_gap_is_no_gap(order):
    assert order.series(limit=Length(4)).lengths.tolist() == [3, 2]


def test_order_of_rows_is_restored(order):
    series = order.series()
    assert series.in_order_of_rows(series.rows * 10).tolist() == [0, 10, 20, 30, 40]


def test_series_are_spread_with_absent_rows_before_each(order):
    table = np.array([[0.0], [10], [1], [11], [2]])
    spread, places = order.series().spread(table, n_absent=2)
    assert_array_equal(spread[:, 0], [NAN, NAN, 0, 1, 2, NAN, NAN, 10, 11])
    assert places.tolist() == [2, 7, 3, 8, 4]
    assert_array_equal(spread[places], table)


def test_nothing_is_copied_where_nothing_is_absent():
    table = np.zeros((4, 2))
    spread, places = Order(np.zeros(4), None).series().spread(table, n_absent=0)
    assert spread is table
    assert places.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("times", "increases"), [([0, 1, 2], True), ([0, 1, 1], False), ([0, 2, 1], False)]
)
def test_times_increase_or_not(times, increases):
    assert Order(np.zeros(3), numbers(times)).series().increases is increases


def test_context_keeps_the_last_rows_of_each_group(order):
    context = Context.last_of(np.arange(5.0)[:, np.newaxis], order, n_last=1, longest_pause=4.0)
    assert context.rows.tolist() == [[3], [4]]
    assert context.order.groups.tolist() == ["q", "p"]
    assert context.order.times.values.tolist() == [1, 5]


@pytest.mark.parametrize(
    ("times", "groups", "before"),
    [
        ([6, 6], "pq", [0, 1, 2, 3, 4]),
        ([1, 6], "pq", [0, 1, 3]),
        ([2, 9], "pp", [0, 2]),
        ([2], "q", [1, 3]),
        ([0, 9], "pq", [1, 3]),
        ([6], "r", []),
    ],
)
def test_earlier_rows_of_the_same_groups_are_before_others(order, times, groups, before):
    context = Context(np.arange(5)[:, np.newaxis], order, n_last=2, longest_pause=4.0)
    other = Order(np.array(list(groups)), numbers(times))
    assert context.before(other).rows[:, 0].tolist() == before


@pytest.mark.parametrize(
    ("index", "has_times"),
    [
        (pd.RangeIndex(3), True),
        (pd.Index([0.5, 1, 2]), True),
        (pd.date_range("2024", periods=3, tz="UTC"), True),
        (pd.period_range("2024", periods=3, freq="M"), True),
        (pd.to_timedelta([1, 2, 3], "h"), True),
        (pd.Index(list("abc")), False),
        (pd.Index([True, False, True]), False),
        (pd.MultiIndex.from_product([["a"], [1, 2, 3]]), True),
        (pd.MultiIndex.from_product([["a"], pd.date_range("2024", periods=3)]), True),
        (pd.MultiIndex.from_arrays([pd.date_range("2024", periods=3)] * 2), True),
    ],
)
def test_which_index_tells_the_time(index, has_times):
    _, order = read(pd.DataFrame({"a": [1, 2, 3]}, index))
    assert (order.times is not None) == has_times


def test_a_level_of_groups_leaves_the_other_as_times():
    index = pd.MultiIndex.from_product([["p", "q"], [1, 2]], names=["g", "time"])
    features, order = read(pd.DataFrame({"a": range(4)}, index), "g")
    assert features.columns.tolist() == ["a"]
    assert order.groups.tolist() == ["p", "p", "q", "q"]
    assert order.times.values.tolist() == [1, 2, 1, 2]


@pytest.mark.parametrize("columns", [["g", "a"], ["a", "g"]])
def test_a_column_of_groups_is_taken_out(columns):
    table = pd.DataFrame({"g": list("ppq"), "a": [1, 2, 3]})[columns]
    features, order = read(table, "g")
    assert features.columns.tolist() == ["a"]
    assert order.groups.tolist() == ["p", "p", "q"]


def test_a_position_of_groups_is_taken_out():
    features, order = read([[1, 7], [2, 8]], 1)
    assert features.tolist() == [[1], [2]]
    assert order.groups.tolist() == [7, 8]
    assert order.times is None
