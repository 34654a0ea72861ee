"""Windows behave as their array does, and keep their table."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import (
    GridSearchCV,
    ShuffleSplit,
    TimeSeriesSplit,
    cross_val_score,
    train_test_split,
)
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_array, resample, shuffle

from panels import panels, two_stations
from skattn import SequenceScaler, TimeWindows, Windows, sliding_windows

MANY = settings(max_examples=100, deadline=None, derandomize=True)
TABLE = np.random.default_rng(0).normal(size=(20, 2))
FIRST = np.array([3, 0, 1, 7, 7])


@pytest.fixture
def windows():
    """5 windows of 4 steps, every second row of a table of 20."""
    return Windows(TABLE, FIRST, n_timesteps=4, dilation=2)


@pytest.fixture
def array(windows):
    return np.array([[TABLE[first + 2 * t] for t in range(4)] for first in FIRST])


@pytest.fixture
def stations():
    """Windows and targets of two interleaved series of 40 rows."""
    table = two_stations(40)
    return sliding_windows(table, table["b"], length=3, group_by="g")


# What an array has


def test_shape_type_and_length_are_those_of_the_array(windows, array):
    assert windows.shape == array.shape == (5, 4, 2)
    assert windows.ndim == np.ndim(windows) == 3
    assert windows.dtype == "float64"
    assert len(windows) == 5
    assert repr(windows) == "<Windows of shape (5, 4, 2) on a table of 20 rows>"


@pytest.mark.parametrize("dtype", [None, "float32", "float64", object])
def test_the_array_is_that_of_a_loop(windows, array, dtype):
    made = np.asarray(windows, dtype)
    assert made.dtype == (dtype or "float64")
    assert_array_equal(made, array.astype(made.dtype))
    made[:] = 0  # a copy
    assert TABLE.all()


def test_no_copy_is_refused(windows):
    with pytest.raises(ValueError, match="only as a copy"):
        np.array(windows, copy=False)


def test_iteration_goes_through_the_samples(windows, array):
    assert_array_equal(list(windows), array)
    assert_array_equal(list(reversed(windows)), array[::-1])


# Indices

SAMPLES = {
    "slice": np.s_[1:4],
    "stepped slice": np.s_[::-2],
    "numbers": np.array([4, 0, 0, -1]),
    "list": [2, 1],
    "mask": np.array([True, False, True, True, False]),
    "list of bool": [True, False, True, True, False],
    "none": np.array([], dtype=int),
    "as scikit-learn asks": np.s_[np.array([1, 3]), ...],
    "all": np.s_[:, ...],
}
PARTS = {
    "first": 0,
    "last": -1,
    "numpy number": np.int64(2),
    "sample and step": np.s_[1, 2],
    "sample, step and feature": np.s_[-2, -1, 1],
    "steps of a sample": np.s_[1, 1:3],
    "step of each": np.s_[:, -1],
    "feature of the last step": np.s_[:, -1, 0],
    "step of some": np.s_[np.array([0, 2]), 1],
    "mask and step": np.s_[np.array([True, False, True, True, False]), 0, 1],
    "feature": np.s_[..., 0],
    "steps": np.s_[:, ::2],
    "features": np.s_[1:, ..., ::-1],
    "pairs of sample and step": np.s_[np.array([0, 3]), np.array([1, 2])],
    "pairs of slice and step": np.s_[:2, np.array([1, 2])],
    "array of two dimensions": np.array([[0, 1], [2, 3]]),
    "mask of samples and steps": TABLE.ravel()[:20].reshape(5, 4) > 0,
    "new axis": np.s_[np.newaxis],
    "new axis after": np.s_[:, np.newaxis],
    "nothing": (),
    "everything": ...,
}


@pytest.mark.parametrize("samples", SAMPLES.values(), ids=SAMPLES)
def test_some_samples_are_windows_of_the_same_table(windows, array, samples):
    taken = windows[samples]
    assert isinstance(taken, Windows)
    assert np.shares_memory(taken.table, TABLE)
    assert taken.table.shape == TABLE.shape
    assert taken.shape == array[samples].shape
    assert_array_equal(taken, array[samples])


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_any_index_gives_what_it_gives_of_the_array(windows, array, part):
    assert_array_equal(windows[part], array[part], strict=True)


@MANY
@given(data=st.data())
def test_samples_of_samples_are_those_of_the_array(data):
    windows = Windows(TABLE, FIRST, n_timesteps=4, dilation=2)
    array = np.asarray(windows)
    for _ in range(3):
        number = st.integers(-len(array), len(array) - 1)
        samples = data.draw(st.slices(len(array)) | st.lists(number, min_size=1).map(np.array))
        windows, array = windows[samples], array[samples]
        assert_array_equal(windows, array)
        if not len(array):
            break


@pytest.mark.parametrize(
    "index", [5, -6, np.array([0, 5]), [True] * 4, 1.0, "a", np.s_[0, 4], np.s_[:, 4], np.s_[9, 0]]
)
def test_what_is_no_index_of_the_array_is_an_index_error(windows, array, index):
    for values in (array, windows):
        with pytest.raises(IndexError):
            values[index]


def test_a_pickle_is_as_large_as_the_table():
    table = np.random.default_rng(0).normal(size=(1000, 8))
    windows = Windows(table, np.arange(950)[::-1], 50)
    pickled = pickle.dumps(windows)
    assert len(pickled) < 1.3 * table.nbytes < np.asarray(windows).nbytes / 30
    assert_array_equal(pickle.loads(pickled), windows)


# As scikit-learn takes them


@settings(max_examples=30, deadline=None, derandomize=True)
@given(panel=panels(min_rows=4))
def test_scaled_windows_are_scaled_arrays(panel):
    table, _, params = panel
    windows = TimeWindows(**params).fit_transform(table)
    of_windows, of_array = (SequenceScaler().fit(X) for X in (windows, np.array(windows)))
    assert_allclose(of_windows.scaler_.mean_, of_array.scaler_.mean_, rtol=1e-12)
    assert_array_equal(of_windows.scaler_.n_samples_seen_, of_array.scaler_.n_samples_seen_)
    assert_allclose(of_windows.transform(windows), of_array.transform(windows), atol=1e-10)


def test_scaled_windows_keep_a_table(stations):
    X, _ = stations
    scaled = SequenceScaler().fit_transform(X)
    assert isinstance(scaled, Windows)
    assert scaled.table.shape == (79, 2)  # the last row of the 80 is in no window
    assert scaled.feature_names.tolist() == ["a", "b"]


def test_a_split_in_the_order_of_time_keeps_the_table(stations):
    X, y = stations
    train, test, *_ = train_test_split(X, y, test_size=0.25, shuffle=False)
    assert np.shares_memory(train.table, X.table)
    assert np.shares_memory(test.table, X.table)
    assert_array_equal(np.concatenate([train, test]), X)


@pytest.mark.parametrize("draw", [shuffle, resample])
def test_samples_and_targets_stay_together(stations, draw):
    X, y = draw(*stations, random_state=0)
    number = {X_i.tobytes(): y_i for X_i, y_i in zip(*map(np.asarray, stations), strict=True)}
    assert [number[X_i.tobytes()] for X_i in X] == y.tolist()


@pytest.mark.parametrize(
    "folds", [TimeSeriesSplit(2), ShuffleSplit(2, random_state=0)], ids=["time", "shuffled"]
)
def test_scores_of_folds_are_those_of_arrays(stations, small, folds):
    X, y = stations
    model = small(standardize=False)
    scores = cross_val_score(model, X, y, cv=folds)
    assert_array_equal(scores, cross_val_score(model, np.array(X), y, cv=folds))


def test_a_search_finds_what_it_finds_on_arrays(stations, small):
    X, y = stations
    search = GridSearchCV(
        small(standardize=False), {"learning_rate": [0.001, 0.1]}, cv=TimeSeriesSplit(2)
    )
    of_windows = search.fit(X, y).predict(X)
    scores = search.cv_results_["mean_test_score"]
    assert_array_equal(of_windows, search.fit(np.array(X), y).predict(np.array(X)))
    assert_array_equal(scores, search.cv_results_["mean_test_score"])


def test_other_estimators_get_an_array(stations):
    X, y = stations
    checked = check_array(X, allow_nd=True)
    assert type(checked) is np.ndarray
    assert_array_equal(checked, X)
    assert DummyRegressor().fit(X, y).predict(X).shape == y.shape
    flatten = FunctionTransformer(lambda X: np.reshape(X, (len(X), -1)))
    neighbour = make_pipeline(flatten, KNeighborsRegressor(1)).fit(X, y)
    assert_array_equal(neighbour.predict(X), y)


@pytest.mark.parametrize("use", ["fit", "predict", "scale"])
def test_no_windows_are_no_samples(stations, small, use):
    X, y = stations
    calls = {
        "fit": lambda: small().fit(X[:0], y[:0]),
        "predict": lambda: small().fit(X, y).predict(X[:0]),
        "scale": lambda: SequenceScaler().fit(X[:0]),
    }
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        calls[use]()


def test_scikit_learn_takes_windows_as_an_array_of_the_array_api(stations):
    X, y = stations
    with config_context(array_api_dispatch=True):
        train, test, *_ = train_test_split(X, y, test_size=0.25, shuffle=False)
        assert_array_equal(np.concatenate([train, test]), X)
