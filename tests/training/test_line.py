"""The line: ridge regressions worked by hand and by scikit-learn, and how it is stacked."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_softmax, softmax
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

from conftest import blocks, sequences_of
from skattn import sliding_windows
from skattn._training.line import (
    ALPHAS,
    MAX_COLUMNS,
    Columns,
    Moments,
    RidgePath,
    cross_fit,
    share_of_line,
)
from skattn._training.logistic import cross_fit_classes

#: Samples, steps, features and outputs: more samples than columns, and fewer.
SHAPES = pytest.mark.parametrize("shape", [(60, 4, 2, 3), (20, 12, 3, 2)])
GAINS = pytest.mark.parametrize("gain", [None, 2.0])


def problem(shape, absent=False, seed=0):
    """Draw sequences, targets that depend on their last step, and weights."""
    rng = np.random.default_rng(seed)
    n_samples, n_timesteps, n_features, n_outputs = shape
    X = rng.normal(size=(n_samples, n_timesteps, n_features)).astype("float32")
    if absent:
        X[::3, -2:] = np.nan
    y = rng.normal(size=(n_samples, n_outputs)) + np.nansum(X[:, -3:, :1], axis=1)
    return sequences_of(X), y, rng.uniform(0.5, 2, size=n_samples)


def gains(gain, X):
    return None if gain is None else np.full(X.n_features, gain, dtype="float32")


def spread_of(columns, weights):
    """Return the mean over the columns of their weighted sum of squares about the mean."""
    deviations = columns - np.average(columns, axis=0, weights=weights)
    return float(np.mean(weights @ deviations**2))


def test_three_samples_by_hand():
    x, y = np.array([[-1.0], [0.0], [1.0]]), np.array([[0.0], [0.0], [3.0]])
    path = RidgePath(Moments.of(x, y, np.ones(3)))
    # About the means, 0 and 1, the products sum to 3 and the squares of x to 2: 3 / (2 + 1).
    kernel, intercept = path.at(1.0)
    assert_allclose(kernel, [[1.0]], rtol=1e-15)
    assert_allclose(intercept, [1.0], rtol=1e-15)
    # Errors 0 - 0, 0 - 1 and 3 - 2.
    moments = Moments.of(x, y, np.ones(3))
    assert moments.squared_error(kernel, intercept) == pytest.approx(2.0, rel=1e-15)


@SHAPES
@GAINS
@pytest.mark.parametrize("absent", [False, True])
def test_lines_are_the_ridge_regressions_of_scikit_learn(shape, gain, absent):
    X, y, weights = problem(shape, absent)
    folds = blocks(len(X), 3)
    line, lines = cross_fit(X, y, weights, folds, gains(gain, X))
    columns = line.columns.of(X)
    penalty = line.alpha * spread_of(columns, weights)
    for fitted, samples in [
        (line, np.arange(len(X))),
        *zip(lines, [a for a, _ in folds], strict=True),
    ]:
        ridge = Ridge(alpha=penalty, solver="cholesky")
        ridge.fit(columns[samples], y[samples], sample_weight=weights[samples])
        assert_allclose(fitted.kernel, ridge.coef_.T, rtol=1e-9, atol=1e-12)
        assert_allclose(fitted.predict(X), ridge.predict(columns), rtol=1e-9, atol=1e-12)


@SHAPES
def test_the_penalty_has_the_least_error_on_the_held_out_samples(shape):
    X, y, weights = problem(shape)
    folds = blocks(len(X), 2)
    line, _ = cross_fit(X, y, weights, folds)
    columns = line.columns.of(X)
    errors = []
    for alpha in ALPHAS:
        ridge = Ridge(alpha=alpha * spread_of(columns, weights), solver="svd")
        errors.append(0.0)
        for train, held in folds:
            ridge.fit(columns[train], y[train], sample_weight=weights[train])
            squares = (y[held] - ridge.predict(columns[held])) ** 2
            errors[-1] += weights[held] @ squares.sum(axis=1)
    assert errors[list(ALPHAS).index(line.alpha)] == pytest.approx(min(errors), rel=1e-5)


@SHAPES
def test_weights_are_repetition(shape):
    X, y, _ = problem(shape)
    counts = np.arange(len(X)) % 3 + 1
    repeated = np.repeat(np.arange(len(X)), counts)
    train = np.arange(len(X) // 2)
    fold = (train, np.arange(len(train), len(X)))
    long = (np.flatnonzero(repeated < len(train)), np.flatnonzero(repeated >= len(train)))
    weighted, _ = cross_fit(X, y, counts.astype("float64"), [fold])
    spelled, _ = cross_fit(X.take(repeated), y[repeated], np.ones(len(repeated)), [long])
    assert weighted.alpha == spelled.alpha
    assert_allclose(weighted.kernel, spelled.kernel, rtol=1e-6)
    assert_allclose(weighted.intercept, spelled.intercept, rtol=1e-6)


def test_a_line_is_found_exactly():
    rng = np.random.default_rng(0)
    X = sequences_of(rng.normal(size=(200, 5, 2)).astype("float32"))
    slopes = rng.normal(size=(10, 2))
    y = Columns(5).of(X) @ slopes + [3.0, -1e6]
    line, (held,) = cross_fit(X, y, np.ones(200), blocks(200, 4)[:1])
    for fitted in (line, held):
        assert_allclose(fitted.kernel, slopes, atol=1e-6)
        assert_allclose(fitted.predict(X), y, atol=1e-6)


def test_constant_sequences_give_the_mean_of_y():
    X = sequences_of(np.full((30, 4, 1), 7.0))
    y = np.arange(30.0)[:, np.newaxis]
    line, _ = cross_fit(X, y, np.ones(30), blocks(30, 3))
    assert_allclose(line.predict(X), 14.5, rtol=1e-12)


@GAINS
@pytest.mark.parametrize("n_steps", [2, 6])
def test_columns_are_what_the_networks_linear_path_reads(gain, n_steps):
    from skattn import layers

    X, _, _ = problem((9, 5, 2, 1), absent=True)
    values, mask = layers.PresentSteps()(X.padded(slice(None)))
    level = np.empty((9, 0))
    if gain is not None:
        relative = layers.RelativeSteps()
        relative.build(values.shape)
        relative.gain.assign(gains(gain, X))
        values, level = relative(values, mask)
    steps = layers.LastSteps(n_steps)(values, mask)
    expected = np.hstack([np.reshape(steps, (9, -1)), level])
    assert_array_equal(Columns(n_steps, gains(gain, X)).of(X), expected)


def test_long_sequences_are_read_from_the_last_steps():
    X, y, weights = problem((12, MAX_COLUMNS // 4 + 20, 4, 1))
    line, _ = cross_fit(X, y, weights, blocks(12, 2))
    assert line.columns.n_steps == MAX_COLUMNS // 4
    last = X.padded(slice(None))[:, 20:].reshape(12, -1)
    assert_array_equal(line.columns.of(X), last)


def test_the_kept_line_may_be_of_some_samples():
    X, y, weights = problem((60, 4, 2, 3))
    folds = blocks(60, 4)[-1:]
    line, (without,) = cross_fit(X, y, weights, folds, kept=folds[0][0])
    assert_array_equal(line.kernel, without.kernel)


def test_a_block_with_nearly_all_the_weight_leaves_the_others_their_own_line():
    X, y, _ = problem((60, 4, 2, 3))
    (train, held), *_ = folds = blocks(60, 4)
    weights = np.full(60, 1e-12)
    weights[held] = 1e12
    line = cross_fit(X, y, weights, folds)[1][0]
    x = line.columns.of(X)[train]
    model = Ridge(line.alpha * spread_of(line.columns.of(X), weights) / 1e-12).fit(x, y[train])
    assert_allclose(line.predict(X.take(train)), model.predict(x), rtol=1e-6)


@pytest.mark.parametrize("fit", [cross_fit, cross_fit_classes])
def test_the_weights_of_validation_samples_do_not_move_the_penalty(fit):
    X, y, weights = problem((60, 4, 2, 3))
    y = np.eye(3)[y.argmax(axis=1)]
    train, held = np.arange(40), np.arange(40, 60)
    line, _ = fit(X, y, weights, [(train, held)], kept=train)
    weights[held] *= 100
    other, _ = fit(X, y, weights, [(train, held)], kept=train)
    assert line.alpha == other.alpha
    assert_allclose(line.predict(X), other.predict(X), rtol=1e-4, atol=1e-4)


def test_more_features_than_columns_leave_no_line():
    X, y, weights = problem((6, 2, MAX_COLUMNS + 1, 1))
    assert cross_fit(X, y, weights, blocks(6, 2)) is None


def test_windows_of_a_table_are_not_spread_out():
    series = np.random.default_rng(0).normal(size=30_200).astype("float32")
    X, y = sliding_windows(series, series, length=200, horizon=1)
    X, y, spread = sequences_of(X), y.reshape(-1, 1), 30_000 * 200 * 8
    tracemalloc.start()
    line, _ = cross_fit(X, y, np.ones(len(X)), [(np.arange(27_000), np.arange(27_000, len(X)))])
    line.predict(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < spread / 2


def test_a_prediction_does_not_depend_on_its_neighbours():
    X, y, weights = problem((50, 40, 3, 2))
    line, _ = cross_fit(X, y, weights, blocks(50, 2))
    together, order = line.predict(X), np.random.default_rng(0).permutation(50)
    assert_array_equal(line.predict(X.take(order)), together[order])
    assert_array_equal(np.vstack([line.predict(X.take([i])) for i in range(50)]), together)


@pytest.mark.parametrize("fit", [cross_fit, cross_fit_classes])
def test_the_number_of_threads_does_not_matter(fit):
    X, y, weights = problem((300, 60, 4, 1))
    y = np.hstack([y > 0, y <= 0]).astype(float)  # indicators of two classes
    kernels = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            kernels.append(fit(X, y, weights, blocks(300, 2))[0].kernel)
    assert_array_equal(*kernels)


def test_a_share_by_hand():
    # The line is better by 1, 1 and 0. At w the slopes are 1 - w, 1 - w and -w: their sum is
    # 2 - 3w, and its standard error the root of 2(1 - w)² + w². Both are 1 at w = 1/3.
    y, network = np.array([[1.0], [1.0], [0.0]]), np.zeros((3, 1))
    assert share_of_line(y, np.ones(3), network + 1, network) == pytest.approx(1 / 3)


#: Loss name → loss of an error.
LOSSES = {
    "squared_error": np.square,
    "absolute_error": np.abs,
    "huber": lambda e: np.where(np.abs(e) < 1, e**2 / 2, np.abs(e) - 0.5),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("line_noise", [0.7, 1.0, 1.5])
def test_of_many_samples_the_share_has_nearly_the_least_loss(loss, line_noise):
    rng = np.random.default_rng(1)
    y, weights = rng.normal(size=(20_000, 2)), rng.uniform(0.5, 2, size=20_000)
    line, network = y + line_noise * rng.normal(size=y.shape), y + rng.normal(size=y.shape)
    shares = np.linspace(0, 1, 101)
    errors = [y - (share * line + (1 - share) * network) for share in shares]
    best = shares[np.argmin([(weights @ LOSSES[loss](error)).sum() for error in errors])]
    share = share_of_line(y, weights, line, network, loss)
    assert best - 0.03 < share < best + 0.01


@pytest.mark.parametrize("loss", LOSSES)
def test_shares_at_the_ends(loss):
    y = np.random.default_rng(0).normal(size=(50, 1))
    weights, wrong = np.ones(50), y[::-1]
    assert share_of_line(y, weights, line=y, network=wrong, loss=loss) == 1
    assert share_of_line(y, weights, line=wrong, network=y, loss=loss) == 0
    assert share_of_line(y, weights, line=wrong, network=wrong, loss=loss) == 0


@pytest.mark.parametrize("loss", LOSSES)
def test_noise_seldom_chooses_the_line(loss):
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(300):
        y = rng.normal(size=(60, 1))
        # The network leaves noise of 1, which the line knows nothing of.
        shares.append(share_of_line(y, np.ones(60), 0.5 * rng.normal(size=y.shape), 0 * y, loss))
    assert np.mean(np.array(shares) > 0) < 0.25
    assert np.mean(shares) < 0.1


def test_only_ratios_of_weights_count():
    y, noise, other = np.random.default_rng(0).normal(size=(3, 40, 1))
    line, network, weights = y + noise, y + other, np.arange(1.0, 41.0)
    share = share_of_line(y, weights, line, network)
    assert 0 < share < 1
    assert share_of_line(y, 1000 * weights, line, network) == pytest.approx(share, rel=1e-9)


def test_the_share_of_a_line_for_classes_has_nearly_the_least_log_loss():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(20_000, 3))
    y = np.array([rng.multinomial(1, p) for p in softmax(logits, axis=1)], dtype=float)
    line, network = (logits + rng.normal(size=logits.shape) for _ in range(2))
    shares = np.linspace(0, 1, 101)
    losses = [-(y * log_softmax(s * line + (1 - s) * network, axis=1)).sum() for s in shares]
    best = shares[np.argmin(losses)]
    share = share_of_line(y, np.ones(20_000), line, network, "log_loss", lowered=False)
    assert share == pytest.approx(best, abs=0.006)


def test_noise_seldom_chooses_a_line_for_classes():
    rng = np.random.default_rng(0)
    y = np.eye(2)[rng.integers(2, size=(300, 60))]
    # The network knows the chances, and the line nothing.
    shares = [
        share_of_line(
            one, np.ones(60), rng.normal(size=one.shape), 0 * one, "log_loss", lowered=False
        )
        for one in y
    ]
    assert np.mean(np.array(shares) > 0) < 0.25
    assert np.mean(shares) < 0.1
