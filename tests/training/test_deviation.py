"""The predictive standard deviation: residual variance on held-out samples, and the spread."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skattn import load, save


@pytest.fixture(scope="module")
def noisy():
    """Return 1,200 sequences whose y has a standard deviation of 0.5 about what X says."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1200, 6, 2))
    return X, X[:, 2, 0] - X[:, 4, 1] + 0.5 * rng.normal(size=1200)


def test_nine_of_ten_lie_within_1_645_deviations(noisy, small):
    X, y = noisy
    model = small(n_members=5, linear_path="auto", early_stopping=True).fit(X[:400], y[:400])
    predicted, std = model.predict(X[400:], return_std=True)
    assert_allclose(std, 0.5, rtol=0.1)
    assert 0.87 < np.mean(np.abs(y[400:] - predicted) < 1.645 * std) < 0.93


@pytest.mark.parametrize("linear_path", ["auto", True, False])
@pytest.mark.parametrize("n_members", [1, 2])
def test_the_residual_variance_is_the_weighted_error_on_given_samples(
    noisy, small, linear_path, n_members
):
    X, y = noisy
    targets, weights = np.stack([y, 100 * X[:, 1, 0]], axis=1), 1.0 + np.arange(300) % 3
    model = small(linear_path=linear_path, n_members=n_members, early_stopping=False)
    apart = {"X_val": X[300:600], "y_val": targets[300:600], "sample_weight_val": weights}
    model.fit(X[:300], targets[:300], **apart)
    errors = np.average(
        (targets[300:600] - model.predict(X[300:600])) ** 2, axis=0, weights=weights
    )
    assert_allclose(model.residual_variance_, errors, rtol=1e-5)


def test_the_samples_that_a_network_held_out_give_its_residual_variance(noisy, small):
    X, y = noisy[0][:100], noisy[1][:100]
    model = small(linear_path=False, early_stopping=True, validation_fraction=0.2).fit(X, y)
    error = np.mean((y[80:] - model.predict(X[80:])) ** 2)
    assert_allclose(model.residual_variance_, error, rtol=1e-5)


def test_variances_add(noisy, small):
    X, y = noisy
    model = small(n_members=2, early_stopping=True).fit(X[:100], y[:100])
    mean, std = model.predict(X, return_std=True)
    same, spread = model.predict(X, return_spread=True)
    assert_array_equal(mean, same)
    assert_array_equal(mean, model.predict(X))
    assert_allclose(std**2, spread**2 + model.residual_variance_)


def test_one_network_has_one_deviation_for_each_output(noisy, small):
    X, y = noisy[0][:100], noisy[1][:100]
    model = small(early_stopping=True).fit(X, np.stack([y, y + 1], axis=1))
    std = model.predict(X, return_std=True)[1]
    assert std.shape == (100, 2)
    assert_allclose(std, np.sqrt(model.residual_variance_)[np.newaxis].repeat(100, axis=0))


def test_the_deviation_is_in_units_of_y(noisy, small):
    X, y = noisy[0][:100], noisy[1][:100]
    model = small(n_members=2, early_stopping=True)
    std = model.fit(X, y).predict(X, return_std=True)[1]
    assert_allclose(
        model.fit(X, 1000 * y - 7).predict(X, return_std=True)[1], 1000 * std, rtol=1e-3
    )


def test_errors_whose_squares_float32_does_not_hold(noisy, small):
    X, y = noisy[0][:100], 1e25 * noisy[1][:100]
    params = {"standardize": False, "loss": "absolute_error", "linear_path": False}
    model = small(early_stopping=True, **params).fit(X, y)
    error = np.mean((y[80:] - model.predict(X[80:])) ** 2)
    assert_allclose(model.residual_variance_, error, rtol=1e-5)


def test_a_line_of_an_earlier_fit_has_seen_what_a_later_one_holds_out(noisy, small):
    X, y = noisy[0][:100], noisy[1][:100]
    model = small(early_stopping=True, warm_start=True, linear_path="auto").fit(X, y)
    assert model.residual_variance_ is not None
    model.set_params(linear_path=False).fit(X, y)
    with pytest.raises(ValueError, match="linear_path as before"):
        model.predict(X, return_std=True)


def test_a_target_feature_moves_means_alone(noisy, small):
    X = noisy[0][:160]
    y = X[:, -1, 0] + X[:, 2, 1] ** 2
    model = small(target_feature=0, early_stopping=True).fit(X, y)
    error = np.mean((y[128:] - model.predict(X[128:])) ** 2)
    assert_allclose(model.residual_variance_, error, rtol=1e-4)


@pytest.mark.parametrize("params", [{"early_stopping": False}, {"loss": "quantile"}])
def test_without_held_out_means_there_is_none(noisy, small, params):
    X, y = noisy[0][:100], noisy[1][:100]
    model = small(**{"early_stopping": True} | params).fit(X, y)
    assert model.residual_variance_ is None
    with pytest.raises(ValueError, match=r"return_std=True needs .* X_val and y_val"):
        model.predict(X, return_std=True)


def test_partial_fit_ends_it(noisy, small):
    X, y = noisy[0][:100], noisy[1][:100]
    model = small(early_stopping=True).fit(X, y)
    model.partial_fit(X, y)
    with pytest.raises(ValueError, match="return_std=True"):
        model.predict(X, return_std=True)


def test_at_most_one_deviation_is_returned(noisy, small):
    X, y = noisy[0][:100], noisy[1][:100]
    model = small(n_members=2, early_stopping=True).fit(X, y)
    with pytest.raises(ValueError, match="At most one"):
        model.predict(X, return_std=True, return_spread=True)


def test_a_file_keeps_the_deviation(noisy, small, tmp_path):
    X, y = noisy[0][:100], noisy[1][:100]
    model = small(n_members=2, early_stopping=True).fit(X, y)
    save(model, tmp_path / "model.skattn")
    loaded = load(tmp_path / "model.skattn")
    assert_array_equal(loaded.predict(X, return_std=True), model.predict(X, return_std=True))
