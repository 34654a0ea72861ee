"""Windows keep their table: through pickle, copies, caches, and what works value by value."""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_array_equal

from skattn import TimeWindows, Windows, sliding_windows

MANY = settings(max_examples=100, deadline=None, derandomize=True)
TABLE = np.random.default_rng(0).uniform(1, 2, size=(20, 2))
EVEN, UNEVEN, DILATED = [3, 5, 7, 9], [4, 0, 1, 4], [0, 1, 9]


@pytest.fixture(
    params=[(EVEN, 4, 1), (UNEVEN, 4, 2), (DILATED, 3, 5), ([6], 2, 1)],
    ids=["evenly spaced", "uneven", "dilated", "one"],
)
def windows(request):
    return Windows(TABLE, *request.param, feature_names=["a", "b"])


@pytest.fixture
def array(windows):
    steps = range(windows.n_timesteps)
    return np.array([[TABLE[f + t * windows.dilation] for t in steps] for f in windows.first])


def assert_keeps_its_table(made, like, expected):
    """Hold windows to an array, and to a table no longer than that of other windows."""
    assert isinstance(made, Windows)
    assert_array_equal(np.asarray(made), expected, strict=True)
    assert len(made.table) == np.ptp(like.first) + (like.n_timesteps - 1) * like.dilation + 1
    assert made.dilation == like.dilation
    assert_array_equal(np.diff(made.first), np.diff(like.first))
    assert made.feature_names.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    "data",
    [
        TABLE,
        pd.DataFrame(TABLE),
        pd.DataFrame({"a": TABLE[:, 0], "g": np.repeat([0, 1], 10)}),
    ],
    ids=["array", "frame", "groups"],
)
def test_windows_of_any_data_are_of_this_type(data):
    params = {"group_by": "g"} if "g" in data else {}
    assert isinstance(TimeWindows(3, **params).fit_transform(data), Windows)
    assert isinstance(sliding_windows(data, length=3, **params), Windows)


def test_names_are_those_of_the_features():
    table = pd.DataFrame({"a": TABLE[:, 0], "g": np.repeat([0, 1], 10), "b": TABLE[:, 1]})
    for made in (
        TimeWindows(3, group_by="g").fit_transform(table),
        sliding_windows(table, length=3, group_by="g"),
    ):
        assert made.feature_names.tolist() == ["a", "b"]
        assert made[3:].feature_names.tolist() == ["a", "b"]
    assert sliding_windows(TABLE, length=3).feature_names is None


# Ways that keep the table

