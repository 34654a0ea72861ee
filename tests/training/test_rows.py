"""Rows: weights are repetition, order and sharing do not matter, validation rows stay out."""

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from conftest import sequences_of, spaced
from panels import RANDOM, panels, two_stations
from skattn import TimeWindows, sliding_windows
from skattn._training.holdout import split_block
from skattn._training.samples import Rows, check_rows, merge_equal, scale_rows
from skattn._training.scaling import Statistics

BATCH_SIZES = pytest.mark.parametrize("batch_size", [1, 7, 32, 100])


def rows_of(X, y, weights=None):
    if np.ndim(X) < 3:
        X = np.asarray(X, dtype="float64").reshape(len(X), -1, 1)
    y = np.asarray(y, dtype="float64").reshape(len(X), -1)
    weights = np.ones(len(X)) if weights is None else np.asarray(weights, dtype="float64")
    return Rows(sequences_of(X), y, weights)


def arrays_of(rows):
    """Return X with its present steps on the left, y and weights."""
    return rows.X.padded(slice(None)), rows.y, rows.weights


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


def summed(rows):
    """Sum the weights of equal rows with a dict; NaN equals NaN, and 0.0 equals -0.0."""
    weights = defaultdict(float)
    for X, y, weight in zip(*arrays_of(rows), strict=True):
        weights[tuple("nan" if v != v else v for v in (*X.ravel(), *y))] += weight
    return dict(weights)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(drawn=few_values())
def test_merging_is_a_dict_of_weights(drawn):
    rows = rows_of(*drawn)
    merged = merge_equal(rows)
    assert summed(merged) == summed(rows)
    assert len(merged.X) == len(summed(rows))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(drawn=few_values(), seed=st.integers(0, 1000))
def test_merging_forgets_the_order(drawn, seed):
    rows = rows_of(*drawn)
    order = np.random.default_rng(seed).permutation(len(rows.X))
    merged, other = merge_equal(rows), merge_equal(rows.take(order))
    for one, another in zip(arrays_of(merged), arrays_of(other), strict=True):
        assert_array_equal(one, another)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(drawn=few_values())
def test_windows_merge_as_their_copies_do(drawn):
    X, y, weights = drawn
    windows, copies = (merge_equal(rows_of(x, y, weights)) for x in (X, np.array(X)))
    for one, other in zip(arrays_of(windows), arrays_of(copies), strict=True):
        assert_array_equal(one, other)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(drawn=few_values())
def test_statistics_of_windows_are_those_of_their_steps(drawn):
    X, y, weights = drawn
    steps = np.asarray(X).reshape(-1, 2)
    present = ~np.isnan(steps[:, 0])
    step_weights = np.repeat(weights, X.shape[1])[present]
    mean = np.average(steps[present], axis=0, weights=step_weights)
    variance = np.average((steps[present] - mean) ** 2, axis=0, weights=step_weights)
    for rows in (rows_of(X, y, weights), rows_of(np.array(X), y, weights)):
        for part in (rows, merge_equal(rows)):
            statistics = Statistics.of(part.X.table, part.X.row_weights(part.weights))
            assert_allclose(statistics.mean, mean, rtol=1e-12)
            constant = variance == 0
            assert_allclose(statistics.scale, np.where(constant, 1, variance**0.5), rtol=1e-12)


def test_signed_zeros_and_nan_are_equal():
    merged = merge_equal(rows_of([[0.0, np.nan], [-0.0, np.float64("-nan")]], [0.0, -0.0]))
    assert len(merged.X) == 1
    assert merged.weights.tolist() == [2.0]


@pytest.mark.parametrize(
    "X", [[[0.0, 1.0], [np.nan, 1.0]], [[1.0, 2.0], [2.0, 1.0]], [[1.0, 0.0], [1.0, np.nan]]]
)
def test_other_places_are_other_rows(X):
    assert len(merge_equal(rows_of(X, [0.0, 0.0])).X) == 2


