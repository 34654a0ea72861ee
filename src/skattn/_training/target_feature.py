"""Targets that continue a feature: predicted as a change from its last present value."""

import numpy as np

from .._inputs.keys import BLOCK
from .plausible import warn_of_order, warn_of_units


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
    """Return the last present values of `features`, of shape (n_samples, len(features))."""
    ends = X.starts + X.lengths - 1
    return X.table[ends[:, np.newaxis], features].astype("float64")


def changes_from(samples, features, warn=False):
    """Return samples whose targets are changes from the last values of `features`.

    With ``features=None`` targets stay as they are. With `warn`, a warning is given for targets
    in other units and for steps in the wrong order.
    """
    if features is None:
        return samples
    last = last_values(samples.X, features)
    if warn:
        warn_of_units(samples.y, last)
        warn_of_order(samples, features)
    return samples._replace(y=samples.y - last)


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
        Taken over all steps but the last; 0 where a feature never moves.
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
