"""Windows with the targets that follow them, against a plain loop."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from panels import TIMES, hourly, panels, series_by_loop, two_stations, windows_by_loop
from skattn import sliding_windows

RANDOM = settings(max_examples=60, deadline=None, derandomize=True)


def ends_by_loop(series, span, horizon, stride):
    """Return the last rows of windows, and the rows of their targets, in order of rows."""
    ends = {}
    for rows in series:
        for place in range(span - 1, len(rows) - horizon, stride):
            ends[rows[place]] = rows[place + 1 : place + 1 + horizon]
    return sorted(ends), [ends[row] for row in sorted(ends)]


SETTINGS = {
    "horizon": st.integers(1, 3),
    "stride": st.integers(1, 4),
    "drop_incomplete": st.booleans(),
}


@RANDOM
@given(panel=panels(min_rows=4), **SETTINGS)
def test_windows_and_targets_of_a_panel_are_those_of_a_loop(
    panel, horizon, stride, drop_incomplete
):
    table, series, params = panel
    span = (params["length"] - 1) * params["dilation"] + 1
    first = span if drop_incomplete else 1
    ends, target_rows = ends_by_loop(series, first, horizon, stride)
    assume(ends)
    windows, targets = sliding_windows(
        table,
        table["v"],
        **params,
        horizon=horizon,
        stride=stride,
        drop_incomplete=drop_incomplete,
    )
    features = table[["u", "v"]].to_numpy()
    loop = windows_by_loop(features, series, params["length"], params["dilation"])
    assert_array_equal(windows, loop[ends])
    assert_array_equal(targets.to_numpy().reshape(len(ends), -1), features[target_rows, 1])
    assert targets.index.equals(table.index[[rows[0] for rows in target_rows]])


@RANDOM
@given(
    n_rows=st.integers(1, 30),
    length=st.integers(1, 6),
    dilation=st.integers(1, 3),
    n_outputs=st.integers(0, 2),
    **SETTINGS,
)
def test_windows_and_targets_of_an_array_are_those_of_a_loop(
    n_rows, length, dilation, n_outputs, horizon, stride, drop_incomplete
):
    span = (length - 1) * dilation + 1
    ends, target_rows = ends_by_loop(
        [range(n_rows)], span if drop_incomplete else 1, horizon, stride
    )
    assume(ends)
    table = np.random.RandomState(0).rand(n_rows, 2)
    y = np.random.RandomState(1).rand(n_rows, *[n_outputs][:n_outputs])
    windows, targets = sliding_windows(
        table,
        y,
        length=length,
        dilation=dilation,
        horizon=horizon,
        stride=stride,
        drop_incomplete=drop_incomplete,
    )
    assert_array_equal(windows, windows_by_loop(table, [range(n_rows)], length, dilation)[ends])
    is_1d = horizon == 1 and not n_outputs
    expected = [y[rows[0]] if is_1d else y[rows].ravel() for rows in target_rows]
    assert_array_equal(targets, expected)


@RANDOM
@given(panel=panels(min_rows=4), horizon=st.integers(1, 3))
def test_targets_follow_their_window_and_are_never_inside(panel, horizon):
    table, series, params = panel
    span = (params["length"] - 1) * params["dilation"] + 1
    assume(max(map(len, series)) >= span + horizon)
    places = np.empty(len(table))
    for rows in series:
        places[rows] = np.arange(len(rows))
    windows, targets = sliding_windows(table.assign(v=places), places, **params, horizon=horizon)
    first_step, last_step = windows[:, 0, 1], windows[:, -1, 1]
    assert (last_step - first_step == span - 1).all()
    targets = targets.to_numpy().reshape(len(windows), horizon)
    assert (targets - last_step[:, np.newaxis] == np.arange(1, horizon + 1)).all()


def test_by_hand():
    windows, targets = sliding_windows([1, 2, 3, 4, 5], [10, 20, 30, 40, 50], length=2, horizon=2)
    assert windows[:, :, 0].tolist() == [[1, 2], [2, 3]]
    assert targets.tolist() == [[30, 40], [40, 50]]


def test_incomplete_windows_by_hand():
    options = {"length": 3, "stride": 2, "drop_incomplete": False}
    windows, targets = sliding_windows([1, 2, 3, 4], [10, 20, 30, 40], **options)
    assert_array_equal(windows[:, :, 0], [[np.nan, np.nan, 1], [1, 2, 3]])
    assert targets.tolist() == [20, 40]


def test_without_targets_the_last_rows_end_a_window_too():
    assert sliding_windows([1, 2, 3], length=2)[:, :, 0].tolist() == [[1, 2], [2, 3]]
    assert sliding_windows([1, 2, 3], length=2, horizon=9).shape == (2, 2, 1)


@pytest.mark.parametrize(
    "X", [[1.0, 2, 3], np.array([1.0, 2, 3]), pd.Series([1.0, 2, 3]), np.array([[1.0], [2], [3]])]
)
def test_one_series_is_one_feature(X):
    assert sliding_windows(X, length=2).tolist() == [[[1], [2]], [[2], [3]]]


# What targets carry


@pytest.mark.parametrize("kind", [*TIMES, "names"])
@pytest.mark.parametrize("given", ["both", "only X", "only y"])
def test_targets_carry_the_times_of_the_first_of_them(kind, given):
    index = TIMES[kind](range(6)) if kind in TIMES else pd.Index(list("abcdef"))
    X, y = pd.DataFrame({"a": np.arange(6.0)}, index), pd.Series(np.arange(6.0), index, name="y")
    X, y = (X.to_numpy() if given == "only y" else X), (y.to_numpy() if given == "only X" else y)
    for horizon in (1, 2):
        _, targets = sliding_windows(X, y, length=2, horizon=horizon)
        assert targets.index.equals(index[2 : 7 - horizon])
        assert_array_equal(targets.to_numpy().reshape(-1, horizon)[:, 0], np.arange(2, 7 - horizon))


def test_targets_of_groups_in_the_index_carry_both_levels():
    table = two_stations(4).set_index("g", append=True)
    _, targets = sliding_windows(table, table["a"], length=3, group_by="g")
    assert targets.index.equals(table.index[-2:])


@pytest.mark.parametrize(
    ("y", "horizon", "names"),
    [
        (hourly(9)["a"], 1, "a"),
        (hourly(9)["a"], 2, ["a+1", "a+2"]),
        (hourly(9)["a"].rename(None), 1, None),
        (hourly(9)["a"].rename(None), 2, ["y+1", "y+2"]),
        (hourly(9)["a"].rename(0), 1, 0),
        (hourly(9)["a"].rename(0), 2, ["0+1", "0+2"]),
        (hourly(9)[["a"]], 1, ["a"]),
        (hourly(9), 1, ["a", "b"]),
        (hourly(9), 2, ["a+1", "b+1", "a+2", "b+2"]),
        (hourly(9)["a"].to_numpy(), 1, None),
        (hourly(9)["a"].to_numpy(), 2, ["y+1", "y+2"]),
        (hourly(9).to_numpy(), 1, ["y0", "y1"]),
        (hourly(9).to_numpy(), 2, ["y0+1", "y1+1", "y0+2", "y1+2"]),
    ],
)
def test_names_of_targets(y, horizon, names):
    _, targets = sliding_windows(hourly(9), y, length=3, horizon=horizon)
    is_series = isinstance(targets, pd.Series)
    assert (targets.name if is_series else targets.columns.tolist()) == names


@pytest.mark.parametrize("make", [np.asarray, list])
def test_arrays_give_arrays(make):
    _, targets = sliding_windows(make(np.arange(9.0)), make(range(9)), length=3)
    assert type(targets) is np.ndarray
    assert targets.dtype == "int64"


# Memory


@pytest.mark.parametrize("options", [{}, {"stride": 3}, {"dilation": 2}, {"horizon": 4}])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_complete_windows_are_a_view_of_the_table(options, dtype):
    table = np.random.RandomState(0).rand(100, 3).astype(dtype)
    windows, _ = sliding_windows(table, table[:, 0], length=10, **options)
    assert windows.dtype == dtype
    assert np.shares_memory(windows, table)
    windows, _ = sliding_windows(pd.DataFrame(table), table[:, 0], length=10, **options)
    assert np.shares_memory(windows[0], windows[options.get("dilation", 1)])


@pytest.mark.parametrize("stride", [1, 3, 5])
def test_a_view_cannot_be_written_to(stride):
    windows = sliding_windows(np.zeros((30, 2)), length=3, stride=stride)
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(windows)[2, 0] = 1


@pytest.mark.parametrize("options", [{"group_by": "g"}, {"group_by": "g", "max_gap": "1h"}])
def test_complete_windows_of_groups_and_gaps_hold_no_absent_rows(options):
    table = two_stations(60).drop(index=hourly(60).index[30])
    windows, _ = sliding_windows(table, table["a"], length=10, **options)
    assert windows.table.shape == (118, 2)
    assert not np.isnan(windows.table).any()


@pytest.mark.parametrize("horizon", [3, np.int8(127)])
def test_small_integers_do_not_overflow(horizon):
    options = {"length": 3, "dilation": 60, "horizon": horizon, "stride": 100}
    plain = sliding_windows(np.arange(900.0), np.arange(900), **options)
    small = {name: np.int8(value) for name, value in options.items()}
    for values, expected in zip(
        sliding_windows(np.arange(900.0), np.arange(900), **small), plain, strict=True
    ):
        assert_array_equal(values, expected)


# Errors and gaps


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 10}, "take 11 rows, and the longest series of X has 9. Use a shorter length"),
        (
            {"length": 3, "horizon": 7},
            r"take 10 rows, .* has 9\. Use a shorter length or horizon",
        ),
        ({"length": 3, "dilation": 4}, "take 10 rows"),
        ({"length": 3, "horizon": 9, "drop_incomplete": False}, "take 10 rows"),
        (
            {"group_by": "z"},
            r"sliding_windows: group_by='z' is neither a column \(\['a', 'b'\]\) nor",
        ),
        ({"max_gap": 2}, "max_gap=2 must be a length of time such as '1h'"),
        ({"on_gap": "raise"}, "on_gap='raise' needs max_gap"),
        ({"on_gap": "fill"}, "'on_gap' parameter of sliding_windows must be a str among"),
        ({"length": 0}, "'length' parameter of sliding_windows must be an int"),
        ({"horizon": 0}, "'horizon' parameter of sliding_windows must be an int"),
        ({"stride": -1}, "'stride' parameter of sliding_windows must be an int"),
        ({"stride": 0.5}, "'stride' parameter of sliding_windows must be an int"),
        ({"dilation": 0}, "'dilation' parameter of sliding_windows must be an int"),
        ({"drop_incomplete": "no"}, "'drop_incomplete' parameter of sliding_windows must be"),
    ],
)
def test_settings_that_do_not_fit(options, message):
    table = hourly(9)
    with pytest.raises(ValueError, match=message):
        sliding_windows(table, table["a"], **{"length": 2, **options})


DOUBLE = hourly(9).iloc[[0, 1, 1, 2]]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (hourly(9)[::-1], r"Row 1 has 2024-03-30 07:00:00 after 2024-03-30 08:00:00. Sort the"),
        (DOUBLE, r"Row 2 has 2024-03-30 01:00:00 after 2024-03-30 01:00:00.*drop repeated times"),
        (hourly(9).set_axis([*range(8), 3]), r"Row 8 has 3 after 7. Sort the table"),
        (
            hourly(9).set_axis([0, 1, np.nan, *range(6)]),
            "There is no time in row 2 of the index of X",
        ),
        (
            pd.concat([hourly(9), hourly(9)]),
            r"Row 9 has 2024-03-30 00:00:00 after 2024-03-30 08:00:00.*group_by=",
        ),
        (hourly(9).replace(4.0, np.inf), "contains infinity"),
        (hourly(0), "0 sample"),
        (np.zeros((9, 2, 1)), r"Got shape \(9, 2, 1\). Sequences need no windows"),
    ],
)
def test_tables_that_are_refused(X, message):
    with pytest.raises(ValueError, match=message):
        sliding_windows(X, length=2)


def test_the_times_of_targets_are_looked_at_too():
    y = pd.Series(np.arange(9.0), hourly(9).index[::-1])
    with pytest.raises(ValueError, match="Row 1 has 2024-03-30 07:00:00 after"):
        sliding_windows(np.arange(9.0), y, length=2)


def test_other_length_of_targets():
    with pytest.raises(ValueError, match="X has 9 rows and y has 8"):
        sliding_windows(hourly(9), hourly(8)["a"], length=2)


def test_other_index_of_targets():
    with pytest.raises(ValueError, match=r"index of y is not that of X.*y.loc\[X.index\]"):
        sliding_windows(hourly(9), hourly(9, 1)["a"], length=2)


def test_gaps_are_named():
    table = hourly(30).drop(index=hourly(30).index[[3, 10, 11, 15, 20, 25]])
    message = (
        r"further apart than max_gap='1h': 5 gaps: 2024-03-30 02:00:00 to 2024-03-30 04:00:00, "
        r"2024-03-30 09:00:00 to 2024-03-30 12:00:00, .* and 2 more. Fill the missing rows, or"
    )
    with pytest.raises(ValueError, match=message):
        sliding_windows(table, length=2, max_gap="1h", on_gap="raise")


def test_one_gap_of_one_group_is_named():
    table = two_stations(9).drop(index=hourly(9).index[4])
    with pytest.raises(ValueError, match=r"='1h': .* 03:00:00 to .* 05:00:00\."):
        sliding_windows(table, length=2, group_by="g", max_gap="1h", on_gap="raise")


def test_a_table_without_gaps_is_not_refused():
    table = two_stations(9)
    options = {"length": 2, "group_by": "g", "max_gap": "1h"}
    windows = sliding_windows(table, **options, on_gap="raise")
    assert_array_equal(windows, sliding_windows(table, **options))


def test_series_by_loop_by_hand():
    """The reference itself: a gap ends a series of its own group only."""
    assert series_by_loop("ababa", [0, 0, 1, 5, 2], max_gap=1) == [[0, 2, 4], [1], [3]]


# Series and names of other packages


def test_a_series_of_polars_is_one_feature_and_one_target():
    series = pl.Series("load", np.arange(9.0))
    windows, y = sliding_windows(series, series, length=3)
    assert windows.tolist() == [[[i], [i + 1], [i + 2]] for i in range(6)]
    assert y.tolist() == [3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("frame", [pa.table, pl.DataFrame, pd.DataFrame])
def test_targets_have_the_names_of_the_columns_of_any_frame(frame):
    X = pd.DataFrame({"a": np.arange(9.0)}, pd.date_range("2026", periods=9))
    y = frame({"load": np.arange(9.0)})
    y = y.set_index(X.index) if frame is pd.DataFrame else y
    assert [*sliding_windows(X, y, length=2, horizon=2)[1].columns] == ["load+1", "load+2"]
