"""What orders the rows of a table: their groups and times, and the series that these make."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .gaps import limit_of
from .times import TEXT, Times


@dataclass(frozen=True)
class Order:
    """What orders the rows of a table.

    Attributes
    ----------
    groups : array of shape (n_rows,)
        The group of each row, as a number or as text; all the same where there are none.
    times : Times or None
        When each row was; None where nothing tells.
    """

    groups: np.ndarray
    times: Times | None

    def __len__(self):
        return len(self.groups)

    def take(self, rows):
        """Return the order of a selection of rows."""
        return Order(self.groups[rows], None if self.times is None else self.times.take(rows))

    def followed_by(self, other):
        """Return the order of these rows and others after them."""
        times = None if self.times is None else self.times.followed_by(other.times)
        return Order(np.concatenate([self.groups, other.groups]), times)

    def limit(self, max_gap):
        """Return the longest time between neighbours; None where there is no limit."""
        if max_gap is None:
            return None
        check_times(self, f"max_gap={max_gap!r}")
        return limit_of(self.times, max_gap)

    def series(self, limit=None):
        """Part the rows into series: by group, and where time steps exceed the limit."""
        codes = pd.factorize(self.groups)[0]
        rows = np.argsort(codes, kind="stable")
        begins = np.ones(len(rows), dtype=bool)
        begins[1:] = np.diff(codes[rows]) != 0
        steps = None
        if self.times is not None and len(rows):
            times = self.times.take(rows)
            steps = np.where(begins[1:], np.nan, times.steps)
            if limit is not None:
                begins[1:] |= limit.exceeded(times)
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
    def left(self):
        """How many rows of its series follow each row, in the order of `rows`."""
        return np.repeat(self.lengths, self.lengths) - self.rank - 1

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


def check_times(order, what, like=None):
    """Refuse a table that does not tell its times, or tells them otherwise than another."""
    if order.times is None or order.times.kind == TEXT:
        raise ValueError(
            f"{what} needs the time of each row: dates, periods, lengths of time or numbers. Name "
            "the column that holds it with time=, or pass a pandas DataFrame whose index does. In "
            "a Pipeline, steps before keep the index after set_output(transform='pandas')."
        )
    if like is not None and order.times.kind != like.times.kind:
        raise ValueError(
            f"{what} was fitted on times that are {like.times.kind}. Got times that are "
            f"{order.times.kind}. Give the new rows the times that they have in the table."
        )


def check_increasing(order, series, what):
    """Refuse times that repeat or go backwards within a group."""
    if series.increases:
        return
    place = int((series.steps <= 0).argmax())
    before, after = series.rows[[place, place + 1]]
    raise ValueError(
        f"{what} needs times that increase from row to row. Row {after} has "
        f"{order.times.label(after)} after {order.times.label(before)}. Sort the table "
        "(X.sort_index()), drop repeated times (X[~X.index.duplicated()]), name the columns or "
        "index levels that tell the series apart with group_by=, or the one that tells the time "
        "with time=."
    )


def describe_gaps(order, series):
    """Name the first gaps of a table, as text; None where there are none."""
    places = np.flatnonzero(series.begins[1:] & ~np.isnan(series.steps))
    if not len(places):
        return None
    label, rows = order.times.label, series.rows
    named = ", ".join(f"{label(rows[p])} to {label(rows[p + 1])}" for p in places[:3])
    if len(places) == 1:
        return named
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return f"{len(places)} gaps: {named}{more}"
