"""Whether a model depends on what it attends to."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from scipy.integrate import trapezoid
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.validation import check_consistent_length

from .._sklearn import POSITIVE_INTEGER, SCORING, Interval, validate_params
from .bootstrap import Draws
from .jobs import run_side_by_side
from .last_step import read
from .replacement import Steps, effects_of_blocks, predict_deletions, respond
from .scores import default_scoring, interval, number, score_name, scorer_of, scoring_of
from .targets import check_finite, checked_weights, targets_of


@validate_params(
    {
        "block": [POSITIVE_INTEGER],
        "n_fractions": [POSITIVE_INTEGER],
        "scoring": SCORING,
        "n_repeats": [POSITIVE_INTEGER],
        "n_bootstraps": [POSITIVE_INTEGER],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=True,
)
def attention_faithfulness(
    estimator,
    X,
    y,
    sample_weight=None,
    *,
    block=1,
    n_fractions=10,
    n_repeats=5,
    scoring=None,
    n_bootstraps=500,
    confidence=0.95,
    random_state=None,
    n_jobs=None,
    verbose=0,
):
    """Test whether a model depends on the steps that it attends to.

    Attention weights are part of a computation, not an explanation of it: the state of
    one step carries earlier steps, and the head may read other ways [1]_ [2]_.
    Two tests, both by replacing steps of a sequence by those of another sample:

    1. *Agreement*: how far a sample's prediction moves when one step alone is replaced.
       Is the most attended step the one that moves it most, and do both rank the steps
       alike (Kendall's τ)?
    2. *Deletion curve* [3]_: the score that is lost as a growing share of each sample's
       steps is replaced, the most attended first, beside steps in random order and the
       least attended first. The area between the first two is the answer.

    Take a hundred samples or more: with few, the intervals are too narrow. They take samples
    as independent; behind `TimeWindows`, whose windows overlap, whole stretches of windows
    are drawn. Sequences of unequal length are aligned at their last step.

    Parameters
    ----------
    estimator : estimator
        A fitted `LSTMAttentionRegressor` or `LSTMAttentionClassifier`, or a fitted `Pipeline`,
        search (``refit=True``) or `TransformedTargetRegressor` around one.
    X : array-like or list of array-like
        As `estimator.predict` takes it; at least two samples. Rows that were not in
        training are the better evidence.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        True targets, or labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples in the score.
    block : int, default=1
        Steps that are replaced together, counted back from the last; blocks are ordered
        by their mean weight for each present step.
    n_fractions : int, default=10
        Points of the deletion curve after the first; at most one a block.
    n_repeats : int, default=5
        How often to draw other samples to replace from.
    scoring : str, callable or None, default=None
        As in scikit-learn; None for R² (of a classifier the accuracy, which small changes of
        probabilities do not move: "neg_log_loss" sees more), or the scoring of a search. A callable
        gets the predictions, or the probabilities, in the place of X.
    n_bootstraps : int, default=500
        Draws of the samples for the intervals.
    confidence : float, default=0.95
        Of the intervals, in (0, 1).
    random_state : int, RandomState instance or None, default=None
        Source of the draws. The result does not depend on `n_jobs`.
    n_jobs : int, default=None
        Number of jobs; threads, unless a joblib backend is set.
    verbose : int, default=0
        Whether to show a progress bar of the predictions.

    Returns
    -------
    result : Bunch
        rank_agreement, rank_agreement_interval : float, (float, float)
            Kendall's τ, mean over the samples, in [-1, 1]; 0 for a sample whose weights,
            or effects, are all equal. Steps that hardly matter are ranked as well, so that
            it stays small where one step of many counts.
        top_agreement, chance : float
            Share of samples whose most attended step is the one that moves the prediction
            most, and what it would be by chance.
        fractions : ndarray of shape (n_points,)
            Replaced share of the steps, from 0 to 1.
        curves : dict of str to ndarray of shape (n_points,)
            Lost score by order: "most", "random" and "least".
        areas : dict of str to float
            Area under each curve: the mean lost score.
        advantage, advantage_interval : float, (float, float)
            Area of "most" less area of "random".
        faithful : bool
            Whether the interval of the advantage is above 0.
        summary : str
            What was found, in a sentence.
        baseline : float
            The score with nothing replaced.
        index : pandas.Index
            Labels of the samples.
        weights : ndarray of shape (n_samples, n_timesteps)
            The attention weights, aligned at the last step.
        effects : ndarray of shape (n_samples, n_blocks)
            How far each prediction moves when a block is replaced: mean absolute change
            over repeats and outputs, in units of y; of a classifier, of probabilities.
        lags : pandas.Index
            How long before the last step each step is.
        scoring, confidence
            The scoring in use, and `confidence`.

    Raises
    ------
    AttributeError
        If the last step has no attention weights.
    ValueError
        If a parameter is not as described, there are fewer than two samples or blocks, or
        the score of a draw is not finite.

    See Also
    --------
    FaithfulnessDisplay : The picture.

    References
    ----------
    .. [1] S. Jain, B. C. Wallace, "Attention is not explanation", NAACL 2019.
    .. [2] S. Serrano, N. A. Smith, "Is attention interpretable?", ACL 2019.
    .. [3] W. Samek, A. Binder, G. Montavon, S. Lapuschkin, K.-R. Müller, "Evaluating the
       visualization of what a deep neural network has learned", IEEE Transactions on
       Neural Networks and Learning Systems 28(11), 2017.

    Examples
    --------
    >>> from skattn import LSTMAttentionRegressor, attention_faithfulness
    >>> from skattn.datasets import make_selective_recall
    >>> X, y = make_selective_recall(700, 8, random_state=0)
    >>> model = LSTMAttentionRegressor(units=8, epochs=30, random_state=0)
    >>> result = attention_faithfulness(model.fit(X[:600], y[:600]), X[600:], y[600:])
    >>> result.faithful
    True
    """
    reading = read(estimator, X)
    check_consistent_length(reading.X, y)
    given = _given_by(reading.predictor)
    scoring = scoring_of(estimator, scoring) or default_scoring(given)
    scorer = scorer_of(given, scoring, getattr(given, "classes_", None))
    y, weights = targets_of(given, y), checked_weights(sample_weight, len(y))
    steps = Steps.of(reading, block)
    rng = check_random_state(random_state)
    donors = [steps.draw_donors(rng) for _ in range(n_repeats)]
    jobs = partial(run_side_by_side, n_jobs=n_jobs, verbose=verbose)
    original = respond(reading.predictor, reading.X)
    effects = effects_of_blocks(steps, original, donors, jobs)
    fractions = _fractions(steps.masses.shape[1], n_fractions)
    predictions = predict_deletions(steps, fractions, donors, rng, jobs)
    score = partial(_score_curves, partial(scorer, given), original, y, weights)
    draws = _draws(len(effects), n_bootstraps, reading.length_of_dependence, rng)
    drawn = Draws(draws, weights, is_classifier(given))
    judge = partial(drawn.losses, scoring, _columns_of(y, given))
    result = Bunch(
        **_agreements(steps, effects, draws, confidence),
        **_deletion_curves(score, judge, predictions, fractions, draws, confidence),
        baseline=float(scorer(given, original, y, **_weighted(weights, slice(None)))),
        index=reading.index,
        weights=steps.weights,
        effects=effects,
        lags=reading.lags(steps.weights.shape[1]),
        scoring=scoring,
        confidence=confidence,
    )
    result.summary = _summary(result)
    return result


def _fractions(n_blocks, n_fractions):
    """Return shares of the blocks to replace, each a whole number of blocks."""
    return np.unique(np.linspace(0, n_blocks, n_fractions + 1).round()) / n_blocks


def _agreements(steps, effects, draws, confidence):
    """Compare the weights of blocks with what each block alone does to the predictions."""
    agreements = steps.rank_agreements(effects)
    return {
        "rank_agreement": float(agreements.mean()),
        "rank_agreement_interval": _interval(agreements[draws].mean(axis=1), confidence),
        "top_agreement": float(steps.top_agreements(effects).mean()),
        "chance": float((1 / steps.n_present).mean()),
    }


def _deletion_curves(score, judge, predictions, fractions, draws, confidence):
    """Score the deletions, and judge the most attended first against a random order."""
    curves = score(predictions, slice(None))
    judged = {order: predictions[order] for order in ("most", "random")}
    losses = {order: judge(points) for order, points in judged.items()}
    if losses["most"] is None:  # no score that is made of losses of samples
        advantages = [_advantage(score(judged, rows), fractions) for rows in draws]
    else:
        gaps = losses["most"] - losses["random"]
        advantages = trapezoid(np.vstack([0 * gaps[:1], gaps]), fractions, axis=0)
    check_finite(advantages, "drawn with replacement")
    interval_of_advantage = _interval(advantages, confidence)
    return {
        "fractions": fractions,
        "curves": curves,
        "areas": {order: _area(curve, fractions) for order, curve in curves.items()},
        "advantage": _advantage(curves, fractions),
        "advantage_interval": interval_of_advantage,
        "faithful": interval_of_advantage[0] > 0,
    }


def _interval(values, confidence):
    tails = [50 * (1 - confidence), 50 * (1 + confidence)]
    return tuple(np.percentile(values, tails).tolist())


class _Given(BaseEstimator):
    """Predicts the predictions that it is given, so that a scorer can score them."""

    def predict(self, X):
        return X

    def __sklearn_is_fitted__(self):
        return True


class _GivenNumbers(RegressorMixin, _Given):
    pass


class _GivenProbabilities(ClassifierMixin, _Given):
    def predict_proba(self, X):
        return X

    def predict(self, X):
        return self.classes_[np.argmax(X, axis=1)]


def _given_by(predictor):
    """Return what answers in the place of a predictor, with the responses that it is given."""
    if not is_classifier(predictor):
        return _GivenNumbers()
    given = _GivenProbabilities()
    given.classes_ = predictor.classes_
    return given


def _columns_of(y, given):
    """Return y as (n_samples, n_columns); of labels 1 in the column of the class."""
    if is_classifier(given):
        return (y[:, np.newaxis] == given.classes_).astype(float)
    return y.reshape(len(y), -1).astype(float)


def _draws(n_samples, n_bootstraps, length, rng):
    """Draw samples with replacement, in stretches of samples that depend on each other."""
    length = max(1, min(length, n_samples // 2))
    begins = rng.randint(n_samples - length + 1, size=(n_bootstraps, -(-n_samples // length)))
    rows = begins[:, :, np.newaxis] + np.arange(length)
    return rows.reshape(n_bootstraps, -1)[:, :n_samples]


def _weighted(weights, rows, n_repeats=1):
    return {} if weights is None else {"sample_weight": np.tile(weights[rows], n_repeats)}


def _score_curves(scorer, original, y, weights, predictions, rows):
    """Return the lost score of each order at each point, over some rows."""
    baseline = scorer(original[rows], y[rows], **_weighted(weights, rows))

    def lost(repeats):
        given, n_repeats = np.concatenate(list(repeats[:, rows])), len(repeats)
        truth = np.concatenate([y[rows]] * n_repeats)
        return baseline - scorer(given, truth, **_weighted(weights, rows, n_repeats))

    return {
        order: np.array([0.0, *(lost(repeats) for repeats in points)])
        for order, points in predictions.items()
    }


def _area(curve, fractions):
    return float(trapezoid(curve, fractions))


def _advantage(curves, fractions):
    return _area(curves["most"] - curves["random"], fractions)


def _summary(result):
    gap, (low, high) = result.advantage, result.advantage_interval
    if low > 0:
        found, cost = "The model depends on what it attends to.", f"{number(gap)} more"
        given = interval((low, high), result.confidence)
    elif high < 0:
        found, cost = "Attention misleads.", f"{number(-gap)} less"
        given = interval((-high, -low), result.confidence)
    else:
        found, cost = "Attention does not show what the model depends on.", "no more"
        given = f"difference {number(gap)}, {interval((low, high), result.confidence)}"
    name = score_name(result.scoring)
    return (
        f"{found} Replacing the most attended steps first costs {cost} {name} than replacing "
        f"random ones ({given}). The most attended step is the one that moves the prediction most "
        f"in {result.top_agreement:.0%} of the samples (by chance {result.chance:.0%})."
    )
