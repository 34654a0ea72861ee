"""What reaches the last step of a fitted estimator, whatever is around it."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold, RandomizedSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from panels import hourly, two_stations
from skattn import SequenceScaler, TimeWindows
from skattn._insight.last_step import read, unwrap


class LastValue(RegressorMixin, BaseEstimator):
    """Predicts a multiple of the last value of feature 0, plus the mean of y."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y):
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return self.factor * np.asarray(X)[:, -1, 0] + self.mean_


def undone(regressor):
    """Train on the square root of the target."""
    return TransformedTargetRegressor(regressor, func=np.sqrt, inverse_func=np.square)


def search(estimator, name="factor", kind=GridSearchCV, **params):
    return kind(estimator, {name: [0.5, 2.0]}, cv=KFold(2), **params)


def scaled(*last):
    return make_pipeline(SequenceScaler(), *last)


NESTINGS = {
    "regressor": LastValue(),
    "pipeline": scaled(LastValue()),
    "pipeline in pipeline": make_pipeline(FunctionTransformer(np.abs), scaled(LastValue())),
    "passthrough": Pipeline([("a", "passthrough"), ("b", None), ("last", LastValue())]),
    "search": search(LastValue()),
    "random search": search(LastValue(), kind=RandomizedSearchCV, n_iter=1, random_state=0),
    "search of a pipeline": search(scaled(LastValue()), "lastvalue__factor"),
    "pipeline with a search": scaled(search(LastValue())),
    "target around": undone(LastValue()),
    "target of a scaler": TransformedTargetRegressor(LastValue(), transformer=MinMaxScaler()),
    "target around a pipeline": undone(scaled(LastValue())),
    "target at the end": scaled(undone(LastValue())),
    "target around a search": undone(search(scaled(LastValue()), "lastvalue__factor")),
    "target twice": undone(scaled(undone(LastValue()))),
    "search of a target": search(undone(LastValue()), "regressor__factor"),
}
NESTED = pytest.mark.parametrize("estimator", NESTINGS.values(), ids=NESTINGS)


@pytest.fixture(name="X")
def only_sequences(sequences):
    return sequences[0]


@pytest.fixture(name="y")
def positive_targets(X):
    return np.exp(X[:, -1, 0])


def fitted(estimator, X, y):
    return clone(estimator).fit(X, y)


# Nesting


@NESTED
def test_what_reaches_the_last_step_predicts_what_the_whole_does(estimator, X, y):
    model = fitted(estimator, X, y)
    reading = read(model, X[10:])
    assert isinstance(reading.regressor, LastValue)
    assert_array_equal(reading.predictor.predict(reading.X), model.predict(X[10:]))


@NESTED
def test_a_frozen_estimator_reads_as_it_would_otherwise(estimator, X, y):
    model = fitted(estimator, X, y)
    reading = read(FrozenEstimator(model), X)
    assert_array_equal(reading.predictor.predict(reading.X), model.predict(X))


@NESTED
def test_reading_leaves_the_estimator_as_it_was(estimator, X, y):
    model = fitted(estimator, X, y)
    before, attributes = model.predict(X), dict(vars(model))
    read(model, X)
    assert vars(model) == attributes
    assert_array_equal(model.predict(X), before)


@NESTED
def test_what_is_not_fitted_says_so(estimator, X):
    with pytest.raises(NotFittedError, match=f"This {type(estimator).__name__} instance is not"):
        read(clone(estimator), X)


def test_steps_come_in_the_order_in_which_they_are_applied(X, y):
    first, second = FunctionTransformer(np.abs), FunctionTransformer(np.sqrt)
    model = make_pipeline(first, "passthrough", undone(make_pipeline(second, LastValue())))
    steps = unwrap(model.fit(X, y))[2]
    assert [step.func for step in steps] == [np.abs, np.sqrt]
    assert_array_equal(read(model, X).X, np.sqrt(np.abs(X)))


def test_a_search_reads_as_its_best_model(X, y):
    model = search(scaled(LastValue()), "lastvalue__factor").fit(X, y)
    reading = read(model, X)
    assert reading.regressor is model.best_estimator_[-1]
    assert_array_equal(reading.X, model.best_estimator_[:-1].transform(X))


