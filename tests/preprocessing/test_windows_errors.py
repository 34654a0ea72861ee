"""Windows of tables that are off: errors name the value and the remedy, warnings the reason."""

from datetime import timedelta
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import KFold, ShuffleSplit, TimeSeriesSplit, train_test_split

from panels import as_level, hourly, two_stations
from skattn import TimeWindows, sliding_windows

# Errors name the value and the remedy


@pytest.mark.parametrize(
    ("params", "table", "message"),
    [
        (
            {"length": 4, "dilation": 3},
            hourly(9),
            "length=4 with dilation=3 spans 10 rows, .* has 9 rows.*Use a shorter window, or",
        ),
        ({"length": 3, "group_by": "g"}, two_stations(2), "longest series of X has 2 rows"),
        ({"length": 3, "max_gap": "1h"}, hourly(9)[::2], "longest series of X has 1 rows"),
        (
            {"group_by": "h"},
            two_stations(3),
            r"group_by='h' is neither a column \(\['a', 'b', 'g'\]\) nor a level of the index",
        ),
        ({"group_by": "g"}, np.zeros((9, 2)), "group_by='g' needs .* named columns.*set_output"),
        (
            {"group_by": 2},
            np.zeros((9, 2)),
            r"group_by=2 needs the position of a column, below 2, .*\(9, 2\)",
        ),
        (
            {"group_by": "g"},
            two_stations(3).replace({"q": None}),
            r"group_by='g' has no value in row 1 \(3 such rows\). Give each row a group",
        ),
        ({"max_gap": 1}, np.zeros((9, 2)), "max_gap=1 needs the time.*time=.*set_output"),
        (
            {"max_gap": 1},
            hourly(9).set_axis(list("abcdefghi")),
            "max_gap=1 needs the time of each row: dates, .* pandas DataFrame whose index does",
        ),
        ({"max_gap": 1}, hourly(9), "max_gap=1 must be a length of time such as '1h'"),
        (
            {"max_gap": "1h"},
            hourly(9).reset_index(drop=True),
            "max_gap='1h' must be a number above 0: the times of X are numbers",
        ),
        ({"max_gap": "hour"}, hourly(9), "max_gap='hour' must be a length of time such as '1h'"),
        ({"max_gap": "-1h"}, hourly(9), "max_gap='-1h' must be"),
        ({"max_gap": "NaT"}, hourly(9), "max_gap='NaT' must be"),
        ({"max_gap": "90"}, hourly(9), "max_gap='90' must be a length of time such as '1h'"),
        ({"max_gap": " 90 "}, hourly(9), "max_gap=' 90 ' must be a length of time"),
        ({"max_gap": "+90"}, hourly(9), r"max_gap='\+90' must be a length of time"),
        (
            {},
            hourly(9).rename_axis("when").reset_index(),
            "TimeWindows: column 'when' holds dates. If they order the rows, say time='when'",
        ),
        (
            {},
            two_stations(9),
            r"TimeWindows: column 'g' holds text. If it tells series apart, say group_by='g'",
        ),
        (
            {"group_by": "g"},
            two_stations(9).assign(when="2024-03-30"),
            r"column 'when' holds text.*parse them \(pd.to_datetime, .* and say time='when'",
        ),
        (
            {"group_by": "h"},
            pl.DataFrame({"a": [1.0, 2.0], "g": ["p", "q"]}),
            r"group_by='h' is neither a column \(\['a', 'g'\]\) nor a level of the index \(\[\]\)",
        ),
        (
            {"keep_context": True},
            np.zeros((9, 2)),
            "keep_context=True needs the time of each row.*time=.*set_output",
        ),
        (
            {"keep_context": True},
            hourly(9).iloc[[0, 2, 1]],
            r"Row 2 has 2024-03-30 01:00:00 after 2024-03-30 02:00:00. Sort the table",
        ),
        (
            {"keep_context": True},
            two_stations(3).drop(columns="g"),
            r"Row 1 has 2024-03-30 00:00:00 after 2024-03-30 00:00:00.*group_by=",
        ),
        ({}, hourly(9).replace(5.0, np.inf), "Input X contains infinity"),
        ({"length": 0}, hourly(9), "'length' parameter of TimeWindows must be an int"),
        ({"length": 2.0}, hourly(9), "'length' parameter of TimeWindows must be an int"),
        ({"dilation": 0}, hourly(9), "'dilation' parameter of TimeWindows must be"),
        ({"group_by": -1}, np.zeros((9, 2)), "'group_by' parameter of TimeWindows must be"),
        ({"group_by": 1.0}, np.zeros((9, 2)), "'group_by' parameter of TimeWindows must be"),
        ({"max_gap": 0}, hourly(9), "'max_gap' parameter of TimeWindows must be"),
        ({"max_gap": np.nan}, hourly(9), "'max_gap' parameter of TimeWindows must be"),
        ({"keep_context": "yes"}, hourly(9), "'keep_context' parameter of TimeWindows must be"),
    ],
)
def test_fit_names_the_value_and_the_remedy(params, table, message):
    with pytest.raises(ValueError, match=message):
        TimeWindows(**{"length": 2, **params}).fit(table)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (hourly(3, 8)[["b", "a"]], "must be in the same order as they were in fit"),
        (hourly(3, 8).rename(columns={"b": "c"}), r"(?s)unseen at fit time:\n- c\n.*missing:\n- b"),
        (hourly(3, 8)[["a"]], r"(?s)seen at fit time, yet now missing:\n- b"),
        (hourly(3, 8).replace(9.0, np.inf), "Input X contains infinity"),
    ],
)
def test_transform_refuses_other_columns_and_infinity(table, message):
    with pytest.raises(ValueError, match=message):
        TimeWindows(2).fit(hourly(8)).transform(table)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (pd.RangeIndex(3), "dates without a time zone. Got times that are numbers. Give the new"),
        (pd.period_range("2025", periods=3, freq="D"), "Got times that are periods of D"),
        (pd.date_range("2025", periods=3, tz="UTC"), "Got times that are dates with a time zone"),
        (list("abc"), "needs the time of each row: .* DataFrame whose index does"),
        (pd.to_datetime(["2025", "2024", "2026"]), "Row 1 has 2024-01-01 .* after 2025-01-01"),
    ],
)
@pytest.mark.parametrize("method", ["transform", "extend_context"])
def test_the_context_needs_times_like_its_own(index, message, method):
    windows = TimeWindows(2, keep_context=True).fit(hourly(8))
    with pytest.raises(ValueError, match=message):
        getattr(windows, method)(hourly(3).set_axis(index))


