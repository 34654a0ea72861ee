"""Attention weights of whatever holds a fitted regressor."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from panels import hourly, two_stations
from skattn import LSTMAttentionRegressor, SequenceScaler, TimeWindows, attention_weights


@pytest.fixture(scope="module")
def data():
    X = np.random.default_rng(0).normal(size=(20, 4, 2))
    return X, X[:, 1, 0].copy()


def new(attention="additive", **params):
    defaults = {"units": 4, "epochs": 2, "random_state": 0}
    return LSTMAttentionRegressor(attention, **{**defaults, **params})


@pytest.fixture(scope="module")
def additive(data):
    return new().fit(*data)


@pytest.fixture(scope="module")
def hierarchical(data):
    return new("hierarchical").fit(*data)


@pytest.fixture(scope="module")
def table():
    return hourly(12)


@pytest.fixture(scope="module")
def of_rows(table):
    """A fitted pipeline that reads windows of three rows, two apart."""
    windows = TimeWindows(3, dilation=2)
    scaler = StandardScaler().set_output(transform="pandas")
    return make_pipeline(scaler, windows, new()).fit(table, table["b"])


# Through what is around the regressor


def test_of_a_regressor_they_are_its_own(additive, data):
    X, _ = data
    assert_array_equal(attention_weights(additive, X), additive.attention_weights(X))


@pytest.mark.parametrize("step", [SequenceScaler(), FunctionTransformer(np.tanh)], ids=type)
def test_steps_before_the_regressor_are_applied_first(step, data):
    X, y = data
    model = make_pipeline(step, new()).fit(X, y)
    expected = model[-1].attention_weights(model[:-1].transform(X))
    assert_array_equal(attention_weights(model, X), expected)
    assert (attention_weights(model, X) != model[-1].attention_weights(X)).any()


def test_of_a_search_they_are_those_of_its_best_model(data):
    X, y = data
    pipeline = make_pipeline(FunctionTransformer(np.tanh), new())
    grid = {"lstmattentionregressor__epochs": [1, 3]}
    search = GridSearchCV(pipeline, grid, cv=KFold(2)).fit(X, y)
    expected = search.best_estimator_[-1].attention_weights(np.tanh(X))
    assert_array_equal(attention_weights(search, X), expected)


def test_the_transform_of_the_target_does_not_matter(data):
    X, y = data
    inner = make_pipeline(SequenceScaler(), new())
    around = TransformedTargetRegressor(inner, func=np.cbrt, inverse_func=cube).fit(X, y)
    pipeline = make_pipeline(SequenceScaler(), new()).fit(X, np.cbrt(y))
    assert_array_equal(attention_weights(around, X), attention_weights(pipeline, X))


def cube(y):
    return y**3


def test_of_a_frozen_regressor(additive, data):
    X, _ = data
    frozen = make_pipeline(FrozenEstimator(additive)).fit(X, data[1])
    assert_array_equal(attention_weights(frozen, X), additive.attention_weights(X))


# Laws


def test_rows_sum_to_one(additive, data):
    weights = attention_weights(additive, data[0])
    assert weights.shape == (20, 4)
    assert (weights >= 0).all()
    assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)


def test_shuffled_rows_have_shuffled_weights(additive, data):
    X, order = data[0], np.random.RandomState(0).permutation(20)
    expected = attention_weights(additive, X)[order]
    assert_allclose(attention_weights(additive, X[order]), expected, rtol=1e-5)


def test_a_mean_weighs_all_present_steps_alike(data):
    X = data[0].copy()
    X[0, 1] = np.nan
    model = make_pipeline(SequenceScaler(), new("mean")).fit(X, data[1])
    weights = attention_weights(model, X)
    assert_allclose(weights[0], [1 / 3, 0, 1 / 3, 1 / 3], rtol=1e-6)
    assert_allclose(weights[1:], 1 / 4, rtol=1e-6)


@pytest.mark.parametrize("attention", ["additive", "hierarchical"])
def test_absent_steps_have_exactly_no_weight(attention, data):
    X = data[0].copy()
    X[0, 0] = X[1, 2] = X[2, 1:] = np.nan
    model = make_pipeline(SequenceScaler(), new(attention)).fit(X, data[1])
    weights = attention_weights(model, X)
    absent = np.isnan(X[:, :, 0])
    assert_array_equal(weights[absent], 0)
    assert (weights[~absent] > 0).all()
    assert_allclose(weights[2, 0], 1, rtol=1e-6)  # its only step
    assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)


def test_of_unequal_sequences_an_array_begins_with_their_first_step_and_a_frame_ends_at_lag_0(data):
    X, y = data
    unequal = [X[0, :2], X[1, :1], *X[2:]]
    model = make_pipeline(SequenceScaler(), new()).fit(unequal, y)
    weights = attention_weights(model, unequal)
    assert weights.shape == (20, 4)
    assert_array_equal(weights[0, 2:], 0)
    assert_array_equal(weights[1, 1:], 0)
    assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    frame = attention_weights(model, unequal, as_frame=True)
    assert frame.columns.tolist() == [3, 2, 1, 0]
    assert_array_equal(frame.iloc[0], [0, 0, *weights[0, :2]])
    assert_array_equal(frame.iloc[1], [0, 0, 0, weights[1, 0]])
    assert_array_equal(frame[2:], weights[2:])
    assert frame.index.tolist() == list(range(20))


# Levels


def test_levels_of_the_hierarchical_network(hierarchical, data):
    X, _ = data
    summary = attention_weights(hierarchical, X, level="summary")
    own = attention_weights(hierarchical, X, level="self")
    assert own.shape == (20, 4, 4)
    assert_allclose(own.sum(axis=2), 1, rtol=1e-5)
    assert_allclose(summary.sum(axis=1), 1, rtol=1e-5)
    product = np.einsum("ns,nst->nt", summary, own)
    assert_allclose(attention_weights(hierarchical, X), product, rtol=1e-5)


def test_a_level_of_steps_may_be_a_frame(hierarchical, data):
    X, _ = data
    frame = attention_weights(hierarchical, X, level="summary", as_frame=True)
    assert_array_equal(frame, hierarchical.attention_weights(X, level="summary"))


def test_a_level_of_pairs_is_no_frame(hierarchical, data):
    text = r"Level 'self' has weights of shape \(20, 4, 4\), which no frame holds\. Use as_frame=F"
    with pytest.raises(ValueError, match=text):
        attention_weights(hierarchical, data[0], level="self", as_frame=True)


def test_a_level_that_is_not_there_is_an_error_with_those_that_are(additive, data):
    text = r"attention='additive' has no level 'self'\. Its levels are \['steps'\]"
    with pytest.raises(ValueError, match=text):
        attention_weights(additive, data[0], level="self")


# Frames


def test_a_frame_of_sequences_is_numbered(additive, data):
    frame = attention_weights(additive, data[0], as_frame=True)
    assert_array_equal(frame, attention_weights(additive, data[0]))
    assert frame.index.tolist() == list(range(20))
    assert frame.columns.tolist() == [3, 2, 1, 0]
    assert frame.columns.name == "lag"


def test_a_frame_of_windows_has_the_times_of_its_rows(of_rows, table):
    frame = attention_weights(of_rows, table[3:], as_frame=True)
    assert_array_equal(frame, attention_weights(of_rows, table[3:]))
    assert frame.index.equals(table.index[3:])
    assert frame.columns.tolist() == [pd.Timedelta(hours=hours) for hours in (4, 2, 0)]


def test_the_first_row_attends_to_itself_alone(of_rows, table):
    """Nothing is before it: its other steps are absent."""
    frame = attention_weights(of_rows, table, as_frame=True)
    for row in (0, 1):  # steps are two rows apart
        assert frame.iloc[row, :2].tolist() == [0, 0]
        assert frame.iloc[row, 2] == pytest.approx(1)
    assert frame.iloc[2, 0] == 0
    assert (frame.iloc[2, 1:] > 0).all()


def test_a_frame_of_several_series_keeps_both_levels_of_its_index():
    table = two_stations(8).set_index("g", append=True)
    model = make_pipeline(TimeWindows(3, group_by="g"), new()).fit(table, table["b"])
    frame = attention_weights(model, table, as_frame=True)
    assert frame.index.equals(table.index)
    for station in "pq":  # rows of a station are in no window of another
        alone = table.xs(station, level="g", drop_level=False)
        expected = attention_weights(model, alone, as_frame=True)
        assert expected.index.equals(alone.index)
        assert_allclose(frame.loc[alone.index], expected, rtol=1e-5)


def test_a_frame_of_columns_has_the_index_of_the_table(data):
    X = pd.DataFrame(data[0].reshape(20, 8), index=[f"row {i}" for i in range(20)])
    X.columns = [f"column {i}" for i in range(8)]
    model = new(n_timesteps=4).fit(X, data[1])
    frame = attention_weights(model, X, as_frame=True)
    assert frame.index.equals(X.index)
    assert frame.columns.tolist() == [3, 2, 1, 0]


# Errors


def test_a_last_step_without_attention_is_an_error_that_says_what_has(data):
    X, y = data[0][:, :, 0], data[1]
    text = (
        r"^Ridge has no attention weights\. The last step must be an LSTMAttentionRegressor or "
        r"-Classifier whose attention is one of \['mean', 'dot', 'general', 'additive', "
        r"'hierarchical'\], or a call"
    )
    with pytest.raises(AttributeError, match=text):
        attention_weights(make_pipeline(StandardScaler(), Ridge()).fit(X, y), X)


@pytest.mark.parametrize("around", [False, True])
def test_a_network_without_attention_is_an_error_that_says_what_to_use(around, data):
    model = make_pipeline(SequenceScaler(), new(None)) if around else new(None)
    text = "^LSTMAttentionRegressor with attention=None has no attention weights"
    with pytest.raises(AttributeError, match=text):
        attention_weights(model.fit(*data), data[0])


@pytest.mark.parametrize("model", [new(), make_pipeline(SequenceScaler(), new())], ids=type)
def test_what_is_not_fitted_says_so(model, data):
    with pytest.raises(NotFittedError, match=f"This {type(model).__name__} instance is not fitted"):
        attention_weights(model, data[0])


def test_a_search_without_a_refit_has_no_weights(data):
    search = GridSearchCV(new(), {"epochs": [1]}, cv=KFold(2), refit=False).fit(*data)
    with pytest.raises(AttributeError, match="GridSearchCV keeps no fitted model, since refit=F"):
        attention_weights(search, data[0])
