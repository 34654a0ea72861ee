"""Attentions compared on the same folds with the same seeds."""

from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch, check_random_state

from .._inputs.labels import as_labels
from .._programs.spec import ATTENTIONS
from .._sklearn import SCORING, Interval, validate_params
from .clusters import clusters_of, numbers_of_groups
from .looks import plan_looks
from .paired_test import estimate
from .scores import best_score, default_scoring, scorer_of, scoring_of
from .trials import Fits, path_of_attention
from .verdict import compare, summarize, tabulate


@validate_params(
    {
        "attentions": ["array-like"],
        "scoring": SCORING,
        "n_seeds": [Interval(Integral, 2, None, closed="left")],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=False,  # the estimator checks its own
)
def compare_attentions(
    estimator,
    X,
    y,
    *,
    attentions=tuple(ATTENTIONS),
    groups=None,
    cv=None,
    scoring=None,
    n_seeds=8,
    confidence=0.95,
    params=None,
    random_state=None,
    n_jobs=None,
    verbose=0,
):
    """Compare attentions by cross-validation, and say whether one helps on these data.

    The *primary* comparison is the estimator's own attention against none (the plain LSTM); that
    is "additive" where the estimator's is None or "mean". Where it is shown to help, it is
    compared with "mean", which pools all steps equally: the *control*, which shows whether
    *looking* helps. Each of these two is tested at `confidence` by itself. The *others* against
    none are corrected for their number (Bonferroni).

    Every attention is fitted on the same folds with the same seeds. Compared is what each test
    sample lost, predicted by the fold that did not train on it [1]_. Samples and seeds are both
    taken as chance: an interval says what other samples, and networks drawn anew on these
    folds, would give. Losses of neighbouring samples may depend on each other, as those of
    overlapping windows do: 20 stretches of neighbouring samples are taken as independent
    of each other, or the `groups`. Each fold counts in units of the errors in it, so that one of
    hard samples, or with a network that failed, does not hide what all show.

    It begins with a quarter of the seeds (two at least). Where the answer is plain, or
    more seeds would hardly change it, it ends there. Else it goes on with half of them and with
    all, the attentions in question alone. The early looks at the primary comparison spend a tenth
    of the significance level each [2]_, those at the control as much as the last one, so that the
    probability of a false finding stays what `confidence` says.

    Parameters
    ----------
    estimator : estimator
        An `LSTMAttentionRegressor` or `LSTMAttentionClassifier`, or a `Pipeline`, search or
        `TransformedTargetRegressor` around one. It is cloned, not fitted. Where
        ``n_members="auto"`` each fit is one network: seeds show how far networks differ.
        With too few `epochs` the comparison is about which network learns faster.
    X : array-like or list of array-like
        As `estimator.fit` takes it.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets, or labels.
    attentions : list, default=(None, "mean", "dot", "general", "additive", "hierarchical")
        What to compare, as the estimator's `attention`. None, the plain LSTM, and the
        attention of the primary comparison have to be among them.
    groups : array-like of shape (n_samples,), default=None
        Groups for `cv`, such as `GroupKFold`. Samples of different groups are taken as
        independent, those of a group are not. For folds inside of a search pass them as
        ``params={"groups": groups}`` too.
    cv : int, splitter or iterable, default=None
        As in scikit-learn; None for 5 folds, of a classifier stratified. Windows of one table
        need `TimeSeriesSplit`.
    scoring : str, callable or None, default=None
        As in scikit-learn; None for R² (accuracy for a classifier), or the scoring of a search.
        Scores of medians or extremes are not smooth enough for the intervals. A callable gets
        the numbers of the samples in the place of X.
    n_seeds : int, default=8
        Greatest number of seeds for each fold, at least 2. That is the budget: at most
        ``n_folds * n_seeds`` fits of an attention.
    confidence : float, default=0.95
        Of the intervals and tests, in (0, 1).
    params : dict, default=None
        Parameters for `fit`, such as sample_weight; as in `cross_validate`.
    random_state : int, RandomState instance or None, default=None
        Source of the seeds. The same int gives the same result, whatever `n_jobs` is.
    n_jobs : int, default=None
        Fits at once, -1 for one on each core; threads, which share compiled programs,
        unless a joblib backend is set.
    verbose : int, default=0
        Whether to show a progress bar for each look.

    Returns
    -------
    result : Bunch
        table : DataFrame
            A row for each attention: mean_score over its fits; removed, the share of the plain
            LSTM's error that it removes, with its interval low and high; question,
            "primary" or "others"; and verdict, "helped", "hurt" or "not shown". The error
            is 1 - score, or -score where that is an error (``"neg_..."``); for a callable it is
            not known, and these are NaN.
        comparisons : DataFrame
            A row for each comparison, that with "mean" ("control") too: attention, against,
            question, n_seeds; difference of the scores, difference_low and difference_high, over
            folds in their own units, as for the share; removed, removed_low, removed_high;
            p_value; alpha, the greatest p-value that is a finding, and one less the level of the
            intervals; detectable and detectable_removed, the difference and the share that are
            found with a probability of 80%; and verdict.
        scores : DataFrame
            attention, fold, seed, score and fit_time in seconds of every fit.
        summary : str
            The verdict in plain words: whether attention helped, by how much, whether
            pooling alone does as well, and what was spent.
        scoring, confidence
            The scoring in use, "r2" or that of a search where None is given; and `confidence`.

    Raises
    ------
    ValueError
        If a parameter is not as described, the estimator holds no estimator with an
        attention or several, or there are fewer than two folds.

    See Also
    --------
    ComparisonDisplay : The picture.
    attention_faithfulness : Whether a fitted model depends on what it attends to.

    References
    ----------
    .. [1] P. Bayle, A. Bayle, L. Janson, L. Mackey, "Cross-validation confidence intervals
       for test error", NeurIPS 2020.
    .. [2] R. Peto et al., "Design and analysis of randomized clinical trials requiring
       prolonged observation of each patient", British Journal of Cancer 34, 1976.

    Examples
    --------
    On a control task, where the last state has all that can be known:

    >>> from skattn import LSTMAttentionRegressor, compare_attentions
    >>> from skattn.datasets import make_fading_memory
    >>> X, y = make_fading_memory(200, 8, random_state=0)
    >>> model = LSTMAttentionRegressor(units=4, epochs=30, learning_rate=0.02, n_members=1)
    >>> result = compare_attentions(
    ...     model, X, y, attentions=[None, "additive"], cv=3, n_seeds=2, random_state=0
    ... )
    >>> result.table.index.tolist()
    ['none', 'additive']
    >>> result.table.loc["additive", "verdict"]
    'not shown'
    """
    path = path_of_attention(estimator)
    own = _own_attention(estimator.get_params(deep=True)[path])
    named = _named(attentions, own)
    scoring = scoring_of(estimator, scoring) or default_scoring(estimator)
    labels = as_labels(y) if is_classifier(estimator) else None
    y = y if labels is None else labels
    numbers = None if groups is None else numbers_of_groups(groups)
    folds = [
        tuple(np.arange(len(y))[rows] for rows in fold)
        for fold in check_cv(cv, y, classifier=labels is not None).split(X, y, groups)
    ]
    if len(folds) < 2:
        raise ValueError(f"compare_attentions needs at least 2 folds. Got {len(folds)}: cv={cv!r}.")
    fits = Fits(
        estimator=estimator,
        X=X,
        y=y,
        path=path,
        named=named,
        folds=folds,
        clusters=clusters_of(folds, numbers, labels),
        seeds=check_random_state(random_state).randint(2**31 - 1, size=(len(folds), n_seeds)),
        scorer=scorer_of(estimator, scoring, None if labels is None else np.unique(labels)),
        best=best_score(scoring),
        params=params,
        n_jobs=n_jobs,
        verbose=verbose,
    )
    comparisons = _compare_in_stages(fits, name_of(own), n_seeds, 1 - confidence)
    scores = pd.DataFrame(fits.scores)
    table = tabulate(scores, comparisons, list(named))
    return Bunch(
        table=table,
        comparisons=comparisons,
        scores=scores,
        summary=summarize(table, comparisons, scores, scoring, confidence),
        scoring=scoring,
        confidence=confidence,
    )


def name_of(attention):
    """Return the name of an attention in tables; a callable's is its own."""
    return "none" if attention is None else getattr(attention, "__name__", str(attention))


def _own_attention(attention):
    """Return the attention of the primary comparison."""
    return "additive" if attention in (None, "mean") else attention


def _named(attentions, own):
    """Return the attentions by name, checked."""
    known = list(ATTENTIONS)
    unknown = [kind for kind in attentions if not callable(kind) and kind not in known]
    if unknown:
        raise ValueError(
            f"attentions holds {unknown[0]!r}, which is unknown. Use functions, or names among "
            f"{known}."
        )
    named = {name_of(kind): kind for kind in attentions}
    if len(named) != len(attentions) or not {None, own} <= set(attentions):
        raise ValueError(
            f"attentions must hold None and {own!r}, which the primary comparison is about, each "
            "with a name of its own. Add what is missing, or set the estimator's attention to "
            f"the one in question. Got attentions={attentions!r}."
        )
    return named


def _compare_in_stages(fits, own, n_seeds, alpha):
    """Fit and compare: the primary question, the control, then the others.

    Returns
    -------
    comparisons : DataFrame
        As `compare_attentions` describes it.
    """
    looks = plan_looks(n_seeds, alpha)
    fits.extend(list(fits.named), looks[0].n_seeds)
    primary = _ask(fits, (own, "none"), looks)
    found = [compare(fits, own, "none", "primary", primary, looks[-1].alpha)]
    if found[0]["verdict"] == "helped" and "mean" in fits.named:
        # The control is first asked at the look that found the primary difference.
        later = plan_looks(n_seeds, alpha, equally=True)
        later = [look for look in later if look.n_seeds >= primary.n_seeds]
        control = _ask(fits, (own, "mean"), later)
        found.append(compare(fits, own, "mean", "control", control, later[-1].alpha))
    others = [name for name in fits.named if name not in (own, "none")]
    corrected = alpha / max(1, len(others))
    found += [compare(fits, name, "none", "others", looks[0], corrected) for name in others]
    return pd.DataFrame(found)


def _ask(fits, pair, looks):
    """Add seeds to two attentions until a look decides between them; return that look."""
    for look in looks:
        fits.extend(pair, look.n_seeds)
        own, against = fits.pair(*pair, look.n_seeds)
        if look.decides(estimate(own.minus(against)), looks[-1].alpha):
            break
    return look
