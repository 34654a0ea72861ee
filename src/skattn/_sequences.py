"""Sequences as slices of one table of their present rows."""

from dataclasses import dataclass, replace

import numpy as np

#: Values that one pass over many sequences holds at once.
BLOCK = 2**17


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
    first : int array of shape (n_samples,)
        Row of the caller's at which each sequence begins, absent steps included.
    span : int
        Rows of the caller's from the first step of a sequence to its last.
    absent : bool array of shape (n_samples, n_timesteps) or None
        Absent steps in the caller's order; None where there are none.
    """

    table: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    n_timesteps: int
    first: np.ndarray
    span: int
    absent: np.ndarray | None = None

    def __len__(self):
        return len(self.starts)

    @property
    def n_features(self):
        return self.table.shape[1]

    def take(self, rows):
        """Return some of the sequences, on the same table."""
        absent = None if self.absent is None else self.absent[rows]
        starts, lengths, first = self.starts[rows], self.lengths[rows], self.first[rows]
        return replace(self, starts=starts, lengths=lengths, first=first, absent=absent)

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
        used = self.row_weights(np.ones(len(self))) > 0
        if used.all():
            return self
        place = np.cumsum(used) - 1
        return replace(self, table=self.table[used], starts=place[self.starts])

    def on(self, table):
        """Return the sequences on another table of equal length, such as a scaled one."""
        return replace(self, table=table)

    def trimmed(self):
        """Return the sequences padded to no more than the longest of them."""
        return replace(self, n_timesteps=int(self.lengths.max()), absent=None)

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
        total = np.zeros(len(self.table))
        for held, rows in self.steps():
            np.add.at(total, rows, weights[held])
        return total

    def keys(self, row_keys):
        """Combine 64-bit keys of the table's rows into a key for each sequence."""
        factors = np.random.RandomState(0).randint(2**62, size=self.n_timesteps, dtype="uint64")
        keys = np.zeros(len(self), dtype="uint64")
        for factor, (held, rows) in zip(factors * 2 + 1, self.steps(), strict=False):
            keys[held] += factor * row_keys[rows]
        return keys

    def steps(self):
        """Yield for each step the sequences that have it, and their rows of the table."""
        for step in range(int(self.lengths.max())):
            held = slice(None) if step < self.lengths.min() else np.flatnonzero(step < self.lengths)
            yield held, self.starts[held] + step

    def put_back(self, values, axis=1):
        """Return values, which have a time axis, in the order the caller gave."""
        if self.absent is None:
            return values
        order = np.argsort(self.absent, axis=1, kind="stable")
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
        first=np.concatenate([part.first for part in parts]),
        span=max(part.span for part in parts),
    )
