"""Shared data: small problems on which small networks learn in few epochs."""

import os

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import numpy as np
import pytest

from skattn import LSTMAttentionRegressor
from skattn._validation import check_sequences


def sequences_of(X):
    """Return the `Sequences` of an array, as a fit or a prediction makes them."""
    return check_sequences(LSTMAttentionRegressor(), X, reset=True)


@pytest.fixture
def sequences():
    """40 sequences of 6 steps and 2 features; y is the first feature of step 2."""
    X = np.random.default_rng(0).normal(size=(40, 6, 2))
    return X, X[:, 2, 0].copy()


@pytest.fixture
def small():
    """Return a factory of small, quick, seeded regressors."""

    def make(attention="additive", **params):
        defaults = {"units": 4, "epochs": 2, "random_state": 0}
        return LSTMAttentionRegressor(attention, **{**defaults, **params})

    return make
