"""Permutation importance of steps and features, of models that are known exactly."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.metrics import get_scorer, mean_squared_error
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from panels import hourly
from skattn import SequenceScaler, TimeWindows, sequence_importance
from skattn._insight.replacement import blocks_of, permute

MSE = "neg_mean_squared_error"


class Weighted(RegressorMixin, BaseEstimator):
    """Predicts a weighted sum of cells {(step, feature): weight}; keeps all that it reads."""

    def __init__(self, cells=None):
        self.cells = cells

    def fit(self, X, y):
        self.read_ = []
        return self

    def predict(self, X):
        self.read_.append(np.array(X))
        return sum(w * X[(slice(None), *cell)] for cell, w in self.cells.items())


class Outputs(Weighted):
    """Predicts the cells, one output each."""

    def predict(self, X):
        return np.stack([X[:, step, feature] for step, feature in self.cells], axis=1)


@pytest.fixture(name="X")
def only_sequences(sequences):
    return sequences[0]


@pytest.fixture(name="y")
def value_of_step_two(sequences):
    return sequences[1]


@pytest.fixture
def echo(X, y):
    """The model that is y itself: feature 0 of step 2."""
    return Weighted({(2, 0): 1.0}).fit(X, y)


def only(shape, *cells):
    """Return a mask that is True at some cells."""
    mask = np.zeros(shape, dtype=bool)
    for cell in cells:
        mask[cell] = True
    return mask


# Known answers


def test_the_one_cell_that_counts_is_found_and_all_others_are_exactly_zero(echo, X, y):
    result = sequence_importance(echo, X, y, random_state=0)
    assert result.importances.shape == (6, 2, 5)
    assert_array_equal(result.importances_mean != 0, only((6, 2), (2, 0)))
    assert (result.importances[2, 0] > 0).all()


@pytest.mark.parametrize(
    ("by", "block", "shape", "place"),
    [
        ("timestep", 1, (6,), 2),
        ("feature", 1, (2,), 0),
        (["timestep"], 4, (2,), 1),
        (("feature", "timestep"), 4, (2, 2), (1, 0)),
        (["timestep", "feature"], 6, (1, 2), (0, 0)),
        ("feature", 4, (2,), 0),
    ],
)
def test_the_cell_is_found_by_steps_and_by_features(echo, X, y, by, block, shape, place):
    result = sequence_importance(echo, X, y, by=by, block=block, n_repeats=3, random_state=0)
    assert result.importances.shape == (*shape, 3)
    assert_array_equal(result.importances_mean > 0, only(shape, place))
    assert set(result.by) == ({by} if isinstance(by, str) else set(by))


def test_the_expected_loss_is_twice_the_variance(X):
    """A permuted value is any of them: the mean of (a - b)² over all pairs is 2 var."""
    cells = {(0, 0): 1.0, (3, 1): 2.0}
    model = Weighted(cells).fit(X, None)
    y = X[:, 0, 0] + 2 * X[:, 3, 1]
    result = sequence_importance(model, X, y, n_repeats=300, scoring=MSE, random_state=0)
    expected = {cell: 2 * w**2 * X[(slice(None), *cell)].var() for cell, w in cells.items()}
    for cell, loss in expected.items():
        assert result.importances_mean[cell] == pytest.approx(loss, rel=0.05)
    assert_array_equal(result.importances_mean != 0, only((6, 2), *expected))


def test_of_one_feature_per_step_it_is_permutation_importance():
    """Each column of 2-D X is a step, in both; the draws are others."""
    X = np.random.default_rng(0).normal(size=(50, 4))
    model, y = Weighted({(1,): 3.0}).fit(X, None), 3 * X[:, 1]
    params = {"n_repeats": 200, "random_state": 0, "scoring": MSE}
    result = sequence_importance(model, X, y, by="timestep", **params)
    reference = permutation_importance(model, X, y, **params)
    assert_allclose(result.importances_mean, reference.importances_mean, rtol=0.05)
    assert_array_equal(result.importances_mean != 0, only(4, 1))


def test_several_outputs(X):
    y = np.stack([X[:, 0, 0], X[:, 5, 1]], axis=1)
    model = Outputs({(0, 0): 1, (5, 1): 1}).fit(X, y)
    result = sequence_importance(model, X, y, random_state=0)
    assert result.baseline == 1.0
    assert_array_equal(result.importances_mean > 0, only((6, 2), (0, 0), (5, 1)))


def test_a_feature_that_is_the_same_for_all_samples_has_none(X):
    """It may change over time, and the model may need it: no permutation moves it."""
    X = X.copy()
    X[:, :, 1] = np.arange(6)
    model = Weighted({(2, 0): 1.0, (4, 1): 1.0}).fit(X, None)
    result = sequence_importance(model, X, X[:, 2, 0] + 4, by="feature", random_state=0)
    assert result.importances_mean[0] > 0
    assert_array_equal(result.importances[1], 0)


# What is permuted


@pytest.mark.parametrize(
    ("n_timesteps", "block", "expected"),
    [
        (4, 1, [(0, 1), (1, 2), (2, 3), (3, 4)]),
        (5, 2, [(0, 1), (1, 3), (3, 5)]),
        (2, 7, [(0, 2)]),
    ],
)
def test_blocks_count_back_from_the_last_step(n_timesteps, block, expected):
    assert blocks_of(n_timesteps, block) == expected


def test_the_result_names_its_blocks(echo, X, y):
    assert sequence_importance(echo, X, y, block=4).blocks == [(0, 2), (2, 6)]
    assert sequence_importance(echo, X, y, by="feature", block=4).blocks == [(0, 6)]


def test_values_go_from_sample_to_sample_and_never_across_time(echo, X, y):
    result = sequence_importance(echo, X, y, block=4, n_repeats=3, random_state=0)
    cells = [(slice(*steps), f) for steps in result.blocks for f in range(2) for _ in range(3)]
    for given, cell in zip(echo.read_[1:], cells, strict=True):
        assert_array_equal(np.sort(given, axis=0), np.sort(X, axis=0))
        changed = (given != X).any(axis=0)
        assert changed[cell].all()
        changed[cell] = False
        assert not changed.any()


def test_a_block_is_taken_from_one_sample_as_a_whole():
    X = np.arange(20.0)[:, np.newaxis, np.newaxis] + np.zeros((20, 4, 3))  # values name samples
    model = Weighted({(0, 0): 1.0}).fit(X, None)
    sequence_importance(model, X, X[:, 0, 0], by="timestep", block=2, n_repeats=1, random_state=0)
    for given in model.read_:
        for block in (given[:, :2], given[:, 2:]):
            assert (block == block[:, :1, :1]).all()


def test_absent_steps_stay_where_they_are(X, y):
    X = X.copy()
    X[0, 0] = X[1, 1:3] = X[5, :] = np.nan
    for by in ("timestep", "feature"):
        model = Weighted({(2, 0): 1.0}).fit(X, y)
        sequence_importance(model, X, y, by=by, scoring=lambda m, X, y: m.predict(X)[2])
        for given in model.read_:
            assert_array_equal(np.isnan(given), np.isnan(X))


def test_a_permutation_with_an_absent_step_by_hand():
    # Of step 0 samples 2, 0 are a ring, of step 1 samples 1, 2, 0; each takes from the one before.
    rng = SimpleNamespace(permutation=lambda n: np.array([1, 2, 0]))
    values = np.array([[[10.0], [11.0]], [[np.nan], [21.0]], [[30.0], [31.0]]])
    first = permute(values, (slice(0, 1), slice(None)), rng)
    assert_array_equal(first[:, :, 0], [[30, 11], [np.nan, 21], [10, 31]])
    both = permute(values, (slice(0, 2), slice(None)), rng)
    assert_array_equal(both[:, :, 0], [[30, 31], [np.nan, 11], [10, 21]])
    assert_array_equal(values[:, :, 0], [[10, 11], [np.nan, 21], [30, 31]])


# Draws and scores


def test_mean_and_deviation_are_those_of_the_repeats(echo, X, y):
    result = sequence_importance(echo, X, y, random_state=0)
    assert_array_equal(result.importances_mean, result.importances.mean(axis=-1))
    assert_array_equal(result.importances_std, result.importances.std(axis=-1))


def test_the_draws_are_those_of_the_random_state_whatever_the_jobs(echo, X, y):
    expected = sequence_importance(echo, X, y, random_state=3).importances
    for n_jobs in (1, 2):
        again = sequence_importance(echo, X, y, random_state=3, n_jobs=n_jobs)
        assert_array_equal(again.importances, expected)
    other = sequence_importance(echo, X, y, random_state=4).importances
    assert (other[2, 0] != expected[2, 0]).all()
    assert len(set(expected[2, 0])) == 5  # each repeat draws anew


def test_a_bar_shows_the_predictions_where_that_is_wanted(echo, X, y, capfd):
    silent = sequence_importance(echo, X, y, by="timestep", n_repeats=2, random_state=0)
    assert not any(capfd.readouterr())
    shown = sequence_importance(echo, X, y, by="timestep", n_repeats=2, random_state=0, verbose=1)
    n_predictions = 2 * X.shape[1]
    assert f"{n_predictions}/{n_predictions}" in capfd.readouterr().err
    assert_array_equal(shown.importances, silent.importances)


def test_the_score_is_the_estimators_own_unless_another_is_given(X, y):
    class Own(Weighted):
        def score(self, X, y):
            return 7.0 - np.abs(self.predict(X) - y).max()

    model = Own({(2, 0): 1.0}).fit(X, y)
    assert sequence_importance(model, X, y).baseline == 7
    assert sequence_importance(model, X, y, scoring="r2").baseline == 1
    assert sequence_importance(model, X, y, scoring=lambda model, X, y: -0.5).baseline == -0.5


@pytest.mark.parametrize("place", ["bare", "at the end", "around a pipeline"])
def test_a_search_is_scored_by_its_own_scoring(place, X, y):
    model, grid, y = Weighted({(2, 0): 1.0}), "cells", y + np.tanh(X[:, 0, 1])
    if place == "around a pipeline":
        model, grid = make_pipeline(FunctionTransformer(np.sinh), model), f"weighted__{grid}"
    model = GridSearchCV(model, {grid: [{(2, 0): 1.0}]}, cv=KFold(2), scoring=MSE)
    if place == "at the end":
        model = make_pipeline(FunctionTransformer(np.sinh), model)
    result = sequence_importance(model.fit(X, y), X, y, random_state=0)
    assert result.baseline == model.score(X, y) < 0
    assert result.scoring == MSE
    named = sequence_importance(model, X, y, scoring=MSE, random_state=0)
    assert_array_equal(result.importances, named.importances)
    assert sequence_importance(model, X, y, scoring="r2").baseline == get_scorer("r2")(model, X, y)


# Through what is around the regressor


@pytest.mark.parametrize("around", [False, True])
def test_a_list_of_unequal_sequences_is_as_its_padded_array(small, around, X, y):
    unequal, padded = [x[: 3 + row % 4] for row, x in enumerate(X)], X.copy()
    for sequence, given in zip(padded, unequal, strict=True):
        sequence[len(given) :] = np.nan
    model = make_pipeline(SequenceScaler(), small()) if around else small()
    model.fit(unequal, y)
    params = {"n_repeats": 2, "random_state": 0}
    result = sequence_importance(model, unequal, y, **params)
    assert result.baseline == pytest.approx(model.score(unequal, y))
    expected = sequence_importance(model, padded, y, **params).importances
    assert_array_equal(result.importances, expected)
    assert result.importances_mean.shape == (6, 2)
    assert result.importances.any(axis=-1).all()


@pytest.mark.parametrize("scoring", ["r2", "neg_mean_absolute_error"])
@pytest.mark.parametrize("around", ["pipeline", "search", "target", "all"])
def test_the_baseline_is_the_score_of_the_whole(around, scoring, X, y):
    model, grid, y = Weighted({(2, 0): 1.0}), "cells", y**3 + np.tanh(X[:, 0, 1])
    if around in ("target", "all"):
        model = TransformedTargetRegressor(model, func=np.cbrt, inverse_func=lambda y: y**3)
        grid = f"regressor__{grid}"
    if around in ("pipeline", "all"):
        model = make_pipeline(FunctionTransformer(np.sinh), model)
        grid = f"{model.steps[-1][0]}__{grid}"
    if around in ("search", "all"):
        model = GridSearchCV(model, {grid: [{(2, 0): 1.0}]}, cv=KFold(2))
    result = sequence_importance(model.fit(X, y), X, y, scoring=scoring, random_state=0)
    assert result.baseline == get_scorer(scoring)(model, X, y)
    assert_array_equal(result.importances_mean != 0, only((6, 2), (2, 0)))


def test_windows_have_lags_in_time_and_names_of_features():
    table = hourly(12)
    windows = TimeWindows(3, dilation=2)
    model = make_pipeline(windows, Weighted({(1, 1): 1.0})).fit(table, table["b"])
    # Depends on all predictions but those from absent steps, which are NaN.
    params = {"scoring": lambda model, X, y: np.nansum(y * model.predict(X)), "random_state": 0}
    result = sequence_importance(model, table, table["a"], **params)
    assert result.lags.tolist() == [pd.Timedelta(hours=hours) for hours in (4, 2, 0)]
    assert result.feature_names == ["a", "b"]
    assert_array_equal(result.importances_mean != 0, only((3, 2), (1, 1)))


def test_columns_are_permuted_as_the_sequences_that_they_are(small, X, y):
    table = pd.DataFrame(X.reshape(40, 12), columns=[f"c{i}" for i in range(12)])
    params = {"n_repeats": 1, "random_state": 0}
    expected = sequence_importance(small().fit(X, y), X, y, **params).importances
    for columns in (table, table.to_numpy()):
        model = small(n_timesteps=6).fit(columns, y)
        result = sequence_importance(model, columns, y, **params)
        assert_allclose(result.importances, expected, atol=1e-5)


# Errors


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"by": "time"}, r"'by' parameter .*\{'(feature|timestep)', .*Got 'time'"),
        ({"by": ("time", "feature")}, r'by must be "timestep", "feature" or both.*Got by=\(\'time'),
        ({"by": ()}, r'by must be "timestep", "feature" or both of them. Got by=\(\)'),
        ({"block": 0}, r"'block' parameter .* an int in the range \[1, inf\). Got 0"),
        ({"scoring": "best"}, "'scoring' parameter .*Got 'best'"),
        ({"scoring": mean_squared_error}, "metric function rather than a scorer.*make_scorer"),
    ],
)
def test_a_parameter_that_is_off_is_an_error_with_its_name(echo, X, y, params, text):
    with pytest.raises(ValueError, match=text):
        sequence_importance(echo, X, y, **params)


def test_targets_of_another_length_are_an_error_with_both(echo, X, y):
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[40, 39\]"):
        sequence_importance(echo, X, y[1:])


@pytest.mark.parametrize("model", [Weighted(), make_pipeline(SequenceScaler(), Weighted())])
def test_what_is_not_fitted_says_so(model, X, y):
    with pytest.raises(NotFittedError, match=f"This {type(model).__name__} instance is not fitted"):
        sequence_importance(model, X, y)
