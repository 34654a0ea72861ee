"""Losses of many draws of the samples at once, for scores that are made of losses of samples."""

from collections.abc import Callable

import numpy as np


def _squares(y, predicted):
    return (y - predicted) ** 2


def _misses(y, probabilities):
    return 1.0 - np.take_along_axis(y, probabilities.argmax(axis=1, keepdims=True), axis=1)


def _surprise(y, probabilities):
    least = np.finfo(probabilities.dtype).eps
    return -np.log(np.clip((y * probabilities).sum(axis=1, keepdims=True), least, 1 - least))


def _mean(losses, variance):
    return losses.mean(axis=1)


#: Scoring → the loss of each sample, ``(y, predicted) -> (n_samples, n_columns)``, and what becomes
#: of its means over draws, ``(means, variance of y) -> loss``, (n_draws, n_columns) both.
LOSSES: dict[str, tuple[Callable, Callable]] = {
    "r2": (_squares, lambda losses, variance: (losses / variance).mean(axis=1)),
    "neg_mean_squared_error": (_squares, _mean),
    "neg_root_mean_squared_error": (_squares, lambda losses, _: np.sqrt(losses).mean(axis=1)),
    "neg_mean_absolute_error": (lambda y, predicted: np.abs(y - predicted), _mean),
}

#: The same for classes: y is 1 in the column of the class.
LOSSES_OF_CLASSES: dict[str, tuple[Callable, Callable]] = {
    "accuracy": (_misses, _mean),
    "neg_log_loss": (_surprise, _mean),
}


class Draws:
    """Weighted means over draws of the samples, with replacement.

    Parameters
    ----------
    samples : int array of shape (n_draws, n_samples)
        Numbers of the samples of each draw.
    weights : array of shape (n_samples,) or None
        Weights of the samples.
    of_classes : bool, default=False
        Whether targets are classes.
    """

    def __init__(self, samples, weights, of_classes=False):
        self._known = LOSSES_OF_CLASSES if of_classes else LOSSES
        n_samples = samples.shape[1]
        counts = np.stack([np.bincount(own, minlength=n_samples) for own in samples])
        counts = counts * (1.0 if weights is None else weights)
        with np.errstate(invalid="ignore"):  # a draw of weight 0 has no mean
            self._shares = counts / counts.sum(axis=1, keepdims=True)

    def means(self, values):
        """Return the means of values (n_samples, n_columns): (n_draws, n_columns)."""
        return self._shares @ values

    def losses(self, scoring, y, predictions):
        """Return the loss of each draw at each point of a curve, or None.

        Parameters
        ----------
        scoring : str or callable
            None is returned unless it is one of `LOSSES`, of classes of `LOSSES_OF_CLASSES`; of
            R², too, where y does not vary in a draw.
        y : array of shape (n_samples, n_columns)
            Targets, or 1 in the column of the class.
        predictions : array of shape (n_points, n_repeats, n_samples, ...)
            Predictions, or probabilities of the classes.

        Returns
        -------
        losses : array of shape (n_points, n_draws)
        """
        if not isinstance(scoring, str) or scoring not in self._known:
            return None
        loss, finish = self._known[scoring]
        variance = self.means((y - y.mean(axis=0)) ** 2) - self.means(y - y.mean(axis=0)) ** 2
        if scoring == "r2" and not (variance > 1e-12 * y.var(axis=0)).all():
            return None
        return np.array(
            [
                finish(
                    self.means(np.mean([loss(y, _columns(p)) for p in repeats], axis=0)), variance
                )
                for repeats in predictions
            ]
        )


def _columns(predicted):
    """Return predictions as (n_samples, n_columns)."""
    return predicted.reshape(len(predicted), -1)