def test_rows_of_the_past_do_not_enter_the_context():
    windows = TimeWindows(2, keep_context=True).fit(hourly(8))
    with pytest.raises(ValueError, match="context of TimeWindows needs times that increase"):
        windows.extend_context(hourly(1, 7))


@pytest.mark.parametrize("max_gap", [1, 1.0, np.int64(1), np.float32(1)])
def test_a_number_of_any_type_is_a_gap_between_numbers(max_gap):
    table = pd.DataFrame({"a": np.arange(6.0)}).drop(index=3)
    windows = TimeWindows(2, max_gap=max_gap).fit_transform(table)
    assert_array_equal(windows[:, 0, 0], [np.nan, 0, 1, np.nan, 4])


@pytest.mark.parametrize("step", [0.1, 0.3, 1 / 3, 0.7])
@pytest.mark.parametrize("start", [0, 0.05, 1000, 1.7e9], ids=["0", "0.05", "1000", "since 1970"])
def test_times_that_round_have_no_gaps_where_max_gap_is_their_step(step, start):
    table = pd.DataFrame({"a": np.arange(50.0)}, start + step * np.arange(50))
    windows = TimeWindows(2, max_gap=step).fit(table)
    assert_array_equal(windows.transform(table)[1:, 0, 0], np.arange(49))
    assert np.isnan(windows.transform(table[::2])[:, 0]).all()


@pytest.mark.parametrize(
    "max_gap",
    ["1h", "60min", pd.Timedelta("1h"), timedelta(hours=1), np.timedelta64(1, "h")],
    ids=repr,
)
@pytest.mark.parametrize("like", ["dates", "zone", "periods", "since"])
def test_a_length_of_time_of_any_type_is_a_gap_between_dates(max_gap, like):
    table = hourly(6).drop(index=hourly(6).index[3])
    index = {
        "dates": table.index,
        "zone": table.index.tz_localize("Europe/Berlin"),
        "periods": table.index.to_period("h"),
        "since": table.index - table.index[0],
    }
    windows = TimeWindows(2, max_gap=max_gap).fit_transform(table.set_axis(index[like]))
    assert_array_equal(windows[:, 0, 0], [np.nan, 0, 1, np.nan, 4])


