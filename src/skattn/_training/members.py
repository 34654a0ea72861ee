"""The numbers of several networks of one spec, along a leading axis of each array."""

import numpy as np

#: Share of the members, at either end, whose predictions are left out of the average.
TRIMMED = 0.2


def middle(n_members):
    """Return which of the sorted predictions of so many members are averaged, as a slice."""
    n_left_out = int(TRIMMED * n_members)
    return slice(n_left_out, n_members - n_left_out)


def middle_mean(predictions):
    """Average predictions over members, the leading axis, without the outermost ones."""
    return np.sort(predictions, axis=0)[middle(len(predictions))].mean(axis=0)


def stack(members):
    """Join lists of arrays, one list for each member; a single member's stay as they are."""
    if len(members) == 1:
        return members[0]
    return [np.stack(arrays) for arrays in zip(*members, strict=True)]


def unstack(arrays, n_members):
    """Return a list of arrays for each member."""
    if n_members == 1:
        return [list(arrays)]
    return [[array[member] for array in arrays] for member in range(n_members)]


def stack_parameters(members):
    """Join dicts of parameters by name, one dict for each member."""
    joined = stack([list(parameters.values()) for parameters in members])
    return dict(zip(members[0], joined, strict=True))


def unstack_parameters(parameters, n_members):
    """Return the dict of parameters of each member."""
    members = unstack(parameters.values(), n_members)
    return [dict(zip(parameters, arrays, strict=True)) for arrays in members]
