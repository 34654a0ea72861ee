"""Rows on their way from the user to training: checked, split, merged, scaled."""

from typing import NamedTuple

import numpy as np

from ._training import TrainingRows
from ._validation import check_sequences, check_targets, check_weights


class Rows(NamedTuple):
    """Checked rows, all of positive weight.

    X has shape (n_rows, n_timesteps, n_features), y (n_rows, n_outputs) and weights
    (n_rows,).
    """

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray

    def take(self, rows):
        """Return some of the rows."""
        return Rows(self.X[rows], self.y[rows], self.weights[rows])


def check_rows(estimator, X, y, sample_weight, *, reset):
    """Check X, y and weights; return `Rows`, and the number of dimensions of y.

    Rows of weight 0 are left out before anything else looks at them.
    """
    sequences = check_sequences(estimator, X, reset=reset)
    y, n_dims = check_targets(y, sequences.X, estimator)
    rows = Rows(sequences.X, y, check_weights(sample_weight, sequences.X))
    kept = rows if rows.weights.all() else rows.take(rows.weights > 0)
    return _trimmed(kept), n_dims


def _trimmed(rows):
    """Cut off the last steps, where they are absent in every row: they change nothing."""
    if rows.X.dtype.kind != "f":
        return rows
    n_timesteps = np.flatnonzero(~np.isnan(rows.X[:, :, 0]).all(axis=0))[-1] + 1
    return rows._replace(X=rows.X[:, :n_timesteps])


def split_last(rows, fraction):
    """Split off the last rows, at least one, for validation."""
    n_train = max(1, len(rows.X) - int(np.ceil(fraction * len(rows.X))))
    return rows.take(slice(n_train)), rows.take(slice(n_train, None))


def merge_equal(rows):
    """Merge equal rows, in an order that does not depend on that of the input.

    Training on the distinct rows with summed weights is training on the rows
    themselves: a weight of 2 is the same as a row that stands twice, bit for bit, and
    the order in which rows come does not matter.
    """
    keys = _row_keys(rows.X, rows.y)
    order = np.argsort(keys, kind="stable")
    begins = np.ones(len(order), dtype=bool)
    later = np.flatnonzero(keys[order[1:]] == keys[order[:-1]]) + 1
    begins[later] = ~_equal(rows, order[later - 1], order[later])
    weights = np.add.reduceat(rows.weights[order], np.flatnonzero(begins))
    return rows.take(order[begins])._replace(weights=weights)


def scale_rows(train, validation, feature_statistics, target_statistics):
    """Scale training and validation rows into one `TrainingRows`."""
    parts = [train] if validation is None else [train, validation]
    longest = max(part.X.shape[1] for part in parts)
    return TrainingRows(
        X=np.concatenate([_lengthened(feature_statistics.apply(p.X), longest) for p in parts]),
        y=np.concatenate([target_statistics.apply(p.y[:, np.newaxis])[:, 0] for p in parts]),
        weights=np.concatenate([part.weights for part in parts]),
        n_train=len(train.X),
    )


def _lengthened(X, n_timesteps):
    """Pad sequences on the right with absent steps."""
    if X.shape[1] == n_timesteps:
        return X
    missing = n_timesteps - X.shape[1]
    return np.pad(X, ((0, 0), (0, missing), (0, 0)), constant_values=np.nan)


def _equal(rows, a, b):
    """Tell for each pair of row numbers whether the rows are equal, NaN to NaN too."""
    X_a, X_b = rows.X[a], rows.X[b]
    same_X = (X_a == X_b) | ((X_a != X_a) & (X_b != X_b))
    return same_X.all(axis=(1, 2)) & (rows.y[a] == rows.y[b]).all(axis=1)


def _row_keys(X, y):
    """Return a 64-bit key for each row that depends on nothing but its values."""
    random_state = np.random.RandomState(0)
    n_values = X[0].size + y.shape[1]
    factors = random_state.randint(2**62, size=n_values, dtype="uint64") * 2 + 1
    keys = np.empty(len(X), dtype="uint64")
    step = max(1, 2**20 // n_values)
    for begin in range(0, len(X), step):
        rows = slice(begin, begin + step)
        values = np.column_stack([y[rows], X[rows].reshape(len(X[rows]), -1)]).astype("float64")
        bits = ~(values + 0.0).view("uint64")  # one bit pattern for zero, and not 0
        bits ^= bits >> np.uint64(29)
        bits *= factors
        bits ^= bits >> np.uint64(32)
        bits[np.isnan(values)] = 0  # padding on the right counts for nothing
        keys[rows] = (bits * factors).sum(axis=1)
    return keys
