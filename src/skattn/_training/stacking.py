"""The line stacked with the networks of a fit: which share each has in the prediction."""

import numpy as np

from .line import SLOPES, cross_fit, share_of_line
from .members import middle_mean
from .samples import distinct


def stacks(params, parts):
    """Return whether a fit stacks a line with its networks.

    It does with ``linear_path="auto"`` where samples are held out, which trained neither, and
    where the loss predicts the centre of y.
    """
    held_out = all(len(part.validation) for part in parts)
    return params["linear_path"] == "auto" and params["loss"] in SLOPES and held_out


def stack_line(common, scaled, n_train, networks):
    """Fit a line, and choose its share on samples that trained neither it nor the networks.

    Parameters
    ----------
    common : Common
        What the networks share.
    scaled : Samples
        All samples, scaled; the caller's own validation samples come after the first `n_train`.
    n_train : int
        Number of samples to which the line that is kept is fitted.
    networks : list of (Part, dict of str to array)
        Which samples trained each network, and which it held out; its parameters.

    Returns
    -------
    line : Line or None
        The line; None where it has no share.
    share : float
        The share of the networks, 1 less that of the line.
    """
    apart = {}  # networks by what they hold out
    for part, network in networks:
        apart.setdefault(part.validation.tobytes(), (part, []))[1].append(network)
    folds = [tuple(part) for part, _ in apart.values()]
    gain = networks[0][1].get("relative_steps/gain")
    fitted = cross_fit(
        scaled.X, scaled.y, scaled.weights, folds, gain=gain, kept=np.arange(n_train)
    )
    if fitted is None:
        return None, 1.0
    line, lines = fitted
    held_out = [
        _held_out(common, scaled, part.validation, of_part, own)
        for (part, of_part), own in zip(apart.values(), lines, strict=True)
    ]
    held_out = map(np.concatenate, zip(*held_out, strict=True))
    share = share_of_line(*held_out, common.params["loss"])
    return (line, 1.0 - share) if share else (None, 1.0)


def _held_out(common, scaled, validation, networks, line):
    """Return targets, weights and both predictions of the distinct samples among some."""
    first, weights = distinct(common.samples.take(validation), common.keys[validation])
    samples = scaled.take(validation[first])
    predicted = middle_mean(common.program.predict(networks, samples.X))
    return samples.y, weights, line.predict(samples.X), predicted
