"""A column that tells the time: in tables without an index, as the index does."""

from datetime import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from panels import hourly, two_stations
from skattn import TimeWindows, sliding_windows


def as_records(table):
    return table.to_records(index=False)


def as_objects(table):
    return table.to_numpy(dtype=object)


FRAMES = {
    "pandas": lambda table: table,
    "polars": pl.from_pandas,
    "pyarrow": lambda table: pl.from_pandas(table).to_arrow(),
    "record batch": lambda table: pl.from_pandas(table).to_arrow().combine_chunks().to_batches()[0],
    "structured": as_records,
    "masked structured": lambda table: np.ma.array(np.asarray(as_records(table))),
    "objects": as_objects,
    "list": lambda table: as_objects(table).tolist(),
}
EVERY_FRAME = pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)


def names(table, make, *, time="when", group_by=None):
    """Return `time` and `group_by` as names, or as positions where a table has none."""
    if make in (FRAMES["objects"], FRAMES["list"]):
        time = list(table).index(time)
        group_by = group_by and list(table).index(group_by)
    return {"time": time, "group_by": group_by}


def with_gap(n_rows=12):
    """Return an hourly table with a column of times in the middle; hours 4 and 5 are missing."""
    table = hourly(n_rows).drop(index=hourly(n_rows).index[[4, 5]])
    return table.assign(when=table.index)[["a", "when", "b"]]


@EVERY_FRAME
@pytest.mark.parametrize("max_gap", ["1h", None, "1D"])
def test_a_column_of_times_is_as_the_index(make, max_gap):
    table = with_gap()
    expected = TimeWindows(3, max_gap=max_gap).fit_transform(table[["a", "b"]])
    rows = make(table.reset_index(drop=True))
    windows = TimeWindows(3, max_gap=max_gap, **names(table, make)).fit(rows)
    assert windows.n_features_in_ == 2
    assert_array_equal(windows.transform(rows), expected)
    options = {"length": 3, "max_gap": max_gap}
    of_column = sliding_windows(rows, **options, **names(table, make))
    assert_array_equal(of_column, sliding_windows(table[["a", "b"]], **options))


@EVERY_FRAME
def test_the_context_goes_by_a_column_of_times(make):
    table = two_stations(8).reset_index(names="when")
    later = two_stations(3, 8).reset_index(names="when")
    params = names(table, make, group_by="g")
    windows = TimeWindows(3, keep_context=True, **params).fit(make(table))
    whole = TimeWindows(3, **params).fit_transform(make(pd.concat([table, later])))
    assert_array_equal(windows.transform(make(later)), np.asarray(whole)[16:])
    windows.extend_context(make(later[:2]))
    assert_array_equal(windows.transform(make(later[2:])), np.asarray(whole)[18:])


@EVERY_FRAME
def test_times_in_a_column_that_go_backwards(make):
    table = with_gap()[::-1].reset_index(drop=True)
    with pytest.warns(UserWarning, match="time of the rows repeats or goes backwards"):
        TimeWindows(3, **names(table, make)).fit_transform(make(table))
    with pytest.raises(ValueError, match="Row 1 has 2024-03-30 10:00:00 after 2024-03-30 11"):
        sliding_windows(make(table), length=3, **names(table, make))


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2024", periods=6, tz="Europe/Berlin"),
        pd.date_range("2024", periods=6).date,
        pd.period_range("2024", periods=6, freq="D"),
        pd.to_timedelta(range(6), "D"),
        [datetime.fromisoformat(f"2024-01-0{day}T00:00:00+0{day % 2}:00") for day in range(1, 7)],
        pd.array(pd.date_range("2024", periods=6), dtype="timestamp[us][pyarrow]"),
    ],
    ids=["zone", "days", "periods", "lengths", "offsets", "arrow"],
)
def test_times_of_any_type(times):
    table = pd.DataFrame({"a": np.arange(6.0), "when": times}).drop(index=3)
    windows = TimeWindows(2, time="when", max_gap="1D").fit_transform(table)
    assert_array_equal(windows[:, 0, 0], [np.nan, 0, 1, np.nan, 4])