WAYS = {
    "pickle": lambda w: pickle.loads(pickle.dumps(w)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "method copy": lambda w: w.copy(),
    "all samples": lambda w: w[:],
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_copies_keep_their_table(windows, array, way):
    made = way(windows)
    assert_keeps_its_table(made.trimmed(), windows, array)
    with pytest.raises(ValueError, match="read-only"):
        made.table[0] = 0


def test_a_cache_keeps_the_table(windows, array, tmp_path):
    cached = joblib.Memory(tmp_path, verbose=0).cache(lambda: windows)
    assert_keeps_its_table(cached().trimmed(), windows, array)
    assert cached.check_call_in_cache()
    assert_keeps_its_table(cached(), windows, array)


def test_equal_windows_have_equal_hashes_in_a_cache(windows):
    same = Windows(TABLE.copy(), windows.first, windows.n_timesteps, windows.dilation, ["a", "b"])
    assert joblib.hash(same) == joblib.hash(windows) == joblib.hash(windows[:])
    assert joblib.hash(windows[1:]) != joblib.hash(windows)


def test_a_pickle_of_some_windows_holds_their_rows_alone():
    windows = Windows(np.zeros((10_000, 8)), np.arange(9_990), 10)
    assert len(pickle.dumps(windows[50:60])) < 19 * 8 * 8 + 1000


MEAN, SCALE = np.array([1.5, 1.0]), np.array([2.0, 0.5])
BY_VALUE = {
    "minus, by": lambda X: (X - MEAN) / SCALE,
    "from the left": lambda X: 1 - MEAN * X,
    "list": lambda X: X * [1.0, 2.0],
    "power, negative": lambda X: -(X**2),
    "compared": lambda X: X > 1.5,
    "log1p": np.log1p,
    "of float32": lambda X: np.float32(2) * X,
    "clip": lambda X: np.clip(X, 1.2, [1.5, 1.8]),
    "clip by name": lambda X: np.clip(X, a_min=1.2, a_max=None),
    "method clip": lambda X: X.clip(1.2, 1.8),
    "nan_to_num": lambda X: np.nan_to_num(X, nan=0.0),
    "round": lambda X: np.round(X, decimals=1),
    "method round": lambda X: X.round(1),
    "abs": abs,
    "astype": lambda X: X.astype("float32"),
    "astype int": lambda X: X.astype(int),
    "isnan": np.isnan,
    "dtype": lambda X: np.add(X, 1, dtype="float32"),
    "with itself": lambda X: X * X,
    "with what is made of it": lambda X: X - np.isnan(X) * X[:],
}


@pytest.mark.parametrize("function", BY_VALUE.values(), ids=BY_VALUE)
def test_what_works_value_by_value_keeps_the_table(windows, array, function):
    assert_keeps_its_table(function(windows), windows, function(array))


def test_a_series_is_a_row(windows, array):
    made = windows - pd.Series([1.0, 2.0], index=["a", "b"])
    assert_keeps_its_table(made, windows, array - [1.0, 2.0])


def test_windows_that_lie_alike_keep_a_table():
    windows = Windows(TABLE, EVEN, 4, feature_names=["a", "b"])
    array = np.asarray(windows)
    assert_keeps_its_table(windows[1:] - windows[:-1], windows[1:], array[1:] - array[:-1])


def test_two_results_are_two_windows(windows, array):
    for made, expected in zip(np.modf(windows), np.modf(array), strict=True):
        assert_keeps_its_table(made, windows, expected)


def test_rows_that_no_window_holds_cause_no_warning(windows):
    table = TABLE.copy()
    table[np.setdiff1d(np.arange(20), windows.layout.rows)] = -1.0
    assert np.isfinite(np.log(windows.with_table(table))).all()  # warnings are errors here


def test_names_go_where_the_columns_change():
    one = Windows(TABLE[:, :1], EVEN, 2, feature_names=["a"])
    made = one * [1.0, 2.0, 3.0]
    assert made.shape == (4, 2, 3)
    assert made.feature_names is None
    assert_array_equal(made, np.asarray(one) * [1.0, 2.0, 3.0])


# Everything else is an array

AS_ARRAY = {
    "mean": lambda X: X.mean(),
    "mean by step": lambda X: X.mean(axis=0),
    "np.mean": lambda X: np.mean(X, axis=(0, 1)),
    "std": lambda X: X.std(axis=1, keepdims=True),
    "extremes": lambda X: np.array([X.min(), X.max(), X.sum()]),
    "reduce": lambda X: np.add.reduce(X, axis=2),
    "reshape": lambda X: X.reshape(len(X), -1),
    "np.reshape": lambda X: np.reshape(X, (len(X), -1)),
    "transpose": lambda X: X.transpose(0, 2, 1),
    "T": lambda X: X.T,
    "joined": lambda X: np.concatenate([X, X]),
    "where": lambda X: np.where(X > 1.5, X, 0.0),
    "plus an array": lambda X: X + np.ones(X.shape),
    "an array minus": lambda X: np.ones(X.shape) - X,
    "other windows": lambda X: X[[0, 0]] - X[[0, 1]] if len(X) > 1 else X.T,
    "by step": lambda X: X * np.arange(X.shape[1])[:, np.newaxis],
    "matmul": lambda X: X @ np.ones((2, 1)),
    "masked": lambda X: X[X > 1.5],
    "last value": lambda X: X[:, -1, 0],
    "take": lambda X: np.take(X, [0, 0], axis=0),
    "out": lambda X: np.add(X, 1, out=np.zeros(X.shape)),
}


@pytest.mark.parametrize("function", AS_ARRAY.values(), ids=AS_ARRAY)
def test_everything_else_is_what_it_is_of_the_array(windows, array, function):
    made = function(windows)
    assert not isinstance(made, Windows)
    assert_array_equal(made, function(array), strict=True)


def test_shapes_are_known_without_an_array(windows, array, monkeypatch):
    monkeypatch.setattr(Windows, "__array__", None)
    assert np.shape(windows) == windows.shape == array.shape
    assert np.ndim(windows) == windows.ndim == 3
    assert np.size(windows) == windows.size == array.size
    assert windows.nbytes == array.nbytes
    assert len(windows) == len(array)


def test_evenly_spaced_windows_are_a_view_of_their_table():
    array = np.asarray(Windows(TABLE, EVEN, 4))
    assert np.shares_memory(array, TABLE)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 0
    as_numpy_does = sliding_window_view(TABLE, 4, axis=0).swapaxes(1, 2)[3:10:2]
    assert array.strides == as_numpy_does.strides
    assert_array_equal(array, as_numpy_does)
    assert np.array(Windows(TABLE, EVEN, 4), copy=False) is not None


def test_an_array_that_was_asked_for_as_a_copy_can_be_written_to():
    copied = np.array(Windows(TABLE, EVEN, 4))
    copied[:] = 0
    assert TABLE.all()


def test_windows_are_not_written_to(windows):
    with pytest.raises(TypeError, match=r"read-only.*windows = windows - mean"):
        windows -= 1.0
    with pytest.raises(TypeError, match="read-only"):
        np.add(np.ones(windows.shape), 1, out=windows)
    with pytest.raises(TypeError, match="item assignment"):
        windows[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        np.nan_to_num(windows, copy=False)


def test_a_comparison_is_no_truth_value(windows):
    with pytest.raises(ValueError, match="ambiguous"):
        bool(windows == windows)
    assert (windows == windows).all()


def test_names_that_an_array_has_not_are_errors(windows):
    with pytest.raises(AttributeError, match="no attribute 'iloc'"):
        _ = windows.iloc


@MANY
@given(data=st.data())
def test_any_chain_of_steps_is_that_of_the_array(data):
    """Samples taken, scaled, cast, pickled, in any order: the windows are those of the array."""
    steps = [lambda X: (X - MEAN) / SCALE, lambda X: X.astype("float32"), lambda X: X[::-1]]
    steps += [lambda X: X[1:] if len(X) > 1 else X, lambda X: pickle.loads(pickle.dumps(X))]
    first = data.draw(st.lists(st.integers(0, 10), min_size=1, max_size=6))
    windows = Windows(TABLE, first, data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3)))
    array = np.array(windows)
    for step in data.draw(st.lists(st.sampled_from(steps), max_size=5)):
        windows, array = step(windows), step(array)
        assert isinstance(windows, Windows)
        assert_array_equal(np.asarray(windows), array, strict=True)


# Messages

WRONG = {
    "no table": ((TABLE[0], [0], 2), r"table of shape \(n_rows, n_features\). Got shape \(2,\)"),
    "floats": ((TABLE, [0.0], 2), r"integers of shape \(n_samples,\). Got dtype float64"),
    "two dimensions": ((TABLE, [[0]], 2), r"Got dtype int\d+ of shape \(1, 1\)"),
    "no steps": ((TABLE, [0], 0), "Got n_timesteps=0, dilation=1"),
    "before": ((TABLE, [-1, 3], 2), r"begin at rows -1 to 3 do not fit into a table of 20 rows"),
    "beyond": ((TABLE, [0, 18], 2, 2), r"Windows of 3 rows that begin at rows 0 to 18 do not fit"),
    "names": ((TABLE, [0], 2, 1, ["a"]), "Got 1 feature_names for the 2 columns"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_windows_lie_inside_of_their_table(arguments, message):
    with pytest.raises(ValueError, match=message):
        Windows(*arguments)


def test_another_table_has_as_many_rows(windows):
    with pytest.raises(ValueError, match=r"shape \(20, n_features\). Got shape \(3, 2\)"):
        windows.with_table(TABLE[:3])
