"""Which samples train each network, and which stop it."""

from typing import NamedTuple

import numpy as np

from .._inputs.layout import count_held
from .plausible import warn_of_missing_classes
from .samples import has_distinct
from .settings import (
    AUTO_FRACTION,
    AUTO_MEMBERS,
    SAMPLES_FOR_EARLY_STOPPING,
    SAMPLES_OF_CLASSES,
)


class Part(NamedTuple):
    """Numbers of the samples that train a network, and of those that stop it (may be empty)."""

    train: np.ndarray
    validation: np.ndarray


def parts_of(samples, validation, params, n_earlier=None):
    """Choose the samples that train each network, and those that stop it.

    Each network holds out a block of its own: the first network the last block, the second
    network the block before it, and so on. So every sample trains. Where the windows around a
    block leave a network less than half of the first one's samples, it holds out the last block.

    Parameters
    ----------
    samples : Samples
        Samples to train on.
    validation : Samples or None
        The caller's own validation samples. Their numbers come after those of `samples`.
    params : dict
        Parameters of the estimator.
    n_earlier : int, default=None
        Number of networks of the earlier fit, where this one goes on from it.

    Returns
    -------
    parts : list of Part, one for each network
    """
    n_validation = 0 if validation is None else len(validation.X)
    numbers = np.arange(len(samples.X) + n_validation)
    everything = Part(*np.split(numbers, [len(samples.X)]))
    if n_validation or not params["early_stopping"]:
        stops = n_validation > 0 and bool(params["early_stopping"])
        return [everything] * count_members(params, stops, n_earlier)
    fraction = params["validation_fraction"]
    fraction = AUTO_FRACTION if fraction == "auto" else fraction
    strata = _strata(samples, params["loss"])
    first = split_block(samples.X, fraction, strata=strata)
    fewest = SAMPLES_OF_CLASSES if params["loss"] == "log_loss" else SAMPLES_FOR_EARLY_STOPPING
    if not _suffices(samples, first, params["early_stopping"], fewest):
        _check_none_is_wanted(samples, params["early_stopping"])
        return [everything] * count_members(params, False, n_earlier)
    n_members = count_members(params, True, n_earlier)
    others = [split_block(samples.X, fraction, number, strata) for number in range(1, n_members)]
    parts = [first, *(p if 2 * len(p.train) > len(first.train) else first for p in others)]
    if params["loss"] == "log_loss" and len(strata) == 1:
        warn_of_missing_classes(samples.y, parts, params["classes"])
    return parts


def count_members(params, stops_early, n_earlier=None):
    """Return the number of networks: the earlier fit's, else the given one, else that of "auto"."""
    if n_earlier is not None or params["n_members"] != "auto":
        return n_earlier or int(params["n_members"])
    return AUTO_MEMBERS if stops_early else 1


def split_block(X, fraction, number=0, strata=None):
    """Hold out a block of each stratum of sequences: the last, or one before it.

    A window that overlaps in the caller's table with a held-out one is in neither part.

    Parameters
    ----------
    X : Sequences
        The sequences.
    fraction : float
        Share of each stratum in its block.
    number : int, default=0
        Block 0 is the last one, block 1 the one before it.
    strata : list of int array, default=None
        Numbers of the sequences of each stratum; None where all are one.
    """
    held = np.zeros(len(X), dtype=bool)
    for stratum in filter(len, [np.arange(len(X))] if strata is None else strata):
        held[stratum[_block(len(stratum), fraction, number)]] = True
    validation = np.flatnonzero(held)
    return Part(np.flatnonzero(~held & ~_overlapping(X, validation)), validation)


def _block(n_samples, fraction, number):
    """Return where a block lies: at least one sample, but not all of them.

    After the first block the count begins at the last one again. All blocks have one size; the
    first block may share samples with its neighbour.
    """
    size = min(int(np.ceil(fraction * n_samples)), n_samples - 1)
    n_blocks = -(-n_samples // max(1, size))
    end = max(size, n_samples - number % n_blocks * size)
    return slice(end - size, end)


def _strata(samples, loss):
    """Return the numbers of the samples of each class; of all, where windows share a table.

    So each part holds every class, though a file may be sorted by class. A single sample of a
    class trains. Windows have to be held out in one block, whatever their classes.
    """
    numbers = np.arange(len(samples.X))
    if loss != "log_loss" or _are_windows(samples.X):
        return [numbers]
    return [numbers[column > 0] for column in samples.y.T]


def _are_windows(X):
    """Return whether sequences that begin at different rows of the table share rows."""
    order = np.argsort(X.starts, kind="stable")
    starts, ends = X.starts[order], np.maximum.accumulate((X.starts + X.lengths)[order])
    return bool(((starts[1:] > starts[:-1]) & (starts[1:] < ends[:-1])).any())


def _overlapping(X, validation):
    """Return for each sequence whether it shares a row of the table with one that is held out."""
    held = count_held(X.starts[validation], X.lengths[validation], len(X.table)) > 0
    n_held = np.concatenate([[0], np.cumsum(held)])
    return n_held[X.starts + X.lengths] > n_held[X.starts]


def _suffices(samples, part, early_stopping, fewest):
    """Return whether there are enough samples to hold some out; equal samples count once."""
    if not len(part.train) or not len(part.validation):
        return False
    if early_stopping == "auto":
        kept = samples.take(np.concatenate([part.train, part.validation]))
        return has_distinct(kept, fewest)
    return True


def _check_none_is_wanted(samples, early_stopping):
    """Refuse to train without validation samples where these were asked for."""
    if early_stopping != "auto":
        raise ValueError(
            "early_stopping=True holds out the last samples for validation and trains on those "
            f"that share nothing with them. Got n_samples = {len(samples.X)} of positive "
            f"weight, each of {samples.X.layout.n_timesteps} steps: too few for both. Use "
            "early_stopping=False, pass X_val and y_val, or use more samples or shorter windows."
        )
