"""Several networks of one spec: each array has one entry for each network on its first axis."""

import numpy as np
from scipy.special import log_softmax, logsumexp

#: Share of the predictions left out of the average at either end.
TRIMMED = 0.2


def middle(n_members):
    """Return the slice of sorted predictions that a trimmed mean keeps."""
    n_left_out = int(TRIMMED * n_members)
    return slice(n_left_out, n_members - n_left_out)


def middle_mean(predictions):
    """Return the trimmed mean of predictions over networks, which are on the first axis."""
    return np.sort(predictions, axis=0)[middle(len(predictions))].mean(axis=0)


def log_mean_probability(logits):
    """Return the logarithms of the mean probabilities over networks, on the first axis."""
    return logsumexp(log_softmax(logits, axis=-1), axis=0) - np.log(len(logits))


def average(predictions, loss):
    """Return what several networks that were trained with a loss predict together."""
    return log_mean_probability(predictions) if loss == "log_loss" else middle_mean(predictions)


def stack_arrays(members):
    """Join the networks' dicts of arrays by name; the arrays of a single one get no new axis."""
    if len(members) == 1:
        return dict(members[0])
    return {name: np.stack([arrays[name] for arrays in members]) for name in members[0]}


def unstack_arrays(arrays, n_members):
    """Return the dict of arrays of each network."""
    if n_members == 1:
        return [dict(arrays)]
    return [{n: array[member] for n, array in arrays.items()} for member in range(n_members)]
