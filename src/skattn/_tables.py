"""Tables of time-ordered rows: their times, their groups, their gaps."""

import warnings
from dataclasses import dataclass
from numbers import Real

import numpy as np
import pandas as pd

from ._validation import n_samples_of


@dataclass(frozen=True)
class Order:
    """What orders the rows of a table.

    Attributes
    ----------
    groups : array of shape (n_rows,)
        The group of each row; all the same where there are no groups.
    times : pandas.Index of shape (n_rows,) or None
        When each row was; None where nothing tells.
    """

    groups: np.ndarray
    times: pd.Index | None

    def __len__(self):
        return len(self.groups)

    def take(self, rows):
        """Return the order of some of the rows."""
        return Order(self.groups[rows], None if self.times is None else self.times[rows])

    def followed_by(self, other):
        """Return the order of these rows and others after them."""
        times = None if self.times is None else self.times.append(other.times)
        return Order(np.concatenate([self.groups, other.groups]), times)

    def limit(self, max_gap):
        """Return the longest time between neighbours in nanoseconds or units of the index."""
        if max_gap is None:
            return None
        check_times(self, f"max_gap={max_gap!r}")
        return _in_units_of(self.times, max_gap)

    def series(self, limit=None):
        """Part the rows into series: by group, and where time steps are above the limit."""
        codes = pd.factorize(self.groups)[0]
        rows = np.argsort(codes, kind="stable")
        begins = np.ones(len(rows), dtype=bool)
        begins[1:] = np.diff(codes[rows]) != 0
        steps = None
        if self.times is not None:
            times = _ordinals(self.times)[rows]
            steps = np.where(begins[1:], np.nan, np.diff(times))
        if limit is not None:
            begins[1:] |= steps > limit + _rounding(times)
        return Series(rows, begins, steps)


@dataclass(frozen=True)
class Series:
    """Rows in the order of their series.

    Attributes
    ----------
    rows : int array of shape (n_rows,)
        Row numbers, series by series.
    begins : bool array of shape (n_rows,)
        Where a series begins, in the order of `rows`.
    steps : float array of shape (n_rows - 1,) or None
        Time from each row to the next of its group; NaN from one group to another.
    """

    rows: np.ndarray
    begins: np.ndarray
    steps: np.ndarray | None

    @property
    def number(self):
        """The number of each row's series, counted from 0, in the order of `rows`."""
        return np.cumsum(self.begins) - 1

    @property
    def lengths(self):
        """Rows in each series."""
        return np.diff(np.flatnonzero(np.append(self.begins, True)))

    @property
    def rank(self):
        """The place of each row in its series, in the order of `rows`."""
        return np.arange(len(self.rows)) - np.flatnonzero(self.begins)[self.number]

    @property
    def increases(self):
        """Whether time, where it is known, moves on from each row to the next."""
        return self.steps is None or not (self.steps <= 0).any()

    def in_order_of_rows(self, values):
        """Bring values from the order of `rows` into that of the table."""
        placed = np.empty_like(values)
        placed[self.rows] = values
        return placed

    def spread(self, table, n_absent):
        """Put absent rows before each series.

        Returns
        -------
        spread : array of shape (n_rows + n_series * n_absent, n_features)
            The rows series by series, each series after `n_absent` rows of NaN.
        places : int array of shape (n_rows,)
            Where each row of the table is in it.
        """
        places = np.arange(len(self.rows)) + n_absent * (self.number + 1)
        in_place = bool((np.diff(self.rows) == 1).all())
        if n_absent or not in_place:
            shape = (len(table) + n_absent * len(self.lengths), table.shape[1])
            spread = np.full(shape, np.nan, dtype=table.dtype)
            spread[places] = table if in_place else table[self.rows]
            table = spread
        return table, self.in_order_of_rows(places)


@dataclass(frozen=True)
class Context:
    """The last rows of each group that were seen, for the windows of rows that follow.

    Attributes
    ----------
    rows : array of shape (n_rows, n_features)
        The rows.
    order : Order
        Their groups and times.
    n_last : int
        How many rows of each group are kept, where it has as many.
    limit : float
        Longest time between neighbours, in nanoseconds or units of the index.
    """

    rows: np.ndarray
    order: Order
    n_last: int
    limit: float

    @classmethod
    def last_of(cls, rows, order, n_last, limit):
        """Keep the last rows of each group."""
        series = order.series()
        n_after = np.repeat(series.lengths, series.lengths) - series.rank - 1
        last = np.sort(series.rows[n_after < n_last])
        return cls(rows[last], order.take(last), n_last, limit)

    def before(self, order):
        """Return the numbers of the rows earlier than all those of their group in a table."""
        first = pd.Series(_ordinals(order.times)).groupby(order.groups, sort=False).min()
        group = first.index.get_indexer(self.order.groups)
        earlier = _ordinals(self.order.times) < first.to_numpy()[group]
        return np.flatnonzero(earlier & (group >= 0))


def read_order(X, groups, name):
    """Split a table into its features and the order of its rows.

    Parameters
    ----------
    X : array or DataFrame of shape (n_rows, n_columns)
        The table.
    groups : str, int, tuple or None
        A column, or a level of the index, that holds each row's group.
    name : str
        Who asks, for messages.

    Returns
    -------
    features : array or DataFrame
        X without its column of groups.
    order : Order
        Groups and times.
    """
    index = X.index if isinstance(X, (pd.DataFrame, pd.Series)) else None
    labels = np.zeros(n_samples_of(X), dtype=int)
    if groups is not None:
        X, index, labels = _split_groups(X, index, groups, name)
    if isinstance(X, pd.DataFrame):
        _check_columns(X, name)
    missing = pd.isna(labels)
    if missing.any():
        raise ValueError(
            f"groups={groups!r} has no value in row {missing.argmax()} ({missing.sum()} such "
            "rows). Give each row a group, or remove these rows."
        )
    return X, Order(np.asarray(labels), _times(index))