def test_other_places_of_absent_steps_are_the_same_row():
    X = [[1.0, 2.0, np.nan], [np.nan, 1.0, 2.0], [1.0, np.nan, 2.0]]
    assert merge_equal(rows_of(X, [0.0, 0.0, 0.0])).weights.tolist() == [3.0]


def test_rows_with_other_targets_are_other_rows():
    assert len(merge_equal(rows_of([[1.0], [1.0]], [0.0, 1.0])).X) == 2


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_any_type_merges(dtype):
    X = np.array([[[1], [0]], [[1], [0]], [[0], [1]]], dtype=dtype)
    merged = merge_equal(rows_of(X, np.zeros(3), [0.5, 1.0, 3.0]))
    assert sorted(merged.weights) == [1.5, 3.0]
    assert merged.X.table.dtype == dtype


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
    train, validation = split_block(rows, fraction)
    assert len(validation.X) == n_validation
    for whole, *parts in zip(*map(arrays_of, (rows, train, validation)), strict=True):
        assert_array_equal(np.concatenate(parts), whole)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    n_samples=st.integers(4, 30),
    n_timesteps=st.integers(1, 6),
    step=st.integers(1, 3),
    stride=st.integers(1, 3),
    fraction=st.floats(0.01, 0.99),
    number=st.integers(0, 12),
)
@example(n_samples=30, n_timesteps=6, step=3, stride=2, fraction=0.2, number=0)
@example(n_samples=30, n_timesteps=6, step=3, stride=2, fraction=0.2, number=3)
def test_training_windows_share_nothing_with_the_block_that_validates(
    n_samples, n_timesteps, step, stride, fraction, number
):
    layout = spaced(n_samples, n_timesteps, step, stride)
    shared = len(np.unique(layout.rows)) < layout.rows.size
    assume(shared or step >= layout.span)
    numbers = np.arange(n_samples)
    rows = rows_of(layout.windows_of(np.arange(float(layout.n_rows))[:, np.newaxis]), numbers)
    spans = [set(range(first, first + layout.span)) for first in layout.first]
    n_validation = min(n_samples - 1, math.ceil(fraction * n_samples))
    ends = list(range(n_samples, 0, -n_validation))  # the first block takes from its neighbour
    end = max(n_validation, ends[number % len(ends)])
    block = numbers[end - n_validation : end]
    held_out = set.union(*(spans[i] for i in block))
    apart = [i for i in numbers if i not in block and not spans[i] & held_out]
    assume(apart)
    train, validation = split_block(rows, fraction, number)
    assert_array_equal(validation.y[:, 0], block)
    assert_array_equal(train.y[:, 0], apart)


@pytest.mark.parametrize("layout", [spaced(9, 4, stride=4), spaced(9, 4, stride=6), spaced(9, 1)])
def test_windows_that_share_nothing_are_all_kept(layout):
    """Of 9 windows, 4 validate and 5 train, as with a copy of overlapping ones."""
    table = np.arange(60.0).reshape(60, 1)
    for X in (layout.windows_of(table), spaced(9, 4).windows_of(table).copy()):
        train, validation = split_block(rows_of(X, np.arange(9)), 0.4)
        assert (len(train.X), len(validation.X)) == (5, 4)


def windows_of_panel(panel):
    """Return its windows, and for each pair of rows whether their windows share a row."""
    table, series, params = panel
    span = (params["length"] - 1) * params["dilation"] + 1
    number, place = np.empty((2, len(table)), dtype=int)
    for n, rows in enumerate(series):
        number[rows], place[rows] = n, np.arange(len(rows))
    near = abs(np.subtract.outer(place, place)) < span
    windows = TimeWindows(**params).fit_transform(table)
    return windows, near & np.equal.outer(number, number)


