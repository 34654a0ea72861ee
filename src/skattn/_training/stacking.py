"""Stacking: the line is fitted after the networks, and gets its share in the prediction."""

import numpy as np

from .line import SLOPES, cross_fit, share_of_line
from .logistic import cross_fit_classes

#: Stretches of neighbouring held-out samples that are taken as independent of each other.
N_STRETCHES = 20


def stacks(params):
    """Return whether a fit that holds out samples stacks a line with its networks."""
    return params["linear_path"] == "auto" and params["loss"] in SLOPES


def stack_line(scaled, n_train, blocks, gain, loss):
    """Fit a line, and choose its share on samples that trained neither it nor the networks.

    Parameters
    ----------
    scaled : Samples
        All samples, scaled; the caller's own validation samples come after the first `n_train`.
    n_train : int
        Number of samples to which the line that is kept is fitted.
    blocks : list of Block
        The samples that the networks hold out; at least one block.
    gain : float32 array of shape (n_features,) or None
        The gain of the steps, where they enter relative to the last one.
    loss : str
        One of `SLOPES`.

    Returns
    -------
    line : Line or None
        The line; None where it has no share.
    share : float
        The share of the networks, 1 less that of the line.
    blocks : list of Block
        The same blocks, with what networks and line predict together.
    """
    folds = [(block.train, block.held_out) for block in blocks]
    weights, kept = scaled.weights * scaled.factors, np.arange(n_train)
    of_classes = loss == "log_loss"
    cross_fitted = cross_fit_classes if of_classes else cross_fit
    fitted = cross_fitted(scaled.X, scaled.y, weights, folds, gain=gain, kept=kept)
    if fitted is None:
        return None, 1.0, blocks
    line, lines = fitted
    by_lines = [own.predict(block.X) for block, own in zip(blocks, lines, strict=True)]
    y, weights, of_networks = (
        np.concatenate([getattr(block, name) for block in blocks])
        for name in ("y", "weights", "predicted")
    )
    of_line = np.concatenate(by_lines)
    stretches = _stretches([len(each) for each in by_lines])
    lowered = not of_classes
    share = share_of_line(y, weights, of_line, of_networks, loss, stretches, lowered)
    share = round(share, 6)
    if not share:
        return None, 1.0, blocks
    stacked = [
        block._replace(predicted=share * by_line + (1 - share) * block.predicted)
        for block, by_line in zip(blocks, by_lines, strict=True)
    ]
    return line, 1.0 - share, stacked


def _stretches(sizes):
    """Cut blocks of samples into stretches, as many in each; return each sample's stretch."""
    n_stretches = max(2, N_STRETCHES // len(sizes))
    cut = [np.arange(size) * n_stretches // size + n_stretches * n for n, size in enumerate(sizes)]
    return np.unique(np.concatenate(cut), return_inverse=True)[1]