# A warning where rows are out of order

SHUFFLED = "repeats or goes backwards.*TimeSeriesSplit.*group_by="


@pytest.mark.parametrize(
    "rows",
    [
        train_test_split(hourly(20), random_state=0)[0],
        hourly(20).iloc[next(ShuffleSplit(random_state=0).split(hourly(20)))[0]],
        pd.concat([hourly(20), hourly(20)]),
        hourly(20)[::-1],
        hourly(20).reset_index(drop=True).sample(frac=1, random_state=0),
        hourly(20).set_axis(np.arange(20, dtype="uint64")[::-1]),
        hourly(20).set_axis(pd.Index(hourly(20).index[::-1], dtype="timestamp[ns][pyarrow]")),
        hourly(20).set_axis([day.date() for day in pd.date_range("2024", periods=20)[::-1]]),
    ],
    ids=[
        "train_test_split",
        "ShuffleSplit",
        "stacked",
        "dates",
        "numbers",
        "uint",
        "arrow",
        "days",
    ],
)
def test_rows_out_of_order_are_a_warning(rows):
    with pytest.warns(UserWarning, match=SHUFFLED):
        TimeWindows(3).fit_transform(rows)


@pytest.mark.parametrize(
    "rows",
    [
        *(hourly(20).iloc[train] for train, _ in KFold(3).split(hourly(20))),
        *(hourly(20).iloc[test] for _, test in TimeSeriesSplit(3).split(hourly(20))),
        hourly(20).reset_index(drop=True),
        hourly(20).set_axis(list("qwertzuiopasdfghjkly")),
        np.random.RandomState(0).permutation(hourly(20)),
    ],
)
def test_rows_in_order_or_without_times_are_no_warning(rows):
    assert len(TimeWindows(3).fit_transform(rows)) == len(rows)


@pytest.mark.parametrize(
    "function", [TimeWindows(3).fit_transform, partial(sliding_windows, length=3)]
)
def test_dates_as_text_are_a_warning(function):
    rows = hourly(9).set_axis(hourly(9).index.astype(str))
    with pytest.warns(UserWarning, match=r"dates as text.*X.index = pd.to_datetime\(X.index\)"):
        windows = function(rows)
    assert_array_equal(windows, function(hourly(9)))


@pytest.mark.parametrize("spelling", ["%m/%d/%Y %H:%M", "%d.%m.%Y", "%Y-%m-%d"])
def test_dates_as_text_in_any_spelling_are_a_warning(spelling):
    rows = hourly(9)
    labels = [*rows.index[:-1].strftime(spelling), "total"]
    with pytest.warns(UserWarning, match=f"dates as text, such as '{labels[0]}'"):
        TimeWindows(3).fit(rows.set_axis(labels))
    levels = pd.MultiIndex.from_arrays([["a"] * 9, rows.index.strftime("%d/%m/%Y %H")])
    with pytest.warns(UserWarning, match=r"pd.to_datetime\(X.index.get_level_values\(-1\)"):
        sliding_windows(rows.set_axis(levels), length=3)


@pytest.mark.parametrize("label", ["10.0.0.{}", "a-1-{}", "{}", "1/2/{}"])
def test_other_text_is_no_warning(label):
    rows = hourly(9).set_axis([label.format(row) for row in range(9)])
    assert_array_equal(TimeWindows(3).fit_transform(rows), TimeWindows(3).fit_transform(hourly(9)))


def test_a_date_level_beside_unnamed_series_is_looked_at():
    rows = as_level(two_stations(9))
    with pytest.warns(UserWarning, match=SHUFFLED):
        TimeWindows(3).fit_transform(rows)
    with pytest.raises(ValueError, match=r"Row 1 has 2024-03-30 00:00:00 after .*group_by="):
        sliding_windows(rows, length=3)
    assert sliding_windows(rows, length=3, group_by="g").shape == (14, 3, 2)


def test_series_that_are_told_apart_are_no_warning():
    rows = pd.concat([hourly(9).assign(g="p"), hourly(9).assign(g="q")])
    assert TimeWindows(3, group_by="g").fit_transform(rows).shape == (18, 3, 2)
