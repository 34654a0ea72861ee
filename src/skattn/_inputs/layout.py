"""Where sequences lie in a table of rows."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import as_strided


def span_of(n_timesteps, dilation):
    """Return how many rows a sequence spans, from its first step to its last."""
    return (int(n_timesteps) - 1) * int(dilation) + 1


@dataclass(frozen=True, eq=False)
class Layout:
    """Where sequences lie in a table: step t of sequence i is row ``first[i] + t * dilation``.

    Attributes
    ----------
    first : int array of shape (n_samples,)
        The row of each sequence's first step.
    n_timesteps : int
        Steps of a sequence.
    dilation : int
        Rows from one step to the next.
    n_rows : int
        Rows of the table.
    whole : bool
        Whether it is known that each row is a step of some sequence.
    """

    first: np.ndarray
    n_timesteps: int
    dilation: int
    n_rows: int
    whole: bool = False

    @property
    def span(self):
        """Rows from the first step of a sequence to its last."""
        return span_of(self.n_timesteps, self.dilation)

    @property
    def rows(self):
        """Row numbers, of shape (n_samples, n_timesteps)."""
        return self.first[:, np.newaxis] + self.dilation * np.arange(self.n_timesteps)

    @property
    def shares_rows(self):
        """Whether this is anything but one sequence after the other."""
        return not self.whole or self.n_rows < len(self.first) * self.n_timesteps

    @property
    def stride(self):
        """Rows from each sequence to the next; None where they are not evenly spaced."""
        steps = np.diff(self.first)
        if not len(self.first) or not (steps == steps[:1]).all() or not (steps[:1] > 0).all():
            return None
        return int(steps[0]) if len(steps) else 1

    def take(self, samples):
        """Return the layout of the sequences with these numbers."""
        return replace(self, first=self.first[samples], whole=False)

    def trimmed(self):
        """Return the rows from the first step to the last, as a slice, and the layout on them."""
        if not len(self.first):
            return slice(0), replace(self, n_rows=0)
        begin, end = int(self.first.min()), int(self.first.max()) + self.span
        return slice(begin, end), replace(self, first=self.first - begin, n_rows=end - begin)

    def windows_of(self, table):
        """Return the sequences of a table as an array (n_samples, n_timesteps, n_features).

        A view without a copy where they are evenly spaced, read-only where they share rows.
        """
        if not self.shares_rows:
            return table.reshape(len(self.first), self.n_timesteps, -1)
        if self.stride is None:
            return table[self.rows]
        size, *others = table.strides
        return as_strided(
            table[self.first[0] :],
            (len(self.first), self.n_timesteps, *table.shape[1:]),
            (self.stride * size, self.dilation * size, *others),
            writeable=False,  # what is written to one would show in others
        )

    def in_sequence(self, rows):
        """Return the rows in an order in which those of a sequence follow one another."""
        if self.dilation == 1:
            return rows
        return np.concatenate([rows[phase :: self.dilation] for phase in range(self.dilation)])

    @property
    def starts(self):
        """The place of each sequence's first step in the order of `in_sequence`."""
        phases = np.arange(self.dilation)
        in_phase = -((phases - self.n_rows) // self.dilation)
        before = np.cumsum(in_phase) - in_phase
        return before[self.first % self.dilation] + self.first // self.dilation

    @property
    def counts(self):
        """How many sequences hold each row."""
        counts = np.empty(self.n_rows, dtype=int)
        counts[self.in_sequence(np.arange(self.n_rows))] = count_held(
            self.starts, self.n_timesteps, self.n_rows
        )
        return counts


def count_held(starts, lengths, n_rows):
    """Count how many slices of a table hold each of its rows."""
    begun = np.bincount(starts, minlength=n_rows + 1)
    ended = np.bincount(starts + lengths, minlength=n_rows + 1)
    return np.cumsum(begun - ended)[:-1]
