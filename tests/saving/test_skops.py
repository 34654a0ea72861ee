"""Whole pipelines through skops, which asks for the types that it is to trust."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops import io

from skattn import LSTMAttentionRegressor, SequenceScaler, TimeWindows

RNG = np.random.default_rng(0)
HOURS = pd.date_range("2024-01-01", periods=14, freq="h")
SEQUENCES = RNG.normal(size=(12, 4, 2))
TABLE = pd.DataFrame(RNG.normal(size=(14, 2)), index=HOURS, columns=["load", "wind"])


def through_skops(estimator):
    """Return an estimator dumped and loaded, and the types that had to be trusted."""
    content = io.dumps(estimator)
    types = io.get_untrusted_types(data=content)
    return io.loads(content, trusted=types), types


def regressor():
    return LSTMAttentionRegressor("dot", units=2, epochs=1, random_state=0)


@pytest.mark.parametrize(
    ("pipeline", "X"),
    [
        (make_pipeline(SequenceScaler(), regressor()), SEQUENCES),
        (make_pipeline(StandardScaler(), TimeWindows(3), regressor()), TABLE.to_numpy()),
    ],
    ids=["SequenceScaler", "TimeWindows"],
)
def test_a_pipeline_predicts_what_it_did(pipeline, X):
    pipeline.fit(X, np.arange(len(X)) % 5)
    loaded, types = through_skops(pipeline)
    assert_array_equal(loaded.predict(X), pipeline.predict(X))
    assert_array_equal(loaded[:-1].transform(X), pipeline[:-1].transform(X))
    assert "skattn._estimators.regressor.LSTMAttentionRegressor" in types
    assert {name.split(".")[0] for name in types} <= {"skattn", "numpy"}


def test_a_loaded_regressor_trains_on_as_it_would_have():
    model = regressor().partial_fit(SEQUENCES, SEQUENCES[:, 1, 0])
    loaded, _ = through_skops(model)
    for estimator in (model, loaded):
        estimator.partial_fit(SEQUENCES, SEQUENCES[:, 1, 0])
    assert_array_equal(loaded.predict(SEQUENCES), model.predict(SEQUENCES))
    assert loaded.loss_curve_ == model.loss_curve_


def test_nothing_of_skattn_is_trusted_unasked():
    content = io.dumps(SequenceScaler().fit(SEQUENCES))
    with pytest.raises(io.exceptions.UntrustedTypesFoundException, match="SequenceScaler"):
        io.loads(content)
