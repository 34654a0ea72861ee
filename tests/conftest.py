"""Shared data: small problems on which small networks learn in few epochs."""

import os
import sys

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("SCIPY_ARRAY_API", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")  # as two tests run side by side

import numpy as np
import pytest
from hypothesis import settings

from skattn import LSTMAttentionRegressor
from skattn._inputs.checks import check_sequences
from skattn._inputs.windows import Layout
from skattn._programs.pool import ProgramPool

settings.register_profile("full", max_examples=2000, deadline=None)


def sequences_of(X):
    """Return the `Sequences` of an array, as a fit or a prediction makes them."""
    return check_sequences(LSTMAttentionRegressor(), X, reset=True)


def spaced(n_samples, n_timesteps, step=1, stride=1):
    """Return the layout of windows `step` rows apart, on a table no longer than they need."""
    n_rows = (n_samples - 1) * step + (n_timesteps - 1) * stride + 1
    return Layout(np.arange(n_samples) * step, n_timesteps, stride, n_rows)


def pytest_collection_modifyitems(items):
    """Begin with the files of slow tests, so that no process waits for the other at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def close_figures():
    """Close what a test, or a docstring's example, has drawn."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot:
        pyplot.close("all")


@pytest.fixture
def empty_pool(monkeypatch):
    """Give a test a pool of its own, so that the other tests' programs stay compiled."""
    own = ProgramPool(capacity=32)
    monkeypatch.setattr("skattn._programs.pool.pool", own)
    return own


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
