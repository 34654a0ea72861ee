"""Gaps: times between neighbouring rows that are longer than a limit."""

import datetime
import re
import warnings
from dataclasses import dataclass
from numbers import Real

import numpy as np
import pandas as pd
from pandas.tseries import offsets
from pandas.tseries.frequencies import to_offset

from .._sklearn import Interval
from .times import LENGTHS, NUMBERS, rounding_of

#: Constraints of the longest time between neighbouring rows.
MAX_GAP = [
    str,
    datetime.timedelta,
    np.timedelta64,
    offsets.BaseOffset,
    Interval(Real, 0, None, closed="neither"),
    None,
]

EXAMPLES = "'1h', '1D' (a day of the calendar) or 'MS' (a month)"

_ONE_DAY = pd.Timedelta(1, "D")

#: Months from one anchor of an offset, such as the end of a quarter, to the next.
_MONTHS = {
    f"{prefix}{unit}{anchor}": months
    for unit, months in {"Month": 1, "Quarter": 3, "HalfYear": 6, "Year": 12}.items()
    for prefix in ("", "B", "Business", "CustomBusiness")
    for anchor in ("Begin", "End")
}

_PARTS_OF_DAYS = {"hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"}


@dataclass(frozen=True)
class Length:
    """A limit that is the same everywhere: nanoseconds, or units of the numbers."""

    length: float

    def exceeded(self, times):
        """Return whether each row but the first comes later than the limit after the last."""
        return times.steps > self.length + rounding_of(times.values)


@dataclass(frozen=True)
class CalendarUnits:
    """A limit that depends on the calendar: days, business days, months, ..."""

    offset: offsets.BaseOffset

    def exceeded(self, times):
        """Return whether each row but the first comes later than the limit after the last."""
        before, after = pd.DatetimeIndex(times.shown[:-1]), times.shown[1:]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.PerformanceWarning)
            exceeded = after > (before + self.offset).to_numpy()
            for unit, counts in _without_anchor(self.offset, before):
                exceeded &= ~counts | (after > (before + unit).to_numpy())
        if isinstance(self.offset, offsets.Day):  # 02:30 is 03:00 where clocks are put forward
            exceeded &= times.steps > self.offset.n * _ONE_DAY / pd.Timedelta(1, "ns")
        return exceeded


def limit_of(times, max_gap):
    """Return the limit that a parameter `max_gap` means for times.

    Raises
    ------
    ValueError
        If it is no length, not above 0, or not in the units of the times.
    """
    gap = _parsed(max_gap)
    if times.kind == LENGTHS and isinstance(gap, offsets.Day):  # they know no calendar
        gap = gap.n * _ONE_DAY
    fits = {
        NUMBERS: isinstance(gap, Real),
        LENGTHS: isinstance(gap, pd.Timedelta),
    }.get(times.kind, isinstance(gap, (pd.Timedelta, offsets.BaseOffset)))
    if not fits or not _is_positive(gap):
        wanted = {
            NUMBERS: "a number above 0",
            LENGTHS: "a length of time such as '1h' or '1D'",
        }.get(times.kind, f"a length of time such as {EXAMPLES}")
        raise ValueError(f"max_gap={max_gap!r} must be {wanted}: the times of X are {times.kind}.")
    if isinstance(gap, offsets.BaseOffset):
        return CalendarUnits(gap)
    return Length(float(gap) if isinstance(gap, Real) else gap / pd.Timedelta(1, "ns"))


def _is_positive(gap):
    if isinstance(gap, offsets.BaseOffset):
        start = pd.Timestamp("2000-01-01")
        return start + gap > start
    return gap > (0 if isinstance(gap, Real) else pd.Timedelta(0))


def _parsed(max_gap):
    """Return a number, a Timedelta or, of days and longer units, an offset; None of others."""
    if isinstance(max_gap, np.timedelta64):  # it counts as an integral number
        return _parsed_timedelta64(max_gap)
    if isinstance(max_gap, Real):
        return max_gap
    if isinstance(max_gap, str):
        max_gap = _parsed_text(max_gap)
    if isinstance(max_gap, datetime.timedelta) and max_gap is not pd.NaT:
        max_gap = pd.Timedelta(max_gap)
        whole_days = max_gap % _ONE_DAY == pd.Timedelta(0)
        return offsets.Day(max_gap // _ONE_DAY) if whole_days else max_gap
    if isinstance(max_gap, offsets.Tick) and not isinstance(max_gap, offsets.Day):
        return pd.Timedelta(max_gap)
    parts = max_gap.kwds if type(max_gap) is offsets.DateOffset else {}
    if parts and parts.keys() <= _PARTS_OF_DAYS:
        return max_gap.n * pd.Timedelta(**parts)
    return max_gap


def _parsed_timedelta64(max_gap):
    unit, count = np.datetime_data(max_gap.dtype)
    if np.isnat(max_gap) or unit == "generic":
        return None
    count *= int(max_gap.astype("int64"))
    days_or_months = {"D": ("days", 1), "W": ("days", 7), "M": ("months", 1), "Y": ("months", 12)}
    if unit not in days_or_months:
        return pd.Timedelta(max_gap)
    name, times = days_or_months[unit]
    return offsets.Day(count * times) if name == "days" else pd.DateOffset(months=count * times)


def _parsed_text(text):
    """Return the offset or the Timedelta that a text names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that later versions of pandas drop
        read = [_tried(reader, text) for reader in (to_offset, pd.Timedelta, _offset_of_period)]
    found = [length for length in read if not isinstance(length, ValueError)]
    if re.match("P[^T]*[MY]", text):  # pandas reads the month of "P1M" as a minute
        raise ValueError(f"max_gap={text!r} has months or years. Write 'MS' or 'YS' for these.")
    if not found or not re.search("[A-Za-z:]", text):  # pandas reads "90" as nanoseconds
        error = f"max_gap={text!r} must be a length of time such as {EXAMPLES}."
        raise ValueError(error) from read[0]
    return found[0]


def _tried(reader, text):
    try:
        return reader(text)
    except ValueError as error:
        return error


def _offset_of_period(text):
    """Return the offset that `freqstr` of periods names, such as "M"."""
    return pd.Period("2000-01-01", text).freq


def _without_anchor(offset, dates):
    """Yield the units of an offset between any days, and for which dates each counts.

    An offset may count from anchor to anchor: after the 15th of a month "MS" is the first
    of the next. A month is up to the 15th, too; and from the end of a month to the end of
    the next.
    """
    months = _MONTHS.get(type(offset).__name__, 0)
    if type(offset) is offsets.DateOffset:
        months = offset.kwds.get("months", 0) + 12 * offset.kwds.get("years", 0)
    if months:
        yield pd.DateOffset(months=months * offset.n), np.True_
        yield offsets.MonthEnd(months * offset.n), dates.is_month_end
    if isinstance(offset, offsets.Week):
        yield pd.DateOffset(weeks=offset.n), np.True_
