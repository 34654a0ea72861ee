"""Standardization of sequences against StandardScaler on their steps."""

import pickle
from copy import copy

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_estimators_partial_fit_n_features,
    check_inplace_ensure_writeable,
    check_param_validation,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
    parametrize_with_checks,
)

from conftest import passes
from skattn import SequenceScaler, sliding_windows

RANDOM = settings(max_examples=60, deadline=None, derandomize=True)


def sequences_with_absent_steps(shape=(20, 5, 3), seed=0):
    X = np.random.RandomState(seed).normal([3, -70, 1e4], [1, 20, 1e-2], size=shape)
    X[::3, 3:] = np.nan
    X[1, 2, 0] = np.nan
    return X


def as_list(X):
    """Return sequences of unequal length: their steps but for those absent at the end."""
    return [sequence[~np.isnan(sequence).all(axis=1)] for sequence in X]


def steps(X):
    return np.concatenate([*X]) if isinstance(X, list) or X.ndim == 3 else X


@pytest.fixture(name="X", params=[np.array, as_list, steps], ids=["3-D", "list", "2-D"])
def sequences_of_any_form(request):
    return request.param(sequences_with_absent_steps())


OPTIONS = pytest.mark.parametrize(
    "options",
    [{}, {"with_mean": False}, {"with_std": False}],
)


@OPTIONS
def test_sequences_are_scaled_as_standard_scaler_scales_their_steps(X, options):
    scaled = SequenceScaler(**options).fit_transform(X)
    expected = StandardScaler(**options).fit_transform(steps(X))
    assert type(scaled) is type(X)
    assert_array_equal(steps(scaled), expected)


def test_scaled_features_have_mean_zero_and_deviation_one(X):
    scaled = steps(SequenceScaler().fit_transform(X))
    assert_allclose(np.nanmean(scaled, axis=0), 0, atol=1e-9)
    assert_allclose(np.nanstd(scaled, axis=0), 1, rtol=1e-9)


def test_absent_steps_stay_absent():
    X = sequences_with_absent_steps()
    assert_array_equal(np.isnan(SequenceScaler().fit_transform(X)), np.isnan(X))


@OPTIONS
def test_inverse_is_the_inverse(X, options):
    scaler = SequenceScaler(**options).fit(X)
    undone = scaler.inverse_transform(scaler.transform(X))
    assert type(undone) is type(X)
    assert_allclose(steps(undone), steps(X), rtol=1e-12)
    assert len(undone) == len(X)


def test_by_hand():
    scaled = SequenceScaler().fit_transform([[[1.0], [3.0]], [[5.0]]])
    deviation = np.sqrt(8 / 3)
    assert [sequence.shape for sequence in scaled] == [(2, 1), (1, 1)]
    assert_allclose(np.concatenate(scaled)[:, 0], np.array([-2, 0, 2]) / deviation)


def test_lists_keep_the_lengths_of_their_sequences():
    X = [np.arange(float(2 * n)).reshape(n, 2) for n in (3, 1, 0, 4)]
    scaled = SequenceScaler().fit_transform(X)
    assert [sequence.shape for sequence in scaled] == [(3, 2), (1, 2), (0, 2), (4, 2)]


def test_other_sequences_are_scaled_with_the_statistics_of_fit():
    scaler = SequenceScaler().fit([[[1.0], [3.0]]])
    assert scaler.transform(np.array([[[4.0]]])).tolist() == [[[2.0]]]
    assert scaler.transform(np.array([[0.0]])).tolist() == [[-2.0]]
    assert scaler.inverse_transform([[[2.0]]])[0].tolist() == [[4.0]]


# Windows that share rows


@RANDOM
@given(
    n_rows=st.integers(8, 40),
    length=st.integers(1, 8),
    step=st.integers(1, 3),
    stride=st.integers(1, 3),
    missing=st.sets(st.integers(0, 7), max_size=3),
    first=st.booleans(),
)
def test_views_have_the_statistics_of_their_copies(n_rows, length, step, stride, missing, first):
    n_rows = max(n_rows, (length - 1) * stride + 1)
    table = np.random.RandomState(n_rows).normal([3, -70], [1, 20], size=(n_rows, 2))
    table[sorted(missing)] = np.nan
    table[0, 0] = 5.0 if first else table[0, 0]
    table[-1] = [1, 2]
    windows = sliding_windows(table, length=length, stride=step, dilation=stride)
    of_view, of_copy = SequenceScaler().fit(windows), SequenceScaler().fit(windows.copy())
    if np.isnan(windows).all(axis=(0, 1)).any():
        return
    assert_allclose(of_view.scaler_.mean_, of_copy.scaler_.mean_, rtol=1e-12)
    assert_allclose(of_view.scaler_.var_, of_copy.scaler_.var_, rtol=1e-10)
    assert_array_equal(of_view.scaler_.n_samples_seen_, of_copy.scaler_.n_samples_seen_)
    scaled = of_view.transform(windows)
    assert_allclose(scaled, of_view.transform(windows.copy()), rtol=1e-14)


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_views_stay_views(method, dtype):
    table = np.random.RandomState(0).normal(size=(100, 3)).astype(dtype)
    windows = sliding_windows(table, length=10)
    result = getattr(SequenceScaler().fit(windows), method)(windows)
    assert result.dtype == dtype
    assert result.shape == windows.shape
    assert np.shares_memory(result[0], result[1])
    assert not np.shares_memory(result, table)


