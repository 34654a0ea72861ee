"""One law for all inputs: a clear error, or finite predictions that each row has on its own.

``pytest tests/test_properties.py --hypothesis-profile=full`` draws 2,000 inputs.
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

from skattn import LSTMAttentionRegressor

settings.register_profile("full", max_examples=2000, deadline=None, derandomize=False)
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

#: What is put into one cell, and what the error says of it.
SPOILERS = {
    ("X", np.nan): r"NaN in (some features of a step|every step of sample)",
    ("X", np.inf): "Input X contains infinity",
    ("X", 1e39): "Input X contains infinity or a value too large for float32",
    ("y", np.nan): "Input y contains NaN",
    ("y", -np.inf): "Input y contains infinity",
    ("y", -1e39): r"Input y contains .* too large for float32: -1e\+39. Rescale y",
    ("weights", np.nan): "Input sample_weight contains NaN",
    ("weights", np.inf): "Input sample_weight contains infinity",
    ("weights", -1.0): "sample_weight contains a negative value: -1 at row",
    ("weights", 0.0): "sample_weight is zero for all",  # the only one
}


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
    kind = draw(st.sampled_from([None, None, "integers", "fractions"]))
    if kind is None:
        return None
    weights = draw(st.lists(st.integers(0, 5), min_size=n_samples, max_size=n_samples))
    weights[draw(st.integers(0, n_samples - 1))] = 1
    return np.array(weights) / (3 if kind == "fractions" else 1)


def steps_absent(draw, X):
    """Mark steps of a float X as absent: a fifth of them, or all but some."""
    if X.dtype.kind == "f" and draw(st.booleans()):
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        absent = rng.uniform(size=X.shape[:2]) < draw(st.sampled_from([0.2, 0.9]))
        absent[np.arange(len(X)), rng.integers(X.shape[1], size=len(X))] = False
        X[absent] = np.nan
    return X


def spoiled(draw, case, place, value):
    """Put a value into one cell of a case."""
    array = np.ones(len(case["X"])) if case[place] is None else case[place]
    array = array.astype("float64")
    if (place, value) == ("weights", 0.0):
        array[:] = 0
    array[tuple(draw(st.integers(0, size - 1)) for size in array.shape)] = value
    return {**case, place: array}


@st.composite
def cases(draw):
    """Draw X, y, weights, the parameters, and what the error is to say (None for none)."""
    n_features, n_outputs, network = draw(st.sampled_from(PROGRAMS))
    n_samples = draw(st.integers(1, 8) | st.integers(1, 40))
    n_timesteps = draw(st.integers(1, 6) | st.integers(1, 64 if n_features < 8 else 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    scale, offset = draw(st.sampled_from([0, 0, -2, 2, -30, 30])), draw(st.sampled_from([0, 3, 99]))
    dtype = draw(st.sampled_from(FLOATS + INTEGERS))
    X = values_drawn(rng, (n_samples, n_timesteps, n_features), dtype, scale, offset)
    X[..., : draw(st.integers(0, 1))] = 1  # sometimes a constant feature
    y = values_drawn(rng, (n_samples, n_outputs), "float64", draw(st.integers(-20, 20)), offset)
    y = y[:, 0] if n_outputs == 1 and draw(st.booleans()) else y
    case = {"X": steps_absent(draw, X), "y": y, "weights": weights_drawn(draw, n_samples)}
    order = draw(st.sampled_from(ORDERS))
    if draw(st.integers(0, 3)) == 0:
        place, value = draw(st.sampled_from(sorted(SPOILERS, key=repr)))
        error = SPOILERS[place, value]
        order = "C" if order == "broadcast" else order  # which would lose the cell
        if place == "X" and np.isnan(value):
            error = "" if n_features > 1 or n_timesteps == 1 else "every step of sample"
        case = spoiled(draw, case, place, value)
    else:
        error = None
    params = network | {
        "early_stopping": draw(st.sampled_from([True, False, "auto"])),
        "batch_size": draw(st.sampled_from([1, 4, 32])),
    }
    return case, params, draw(st.sampled_from(CONTAINERS)), order, error


def expected_error(case, params, error):
    """Return what the error is to say; None where there is to be none."""
    X, weights = case["X"].astype("float64"), case["weights"]
    missing = np.isnan(X)
    if (missing.any(axis=2) & ~missing.all(axis=2)).any():
        return "Input X contains NaN in some features of a step"
    if missing.all(axis=(1, 2)).any():
        return "Input X contains NaN in every step of sample"
    if error and not missing_alone(error):
        return error
    n_rows = len(X) if weights is None else np.count_nonzero(weights)
    if params["early_stopping"] is True and n_rows < 2:
        return "early_stopping=True holds out the last rows"
    return None


def missing_alone(error):
    """Tell whether an error is about NaN in X, which `expected_error` sees for itself."""
    return error in ("", "every step of sample")