def test_a_search_without_a_refit_is_an_error_with_the_remedy(X, y):
    model = search(LastValue(), refit=False).fit(X, y)
    text = (
        r"This GridSearchCV keeps no fitted model, since refit=False\. Search with refit=True, or "
        r"pass the model fitted with the parameters it chose\."
    )
    with pytest.raises(AttributeError, match=text):
        read(model, X)


def test_the_transform_of_the_target_is_undone_once(X, y):
    reading = read(undone(LastValue()).fit(X, y), X)
    mean = np.mean(np.sqrt(y))
    assert_allclose(reading.predictor.predict(reading.X), (X[:, -1, 0] + mean) ** 2)
    assert_allclose(reading.regressor.predict(reading.X), X[:, -1, 0] + mean)


# Lags, labels and names


@pytest.fixture
def windows():
    """Return a factory of fitted pipelines with windows of a table."""

    def make(table, length=3, **params):
        model = make_pipeline(TimeWindows(length, **params), LastValue())
        return model.fit(table, np.zeros(len(table)))

    return make


def test_without_windows_lags_are_steps(X, y):
    lags = read(LastValue().fit(X, y), X).lags(6)
    assert lags.tolist() == [5, 4, 3, 2, 1, 0]
    assert lags.name == "lag"


@pytest.mark.parametrize("stride", [1, 2])
def test_lags_of_even_times_are_times(windows, stride):
    table = hourly(9)
    for index in (table.index, table.index - table.index[0]):
        timed = table.set_axis(index)
        lags = read(windows(timed, dilation=stride), timed).lags(3)
        assert lags.tolist() == [pd.Timedelta(hours=stride * steps) for steps in (2, 1, 0)]
        assert lags.name == "lag"


def test_a_lag_is_how_long_ago_the_row_of_a_step_was(windows):
    table = hourly(9)
    reading = read(windows(table, dilation=2), table)
    rows = reading.X[-1, :, 0].astype(int)  # feature a counts the rows
    for row, lag in zip(rows, reading.lags(3), strict=True):
        assert table.index[-1] - table.index[row] == lag


def test_lags_of_uneven_times_are_rows(windows):
    table = hourly(9).drop(index=hourly(9).index[4])
    assert read(windows(table, dilation=2), table).lags(3).tolist() == [4, 2, 0]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_lags_of_even_times_of_a_time_zone_are_times(windows, zone):
    table = hourly(30).tz_localize("UTC").tz_convert(zone)  # summer time begins in these hours
    lags = read(windows(table, dilation=2), table).lags(3)
    assert lags.tolist() == [pd.Timedelta(hours=hours) for hours in (4, 2, 0)]


def test_lags_of_groups_that_take_turns_are_rows_of_the_group(windows):
    """Rows come every hour, and those of each group every two hours."""
    table = hourly(12).assign(g=["p", "q"] * 6)
    reading = read(windows(table, group_by="g"), table)
    assert reading.X[-1, :, 0].tolist() == [7, 9, 11]
    assert reading.lags(3).tolist() == [2, 1, 0]


@pytest.mark.parametrize("index", [np.arange(9), np.arange(9) * 3, list("abcdefghi")])
def test_lags_of_rows_without_times_are_rows(windows, index):
    table = hourly(9).set_axis(pd.Index(index))
    assert read(windows(table), table).lags(3).tolist() == [2, 1, 0]


def test_lags_of_an_array_of_rows_are_rows(windows):
    table = hourly(9).to_numpy()
    reading = read(windows(table, dilation=3), table)
    assert reading.lags(3).tolist() == [6, 3, 0]
    assert_array_equal(reading.index, np.arange(9))


def test_times_of_samples_that_are_no_windows_are_no_lags():
    X = hourly(9)
    reading = read(Ridge().fit(X, X["a"]), X)
    assert reading.lags(2).tolist() == [1, 0]
    assert reading.index.equals(X.index)


def test_samples_keep_their_labels_through_arrays(windows):
    table = hourly(9)
    model = make_pipeline(StandardScaler(), TimeWindows(3), LastValue()).fit(table, table["a"])
    assert read(model, table[4:]).index.equals(table.index[4:])


