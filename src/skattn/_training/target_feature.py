"""Targets that continue a feature: predicted as a change from its last present value."""

from numbers import Integral

import numpy as np

from .._inputs.keys import BLOCK
from .plausible import warn_of_order, warn_of_units


def check_target_feature(target_feature, names, n_features, n_outputs):
    """Return the number of the feature that each output continues, or None.

    Parameters
    ----------
    target_feature : int, str, sequence of these, or None
        One feature for all outputs, by its number or its name; or several, for outputs that
        repeat in that order.
    names : sequence of str or None
        Names of the features of a step, where the data carry such.
    n_features, n_outputs : int
        Features per step, and outputs.

    Raises
    ------
    ValueError
        If there is no such feature, or the outputs are no multiple of the features.
    """
    if target_feature is None:
        return None
    is_one = isinstance(target_feature, str) or np.ndim(target_feature) == 0
    features = [target_feature] if is_one else list(target_feature)
    known = [isinstance(f, (str, Integral)) and not isinstance(f, bool) for f in features]
    if not features or not all(known) or n_outputs % len(features):
        raise ValueError(
            "target_feature must be the number or the name of a feature, or a list of such, in "
            f"the order of the outputs; with n_outputs={n_outputs} its length must divide that. "
            f"Got target_feature={target_feature!r}."
        )
    numbers = np.array([_number_of(feature, names, n_features) for feature in features])
    return np.tile(numbers, n_outputs // len(numbers))


def _number_of(feature, names, n_features):
    """Return the number of one feature, from 0, by its number or its name."""
    numbered = f"The {n_features} features of each step are numbered from 0 to {n_features - 1}."
    if not isinstance(feature, str):
        if not -n_features <= int(feature) < n_features:
            raise ValueError(
                f"target_feature={feature!r} is not among the features of a step. {numbered}"
            )
        return int(feature) % n_features
    if names is None:
        raise ValueError(
            f"target_feature={feature!r} is a name, and the features of X have none. A list of "
            "DataFrames has names, and so have Windows, which TimeWindows and sliding_windows make "
            f"of a DataFrame. Else pass the number of the feature. {numbered}"
        )
    found = [number for number, name in enumerate(names) if name == feature]
    if len(found) != 1:
        raise ValueError(
            f"target_feature={feature!r} is the name of {len(found)} features of a step: their "
            f"names are {list(names)}. Pass one of these, or its number. {numbered}"
        )
    return found[0]


def last_values(X, features):
    """Return the last present values of `features`, of shape (n_samples, len(features))."""
    ends = X.starts + X.lengths - 1
    return X.table[ends[:, np.newaxis], features].astype("float64")


def changes_from(samples, features, warn=False):
    """Return samples whose targets are changes from the last values of `features`.

    With `warn`, a warning is given for targets in other units and for steps in the wrong order.
    """
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
