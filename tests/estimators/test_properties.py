"""One law for all inputs: a clear error, or finite predictions that each row has on its own.

``pytest tests/estimators/test_properties.py --hypothesis-profile=full`` draws 2,000 inputs.
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skattn import LSTMAttentionRegressor, TrainingDivergedError

pytestmark = pytest.mark.slow

settings.register_profile("quick", max_examples=60, deadline=None, derandomize=True)
FULL = settings.get_current_profile_name() == "full"
PROFILE = settings.get_profile("full" if FULL else "quick")

#: Features, outputs and network. A short list, since each compiles a program.
PROGRAMS = [
    (1, 1, {"attention": "additive"}),
    (2, 1, {"attention": "additive", "segment_length": 3}),
    (2, 1, {"attention": "hierarchical"}),
    (1, 2, {"attention": "dot", "bidirectional": True}),
    (3, 3, {"attention": "general", "segment_length": 2}),
    (3, 1, {"attention": None}),
    (5, 2, {"attention": "mean", "segment_length": 4, "bidirectional": True}),
    (8, 1, {"attention": "additive", "head_input": "context"}),
    (64, 2, {"attention": "additive"}),
]
FLOATS = ["float16", "float32", "float64"]
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "bool"]
ORDERS = [
    "C", "F", "strided", "reversed", "features reversed", "transposed", "read-only", "memmap",
    "broadcast",
]  # fmt: skip
FRAMES = ["pandas", "nullable", "polars"]
CONTAINERS = ["array", "array", "2-D array", "list of arrays", "nested lists", *FRAMES]

#: What is put into one cell.
SPOILERS = [
    *[(place, value) for place in ("X", "y", "weights") for value in (np.nan, np.inf)],
    *[("X", 1e39), ("X", -np.inf), ("y", -np.inf), ("y", -1e39), ("weights", -1.0)],
]
FLOAT32_MAX = np.finfo("float32").max


def values_drawn(rng, shape, dtype, scale, offset):
    """Draw values of a type; for floats of a scale that the type can hold."""
    if dtype == "bool":
        return rng.integers(0, 2, size=shape).astype("bool")
    if dtype in INTEGERS:
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, size=shape, dtype=dtype, endpoint=True)
    largest = {"float16": 2, "float32": 30, "float64": 30}[dtype]
    exponent = np.clip(scale, -largest, largest)
    return (10.0**exponent * (rng.normal(size=shape) + offset)).astype(dtype)


def laid_out(X, order, folder):
    """Return X as an array that lies otherwise in memory."""
    if order == "strided":
        return np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3]
    if order == "reversed":
        return X[::-1, ::-1].copy()[::-1, ::-1]
    if order == "features reversed":
        return X[..., ::-1].copy()[..., ::-1]
    if order == "transposed":
        return X.swapaxes(0, 1).copy().swapaxes(0, 1)
    if order == "memmap":
        np.save(folder / "X.npy", X)
        return np.load(folder / "X.npy", mmap_mode="r")
    if order == "broadcast":
        return np.broadcast_to(X[:1], X.shape)
    X = np.array(X, order=order if order in "CF" else "K")
    X.setflags(write=order != "read-only")
    return X


def contained(X, container, order, folder):
    """Put X (n_samples, n_timesteps, n_features) into a container."""
    if container == "list of arrays":
        absent = np.isnan(X.astype("float64")).all(axis=2)
        return [row[~gone] for row, gone in zip(X, absent, strict=True)]
    if container == "nested lists":
        return X.tolist()
    if container == "array":
        return laid_out(X, order, folder)
    table = X.reshape(len(X), -1)
    if container == "2-D array":
        return laid_out(table, order, folder)
    names = [f"c{i}" for i in range(table.shape[1])]
    wide = table.astype("float32") if table.dtype == "float16" else table
    if container == "polars":
        return pl.DataFrame(wide, schema=names)
    frame = pd.DataFrame(wide, columns=names)
    return frame.convert_dtypes() if container == "nullable" else frame


def rows_of(X, rows):
    """Take rows of any container."""
    return X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]


def values_of(X):
    """Return a copy of the values in any container, as a list of arrays."""
    if isinstance(X, pd.DataFrame):
        return [X.to_numpy("float64", na_value=np.nan).copy()]
    if isinstance(X, pl.DataFrame):
        return [X.to_numpy().copy()]
    return [np.array(part) for part in (X if isinstance(X, list) else [X])]


def weights_drawn(draw, n_samples):
    """Draw weights, some of them zero, and now and then all of them."""
    kind = draw(st.sampled_from(["none", "none", "integers", "fractions"]))
    if kind == "none":
        return None
    weights = np.array(draw(st.lists(st.integers(0, 5), min_size=n_samples, max_size=n_samples)))
    return weights / 3 if kind == "fractions" else weights


def with_absent_steps(draw, X, rng):
    """Mark steps of a float X as absent, but one of each sample."""
    if X.dtype.kind == "f" and draw(st.booleans()):
        absent = rng.uniform(size=X.shape[:2]) < draw(st.sampled_from([0.2, 0.9]))
        absent[np.arange(len(X)), rng.integers(X.shape[1], size=len(X))] = False
        X[absent] = np.nan
    return X


def with_spoiled_cell(draw, X, y, weights):
    """Put a value that is not allowed into one cell, in one case of four."""
    if draw(st.integers(0, 3)):
        return X, y, weights
    place, value = draw(st.sampled_from(SPOILERS))
    arrays = {"X": X, "y": y, "weights": np.ones(len(X)) if weights is None else weights}
    arrays[place] = arrays[place].astype("float64")
    arrays[place][tuple(draw(st.integers(0, n - 1)) for n in arrays[place].shape)] = value
    return tuple(arrays.values())


@st.composite
def cases(draw):
    """Draw X (n_samples, n_timesteps, n_features), y, weights and the estimator's parameters."""
    n_features, n_outputs, params = draw(st.sampled_from(PROGRAMS))
    n_samples = draw(st.integers(1, 8) | st.integers(1, 40))
    n_timesteps = draw(st.integers(1, 6) | st.integers(1, 64 if n_features < 8 else 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    scale, offset = draw(st.sampled_from([0, 0, -2, 2, -30, 30])), draw(st.sampled_from([0, 3, 99]))
    dtype = draw(st.sampled_from(FLOATS + INTEGERS))
    X = values_drawn(rng, (n_samples, n_timesteps, n_features), dtype, scale, offset)
    X[..., : draw(st.integers(0, 1))] = 1  # sometimes a constant feature
    y = values_drawn(rng, (n_samples, n_outputs), "float64", draw(st.integers(-20, 20)), offset)
    y = y[:, 0] if n_outputs == 1 and draw(st.booleans()) else y
    X = with_absent_steps(draw, X, rng)
    X, y, weights = with_spoiled_cell(draw, X, y, weights_drawn(draw, n_samples))
    options = {
        "early_stopping": draw(st.sampled_from([True, False, "auto"])),
        "batch_size": draw(st.sampled_from([1, 4, 32])),
    }
    return X, y, weights, params | options


def error_of(X, y, weights, params):
    """Return what the error is to say; None where there is to be none."""
    missing = np.isnan(X)
    weights = np.ones(len(X)) if weights is None else weights
    rules = {
        "Input X contains NaN in some features of a step": missing.any(2) & ~missing.all(2),
        "in every step of sample|at least one time step": missing.all(axis=(1, 2)),
        "Input X contains infinity or a value too large": np.abs(X) > FLOAT32_MAX,
        "Input y contains NaN": np.isnan(y),
        "Input y contains infinity": np.isinf(y),
        "Input y .* too large for float32": np.abs(y) > FLOAT32_MAX,
        "sample_weight contains NaN": np.isnan(weights),
        "sample_weight contains infinity": np.isinf(weights),
        "sample_weight contains a negative value": weights < 0,
        "sample_weight is zero for all": np.array(not weights.any()),
        "early_stopping=True holds out the last samples": np.array(
            params["early_stopping"] is True and np.count_nonzero(weights) < 2
        ),
    }
    return next((text for text, broken in rules.items() if broken.any()), None)


def validates_beyond_float32(y, weights, params):
    """Tell whether one row trains, unscaled, and float32 cannot hold the other's squared error."""
    y = y if weights is None else y[weights > 0]
    if params["early_stopping"] is not True or len(y) != 2:
        return False
    return np.sum((y[0] - y[1]) ** 2) > FLOAT32_MAX


def assert_each_row_has_its_own(predict, X, expected, atol):
    """Predictions row by row, and in the opposite order, are those of all rows together."""
    one_by_one = [predict(rows_of(X, slice(i, i + 1)))[0] for i in range(len(expected))]
    backwards = predict(rows_of(X, slice(None, None, -1)))[::-1]
    for prediction in (one_by_one, backwards):
        assert_allclose(prediction, expected, rtol=0, atol=atol)


@PROFILE
@given(
    case=cases(),
    container=st.sampled_from(CONTAINERS),
    order=st.sampled_from(ORDERS),
)
def test_an_input_is_refused_in_words_or_each_row_has_its_finite_prediction(case, container, order):
    X, y, weights, params = case
    X = np.repeat(X[:1], len(X), axis=0) if order == "broadcast" else X
    params = params | {"n_timesteps": X.shape[1], "units": 2, "epochs": 1, "random_state": 0}
    params |= {"n_members": 1}
    model = LSTMAttentionRegressor(**params)
    text = error_of(X.astype("float64"), y, weights, params)
    with tempfile.TemporaryDirectory() as folder:
        given_X = contained(X, container, order, Path(folder))
        before = [values_of(part) for part in (given_X, y)]
        if text is not None:
            with pytest.raises(ValueError, match=text):
                model.fit(given_X, y, weights)
            assert not hasattr(model, "parameters_")
        elif validates_beyond_float32(y, weights, params):
            with pytest.raises(TrainingDivergedError, match="validation loss=inf"):
                model.fit(given_X, y, weights)
        else:
            prediction = model.fit(given_X, y, weights).predict(given_X)
            assert prediction.dtype == "float64"
            assert prediction.shape == y.shape
            assert np.isfinite(prediction).all()
            atol = 1e-5 * model.target_statistics_.scale.max()
            assert_each_row_has_its_own(model.predict, given_X, prediction, atol)
        after = [values_of(part) for part in (given_X, y)]
    for parts in zip(before, after, strict=True):
        for one, other in zip(*parts, strict=True):
            assert_array_equal(one, other)
