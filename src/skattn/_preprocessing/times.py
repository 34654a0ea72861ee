"""When the rows of a table were: instants, what a calendar showed, and their kind in words."""

import re
import warnings
from dataclasses import dataclass, replace
from datetime import timezone

import numpy as np
import pandas as pd

NUMBERS, TEXT, LENGTHS = "numbers", "text", "lengths of time"
WITH_ZONE = "dates with a time zone"

#: Nanoseconds in the units in which dates and lengths of time are kept here.
_NANOSECONDS = {"ns": 1.0, "us": 1000.0}

_ENDS_WITH_OFFSET = re.compile(r"(Z|[+-]\d\d:?\d\d)$")

#: A day, a month and a year of four digits, in any order.
_HOLDS_A_DATE = re.compile(r"\b(\d{4}([./-])\d\d?\2\d\d?|\d\d?([./-])\d\d?\3\d{4})\b")


@dataclass(frozen=True)
class Times:
    """When each row of a table was, as arrays, which any file format can hold.

    Attributes
    ----------
    values : array of shape (n_rows,)
        Dates (datetime64, in UTC where there is a time zone), lengths of time
        (timedelta64) or numbers. Of text, the order in which each label first appears.
    kind : str
        In words, what they are.
    shown : array of shape (n_rows,) or None
        Of dates, what a calendar and a clock at the place showed (datetime64). Of text,
        the text. None of numbers and lengths of time.
    zone : str or None
        Name of the time zone, where all dates have the same.
    """

    values: np.ndarray
    kind: str
    shown: np.ndarray | None = None
    zone: str | None = None

    def take(self, rows):
        """Return the times of a selection of rows."""
        shown = None if self.shown is None else self.shown[rows]
        return replace(self, values=self.values[rows], shown=shown)

    def followed_by(self, other):
        """Return these times and others of the same kind after them, whose zone counts."""
        values, shown = _joined(self.values, other.values), None
        if other.zone is not None:
            at_place = pd.DatetimeIndex(values, tz="UTC").tz_convert(other.zone)
            shown = _instants(at_place.tz_localize(None))
        elif self.shown is not None:
            shown = _joined(self.shown, other.shown)
        return replace(other, values=values, shown=shown)

    @property
    def steps(self):
        """Time from each row to the next: in nanoseconds, or in units of the numbers."""
        steps = np.diff(self.values)
        if steps.dtype.kind != "m":
            return steps
        return steps.astype("int64") * _NANOSECONDS[np.datetime_data(steps.dtype)[0]]

    @property
    def period(self):
        """Time from each row to the next (timedelta64), where it is always the same."""
        steps = np.diff(self.values)
        if steps.dtype.kind != "m" or not len(steps) or (steps != steps[0]).any():
            return None
        return steps[0] if steps[0].astype("int64") > 0 else None

    @property
    def missing(self):
        """Whether each row has no time."""
        return ~np.isfinite(self.values)

    def label(self, row):
        """Return the time of a row as text."""
        value = self.values[row]
        if self.kind in (NUMBERS, LENGTHS) or self.shown is None:
            return str(pd.Timedelta(value) if self.kind == LENGTHS else value)
        shown = self.shown[row]
        if self.kind == WITH_ZONE:
            zone = timezone(pd.Timedelta(shown - value).to_pytimedelta())
            return str(pd.Timestamp(value).tz_localize("UTC").tz_convert(zone))
        return str(shown if self.kind == TEXT else pd.Timestamp(shown))


def times_of(labels):
    """Return the times that labels tell; None where they tell none.

    Parameters
    ----------
    labels : pandas.Index of one level
        Dates, periods, lengths of time or numbers, in any type that can hold them.
    """
    if isinstance(labels, pd.CategoricalIndex):
        labels = pd.Index(labels.to_numpy())
    read = _READERS.get(pd.api.types.infer_dtype(labels, skipna=True))
    return None if read is None else read(labels)


def times_of_levels(levels):
    """Return the times that several levels of an index tell.

    Those of the innermost level of dates; without one, of the innermost level of numbers.
    Without either, the order in which labels of the innermost level appear: where one
    appears again, another series has begun.
    """
    told = [times for times in map(times_of, levels) if times is not None]
    dated = [times for times in told if times.kind != NUMBERS]
    if told:
        return (dated or told)[-1]
    return Times(pd.factorize(levels[-1])[0], TEXT, levels[-1].to_numpy(dtype=object))


