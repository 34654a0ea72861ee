"""Windows as strided views of one table of rows, made and recognised."""

from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.lib.stride_tricks import as_strided


@dataclass(frozen=True)
class Layout:
    """Where sequences lie in a table: step t of sequence i is row ``i * step + t * stride``.

    Sequences that share no rows have a `step` as long as they are; windows that begin at
    each row of a table have a `step` of 1.
    """

    n_samples: int
    n_timesteps: int
    step: int = 1
    stride: int = 1

    @property
    def n_rows(self):
        """Rows from the first step of the first sequence to the last step of the last."""
        return (self.n_samples - 1) * self.step + self.span

    @property
    def span(self):
        """Rows from the first step of a sequence to its last."""
        return (self.n_timesteps - 1) * self.stride + 1

    @property
    def first(self):
        """The row of each sequence's first step."""
        return np.arange(self.n_samples) * self.step

    @property
    def shares_rows(self):
        """Whether some row is a step of several sequences."""
        unit = gcd(self.step, self.stride)
        return self.stride // unit < self.n_samples and self.step // unit < self.n_timesteps

    @property
    def counts(self):
        """How many sequences hold each row, as floats."""
        counts = np.zeros(self.n_rows)
        for step in range(self.n_timesteps):
            counts[self.first + step * self.stride] += 1
        return counts

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

    def view(self, rows):
        """Return an array (n_rows, ...) as a view (n_samples, n_timesteps, ...).

        It is read-only where sequences overlap.
        """
        size, *others = rows.strides
        shape = (self.n_samples, self.n_timesteps, *rows.shape[1:])
        strides = (self.step * size, self.stride * size, *others)
        return as_strided(rows, shape, strides, writeable=self.step >= self.span)


def windows_at(table, starts, length, stride):
    """Return the windows that begin at some rows: where evenly spaced, a read-only view."""
    steps = np.diff(starts)
    if len(starts) and (steps == steps[:1]).all() and (steps[:1] > 0).all():
        step = int(steps[0]) if len(steps) else 1
        windows = Layout(len(starts), length, step, stride).view(table[starts[0] :])
        windows.flags.writeable = False  # the rows are the caller's
        return windows
    return table[starts[:, np.newaxis] + stride * np.arange(length)]


def table_of(X):
    """Find the table of rows under X (n_samples, n_timesteps, n_features).

    Parameters
    ----------
    X : array of shape (n_samples, n_timesteps, n_features)
        Sequences. Windows that share the memory of their rows, such as `Layout.view` and
        `numpy.lib.stride_tricks.sliding_window_view` make, are recognised by their strides.

    Returns
    -------
    table : array of shape (n_rows, n_features)
        Rows between them that are no step of any sequence are NaN. Not copied where rows are
        shared and all of them are some step.
    layout : Layout
        With ``layout.view(table)`` equal to X.
    """
    n_samples, n_timesteps, n_features = X.shape
    sample, step, feature = X.strides
    if min(sample, step) > 0:
        row = gcd(sample, step)
        layout = Layout(n_samples, n_timesteps, sample // row, step // row)
        if layout.shares_rows:
            shape, strides = (layout.n_rows, n_features), (row, feature)
            return _steps_only(as_strided(X, shape, strides, writeable=False), layout)
    return X.reshape(-1, n_features), Layout(n_samples, n_timesteps, step=n_timesteps)


def _steps_only(table, layout):
    """Blank rows that are no step; where each is one, the table is not copied."""
    if 1 in (layout.step, layout.stride):
        return table, layout
    steps = layout.counts[:, np.newaxis] > 0
    return np.where(steps, table, np.nan).astype(np.result_type(table, "float32")), layout