@pytest.mark.parametrize(
    "layout",
    [
        lambda X: X.transpose(0, 2, 1)[:, :, ::-1].copy().transpose(0, 2, 1),
        lambda X: np.asfortranarray(X),
        lambda X: np.repeat(X, 2, axis=1)[:, ::2],
        lambda X: X[::-1, ::-1],
        lambda X: np.broadcast_to(X[:1], X.shape),
        lambda X: np.lib.stride_tricks.sliding_window_view(X[0], 3, axis=0).transpose(0, 2, 1),
        lambda X: np.lib.stride_tricks.sliding_window_view(X[0], 3, axis=0)[::-1],
    ],
)
def test_any_layout_in_memory_is_its_copy(layout):
    X = layout(np.random.RandomState(0).normal(size=(7, 6, 3)))
    of_view, of_copy = SequenceScaler().fit(X), SequenceScaler().fit(X.copy())
    assert_allclose(of_view.transform(X), of_copy.transform(X.copy()), rtol=1e-9, atol=1e-12)
    assert_allclose(of_view.inverse_transform(of_view.transform(X)), X, rtol=1e-12, atol=1e-12)


def test_a_constant_in_windows_that_share_rows_is_constant():
    scaler = SequenceScaler().fit(sliding_windows(np.full((50, 1), 0.1), length=7))
    assert scaler.scaler_.scale_.tolist() == [1.0]


# Parts


@pytest.mark.parametrize("ends", [[10], [1], [7, 13]])
def test_partial_fit_in_parts_is_fit(X, ends):
    scaler, whole = SequenceScaler(), SequenceScaler().fit(X)
    for first, last in zip([0, *ends], [*ends, len(X)], strict=True):
        assert scaler.partial_fit(X[first:last]) is scaler
    for name in ("mean_", "var_", "n_samples_seen_"):
        assert_allclose(getattr(scaler.scaler_, name), getattr(whole.scaler_, name), rtol=1e-9)


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 0)])
@pytest.mark.parametrize("absent", [False, True])
def test_windows_in_parts_are_their_copies_in_parts(order, absent):
    table = np.random.RandomState(0).normal(3, size=(40, 2))
    table[5:7] = np.nan if absent else 0
    windows = sliding_windows(table, length=6)
    given, expected = SequenceScaler(), SequenceScaler()
    for part in order:
        given.partial_fit((windows, windows.copy())[part])
        expected.partial_fit(windows.copy())
    assert_allclose(given.scaler_.var_, expected.scaler_.var_, rtol=1e-12)
    assert_array_equal(given.scaler_.n_samples_seen_, expected.scaler_.n_samples_seen_)


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 3, 2)), np.full((2, 3, 3), np.inf), [np.zeros((0, 3))], [["a"]], None]
)
def test_a_failing_partial_fit_changes_nothing(bad):
    scaler = SequenceScaler().fit(sequences_with_absent_steps())
    before = pickle.dumps(scaler)
    with pytest.raises(ValueError):  # noqa: PT011 - what it says is tested below
        scaler.partial_fit(bad)
    assert pickle.dumps(scaler) == before


def test_partial_fit_leaves_a_shallow_copy_alone():
    scaler = SequenceScaler().fit(sequences_with_absent_steps())
    other = copy(scaler)
    before = pickle.dumps(other)
    scaler.partial_fit(np.zeros((2, 3, 3)))
    assert pickle.dumps(other) == before


def test_fit_begins_anew():
    X = sequences_with_absent_steps()
    scaler = SequenceScaler().fit(1e6 * X[:5]).fit(X)
    assert_array_equal(scaler.scaler_.mean_, SequenceScaler().fit(X).scaler_.mean_)


# Types, constants and the contract of scikit-learn


