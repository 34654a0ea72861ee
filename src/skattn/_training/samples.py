"""Rows on their way from the user to training: checked, split, merged, scaled."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._inputs.checks import check_sequences, check_targets, check_weights
from .._inputs.keys import BLOCK, row_keys
from .._inputs.sequences import Sequences, join


class Rows(NamedTuple):
    """Checked rows, all of positive weight.

    X holds n_rows sequences; y has shape (n_rows, n_outputs) and weights (n_rows,).
    """

    X: Sequences
    y: np.ndarray
    weights: np.ndarray

    def take(self, rows):
        """Return some of the rows."""
        return Rows(self.X.take(rows), self.y[rows], self.weights[rows])


def check_rows(estimator, X, y, sample_weight, *, reset):
    """Check X, y and weights; return `Rows`, and the number of dimensions of y.

    Rows of weight 0 are left out before anything else looks at them.
    """
    X = check_sequences(estimator, X, reset=reset)
    y, n_dims = check_targets(y, X, estimator)
    rows = Rows(X, y, check_weights(sample_weight, X))
    kept = rows if rows.weights.all() else rows.take(rows.weights > 0)
    return kept._replace(X=kept.X.trimmed()), n_dims


def merge_equal(rows):
    """Merge equal rows, in an order that does not depend on that of the input.

    Training on the distinct rows with summed weights is training on the rows
    themselves: a weight of 2 is the same as a row that stands twice, bit for bit, and
    the order in which rows come does not matter.
    """
    keys = keys_of(rows)
    order = np.argsort(keys, kind="stable")
    begins = np.ones(len(order), dtype=bool)
    later = np.flatnonzero(keys[order[1:]] == keys[order[:-1]]) + 1
    begins[later] = ~_equal(rows, order[later - 1], order[later])
    weights = np.add.reduceat(rows.weights[order], np.flatnonzero(begins))
    merged = rows.take(order[begins])
    return merged._replace(X=merged.X.compact(), weights=weights)


def scale_rows(train, validation, feature_statistics, target_statistics):
    """Scale training and validation rows into one `TrainingRows`."""
    parts = [train] if validation is None else [train, validation]
    X = [part.X.compact() for part in parts]
    return TrainingRows(
        X=join([part.on(feature_statistics.apply(part.table)) for part in X]),
        y=np.concatenate([target_statistics.apply(part.y) for part in parts]),
        weights=np.concatenate([part.weights for part in parts]),
        n_train=len(train.X),
    )


def _equal(rows, a, b):
    """Tell for each pair of row numbers whether the rows are equal, NaN to NaN too."""
    equal = (rows.X.lengths[a] == rows.X.lengths[b]) & (rows.y[a] == rows.y[b]).all(axis=1)
    step = max(1, BLOCK // (rows.X.n_timesteps * rows.X.n_features))
    for begin in range(0, len(a), step):
        block = slice(begin, begin + step)
        X_a, X_b = rows.X.padded(a[block]), rows.X.padded(b[block])
        same = (X_a == X_b) | ((X_a != X_a) & (X_b != X_b))
        equal[block] &= same.all(axis=(1, 2))
    return equal


def keys_of(rows):
    """Return a 64-bit key for each row that depends on nothing but its values."""
    return rows.X.keys(row_keys(rows.X.table)) ^ row_keys(rows.y)


@dataclass(frozen=True)
class TrainingRows:
    """Scaled rows: the first `n_train` train, the rest validate.

    X and y are None once the program has copied them.

    Attributes
    ----------
    X : Sequences
        On a float32 table.
    y : float32 array of shape (n_rows, n_outputs)
    weights : float64 array of shape (n_rows,), all positive
    n_train : int
    """

    X: Sequences | None
    y: np.ndarray | None
    weights: np.ndarray
    n_train: int

    @property
    def n_validation(self):
        return len(self.weights) - self.n_train
