"""Sequences as slices of one table of their present rows."""

from dataclasses import dataclass, replace
from math import gcd

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .keys import slice_keys
from .layout import Layout, count_held
from .windows import Windows

#: The greatest number that float32 holds.
FLOAT32_MAX = float(np.finfo("float32").max)


@dataclass(frozen=True)
class Sequences:
    """Sequences without their absent steps, each a slice of one table.

    Windows that overlap share their rows here, so that a table and its windows take the
    memory of the table.

    Attributes
    ----------
    table : array of shape (n_rows, n_features)
        Rows, none of them absent.
    starts, lengths : int arrays of shape (n_samples,)
        The steps of sequence i are the rows ``starts[i]`` to ``starts[i] + lengths[i] - 1``.
    n_timesteps : int
        Length to which the sequences are padded.
    layout : Layout or None
        Where they lie in the caller's table, absent steps included.
    absent : bool array or None
        Which rows of the caller's table are absent; None where none is.
    """

    table: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    n_timesteps: int
    layout: Layout | None = None
    absent: np.ndarray | None = None

    def __len__(self):
        return len(self.starts)

    @property
    def n_features(self):
        return self.table.shape[1]

    def take(self, rows):
        """Return some of the sequences, on the same table."""
        layout = None if self.layout is None else self.layout.take(rows)
        return replace(self, starts=self.starts[rows], lengths=self.lengths[rows], layout=layout)

    def compact(self):
        """Return the sequences on a table of their own rows alone.

        One after the other, unless they share so many rows that this would take more
        than sharing them.
        """
        ends = np.cumsum(self.lengths)
        if ends[-1] <= len(self.table):
            starts = ends - self.lengths
            rows = np.repeat(self.starts - starts, self.lengths) + np.arange(ends[-1])
            return replace(self, table=self.table[rows], starts=starts)
        return self.keep_rows(count_held(self.starts, self.lengths, len(self.table)) > 0)

    def keep_rows(self, kept):
        """Return the sequences without some rows of their table."""
        if kept.all():
            return self
        before = np.concatenate([[0], np.cumsum(kept)])
        starts, ends = before[self.starts], before[self.starts + self.lengths]
        rows = np.flatnonzero(kept)
        together = len(rows) and rows[-1] - rows[0] + 1 == len(rows)  # then a view will do
        table = self.table[rows[0] : rows[-1] + 1] if together else self.table[rows]
        return replace(self, table=table, starts=starts, lengths=ends - starts)

    def on(self, table):
        """Return the sequences on another table of equal length, such as a scaled one."""
        return replace(self, table=table)

    def trimmed(self):
        """Return the sequences padded to no more than the longest of them."""
        return replace(self, n_timesteps=int(self.lengths.max()))

    def padded(self, rows):
        """Return some sequences as a float array (n, n_timesteps, n_features), NaN to the right."""
        starts, lengths = self.starts[rows], self.lengths[rows]
        steps = np.arange(self.n_timesteps)
        present = steps < lengths[:, np.newaxis]
        if present.all():
            return self.table[starts[:, np.newaxis] + steps]
        values = self.table[np.where(present, starts[:, np.newaxis] + steps, 0)]
        values = values.astype(np.result_type(values, "float32"), copy=False)
        values[~present] = np.nan
        return values

    def row_weights(self, weights):
        """Return for each row of the table the summed weights of the sequences that hold it."""
        total, shortest = np.zeros(len(self.table)), self.lengths.min()
        for step in range(int(self.lengths.max())):
            held = slice(None) if step < shortest else np.flatnonzero(step < self.lengths)
            np.add.at(total, self.starts[held] + step, weights[held])
        return total

    def keys(self, row_keys):
        """Return a key for each sequence from 64-bit keys of the table's rows."""
        return slice_keys(row_keys, self.starts, self.lengths)

    def put_back(self, values, axis=1):
        """Return values, which have a time axis, in the order the caller gave."""
        if self.absent is None or self.layout is None:
            return values
        order = np.argsort(self.absent[self.layout.rows], axis=1, kind="stable")
        shape = [len(order)] + [1] * (values.ndim - 1)
        shape[axis] = order.shape[1]
        placed = np.empty_like(values)
        np.put_along_axis(placed, order.reshape(shape), values, axis=axis)
        return placed


def join(parts):
    """Return the sequences of several parts as one."""
    begins = np.cumsum([0, *(len(part.table) for part in parts)])
    return Sequences(
        table=np.concatenate([part.table for part in parts]),
        starts=np.concatenate([p.starts + n for p, n in zip(parts, begins, strict=False)]),
        lengths=np.concatenate([part.lengths for part in parts]),
        n_timesteps=max(part.n_timesteps for part in parts),
    )


