"""scikit-learn's own checks, all of them, on the regressor as it comes."""

from collections import Counter

import numpy as np
import pytest
import sklearn
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_inplace_ensure_writeable,
    check_param_validation,
    estimator_checks_generator,
    parametrize_with_checks,
)

from conftest import passes
from skattn import LSTMAttentionRegressor

#: What `pytest -m ""`, as .ci/run has it, takes beside the default, "additive".
OTHERS = [None, "mean", "dot", "general", "hierarchical"]


def names_of_checks(estimator):
    names = []
    for _, check in estimator_checks_generator(estimator, mark=None):
        names.append(getattr(check, "func", check).__name__)
    return names


@parametrize_with_checks([LSTMAttentionRegressor("additive")])
def test_passes_and_does_not_skip(estimator, check):
    passes(estimator, check)


@pytest.mark.every_attention
@parametrize_with_checks([LSTMAttentionRegressor(attention) for attention in OTHERS])
def test_other_attentions_pass_and_do_not_skip(estimator, check):
    passes(estimator, check)


def test_checks_are_those_of_a_regressor_of_scikit_learn():
    """The trees, too, take several outputs and NaN; they also take sparse X."""
    sparse = "check_sample_weight_equivalence_on_sparse_data"
    reference = Counter(names_of_checks(ExtraTreesRegressor())) - Counter([sparse])
    assert Counter(names_of_checks(LSTMAttentionRegressor("additive"))) == reference


@pytest.mark.parametrize(
    "check",
    [
        check_dataframe_column_names_consistency,
        check_inplace_ensure_writeable,
        check_param_validation,
    ],
)
@pytest.mark.slow
def test_passes_checks_that_scikit_learn_keeps_for_its_own(check):
    check("LSTMAttentionRegressor", LSTMAttentionRegressor("additive"))


def test_there_are_59_checks_or_more_since_1_9():
    version = tuple(map(int, sklearn.__version__.split(".")[:2]))
    assert version < (1, 9) or len(names_of_checks(LSTMAttentionRegressor("additive"))) >= 59


@pytest.fixture
def fitted(small, sequences):
    return small(epochs=1).fit(*sequences)


@pytest.mark.parametrize("attention", [None, "additive"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_bad_value_in_x_is_an_error_in_fit_and_predict(small, sequences, attention, value):
    X, y = sequences
    X_bad = X.copy()
    X_bad[3, 2, 1] = value
    with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
        small(attention).fit(X_bad, y)
    model = small(attention, epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
        model.predict(X_bad)


@pytest.mark.parametrize("n_timesteps", [None, 3])
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_in_a_table_is_an_error(small, value, n_timesteps):
    X = np.random.default_rng(0).normal(size=(20, 6))
    model = small(n_timesteps=n_timesteps, epochs=1).fit(X, X[:, 0])
    X_bad = X.copy()
    X_bad[0, 0] = value
    for call in (lambda: model.fit(X_bad, X[:, 0]), lambda: model.predict(X_bad)):
        with pytest.raises(ValueError, match="Input X contains infinity"):
            call()


def test_half_a_step_missing_in_a_table_is_an_error(small):
    X = np.random.default_rng(0).normal(size=(20, 6))
    X_bad = X.copy()
    X_bad[0, 0] = np.nan
    with pytest.raises(ValueError, match=r"sample 0, step 0, features \[0\]"):
        small(n_timesteps=3).fit(X_bad, X[:, 0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(40,), (40, 2)])
def test_one_bad_value_in_y_is_an_error(small, sequences, value, shape):
    y = np.zeros(shape)
    y[5] = value
    with pytest.raises(ValueError, match=r"Input y contains (NaN|infinity)"):
        small().fit(sequences[0], y)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_one_bad_weight_is_an_error(small, sequences, value):
    weights = np.ones(40)
    weights[5] = value
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
        small().fit(*sequences, sample_weight=weights)


def test_a_sample_without_any_step_is_an_error(fitted, sequences):
    X, y = sequences
    X_bad = X.copy()
    X_bad[7] = np.nan
    for call in (lambda: fitted.fit(X_bad, y), lambda: fitted.predict(X_bad)):
        with pytest.raises(ValueError, match="every step of sample 7"):
            call()


@pytest.mark.parametrize("attention", ["additive", *OTHERS])
@pytest.mark.parametrize("place", [0, 3])
def test_wholly_missing_steps_are_accepted_wherever_they_are(small, sequences, attention, place):
    X, y = sequences
    X_gap, X_end = (np.insert(X, where, np.nan, axis=1) for where in (place, 6))
    model, reference = small(attention).fit(X_gap, y), small(attention).fit(X_end, y)
    np.testing.assert_array_equal(model.predict(X_gap), reference.predict(X_end))
    np.testing.assert_allclose(model.predict(X_gap), model.predict(X), rtol=1e-5)


def test_missing_columns_of_a_table_are_absent_steps(small):
    X = np.random.default_rng(0).normal(size=(20, 6))
    X_gap = np.where(np.arange(6) == 4, np.nan, X)
    X_end = X_gap[:, [0, 1, 2, 3, 5, 4]]
    model, reference = small().fit(X_gap, X[:, 0]), small().fit(X_end, X[:, 0])
    np.testing.assert_array_equal(model.predict(X_gap), reference.predict(X_end))
