"""Windows against a plain loop, across groups, gaps and the end of the training rows."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_estimators_partial_fit_n_features,
    check_inplace_ensure_writeable,
    check_param_validation,
    estimator_checks_generator,
    parametrize_with_checks,
)

from conftest import passes
from panels import (
    RANDOM,
    as_level,
    as_position,
    hourly,
    panels,
    series_by_loop,
    two_stations,
    windows_by_loop,
)
from skattn import TimeWindows, Windows

# Windows equal a plain loop


@pytest.mark.parametrize("place", [pd.DataFrame, as_level], ids=["column", "level"])
@RANDOM
@given(panel=panels())
def test_windows_of_groups_and_gaps_are_those_of_a_loop(place, panel):
    table, series, params = panel
    windows = TimeWindows(**params).fit_transform(place(table))
    features = table[["u", "v"]].to_numpy()
    loop = windows_by_loop(features, series, params["length"], params["dilation"])
    assert_array_equal(windows, loop)


@RANDOM
@given(panel=panels())
def test_windows_of_an_array_with_a_column_of_groups_are_those_of_a_loop(panel):
    table, _, params = panel
    windows = TimeWindows(**params | {"group_by": 1, "max_gap": None}).fit_transform(
        as_position(table)
    )
    series = series_by_loop(table["g"], np.zeros(len(table)))
    features = table[["u", "v"]].to_numpy()
    loop = windows_by_loop(features, series, params["length"], params["dilation"])
    assert_array_equal(windows, loop)


@RANDOM
@given(
    n_rows=st.integers(1, 30),
    n_features=st.integers(1, 3),
    length=st.integers(1, 8),
    stride=st.integers(1, 4),
)
def test_windows_of_one_series_are_those_of_a_loop(n_rows, n_features, length, stride):
    n_rows = max(n_rows, (length - 1) * stride + 1)
    table = np.random.RandomState(0).rand(n_rows, n_features)
    windows = TimeWindows(length, dilation=stride).fit_transform(table)
    assert_array_equal(windows, windows_by_loop(table, [range(n_rows)], length, stride))


@RANDOM
@given(panel=panels())
def test_rows_in_are_rows_out_and_each_window_ends_with_its_row(panel):
    table, _, params = panel
    windows = TimeWindows(**params).fit_transform(table)
    assert_array_equal(windows[:, -1], table[["u", "v"]])


@RANDOM
@given(panel=panels())
def test_no_window_holds_two_groups_or_reaches_across_a_gap(panel):
    table, series, params = panel
    table["v"] = np.nan
    for number, rows in enumerate(series):
        table.iloc[rows, 2] = number
    numbers = TimeWindows(**params).fit_transform(table)[:, :, 1]
    assert (np.nanmin(numbers, axis=1) == np.nanmax(numbers, axis=1)).all()


@RANDOM
@given(panel=panels())
def test_a_step_without_history_is_absent_in_all_features(panel):
    table, series, params = panel
    windows = TimeWindows(**params).fit_transform(table)
    absent = np.isnan(windows)
    assert_array_equal(absent.any(axis=2), absent.all(axis=2))
    rank = {row: place for rows in series for place, row in enumerate(rows)}
    present = [min(rank[row] // params["dilation"] + 1, params["length"]) for row in rank]
    assert (~absent[list(rank), :, 0]).sum(axis=1).tolist() == present


def test_a_window_by_hand():
    windows = TimeWindows(2, dilation=2).fit_transform([[1], [2], [3], [4]])
    assert_array_equal(windows[:, :, 0], [[np.nan, 1], [np.nan, 2], [1, 3], [2, 4]])


def test_a_later_table_may_be_shorter_than_a_window():
    windows = TimeWindows(3).fit(np.zeros((5, 1))).transform([[7.0]])
    assert_array_equal(windows, [[[np.nan], [np.nan], [7]]])


# Memory and types


@pytest.mark.parametrize("params", [{"group_by": "g"}, {"group_by": "g", "max_gap": "1h"}])
def test_windows_of_groups_and_gaps_keep_one_table(params):
    """Of 2 groups, or of 4 series: each stands after the 49 absent rows before it."""
    rows = two_stations(300).drop(index=hourly(300).index[100])
    windows = TimeWindows(50, **params).fit_transform(rows)
    assert windows.shape == (598, 50, 2)
    assert windows.table.shape == (598 + 49 * (4 if "max_gap" in params else 2), 2)


@pytest.mark.parametrize("groups", [None, "g"])
def test_small_integers_do_not_overflow(groups):
    rows = hourly(200).assign(g=0) if groups else hourly(200)
    plain = TimeWindows(50, dilation=3, group_by=groups).fit_transform(rows)
    small = TimeWindows(np.int8(50), dilation=np.int8(3), group_by=groups).fit_transform(rows)
    assert_array_equal(small, plain)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("frame", [np.array, pd.DataFrame], ids=["array", "frame"])
def test_windows_share_the_memory_of_one_table(stride, frame):
    table = np.random.RandomState(0).rand(1000, 3)
    windows = TimeWindows(50, dilation=stride).fit_transform(frame(table))
    assert np.shares_memory(windows[0], windows[stride])
    first, last = np.lib.array_utils.byte_bounds(np.asarray(windows))
    assert last - first == (1000 + 49 * stride) * 3 * 8


@pytest.mark.parametrize("length", [1, 2])
def test_a_view_cannot_be_written_to(length):
    windows = TimeWindows(length).fit_transform(np.zeros((5, 2)))
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(windows)[2, 0] = 1


def test_the_table_stays_as_it_was():
    table = two_stations(9)
    before = table.copy()
    TimeWindows(3, group_by="g", max_gap="1h", keep_context=True).fit(table).transform(table)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("float32", "float32"), ("float64", "float64"), ("int64", "float64"), ("bool", "float64")],
)
@pytest.mark.parametrize("groups", [None, "g"])
def test_type_of_windows(given, expected, groups):
    table = pd.DataFrame({"u": [0, 1, 0], "v": [1, 1, 0]}).astype(given).assign(g=[0, 1, 0])
    table = table if groups else table.drop(columns="g")
    assert TimeWindows(2, group_by=groups).fit_transform(table).dtype == expected


def test_missing_values_of_the_table_stay_missing():
    windows = TimeWindows(2).fit_transform([[1.0, np.nan], [2.0, 3.0]])
    assert_array_equal(windows[1], [[1, np.nan], [2, 3]])


# Names and the contract of scikit-learn


@pytest.mark.parametrize("place", [pd.DataFrame, as_level], ids=["column", "level"])
def test_groups_are_not_a_feature(place):
    windows = TimeWindows(2, group_by="g").fit(place(two_stations(5)))
    assert windows.n_features_in_ == 2
    assert windows.feature_names_in_.tolist() == ["a", "b"]
    assert windows.get_feature_names_out().tolist() == ["a", "b"]


def test_names_of_an_array():
    windows = TimeWindows(2, group_by=1).fit(np.zeros((4, 3)))
    assert not hasattr(windows, "feature_names_in_")
    assert windows.get_feature_names_out().tolist() == ["x0", "x1"]
    assert windows.get_feature_names_out(["p", "q"]).tolist() == ["p", "q"]
    assert windows.get_feature_names_out(["p", "g", "q"]).tolist() == ["p", "q"]


@pytest.mark.parametrize(("groups", "names"), [(0, ["b", "c"]), (2, ["a", "b"])])
def test_the_column_of_groups_is_left_out_of_names_that_are_given(groups, names):
    windows = TimeWindows(2, group_by=groups).fit(np.zeros((4, 3)))
    assert windows.get_feature_names_out(["a", "b", "c"]).tolist() == names


def test_names_before_fit_are_an_error():
    with pytest.raises(NotFittedError):
        TimeWindows(2).get_feature_names_out()


@pytest.mark.parametrize("container", ["default", "pandas", "polars"])
def test_windows_are_arrays_whatever_set_output_says(container):
    table = hourly(6)
    expected = TimeWindows(3).fit_transform(table)
    windows = TimeWindows(3).set_output(transform=container)
    for _ in range(2):
        result = windows.fit_transform(table)
        assert type(result) is Windows
        assert_array_equal(result, expected)
        windows = clone(windows)
    with config_context(transform_output=container):
        assert_array_equal(TimeWindows(3).fit(table).transform(table), expected)


def test_clone_pickle_and_repr():
    windows = TimeWindows(3, group_by="g", keep_context=True).fit(two_stations(6))
    assert repr(windows) == "TimeWindows(group_by='g', keep_context=True, length=3)"
    assert repr(clone(windows)) == repr(windows)
    assert not hasattr(clone(windows), "context_")
    loaded, rows = pickle.loads(pickle.dumps(windows)), two_stations(3, 6)
    assert_array_equal(loaded.transform(rows), windows.transform(rows))


@parametrize_with_checks([TimeWindows(1)])
def test_windows_of_one_step_pass_and_do_not_skip(estimator, check):
    passes(estimator, check)


#: They say that the rows beside a row do not matter; a window is those rows.
ABOUT_SINGLE_ROWS = {
    "check_methods_subset_invariance": "a row's window holds the rows before it",
    "check_methods_sample_order_invariance": "the order of rows is the order of time",
}


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=check.func.__name__)
        for _, check in estimator_checks_generator(TimeWindows(4), mark=None)
        if check.func.__name__ not in ABOUT_SINGLE_ROWS
    ],
)
def test_longer_windows_pass_all_checks_but_those_about_single_rows(check):
    passes(TimeWindows(4), check)


def test_the_checks_left_out_are_two_of_scikit_learn():
    names = [check.func.__name__ for _, check in estimator_checks_generator(TimeWindows(4))]
    assert len(names) >= 40
    assert set(ABOUT_SINGLE_ROWS) <= set(names)


def test_the_rows_of_a_window_are_all_that_matters():
    table, windows = hourly(30), TimeWindows(4).fit(hourly(30))
    for first, last in [(0, 8), (5, 9), (11, 30)]:
        part = windows.transform(table[first:last])
        assert_array_equal(part[3:], windows.transform(table)[first + 3 : last])


def test_the_order_of_groups_does_not_matter():
    table = two_stations(9)
    order = np.argsort(table["g"].to_numpy(), kind="stable")[::-1].reshape(2, 9)[:, ::-1].ravel()
    windows = TimeWindows(4, group_by="g").fit(table)
    assert_array_equal(windows.transform(table.iloc[order]), windows.transform(table)[order])


@pytest.mark.parametrize(
    "check",
    [
        check_dataframe_column_names_consistency,
        check_estimators_partial_fit_n_features,
        check_inplace_ensure_writeable,
        check_param_validation,
    ],
)
def test_passes_checks_that_scikit_learn_keeps_for_its_own(check):
    check("TimeWindows", TimeWindows(1))


def test_the_period_of_rows_is_known_where_those_of_one_series_come_at_even_times():
    table = hourly(8)
    windows = TimeWindows(3)
    assert windows.fit(table).row_period_ == pd.Timedelta("1h")
    assert windows.fit(table[::2]).row_period_ == pd.Timedelta("2h")
    assert windows.fit(table.to_period("h")).row_period_ == pd.Timedelta("1h")
    for rows in (table.drop(index=table.index[3]), table.reset_index(drop=True), table.to_numpy()):
        assert windows.fit(rows).row_period_ is None
    taking_turns = table.assign(g=["p", "q"] * 4)
    assert TimeWindows(3, group_by="g").fit(taking_turns).row_period_ is None
