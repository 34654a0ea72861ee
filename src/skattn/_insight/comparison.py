"""Attentions compared on the same folds with the same seeds."""

from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv, cross_validate
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.parallel import Parallel, delayed

from .._programs.spec import ATTENTIONS
from .._sklearn import POSITIVE_INTEGER, SCORING, Interval, validate_params
from .scores import scoring_of
from .verdict import summarize, tabulate


@validate_params(
    {
        "attentions": ["array-like"],
        "scoring": SCORING,
        "n_repeats": [POSITIVE_INTEGER],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=True,
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
    n_repeats=1,
    confidence=0.95,
    params=None,
    random_state=None,
    n_jobs=None,
    verbose=0,
):
    """Compare attentions by cross-validation, and say whether one helps on these data.

    Every attention is fitted on the same folds with the same seeds, which are set wherever
    the estimator takes a `random_state` (a splitter inside a search needs its own). Each
    fold has other seeds, so that luck with a seed counts as chance. Scores are averaged over
    the seeds of a fold; the differences to the plain LSTM (None) are tested with Student's t
    over the folds, whose variance is corrected for training sets that overlap [1]_:
    1 / n_folds becomes 1 / n_folds + n_test / n_train. The intervals and p-values hold for
    all comparisons of the table at once (Bonferroni).

    "mean" is the control. It pools all steps equally, so what another attention gains
    over it is what *looking* gains; but the hierarchical network differs in more than that.

    Parameters
    ----------
    estimator : estimator
        An `LSTMAttentionRegressor`, or a `Pipeline`, search or
        `TransformedTargetRegressor` around one. It is cloned, not fitted. With too few
        `epochs` the comparison is about which network learns faster.
    X : array-like or list of array-like
        As `estimator.fit` takes it.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.
    attentions : list, default=(None, "mean", "dot", "general", "additive", "hierarchical")
        What to compare, as the regressor's `attention`; None, the plain LSTM, has to be
        among them.
    groups : array-like of shape (n_samples,), default=None
        Groups for `cv`, such as `GroupKFold`. For folds inside of a search pass them as
        ``params={"groups": groups}`` too.
    cv : int, splitter or iterable, default=None
        As in scikit-learn; None for 5 folds. Windows of one table need
        `TimeSeriesSplit`, whose training folds grow, so that the test holds only roughly.
        More folds find smaller differences.
    scoring : str, callable or None, default=None
        As in scikit-learn; None for the estimator's own score: R², or that of a search.
    n_repeats : int, default=1
        Seeds for each fold. Networks differ by their seeds; with more of them smaller
        differences are found.
    confidence : float, default=0.95
        Of the intervals, in (0, 1).
    params : dict, default=None
        Parameters for `fit`, such as sample_weight; as in `cross_validate`.
    random_state : int, RandomState instance or None, default=None
        Source of the seeds.
    n_jobs : int, default=None
        Fits at once; threads, which share compiled programs, unless a joblib backend is
        set.
    verbose : int, default=0
        Whether to report finished fits; more often the higher.

    Returns
    -------
    result : Bunch
        table : DataFrame
            A row for each attention: mean_score and std_score over the folds,
            mean_fit_time in seconds; and against None difference, interval_low,
            interval_high, p_value and verdict ("helped", "hurt", "no difference shown").
        scores : DataFrame
            attention, fold, seed, score and fit_time of every fit.
        summary : str
            The verdict in plain words: whether attention helped, by how much, and
            whether pooling alone does as well.
        scoring, confidence
            The scoring in use, that of a search where None is given; and `confidence`.

    Raises
    ------
    ValueError
        If a parameter is not as described, the estimator holds no regressor with an
        attention or several, or there are fewer than two folds.

    See Also
    --------
    ComparisonDisplay : The picture.
    attention_faithfulness : Whether a fitted model depends on what it attends to.

    References
    ----------
    .. [1] C. Nadeau, Y. Bengio, "Inference for the generalization error", Machine
       Learning 52, 2003.

    Examples
    --------
    On a control task, where the last state has all that can be known:

    >>> from skattn import LSTMAttentionRegressor, compare_attentions
    >>> from skattn.datasets import make_fading_memory
    >>> X, y = make_fading_memory(200, 8, random_state=0)
    >>> model = LSTMAttentionRegressor(units=4, epochs=30, learning_rate=0.02)
    >>> kinds = [None, "mean", "additive"]
    >>> result = compare_attentions(model, X, y, attentions=kinds, random_state=0)
    >>> result.table.index.tolist()
    ['None', 'mean', 'additive']
    >>> result.table.loc["additive", "verdict"]
    'no difference shown'
    """
    named = _named(attentions)
    path = _path_of_attention(estimator)
    scorer = check_scoring(estimator, scoring)
    folds = list(check_cv(cv, y).split(X, y, groups))
    if len(folds) < 2:
        raise ValueError(f"compare_attentions needs at least 2 folds. Got {len(folds)}: cv={cv!r}.")
    seeds = check_random_state(random_state).randint(2**31 - 1, size=(len(folds), n_repeats))
    tasks = [
        {"attention": name, "fold": fold, "seed": seed}
        for name in named
        for fold, row in enumerate(seeds.tolist())
        for seed in row
    ]
    done = Parallel(n_jobs=n_jobs, prefer="threads", verbose=verbose)(
        delayed(_fit_and_score)(
            _trial(estimator, path, named[task["attention"]], task["seed"]),
            X,
            y,
            folds[task["fold"]],
            scorer,
            params,
        )
        for task in tasks
    )
    scores = pd.concat([pd.DataFrame(tasks), pd.DataFrame(done)], axis=1)
    by_fold = scores.pivot_table("score", "attention", "fold").loc[list(named)]
    ratio = np.mean([len(test) / len(train) for train, test in folds])
    table = tabulate(by_fold, scores, ratio, confidence)
    scoring = scoring_of(estimator, scoring)
    return Bunch(
        table=table,
        scores=scores,
        summary=summarize(table, by_fold, ratio, scoring, confidence),
        scoring=scoring,
        confidence=confidence,
    )


def _trial(estimator, path, attention, seed):
    """Return a clone with an attention, and the seed wherever one is taken."""
    seeds = [n for n in estimator.get_params(deep=True) if n.split("__")[-1] == "random_state"]
    return clone(estimator).set_params(**{path: attention, **dict.fromkeys(seeds, seed)})


def _fit_and_score(trial, X, y, fold, scorer, params):
    """Fit on one fold; return the score on its test rows and the seconds of the fit."""
    done = cross_validate(
        trial, X, y, scoring=scorer, cv=[fold], params=params, error_score="raise"
    )
    score = done["test_score"][0]
    if not np.isfinite(score):
        raise ValueError(
            f"A score is {score} on a fold whose number of test rows is {len(fold[1])}. R² needs "
            "at least two test rows in each fold: use fewer folds, or another scoring."
        )
    return {"score": score, "fit_time": done["fit_time"][0]}


def _named(attentions):
    """Return the attentions by name; a callable's is its own."""
    unknown = [kind for kind in attentions if not callable(kind) and kind not in [*ATTENTIONS]]
    if unknown:
        raise ValueError(
            f"attentions holds {unknown[0]!r}, which is unknown. Use functions, or names among "
            f"{list(ATTENTIONS)}."
        )
    named = {getattr(kind, "__name__", str(kind)): kind for kind in attentions}
    if len(named) != len(attentions) or len(named) < 2 or None not in attentions:
        raise ValueError(
            "attentions must hold None, which the others are compared with, and at least one "
            f"more, each with a name of its own. Got attentions={attentions!r}."
        )
    return named


def _path_of_attention(estimator):
    """Return the name under which an estimator's one attention is set."""
    params = estimator.get_params(deep=True)
    paths = [
        name
        for name in params
        if name.split("__")[-1] == "attention"
        and name.removesuffix("attention") + "random_state" in params
    ]
    if len(paths) != 1:
        raise ValueError(
            "compare_attentions needs an estimator with exactly one LSTMAttentionRegressor in it. "
            f"This {type(estimator).__name__} has {len(paths)}: {paths}."
        )
    _check_grids(params, paths[0])
    return paths[0]


def _check_grids(params, path):
    """Refuse a search that sets what is compared, or its seed, or replaces the regressor."""
    grids = [
        params[name]
        for name in params
        if name.split("__")[-1] in ("param_grid", "param_distributions")
    ]
    searched = {name for grid in grids for part in np.atleast_1d(grid) for name in part}
    seed = path.removesuffix("attention") + "random_state"
    for name in sorted(searched):
        if any(f"__{name}__" in f"__{own}__" for own in (path, seed)):
            raise ValueError(
                f"The grid of the search sets {name!r}, and with it the attention or the seed "
                "that compare_attentions sets. Leave it out of the grid."
            )
