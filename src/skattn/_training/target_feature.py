"""Targets that continue a feature: predicted as a change from its last present value."""

import warnings

import numpy as np

from .._inputs.keys import BLOCK

#: A slope of y on the last value this far from 1 (or from its inverse) tells other units.
UNLIKELY_SLOPE = 3.0


def check_target_feature(target_feature, n_features, n_outputs):
    """Return the number of the feature that each output continues, or None.

    Parameters
    ----------
    target_feature : int, sequence of int or None
        One feature for all outputs; or several, for outputs that repeat in that order.
    n_features, n_outputs : int
        Features per step, and outputs.

    Raises
    ------
    ValueError
        If there is no such feature, or the outputs are no multiple of the features.
    """
    if target_feature is None:
        return None
    numbers = np.atleast_1d(np.asarray(target_feature))
    whole = numbers.ndim == 1 and numbers.dtype.kind in "iu" and len(numbers) > 0
    if not whole or n_outputs % len(numbers):
        raise ValueError(
            "target_feature must be the number of a feature, or a list of such, in the order of "
            f"the outputs; with n_outputs={n_outputs} its length must divide that. "
            f"Got target_feature={target_feature!r}."
        )
    if not ((-n_features <= numbers) & (numbers < n_features)).all():
        raise ValueError(
            f"target_feature={target_feature!r} is not among the {n_features} features of each "
            f"step. They are numbered from 0 to {n_features - 1}."
        )
    return np.tile(numbers.astype(int) % n_features, n_outputs // len(numbers))


def last_values(X, features):
    """Return the last present value of some features, of shape (n_samples, len(features))."""
    ends = X.starts + X.lengths - 1
    return X.table[ends[:, np.newaxis], features].astype("float64")


def check_units(y, last):
    """Warn where y looks like the feature that it should continue, but in other units."""
    telling = max(0.5, 4 / np.sqrt(len(y)))  # a correlation that noise does not reach
    for output in np.flatnonzero((np.ptp(y, axis=0) > 0) & (np.ptp(last, axis=0) > 0)):
        a, b = y[:, output] - y[:, output].mean(), last[:, output] - last[:, output].mean()
        products, squares = a @ b, b @ b
        if not products > telling * np.sqrt((a @ a) * squares):
            continue
        slope = products / squares
        if not 1 / UNLIKELY_SLOPE < slope < UNLIKELY_SLOPE:
            warnings.warn(
                f"Output {output} of y moves {slope:.3g} times as much as the feature that it is "
                "to continue (target_feature). Are both in the same units? A scaler before the "
                "regressor changes X and not y: leave it out, as standardize=True scales both.",
                UserWarning,
                stacklevel=2,
            )
            return


def relative_spread(X, weights, scale):
    """Return the root mean square of each feature relative to the last step.

    Parameters
    ----------
    X : Sequences
        The sequences; steps that are absent do not count.
    weights : array of shape (n_samples,)
        Weights of the sequences.
    scale : array of shape (n_features,)
        Units in which the features are measured.

    Returns
    -------
    spread : array of shape (n_features,)
        Of all steps but the last; 0 where a feature never moves.
    """
    total, count = np.zeros(X.n_features), 0.0
    size = max(1, BLOCK // X.n_features)
    for begin in range(0, len(X), size):
        part, w = X.take(slice(begin, begin + size)), weights[begin : begin + size]
        last = part.table[part.starts + part.lengths - 1].astype("float64")
        for step in range(int(part.lengths.max()) - 1):
            held = np.flatnonzero(step < part.lengths - 1)
            moved = (part.table[part.starts[held] + step] - last[held]) / scale
            total += w[held] @ moved**2
            count += w[held].sum()
    return np.sqrt(total / (count or 1.0))
