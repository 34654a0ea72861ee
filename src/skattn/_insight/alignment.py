"""Sequences of unequal length, aligned at their last step."""

import numpy as np


def places_of_ends(sequences):
    """Return where each column comes from when sequences end in the last; None if they do."""
    n_trailing = (~np.isnan(sequences).all(axis=2))[:, ::-1].argmax(axis=1)
    if not n_trailing.any():
        return None
    n_timesteps = sequences.shape[1]
    return (np.arange(n_timesteps) - n_trailing[:, np.newaxis]) % n_timesteps


def move(values, places, axes=(1,)):
    """Take values from their places along each of some axes; None leaves them."""
    for axis in axes if places is not None else ():
        shape = [len(values)] + [1] * (values.ndim - 1)
        shape[axis] = -1
        values = np.take_along_axis(values, places.reshape(shape), axis=axis)
    return values
