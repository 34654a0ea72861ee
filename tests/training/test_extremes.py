"""Extreme and odd inputs: a finite, sensible prediction or an error in words, never a warning."""

import datetime

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils._param_validation import InvalidParameterError

from skattn import LSTMAttentionRegressor

pytestmark = pytest.mark.slow

SCALES = pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e-10, 1e10, 1e30, 3e38])


def make(**params):
    return LSTMAttentionRegressor(**{"units": 2, "epochs": 2, "random_state": 0} | params)


def uniform(*shape, seed=0):
    """Draw values in [-1, 1], the first and last of them -1 and 1."""
    values = np.random.default_rng(seed).uniform(-1, 1, size=shape)
    values.flat[0], values.flat[-1] = -1, 1
    return values


def predicted(X, y, weights=None, **params):
    """Fit and predict; the prediction lies within the range of y, and a range around it."""
    model = make(**params).fit(X, y, weights)
    prediction, y = model.predict(X), np.asarray(y, dtype="float64")
    assert prediction.dtype == "float64"
    assert prediction.shape == y.shape
    lowest, highest = y.min(axis=0), y.max(axis=0)
    margin = np.maximum(highest - lowest, 1.0 * (lowest == highest))
    assert (prediction >= lowest - margin).all()
    assert (prediction <= highest + margin).all()
    assert np.isfinite(model.attention_weights(X)).all()
    return prediction


# Shapes


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 2), (2, 3, 2), (9, 1, 2), (9, 4, 1)], ids=str)
@pytest.mark.parametrize("n_outputs", [None, 1, 2])
def test_the_smallest_shapes(shape, n_outputs):
    y = uniform(shape[0], *([n_outputs] if n_outputs else []), seed=1)
    predicted(uniform(*shape), y)


def test_one_sample_is_predicted_as_itself():
    """Its y is constant, so that the network trains towards 0 and 0 is its mean."""
    X = uniform(1, 3, 2)
    model = make(epochs=300, learning_rate=0.03).fit(X, [7.5])
    assert_allclose(model.predict(X), 7.5, atol=1e-3)


def test_ten_thousand_steps():
    predicted(uniform(3, 10_000, 1), uniform(3, seed=1), epochs=1)


def test_a_thousand_outputs():
    y = uniform(6, 1000, seed=1) * np.logspace(-10, 10, 1000)
    assert predicted(uniform(6, 3, 2), y).shape == (6, 1000)


# Constants


@pytest.mark.parametrize("value", [0.0, 5e-324, 0.1, -3e38, 1e30], ids=str)
def test_constant_features_tell_nothing(value):
    X = np.full((8, 3, 2), value)
    prediction = predicted(X, uniform(8, seed=1))
    assert np.ptp(prediction) == 0
    expected = predicted(np.zeros_like(X), uniform(8, seed=1))
    assert_allclose(prediction, expected, atol=0.02)  # two steps of 0.003 along rounding errors


@pytest.mark.parametrize("value", [0.0, 5e-324, 0.1, -1e15, 1e30], ids=str)
def test_a_constant_y_is_predicted_to_within_one(value):
    """A constant has no spread, which is why it is not scaled: errors are in units of 1."""
    prediction = predicted(uniform(8, 3, 2), np.full(8, value))
    assert_allclose(prediction, value, rtol=1e-15, atol=1)


def test_a_constant_beside_others_changes_no_output():
    X, y = uniform(8, 3, 2), uniform(8, 2, seed=1)
    y[:, 1] = 1e30
    assert_allclose(predicted(X, y)[:, 1], 1e30, rtol=1e-15)


# Scales


def learned(X, y):
    """Fit and predict without Adam, which would magnify rounding errors.

    A fit begins with the mean of y, so that the first gradient of the output's bias is 0
    but for rounding, and Adam divides each gradient by its size.
    """
    return predicted(X, y, optimizer="sgd", learning_rate=0.3, epochs=5)


@SCALES
def test_x_of_any_scale_is_learned_as_that_of_scale_one(scale):
    X, y = uniform(8, 3, 2), uniform(8, seed=1)
    assert_allclose(learned(scale * X, y), learned(X, y), atol=1e-5)


