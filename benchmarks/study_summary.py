"""What many data sets say together: pure arithmetic on the effects of single sets.

An effect is the log ratio of two errors, log(error with attention / error without), with its
standard error; below 0 attention helps. As a share of the error that is removed it is
``1 - exp(effect)``.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.stats import (
    friedmanchisquare,
    norm,
    permutation_test,
    rankdata,
    studentized_range,
    wilcoxon,
)
from scipy.stats import t as student

#: Shares of the error within which attention makes no practical difference (Benavoli et al.).
ROPE = 0.01

#: Standard errors below this are taken as this. Where a line carries both predictions both errors
#: are equal, and no interval is left.
LEAST_ERROR = 1e-4
N_DRAWS = 20_000
N_PERMUTATIONS = 9_999
SEED = 0


def log_ratio(removed, low, high, alpha):
    """Return the effect and its standard error from a removed share and its interval.

    An interval of level 1 - alpha is taken to be normal on the log scale, with the wider of its
    two halves. So the standard error is rather too great, which gives the set less weight.

    Returns
    -------
    effect, standard_error : float
        Both NaN where neither half is finite: such a set says nothing.
    """
    with np.errstate(divide="ignore"):
        effect, upper, lower = np.log1p(-np.array([removed, low, high], dtype=float))
    halves = np.array([upper - effect, effect - lower])
    halves = halves[np.isfinite(halves)]
    if not len(halves) or not np.isfinite(effect):
        return np.nan, np.nan
    return float(effect), float(halves.max() / norm.isf(alpha / 2))


def random_effects(effects, errors, confidence=0.95):
    """Summarize effects by a random-effects model.

    Each set has a true effect of its own, drawn from a normal distribution; its estimate is
    normal about it with a known standard error. The variance between sets is Paule and Mandel's
    [1]_, and the interval of the mean Hartung and Knapp's in its modified form, which holds its
    level where sets are few [2]_. With this variance between sets, that is Student's t on the
    inverse sum of the weights. The sets are taken as independent, and as a sample of the sets in
    question.

    Parameters
    ----------
    effects, errors : array-like of shape (n_sets,)
        At least two sets. Errors are at least `LEAST_ERROR`.
    confidence : float, default=0.95
        Of the intervals.

    Returns
    -------
    summary : dict
        mean, low, high; p_value of a mean of 0; between, the standard deviation of the true
        effects; new_low, new_high, where the true effect of another set lies [3]_; n_sets.

    References
    ----------
    .. [1] R. C. Paule, J. Mandel, "Consensus values and weighting factors", Journal of Research
       of the National Bureau of Standards 87, 1982.
    .. [2] C. Röver, G. Knapp, T. Friede, "Hartung-Knapp-Sidik-Jonkman approach and its
       modification for random-effects meta-analysis with few studies", BMC Medical Research
       Methodology 15, 2015.
    .. [3] J. P. T. Higgins, S. G. Thompson, D. J. Spiegelhalter, "A re-evaluation of
       random-effects meta-analysis", Journal of the Royal Statistical Society A 172, 2009.
    """
    effects = np.asarray(effects, dtype=float)
    variances = np.maximum(np.asarray(errors, dtype=float), LEAST_ERROR) ** 2
    n_sets = len(effects)
    if n_sets < 2:
        raise ValueError(f"A summary needs the effects of at least 2 sets. Got {n_sets}.")

    def excess(between):
        weights = 1 / (variances + between)
        mean = np.average(effects, weights=weights)
        return float((weights * (effects - mean) ** 2).sum()) - (n_sets - 1)

    greatest = n_sets * float(np.var(effects)) + 1e-12
    between = brentq(excess, 0, greatest, xtol=1e-14) if excess(0) > 0 else 0.0
    weights = 1 / (variances + between)
    mean = float(np.average(effects, weights=weights))
    variance = 1 / float(weights.sum())
    half = float(np.sqrt(variance) * student.isf((1 - confidence) / 2, n_sets - 1))
    tail = student.isf((1 - confidence) / 2, max(1, n_sets - 2))
    spread = float(np.sqrt(between + variance) * tail)
    return {
        "mean": mean,
        "low": mean - half,
        "high": mean + half,
        "p_value": float(2 * student.sf(abs(mean) / np.sqrt(variance), n_sets - 1)),
        "between": float(np.sqrt(between)),
        "new_low": mean - spread,
        "new_high": mean + spread,
        "n_sets": n_sets,
    }


def signs(shares):
    """Count and test the signs of removed shares, which needs no standard errors.

    Wilcoxon's signed-rank test over data sets, as Demšar advises [1]_, takes the shares as
    independent and symmetric about their median. The Bayesian one [2]_ draws weights of the sets
    from a Dirichlet distribution, with one set at 0 of strength one half as the prior, and counts
    how often the weighted majority of all pairs of sets lies below, within and above `ROPE`.

    Returns
    -------
    summary : dict
        positive, n_sets; p_value; and the probabilities hurts, same, helps.

    References
    ----------
    .. [1] J. Demšar, "Statistical comparisons of classifiers over multiple data sets", Journal of
       Machine Learning Research 7, 2006.
    .. [2] A. Benavoli, G. Corani, J. Demšar, M. Zaffalon, "Time for a change: a tutorial for
       comparing multiple classifiers through Bayesian analysis", Journal of Machine Learning
       Research 18, 2017.
    """
    shares = np.asarray(shares, dtype=float)
    values = np.array([0.0, *shares])
    sums = (values[:, np.newaxis] + values) / 2
    rng = np.random.default_rng(SEED)
    weights = rng.dirichlet([0.5, *np.ones(len(shares))], size=N_DRAWS)
    regions = [sums < -ROPE, abs(sums) <= ROPE, sums > ROPE]
    masses = np.stack([((weights @ region) * weights).sum(axis=1) for region in regions], axis=1)
    most = np.bincount(masses.argmax(axis=1), minlength=3) / N_DRAWS
    return {
        "positive": int((shares > 0).sum()),
        "n_sets": len(shares),
        "p_value": float(wilcoxon(shares).pvalue) if shares.any() else 1.0,
        **dict(zip(("hurts", "same", "helps"), most.tolist(), strict=True)),
    }


def mean_ranks(errors, confidence=0.95):
    """Rank attentions on each set by their errors, and say which mean ranks differ.

    Friedman's test, then Nemenyi's critical difference (Demšar 2006).

    Parameters
    ----------
    errors : DataFrame of shape (n_sets, n_attentions)
        At least 3 attentions.

    Returns
    -------
    ranks : Series
        Mean rank of each attention; 1 is the best.
    p_value : float
        Of Friedman's test.
    critical : float
        The least difference of two mean ranks that is a finding.
    """
    n_sets, n_attentions = errors.shape
    ranks = errors.rank(axis=1).mean()
    q = studentized_range.ppf(confidence, n_attentions, np.inf) / np.sqrt(2)
    critical = q * np.sqrt(n_attentions * (n_attentions + 1) / (6 * n_sets))
    return ranks, float(friedmanchisquare(*errors.to_numpy().T).pvalue), float(critical)


def rank_correlation(x, y):
    """Return Spearman's rank correlation and its p-value over permutations of the pairs.

    NaN, and a p-value of 1, where one of both has equal values alone.
    """
    x, y = rankdata(x), rankdata(y)
    if len(x) < 3 or not np.ptp(x) or not np.ptp(y):
        return np.nan, 1.0
    found = permutation_test(
        (x,),
        lambda permuted: np.corrcoef(permuted, y)[0, 1],
        permutation_type="pairings",
        n_resamples=N_PERMUTATIONS,
        vectorized=False,
        rng=np.random.default_rng(SEED),
    )
    return float(found.statistic), float(found.pvalue)


def holm(p_values):
    """Correct p-values for their number (S. Holm, Scandinavian Journal of Statistics 6, 1979)."""
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)
    corrected = np.empty_like(p_values)
    corrected[order] = np.minimum(1, np.maximum.accumulate(factors * p_values[order]))
    return corrected
