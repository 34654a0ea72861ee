"""Permutation importance for sequences: over steps, over features, over both."""

from functools import partial
from numbers import Integral

import numpy as np
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.parallel import delayed
from sklearn.utils.validation import check_consistent_length

from .._sklearn import POSITIVE_INTEGER, SCORING, StrOptions, validate_params
from .jobs import run_side_by_side
from .last_step import read
from .replacement import blocks_of, permute
from .scores import default_scoring, scorer_of, scoring_of
from .targets import check_finite, checked_weights, targets_of

AXES = ("timestep", "feature")


@validate_params(
    {
        "by": [StrOptions(set(AXES)), "array-like"],
        "block": [POSITIVE_INTEGER],
        "scoring": SCORING,
        "n_repeats": [POSITIVE_INTEGER],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=True,
)
def sequence_importance(
    estimator,
    X,
    y,
    sample_weight=None,
    *,
    by=AXES,
    block=1,
    n_repeats=5,
    scoring=None,
    random_state=None,
    n_jobs=None,
    verbose=0,
):
    """Measure how much a fitted estimator's score needs each step and each feature.

    Values of a block of steps, of a feature, or of a feature in a block of steps, are
    permuted between the samples; never across time inside one. The importance is the
    score that is lost by it [1]_. Scikit-learn's `permutation_importance` does this for
    the columns of 2-D X.

    Values are permuted in the sequences that the last step reads, after all
    preprocessing, among the samples in which a step is present. Sequences of unequal length
    are aligned at their last step. One permutation is one prediction of all samples: with the
    defaults, n_timesteps * n_features * n_repeats of them. Windows of a table are spread out
    for it.

    Parameters
    ----------
    estimator : estimator
        A fitted regressor or classifier, or a fitted `Pipeline`, search (``refit=True``) or
        `TransformedTargetRegressor` around one.
    X : array-like or list of array-like
        As `estimator.predict` takes it; rows that were not in training are the better evidence.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        True targets, or labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples in the score.
    by : {"timestep", "feature"} or both, default=("timestep", "feature")
        What to permute: "timestep" for all features of a block of steps, "feature" for
        all steps of a feature, both for one feature in one block of steps.
    block : int, default=1
        Steps of a block, counted back from the last step; the first block may be
        shorter. Neighbouring steps often tell the same, so that each alone seems
        dispensable; a block shows what they tell together.
    n_repeats : int, default=5
        How often to permute.
    scoring : str, callable or None, default=None
        As in scikit-learn; None for the estimator's own score, which for a search is that
        by which it chose.
    random_state : int, RandomState instance or None, default=None
        Source of the permutations. The result does not depend on `n_jobs`.
    n_jobs : int, default=None
        Number of jobs; threads, unless a joblib backend is set.
    verbose : int, default=0
        Whether to show a progress bar of the predictions.

    Returns
    -------
    result : Bunch
        importances_mean, importances_std : ndarray of shape (n_blocks,), (n_features,) \
or (n_blocks, n_features)
            Mean and standard deviation over the repeats.
        importances : ndarray of the same shape, with a last axis of n_repeats
            Lost score: positive where the model needs the values.
        baseline : float
            The score with nothing permuted.
        blocks : list of (int, int)
            First step of each block, and the step after its last; one block of all
            steps if by="feature".
        lags : pandas.Index
            How long before the last step each step is, as in `attention_weights`.
        feature_names : list of str
            Names of the features.
        by, scoring
            What was permuted, and the scoring in use: that of a search where None is given.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    ValueError
        If a parameter is not as described.

    See Also
    --------
    ImportanceDisplay : The picture.
    attention_faithfulness : Compares it with the attention weights.

    References
    ----------
    .. [1] L. Breiman, "Random forests", Machine Learning 45(1), 2001.

    Examples
    --------
    The value two steps before the last is the one that counts:

    >>> from skattn import LSTMAttentionRegressor, sequence_importance
    >>> from skattn.datasets import make_echo
    >>> X, y = make_echo(300, 5, lag=2, random_state=0)
    >>> model = LSTMAttentionRegressor(units=8, epochs=20, random_state=0)
    >>> model.fit(X[:200], y[:200])
    LSTMAttentionRegressor(epochs=20, random_state=0, units=8)
    >>> result = sequence_importance(model, X[200:], y[200:], by="timestep", random_state=0)
    >>> result.importances_mean.argmax().item()
    2
    """
    wanted = _axes_of(by)
    over_steps, over_features = AXES[0] in wanted, AXES[1] in wanted
    reading = read(estimator, X)
    check_consistent_length(reading.X, y)
    y = targets_of(reading.predictor, y)
    scoring = scoring_of(estimator, scoring)
    scorer = scorer_of(reading.predictor, scoring, getattr(reading.predictor, "classes_", None))
    sequences = reading.sequences()
    n_timesteps, n_features = sequences.shape[1:]
    blocks = blocks_of(n_timesteps, block) if over_steps else [(0, n_timesteps)]
    features = [slice(f, f + 1) for f in range(n_features)] if over_features else [slice(None)]
    cells = [(slice(*steps), feature) for steps in blocks for feature in features]
    weights = checked_weights(sample_weight, len(y))
    score = partial(_score, reading, scorer, y, weights)
    baseline = score(sequences)

    seeds = check_random_state(random_state).randint(2**31 - 1, size=(len(cells), n_repeats))
    calls = (
        delayed(_score_without)(score, sequences, cell, seed)
        for cell, row in zip(cells, seeds, strict=True)
        for seed in row
    )
    scores = run_side_by_side(calls, n_jobs=n_jobs, verbose=verbose, title="sequence_importance")
    shape = [len(blocks)] * over_steps + [n_features] * over_features
    importances = baseline - np.reshape(scores, (*shape, n_repeats))
    check_finite(importances, "in which parts of the sequences are permuted")
    return Bunch(
        importances_mean=importances.mean(axis=-1),
        importances_std=importances.std(axis=-1),
        importances=importances,
        baseline=float(baseline),
        blocks=blocks,
        lags=reading.lags(n_timesteps),
        feature_names=reading.feature_names(n_features),
        by=tuple(axis for axis in AXES if axis in wanted),
        scoring=scoring or default_scoring(reading.predictor),
    )


def _score(reading, scorer, y, weights, sequences):
    given = {} if weights is None else {"sample_weight": weights}
    return scorer(reading.predictor, reading.as_read(sequences), y, **given)


def _score_without(score, sequences, cell, seed):
    return score(permute(sequences, cell, check_random_state(seed)))


def _axes_of(by):
    """Return what to permute over, as a set of `AXES`."""
    wanted = {by} if isinstance(by, str) else set(by)
    if not wanted or not wanted <= set(AXES):
        raise ValueError(f'by must be "timestep", "feature" or both of them. Got by={by!r}.')
    return wanted