@SCALES
def test_y_of_any_scale_is_learned_as_that_of_scale_one(scale):
    X, y = uniform(8, 3, 2), uniform(8, seed=1)
    assert_allclose(learned(X, scale * y) / scale, learned(X, y), atol=1e-5)


def test_features_and_outputs_of_all_scales_together():
    scales = [1e-300, 1e-30, 1e-10, 1, 1e10, 1e30, 3e38]
    X, y = uniform(8, 3, 7), uniform(8, 7, seed=1)
    assert_allclose(learned(scales * X, scales * y) / scales, learned(X, y), atol=1e-5)


@pytest.mark.parametrize("scale", [1e-308, 1e-320], ids=str)
def test_subnormal_numbers(scale):
    """Of 1e-320 some 2,000 steps of 5e-324 are left, so that three digits count."""
    X, y = uniform(8, 3, 2), uniform(8, seed=1)
    assert_allclose(predicted(X, scale * y) / scale, predicted(X, y), atol=1e-2)
    assert_allclose(predicted(scale * X, y), predicted(X, y), atol=1e-2)


def test_a_small_spread_around_a_large_mean():
    """Near 1e9 float64 keeps steps of 1.2e-7, a ten-thousandth of the spread of 1e-3."""
    X, y = uniform(8, 3, 2), uniform(8, seed=1)
    expected = learned(X, y)
    assert_allclose(learned(1e9 + 1e-3 * X, y), expected, atol=1e-3)
    assert_allclose(learned(X, 1e12 + y) - 1e12, expected, atol=1e-3)


def test_one_outlier_among_ones():
    X, y = np.ones((8, 3, 2)), np.ones(8)
    X[3, 1, 0] = y[3] = 1e30
    predicted(X, y)


@pytest.mark.parametrize("value", [1e6, 1e20, -1e30, 1e38], ids=str)
@pytest.mark.parametrize("standardize", [True, False])
def test_far_outside_of_the_training_rows_the_network_saturates(value, standardize):
    """Its states are bounded: a prediction is no further off than the head's weights add up to."""
    X, y = uniform(8, 3, 2), uniform(8, seed=1)
    model = make(standardize=standardize).fit(X, y)
    far = np.full((1, 3, 2), value)
    head = sum(np.abs(v).sum() for name, v in model.parameters_.items() if "output" in name)
    scaled = (model.predict(far) - model.target_statistics_.mean) / model.target_statistics_.scale
    assert head > 0
    assert np.abs(scaled) <= head
    assert_allclose(model.attention_weights(far).sum(), 1, atol=1e-6)


def test_too_far_from_a_small_spread_is_an_error():
    model = make().fit(1e-30 * uniform(8, 3, 2), uniform(8, seed=1))
    with pytest.raises(ValueError, match=r"The value 1e\+10 of feature 0 lies too far"):
        model.predict(np.full((1, 3, 2), 1e10))


# Types

BIG = {
    "around 2**62": (2**62, "int64", 2**20),
    "int64 min": (np.iinfo("int64").min, "int64", 2**20),
    "uint64 max": (2**64 - 2**27, "uint64", 2**20),
}


