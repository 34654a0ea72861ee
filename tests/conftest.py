"""Shared data: small problems on which small networks learn in few epochs."""

import os
import sys
from unittest import SkipTest
from unittest.mock import patch

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("SCIPY_ARRAY_API", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")  # as two tests run side by side

import numpy as np
import pytest
from hypothesis import settings

from skattn import LSTMAttentionRegressor, Windows
from skattn._inputs.checks import check_sequences
from skattn._inputs.layout import Layout
from skattn._programs.spec import make_spec

settings.register_profile("full", max_examples=2000, deadline=None)


def sequences_of(X):
    """Return the `Sequences` of an array, as a fit or a prediction makes them."""
    return check_sequences(LSTMAttentionRegressor(), X, reset=True)


def spaced(n_samples, n_timesteps, stride=1, dilation=1):
    """Return the layout of windows `stride` rows apart, on a table no longer than they need."""
    n_rows = (n_samples - 1) * stride + (n_timesteps - 1) * dilation + 1
    return Layout(np.arange(n_samples) * stride, n_timesteps, dilation, n_rows)


def windows_on(table, layout):
    """Return the `Windows` of a table that lie in it as a layout says."""
    return Windows(table, layout.first, layout.n_timesteps, layout.dilation)


def blocks(n_samples, n_blocks):
    """Return folds: the samples outside each block, and those of the block."""
    held = np.array_split(np.arange(n_samples), n_blocks)
    return [(np.setdiff1d(np.arange(n_samples), block), block) for block in held]


def spec_of(attention="additive", **changes):
    """Return the spec of a small network, for two features and one output."""
    defaults = {"n_features": 2, "n_outputs": 1, "head_input": "concat", "units": 4, "n_layers": 1}
    defaults |= {"bidirectional": False, "dense_units": None, "dropout": 0.0}
    defaults |= {"segment_length": 1, "conv_filters": (), "instance_norm": False}
    defaults |= {"relative": False, "linear_steps": 0}
    defaults |= {"loss": "squared_error", "optimizer": "adamw"}
    return make_spec(attention=attention, **{**defaults, **changes})


def program_of(spec, n_parts=1):
    """Return the program of a spec from the pool, so that tests share what is compiled."""
    from skattn._programs import pool  # which loads TensorFlow

    with patch.object(pool, "settle_threads", lambda: n_parts):
        return pool.pool.get(spec)


def passes(estimator, check):
    """Run one of scikit-learn's checks; one that is skipped fails."""
    try:
        check(estimator)
    except SkipTest as reason:
        pytest.fail(f"the check was skipped: {reason}")


@pytest.fixture
def own_pool(monkeypatch):
    """Return a pool of this test's own, in which nothing is compiled yet."""
    from skattn._programs import pool

    own = pool.ProgramPool(capacity=32)
    monkeypatch.setattr(pool, "pool", own)
    return own


@pytest.fixture(autouse=True)
def close_figures():
    """Close what a test, or a docstring's example, has drawn."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot:
        pyplot.close("all")


@pytest.fixture
def sequences():
    """40 sequences of 6 steps and 2 features; y is the first feature of step 2."""
    X = np.random.default_rng(0).normal(size=(40, 6, 2))
    return X, X[:, 2, 0].copy()


@pytest.fixture
def small():
    """Return a factory of small, quick, seeded regressors, which train on all rows."""

    def make(attention="additive", **params):
        defaults = {"units": 4, "epochs": 2, "random_state": 0}
        defaults |= {"early_stopping": False, "n_members": 1}
        return LSTMAttentionRegressor(attention, **{**defaults, **params})

    return make


def pytest_collection_modifyitems(items):
    """Begin with the files of slow tests, so that no process waits for the other at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
