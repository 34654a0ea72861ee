"""Gaps in the calendar of the index: days when clocks change, months, business days."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from pandas.tseries import offsets

from panels import hourly
from skattn import TimeWindows, sliding_windows

BERLIN = "Europe/Berlin"


def gaps(index, max_gap):
    """Return the rows whose window does not reach back over the step before them."""
    table = pd.DataFrame({"a": np.arange(float(len(index)))}, index)
    windows = np.asarray(TimeWindows(2, max_gap=max_gap).fit_transform(table))
    return [row for row in range(1, len(index)) if np.isnan(windows[row, 0, 0])]


#: 27 October 2024 has 25 hours: from row 7 to row 8.
AUTUMN = pd.date_range("2024-10-20", periods=12, tz=BERLIN)
#: 31 March 2024 has 23 hours: from row 6 to row 7.
SPRING = pd.date_range("2024-03-25", periods=12, tz=BERLIN)

DAYS = [
    "1D",
    "D",
    "1 day",
    "P1D",
    pd.Timedelta("1D"),
    timedelta(days=1),
    np.timedelta64(1, "D"),
    AUTUMN.freq,
    offsets.Day(),
    pd.DateOffset(days=1),
]


@pytest.mark.parametrize("max_gap", DAYS, ids=repr)
def test_a_day_of_25_hours_is_a_day(max_gap):
    assert gaps(AUTUMN, max_gap) == []
    assert gaps(SPRING, max_gap) == []
    assert gaps(AUTUMN.delete(5), max_gap) == [5]


@pytest.mark.parametrize("max_gap", ["24h", "1440min", np.timedelta64(24, "h"), offsets.Hour(24)])
def test_hours_are_hours(max_gap):
    assert gaps(AUTUMN, max_gap) == [8]
    assert gaps(SPRING, max_gap) == []


def test_days_of_labels_with_two_offsets_are_those_of_their_clocks():
    labels = pd.Index([*AUTUMN.map(lambda day: pd.Timestamp(day.isoformat()))], dtype=object)
    assert len({label.tzinfo for label in labels}) == 2
    assert gaps(labels, "1D") == []
    assert gaps(labels, "24h") == [8]


@pytest.mark.parametrize("max_gap", ["1h", "h", pd.DateOffset(hours=1), offsets.Hour()])
def test_an_hour_is_an_hour_when_clocks_change(max_gap):
    hours = pd.date_range("2024-10-26", periods=60, freq="h", tz=BERLIN)
    assert gaps(hours, max_gap) == []
    assert gaps(hours.delete(26), max_gap) == [26]


MONTH_ENDS = pd.date_range("2023-11-30", periods=30, freq="ME")
MONTH_STARTS = pd.date_range("2023-11-01", periods=30, freq="MS")
FIFTEENTHS = MONTH_STARTS + pd.Timedelta("14D")
MONTHS = ["MS", "ME", "M", np.timedelta64(1, "M"), pd.DateOffset(months=1), MONTH_ENDS.freq]


@pytest.mark.parametrize("max_gap", MONTHS, ids=repr)
@pytest.mark.parametrize(
    "index",
    [MONTH_ENDS, MONTH_STARTS, FIFTEENTHS, MONTH_STARTS.to_period("M")],
    ids=["ends", "starts", "fifteenths", "periods"],
)
def test_the_next_month_is_no_gap_and_the_one_after_it_is(index, max_gap):
    assert gaps(index, max_gap) == []
    assert gaps(index.delete([4, 9]), max_gap) == [4, 8]


@pytest.mark.parametrize(
    ("index", "max_gap"),
    [
        (pd.bdate_range("2024-01-01", periods=30), "B"),
        (pd.date_range("2024", periods=30, freq="W-SUN", tz=BERLIN), "W"),
        (pd.date_range("2024", periods=30, freq="W-SUN", tz=BERLIN), "W-WED"),
        (pd.date_range("2024", periods=30, freq="W-SUN", tz=BERLIN), "7D"),
        (pd.date_range("2020", periods=30, freq="QS"), "QS"),
        (pd.date_range("2020", periods=30, freq="QS"), "3MS"),
        (pd.date_range("1990", periods=30, freq="YS"), "YS"),
        (pd.date_range("1990", periods=30, freq="YE"), "12ME"),
        (pd.period_range("1990", periods=30, freq="Q"), "Q"),
        (pd.date_range("2024-01-05 15:00", periods=30, freq="bh"), "bh"),
        (pd.date_range("3000", periods=30, freq="MS", unit="s"), "MS"),
        (pd.date_range("1500", periods=30, freq="D", unit="ms"), "1D"),
        (pd.to_timedelta(np.arange(30), "D"), "1D"),
    ],
)
def test_one_unit_is_no_gap_and_two_are(index, max_gap):
    assert gaps(index, max_gap) == []
    assert gaps(index.delete([5, 12]), max_gap) == [5, 11]


def test_the_frequency_of_an_index_is_a_gap():
    for index in (AUTUMN, MONTH_ENDS, FIFTEENTHS.to_period("M"), hourly(9).index):
        assert gaps(index, index.freq) == []


def test_sliding_windows_count_days_too():
    table = pd.DataFrame({"a": np.arange(12.0)}, AUTUMN)
    assert len(sliding_windows(table, length=12, max_gap="1D", on_gap="raise")) == 1
    with pytest.raises(ValueError, match=r"2024-10-27 00:00:00\+02:00 to 2024-10-28 .*\+01:00"):
        sliding_windows(table, length=12, max_gap="24h", on_gap="raise")


@pytest.mark.parametrize(
    "max_gap",
    [
        *["M1", "0D", "-1D", "", "1.5", np.timedelta64("NaT"), np.timedelta64(1)],
        *[offsets.Day(0), offsets.Day(-1), pd.DateOffset(months=-1)],
    ],
    ids=repr,
)
def test_what_is_no_length_of_time_is_an_error(max_gap):
    message = "max_gap=.* must be a length of time such as '1h', '1D' .* or 'MS'"
    with pytest.raises(ValueError, match=message):
        gaps(AUTUMN, max_gap)


@pytest.mark.parametrize(
    ("index", "max_gap", "message"),
    [
        (pd.RangeIndex(5), "D", "max_gap='D' must be a number above 0"),
        (pd.RangeIndex(5), offsets.Day(), "max_gap=<Day> must be a number above 0"),
        (pd.to_timedelta(range(5), "D"), "MS", "must be a length of time such as '1h' or '1D'"),
    ],
)
def test_calendar_units_need_a_calendar(index, max_gap, message):
    with pytest.raises(ValueError, match=message):
        gaps(index, max_gap)


@pytest.mark.parametrize("text", ["P1M", "P1Y", "P2M3DT4H"])
def test_months_of_iso_are_no_minutes(text):
    with pytest.raises(ValueError, match=f"max_gap='{text}' has months or years. Write 'MS' or"):
        TimeWindows(2, max_gap=text).fit(hourly(5))
    windows = TimeWindows(2, max_gap="PT1H").fit_transform(hourly(5))
    assert not np.isnan(windows[1:]).any()