def check_times(order, what, like=None):
    """Refuse a table that does not tell its times, or tells them otherwise than another."""
    if order.times is None:
        raise ValueError(
            f"{what} needs a pandas DataFrame whose index tells the time of each row: dates, "
            "periods or numbers. In a Pipeline, steps before keep the index after "
            "set_output(transform='pandas')."
        )
    if like is not None and _kind(order.times) != _kind(like.times):
        raise ValueError(
            f"{what} was fitted on times that are {_kind(like.times)}. Got times that are "
            f"{_kind(order.times)}. Give the new rows the index that they have in the table."
        )


def check_increasing(order, series, what):
    """Refuse times that repeat or go backwards within a group."""
    if series.increases:
        return
    place = int((series.steps <= 0).argmax())
    before, after = (order.times[row] for row in series.rows[[place, place + 1]])
    raise ValueError(
        f"{what} needs times that increase from row to row. Row {series.rows[place + 1]} has "
        f"{after} after {before}. Sort the table (X.sort_index()), drop repeated times "
        "(X[~X.index.duplicated()]), or name the column or index level that tells the series "
        "apart with groups=."
    )


def even_period(index):
    """Return the time from each label of an index to the next, where it is always the same."""
    index = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index
    if not isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)) or len(index) < 2:
        return None
    periods = index[1:] - index[:-1]
    return periods[0] if (periods == periods[0]).all() and periods[0] > pd.Timedelta(0) else None


def describe_gaps(order, series):
    """Name the first gaps of a table, as text; None where there are none."""
    rows = series.rows
    inside = series.begins[1:] & ~np.isnan(series.steps)
    places = np.flatnonzero(inside)
    if not len(places):
        return None
    named = [f"{order.times[rows[p]]} to {order.times[rows[p + 1]]}" for p in places[:3]]
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return f"{len(places)} gaps: " * (len(places) > 1) + ", ".join(named) + more


def _check_columns(X, name):
    """Refuse columns of dates and of text, with what to do about them."""
    for column, dtype in X.dtypes.items():
        if pd.api.types.is_datetime64_any_dtype(dtype):
            raise ValueError(
                f"{name}: column {column!r} holds dates. Make it the index of the table, "
                f"X.set_index({column!r}), so that it orders the rows."
            )
        if isinstance(dtype, pd.StringDtype) or (
            pd.api.types.is_object_dtype(dtype) and pd.api.types.infer_dtype(X[column]) == "string"
        ):
            raise ValueError(
                f"{name}: column {column!r} holds text. If it tells series apart, say "
                f"groups={column!r}; if it holds dates, make them the index with "
                f"X.set_index(pd.to_datetime(X[{column!r}])); else encode or drop it."
            )


def _split_groups(X, index, groups, name):
    if isinstance(X, pd.DataFrame):
        if groups in X.columns and X[groups].ndim == 1:
            return X.drop(columns=groups), index, X[groups].to_numpy()
        if groups in index.names:
            others = index.droplevel(groups) if index.nlevels > 1 else None
            return X, others, index.get_level_values(groups).to_numpy()
        raise ValueError(
            f"{name}: groups={groups!r} is neither a column ({list(X.columns)}) nor a level of "
            f"the index ({list(index.names)}). Name one that is in the table; in a Pipeline, "
            "steps before keep the index after set_output(transform='pandas')."
        )
    given, X = X, np.asarray(X)
    if isinstance(groups, (str, tuple)) or X.ndim != 2 or not 0 <= groups < X.shape[1]:
        raise ValueError(
            f"{name}: groups={groups!r} needs a pandas DataFrame with such a column or index "
            f"level, or the position of a column. Got {type(given).__name__} of shape "
            f"{np.shape(given)}. In a Pipeline, steps before give a DataFrame after "
            "set_output(transform='pandas'); other frames have to_pandas()."
        )
    return np.delete(X, groups, axis=1), None, X[:, groups]


def _times(index):
    """Return the times that an index tells; None where it tells none."""
    if index is None:
        return None
    if index.nlevels > 1:  # the level of dates, if there is one
        dated = [level for level in range(index.nlevels) if _is_dated(index.levels[level])]
        return index.get_level_values(dated[0]) if len(dated) == 1 else None
    if pd.api.types.infer_dtype(index, skipna=False) in {"date", "datetime", "datetime64"}:
        index = pd.DatetimeIndex(index)
    if _kind(index) is None:
        _warn_of_text(index)
        return None
    if index.hasnans:
        raise ValueError(
            f"The index of X has no time ({index[index.isna()][0]}) in row "
            f"{index.isna().argmax()}. Give each row a time, or remove these rows."
        )
    return index


def _is_dated(index):
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


def _kind(index):
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


def _ordinals(times):
    """Return times as signed numbers, to be compared and subtracted."""
    if isinstance(times, pd.PeriodIndex):
        times = times.to_timestamp()
    if isinstance(times, (pd.DatetimeIndex, pd.TimedeltaIndex)):
        return times.as_unit("ns").asi8
    numbers = times.to_numpy()
    return numbers.astype("int64") if numbers.dtype.kind in "iu" else numbers


def _rounding(times):
    """Return by how much a difference of times may be off: 0.3 - 0.2 is above 0.1."""
    return 4 * np.spacing(np.abs(times).max()) if times.dtype.kind == "f" else 0


def _in_units_of(times, gap):
    """Return a length of time in the units of `_ordinals`."""
    dated = _kind(times) != "numbers"
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