@pytest.mark.parametrize(
    ("given", "expected"),
    [("float32", "float32"), ("float64", "float64"), ("int64", "float64"), ("bool", "float64")],
)
@pytest.mark.parametrize("make", [np.array, list, sliding_windows], ids=["3-D", "list", "view"])
def test_type_of_scaled_sequences(given, expected, make):
    X = np.arange(24).reshape(4, 3, 2).astype(given)
    X = sliding_windows(X[:, 0], length=2) if make is sliding_windows else make(X)
    assert SequenceScaler().fit_transform(X)[0].dtype == expected


@pytest.mark.parametrize("value", [0.0, 0.1, -1e30, 1e-30])
def test_constants_are_centred_only(value):
    X = np.full((4, 3, 2), value)
    X[:, :, 1] = np.arange(12).reshape(4, 3)
    scaler = SequenceScaler().fit(X)
    assert scaler.scaler_.scale_[0] == 1
    assert_allclose(scaler.transform(X)[:, :, 0], 0, atol=1e-12 * abs(value))


def test_the_input_stays_as_it_was():
    X = sequences_with_absent_steps()
    original = X.copy()
    scaler = SequenceScaler().fit(X)
    scaler.inverse_transform(scaler.transform(X))
    assert_array_equal(X, original)


def test_names_of_features():
    table = pd.DataFrame({"a": [1.0, 2], "b": [3.0, 4]})
    assert SequenceScaler().fit(table).get_feature_names_out().tolist() == ["a", "b"]
    scaler = SequenceScaler().fit(np.zeros((2, 3, 2)))
    assert scaler.n_features_in_ == 2
    assert scaler.get_feature_names_out().tolist() == ["x0", "x1"]
    assert scaler.get_feature_names_out(["p", "q"]).tolist() == ["p", "q"]


def test_sequences_are_arrays_whatever_set_output_says(X):
    expected = steps(SequenceScaler().fit_transform(X))
    scaler = SequenceScaler().set_output(transform="pandas")
    assert_array_equal(steps(scaler.fit_transform(X)), expected)
    with config_context(transform_output="pandas"):
        scaled = SequenceScaler().fit(X).transform(X)
    assert type(scaled) is type(X)
    assert_array_equal(steps(scaled), expected)


def test_clone_pickle_and_repr(X):
    scaler = SequenceScaler(with_std=False).fit(X)
    assert repr(scaler) == "SequenceScaler(with_std=False)"
    assert not hasattr(clone(scaler), "scaler_")
    loaded = pickle.loads(pickle.dumps(scaler))
    assert_array_equal(steps(loaded.transform(X)), steps(scaler.transform(X)))


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_before_fit_is_an_error(method):
    with pytest.raises(NotFittedError):
        getattr(SequenceScaler(), method)(np.zeros((2, 3, 2)))


@pytest.mark.parametrize("method", ["transform", "inverse_transform", "partial_fit"])
@pytest.mark.parametrize("make", [np.array, list, steps], ids=["3-D", "list", "2-D"])
def test_other_features_are_an_error(method, make):
    scaler = SequenceScaler().fit(np.zeros((2, 3, 2)))
    message = "X has 5 features, but SequenceScaler is expecting 2 features"
    with pytest.raises(ValueError, match=message):
        getattr(scaler, method)(make(np.zeros((2, 3, 5))))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros(3), "Expected 2D array"),
        (
            np.zeros((2, 2, 2, 2)),
            r"\(n_samples, n_timesteps, n_features\), a list of .* Got shape \(2, 2, 2, 2\)",
        ),
        (np.zeros((0, 3, 2)), "0 sample"),
        ([np.zeros((2, 3)), np.zeros((2, 2))], r"sequence 0 has shape \(2, 3\), sequence 1 has"),
        (np.full((2, 3, 1), np.inf), "Input X contains infinity"),
        ([np.full((2, 3), np.inf)], "contains infinity"),
    ],
)
def test_what_is_not_sequences_is_an_error(X, message):
    with pytest.raises(ValueError, match=message):
        SequenceScaler().fit(X)


def test_parameters_are_checked():
    with pytest.raises(ValueError, match="'with_mean' parameter of SequenceScaler must be"):
        SequenceScaler(with_mean="yes").fit(np.zeros((2, 3, 2)))


CANDIDATES = [SequenceScaler(), SequenceScaler(with_mean=False, with_std=False)]


@parametrize_with_checks(CANDIDATES)
def test_passes_and_does_not_skip(estimator, check):
    passes(estimator, check)


@pytest.mark.parametrize(
    "check",
    [
        check_dataframe_column_names_consistency,
        check_estimators_partial_fit_n_features,
        check_inplace_ensure_writeable,
        check_param_validation,
        check_transformer_get_feature_names_out,
        check_transformer_get_feature_names_out_pandas,
    ],
)
def test_passes_checks_that_scikit_learn_keeps_for_its_own(check):
    check("SequenceScaler", SequenceScaler())