@EVERY_FRAME
def test_the_period_of_rows_is_that_of_their_times(make):
    table = hourly(6).reset_index(names="when")
    windows = TimeWindows(2, **names(table, make))
    assert windows.fit(make(table)).row_period_ == np.timedelta64(1, "h")
    assert windows.fit(make(table[::2])).row_period_ == np.timedelta64(2, "h")
    assert windows.fit(make(table.drop(index=2))).row_period_ is None


def test_numbers_are_times_too():
    table = np.array([[1.0, 0], [2, 1], [3, 5], [4, 6]])
    windows = TimeWindows(2, time=1, max_gap=1).fit_transform(table)
    assert_array_equal(windows[:, 0, 0], [np.nan, 1, np.nan, 3])


def test_a_column_of_times_is_no_feature_in_names_that_are_given():
    windows = TimeWindows(2, time="when", group_by="g").fit(
        two_stations(4).reset_index(names="when")
    )
    assert windows.get_feature_names_out(["when", "a", "b", "g"]).tolist() == ["a", "b"]


def test_an_index_is_not_looked_at_beside_a_column_of_times():
    table = with_gap().set_axis(range(10)[::-1])
    assert len(TimeWindows(2, time="when").fit_transform(table)) == 10
    _, targets = sliding_windows(table[["a", "when"]], table["b"], length=2, time="when")
    assert targets.index.tolist() == list(range(8))[::-1]


def test_tables_without_an_index_have_no_times():
    table = pl.from_pandas(hourly(6))
    for params in ({"max_gap": 1}, {"keep_context": True}):
        with pytest.raises(ValueError, match=r"needs the time of each row.*with time="):
            TimeWindows(2, **params).fit(table)
    assert len(TimeWindows(2).fit_transform(table)) == 6


@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
def test_a_row_without_a_time_is_an_error(make):
    table = with_gap().reset_index(drop=True)
    table.loc[3, "when"] = None
    with pytest.raises(ValueError, match=r"no time in row 3 of time='when' \(1 such rows\)"):
        TimeWindows(2, time="when").fit(make(table))


# An index of dates with several offsets, as read_csv leaves it

OFFSETS = [f"2024-03-31T0{hour}:00:00+0{1 + (hour > 2)}:00" for hour in (0, 1, 3, 4)]


@pytest.mark.parametrize("dtype", ["str", object])
def test_text_with_two_offsets_is_a_warning_with_the_remedy(dtype):
    table = pd.DataFrame({"a": range(4)}, pd.Index(OFFSETS, dtype=dtype))
    with pytest.warns(UserWarning, match=r"X.index = pd.to_datetime\(X.index, utc=True\)"):
        windows = TimeWindows(2).fit_transform(table)
    assert windows.shape == (4, 2, 1)
    table.index = pd.to_datetime(table.index, utc=True)
    assert len(sliding_windows(table, length=4, max_gap="1h", on_gap="raise")) == 1


@pytest.mark.parametrize("parse", [datetime.fromisoformat, pd.Timestamp])
def test_dates_with_two_offsets_are_times(parse):
    table = pd.DataFrame({"a": range(4)}, pd.Index([*map(parse, OFFSETS)], dtype=object))
    assert len(sliding_windows(table, length=4, max_gap="1h", on_gap="raise")) == 1
    windows = TimeWindows(2, keep_context=True).fit(table[:2])
    assert windows.transform(table[2:])[:, :, 0].tolist() == [[1, 2], [2, 3]]
    with pytest.raises(ValueError, match=r"Row 1 has 2024-03-31 03:00:00\+02:00 after .*04:00"):
        sliding_windows(table[::-1], length=2)


def test_dates_with_and_without_a_zone_have_no_order():
    dates = [datetime.fromisoformat(OFFSETS[0]), datetime(2024, 4, 1)]
    with pytest.raises(ValueError, match=r"only a part has a time zone.*utc=True"):
        TimeWindows(2).fit(pd.DataFrame({"a": [1, 2]}, pd.Index(dates, dtype=object)))


def test_rows_of_another_zone_follow_the_context():
    """An instant is the same in each zone; the calendar is that of the rows."""
    table = hourly(8).tz_localize("Europe/Berlin", nonexistent="shift_forward")
    windows = TimeWindows(2, keep_context=True).fit(table)
    later = hourly(1, 7).tz_localize("UTC")  # 7:00 UTC is 8:00 in Berlin
    assert windows.transform(later)[0, :, 0].tolist() == [7, 7]
