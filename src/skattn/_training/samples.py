"""Checked samples, and the distinct ones among them."""

from typing import NamedTuple

import numpy as np

from .._inputs.checks import check_sequences, check_targets, check_weights
from .._inputs.keys import BLOCK, row_keys
from .._inputs.overlaps import find_shared_rows
from .._inputs.sequences import Sequences, join


class Samples(NamedTuple):
    """Checked samples, all of positive weight.

    X holds n_samples sequences; y has shape (n_samples, n_outputs) and weights (n_samples,).
    """

    X: Sequences
    y: np.ndarray
    weights: np.ndarray

    def take(self, samples):
        """Return the samples with these numbers."""
        return Samples(self.X.take(samples), self.y[samples], self.weights[samples])

    def compact(self):
        """Return the samples on a table without the rows of other samples."""
        return self._replace(X=self.X.compact())


def check_samples(estimator, X, y, sample_weight, *, reset):
    """Check X, y and weights; return `Samples`, and the number of dimensions of y.

    Samples of weight 0 are left out before anything else looks at them.
    """
    X = find_shared_rows(check_sequences(estimator, X, reset=reset))
    y, n_dims = check_targets(y, X, estimator)
    samples = Samples(X, y, check_weights(sample_weight, X))
    kept = samples if samples.weights.all() else samples.take(samples.weights > 0)
    return kept._replace(X=kept.X.trimmed()), n_dims


def followed_by(samples, others):
    """Join samples and others, which may be None, into one."""
    if others is None:
        return samples
    return Samples(
        join([samples.X, others.X]),
        np.concatenate([samples.y, others.y]),
        np.concatenate([samples.weights, others.weights]),
    )


def keys_of(samples):
    """Return a 64-bit key for each sample that depends on nothing but its values."""
    return samples.X.keys(row_keys(samples.X.table)) ^ row_keys(samples.y)


def distinct(samples, keys):
    """Find the distinct samples, in an order that does not depend on that of the input.

    Training on the distinct samples with summed weights is training on the samples
    themselves: a weight of 2 is the same as a sample that stands twice, bit for bit, and
    the order in which samples come does not matter.

    Parameters
    ----------
    samples : Samples
        The samples.
    keys : uint64 array of shape (n_samples,)
        As `keys_of` gives them.

    Returns
    -------
    first : int array of shape (n_distinct,)
        The number of one sample of each group of equal ones.
    weights : array of shape (n_distinct,)
        Their summed weights.
    """
    order = np.argsort(keys, kind="stable")
    begins = np.ones(len(order), dtype=bool)
    later = np.flatnonzero(keys[order[1:]] == keys[order[:-1]]) + 1
    begins[later] = ~_equal(samples, order[later - 1], order[later])
    weights = np.add.reduceat(samples.weights[order], np.flatnonzero(begins))
    return order[begins], weights


def has_distinct(samples, number):
    """Return whether at least `number` of the samples are distinct; looks at a prefix first."""
    for most in (20 * number, None):
        first = samples.take(slice(most)).compact()
        if len(np.unique(keys_of(first))) >= number:
            return True
    return False


def _equal(samples, a, b):
    """Return for each pair of sample numbers whether the samples are equal; NaN equals NaN."""
    X = samples.X
    equal = (X.lengths[a] == X.lengths[b]) & (samples.y[a] == samples.y[b]).all(axis=1)
    size = max(1, BLOCK // (X.n_timesteps * X.n_features))
    for begin in range(0, len(a), size):
        block = slice(begin, begin + size)
        X_a, X_b = X.padded(a[block]), X.padded(b[block])
        same = (X_a == X_b) | ((X_a != X_a) & (X_b != X_b))
        equal[block] &= same.all(axis=(1, 2))
    return equal
