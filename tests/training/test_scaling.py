"""Standardization against numpy, at all scales of numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from conftest import sequences_of
from skattn._training.scaling import Statistics

SCALES = pytest.mark.parametrize("scale", [1e-30, 1e-10, 1.0, 1e10, 1e30])


def normal(shape=(20, 5, 3), seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def statistics_of(X, weights):
    sequences = sequences_of(X)
    return Statistics.of(sequences.table, sequences.row_weights(weights))


def with_absent_steps(X):
    X = X.copy()
    X[::2, 3:] = np.nan
    return X


@pytest.mark.parametrize("absent", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_statistics_are_those_of_numpy(absent, dtype):
    X = (3 * normal() + [1, -2, 100]).astype(dtype)
    X = with_absent_steps(X) if absent else X
    statistics = statistics_of(X, np.ones(20))
    assert_allclose(statistics.mean, np.nanmean(X.astype("float64"), axis=(0, 1)), rtol=1e-12)
    assert_allclose(statistics.scale, np.nanstd(X.astype("float64"), axis=(0, 1)), rtol=1e-12)


@pytest.mark.parametrize("absent", [False, True])
def test_weights_are_repetition(absent):
    X, weights = normal(), np.random.default_rng(1).integers(1, 5, size=20)
    X = with_absent_steps(X) if absent else X
    repeated = np.repeat(X, weights, axis=0)
    statistics = statistics_of(X, weights.astype("float64"))
    assert_allclose(statistics.mean, np.nanmean(repeated, axis=(0, 1)), rtol=1e-12)
    assert_allclose(statistics.scale, np.nanstd(repeated, axis=(0, 1)), rtol=1e-12)


def test_float_weights_are_those_of_numpy_average():
    X, weights = normal(), np.random.default_rng(1).uniform(0.1, 3, size=20)
    per_step = np.repeat(weights, 5)
    mean = np.average(X.reshape(100, 3), axis=0, weights=per_step)
    variance = np.average((X.reshape(100, 3) - mean) ** 2, axis=0, weights=per_step)
    statistics = statistics_of(X, weights)
    assert_allclose(statistics.mean, mean, rtol=1e-12)
    assert_allclose(statistics.scale, np.sqrt(variance), rtol=1e-12)


def test_large_data_in_blocks():
    X = normal((3, 400_000, 2))
    statistics = statistics_of(X, np.ones(3))
    assert_allclose(statistics.mean, X.mean(axis=(0, 1)), atol=1e-12)
    assert_allclose(statistics.scale, X.std(axis=(0, 1)), rtol=1e-12)
    expected = (X - X.mean(axis=(0, 1))) / X.std(axis=(0, 1))
    assert_allclose(statistics.apply(X.reshape(-1, 2)), expected.reshape(-1, 2), atol=1e-5)


@SCALES
def test_scaled_features_have_mean_zero_and_deviation_one(scale):
    X = scale * (normal() + 3)
    scaled = statistics_of(X, np.ones(20)).apply(X.reshape(100, 3))
    assert scaled.dtype == "float32"
    assert_allclose(scaled.mean(axis=0, dtype="float64"), 0, atol=1e-6)
    assert_allclose(scaled.std(axis=0, dtype="float64"), 1, rtol=1e-6)


@SCALES
@pytest.mark.parametrize("offset", [0.0, 3.0, 1e6])
def test_undo_is_the_inverse_of_apply(scale, offset):
    table = scale * (normal((100, 3)) + offset)
    statistics = Statistics.of(table, np.ones(100))
    assert_allclose(statistics.undo(statistics.apply(table)), table, rtol=0, atol=1e-6 * scale)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    exponent=st.floats(-30, 30),
    offset=st.floats(-100, 100),
    n=st.just(3),
)
def test_undo_is_the_inverse_of_apply_at_any_scale(seed, exponent, offset, n):
    table = 10.0**exponent * (normal((4 * n, 2), seed) + offset)
    statistics = Statistics.of(table, np.ones(4 * n))
    undone = statistics.undo(statistics.apply(table))
    assert_allclose(undone, table, rtol=1e-12, atol=1e-6 * np.ptp(table))


@pytest.mark.parametrize("value", [0.0, 0.1, 1e30, 1e-30, -1e30, 1e-310, 2**62])
@pytest.mark.parametrize("weights", [np.ones(7), np.full(7, 0.1), np.arange(1, 8) / 3])
def test_a_constant_is_centred_exactly(value, weights):
    X = np.full((7, 3, 2), value)
    X[:, :, 1] = np.arange(21).reshape(7, 3)
    statistics = statistics_of(X, weights)
    assert statistics.mean[0] == value
    assert statistics.scale[0] == 1
    scaled = statistics.apply(X.reshape(21, 2))
    assert not scaled[:, 0].any()
    assert_array_equal(statistics.undo(scaled)[:, 0], value)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_constant_but_for_rounding_is_constant(dtype):
    current = np.random.default_rng(0).uniform(1, 10, size=(200, 1)).astype(dtype)
    voltage = np.float32(230) * current / current  # 230 or a neighbour of it
    assert np.ptp(voltage) > 0
    assert Statistics.of(voltage, np.ones(200)).scale == 1
    assert Statistics.of(voltage + current, np.ones(200)).scale < 3


def test_a_feature_that_is_constant_but_for_rounding_may_move_later(small):
    current = np.random.default_rng(0).uniform(1, 10, size=(60, 6))
    voltage = 230 * current / current
    model = small(target_feature=0).fit(np.dstack([current, voltage]), current[:, -1])
    predicted = [
        model.predict(np.dstack([current, np.full((60, 6), held)])) for held in (230, 230.000001)
    ]
    assert_allclose(*predicted, rtol=1e-3)


def test_a_constant_with_absent_steps_is_constant():
    X = with_absent_steps(np.full((6, 5, 1), 0.1))
    statistics, sequences = statistics_of(X, np.ones(6)), sequences_of(X)
    assert (statistics.mean[0], statistics.scale[0]) == (0.1, 1)
    scaled = sequences.on(statistics.apply(sequences.table)).padded(slice(None))
    assert_array_equal(scaled, np.where(np.isnan(X), np.nan, 0))


@pytest.mark.parametrize("spacing", [2**10, 2**40])
def test_large_integers(spacing):
    X = 2**62 + spacing * np.random.default_rng(0).integers(0, 100, size=(20, 5, 2))
    statistics = statistics_of(X, np.ones(20))
    deviations = (X - 2**62).astype("float64")
    assert_allclose(statistics.scale, deviations.std(axis=(0, 1)), rtol=0.05)
    undone = statistics.undo(statistics.apply(X.reshape(100, 2)))
    deviations = deviations.reshape(100, 2)
    assert_allclose(undone - 2.0**62, deviations, rtol=0, atol=1e-5 * spacing * 100 + 1024)


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_integers_that_are_one_float_are_constant(dtype):
    X = np.array([2**62, 2**62 + 1], dtype=dtype).reshape(2, 1, 1)
    statistics = statistics_of(X, np.ones(2))
    assert (statistics.mean[0], statistics.scale[0]) == (2.0**62, 1.0)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int64", "float16"])
def test_small_types_do_not_overflow(dtype):
    X = np.random.default_rng(0).integers(0, 2, size=(300, 4, 2)).astype(dtype)
    X = X * np.array(1, dtype) if dtype == "bool" else X * np.array(100, dtype)
    statistics, values = statistics_of(X, np.ones(300)), X.astype("float64")
    assert_allclose(statistics.mean, values.mean(axis=(0, 1)), rtol=1e-12)
    assert_allclose(statistics.scale, values.std(axis=(0, 1)), rtol=1e-12)


def test_neutral_statistics_change_nothing():
    table = normal((100, 3)).astype("float32")
    statistics = Statistics.neutral(3)
    assert_array_equal(statistics.apply(table), table)
    assert_array_equal(statistics.undo(table), table)


def test_apply_leaves_its_input_alone():
    table = normal((100, 3))
    original = table.copy()
    Statistics.of(table, np.ones(100)).apply(table)
    assert_array_equal(table, original)


def test_what_float32_cannot_hold_is_refused():
    statistics = Statistics(np.zeros(1), np.full(1, 1e-30))
    with pytest.raises(ValueError, match=r"The value 1e\+30 of feature 0 lies too far"):
        statistics.apply(np.full((1, 1), 1e30))


FACTORS = pytest.mark.parametrize(
    ("factors", "offsets", "y_factor", "y_offset"),
    [
        ([2.0, 4.0], [0.0, 0.0], 1.0, 0.0),
        ([1.0, 1.0], [5.0, -70.0], 1.0, 0.0),
        ([1e-20, 1e20], [1e-20, -3e20], 1e9, 5e10),
        ([0.3, 17.0], [1000.0, 3.0], 1e-12, 1e-11),
    ],
)


# All rows make one batch: the order of rows comes from their values, which change here.
@FACTORS
def test_standardized_fits_do_not_depend_on_units(
    sequences, small, factors, offsets, y_factor, y_offset
):
    X, y = sequences
    moved_X, moved_y = X * factors + offsets, y * y_factor + y_offset
    one = small(epochs=5, batch_size=40).fit(X, y)
    other = small(epochs=5, batch_size=40).fit(moved_X, moved_y)
    back = (other.predict(moved_X) - y_offset) / y_factor
    assert_allclose(back, one.predict(X), atol=1e-4)
    assert_allclose(other.attention_weights(moved_X), one.attention_weights(X), atol=1e-4)


def test_without_standardization_units_matter(sequences, small):
    X, y = sequences
    one = small(standardize=False).fit(X, y)
    assert_array_equal(one.feature_statistics_.mean, [0, 0])
    assert_array_equal(one.target_statistics_.scale, [1])
    other = small(standardize=False).fit(10 * X, y)
    assert np.abs(one.predict(X) - other.predict(10 * X)).max() > 1e-3


def test_each_output_has_its_own_statistics(sequences, small):
    X, _ = sequences
    y = X[:, 0] * [1.0, 1e6] + [0.0, -1e9]
    statistics = small().fit(X, y).target_statistics_
    assert_allclose(statistics.mean, y.mean(axis=0), rtol=1e-12)
    assert_allclose(statistics.scale, y.std(axis=0), rtol=1e-6)
