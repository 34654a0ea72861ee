"""The line: a ridge regression on the steps of a sequence, stacked with the networks.

What a line explains, a network learns slowly and less well. So after the networks a ridge
regression is fitted to the columns that the networks' linear path reads, and the prediction
becomes w · line + (1 - w) · network [1]_ [2]_. The penalty and w are chosen on held-out
samples, which trained neither. The line that is kept may be fitted to all samples.

- Several outputs: each has its own coefficients; all share one penalty and one w.
- With a `target_feature`, y is the change from the last value, and steps enter relative to the
  last one, with the gain of the networks.
- An absent step counts as 0 in scaled units, which is the feature's mean.
- Of classes the line is a logistic regression (`logistic`). Networks and line meet as logits.
- w follows the loss of the fit. The quantile loss has no line: a ridge regression predicts a mean.
- w is lowered by about one standard error, as L. Breiman's rule for pruning does [3]_. It is 0
  unless held-out samples speak for the line. Neighbouring samples may depend on each other, as
  windows that overlap do: the standard error is that of sums over stretches of samples. Of classes
  the standard error decides whether there is a line, and w then is the best one: labelled samples
  are often few, and a standard error would leave next to nothing of a line that is needed.
- Equal samples, once merged, count as one with their summed weight.
- Where nothing is held out, there is no line.
- The networks' parameters, curves and best loss stay their own. So training can go on: with
  `warm_start` another `fit` adds a line of its own, and `partial_fit` leaves the line as it was.

References
----------
.. [1] D. H. Wolpert, "Stacked generalization", Neural Networks 5(2), 1992.
.. [2] L. Breiman, "Stacked regressions", Machine Learning 24, 1996.
.. [3] L. Breiman, J. H. Friedman, R. A. Olshen, C. J. Stone, "Classification and regression
   trees", Wadsworth, 1984, section 3.4.3.
"""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cache, reduce
from threading import Lock

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import softmax
from threadpoolctl import ThreadpoolController

#: Greatest number of columns. The line reads the last steps of a sequence that fit into it.
MAX_COLUMNS = 1_000

#: Number of values that columns may hold at once.
BLOCK = 2**19

#: Penalties of the ridge regression, in units of the columns' mean sum of squares.
ALPHAS = np.logspace(-8, 3, 23)

#: Penalties whose held-out errors differ by less than this share are tied: the largest wins.
TIE = 1e-6

#: Loss name → slope of the loss at predictions p of y, ``(y, p) -> slope``, downwards. The line is
#: stacked with networks of these losses.
SLOPES: dict[str, Callable] = {
    "squared_error": lambda y, p: y - p,
    "absolute_error": lambda y, p: np.sign(y - p),
    "huber": lambda y, p: np.clip(y - p, -1, 1),
    "log_loss": lambda y, p: y - softmax(p, axis=1),
}

_LOCK = Lock()


@cache
def _thread_pools():
    return ThreadpoolController()


@contextmanager
def one_thread():
    """Let numpy's linear algebra use one thread within the block, in the whole process.

    Several threads round differently from one. They are also up to a hundred times slower
    where other work keeps the cores busy.
    """
    with _LOCK, _thread_pools().limit(limits=1, user_api="blas"):
        yield


