"""Tables of time-ordered rows: their times, their groups, their gaps."""

import datetime
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
import pandas as pd

from .._sklearn import Interval, n_samples_of
from .times import in_units_of, kind_of, ordinals, rounding_of, times_of


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
        return in_units_of(self.times, max_gap)

    def series(self, limit=None):
        """Part the rows into series: by group, and where time steps are above the limit."""
        codes = pd.factorize(self.groups)[0]
        rows = np.argsort(codes, kind="stable")
        begins = np.ones(len(rows), dtype=bool)
        begins[1:] = np.diff(codes[rows]) != 0
        steps = None
        if self.times is not None:
            times = ordinals(self.times)[rows]
            steps = np.where(begins[1:], np.nan, np.diff(times))
        if limit is not None:
            begins[1:] |= steps > limit + rounding_of(times)
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
    return X, Order(np.asarray(labels), times_of(index))


def check_times(order, what, like=None):
    """Refuse a table that does not tell its times, or tells them otherwise than another."""
    if order.times is None:
        raise ValueError(
            f"{what} needs a pandas DataFrame whose index tells the time of each row: dates, "
            "periods or numbers. In a Pipeline, steps before keep the index after "
            "set_output(transform='pandas')."
        )
    if like is not None and kind_of(order.times) != kind_of(like.times):
        raise ValueError(
            f"{what} was fitted on times that are {kind_of(like.times)}. Got times that are "
            f"{kind_of(order.times)}. Give the new rows the index that they have in the table."
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


#: Constraints of what tells series apart, and of the longest time between their rows.
GROUPS = [str, Interval(Integral, 0, None, closed="left"), tuple, None]

MAX_GAP = [str, datetime.timedelta, np.timedelta64, Interval(Real, 0, None, closed="neither"), None]
