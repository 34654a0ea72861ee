"""Stacking: the line is fitted after the networks, and gets its share in the prediction."""

import numpy as np

from .line import SLOPES, cross_fit, share_of_line, steepness_of
from .members import average
from .samples import distinct

#: Stretches of neighbouring held-out samples that are taken as independent of each other.
N_STRETCHES = 20


def stacks(params, parts):
    """Return whether a fit stacks a line with its networks.

    That needs ``linear_path="auto"``, held-out samples for each network, and a loss in `SLOPES`.
    """
    held_out = all(len(part.validation) for part in parts)
    return params["linear_path"] == "auto" and params["loss"] in SLOPES and held_out


def stack_line(common, scaled, n_train, networks):
    """Fit a line, and choose its share on samples that trained neither it nor the networks.

    Parameters
    ----------
    common : Common
        Shared by the networks.
    scaled : Samples
        All samples, scaled; the caller's own validation samples come after the first `n_train`.
    n_train : int
        Number of samples to which the line that is kept is fitted.
    networks : list of (Part, dict of str to array)
        The part and the parameters of each network.

    Returns
    -------
    line : Line or None
        The line; None where it has no share.
    share : float
        The share of the networks, 1 less that of the line.
    """
    apart: dict[bytes, tuple] = {}  # networks by the samples that they hold out
    for part, network in networks:
        apart.setdefault(part.validation.tobytes(), (part, []))[1].append(network)
    folds = [tuple(part) for part, _ in apart.values()]
    gain = networks[0][1].get("relative_steps/gain")
    weights, kept = scaled.weights * scaled.factors, np.arange(n_train)
    fitted = cross_fit(scaled.X, scaled.y, weights, folds, gain=gain, kept=kept)
    if fitted is None:
        return None, 1.0
    line, lines = fitted
    held_out = [
        _held_out(common, scaled, part.validation, of_part, own)
        for (part, of_part), own in zip(apart.values(), lines, strict=True)
    ]
    stretches = _stretches([len(of_block) for of_block, *_ in held_out])
    y, weights, of_line, of_networks = map(np.concatenate, zip(*held_out, strict=True))
    loss = common.params["loss"]
    if loss == "log_loss":
        steepness = steepness_of(y, weights, of_line)
        line, of_line = line.times(steepness), steepness * of_line
    share = round(share_of_line(y, weights, of_line, of_networks, loss, stretches), 6)
    return (line, 1.0 - share) if share else (None, 1.0)


def _stretches(sizes):
    """Cut blocks of samples into stretches, as many in each; return each sample's stretch."""
    n_stretches = max(2, N_STRETCHES // len(sizes))
    cut = [np.arange(size) * n_stretches // size + n_stretches * n for n, size in enumerate(sizes)]
    return np.unique(np.concatenate(cut), return_inverse=True)[1]


def _held_out(common, scaled, validation, networks, line):
    """Return targets, weights and both predictions of the distinct samples of a held-out block.

    They keep the order in which they came.
    """
    first, weights = distinct(common.samples.take(validation), common.keys[validation])
    order = np.argsort(first)
    first, weights = first[order], weights[order]
    samples = scaled.take(validation[first])
    predicted = average(common.program.predict(networks, samples.X), common.params["loss"])
    return samples.y, weights, line.predict(samples.X), predicted
