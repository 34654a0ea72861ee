"""The rows that were seen last, for the windows of those that follow."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .order import Order


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
    longest_pause : float
        Longest time between neighbours where no parameter gives one: in nanoseconds, or
        in units of numbers.
    """

    rows: np.ndarray
    order: Order
    n_last: int
    longest_pause: float

    @classmethod
    def last_of(cls, rows, order, n_last, longest_pause):
        """Keep the last rows of each group."""
        series = order.series()
        last = np.sort(series.rows[series.left < n_last])
        return cls(rows[last], order.take(last), n_last, longest_pause)

    def followed_by(self, rows, order):
        """Return the rows of the context and others after them, and their order."""
        return np.concatenate([self.rows, rows]), self.order.followed_by(order)

    def before(self, order):
        """Return the context without the rows that are not earlier than those of a table.

        A row stays if it is earlier than all rows of its group in the table.
        """
        self._warn_of_other_labels(order.groups)
        both = self.order.followed_by(order).times
        assert both is not None
        times = both.values  # in the same units
        first = pd.Series(times[len(self.order) :]).groupby(order.groups, sort=False).min()
        group = first.index.get_indexer(self.order.groups)
        earlier = times[: len(self.order)] < first.to_numpy()[group]
        kept = np.flatnonzero(earlier & (group >= 0))
        return Context(self.rows[kept], self.order.take(kept), self.n_last, self.longest_pause)

    def _warn_of_other_labels(self, groups):
        """Warn of groups that are unknown, but would not be if labels were text in both tables."""
        own, new = (set(pd.unique(each).tolist()) for each in (self.order.groups, groups))
        if not own.isdisjoint(new):
            return
        as_text = [{str(label).replace("'", "") for label in labels} for labels in (own, new)]
        alike = set.intersection(*as_text)
        if alike:
            warnings.warn(
                "No group of these rows is among those of fit, so that no window holds rows from "
                f"before. Written as text, {min(alike)!r} is in both: give the labels the type "
                "that they had in fit.",
                UserWarning,
                stacklevel=2,
            )