def even_period(index):
    """Return the time from each label of an index to the next, where it is always the same."""
    if not isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex, pd.TimedeltaIndex)):
        return None
    return times_of(index).period


def warn_of_text(index, among_levels=False):
    """Warn of dates that are text: their order cannot be looked at."""
    if not len(index):
        return
    texts = [label for label in index[[0, len(index) // 2, -1]] if isinstance(label, str)]
    dates = [text for text in texts if _is_iso(text) or _HOLDS_A_DATE.search(text)]
    if len(dates) < min(2, len(index)):  # the last label may be "total"
        return
    options = "" if all(map(_is_iso, dates)) else ", format=..."
    options += ", utc=True" if all(map(_ENDS_WITH_OFFSET.search, dates)) else ""
    remedy = f"X.index = pd.to_datetime(X.index{options})"
    if among_levels:
        remedy = f"pd.to_datetime(X.index.get_level_values(-1){options})"
    warnings.warn(
        f"The index of X holds dates as text, such as {dates[0]!r}, so that their order is not "
        f"looked at. Make them dates: {remedy}.",
        stacklevel=5,
    )


def _is_iso(text):
    return not pd.isna(pd.to_datetime(text, errors="coerce", format="ISO8601", utc=True))


def rounding_of(values):
    """Return by how much a difference of times may be off: 0.3 - 0.2 is above 0.1."""
    return 4 * np.spacing(np.abs(values).max()) if values.dtype.kind == "f" else 0


def _dates(labels):
    is_one_type = labels.dtype.kind == "M"
    zones = set() if is_one_type else {getattr(label, "tzinfo", None) for label in labels.dropna()}
    if is_one_type or len(zones) == 1:
        index = pd.DatetimeIndex(labels)
        shown = _instants(index.tz_localize(None))
        kind = "dates without a time zone" if index.tz is None else WITH_ZONE
        return Times(_instants(index), kind, shown, _name_of(index.tz))
    if None in zones:
        raise ValueError(
            "The times of X are dates of which only a part has a time zone, so that they have no "
            "order. Give all of them one: pd.to_datetime(X.index, utc=True)."
        )
    shown = pd.DatetimeIndex([label.replace(tzinfo=None) for label in labels])
    return Times(_instants(pd.to_datetime(labels, utc=True)), WITH_ZONE, _instants(shown))


def _name_of(zone):
    """Return the name of a time zone; None where pandas knows none."""
    try:
        pd.Timestamp(0, tz=str(zone))
    except (KeyError, ValueError):
        return None
    return str(zone)


def _periods(labels):
    index = pd.PeriodIndex(labels)
    starts = _instants(index.to_timestamp())
    return Times(starts, f"periods of {index.freqstr}", starts)


def _lengths(labels):
    return Times(_instants(pd.TimedeltaIndex(labels)), LENGTHS)


def _numbers(labels):
    values = labels.infer_objects().to_numpy()
    if values.dtype.kind == "O" or not _fits_int64(values):
        values = labels.to_numpy(dtype="float64", na_value=np.nan)
    return Times(values.astype("int64") if values.dtype.kind in "iu" else values, NUMBERS)


def _fits_int64(values):
    return values.dtype != "uint64" or not len(values) or values.max() < 2**63


_READERS = {
    **dict.fromkeys(["date", "datetime", "datetime64"], _dates),
    **dict.fromkeys(["timedelta", "timedelta64"], _lengths),
    **dict.fromkeys(["integer", "floating", "mixed-integer-float", "decimal"], _numbers),
    "period": _periods,
}


def _instants(index):
    """Return dates or lengths of time in nanoseconds; in microseconds where these overflow."""
    letter = "m" if isinstance(index, pd.TimedeltaIndex) else "M"
    values = index.asi8.view(f"{letter}8[{index.unit}]")
    finest = values.astype(f"{letter}8[ns]")
    fits = (finest.astype(values.dtype) == values) | np.isnat(values)
    return finest if fits.all() else values.astype(f"{letter}8[us]")


def _joined(first, second):
    """Return arrays of times one after the other, in a unit in which both fit."""
    if first.dtype.kind in "mM" and first.dtype != second.dtype:
        coarse = f"{first.dtype.kind}8[us]"
        first, second = first.astype(coarse), second.astype(coarse)
    return np.concatenate([first, second])
