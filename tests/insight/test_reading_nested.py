"""Pipelines as steps of pipelines, and what looks like a search: what is read through them."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.linear_model import LinearRegression, Ridge, RidgeCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from panels import hourly
from skattn import (
    LSTMAttentionRegressor,
    SequenceScaler,
    TimeWindows,
    attention_weights,
    sequence_importance,
)
from skattn._insight.last_step import read, unwrap


def windows():
    return TimeWindows(3, dilation=2)


@pytest.fixture(name="table")
def some_rows():
    return hourly(12)


class LastOfB(RegressorMixin, BaseEstimator):
    """Predicts the last value of feature b of each window."""

    def fit(self, X, y):
        self.is_fitted_ = True
        return self

    def predict(self, X):
        return np.asarray(X)[:, -1, 1]


INNER = {
    "alone": lambda: make_pipeline(windows()),
    "with others": lambda: make_pipeline("passthrough", windows(), SequenceScaler(), None),
    "twice": lambda: make_pipeline(make_pipeline(windows(), SequenceScaler())),
}


@pytest.mark.parametrize("inner", INNER.values(), ids=INNER)
def test_windows_in_a_pipeline_that_is_a_step_keep_their_lags_and_names(inner, table):
    model = make_pipeline(inner(), SequenceScaler(), LastOfB()).fit(table, table["b"])
    reading = read(model, table)
    assert reading.lags(3).tolist() == [pd.Timedelta(hours=hours) for hours in (4, 2, 0)]
    assert reading.feature_names(2) == ["a", "b"]
    assert reading.index.equals(table.index)
    assert_array_equal(reading.predictor.predict(reading.X), model.predict(table))


def test_weights_of_windows_in_a_pipeline_that_is_a_step_are_a_frame_of_times(table):
    network = LSTMAttentionRegressor(units=2, epochs=1, random_state=0)
    steps = (StandardScaler().set_output(transform="pandas"), windows())
    flat = make_pipeline(*steps, network).fit(table, table["b"])
    nested = make_pipeline(make_pipeline(*steps), network).fit(table, table["b"])
    frame = attention_weights(nested, table, as_frame=True)
    pd.testing.assert_frame_equal(frame, attention_weights(flat, table, as_frame=True))
    assert frame.columns.tolist() == [pd.Timedelta(hours=hours) for hours in (4, 2, 0)]


def test_steps_of_inner_pipelines_come_in_the_order_in_which_they_are_applied():
    X = np.random.default_rng(0).normal(size=(9, 2))
    functions = [np.abs, np.sqrt, np.exp, np.tanh]
    first, second, third, fourth = map(FunctionTransformer, functions)
    inner = make_pipeline(first, make_pipeline("passthrough", second), None, third)
    model = make_pipeline(inner, fourth, LinearRegression()).fit(X, X[:, 0])
    assert [step.func for step in unwrap(model)[2]] == functions
    assert_array_equal(read(model, X).X, np.tanh(np.exp(np.sqrt(np.abs(X)))))


def test_a_regressor_that_keeps_scores_of_its_own_folds_is_no_search():
    X = np.random.default_rng(0).normal(size=(9, 2))
    model = RidgeCV(store_cv_results=True).fit(X, X[:, 0])
    assert read(model, X).regressor is model
    around = make_pipeline(StandardScaler(), model).fit(X, X[:, 0])
    assert read(around, X).regressor is model


@pytest.mark.parametrize("place", ["bare", "at the end", "around a pipeline"])
def test_a_search_reads_as_its_best_model_and_is_scored_as_the_search(place):
    X = np.random.default_rng(0).normal(size=(30, 2))
    y, scaler = X[:, 0] + X[:, 1] ** 2, StandardScaler()
    inner = make_pipeline(scaler, Ridge()) if place == "around a pipeline" else Ridge()
    model = GridSearchCV(inner, {}, cv=3, scoring="neg_max_error")
    model = make_pipeline(scaler, model) if place == "at the end" else model
    reading = read(model.fit(X, y), X)
    assert type(reading.predictor) is Ridge
    assert_array_equal(reading.predictor.predict(reading.X), model.predict(X))
    result = sequence_importance(model, X, y, n_repeats=1)
    assert result.scoring == "neg_max_error"
    assert result.baseline == model.score(X, y) < 0
    around = TransformedTargetRegressor(model).fit(X, y)  # has a score of its own, R²
    result = sequence_importance(around, X, y, n_repeats=1)
    assert result.baseline == around.score(X, y) > 0


# Names and times


def test_names_pass_through_steps_that_return_arrays(table):
    model = make_pipeline(StandardScaler(), TimeWindows(3), LastOfB()).fit(table, table["b"])
    assert read(model, table).feature_names(2) == ["a", "b"]


def test_names_end_at_a_step_that_does_not_tell_what_it_returns(table):
    swapped = FunctionTransformer(lambda X: np.asarray(X)[:, ::-1])
    for steps in ((swapped, TimeWindows(3)), (StandardScaler(), swapped, TimeWindows(3))):
        model = make_pipeline(*steps, LastOfB()).fit(table, table["b"])
        names = read(model, table).feature_names(2)
        assert len(names) == 2
        assert not set(names) & {"a", "b"}


def test_names_that_an_inner_step_cannot_tell_are_numbers(table):
    swapped = FunctionTransformer(lambda X: np.asarray(X)[:, ::-1])
    columns = ColumnTransformer([("swapped", swapped, ["a", "b"])])
    model = make_pipeline(columns, TimeWindows(3), LastOfB()).fit(table, table["b"])
    with pytest.raises(AttributeError, match="get_feature_names_out"):
        columns.get_feature_names_out()
    with pytest.warns(UserWarning, match="numbered, since ColumnTransformer.* swapped "):
        assert read(model, table).feature_names(2) == ["feature 0", "feature 1"]


def test_names_that_an_inner_step_tells_are_its_own(table):
    columns = ColumnTransformer([("scaled", StandardScaler(), ["b"])], remainder="passthrough")
    model = make_pipeline(columns, TimeWindows(3), LastOfB()).fit(table, table["b"])
    assert read(model, table).feature_names(2) == ["scaled__b", "remainder__a"]


def test_no_names_are_made_up_for_arrays():
    X = np.random.default_rng(0).normal(size=(9, 3, 2))
    for steps in ([SequenceScaler()], [SequenceScaler(), SequenceScaler()]):
        model = make_pipeline(*steps, LastOfB()).fit(X, X[:, 0, 0])
        assert read(model, X).feature_names(2) == ["feature 0", "feature 1"]
        result = sequence_importance(model, X, X[:, -1, 1], n_repeats=1)
        assert result.feature_names == ["feature 0", "feature 1"]


def lags_of(model, table):
    return read(model, table).lags(3).tolist()


def test_one_row_after_the_rows_of_fit_has_lags_in_their_time(table):
    model = make_pipeline(TimeWindows(3, keep_context=True), LastOfB()).fit(table, table["b"])
    later = hourly(1, start=12)
    assert read(model, later).X[0, :, 0].tolist() == [10, 11, 12]
    assert lags_of(model, later) == [pd.Timedelta(hours=hours) for hours in (2, 1, 0)]


def test_one_row_has_lags_in_rows_where_a_gap_may_part_it_from_those_before(table):
    for keep_context in (False, True):
        windows = TimeWindows(3, max_gap="2h", keep_context=keep_context)
        model = make_pipeline(windows, LastOfB()).fit(table, table["b"])
        assert lags_of(model, hourly(1, start=12)) == [2, 1, 0]
        assert lags_of(model, table) == [pd.Timedelta(hours=hours) for hours in (2, 1, 0)]


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_samples_depend_on_as_many_neighbours_as_their_windows_span_rows(table, length, stride):
    windows = TimeWindows(length, dilation=stride)
    reading = read(make_pipeline(windows, LastOfB()).fit(table, table["b"]), table)
    rows = reading.X[-1, :, 0]  # feature a counts the rows
    assert reading.length_of_dependence == rows[-1] - rows[0] + 1


def test_rows_at_other_times_than_those_of_fit_have_lags_in_rows(table):
    model = make_pipeline(TimeWindows(3), LastOfB()).fit(table, table["b"])
    assert lags_of(model, table[::2]) == [2, 1, 0]
    assert lags_of(model, table.drop(index=table.index[4])) == [2, 1, 0]
    assert lags_of(model, table[6:]) == [pd.Timedelta(hours=hours) for hours in (2, 1, 0)]