@dataclass(frozen=True)
class Columns:
    """How a sequence becomes a row of numbers: as the network's linear path reads it.

    Attributes
    ----------
    n_steps : int
        Number of last steps. A sequence of fewer has zeros on the left.
    gain : float32 array of shape (n_features,) or None
        Where given, steps enter as (x_t - x_T) · gain, and the last step x_T beside them.
    """

    n_steps: int
    gain: np.ndarray | None = None

    @classmethod
    def fitting(cls, X, gain=None, most=MAX_COLUMNS):
        """Return the columns of all steps, or of the last ones within a number of columns."""
        n_levels = 0 if gain is None else X.n_features
        n_steps = max(0, most - n_levels) // X.n_features
        return cls(min(X.n_timesteps, n_steps), gain)

    def of(self, X):
        """Return the columns of scaled sequences: (n_samples, n_columns), float64."""
        starts, ends = X.starts[:, np.newaxis], X.starts + X.lengths
        rows = ends[:, np.newaxis] + np.arange(-self.n_steps, 0)
        steps, last = X.table[np.maximum(rows, starts)], X.table[ends - 1]
        if self.gain is not None:
            steps = (steps - last[:, np.newaxis]) * self.gain
        steps[rows < starts] = 0
        flat = steps.reshape(len(X), -1)
        return (flat if self.gain is None else np.hstack([flat, last])).astype("float64")

    def blocks(self, X):
        """Yield slices of the samples and their columns, about `BLOCK` values at a time."""
        size = max(1, BLOCK // (X.n_features * (self.n_steps + 1)))
        for begin in range(0, len(X), size):
            block = slice(begin, begin + size)
            yield block, self.of(X.take(block))


@dataclass(frozen=True)
class Moments:
    """Weighted sums over samples, from which ridge regressions and their errors follow.

    Attributes
    ----------
    weight : float
        Sum of the weights.
    x : array of shape (n_columns,)
    y : array of shape (n_outputs,)
    xx : array of shape (n_columns, n_columns)
    xy : array of shape (n_columns, n_outputs)
    yy : array of shape (n_outputs,)
        Squares of each output.
    """

    weight: float
    x: np.ndarray
    y: np.ndarray
    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray

    @classmethod
    def of(cls, x, y, weights):
        """Sum over samples: x (n, n_columns), y (n, n_outputs), weights (n,)."""
        weighted = x.T * weights
        return cls(
            weight=weights.sum(),
            x=weighted.sum(axis=1),
            y=weights @ y,
            xx=weighted @ x,
            xy=weighted @ y,
            yy=weights @ y**2,
        )

    def __add__(self, other):
        return Moments(*map(np.add, _sums(self), _sums(other)))

    def squared_error(self, kernel, intercept):
        """Return the summed squared error of x @ kernel + intercept, over all outputs."""
        squares = self.yy + (kernel * (self.xx @ kernel - 2 * self.xy)).sum(axis=0)
        errors = self.y - self.x @ kernel  # summed, before the intercept
        return float((squares - intercept * (2 * errors - intercept * self.weight)).sum())


def _sums(moments):
    return [getattr(moments, field.name) for field in fields(moments)]


class RidgePath:
    """The ridge regressions of moments at any penalty, by one eigendecomposition."""

    def __init__(self, moments):
        self.x, self.y = moments.x / moments.weight, moments.y / moments.weight
        squares, self.axes = np.linalg.eigh(moments.xx - np.outer(moments.x, self.x))
        self.squares = np.maximum(squares, 0)
        self.products = self.axes.T @ (moments.xy - np.outer(moments.x, self.y))

    def at(self, penalty):
        """Return the kernel (n_columns, n_outputs) and the intercept, which is not penalized."""
        kernel = self.axes @ (self.products / (self.squares + penalty)[:, np.newaxis])
        return kernel, self.y - self.x @ kernel


@dataclass(frozen=True)
class Line:
    """A fitted line in scaled units: columns @ kernel + intercept.

    Attributes
    ----------
    columns : Columns
    kernel : array of shape (n_columns, n_outputs)
    intercept : array of shape (n_outputs,)
    alpha : float
        The penalty that was chosen, one of `ALPHAS`.
    """

    columns: Columns
    kernel: np.ndarray
    intercept: np.ndarray
    alpha: float

    def predict(self, X):
        """Predict scaled sequences: (n_samples, n_outputs), float64.

        A sample's prediction does not depend on the samples beside it, nor on the number of
        threads, bit for bit: hence `einsum`, which adds in one order.
        """
        predictions = np.empty((len(X), len(self.intercept)))
        for block, x in self.columns.blocks(X):
            predictions[block] = np.einsum("np,pk->nk", x, self.kernel) + self.intercept
        return predictions


class _Design:
    """Samples about their means, on one axis for each column or, if fewer, for each sample.

    The kernel of a ridge regression lies in the span of the samples. So where these are fewer
    than the columns, it is found on axes of that span, at a lower cost.
    """

    def __init__(self, X, y, weights, columns):
        self.X, self.weights, self.columns = X, weights, columns
        self.y_mean = weights @ y / weights.sum()
        self.y = y - self.y_mean
        self.x_mean = sum(weights[block] @ x for block, x in columns.blocks(X)) / weights.sum()
        self.axes = None
        if len(X) < len(self.x_mean):
            self.axes = np.linalg.qr((columns.of(X) - self.x_mean).T)[0]

    def moments(self, sets):
        """Return the moments of sets of samples, each given by their numbers.

        Sets overlap, so samples that the same sets hold are summed once. Nothing is subtracted:
        where one block has nearly all the weight, the rest would be what rounding leaves.
        """
        kinds = np.zeros(len(self.X), dtype=int)
        for samples in sets:
            held = np.isin(np.arange(len(kinds)), samples)
            kinds = pd.factorize(2 * kinds + held)[0]
        parts = [self._moments(np.flatnonzero(kinds == kind)) for kind in range(kinds.max() + 1)]
        return [
            reduce(Moments.__add__, [parts[kind] for kind in np.unique(kinds[samples])])
            for samples in sets
        ]

    def _moments(self, samples):
        X, y, weights = self.X.take(samples), self.y[samples], self.weights[samples]
        parts = (
            Moments.of(self._on_axes(x), y[block], weights[block])
            for block, x in self.columns.blocks(X)
        )
        return reduce(Moments.__add__, parts)

    def line(self, path, alpha, unit):
        """Return a path's line at a penalty, in the columns themselves."""
        kernel, intercept = path.at(alpha * unit)
        if self.axes is not None:
            kernel = self.axes @ kernel
        return Line(self.columns, kernel, intercept + self.y_mean - self.x_mean @ kernel, alpha)

    def _on_axes(self, x):
        centred = x - self.x_mean
        return centred if self.axes is None else centred @ self.axes


def cross_fit(X, y, weights, folds, gain=None, kept=None):
    """Fit the line that is kept and, for each fold, one that has not seen its held-out samples.

    The penalty is the one of `ALPHAS` with the least squared error on the held-out samples of
    all folds together.

    Parameters
    ----------
    X : Sequences
        All samples, scaled.
    y : array of shape (n_samples, n_outputs)
        Scaled targets.
    weights : array of shape (n_samples,)
        All positive.
    folds : list of (int array, int array)
        Numbers of the samples that train a network, and of those that it holds out.
    gain : float32 array of shape (n_features,), default=None
        The gain of the steps, where they enter relative to the last one.
    kept : int array, default=None
        Numbers of the samples to which the line that is kept is fitted; None for all.

    Returns
    -------
    line : Line
        The line that is kept.
    lines : list of Line
        For each fold the line of the samples that train its network.

    Returns None, for no line, where a single step has more than `MAX_COLUMNS` columns.
    """
    columns = Columns.fitting(X, gain)
    if not columns.n_steps:
        return None
    with one_thread():
        design = _Design(X, y.astype("float64"), weights, columns)
        trains, held = zip(*folds, strict=True)
        fitted = [np.arange(len(X)) if kept is None else kept, *trains]
        moments = design.moments([*fitted, *held])
        own, held_out = moments[: len(fitted)], moments[len(fitted) :]
        final, *paths = map(RidgePath, own)
        unit = final.squares.sum() / len(design.x_mean) or 1.0
        alpha = _choose_alpha(paths, held_out, unit)
        return design.line(final, alpha, unit), [design.line(p, alpha, unit) for p in paths]


def _choose_alpha(paths, held_out, unit):
    pairs = list(zip(paths, held_out, strict=True))
    errors = np.array(
        [sum(held.squared_error(*path.at(a * unit)) for path, held in pairs) for a in ALPHAS]
    )
    return float(ALPHAS[errors <= errors.min() + TIE * abs(errors.min())][-1])


def share_of_line(y, weights, line, network, loss="squared_error", stretches=None, lowered=True):
    """Return w of the stacked prediction w · line + (1 - w) · network, in [0, 1].

    Along w the loss falls to its minimum. w is 0 where the slope at 0 is not greater than its
    standard error, so that noise does not choose the line.

    Parameters
    ----------
    y, line, network : arrays of shape (n_samples, n_outputs)
        Targets and predictions of distinct samples that trained neither.
    weights : array of shape (n_samples,)
        Weights of the samples; only their ratios count.
    loss : str, default="squared_error"
        One of `SLOPES`.
    stretches : int array of shape (n_samples,), default=None
        The number of each sample's stretch, from 0; None where each sample is its own.
        A single stretch has no standard error, and gives the line no share.
    lowered : bool, default=True
        Whether w stops where the slope is no longer greater than its standard error; else it goes
        on to the minimum.
    """
    towards = line - network
    stretches = np.arange(len(y)) if stretches is None else stretches

    def evidence(share, n_errors):
        slopes = (towards * SLOPES[loss](y, network + share * towards)).sum(axis=1) * weights
        sums = np.bincount(stretches, slopes)
        return sums.sum() - n_errors * np.sqrt(len(sums) * sums.var(ddof=1))

    if stretches.max() == 0 or evidence(0.0, 1.0) <= 0:
        return 0.0
    n_errors = 1.0 if lowered else 0.0
    return 1.0 if evidence(1.0, n_errors) >= 0 else float(brentq(evidence, 0.0, 1.0, n_errors))
