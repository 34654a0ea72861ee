"""The rows that were seen last, for the windows of those that follow."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .order import Order
from .times import ordinals


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
        first = pd.Series(ordinals(order.times)).groupby(order.groups, sort=False).min()
        group = first.index.get_indexer(self.order.groups)
        earlier = ordinals(self.order.times) < first.to_numpy()[group]
        return np.flatnonzero(earlier & (group >= 0))
