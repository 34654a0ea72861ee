"""The line of classes: a logistic regression on the steps of a sequence.

It reads the columns that the ridge regression of other losses reads (`line`), and gives logits.
Its penalty has the least log loss on held-out samples. Their labels are smoothed, as J. Platt does
[1]_, by one sample that is spread over the classes: a line that is right on all samples does not
become certain.

References
----------
.. [1] J. Platt, "Probabilistic outputs for support vector machines and comparisons to
   regularized likelihood methods", Advances in Large Margin Classifiers, 1999.
"""

import warnings
from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax, logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from .line import MAX_COLUMNS, Columns, Line, one_thread

#: Penalties, in units of the columns' mean sum of squares, the strongest first.
PENALTIES = np.logspace(1, -5, 13)

#: Greatest number of values of all columns, 64 MiB; the line reads the last steps that fit in.
#: Each fold holds a copy of its samples.
MAX_VALUES = 2**23

#: Steps of the solver; a line that has not settled then is one that is penalized a little more.
MAX_ITER = 300


class _Samples(NamedTuple):
    """Columns about their mean (n_samples, n_axes), indicators of the classes, and weights."""

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray

    def take(self, samples):
        return _Samples(*(part[samples] for part in self))


class _Logits:
    """Logistic regressions of some samples, each begun where the last one ended."""

    def __init__(self, samples):
        self.samples, self.n_classes = samples, samples.y.shape[1]
        self.codes = samples.y.argmax(axis=1)
        self.present = np.unique(self.codes)
        self.model = LogisticRegression(warm_start=True, max_iter=MAX_ITER)

    def at(self, penalty):
        """Return the kernel (n_axes, n_classes) and the intercept of each class's logit.

        A class without samples has the probability of one sample more at the mean.
        """
        x, _, weights = self.samples
        kernel = np.zeros((x.shape[1], self.n_classes))
        intercept = np.zeros(self.n_classes)
        if len(self.present) > 1:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
                self.model.set_params(C=1 / penalty).fit(x, self.codes, sample_weight=weights)
            coef, constant = self.model.coef_, self.model.intercept_
            if len(self.present) == 2:  # the logit of the second against the first
                coef, constant = np.vstack([-coef, coef]) / 2, np.append(-constant, constant) / 2
            kernel[:, self.present], intercept[self.present] = coef.T, constant
        absent = np.setdiff1d(np.arange(self.n_classes), self.present)
        intercept[absent] = logsumexp(intercept[self.present]) - np.log(len(x))
        return kernel, intercept


def cross_fit_classes(X, y, weights, folds, gain=None, kept=None):
    """Fit the line that is kept and, for each fold, one that has not seen its held-out samples.

    Parameters and results are those of `line.cross_fit`; y has 1 in the column of the class, and
    lines predict logits.
    """
    columns = Columns.fitting(X, gain, most=min(MAX_COLUMNS, MAX_VALUES // len(X)))
    if not columns.n_steps:
        return None
    with one_thread():
        x = columns.of(X)
        kept = np.arange(len(x)) if kept is None else kept
        own = np.zeros(len(x))
        own[kept] = weights[kept]
        mean = own @ x / own.sum()
        x -= mean
        unit = own @ (x**2).mean(axis=1) or 1.0
        axes = np.linalg.qr(x.T)[0] if len(x) < x.shape[1] else None
        samples = _Samples(x if axes is None else x @ axes, y, weights)
        alpha, pairs = _choose(samples, folds, unit)
        final = _Logits(samples.take(kept))

        def line(kernel, intercept):
            kernel = kernel if axes is None else axes @ kernel
            return Line(columns, kernel, intercept - mean @ kernel, alpha)

        return line(*final.at(alpha * unit)), [line(*pair) for pair in pairs]


def _choose(samples, folds, unit):
    """Return the best penalty, in units, and each fold's kernel and intercept at it.

    The search goes from strong to weak, and ends where the loss rises.
    """
    paths = [_Logits(samples.take(train)) for train, _ in folds]
    parts = [samples.take(held) for _, held in folds]
    y, weights = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("y", "weights")
    )
    least, chosen = np.inf, None
    for alpha in PENALTIES:
        pairs = [path.at(alpha * unit) for path in paths]
        logits = [
            part.x @ kernel + intercept
            for part, (kernel, intercept) in zip(parts, pairs, strict=True)
        ]
        loss = _smoothed_loss(y, np.concatenate(logits), weights)
        if chosen and loss >= least:
            break
        least, chosen = loss, (float(alpha), pairs)
    return chosen


def _smoothed_loss(y, logits, weights):
    """Return the summed log loss, with labels smoothed by one sample."""
    n_samples, n_classes = y.shape
    smooth = (n_samples * y + 1 / n_classes) / (n_samples + 1)
    return -weights @ (smooth * log_softmax(logits, axis=1)).sum(axis=1)
