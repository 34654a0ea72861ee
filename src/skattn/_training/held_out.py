"""What the networks predict for the samples that they hold out, and how far y lies from it."""

from typing import NamedTuple

import numpy as np

from .._inputs.sequences import Sequences
from .members import average
from .samples import distinct


class Block(NamedTuple):
    """The distinct samples that a network holds out, in the order in which they came.

    Attributes
    ----------
    train, held_out : int array
        Numbers of the samples that train the network, and of those that it holds out.
    X : Sequences
        Of the distinct samples that are held out, scaled.
    y : array of shape (n_samples, n_outputs)
        Their targets, scaled.
    weights : array of shape (n_samples,)
        Their weights, summed over equal samples.
    predicted : array of shape (n_samples, n_outputs)
        What the networks that hold out this block predict together, scaled.
    """

    train: np.ndarray
    held_out: np.ndarray
    X: Sequences
    y: np.ndarray
    weights: np.ndarray
    predicted: np.ndarray


def held_out_blocks(common, scaled, networks):
    """Predict the samples that networks hold out.

    Parameters
    ----------
    common : Common
        Shared by the networks.
    scaled : Samples
        All samples, scaled.
    networks : list of (Part, dict of str to array)
        The part and the parameters of each network.

    Returns
    -------
    blocks : list of Block
        One for each block of samples that is held out; empty where a network holds out none.
    """
    apart: dict[bytes, tuple] = {}  # networks by the samples that they hold out
    for part, network in networks:
        apart.setdefault(part.validation.tobytes(), (part, []))[1].append(network)
    if any(len(part.validation) == 0 for part, _ in apart.values()):
        return []
    return [_block(common, scaled, part, of_part) for part, of_part in apart.values()]


def _block(common, scaled, part, networks):
    held_out = part.validation
    first, weights = distinct(common.samples.take(held_out), common.keys[held_out])
    order = np.argsort(first)
    samples = scaled.take(held_out[first[order]])
    predicted = average(common.program.predict(networks, samples.X), common.params["loss"])
    return Block(part.train, held_out, samples.X, samples.y, weights[order], predicted)


def has_variance(loss):
    """Return whether predictions of a loss have a residual variance: not quantiles, nor classes."""
    return loss not in ("quantile", "log_loss")


def residual_variance(blocks):
    """Return the mean squared error of each output over all blocks, in scaled units."""
    errors = np.concatenate([block.y.astype("float64") - block.predicted for block in blocks])
    weights = np.concatenate([block.weights for block in blocks])
    return np.average(errors**2, axis=0, weights=weights)
