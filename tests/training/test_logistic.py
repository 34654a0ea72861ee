"""The line of classes: logistic regressions of scikit-learn, and what a fold may lack."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression

from conftest import blocks, sequences_of
from skattn._training import logistic
from skattn._training.logistic import PENALTIES, cross_fit_classes

#: Samples, steps, features and classes: more samples than columns, and fewer.
SHAPES = pytest.mark.parametrize("shape", [(80, 4, 2, 3), (80, 4, 2, 2), (30, 12, 3, 3)], ids=str)


def problem(shape, seed=0):
    """Draw sequences, classes that depend on their last step, and weights."""
    rng = np.random.default_rng(seed)
    n_samples, n_timesteps, n_features, n_classes = shape
    X = rng.normal(size=(n_samples, n_timesteps, n_features)).astype("float32")
    score = X[:, -1, 0] + 0.5 * rng.normal(size=n_samples)
    codes = np.argsort(np.argsort(score)) * n_classes // n_samples
    return sequences_of(X), np.eye(n_classes)[codes], rng.uniform(0.5, 2, size=n_samples)


def reference(alpha, x, weights):
    """Return scikit-learn's model at a penalty in units of the columns' mean sum of squares."""
    unit = np.mean(weights @ (x - np.average(x, axis=0, weights=weights)) ** 2)
    return LogisticRegression(C=1 / (alpha * unit), tol=1e-8, max_iter=10_000)


def probabilities(line, X):
    return softmax(line.predict(X), axis=1)


@SHAPES
def test_lines_are_the_logistic_regressions_of_scikit_learn(shape):
    X, y, weights = problem(shape)
    folds = blocks(len(X), 4)
    line, lines = cross_fit_classes(X, y, weights, folds)
    x, codes = line.columns.of(X), y.argmax(axis=1)
    model = reference(line.alpha, x, weights)
    for own, (train, _) in zip([line, *lines], [(slice(None), None), *folds], strict=True):
        model.fit(x[train], codes[train], sample_weight=weights[train])
        assert own.alpha == line.alpha
        assert_allclose(probabilities(own, X), model.predict_proba(x), atol=2e-3)


@SHAPES
def test_the_penalty_has_a_lower_held_out_loss_than_its_neighbours(shape):
    X, y, weights = problem(shape)
    folds = blocks(len(X), 4)
    line, _ = cross_fit_classes(X, y, weights, folds)
    x, codes = line.columns.of(X), y.argmax(axis=1)
    chosen, losses = list(PENALTIES).index(line.alpha), []
    assert 0 < chosen < len(PENALTIES) - 1
    for alpha in PENALTIES[chosen - 1 : chosen + 2]:
        model = reference(alpha, x, weights)
        losses.append(0.0)
        for train, held in folds:
            model.fit(x[train], codes[train], sample_weight=weights[train])
            smooth = (len(X) * y[held] + 1 / y.shape[1]) / (len(X) + 1)
            losses[-1] -= weights[held] @ (smooth * model.predict_log_proba(x[held])).sum(axis=1)
    assert losses[1] == min(losses)


def test_weights_are_repetition(monkeypatch):
    monkeypatch.setattr(logistic, "PENALTIES", [0.01])  # labels are smoothed by distinct samples
    X, y, _ = problem((80, 4, 2, 3))
    counts = np.arange(80) % 3 + 1
    repeated = np.repeat(np.arange(80), counts)
    fold = (np.arange(60), np.arange(60, 80))
    long = (np.flatnonzero(repeated < 60), np.flatnonzero(repeated >= 60))
    weighted, _ = cross_fit_classes(X, y, counts.astype("float64"), [fold])
    spelled, _ = cross_fit_classes(X.take(repeated), y[repeated], np.ones(len(repeated)), [long])
    assert_allclose(probabilities(weighted, X), probabilities(spelled, X), atol=2e-3)


def test_a_class_that_a_fold_lacks_has_the_probability_of_one_sample_more():
    """At the mean of the columns; the others share the rest as without it."""
    X, y, weights = problem((60, 4, 2, 3))
    y[:20], y[20:] = np.eye(3)[2], np.eye(3)[np.arange(40) % 2]
    folds = [(np.arange(20, 60), np.arange(20))]
    line, (own,) = cross_fit_classes(X, y, weights, folds)
    mean = weights @ line.columns.of(X) / weights.sum()
    logits = mean @ own.kernel + own.intercept
    assert softmax(logits)[2] == pytest.approx(1 / 41)
    assert_array_equal(own.kernel[:, 2], 0)
    assert np.isfinite(own.predict(X)).all()


def test_a_fold_of_one_class_predicts_it():
    X, y, weights = problem((40, 4, 2, 2))
    order = np.argsort(y[:, 1], kind="stable")  # the first 20 are of one class
    X, y = X.take(order), y[order]
    _, (own,) = cross_fit_classes(X, y, weights, [(np.arange(20), np.arange(20, 40))])
    assert_allclose(probabilities(own, X), np.tile([20 / 21, 1 / 21], (40, 1)))


def test_a_line_that_is_right_on_all_samples_does_not_become_certain():
    rng = np.random.default_rng(0)
    codes = np.arange(40) % 2
    X = sequences_of(2 * codes[:, None, None] - 1 + 0.1 * rng.normal(size=(40, 3, 1)))
    line, _ = cross_fit_classes(X, np.eye(2)[codes], np.ones(40), blocks(40, 4))
    found = probabilities(line, X)
    assert_array_equal(found.argmax(axis=1), codes)
    assert found.max() < 0.999


@pytest.mark.filterwarnings("error")
def test_many_classes_are_no_matter_of_a_warning():
    """Here a fold has more classes than half of its samples, of which scikit-learn warns."""
    X, _, weights = problem((30, 4, 2, 3))
    line, _ = cross_fit_classes(X, np.eye(20)[np.arange(30) % 20], weights, blocks(30, 3))
    assert np.isfinite(line.predict(X)).all()


def test_the_last_steps_are_read_that_fit_into_the_memory(monkeypatch):
    monkeypatch.setattr(logistic, "MAX_VALUES", 60 * 7)
    X, y, weights = problem((60, 12, 2, 2))
    line, _ = cross_fit_classes(X, y, weights, blocks(60, 3))
    assert line.columns.n_steps == 3
    assert line.kernel.shape == (6, 2)


def test_more_features_than_columns_leave_no_line(monkeypatch):
    monkeypatch.setattr(logistic, "MAX_VALUES", 60)
    X, y, weights = problem((60, 3, 2, 2))
    assert cross_fit_classes(X, y, weights, blocks(60, 3)) is None


def test_the_log_loss_of_a_line_is_near_the_best():
    """Of classes drawn from the probabilities of a line, its own log loss is hardly lower."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4_000, 3, 2)).astype("float32")
    logits = X.reshape(4_000, 6) @ rng.normal(size=(6, 3))
    y = np.array([rng.multinomial(1, p) for p in softmax(logits, axis=1)], dtype=float)
    line, _ = cross_fit_classes(sequences_of(X), y, np.ones(4_000), blocks(4_000, 4))
    own, best = (
        -(y * log_softmax(z, axis=1)).sum(axis=1).mean()
        for z in (line.predict(sequences_of(X)), logits)
    )
    assert own < best + 0.005
