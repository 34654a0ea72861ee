"""Warnings of other units and of another order: where they come, and where they do not."""

import warnings

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skattn import SequenceScaler, sliding_windows

IN_UNITS = r"X_val lies where no training sample does.*transform_input=\[\"X_val\"\]"


@pytest.fixture
def in_units():
    """60 sequences around 20, and their targets around 1000."""
    X = np.random.default_rng(0).normal(20, 3, size=(60, 5, 2))
    return X, 1000 + 10 * X[:, 2, 0]


def test_raw_validation_sequences_behind_a_scaler(small, in_units):
    X, y = in_units
    pipeline = make_pipeline(SequenceScaler(), small())
    with pytest.warns(UserWarning, match=IN_UNITS):
        pipeline.fit(X, y, lstmattentionregressor__X_val=X, lstmattentionregressor__y_val=y)


def test_raw_validation_targets_behind_a_transformer_of_targets(small, in_units):
    X, y = in_units
    model = TransformedTargetRegressor(small(), transformer=StandardScaler())
    with pytest.warns(UserWarning, match="y_val lies where no training sample does"):
        model.fit(X, y, X_val=X, y_val=y)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_other_units_around_zero(small, in_units, factor):
    X, y = in_units
    X = X - X.mean()
    with pytest.warns(UserWarning, match="X_val lies where"):
        small().fit(X, y, X_val=factor * X, y_val=y)


@pytest.mark.parametrize("n_validation", [1, 2, 5, 60])
def test_rows_that_drift_are_no_other_units(small, in_units, n_validation):
    X, y = in_units
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small(epochs=1).fit(X, y, X_val=X[:n_validation] + 2, y_val=y[:n_validation] + 10)


def walk(n_rows=200):
    return np.cumsum(np.random.default_rng(1).normal(size=n_rows))


def test_lags_with_the_newest_first(small):
    windows, y = sliding_windows(walk(), walk(), length=6)
    model = small(target_feature=0, epochs=1)
    with pytest.warns(UserWarning, match=r"are the newest steps first.*X\[:, ::-1\]"):
        model.fit(np.asarray(windows)[:, ::-1], y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(windows, y)


def test_a_day_of_hours_is_in_order(small):
    """The oldest step, a day before y, is nearest to it; but its distance does not only grow."""
    hours = np.sin(np.arange(300) * 2 * np.pi / 24) + 0.01 * walk(300)
    windows, y = sliding_windows(hours, hours, length=24)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small(target_feature=0, epochs=1).fit(windows, y)