def sequences_of(X, name, kept=None):
    """Check the values of X, as `check_shape` returns it; return them as `Sequences`.

    Of samples that are not to be kept, nothing is looked at.
    """
    table, layout = table_of(X)
    if kept is not None and not kept.all():
        shares = layout.shares_rows
        table, layout = (table, layout.take(kept)) if shares else table_of(X[kept])
    sequences = _present_steps(table, layout, name)
    check_range(
        sequences.table,
        "X",
        f"{name} expects finite values up to 3.4e38 in size; replace it, or mark the "
        "whole step as absent with NaN in all its features.",
    )
    return sequences


def table_of(X):
    """Find the table of rows under X (n_samples, n_timesteps, n_features).

    Parameters
    ----------
    X : array of shape (n_samples, n_timesteps, n_features) or Windows
        Sequences. Arrays that share the memory of their rows, such as
        `numpy.lib.stride_tricks.sliding_window_view` makes, are recognised by their strides.

    Returns
    -------
    table : array of shape (n_rows, n_features)
        Not copied where rows are shared. Then rows that are no step may hold anything.
    layout : Layout
        With ``table[layout.rows]`` equal to X.
    """
    if isinstance(X, Windows):
        windows = X.trimmed()
        return windows.table, windows.layout
    n_samples, n_timesteps, n_features = X.shape
    sample, step, feature = X.strides
    if min(sample, step) > 0:
        row = gcd(sample, step)
        stride, dilation = sample // row, step // row
        if dilation < n_samples and stride < n_timesteps:  # some row is a step of several
            first = np.arange(n_samples) * stride
            n_rows = int(first[-1]) + (n_timesteps - 1) * dilation + 1
            table = as_strided(X, (n_rows, n_features), (row, feature), writeable=False)
            whole = 1 in (stride, dilation)
            return table, Layout(first, n_timesteps, dilation, n_rows, whole)
    first = np.arange(n_samples) * n_timesteps
    return X.reshape(-1, n_features), Layout(
        first, n_timesteps, 1, n_samples * n_timesteps, whole=True
    )


def check_range(values, name, advice):
    """Refuse infinite values, and values that float32 cannot hold."""
    if values.dtype.kind != "f":
        return
    lowest, highest = (
        float(np.fmin.reduce(values, axis=None)),
        float(np.fmax.reduce(values, axis=None)),
    )
    if max(-lowest, highest) > FLOAT32_MAX:
        value = highest if highest > FLOAT32_MAX else lowest
        raise ValueError(
            f"Input {name} contains infinity or a value too large for float32: {value}. {advice}"
        )


def _present_steps(table, layout, name):
    """Return the sequences without absent steps; refuse partly missing and empty ones."""
    starts, rows = layout.starts, layout.in_sequence(table)
    lengths, absent = np.full(len(starts), layout.n_timesteps), None
    sequences = Sequences(rows, starts, lengths, layout.n_timesteps, layout)
    if not layout.whole:
        sequences = sequences.keep_rows(layout.in_sequence(layout.counts > 0))
    if table.dtype.kind == "f" and np.isnan(np.min(sequences.table)):
        missing = np.isnan(sequences.table)
        present = ~missing.all(axis=1)
        _check_whole_steps(missing, present, sequences, name)
        sequences = sequences.keep_rows(present)
        _check_not_empty(sequences.lengths)
        absent = np.isnan(table).all(axis=1)
    return replace(sequences, absent=absent)


def _check_whole_steps(missing, present, sequences, name):
    partly = missing.any(axis=1) & present
    if partly.any():
        before = np.concatenate([[0], np.cumsum(partly)])
        starts, ends = sequences.starts, sequences.starts + sequences.lengths
        sample = int((before[ends] > before[starts]).argmax())
        step = int(partly[starts[sample] :].argmax())
        features = np.flatnonzero(missing[starts[sample] + step]).tolist()
        raise ValueError(
            f"Input X contains NaN in some features of a step: sample {sample}, step {step}, "
            f"features {features}. {name} accepts NaN only where all features of a step are "
            "NaN, which marks the step as absent. Fill the others first, for instance with "
            "sklearn.impute.SimpleImputer or pandas.DataFrame.ffill on the table of rows."
        )


def _check_not_empty(lengths):
    empty = lengths == 0
    if empty.any():
        raise ValueError(
            f"Input X contains NaN in every step of sample {empty.argmax()} "
            f"({empty.sum()} such samples): a sequence needs at least one present step. "
            "Remove these samples."
        )