def test_samples_of_several_series_keep_both_labels():
    table = two_stations(6).set_index("g", append=True)
    model = make_pipeline(TimeWindows(3, group_by="g"), LastValue()).fit(table, table["a"])
    reading = read(model, table)
    assert reading.index.equals(table.index)
    assert reading.feature_names(2) == ["a", "b"]


def test_samples_without_labels_are_numbered(X, y):
    assert read(LastValue().fit(X, y), X).index.equals(pd.RangeIndex(40))


def test_features_have_the_names_of_the_columns_of_the_windows(windows):
    table = two_stations(6)
    names = read(windows(table, group_by="g"), table).feature_names(2)
    assert names == ["a", "b"]


def test_features_have_the_names_that_an_estimator_was_fitted_with(small, X, y):
    frames = [pd.DataFrame(each, columns=["temp", "load"]) for each in X]
    reading = read(small().fit(frames, y), frames)
    assert reading.feature_names(2) == ["temp", "load"]
    assert reading.feature_names(3) == ["feature 0", "feature 1", "feature 2"]


def test_features_without_names_are_numbered(windows, X, y):
    table = hourly(9)
    assert read(LastValue().fit(X, y), X).feature_names(2) == ["feature 0", "feature 1"]
    assert read(windows(table.to_numpy()), table.to_numpy()).feature_names(1) == ["feature 0"]
    # Where a step has other features than the windows had, their names do not fit.
    expected = ["feature 0", "feature 1", "feature 2"]
    assert read(windows(table), table).feature_names(3) == expected


# Sequences, and back


def test_sequences_of_an_array_are_floats_and_not_the_callers(X, y):
    whole = np.round(X).astype("int32")
    reading = read(LastValue().fit(whole, y), whole)
    sequences = reading.sequences()
    assert sequences.dtype == "float64"
    assert_array_equal(sequences, whole)
    given = whole.copy()
    sequences[:] = 7
    assert_array_equal(whole, given)
    floats = read(LastValue().fit(X, y), X).sequences()
    assert_array_equal(floats, X)
    assert not np.shares_memory(floats, X)


def test_sequences_of_a_list_all_end_in_the_last_column(X, y):
    unequal = [X[0], X[1, :2], X[2, :4]]
    sequences = read(LastValue().fit(X, y), unequal).sequences()
    assert sequences.shape == (3, 6, 2)
    for sequence, given in zip(sequences, unequal, strict=True):
        assert_array_equal(sequence[6 - len(given) :], given)
        assert np.isnan(sequence[: 6 - len(given)]).all()


@pytest.mark.parametrize("named", [False, True])
def test_columns_are_read_in_time_order(small, named, X, y):
    table = X.reshape(40, 12)
    table = pd.DataFrame(table, columns=[f"c{i}" for i in range(12)]) if named else table
    reading = read(small(n_timesteps=6).fit(table, y), table)
    assert_array_equal(reading.sequences(), X)


def test_columns_are_steps_of_one_feature_where_nothing_else_is_said(X, y):
    table = X[:, :, 0]
    assert_array_equal(read(Ridge().fit(table, y), table).sequences(), table[:, :, np.newaxis])


def test_windows_of_several_series_are_sequences(windows):
    table = two_stations(4)
    model = windows(table, length=2, group_by="g")
    sequences = read(model, table).sequences()
    assert sequences.shape == (8, 2, 2)
    assert_array_equal(sequences[:2, 0], np.nan)  # nothing is before the first row of a station
    assert_array_equal(sequences[2:, 0, 0], table["a"][:-2])  # p, q, p, q, ...
    assert_array_equal(sequences[:, 1, 0], table["a"])


@pytest.mark.parametrize("form", ["array", "table", "frame"])
def test_sequences_go_back_into_the_form_that_the_regressor_reads(small, form, X, y):
    given = X if form == "array" else X.reshape(40, 12)
    if form == "frame":
        given = pd.DataFrame(given, columns=[f"c{i}" for i in range(12)])
    model = small(n_timesteps=None if form == "array" else 6).fit(given, y)
    reading = read(model, given)
    back = reading.as_read(reading.sequences())
    assert type(back) is type(given)
    assert_array_equal(back, given)
    assert_array_equal(reading.predictor.predict(back), model.predict(given))
    if form == "frame":
        assert back.columns.equals(given.columns)
