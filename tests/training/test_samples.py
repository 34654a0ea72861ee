"""Samples: weights are repetition, order and sharing do not matter, validation stays out."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from conftest import sequences_of, spaced
from skattn._training.samples import (
    Samples,
    distinct,
    followed_by,
    has_distinct,
    keys_of,
)
from skattn._training.scaling import Statistics

BATCH_SIZES = pytest.mark.parametrize("batch_size", [1, 7, 100])


def samples_of(X, y, weights=None):
    if np.ndim(X) < 3:
        X = np.asarray(X, dtype="float64").reshape(len(X), -1, 1)
    y = np.asarray(y, dtype="float64").reshape(len(X), -1)
    weights = np.ones(len(X)) if weights is None else np.asarray(weights, dtype="float64")
    return Samples(sequences_of(X), y, weights, np.ones(len(y)))


def merged(samples):
    """Return the distinct samples with their summed weights, as a fit trains on them."""
    first, weights = distinct(samples, keys_of(samples))
    return samples.take(first)._replace(weights=weights)


def arrays_of(samples):
    """Return X with its present steps on the left, y and weights."""
    return samples.X.padded(slice(None)), samples.y, samples.weights


@st.composite
def few_values(draw):
    """Draw windows of a table, apart or overlapping, with absent rows; y and weights."""
    layout = spaced(*(draw(st.integers(1, most)) for most in (10, 3, 4, 2)))
    if draw(st.booleans()):  # in any order, with repetition, and with rows that are no step
        samples = st.lists(st.integers(0, len(layout.first) - 1), min_size=1, max_size=10)
        layout = layout.take(np.array(draw(samples)))
    values = st.sampled_from([0.0, -0.0, 1.0])
    table = draw(arrays("float64", (layout.n_rows, 2), elements=values))
    absent = draw(arrays(bool, layout.n_rows))
    absent[layout.first[absent[layout.rows].all(axis=1)]] = False
    table[absent] = np.nan
    y_values = st.sampled_from([0.0, -0.0, 1e-300])
    y = draw(arrays("float64", (len(layout.first), 2), elements=y_values))
    weights = draw(arrays("float64", len(layout.first), elements=st.integers(1, 4)))
    return layout.windows_of(table), y, weights


def summed(samples):
    """Sum the weights of equal samples with a dict; NaN equals NaN, and 0.0 equals -0.0."""
    weights = defaultdict(float)
    for X, y, weight in zip(*arrays_of(samples), strict=True):
        weights[tuple("nan" if v != v else v for v in (*X.ravel(), *y))] += weight
    return dict(weights)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(drawn=few_values())
def test_distinct_samples_are_the_keys_of_a_dict_of_weights(drawn):
    samples = samples_of(*drawn)
    assert summed(merged(samples)) == summed(samples)
    assert len(merged(samples).X) == len(summed(samples))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(drawn=few_values(), seed=st.integers(0, 1000))
def test_distinct_samples_forget_the_order(drawn, seed):
    samples = samples_of(*drawn)
    order = np.random.default_rng(seed).permutation(len(samples.X))
    for one, other in zip(
        arrays_of(merged(samples)), arrays_of(merged(samples.take(order))), strict=True
    ):
        assert_array_equal(one, other)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(drawn=few_values())
def test_windows_merge_as_their_copies_do(drawn):
    X, y, weights = drawn
    windows, copies = (merged(samples_of(x, y, weights)) for x in (X, np.array(X)))
    for one, other in zip(arrays_of(windows), arrays_of(copies), strict=True):
        assert_array_equal(one, other)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(drawn=few_values())
def test_statistics_of_windows_are_those_of_their_steps(drawn):
    X, y, weights = drawn
    steps = np.asarray(X).reshape(-1, 2)
    present = ~np.isnan(steps[:, 0])
    step_weights = np.repeat(weights, X.shape[1])[present]
    mean = np.average(steps[present], axis=0, weights=step_weights)
    variance = np.average((steps[present] - mean) ** 2, axis=0, weights=step_weights)
    for samples in (samples_of(X, y, weights), samples_of(np.array(X), y, weights)):
        for part in (samples, merged(samples), merged(samples).compact()):
            statistics = Statistics.of(part.X.table, part.X.row_weights(part.weights))
            assert_allclose(statistics.mean, mean, rtol=1e-12)
            constant = variance == 0
            assert_allclose(statistics.scale, np.where(constant, 1, variance**0.5), rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 10])
@pytest.mark.parametrize("times", [1, 3, 50])
def test_whether_there_are_some_distinct_samples(n, times):
    """Also where the first of them are equal, so that a prefix is not enough."""
    X = np.arange(n).repeat(times)
    samples = samples_of(X, X)
    assert has_distinct(samples, n)
    assert not has_distinct(samples, n + 1)


def test_targets_that_equal_the_only_step_leave_samples_apart():
    """In any order: as with other targets, equal samples come together and others do not."""
    X = np.array([3.0, 1.0, 3.0, 2.0, 1.0, 3.0])
    for order in (slice(None), slice(None, None, -1), [0, 2, 5, 1, 4, 3]):
        one = merged(samples_of(X[order], X[order]))
        weights = dict(zip(one.y[:, 0], one.weights, strict=True))
        assert weights == {1.0: 2.0, 2.0: 1.0, 3.0: 3.0}


def test_others_follow_samples():
    samples, others = samples_of([[1.0, 2.0]], [1.0], [2.0]), samples_of([[3.0]], [4.0])
    both = followed_by(samples, others)
    assert_array_equal(arrays_of(both)[0][:, :, 0], [[1.0, 2.0], [3.0, np.nan]])
    assert both.y.tolist() == [[1.0], [4.0]]
    assert both.weights.tolist() == [2.0, 1.0]
    assert followed_by(samples, None) is samples


def test_signed_zeros_and_nan_are_equal():
    one = merged(samples_of([[0.0, np.nan], [-0.0, np.float64("-nan")]], [0.0, -0.0]))
    assert len(one.X) == 1
    assert one.weights.tolist() == [2.0]


@pytest.mark.parametrize(
    "X", [[[0.0, 1.0], [np.nan, 1.0]], [[1.0, 2.0], [2.0, 1.0]], [[1.0, 0.0], [1.0, np.nan]]]
)
def test_other_places_are_other_samples(X):
    assert len(merged(samples_of(X, [0.0, 0.0])).X) == 2


def test_other_places_of_absent_steps_are_the_same_sample():
    X = [[1.0, 2.0, np.nan], [np.nan, 1.0, 2.0], [1.0, np.nan, 2.0]]
    assert merged(samples_of(X, [0.0, 0.0, 0.0])).weights.tolist() == [3.0]


def test_samples_with_other_targets_are_other_samples():
    assert len(merged(samples_of([[1.0], [1.0]], [0.0, 1.0])).X) == 2


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_any_type_merges(dtype):
    X = np.array([[[1], [0]], [[1], [0]], [[0], [1]]], dtype=dtype)
    one = merged(samples_of(X, np.zeros(3), [0.5, 1.0, 3.0]))
    assert sorted(one.weights) == [1.5, 3.0]
    assert one.X.table.dtype == dtype


def test_samples_that_are_not_used_are_not_looked_at(small):
    """A value that float32 cannot hold once scaled, in windows of weight 0 alone."""
    table = np.random.default_rng(0).normal(scale=1e-5, size=(60, 2))
    table[30] = 3e38
    X = spaced(57, 4).windows_of(table)
    y, weights = table[3:, 0], (X[:, :, 0] < 1).all(axis=1)
    one, other = (small(early_stopping=False).fit(x, y, weights) for x in (X, X.copy()))
    assert_allclose(one.feature_statistics_.mean, other.feature_statistics_.mean, atol=1e-15)
    assert (abs(one.feature_statistics_.mean) < 1e-4).all()


@BATCH_SIZES
@pytest.mark.parametrize("kept", [slice(None), slice(None, None, 2)])
def test_weight_two_is_a_doubled_sample(sequences, small, batch_size, kept):
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
def test_the_order_of_samples_does_not_matter(sequences, small, batch_size, absent):
    X, y = sequences
    if absent:
        X[::3, 4:] = np.nan
    order = np.random.default_rng(1).permutation(40)
    one = small(batch_size=batch_size).fit(X, y)
    other = small(batch_size=batch_size).fit(X[order], y[order])
    assert_array_equal(one.predict(X), other.predict(X))


@BATCH_SIZES
@pytest.mark.parametrize("early_stopping", [False, True])
def test_weight_zero_leaves_a_sample_out(sequences, small, batch_size, early_stopping):
    X, y = sequences
    kept = np.arange(40) % 3 > 0
    params = {"batch_size": batch_size, "early_stopping": early_stopping}
    weighted = small(**params).fit(np.where(kept[:, None, None], X, 1e6), y, kept)
    dropped = small(**params).fit(X[kept], y[kept])
    assert_array_equal(weighted.predict(X), dropped.predict(X))


def test_weight_zero_leaves_a_longer_sample_out(sequences, small):
    X, y = sequences
    ragged = [X[i, :4] for i in range(39)] + [X[39]]
    weighted = small(batch_size=7).fit(ragged, y, np.arange(40) < 39)
    dropped = small(batch_size=7).fit(X[:39, :4], y[:39])
    assert_allclose(weighted.predict(X), dropped.predict(X), atol=1e-6)


def test_validation_samples_weigh_as_repeated(sequences, small):
    X, y = sequences
    weights = np.arange(1, 41)
    times = np.repeat(np.arange(40), weights)
    one = small().fit(X, y, X_val=X, y_val=y, sample_weight_val=weights)
    other = small().fit(X, y, X_val=X[times], y_val=y[times])
    assert_allclose(one.validation_loss_curve_, other.validation_loss_curve_, rtol=1e-5)


def test_validation_samples_never_enter_the_statistics(sequences, small):
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
