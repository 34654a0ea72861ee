"""Windows that go on after the training rows, in one call or row by row."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError

from panels import RANDOM, as_level, hourly, panels, two_stations
from skattn import TimeWindows


def walk(windows, rows):
    """Transform rows one at a time, each taken into the context after that."""
    parts = []
    for row in range(len(rows)):
        parts.append(windows.transform(rows.iloc[[row]]))
        windows.extend_context(rows.iloc[[row]])
    return np.concatenate(parts)


@settings(RANDOM, max_examples=15)
@given(panel=panels(min_rows=8), fraction=st.floats(0.5, 0.95))
def test_following_rows_have_the_windows_of_the_whole_table(panel, fraction):
    table, _, params = panel
    table = table.sort_index(kind="stable")
    params["max_gap"] = params["max_gap"] or (9 if table.index.dtype == "int64" else "9h")
    cut = int(fraction * len(table))
    assume(0 < cut < len(table))
    windows = TimeWindows(**params, keep_context=True)
    whole = TimeWindows(**params).fit_transform(table)
    assume(len(windows_without_absence(whole[:cut])))
    assert_array_equal(windows.fit(table[:cut]).transform(table[cut:]), whole[cut:])
    assert_array_equal(walk(windows, table[cut:]), whole[cut:])


def windows_without_absence(windows):
    return windows[~np.isnan(windows).any(axis=(1, 2))]


@pytest.mark.parametrize(
    ("make", "groups"),
    [(hourly, None), (two_stations, "g"), (lambda *n: as_level(two_stations(*n)), "g")],
    ids=["one series", "column", "level"],
)
@pytest.mark.parametrize(("length", "stride"), [(1, 1), (2, 1), (4, 1), (3, 2), (2, 5)])
def test_walking_forward_is_one_call(make, groups, length, stride):
    table, later = make(8), make(9, 8)
    windows = TimeWindows(length, dilation=stride, group_by=groups, keep_context=True).fit(table)
    expected = windows.transform(later)
    assert not np.isnan(expected).any()
    assert_array_equal(walk(windows, later), expected)


def test_walking_forward_is_one_call_after_a_pause_too():
    """The pause is among the new rows, and longer than any step of fit."""
    windows = TimeWindows(3, keep_context=True).fit(hourly(6))
    later = hourly(6, 6).iloc[[0, 1, 4, 5]]
    expected = windows.transform(later)
    assert_array_equal(walk(windows, later), expected)


def test_training_rows_begin_with_an_empty_history():
    table = two_stations(8)
    windows = TimeWindows(4, group_by="g", keep_context=True).fit(table)
    assert_array_equal(windows.transform(table), TimeWindows(4, group_by="g").fit_transform(table))


def test_rows_that_begin_inside_the_context_have_the_rows_before_them():
    windows = TimeWindows(4, keep_context=True).fit(hourly(8))
    assert_array_equal(windows.transform(hourly(2, 7))[:, :, 0], [[np.nan, 5, 6, 7], [5, 6, 7, 8]])


@pytest.mark.parametrize(
    ("max_gap", "hours", "begins_empty"),
    [(None, 1, False), (None, 2, True), ("3h", 3, False), ("3h", 4, True)],
)
def test_rows_after_a_pause_begin_with_an_empty_history(max_gap, hours, begins_empty):
    windows = TimeWindows(2, max_gap=max_gap, keep_context=True).fit(hourly(8))
    first = windows.transform(hourly(3, 7 + hours))[0, 0]
    assert np.isnan(first).all() == begins_empty


def test_one_group_after_a_pause_and_one_without():
    windows = TimeWindows(2, group_by="g", keep_context=True).fit(two_stations(8))
    rows = pd.concat([hourly(1, 8).assign(g="p"), hourly(1, 11).assign(g="q")])
    assert_array_equal(windows.transform(rows)[:, :, 0], [[7, 8], [np.nan, 11]])


def test_a_group_unknown_in_fit_begins_with_an_empty_history():
    windows = TimeWindows(2, group_by="g", keep_context=True).fit(two_stations(8))
    later = two_stations(1, 8).replace({"q": "new"})
    assert_array_equal(windows.transform(later)[:, :, 0], [[7, 8], [np.nan, 8]])
    windows.extend_context(later)
    later = two_stations(1, 9).replace({"q": "new"})
    assert_array_equal(windows.transform(later)[:, :, 0], [[8, 9], [8, 9]])


@pytest.mark.parametrize("freq", ["7ms", "10ms", "1us", "1ns"])
def test_short_steps_are_not_a_pause(freq):
    index = pd.date_range("2024", periods=30, freq=freq)
    table = pd.concat([pd.DataFrame({"a": np.arange(30.0), "g": g}, index) for g in "pq"])
    for cut in range(5, 25):
        windows = TimeWindows(2, group_by="g", keep_context=True)
        windows.fit(table.groupby("g").head(cut))
        row = table[table["g"] == "p"].iloc[[cut]]
        assert windows.transform(row)[0, :, 0].tolist() == [cut - 1, cut]


@pytest.mark.parametrize(
    "index",
    [
        pd.period_range("2021", periods=8, freq="Y"),
        pd.period_range("2023-02", periods=8, freq="M"),
        pd.date_range("2023-02", periods=8, freq="MS"),
        pd.date_range("2024-10-22", periods=8, freq="D", tz="Europe/Berlin"),
    ],
    ids=["years", "months", "month starts", "days of a time zone"],
)
def test_the_next_period_of_the_calendar_is_not_a_pause(index):
    table = pd.DataFrame({"a": np.arange(8.0)}, index)
    windows = TimeWindows(2, keep_context=True).fit(table[:2])
    expected = [[row - 1, row] for row in range(2, 8)]
    assert walk(windows, table[2:])[:, :, 0].tolist() == expected


@pytest.mark.parametrize("groups", [None, "g"])
def test_the_context_is_no_longer_than_needed(groups):
    make, n_groups = (two_stations, 2) if groups else (hourly, 1)
    windows = TimeWindows(3, dilation=2, group_by=groups, keep_context=True).fit(make(9))
    assert windows.context_.rows.shape == (4 * n_groups, 2)
    for start in range(9, 12):
        windows.extend_context(make(1, start))
    assert windows.context_.rows.shape == (4 * n_groups, 2)
    assert windows.context_.rows[:, 0].tolist() == [*np.repeat([8.0, 9, 10, 11], n_groups)]


@pytest.mark.parametrize("change", [{"length": 5}, {"dilation": 2}])
def test_windows_longer_than_in_fit_are_an_error(change):
    windows = TimeWindows(4, keep_context=True).fit(hourly(8)).set_params(**change)
    looks_back = (windows.length - 1) * windows.dilation
    with pytest.raises(
        ValueError, match=f"looks back {looks_back} rows, but fit kept 3. Fit again"
    ):
        windows.transform(hourly(2, 8))
    assert windows.fit(hourly(8)).transform(hourly(2, 8)).shape == (2, windows.length, 2)


def test_windows_shorter_than_in_fit_have_their_history():
    windows = TimeWindows(4, keep_context=True).fit(hourly(8)).set_params(length=2)
    assert windows.transform(hourly(2, 8))[:, :, 0].tolist() == [[7, 8], [8, 9]]


def test_there_is_no_context_to_extend_before_fit():
    with pytest.raises(NotFittedError):
        TimeWindows(3, keep_context=True).extend_context(hourly(8))


def test_without_keep_context_there_is_none_to_extend():
    with pytest.raises(AttributeError, match=r"with keep_context=True\. Got keep_context=False"):
        TimeWindows(2).fit(hourly(8)).extend_context(hourly(1, 8))


def test_fit_without_context_forgets_it():
    windows = TimeWindows(3, keep_context=True).fit(hourly(8))
    windows.set_params(keep_context=False).fit(hourly(8))
    assert not hasattr(windows, "context_")
    with pytest.raises(NotFittedError):
        windows.set_params(keep_context=True).transform(hourly(2, 8))


@pytest.mark.parametrize("method", ["fit", "extend_context"])
@pytest.mark.parametrize(
    "bad",
    [
        hourly(2).rename(columns={"a": "other"}),
        hourly(9).assign(c=0.0)[::-1],
        hourly(9)[::-1],
        hourly(9, 20).replace(25.0, np.inf),
        hourly(9).set_axis(list("abcdefghi")),
    ],
    ids=["short", "wider", "backwards", "infinite", "names for times"],
)
def test_a_failing_fit_leaves_what_was_there(method, bad):
    windows = TimeWindows(4, keep_context=True).fit(hourly(8))
    expected = windows.transform(hourly(3, 8))
    with pytest.raises(ValueError):  # noqa: PT011 - what it says is tested below
        getattr(windows, method)(bad)
    assert_array_equal(windows.transform(hourly(3, 8)), expected)


# Labels and zones that differ


def days(zone):
    index = pd.date_range("2026-03-20", periods=20, freq="D", tz="Europe/Berlin")
    return pd.DataFrame({"v": np.arange(20.0)}, index).tz_convert(zone)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "+02:00", "Europe/Berlin"])
def test_days_are_those_of_the_place_of_the_rows_that_follow(zone):
    windows = TimeWindows(3, max_gap="1D", keep_context=True).fit(days(zone)[:10])
    expected = [[8, 9, 10], [9, 10, 11]]
    assert windows.transform(days("Europe/Berlin")[10:12])[:, :, 0].tolist() == expected


def test_a_time_that_the_clock_leaves_out_is_no_gap():
    index = pd.date_range("2026-03-25 02:30", periods=8, freq="D")
    index = index.tz_localize("Europe/Berlin", nonexistent="shift_forward")
    table = pd.DataFrame({"v": np.arange(8.0)}, index)
    windows = TimeWindows(3, max_gap="1D").fit_transform(table)
    assert windows[2:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]


def labelled(unit):
    return days("UTC").assign(site="a", unit=np.full(20, unit))


@pytest.mark.parametrize("unit", [1.0, True, np.int8(1), Decimal(1)])
def test_equal_numbers_are_one_group(unit):
    windows = TimeWindows(3, group_by=["site", "unit"], keep_context=True).fit(labelled(1)[:10])
    assert windows.transform(labelled(unit)[10:])[0].ravel().tolist() == [8, 9, 10]


@pytest.mark.parametrize("group_by", ["unit", ["site", "unit"]])
def test_labels_of_another_type_are_a_warning(group_by):
    columns = ["v", *np.atleast_1d(group_by)]
    windows = TimeWindows(3, group_by=group_by, keep_context=True).fit(labelled(1)[:10][columns])
    rows = labelled("1")[10:][columns]
    with pytest.warns(
        UserWarning, match="No group of these rows is among those of fit.*Written as text"
    ):
        assert np.isnan(windows.transform(rows)[0, :2]).all()


def test_new_groups_are_no_warning():
    windows = TimeWindows(3, group_by=["site", "unit"], keep_context=True).fit(labelled(1)[:10])
    assert np.isnan(windows.transform(labelled(2)[10:])[0, :2]).all()


def test_numbers_of_many_digits_are_groups_of_their_own():
    ids = [Decimal("12345678901234567890"), Decimal("12345678901234567891"), Decimal("0.1"), 10**30]
    table = days("UTC")[:8].assign(unit=pd.Series(ids * 2, days("UTC").index[:8], dtype=object))
    windows = TimeWindows(2, group_by="unit").fit_transform(table)
    assert windows[4:, :, 0].tolist() == [[0, 4], [1, 5], [2, 6], [3, 7]]
