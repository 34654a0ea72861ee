"""The same numbers in any container are the same sequences, bit for bit, or our own error."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from conftest import sequences_of
from skattn import LSTMAttentionRegressor, TimeWindows, Windows
from skattn._inputs.checks import check_sequences
from skattn._inputs.containers import read_container

NAN = np.nan


def assert_same_sequences(one, other):
    for name in ("table", "starts", "lengths"):
        a, b = (np.asarray(getattr(sequences, name)) for sequences in (one, other))
        assert_array_equal(a.astype("float64"), b.astype("float64"), strict=True)


def nullable(values):
    return pd.DataFrame(values).convert_dtypes().add_prefix("c")


def named(values):
    return pd.DataFrame(values).add_prefix("c")


def masked(values):
    """Mask what is missing; beneath the mask is a number that must not be read."""
    return np.ma.MaskedArray(np.where(np.isnan(values), 777.0, values), np.isnan(values))


def on_disk(values):
    mapped = np.memmap(_FILE, dtype="float64", mode="w+", shape=values.shape)
    mapped[:] = values
    return mapped


def read_only(values):
    values = values.copy()
    values.flags.writeable = False
    return values


def structured(values):
    return np.rec.fromarrays(values.T, names=[f"c{i}" for i in range(values.shape[1])])


def test_a_list_of_structured_arrays_is_one_of_frames():
    frames = [
        pd.DataFrame(values, columns=["a", "b"]) for values in np.arange(24.0).reshape(4, 3, 2)
    ]
    records = [frame.to_records(index=False) for frame in frames]
    read, expected = read_container(records, "it"), read_container(frames, "it")
    assert_array_equal(read.values, expected.values)
    assert read.feature_names.tolist() == ["a", "b"]


class ArrayLike:
    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


_FILE = None


@pytest.fixture(scope="module", autouse=True)
def _file(tmp_path_factory):
    global _FILE
    _FILE = tmp_path_factory.mktemp("mapped") / "X"
    yield
    _FILE = None


#: Container → how it is made of an array of float64.
ARRAYS = {
    "array": lambda X: X,
    "masked array": masked,
    "masked array without a mask": np.ma.asarray,
    "Fortran order": np.asfortranarray,
    "read-only": read_only,
    "memmap": on_disk,
    "non-contiguous": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "big-endian": lambda X: X.astype(">f8"),
    "objects": lambda X: X.astype(object),
    "nested lists": lambda X: X.tolist(),
    "tuples": lambda X: tuple(map(tuple, X.tolist())),
    "list of arrays": list,
    "list of masked arrays": lambda X: [masked(x) for x in X],
    "array-like": ArrayLike,
}
FRAMES = {
    "pandas": named,
    "pandas, numbered": pd.DataFrame,
    "pandas, nullable": nullable,
    "pandas, of pyarrow": lambda X: pd.DataFrame(X).astype("float64[pyarrow]").add_prefix("c"),
    "polars": lambda X: pl.DataFrame(X, schema=[f"c{i}" for i in range(X.shape[1])]),
    "polars, null": lambda X: pl.DataFrame(
        [[None if np.isnan(v) else v for v in column] for column in X.T.tolist()],
        schema=[(f"c{i}", pl.Float64) for i in range(X.shape[1])],
    ),
    "pyarrow": lambda X: pa.table({f"c{i}": column for i, column in enumerate(X.T.copy())}),
    "structured": structured,
}
LISTS = {
    "list of frames": lambda X: [named(x) for x in X],
    "list of polars": lambda X: [FRAMES["polars"](x) for x in X],
    "list of pyarrow": lambda X: [FRAMES["pyarrow"](x) for x in X],
    "series of arrays": lambda X: pd.Series(list(X)),
    "objects, one-dimensional": lambda X: np.array([*X, None], dtype=object)[:-1],
    "windows": lambda X: Windows(
        X.reshape(-1, X.shape[2]), np.arange(0, X.shape[0] * X.shape[1], X.shape[1]), X.shape[1]
    ),
}
DTYPES = ["float16", "float32", "float64", "int8", "int64", "uint8", "bool"]

sizes = st.tuples(st.integers(1, 5), st.integers(1, 4))
whole = st.integers(-9, 9).map(float)


@st.composite
def tables(draw, n_dims):
    """Draw X of whole numbers, some steps of which are absent, but never all of a sequence."""
    shape = (*draw(sizes), draw(st.integers(1, 3)))[:n_dims]
    X = draw(arrays("float64", shape, elements=whole))
    absent = draw(arrays(bool, shape[:2]))
    absent[
        np.arange(shape[0]), draw(arrays(int, shape[0], elements=st.integers(0, shape[1] - 1)))
    ] = 0
    X[absent] = NAN
    return X


@settings(deadline=None, derandomize=True)
@given(X=tables(n_dims=3), container=st.sampled_from(sorted(ARRAYS | LISTS)))
def test_three_dimensions_in_any_container(X, container):
    assert_same_sequences(sequences_of((ARRAYS | LISTS)[container](X)), sequences_of(X))


@settings(deadline=None, derandomize=True)
@given(X=tables(n_dims=2), container=st.sampled_from(sorted(ARRAYS | FRAMES)))
def test_two_dimensions_in_any_container(X, container):
    assert_same_sequences(sequences_of((ARRAYS | FRAMES)[container](X)), sequences_of(X))


@settings(deadline=None, derandomize=True)
@given(X=tables(n_dims=3), dtype=st.sampled_from(DTYPES), as_list=st.booleans())
def test_any_type_of_numbers(X, dtype, as_list):
    X = np.abs(np.nan_to_num(X))
    typed = X.astype(dtype)
    values = sequences_of(list(typed) if as_list else typed)
    assert_same_sequences(values, sequences_of(typed.astype("float64")))


@settings(deadline=None, derandomize=True)
@given(
    X=st.lists(st.integers(1, 4), min_size=1, max_size=5).flatmap(
        lambda lengths: st.tuples(*[arrays("float64", (n, 2), elements=whole) for n in lengths])
    ),
    container=st.sampled_from(["frames", "polars", "pyarrow", "masked", "nested lists", "objects"]),
)
def test_unequal_lengths_in_any_container(X, container):
    make = {
        "frames": lambda x: named(x),
        "polars": FRAMES["polars"],
        "pyarrow": FRAMES["pyarrow"],
        "masked": masked,
        "nested lists": lambda x: x.tolist(),
        "objects": lambda x: x.astype(object),
    }[container]
    assert_same_sequences(sequences_of([make(x) for x in X]), sequences_of(list(X)))


# Names


def fitted(X):
    model = LSTMAttentionRegressor()
    check_sequences(model, X, reset=True)
    return model


A, B = (pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}) + n for n in (0, 10))


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.from_pandas, pa.Table.from_pandas])
def test_names_of_a_list_of_frames_are_those_of_the_features_of_a_step(frame):
    model = fitted([frame(A), frame(B)])
    assert model.feature_names_in_.tolist() == ["a", "b"]
    assert (model.n_features_in_, model.n_features_per_step_, model.n_timesteps_in_) == (4, 2, 2)
    assert_array_equal(
        check_sequences(model, [frame(B)], reset=False).table, [[11.0, 13.0], [12.0, 14.0]]
    )
    for names, parts in [
        (["b", "a"], "Feature names must be in the same order as they were in fit"),
        (
            ["a", "c"],
            r"unseen at fit time:\n- c\nFeature names seen at fit time, yet now missing:\n- b",
        ),
    ]:
        with pytest.raises(ValueError, match=parts):
            check_sequences(
                model, [frame(B.set_axis(["a", "b"], axis=1).set_axis(names, axis=1))], reset=False
            )


def test_windows_with_names_are_held_to_them():
    table, names = np.arange(12.0).reshape(6, 2), ["a", "b"]
    model = fitted(Windows(table, [0, 1, 2], 3, feature_names=names))
    assert model.feature_names_in_.tolist() == names
    with pytest.raises(ValueError, match="same order as they were in fit"):
        check_sequences(model, Windows(table, [0], 3, feature_names=names[::-1]), reset=False)


def test_arrays_without_names_are_read_without_a_word():
    model = fitted([A, B])
    check_sequences(model, np.ones((1, 3, 2)), reset=False)  # warnings are errors here
    check_sequences(model, [np.ones((3, 2))], reset=False)
    assert not hasattr(fitted(np.ones((2, 2, 2))), "feature_names_in_")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (B[["b", "a"]], r"columns \['b', 'a'\]"),
        (B.add_prefix("x"), r"columns \['xa', 'xb'\]"),
        (B.to_numpy(), "no names"),
    ],
)
def test_all_frames_of_a_list_have_the_same_names(other, words):
    with pytest.raises(
        ValueError, match=rf"sequence 0 has columns \['a', 'b'\], sequence 2 has {words}"
    ):
        fitted([A, B, other])


# The number of columns


def test_a_3d_fit_takes_its_steps_side_by_side():
    X = np.random.default_rng(0).normal(size=(5, 3, 2))
    model = fitted(X)
    assert model.n_features_in_ == 6
    assert_same_sequences(
        check_sequences(model, X.reshape(5, 6), reset=False),
        check_sequences(model, X, reset=False),
    )
    assert len(check_sequences(model, np.zeros((1, model.n_features_in_)), reset=False)) == 1
    assert check_sequences(model, X[:, :1], reset=False).n_timesteps == 1


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (np.ones((9, 2)), r"If the rows are the time steps of one sequence, pass X\[np.newaxis\]"),
        (
            np.ones((9, 5)),
            r"n_timesteps, 2\), or with 6 columns, all features of the first step first",
        ),
    ],
)
def test_another_number_of_columns_is_an_error(X, words):
    model = fitted(np.ones((5, 3, 2)))
    with pytest.raises(
        ValueError, match=r"X has 2 dimensions .* n_timesteps=3, n_features=2.*" + words
    ):
        check_sequences(model, X, reset=False)


def test_columns_channel_by_channel_are_brought_into_order_as_the_message_says():
    X = np.arange(24.0).reshape(2, 4, 3)  # 4 steps of 3 features
    by_feature = X.transpose(0, 2, 1).reshape(2, 12)
    n_features, n_timesteps = 3, 4
    assert_array_equal(
        by_feature.reshape(len(by_feature), n_features, n_timesteps).transpose(0, 2, 1), X
    )
    model = LSTMAttentionRegressor(n_timesteps=5)
    words = r"X.reshape\(len\(X\), n_features, n_timesteps\).transpose\(0, 2, 1\)"
    with pytest.raises(ValueError, match=words):
        check_sequences(model, by_feature, reset=True)


# Refused, in words

CELLS = pd.DataFrame({"id": [1, 2], "curve": [np.ones(3), np.ones(4)]})
HOURS = pd.date_range("2026-01-01", periods=3, freq="h")
REFUSED = {
    "unequal sequences of one dimension": (
        [np.ones(3), np.ones(4)],
        r"one dimension and unequal length. .*\[s.reshape\(-1, 1\) for s in X\]",
    ),
    "unequal lists": ([[1.0, 2.0], [3.0]], r"s.reshape\(-1, 1\)"),
    "ragged within": ([[[1.0], [2.0, 3.0]]], "parts of unequal shape"),
    "cells that hold arrays": (
        CELLS,
        r"column 'curve' holds an array in each cell.*list\(X\['curve'\]\)",
    ),
    "timestamps": (
        pd.DataFrame({"v": 1.0, "t": HOURS}),
        "column 't' holds dates. Turn them into numbers",
    ),
    "dates": (pd.DataFrame({"t": HOURS.date}), "column 't' holds dates"),
    "periods": (pd.DataFrame({"t": HOURS.to_period("h")}), "column 't' holds dates"),
    "lengths of time": (pd.DataFrame({"t": HOURS - HOURS[0]}), "column 't' holds lengths of time"),
    "categories": (pd.DataFrame({"c": pd.Categorical(["a", "b"])}), "column 'c' holds categories"),
    "polars dates": (
        pl.DataFrame({"v": [1.0], "t": [datetime.date(2026, 1, 1)]}),
        "column 't' holds dates",
    ),
    "pyarrow lengths of time": (
        pa.table({"t": pa.array([datetime.timedelta(hours=1)])}),
        "column 't' holds lengths of time",
    ),
    "array of dates": (np.array([["2026-01-01"]], dtype="datetime64[D]"), "column 0 holds dates"),
    "3-D array of dates": (np.zeros((2, 2, 1), "datetime64[D]"), "column 0 holds dates"),
    "list of frames with dates": ([pd.DataFrame({"t": HOURS})], "column 't' holds dates"),
    "text": (pd.DataFrame({"v": [1.0], "name": ["a"]}), "column 'name' holds text"),
}


@pytest.mark.parametrize(("X", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_sequence_of_numbers_is_refused_in_words(X, words):
    with pytest.raises(ValueError, match=f"LSTMAttentionRegressor.*{words}"):
        sequences_of(X)


def test_masked_values_of_a_step_in_part_are_named():
    X = np.ma.MaskedArray(np.ones((2, 3, 2)), np.zeros((2, 3, 2), bool))
    X[1, 2, 0] = np.ma.masked
    with pytest.raises(ValueError, match=r"sample 1, step 2, features \[0\]"):
        sequences_of(X)


@pytest.mark.parametrize(
    ("collect", "remedy"),
    [
        (lambda table: dict(table.items()), r"got a dict. Make a table of its columns"),
        (lambda table: table.groupby("b"), r"got a DataFrameGroupBy. Sequences are a list, \[rows"),
    ],
)
def test_what_holds_tables_but_is_none_is_refused(collect, remedy):
    table = pd.DataFrame({"a": np.arange(8.0), "b": [1, 2] * 4})
    for read in (LSTMAttentionRegressor().fit, TimeWindows(2).fit):
        with pytest.raises(TypeError, match=remedy):
            read(collect(table), table["a"])
