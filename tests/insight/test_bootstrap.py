"""Losses of many draws at once are what scikit-learn's scorers give draw by draw."""

import numpy as np
import pytest
from sklearn import metrics

from skattn._insight.bootstrap import LOSSES, LOSSES_OF_CLASSES, Draws

REFERENCES = {
    "r2": lambda y, p, w: 1 - metrics.r2_score(y, p, sample_weight=w),
    "neg_mean_squared_error": lambda y, p, w: metrics.mean_squared_error(y, p, sample_weight=w),
    "neg_root_mean_squared_error": lambda y, p, w: metrics.root_mean_squared_error(
        y, p, sample_weight=w
    ),
    "neg_mean_absolute_error": lambda y, p, w: metrics.mean_absolute_error(y, p, sample_weight=w),
    "accuracy": lambda y, p, w: (
        1 - metrics.accuracy_score(y.argmax(1), p.argmax(1), sample_weight=w)
    ),
    "neg_log_loss": lambda y, p, w: metrics.log_loss(
        y.argmax(1), p, sample_weight=w, labels=range(y.shape[1])
    ),
}


def problem(scoring, rng):
    """Return y and predictions (n_points, n_repeats, n_samples, n_columns) of a kind of score."""
    predictions = rng.uniform(0.01, 1, size=(2, 3, 20, 2))
    if scoring in LOSSES_OF_CLASSES:
        return np.eye(2)[rng.integers(2, size=20)], predictions / predictions.sum(-1, keepdims=True)
    return rng.normal(size=(20, 2)), predictions


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scoring", [*LOSSES, *LOSSES_OF_CLASSES])
def test_losses_are_those_of_scikit_learn(scoring, weighted):
    rng = np.random.default_rng(0)
    y, predictions = problem(scoring, rng)
    weights = rng.uniform(0.5, 2, size=20) if weighted else None
    draws = rng.integers(20, size=(4, 20))
    found = Draws(draws, weights, scoring in LOSSES_OF_CLASSES).losses(scoring, y, predictions)
    for point, repeats in enumerate(predictions):
        for draw, samples in enumerate(draws):
            own = None if weights is None else np.tile(weights[samples], 3)
            given = np.concatenate([p[samples] for p in repeats])
            expected = REFERENCES[scoring](np.concatenate([y[samples]] * 3), given, own)
            assert found[point, draw] == pytest.approx(expected)


def test_other_scores_and_draws_without_any_spread_are_left_to_the_scorer():
    y, predictions = np.arange(3.0)[:, np.newaxis], np.zeros((1, 1, 3, 1))
    draws = np.array([[0, 1, 2], [1, 1, 1]])
    assert Draws(draws, None).losses("neg_median_absolute_error", y, predictions) is None
    assert Draws(draws, None).losses(len, y, predictions) is None
    assert Draws(draws, None).losses("r2", y, predictions) is None
    assert Draws(draws[:1], None).losses("r2", y, predictions) is not None


def test_scores_of_labels_that_are_numbers_are_left_to_the_scorer():
    """Squares of labels 0, 10, 20 are not those of indicators and probabilities."""
    y, probabilities = np.eye(2)[[0, 1, 1]], np.full((1, 1, 3, 2), 0.5)
    draws = Draws(np.array([[0, 1, 2]]), None, of_classes=True)
    assert all(draws.losses(scoring, y, probabilities) is None for scoring in LOSSES)
    assert draws.losses("accuracy", y, probabilities) is not None
