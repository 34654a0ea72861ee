"""Windows that share the rows of one table: made, and found again under arrays."""

from dataclasses import dataclass, replace
from math import gcd
from numbers import Integral

import numpy as np
from numpy.lib.stride_tricks import as_strided


def span_of(n_timesteps, stride):
    """Return the rows from the first step of a sequence to its last."""
    return (int(n_timesteps) - 1) * int(stride) + 1


@dataclass(frozen=True, eq=False)
class Layout:
    """Where sequences lie in a table: step t of sequence i is row ``first[i] + t * stride``.

    Attributes
    ----------
    first : int array of shape (n_samples,)
        The row of each sequence's first step.
    n_timesteps : int
        Steps of a sequence.
    stride : int
        Rows from one step to the next.
    n_rows : int
        Rows of the table.
    whole : bool
        Whether it is known that each row is a step of some sequence.
    """

    first: np.ndarray
    n_timesteps: int
    stride: int
    n_rows: int
    whole: bool = False

    @property
    def span(self):
        """Rows from the first step of a sequence to its last."""
        return span_of(self.n_timesteps, self.stride)

    @property
    def rows(self):
        """Row numbers, of shape (n_samples, n_timesteps)."""
        return self.first[:, np.newaxis] + self.stride * np.arange(self.n_timesteps)

    @property
    def shares_rows(self):
        """Whether this is anything but one sequence after the other."""
        return not self.whole or self.n_rows < len(self.first) * self.n_timesteps

    def take(self, samples):
        """Return the layout of some of the sequences."""
        return replace(self, first=self.first[samples], whole=False)

    def windows_of(self, table):
        """Return the sequences of another table of equal length."""
        if not self.shares_rows:
            return table.reshape(len(self.first), self.n_timesteps, -1)
        return windows_at(table, self.first, self.n_timesteps, self.stride)

    def in_sequence(self, rows):
        """Return the rows in an order in which those of a sequence follow one another."""
        if self.stride == 1:
            return rows
        return np.concatenate([rows[phase :: self.stride] for phase in range(self.stride)])

    @property
    def starts(self):
        """The place of each sequence's first step in the order of `in_sequence`."""
        phases = np.arange(self.stride)
        in_phase = -((phases - self.n_rows) // self.stride)
        before = np.cumsum(in_phase) - in_phase
        return before[self.first % self.stride] + self.first // self.stride

    @property
    def counts(self):
        """How many sequences hold each row."""
        counts = np.empty(self.n_rows, dtype=int)
        counts[self.in_sequence(np.arange(self.n_rows))] = count_held(
            self.starts, self.n_timesteps, self.n_rows
        )
        return counts


def count_held(starts, lengths, n_rows):
    """Count for each of some rows how many slices of them hold it."""
    begun = np.bincount(starts, minlength=n_rows + 1)
    ended = np.bincount(starts + lengths, minlength=n_rows + 1)
    return np.cumsum(begun - ended)[:-1]


class Windows:
    """Windows of a table that no view can show, since they are not evenly spaced.

    An array-like of shape (n_samples, n_timesteps, n_features) that keeps the table and
    where each window begins. ``np.asarray`` spreads it out. Samples are taken without
    a copy: ``windows[rows]`` keeps the table, too.

    Parameters
    ----------
    table : array of shape (n_rows, n_features)
        The rows.
    layout : Layout
        Where the windows lie.
    """

    def __init__(self, table, layout):
        self.table = table
        self.layout = layout

    @property
    def shape(self):
        """Number of samples, of time steps and of features."""
        return (len(self.layout.first), self.layout.n_timesteps, self.table.shape[1])

    @property
    def dtype(self):
        """Type of the values."""
        return self.table.dtype

    @property
    def ndim(self):
        """Three."""
        return 3

    def __len__(self):
        return len(self.layout.first)

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("Windows that are not evenly spaced are an array only as a copy.")
        return self.table[self.layout.rows].astype(dtype or self.dtype, copy=False)

    def __getitem__(self, key):
        is_row_key = isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis
        samples = key[0] if is_row_key else key
        if isinstance(samples, Integral):
            return self.table[self.layout.take([samples]).rows[0]]
        if isinstance(samples, slice) or (
            isinstance(samples, (list, np.ndarray)) and np.ndim(samples) == 1
        ):
            return Windows(self.table, self.layout.take(samples))
        return np.asarray(self)[key]

    def __getattr__(self, name):
        raise AttributeError(
            f"Windows with groups or gaps have no {name!r}. Make an array of them with np.asarray."
        )

    def __repr__(self):
        return f"<Windows of shape {self.shape} on a table of {len(self.table)} rows>"


def windows_at(table, first, n_timesteps, stride):
    """Return the windows that begin at some rows: where evenly spaced, a read-only view."""
    steps = np.diff(first)
    if not len(first) or not (steps == steps[:1]).all() or not (steps[:1] > 0).all():
        return Windows(table, Layout(first, n_timesteps, stride, len(table)))
    step = int(steps[0]) if len(steps) else 1
    windows = evenly_spaced(table[first[0] :], len(first), n_timesteps, step, stride)
    windows.flags.writeable = False  # what is written to one would show in others
    return windows


def evenly_spaced(rows, n_samples, n_timesteps, step, stride=1):
    """View rows (n_rows, ...) as windows (n_samples, n_timesteps, ...), `step` rows apart."""
    size, *others = rows.strides
    shape = (n_samples, n_timesteps, *rows.shape[1:])
    return as_strided(rows, shape, (step * size, stride * size, *others))


def table_of(X):
    """Find the table of rows under X (n_samples, n_timesteps, n_features).

    Parameters
    ----------
    X : array of shape (n_samples, n_timesteps, n_features) or Windows
        Sequences. Windows that share the memory of their rows, such as `windows_at` and
        `numpy.lib.stride_tricks.sliding_window_view` make, are recognised by their strides.

    Returns
    -------
    table : array of shape (n_rows, n_features)
        Not copied where rows are shared. Then rows that are no step may hold anything.
    layout : Layout
        With ``table[layout.rows]`` equal to X.
    """
    if isinstance(X, Windows):
        return X.table, X.layout
    n_samples, n_timesteps, n_features = X.shape
    sample, step, feature = X.strides
    if min(sample, step) > 0:
        row = gcd(sample, step)
        step, stride = sample // row, step // row
        if stride < n_samples and step < n_timesteps:  # some row is a step of several
            first = np.arange(n_samples) * step
            n_rows = int(first[-1]) + (n_timesteps - 1) * stride + 1
            table = as_strided(X, (n_rows, n_features), (row, feature), writeable=False)
            return table, Layout(first, n_timesteps, stride, n_rows, whole=1 in (step, stride))
    first = np.arange(n_samples) * n_timesteps
    return X.reshape(-1, n_features), Layout(
        first, n_timesteps, 1, n_samples * n_timesteps, whole=True
    )
