"""Rows: weights are repetition, order does not matter, validation rows stay out."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from skattn._rows import Rows, merge_equal, scale_rows, split_last
from skattn._scaling import Statistics

BATCH_SIZES = pytest.mark.parametrize("batch_size", [1, 7, 32, 100])


def rows_of(X, y, weights=None):
    X, y = np.asarray(X, dtype="float64"), np.asarray(y, dtype="float64")
    weights = np.ones(len(X)) if weights is None else np.asarray(weights, dtype="float64")
    return Rows(X.reshape(len(X), -1, 1), y.reshape(len(y), -1), weights)


@st.composite
def few_values(draw):
    n_rows = draw(st.integers(1, 12))
    X = draw(arrays("float64", (n_rows, 2, 2), elements=st.sampled_from([0.0, -0.0, 1.0, np.nan])))
    y = draw(arrays("float64", (n_rows, 2), elements=st.sampled_from([0.0, -0.0, 1e-300])))
    weights = draw(arrays("float64", n_rows, elements=st.integers(1, 4)))
    return Rows(X, y, weights)


def summed(rows):
    """Sum the weights of equal rows with a dict; NaN equals NaN, and 0.0 equals -0.0."""
    weights = defaultdict(float)
    for X, y, weight in zip(*rows, strict=True):
        weights[tuple("nan" if v != v else v for v in (*X.ravel(), *y))] += weight
    return dict(weights)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(rows=few_values())
def test_merging_is_a_dict_of_weights(rows):
    merged = merge_equal(rows)
    assert summed(merged) == summed(rows)
    assert len(merged.X) == len(summed(rows))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(rows=few_values(), seed=st.integers(0, 1000))
def test_merging_forgets_the_order(rows, seed):
    order = np.random.default_rng(seed).permutation(len(rows.X))
    for one, other in zip(merge_equal(rows), merge_equal(rows.take(order)), strict=True):
        assert_array_equal(one, other)


def test_signed_zeros_and_nan_are_equal():
    merged = merge_equal(rows_of([[0.0, np.nan], [-0.0, np.float64("-nan")]], [0.0, -0.0]))
    assert len(merged.X) == 1
    assert merged.weights.tolist() == [2.0]


@pytest.mark.parametrize(
    "X", [[[1.0, np.nan], [np.nan, 1.0]], [[1.0, 2.0], [2.0, 1.0]], [[1.0, 0.0], [1.0, np.nan]]]
)
def test_other_places_are_other_rows(X):
    assert len(merge_equal(rows_of(X, [0.0, 0.0])).X) == 2


def test_rows_with_other_targets_are_other_rows():
    assert len(merge_equal(rows_of([[1.0], [1.0]], [0.0, 1.0])).X) == 2


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_any_type_merges(dtype):
    X = np.array([[[1], [0]], [[1], [0]], [[0], [1]]], dtype=dtype)
    merged = merge_equal(Rows(X, np.zeros((3, 1)), np.array([0.5, 1.0, 3.0])))
    assert sorted(merged.weights) == [1.5, 3.0]
    assert merged.X.dtype == dtype


@pytest.mark.parametrize(
    ("n_rows", "fraction", "n_validation"),
    [
        (10, 0.1, 1),
        (10, 0.25, 3),
        (11, 0.1, 2),
        (2, 0.1, 1),
        (2, 0.9, 1),
        (10, 0.99, 9),
        (1, 0.5, 0),
    ],
)
def test_the_last_rows_validate(n_rows, fraction, n_validation):
    rows = rows_of(np.arange(n_rows), np.arange(n_rows), np.arange(n_rows) + 1)
    train, validation = split_last(rows, fraction)
    assert len(validation.X) == n_validation
    for part in range(3):
        assert_array_equal(np.concatenate([train[part], validation[part]]), rows[part])


def test_shorter_rows_are_padded_with_absent_steps():
    train, validation = rows_of([[1.0, 2.0, 3.0]], [1.0]), rows_of([[4.0]], [2.0])
    neutral = Statistics.neutral(1)
    scaled = scale_rows(train, validation, neutral, neutral)
    assert_array_equal(scaled.X[:, :, 0], [[1.0, 2.0, 3.0], [4.0, np.nan, np.nan]])
    assert (scaled.n_train, scaled.n_validation) == (1, 1)


@BATCH_SIZES
@pytest.mark.parametrize("kept", [slice(None), slice(None, None, 2)])
def test_weight_two_is_a_doubled_row(sequences, small, batch_size, kept):
    X, y = sequences
    weights = np.ones(40)
    weights[kept] = 2
    weighted = small(batch_size=batch_size).fit(X, y, weights)
    doubled = small(batch_size=batch_size).fit(np.r_[X, X[kept]], np.r_[y, y[kept]])
    assert_array_equal(weighted.predict(X), doubled.predict(X))
    assert weighted.loss_curve_ == doubled.loss_curve_


@BATCH_SIZES
def test_parts_of_a_weight_are_the_weight(sequences, small, batch_size):
    X, y = sequences
    whole = np.tile([0.5, 2.0], 20)
    parts = np.r_[whole / 4, 3 * whole / 4]
    one = small(batch_size=batch_size).fit(X, y, whole)
    other = small(batch_size=batch_size).fit(np.r_[X, X], np.r_[y, y], parts)
    assert_array_equal(one.predict(X), other.predict(X))


@BATCH_SIZES
def test_the_unit_of_weights_does_not_matter(sequences, small, batch_size):
    X, y = sequences
    weights = np.random.default_rng(0).uniform(0.1, 3, size=40)
    one = small(batch_size=batch_size).fit(X, y, weights)
    for unit in (1e-6, 7.3, 1e6):
        other = small(batch_size=batch_size).fit(X, y, unit * weights)
        assert_allclose(other.predict(X), one.predict(X), atol=1e-4)


def test_weights_matter(sequences, small):
    X, y = sequences
    weights = np.linspace(0.1, 3, 40)
    assert np.abs(small().fit(X, y, weights).predict(X) - small().fit(X, y).predict(X)).max() > 1e-4


@BATCH_SIZES
@pytest.mark.parametrize("absent", [False, True])
def test_the_order_of_rows_does_not_matter(sequences, small, batch_size, absent):
    X, y = sequences
    if absent:
        X[::3, 4:] = np.nan
    order = np.random.default_rng(1).permutation(40)
    one = small(batch_size=batch_size).fit(X, y)
    other = small(batch_size=batch_size).fit(X[order], y[order])
    assert_array_equal(one.predict(X), other.predict(X))


@BATCH_SIZES
@pytest.mark.parametrize("early_stopping", [False, True])
def test_weight_zero_leaves_a_row_out(sequences, small, batch_size, early_stopping):
    X, y = sequences
    kept = np.arange(40) % 3 > 0
    params = {"batch_size": batch_size, "early_stopping": early_stopping}
    weighted = small(**params).fit(np.where(kept[:, None, None], X, 1e6), y, kept)
    dropped = small(**params).fit(X[kept], y[kept])
    assert_array_equal(weighted.predict(X), dropped.predict(X))


def test_weight_zero_leaves_a_longer_row_out(sequences, small):
    X, y = sequences
    ragged = [X[i, :4] for i in range(39)] + [X[39]]
    weighted = small(batch_size=7).fit(ragged, y, np.arange(40) < 39)
    dropped = small(batch_size=7).fit(X[:39, :4], y[:39])
    assert_allclose(weighted.predict(X), dropped.predict(X), atol=1e-6)


def test_rows_in_validation_weigh_as_repeated(sequences, small):
    X, y = sequences
    weights = np.arange(1, 41)
    times = np.repeat(np.arange(40), weights)
    one = small().fit(X, y, X_val=X, y_val=y, sample_weight_val=weights)
    other = small().fit(X, y, X_val=X[times], y_val=y[times])
    assert_allclose(one.validation_loss_curve_, other.validation_loss_curve_, rtol=1e-5)


def test_validation_rows_never_enter_the_statistics(sequences, small):
    X, y = sequences
    params = {"early_stopping": True, "validation_fraction": 0.25}
    one = small(**params).fit(X, y)
    X[30:], y[30:] = 1e6 * X[30:] - 1e9, -1e8
    other = small(**params).fit(X, y)
    for name in ("feature_statistics_", "target_statistics_"):
        assert_array_equal(getattr(one, name).mean, getattr(other, name).mean)
        assert_array_equal(getattr(one, name).scale, getattr(other, name).scale)
    assert_allclose(one.feature_statistics_.mean, X[:30].mean(axis=(0, 1)))
    assert_allclose(one.target_statistics_.scale, y[:30].std())
    assert one.validation_loss_curve_[0] < other.validation_loss_curve_[0]
