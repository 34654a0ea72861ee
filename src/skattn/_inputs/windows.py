"""Windows of a table, as an array-like that keeps the table."""

from numbers import Integral

import numpy as np

from .array_like import ArrayLike
from .layout import Layout, span_of


class Windows(ArrayLike):
    """Windows of a table: an array-like (n_samples, n_timesteps, n_features) that keeps the table.

    Step t of window i is row ``first[i] + t * dilation`` of the table. Windows overlap, so the
    table takes a fraction of the memory, and it shows which windows share rows. `TimeWindows`
    and `sliding_windows` return this type for all data, and `LSTMAttentionRegressor` reads it
    without a copy.

    The table is kept by

    - samples: ``windows[5:]``, ``windows[numbers]``, ``windows[mask]``; scikit-learn's
      splits and searches take samples this way;
    - pickle, `copy`, `joblib.Memory`;
    - what works value by value: operators and ufuncs with a number, with one number for each
      feature, or with windows that lie alike (``(windows - mean) / scale``,
      ``np.log1p(windows)``), `numpy.clip`, `numpy.nan_to_num`, `numpy.round`, `astype`.

    All else gives an ndarray, as ``np.asarray(windows)`` does: ``windows[:, -1, 0]``,
    ``windows.mean()``, ``np.concatenate([a, b])``. Windows that are evenly spaced are a read-only
    view of the table then, and others a copy.

    Parameters
    ----------
    table : array-like of shape (n_rows, n_features)
        The rows. Not copied, and read-only here.
    first : array-like of int of shape (n_samples,)
        The row of each window's first step.
    n_timesteps : int
        Steps of a window.
    dilation : int, default=1
        Rows from one step of a window to the next.
    feature_names : array-like of str of shape (n_features,), default=None
        Names of the table's columns.

    Attributes
    ----------
    table : ndarray of shape (n_rows, n_features)
        The rows.
    first : int ndarray of shape (n_samples,)
        The row of each window's first step.
    n_timesteps, dilation : int
        Steps of a window, and rows from one to the next.
    feature_names : ndarray of str of shape (n_features,) or None
        Names of the table's columns.

    Raises
    ------
    ValueError
        If the table has not two dimensions, or a window reaches beyond it.

    See Also
    --------
    TimeWindows : Windows inside a Pipeline.
    sliding_windows : Windows and their targets, before a split.

    Examples
    --------
    Three windows of two steps, with one row between their steps:

    .. code-block:: text

        table          window
        row   a   b    0   1   2
          0   0   1    x
          1   2   3        x
          2   4   5    x
          3   6   7        x   x
          4   8   9
          5  10  11            x

    >>> import numpy as np
    >>> from skattn import Windows
    >>> table = np.arange(12.0).reshape(6, 2)
    >>> windows = Windows(table, first=[0, 1, 3], n_timesteps=2, dilation=2)
    >>> windows.shape
    (3, 2, 2)
    >>> windows[2].tolist()
    [[6.0, 7.0], [10.0, 11.0]]
    >>> halved = windows[1:] / 2
    >>> halved
    <Windows of shape (2, 2, 2) on a table of 5 rows>
    >>> halved[:, -1, 0].tolist()
    [3.0, 5.0]
    """

    def __init__(self, table, first, n_timesteps, dilation=1, feature_names=None):
        table, first = np.asarray(table), np.asarray(first)
        _check(table, first, n_timesteps, dilation, feature_names)
        layout = Layout(first.astype(int), int(n_timesteps), int(dilation), len(table))
        self._set(table, layout, feature_names)

    @property
    def first(self):
        return self.layout.first

    @property
    def n_timesteps(self):
        return self.layout.n_timesteps

    @property
    def dilation(self):
        return self.layout.dilation

    def __iter__(self):
        return (self[sample] for sample in range(len(self)))

    def __getitem__(self, key):
        # scikit-learn takes samples as array[samples, ...].
        is_row_key = isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis
        samples = key[0] if is_row_key else key
        if isinstance(samples, Integral):
            begin = self.first[samples]
            return self.table[begin : begin + self.layout.span : self.dilation]
        if isinstance(samples, slice) or (
            isinstance(samples, (list, np.ndarray)) and np.ndim(samples) == 1
        ):
            return self._made(self.table, self.layout.take(samples))
        return np.asarray(self)[key]

    def __repr__(self):
        return f"<Windows of shape {self.shape} on a table of {len(self.table)} rows>"

    def __reduce__(self):
        windows = self.trimmed()
        names = windows.feature_names
        return Windows, (windows.table, windows.first, self.n_timesteps, self.dilation, names)


def _check(table, first, n_timesteps, dilation, feature_names):
    """Refuse windows that are not inside of their table."""
    if table.ndim != 2:
        raise ValueError(
            f"Windows need a table of shape (n_rows, n_features). Got shape {table.shape}."
        )
    if first.ndim != 1 or (len(first) and first.dtype.kind not in "iu"):
        raise ValueError(
            "Windows need `first`, the number of each window's first row: integers of shape "
            f"(n_samples,). Got dtype {first.dtype} of shape {first.shape}."
        )
    if n_timesteps < 1 or dilation < 1:
        raise ValueError(
            f"Windows need n_timesteps and dilation of at least 1. Got n_timesteps={n_timesteps}, "
            f"dilation={dilation}."
        )
    if len(first) and not (
        first.min() >= 0 and first.max() + span_of(n_timesteps, dilation) <= len(table)
    ):
        raise ValueError(
            f"Windows of {span_of(n_timesteps, dilation)} rows that begin at rows {first.min()} to "
            f"{first.max()} do not fit into a table of {len(table)} rows."
        )
    if feature_names is not None and len(feature_names) != table.shape[1]:
        raise ValueError(
            f"Got {len(feature_names)} feature_names for the {table.shape[1]} columns of the table."
        )