@pytest.mark.parametrize(("base", "dtype", "step"), BIG.values(), ids=BIG)
def test_differences_of_large_integers_count(base, dtype, step):
    """Near 2**63 float64 keeps steps of 2**11; these numbers are 2**20 apart."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 100, size=(8, 3, 2)), rng.integers(0, 100, size=8)
    large_X, large_y = (
        (np.array(base, dtype) + np.array(step, dtype) * v.astype(dtype)) for v in (X, y)
    )
    expected = make().fit(X, y).predict(X)
    assert_allclose(make().fit(large_X, y).predict(large_X), expected, atol=0.05)
    differences = (make().fit(X, large_y).predict(X) - float(base)) / step
    assert_allclose(differences, expected, atol=0.05)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "uint64", "float16", "float32"])
def test_the_limits_of_a_type(dtype):
    limits = np.finfo(dtype) if dtype.startswith("float") else np.iinfo(dtype)
    signs = [np.where(uniform(*shape) > 0, 1.0, -1.0) for shape in ((8, 3, 2), (8,))]
    X, y = (np.where(s > 0, limits.max, limits.min).astype(dtype) for s in signs)
    y = y.astype("float64") if dtype == "float32" else y
    middle, half = (float(limits.max) / 2 + sign * float(limits.min) / 2 for sign in (1, -1))
    assert_allclose((predicted(X, y) - middle) / half, predicted(*signs), atol=1e-5)


def test_booleans_are_zeros_and_ones():
    X, y = uniform(8, 3, 2) > 0, uniform(8) > 0
    assert_array_equal(predicted(X, y), predicted(X.astype(float), y.astype(float)))


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "int64", "bool", ">f4"])
def test_prediction_takes_other_types_than_the_fit(dtype):
    X = (uniform(8, 3, 2) > 0).astype("float64")
    model = make().fit(X, uniform(8, seed=1))
    assert_array_equal(model.predict(X.astype(dtype)), model.predict(X))


# What is no number, or too few of them

DAYS = pd.date_range("2020-01-01", periods=8)
NO_SHAPE = r"expects X of shape \(n_samples, n_timesteps, n_features\), or a list of arrays"
DATES, SPANS = (f"column 0 holds {what}. Turn them" for what in ("dates", "lengths of time"))
SPARSE = r"a dense table, and got a sparse one.*toarray\(\)"
LARGE = "(column 0|Input X) contains infinity or a value too large"
NOT_X = {
    "None": (None, ValueError, NO_SHAPE + r".*Got shape \(\)"),
    "text": ("abc", ValueError, NO_SHAPE),
    "dict": ({"a": [1, 2]}, TypeError, r"got a dict. Make a table of its columns, pd.DataFrame"),
    "set": ({1, 2}, ValueError, NO_SHAPE),
    "list of dicts": ([{"a": 1}] * 8, TypeError, "column 0 holds more than numbers: .* not 'dict'"),
    "generator": ((row for row in [[1.0]]), ValueError, NO_SHAPE),
    "ragged steps": ([[[1, 2], [3]]] * 8, ValueError, NO_SHAPE + ".*parts of unequal shape"),
    "text in cells": (np.full((8, 3), "a"), ValueError, "column 0 holds text. Encode it"),
    "bytes": (np.full((8, 3), b"a"), ValueError, "column 0 holds text. Encode it"),
    "objects": (np.full((8, 3), object()), TypeError, "must be a string or a real number"),
    "dates as objects": (np.full((8, 3), datetime.date(2020, 1, 1)), ValueError, DATES),
    "complex": (np.full((8, 3), 1j), ValueError, "Complex data not supported"),
    "sparse matrix": (sp.csr_matrix(np.eye(8)), TypeError, SPARSE),
    "sparse array": (sp.coo_array(np.eye(8)), TypeError, SPARSE),
    "list of sparse": ([sp.csr_matrix(np.eye(3))] * 8, TypeError, SPARSE),
    "nothing but None": (np.full((8, 3), None), ValueError, "NaN in every step of sample 0"),
    "empty arrays": ([np.empty((0, 2))] * 8, ValueError, "at least one time step"),
    "no rows": (np.empty((0, 3)), ValueError, r"0 sample\(s\)"),
    "dates": (np.full((8, 3), "2020-01-01", "M8[ns]"), ValueError, DATES),
    "days": (np.full((8, 3, 2), "2020-01-01", "M8[D]"), ValueError, DATES),
    "spans": (np.full((8, 3, 2), 1, "m8[h]"), ValueError, SPANS),
    "NaT": (np.full((8, 3, 2), "NaT", "M8[s]"), ValueError, DATES),
    "NaT of spans": (np.full((8, 3), "NaT", "m8[s]"), ValueError, SPANS),
    "integers beyond floats": (np.full((8, 3), 10**400), ValueError, LARGE),
    "one of them": (np.array([[10**400, 1], *[[0, 0]] * 7]), ValueError, LARGE),
    "steps of them": ([[[-(10**400)]] * 3] * 8, ValueError, LARGE),
    "long doubles": (np.full((8, 3), np.longdouble("1e4000")), ValueError, "too large for float32"),
}  # fmt: skip


@pytest.mark.parametrize(("X", "kind", "text"), NOT_X.values(), ids=NOT_X)
def test_what_x_cannot_be(X, kind, text):
    model = make()
    with pytest.raises(kind, match=text):
        model.fit(X, uniform(8))
    assert not hasattr(model, "parameters_")


def test_a_frame_of_dates_is_named():
    frame = pd.DataFrame({"a": DAYS, "b": DAYS})
    with pytest.raises(ValueError, match=r"column 'a' holds dates\. Turn"):
        make().fit(frame, uniform(8))


NOT_Y = {
    "dict": (
        {"a": 1},
        ValueError,
        r"inconsistent numbers of samples: \[8, 1\] in X and y. Pass one target",
    ),
    "number": (1.0, TypeError, "Expected sequence or array-like, got"),
    "empty": (
        [],
        ValueError,
        r"inconsistent numbers of samples: \[8, 0\] in X and y. Pass one target",
    ),
    "no outputs": (np.empty((8, 0)), ValueError, r"0 feature\(s\)"),
    "complex": (np.full(8, 1j), ValueError, "Complex data not supported"),
    "one NaN among integers": ([1, 2, 3, 4, 5, 6, 7, np.nan], ValueError, "y contains NaN"),
    "one NaN of two outputs": (np.r_[[[0, np.nan]], np.ones((7, 2))], ValueError, "y contains NaN"),
    "integers beyond float32": ([10**50] * 8, ValueError, r"too large for float32: 1e\+50"),
    "integers beyond floats": (
        [10**400] * 8,
        ValueError,
        "Input y contains .* too large for float32",
    ),
    "one of two outputs": ([[10**400, 0]] + [[0, 1]] * 7, ValueError, "Input y .* too large"),
    "nothing": (None, ValueError, "requires y to be passed, but the target y is None"),
    "None among them": (
        [None, *[1.0] * 7],
        ValueError,
        r"NaN, the first at row 0 \(1 such rows\)\. Remove",
    ),
    "sparse column": (sp.csr_matrix(np.ones((8, 1))), TypeError, r"Sparse data .* for y.*toarray"),
    "sparse outputs": (sp.coo_array(np.eye(8)), TypeError, r"Sparse data .* for y.*toarray\(\)"),
    "dates": (
        np.full(8, "2020-01-01", "M8[ns]"),
        ValueError,
        "y must hold numbers. Got .* datetime",
    ),
    "spans": (np.full(8, 1, "m8[h]"), ValueError, "y must hold numbers. Got dtype timedelta64"),
    "NaT": (np.full(8, "NaT", "M8[s]"), ValueError, "y must hold numbers. Got dtype datetime64"),
    "two of dates": (np.full((8, 2), "NaT", "m8[s]"), ValueError, "Got dtype timedelta64"),
    "series of dates": (pd.Series(DAYS), ValueError, "y must hold numbers. Got dtype datetime64"),
    "dates of a zone": (
        pd.Series(pd.DatetimeIndex(DAYS).tz_localize("UTC")),
        ValueError,
        "y must hold numbers. Got dates at row 0: 2020-01-01.*Predict a number",
    ),
    "text": (
        ["1"] * 7 + ["1,5"],
        ValueError,
        "y must hold numbers. Got text at row 0: 1. Parse it first, pd.to_num",
    ),
    "categories of text": (
        pd.Series(["lo"] * 8, dtype="category"),
        ValueError,
        "Got text at row 0: lo",
    ),
    "unequal lengths": ([[1, 2]] * 7 + [[1]], ValueError, "y holds targets of unequal length"),
    "one too many": (np.ones(9), ValueError, r"inconsistent numbers of samples: \[9, 8\]|\[8, 9\]"),
}


@pytest.mark.parametrize(("y", "kind", "text"), NOT_Y.values(), ids=NOT_Y)
def test_what_y_cannot_be(y, kind, text):
    with pytest.raises(kind, match=text):
        make().fit(uniform(8, 3, 2), y)


def test_no_error_about_an_input_has_a_period_twice():
    for X, kind, _ in NOT_X.values():
        with pytest.raises(kind) as caught:
            make().fit(X, uniform(8))
        assert ".. " not in f"{caught.value} "
    for y, kind, _ in NOT_Y.values():
        with pytest.raises(kind) as caught:
            make().fit(uniform(8, 3, 2), y)
        assert ".. " not in f"{caught.value} "


NOT_WEIGHTS = {
    "infinite": (np.full(8, np.inf), ValueError, "sample_weight contains infinity"),
    "None among them": ([None, *[1] * 7], ValueError, "sample_weight contains NaN"),
    "number": (2.0, TypeError, "at least 1 dimension"),
    "text": (
        ["1e2"] * 8,
        ValueError,
        "must hold numbers. Got text at row 0: 1e2. Parse",
    ),
    "dates": (
        pd.DatetimeIndex(DAYS),
        ValueError,
        "sample_weight must hold numbers. Got dtype",
    ),
    "spans": (
        np.full(8, 1, "m8[h]"),
        ValueError,
        "sample_weight must hold numbers. Got dtype",
    ),
    "sparse": (sp.csr_matrix(np.ones((8, 1))), TypeError, "passed for sample_weight"),
}


@pytest.mark.parametrize(("weights", "kind", "text"), NOT_WEIGHTS.values(), ids=NOT_WEIGHTS)
def test_what_weights_cannot_be(weights, kind, text):
    with pytest.raises(kind, match=text):
        make().fit(uniform(8, 3, 2), uniform(8), weights)


@pytest.mark.parametrize("factor", [5e-324, 1e-300, 1e300], ids=str)
def test_weights_of_any_size_are_ratios(factor):
    X, y = uniform(8, 3, 2), uniform(8, seed=1)
    expected = predicted(X, y, np.arange(8.0))
    assert_allclose(predicted(X, y, factor * np.arange(8)), expected, rtol=1e-12)


@pytest.mark.parametrize("n_timesteps", [1, 2, 500])
def test_prediction_of_fewer_or_more_steps(n_timesteps):
    model = make().fit(uniform(8, 3, 2), uniform(8, seed=1))
    prediction = model.predict(uniform(4, n_timesteps, 2))
    assert prediction.shape == (4,)
    assert np.isfinite(prediction).all()


@pytest.mark.parametrize("n_features", [1, 3, 64])
def test_prediction_of_other_features_is_an_error(n_features):
    model = make().fit(uniform(8, 4, 2), uniform(8, seed=1))
    with pytest.raises(ValueError, match=f"X has {n_features} features .* expecting 2 features"):
        model.predict(uniform(8, 4, n_features))


# Parameters and targets at the ends of float32


@pytest.mark.parametrize("name", ["learning_rate", "clipnorm", "weight_decay"])
@pytest.mark.parametrize("value", [1e39, np.inf, 10**400], ids=["1e39", "inf", "10**400"])
def test_parameters_that_float32_cannot_hold_are_refused(name, value):
    with pytest.raises(InvalidParameterError, match=f"'{name}' parameter .* must be"):
        make(**{name: value}).fit(uniform(8, 3, 2), uniform(8))


@pytest.mark.parametrize("place", [0, 3, 7])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_the_smallest_number_once_among_zeros_is_learned_as_one_among_zeros(place, n_outputs):
    X, y = uniform(8, 3, 2), np.zeros((8, n_outputs))
    y[place, -1] = 5e-324
    prediction = make().fit(X, y).predict(X)
    assert np.isfinite(prediction).all()
    assert (np.abs(prediction[:, -1]) <= 50 * 5e-324).all()


@pytest.mark.parametrize("largest", [3.4e38, np.finfo("float32").max])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_targets_at_both_ends_of_float32_have_finite_predictions(dtype, largest):
    X, signs = uniform(8, 3, 2), np.where(uniform(8, seed=1) > 0, 1.0, -1.0)
    y = (largest * signs).astype(dtype)
    prediction = make().fit(X, y).predict(X)
    assert_allclose(prediction / largest, make().fit(X, signs).predict(X), atol=1e-5)