@RANDOM
@given(
    panel=panels(min_rows=6),
    fraction=st.floats(0.1, 0.6),
    every=st.integers(1, 2),
    shuffled=st.booleans(),
)
def test_of_groups_and_gaps_windows_that_share_a_row_with_validation_are_left_out(
    panel, fraction, every, shuffled
):
    """No more than these in the order of time, in folds of some of the windows too."""
    windows, shares = windows_of_panel(panel)
    fold = np.arange(len(windows))[::every]
    fold = np.random.default_rng(0).permutation(fold) if shuffled else fold
    assume(len(fold) > 1)
    train, validation = split_block(rows_of(windows[fold], fold), fraction)
    n_validation = min(len(fold) - 1, math.ceil(fraction * len(fold)))
    held_out, others = fold[-n_validation:], fold[:-n_validation]
    assert_array_equal(validation.y[:, 0], held_out)
    apart = others[~shares[np.ix_(others, held_out)].any(axis=1)]
    assert set(train.y[:, 0]) <= set(apart)
    if len(apart) and not shuffled:
        assert_array_equal(train.y[:, 0], apart)


def test_interleaved_groups_train_all_of_them():
    """Of 60 windows of 5 steps the last 6 validate; 4 before in each group share rows."""
    windows = sliding_windows(two_stations(34), length=5, groups="g")
    train, validation = split_block(rows_of(windows, np.arange(60)), 0.1)
    assert validation.y[:, 0].tolist() == [54, 55, 56, 57, 58, 59]
    assert train.y[:, 0].tolist() == list(range(46))


@pytest.mark.parametrize(
    ("left_out", "n_trained", "validating"),
    [([], 6, [8, 9]), ([6, 7], 6, [8, 9]), ([8], 5, [7, 9]), ([9], 5, [7, 8])],
)
def test_windows_of_weight_zero_neither_train_nor_validate(small, left_out, n_trained, validating):
    """Of 10 windows of 3 steps, the last 2 that have a weight validate."""
    X, weights = spaced(10, 3).windows_of(np.arange(12.0)[:, np.newaxis]), np.ones(10)
    weights[left_out] = 0
    rows, _ = check_rows(small(), X, np.arange(10), weights, reset=True)
    train, validation = split_block(rows, 0.2)
    assert validation.y[:, 0].tolist() == validating
    assert train.y[:, 0].tolist() == list(range(n_trained))


def test_shorter_rows_are_padded_with_absent_steps():
    train, validation = rows_of([[1.0, 2.0, 3.0]], [1.0]), rows_of([[4.0]], [2.0])
    neutral = Statistics.neutral(1)
    scaled = scale_rows(train, validation, neutral, neutral)
    X = scaled.X.padded(slice(None))
    assert_array_equal(X[:, :, 0], [[1.0, 2.0, 3.0], [4.0, np.nan, np.nan]])
    assert (scaled.n_train, scaled.n_validation) == (1, 1)


def test_rows_that_are_not_used_are_not_looked_at(small):
    """A value that float32 cannot hold once scaled, in windows of weight 0 alone."""
    table = np.random.default_rng(0).normal(scale=1e-5, size=(60, 2))
    table[30] = 3e38
    X = spaced(57, 4).windows_of(table)
    y, weights = table[3:, 0], (X[:, :, 0] < 1).all(axis=1)
    one, other = (small(early_stopping=False).fit(x, y, weights) for x in (X, X.copy()))
    assert_allclose(one.feature_statistics_.mean, other.feature_statistics_.mean, atol=1e-15)
    assert (abs(one.feature_statistics_.mean) < 1e-4).all()


def test_windows_are_scaled_as_their_steps(small):
    X = spaced(10, 3).windows_of(np.arange(12.0)[:, np.newaxis])
    train, validation = split_block(rows_of(X, np.arange(10)), 0.2)
    scaled = scale_rows(train, validation, Statistics(5.0, 2.0), Statistics(1.0, 4.0))
    kept = [0, 1, 2, 3, 4, 5, 8, 9]
    assert scaled.X.table.dtype == scaled.y.dtype == "float32"
    assert_allclose(scaled.X.padded(slice(None)), (X[kept] - 5) / 2)
    assert_allclose(scaled.y[:, 0], (np.array(kept) - 1) / 4)
    assert (scaled.n_train, scaled.n_validation) == (6, 2)


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
