"""Checked samples, and the distinct ones among them."""

from typing import NamedTuple

import numpy as np

from .._inputs.checks import check_shape
from .._inputs.keys import BLOCK, row_keys
from .._inputs.overlaps import find_shared_rows
from .._inputs.sequences import Sequences, join, sequences_of
from .._inputs.targets import check_weights


class Samples(NamedTuple):
    """Checked samples, all of positive weight.

    X holds n_samples sequences; y has shape (n_samples, n_outputs); weights and factors have
    shape (n_samples,). A factor multiplies the summed weights of equal samples.
    """

    X: Sequences
    y: np.ndarray
    weights: np.ndarray
    factors: np.ndarray

    def take(self, samples):
        """Return the samples with these numbers."""
        return Samples(self.X.take(samples), *(part[samples] for part in self[1:]))

    def compact(self):
        """Return the samples on a table without the rows of other samples."""
        return self._replace(X=self.X.compact())


def check_samples(estimator, X, y, sample_weight, *, reset, input_name="X"):
    """Check X, y and weights; return `Samples`.

    Samples of weight 0 are left out before anything looks at their values.
    """
    X = check_shape(estimator, X, reset=reset, input_name=input_name)
    weights = check_weights(sample_weight, len(X))
    kept = weights > 0
    y = estimator._check_targets(y, kept, reset=reset)
    sequences = sequences_of(X, type(estimator).__name__, kept)
    return Samples(find_shared_rows(sequences).trimmed(), y, weights[kept], np.ones(len(y)))


def followed_by(samples, others):
    """Join samples and others, which may be None, into one."""
    if others is None:
        return samples
    rest = (np.concatenate(pair) for pair in zip(samples[1:], others[1:], strict=True))
    return Samples(join([samples.X, others.X]), *rest)


def keys_of(samples):
    """Return two 64-bit keys for each sample that depend on nothing but its values.

    One alone would be 0 for every sequence of one step that equals its targets.
    """
    of_targets = row_keys(samples.y)
    of_both = samples.X.keys(row_keys(samples.X.table)) ^ of_targets
    return np.stack([of_both, of_targets], axis=1)


def distinct(samples, keys):
    """Find the distinct samples, in an order that does not depend on that of the input.

    Training on the distinct samples with summed weights is training on the samples
    themselves: a weight of 2 is the same as a sample that stands twice, bit for bit, and
    the order in which samples come does not matter.

    Parameters
    ----------
    samples : Samples
        The samples.
    keys : uint64 array of shape (n_samples, 2)
        As `keys_of` gives them.

    Returns
    -------
    first : int array of shape (n_distinct,)
        The number of one sample of each group of equal ones.
    weights : array of shape (n_distinct,)
        Their summed weights, times their factor.
    """
    order = np.lexsort(keys.T[::-1])
    begins = np.ones(len(order), dtype=bool)
    later = np.flatnonzero((keys[order[1:]] == keys[order[:-1]]).all(axis=1)) + 1
    begins[later] = ~_equal(samples, order[later - 1], order[later])
    weights = np.add.reduceat(samples.weights[order], np.flatnonzero(begins))
    return order[begins], weights * samples.factors[order[begins]]


def has_distinct(samples, number):
    """Return whether at least `number` of the samples are distinct; looks at a prefix first."""
    for most in (20 * number, None):
        first = samples.take(slice(most)).compact()
        if len(np.unique(keys_of(first), axis=0)) >= number:
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
