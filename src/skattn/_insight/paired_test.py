"""Whether the loss of one attention differs from that of another: estimates and intervals.

The loss of a fit is a mean over test samples, of a network drawn by its seed. Both are chance:
other samples and other seeds would give another mean.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student


@dataclass(frozen=True)
class Estimate:
    """A mean with its variance.

    Attributes
    ----------
    mean : float
        The mean over folds and seeds.
    variance : float
        The variance of that mean.
    df : float
        The degrees of freedom of the variance.
    of_samples : float
        The part of the variance that no further seed lessens.
    """

    mean: float
    variance: float
    df: float
    of_samples: float

    @property
    def p_value(self):
        """The two-sided p-value of a mean of 0."""
        if self.variance == 0:
            return float(self.mean == 0)
        return float(2 * student.sf(abs(self.mean) / np.sqrt(self.variance), self.df))

    def half_width(self, alpha):
        """Return half the width of the interval of level 1 - alpha."""
        return float(np.sqrt(self.variance) * student.isf(alpha / 2, self.df))

    def detectable(self, alpha, power=0.8):
        """Return the mean that a test at alpha finds with a probability of `power`."""
        found = student.ppf(power, self.df)
        return self.half_width(alpha) + float(np.sqrt(self.variance) * found)

    def chance_of_finding(self, growth, alpha):
        """Return how probable a p-value below alpha is with `growth` times the seeds.

        The true mean is taken to be the one estimated.
        """
        later = self.of_samples + (self.variance - self.of_samples) / growth
        bound = norm.isf(alpha / 2) * np.sqrt(later)
        still_open = np.sqrt(self.variance - later)
        if still_open == 0:
            return float(abs(self.mean) > bound)
        return float(norm.sf((bound - abs(self.mean)) / still_open))


def estimate(losses):
    """Estimate a mean loss, or a difference of two, from folds, clusters and seeds.

    The networks of the folds are taken as they are, and new samples and new seeds as chance [1]_:
    in each fold clusters and seeds are crossed, so that the variance of its mean is that of the
    clusters' means, plus that of the seeds' means, less that of what is left, which both hold (a
    two-way layout with random effects). Degrees of freedom are Satterthwaite's.

    Where a fold is one cluster, the variance is that of the folds' means.

    References
    ----------
    .. [1] P. Bayle, A. Bayle, L. Janson, L. Mackey, "Cross-validation confidence intervals for
       test error", NeurIPS 2020.
    """
    values, moves = losses.values, losses.moves
    n_folds, n_seeds = values.shape
    mean, of_seeds = float(values.mean()), values.var(axis=1, ddof=1).sum() / n_seeds / n_folds**2
    if min(map(len, moves)) < 2:
        variance = values.mean(axis=1).var(ddof=1) / n_folds
        return Estimate(mean, variance, n_folds - 1, max(0.0, variance - of_seeds))
    of_clusters, of_rest = np.sum([_within_fold(each) for each in moves], axis=0) / n_folds**2
    of_samples = max(0.0, of_clusters - of_rest)
    variance = of_samples + max(of_seeds, of_rest)
    parts = np.array([of_clusters, of_seeds])
    df = np.array([sum(len(each) - 1 for each in moves), n_folds * (n_seeds - 1)])
    return Estimate(mean, variance, _satterthwaite(parts, df), of_samples)


def _within_fold(moves):
    """Return the variance of a fold's mean from its clusters, and what of it is left."""
    n_clusters, n_seeds = moves.shape
    means = moves.mean(axis=1)
    correction = n_clusters / (n_clusters - 1)
    rest = (moves - means[:, np.newaxis]) ** 2
    return correction * (means**2).sum(), correction * rest.sum() / (n_seeds * (n_seeds - 1))


def _satterthwaite(parts, df):
    """Return the degrees of freedom of a sum of variances."""
    squares = (parts**2 / df).sum()
    return float(parts.sum() ** 2 / squares) if squares > 0 else float(df.sum())


def in_units_of_folds(own, plain):
    """Scale what two attentions lost, so that both together lose as much in each fold.

    The difference of a fold is then the symmetric relative difference [1]_,
    (own - plain) / (own + plain), times the mean of own + plain over all folds. A fold that holds
    hard samples, or a network that failed, loses many times what others lose; so it counts as one
    fold of several, and its variance no longer hides what all of them show. A factor is the same
    for both attentions: where they are alike, the mean difference stays 0.

    Parameters
    ----------
    own, plain : Losses
        Errors, which are 0 at best.

    Returns
    -------
    own, plain : Losses
        Scaled. A fold without loss stays as it is.

    References
    ----------
    .. [1] L. Törnqvist, P. Vartia, Y. O. Vartia, "How should relative changes be measured?",
       The American Statistician 39, 1985.
    """
    totals = (own.values + plain.values).mean(axis=1)
    factors = np.divide(totals.mean(), totals, out=np.ones_like(totals), where=totals > 0)
    return own.times(factors), plain.times(factors)


def removed_share(own, plain, alpha):
    """Return the share of a loss that is removed, and its interval.

    The interval holds the shares that the test does not reject (Fieller's): it is above 0 exactly
    where the difference of the losses is.

    Parameters
    ----------
    own, plain : Losses
        Of an attention, and of what it is compared with, whose mean is above 0.
    alpha : float
        One less the level of the interval.

    Returns
    -------
    share, low, high : float
        `low` is -inf where the loss of `plain` may be 0.
    """
    total = plain.values.mean()
    share = float(1 - own.values.mean() / total)

    def rejected(tried):
        found = estimate(own.minus(plain, 1 - tried))
        return abs(found.mean) - found.half_width(alpha)

    step = estimate(own.minus(plain, 1 - share)).half_width(alpha) / total
    if step == 0:
        return share, share, share
    low = _end(rejected, share, -step, limit=-1e6)
    high = _end(rejected, share, step, limit=1.0)
    return share, low, high


def _end(rejected, start, step, limit):
    """Return where values begin to be rejected, in the direction of `step`."""
    inner = outer = start
    while rejected(outer) <= 0:
        if outer == limit:
            return 1.0 if limit == 1 else -np.inf
        inner, step = outer, 2 * step
        outer = min(outer + step, limit) if step > 0 else max(outer + step, limit)
    return float(brentq(rejected, inner, outer))
