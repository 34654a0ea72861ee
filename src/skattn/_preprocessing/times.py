"""Times of rows: their kind, their distance, the units of a gap."""

import warnings
from numbers import Real

import numpy as np
import pandas as pd


def even_period(index):
    """Return the time from each label of an index to the next, where it is always the same."""
    index = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index
    if not isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)) or len(index) < 2:
        return None
    periods = index[1:] - index[:-1]
    return periods[0] if (periods == periods[0]).all() and periods[0] > pd.Timedelta(0) else None


def times_of(index):
    """Return the times that an index tells; None where it tells none."""
    if index is None:
        return None
    if index.nlevels > 1:  # the level of dates, if there is one
        dated = [level for level in range(index.nlevels) if is_dated(index.levels[level])]
        return index.get_level_values(dated[0]) if len(dated) == 1 else None
    if pd.api.types.infer_dtype(index, skipna=False) in {"date", "datetime", "datetime64"}:
        index = pd.DatetimeIndex(index)
    if kind_of(index) is None:
        _warn_of_text(index)
        return None
    if index.hasnans:
        raise ValueError(
            f"The index of X has no time ({index[index.isna()][0]}) in row "
            f"{index.isna().argmax()}. Give each row a time, or remove these rows."
        )
    return index


def is_dated(index):
    return isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex, pd.TimedeltaIndex))


def _warn_of_text(index):
    """Warn of dates that are text: their order cannot be looked at."""
    if len(index) and isinstance(index[0], str):
        ends = pd.to_datetime(index[[0, -1]], errors="coerce", format="ISO8601")
        if not ends.isna().any():
            warnings.warn(
                "The index of X holds dates as text, so that their order is not looked at. "
                "Make them dates: X.index = pd.to_datetime(X.index).",
                stacklevel=4,
            )


def kind_of(index):
    """Say in words what times an index tells; None where it tells none."""
    if isinstance(index, pd.DatetimeIndex):
        return f"dates in time zone {index.tz}" if index.tz else "dates without a time zone"
    if isinstance(index, pd.PeriodIndex):
        return f"periods of {index.freqstr}"
    if isinstance(index, pd.TimedeltaIndex):
        return "lengths of time"
    types = pd.api.types
    is_number = index is not None and types.is_numeric_dtype(index)
    return "numbers" if is_number and not types.is_bool_dtype(index) else None


def ordinals(times):
    """Return times as signed numbers, to be compared and subtracted."""
    if isinstance(times, pd.PeriodIndex):
        times = times.to_timestamp()
    if isinstance(times, (pd.DatetimeIndex, pd.TimedeltaIndex)):
        return times.as_unit("ns").asi8
    numbers = times.to_numpy()
    return numbers.astype("int64") if numbers.dtype.kind in "iu" else numbers


def rounding_of(times):
    """Return by how much a difference of times may be off: 0.3 - 0.2 is above 0.1."""
    return 4 * np.spacing(np.abs(times).max()) if times.dtype.kind == "f" else 0


def in_units_of(times, gap):
    """Return a length of time in the units of `ordinals`."""
    dated = kind_of(times) != "numbers"
    is_number = isinstance(gap, Real) and not isinstance(gap, np.timedelta64)
    length = float(gap) if is_number else _nanoseconds(gap)
    if dated == is_number or not length > 0:
        wanted = "a length of time such as '1h'" if dated else "a number above 0"
        raise ValueError(f"max_gap={gap!r} must be {wanted}: the index is of {times.dtype}.")
    return length


def _nanoseconds(text_or_timedelta):
    """Return a length of time in nanoseconds; NaN for what is none, such as "90"."""
    try:
        if str(text_or_timedelta).strip("+- ").isdigit():
            return np.nan
        return pd.Timedelta(text_or_timedelta) / pd.Timedelta(1, "ns")
    except ValueError:
        return np.nan
