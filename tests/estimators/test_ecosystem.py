"""Life among scikit-learn's tools: what takes sequences, what does not, and that fits repeat."""

import pickle
import random
import subprocess
import sys
from copy import deepcopy

import joblib
import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import RANSACRegressor
from sklearn.metrics import r2_score
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    TimeSeriesSplit,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

pytestmark = pytest.mark.slow

GRID = {"units": [2, 4]}
same = np.testing.assert_array_equal


def last_steps(X):
    return X[:, -3:]


@pytest.fixture(name="X", params=["array", "list"])
def array_or_list(request, sequences):
    """Sequences as one array, and as a list in which the first is shorter."""
    X = sequences[0]
    return X if request.param == "array" else [X[0, :3], *X[1:]]


@pytest.fixture(name="y")
def targets(sequences):
    return sequences[1]


# What takes sequences


def test_pipeline_hands_sequences_through(small, sequences):
    X, y = sequences
    pipeline = make_pipeline(FunctionTransformer(last_steps), small()).fit(X, y)
    same(pipeline.predict(X), small().fit(X[:, -3:], y).predict(X[:, -3:]))


@pytest.mark.parametrize(
    "search",
    [
        lambda model: GridSearchCV(model, GRID, cv=2),
        lambda model: RandomizedSearchCV(model, GRID, n_iter=2, cv=2, random_state=0),
        lambda model: HalvingGridSearchCV(model, GRID, cv=2, min_resources=10, random_state=0),
    ],
    ids=["grid", "randomized", "halving"],
)
def test_searches_refit_what_they_found(small, X, y, search):
    search = search(small()).fit(X, y)
    same(search.predict(X), small(**search.best_params_).fit(X, y).predict(X))


def test_grid_search_scores_are_those_of_the_folds(small, X, y):
    scores = GridSearchCV(small(), GRID, cv=2).fit(X, y).cv_results_["mean_test_score"]
    same(scores, [cross_val_score(small(units=n), X, y, cv=2).mean() for n in GRID["units"]])


def test_a_search_reaches_into_a_pipeline(small, sequences):
    pipeline = make_pipeline(FunctionTransformer(last_steps), small())
    inside = GridSearchCV(pipeline, {"lstmattentionregressor__units": [2, 4]}, cv=2)
    outside = GridSearchCV(small(), GRID, cv=2)
    X, y = sequences
    same(inside.fit(X, y).predict(X), outside.fit(X[:, -3:], y).predict(X[:, -3:]))


@pytest.mark.parametrize("shape", [(40,), (40, 2)])
def test_cross_validation_is_fits_on_the_folds(small, X, shape):
    y = np.random.default_rng(1).normal(size=shape)
    predicted = np.empty(shape)
    scores = []
    for train, test in KFold(2).split(X):
        rows = [[X[i] for i in part] for part in (train, test)]
        predicted[test] = small().fit(rows[0], y[train]).predict(rows[1])
        scores.append(r2_score(y[test], predicted[test]))
    same(cross_val_predict(small(), X, y, cv=2), predicted)
    same(cross_val_score(small(), X, y, cv=2), scores)
    same(cross_validate(small(), X, y, cv=2)["test_score"], scores)
    same(validation_curve(small(), X, y, param_name="units", param_range=[4], cv=2)[1], [scores])
    same(learning_curve(small(), X, y, train_sizes=[1.0], cv=2)[2], [scores])


def test_time_series_split_fits_on_the_past_only(small, X, y):
    estimators = cross_validate(small(), X, y, cv=TimeSeriesSplit(3), return_estimator=True)
    same(estimators["estimator"][0].predict(X), small().fit(X[:10], y[:10]).predict(X))


def test_transformed_target_is_undone_in_predictions(small, X, y):
    model = TransformedTargetRegressor(small(), func=np.cbrt, inverse_func=lambda y: y**3)
    same(model.fit(X, y).predict(X), small().fit(X, np.cbrt(y)).predict(X) ** 3)


def test_voting_averages_and_stacking_stacks(small, X, y):
    members = [("mean", small("mean")), ("dot", small("dot"))]
    predictions = np.column_stack([member.fit(X, y).predict(X) for _, member in members])
    np.testing.assert_allclose(
        VotingRegressor(members).fit(X, y).predict(X), predictions.mean(axis=1)
    )
    same(StackingRegressor(members, cv=2).fit(X, y).transform(X), predictions)


def test_multi_output_and_boosting_meta_estimators_pass_sequences(small, sequences):
    X, y = sequences
    both = MultiOutputRegressor(small()).fit(X, np.column_stack([y, -y])).predict(X)
    same(both[:, 0], small().fit(X, y).predict(X))
    boosted = AdaBoostRegressor(small(), n_estimators=1).fit(X, y)
    same(boosted.predict(X), boosted.estimators_[0].predict(X))


@pytest.mark.parametrize(
    "copied",
    [
        deepcopy,
        FrozenEstimator,
        lambda model: pickle.loads(pickle.dumps(model)),
        lambda model: clone(FrozenEstimator(model)),
    ],
    ids=["deepcopy", "frozen", "pickle", "clone of frozen"],
)
def test_copies_predict_the_same_bits(small, X, y, copied):
    model = small().fit(X, y)
    same(copied(model).predict(X), model.predict(X))


@pytest.mark.parametrize("compress", [0, 3])
def test_joblib_round_trip_predicts_the_same_bits(small, X, y, tmp_path, compress):
    model = small().fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib", compress=compress)
    same(joblib.load(tmp_path / "model.joblib").predict(X), model.predict(X))


def test_clone_is_unfitted_and_learns_the_same(small, X, y):
    model = small().fit(X, y)
    copied = clone(model)
    assert copied.get_params() == model.get_params()
    assert not hasattr(copied, "parameters_")
    same(copied.fit(X, y).predict(X), model.predict(X))


# What does not: name → (call, n_timesteps with which a table goes the way round)


def before(step):
    return lambda model, X, y: make_pipeline(step, model).fit(X, y)


def select(model, X, y):
    return SequentialFeatureSelector(model, n_features_to_select=1, cv=2).fit(X, y)


def stack(model, X, y):
    return StackingRegressor([("one", model)], cv=2, passthrough=True).fit(X, y)


def permute(model, X, y):
    return permutation_importance(model.fit(X, y), X, y, n_repeats=1)


def depend(model, X, y):
    return partial_dependence(model.fit(X, y), X, [0], grid_resolution=3)


TABLES_ONLY = {
    "StandardScaler": (before(StandardScaler()), 6),
    "SimpleImputer": (before(SimpleImputer()), 6),
    "PCA": (before(PCA()), 6),
    "FunctionTransformer(validate=True)": (before(FunctionTransformer(validate=True)), 6),
    "FeatureUnion": (before(FeatureUnion([("all", FunctionTransformer())])), 6),
    "ColumnTransformer": (before(ColumnTransformer([("some", "passthrough", [0, 1])])), 2),
    "BaggingRegressor": (lambda model, X, y: BaggingRegressor(model, 2).fit(X, y), 6),
    "RANSACRegressor": (
        lambda model, X, y: RANSACRegressor(model, min_samples=20, max_trials=2).fit(X, y),
        6,
    ),
    "RegressorChain": (lambda model, X, y: RegressorChain(model).fit(X, np.c_[y, y]), None),
    "SequentialFeatureSelector": (select, None),
    "StackingRegressor(passthrough=True)": (stack, 6),
    "permutation_importance": (permute, 6),
    "partial_dependence": (depend, 6),
}


@pytest.mark.parametrize("name", TABLES_ONLY)
def test_tools_for_tables_refuse_sequences(small, sequences, name):
    call, _ = TABLES_ONLY[name]
    with pytest.raises(ValueError, match=r"dim 3|3 dimension"):
        call(small(), *sequences)


@pytest.mark.parametrize("name", TABLES_ONLY)
def test_tools_for_tables_take_sequences_laid_out_as_tables(small, sequences, name):
    X, y = sequences
    call, n_timesteps = TABLES_ONLY[name]
    assert call(small(n_timesteps=n_timesteps), X.reshape(40, -1), y) is not None


def test_bagging_a_table_averages_its_networks(small, sequences):
    X, y = sequences[0].reshape(40, -1), sequences[1]
    bagging = BaggingRegressor(small(n_timesteps=6), n_estimators=3).fit(X, y)
    predictions = [network.predict(X) for network in bagging.estimators_]
    np.testing.assert_allclose(bagging.predict(X), np.mean(predictions, axis=0))


def test_permutation_importance_of_a_table_finds_the_column(small, sequences):
    X, y = sequences[0].reshape(40, -1), sequences[1]
    model = small(units=8, n_timesteps=6, epochs=40, learning_rate=3e-2).fit(X, y)
    importances = permutation_importance(model, X, y, random_state=0).importances_mean
    assert importances.argmax() == 2 * 2 + 0


# Metadata routing


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


@pytest.fixture
def half(sequences):
    """Weights that leave out every other row, and targets that are absurd there."""
    weights = np.arange(40) % 2
    return weights, np.where(weights, sequences[1], 1e3)


def weighted(model):
    model = model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    return make_pipeline(FunctionTransformer(last_steps), model)


@pytest.mark.usefixtures("routing")
def test_weights_reach_fit_and_score_through_a_pipeline(small, sequences, half):
    X, y = sequences
    weights, absurd = half
    pipeline = weighted(small()).fit(X, absurd, sample_weight=weights)
    same(pipeline.predict(X), weighted(small()).fit(X[1::2], y[1::2]).predict(X))
    np.testing.assert_allclose(
        pipeline.score(X, absurd, sample_weight=weights), pipeline.score(X[1::2], y[1::2])
    )


@pytest.mark.usefixtures("routing")
def test_weights_reach_every_fold_of_a_search(small, sequences, half):
    X, y = sequences
    weights, absurd = half
    results = []
    for target in (y, absurd):
        search = GridSearchCV(weighted(small()), {"lstmattentionregressor__units": [2, 4]}, cv=2)
        search.fit(X, target, sample_weight=weights)
        results.append((search.cv_results_["mean_test_score"], search.predict(X)))
    same(results[0][0], results[1][0])
    same(results[0][1], results[1][1])


@pytest.mark.usefixtures("routing")
def test_weights_reach_cross_validation(small, sequences, half):
    X, y = sequences
    weights, absurd = half
    model, params = weighted(small()), {"sample_weight": weights}
    same(*(cross_val_score(model, X, target, cv=2, params=params) for target in (y, absurd)))


@pytest.mark.usefixtures("routing")
def test_validation_rows_are_transformed_on_their_way_through_a_pipeline(small, sequences):
    X, y = sequences
    model = small().set_fit_request(X_val=True, y_val=True)
    pipeline = make_pipeline(FunctionTransformer(last_steps), model, transform_input=["X_val"])
    pipeline.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    direct = small().fit(X[:30, -3:], y[:30], X_val=X[30:, -3:], y_val=y[30:])
    assert pipeline[-1].validation_loss_curve_ == direct.validation_loss_curve_


# Reproducibility


@pytest.mark.parametrize("attention", [None, "additive", "hierarchical"])
def test_cold_and_warm_programs_give_the_same_bits(small, sequences, attention, own_pool):
    X, y = sequences
    cold = small(attention, dropout=0.3).fit(X, y).predict(X)
    same(small(attention, dropout=0.3).fit(X, y).predict(X), cold)
    own_pool.clear()
    same(small(attention, dropout=0.3).fit(X, y).predict(X), cold)


def test_two_threads_on_warm_programs_give_the_bits_of_one(small, sequences):
    X, y = sequences
    model = small(dropout=0.3, epochs=5)
    expected = cross_val_predict(model, X, y, cv=4)
    with joblib.parallel_config("threading", n_jobs=2):
        same(cross_val_predict(model, X, y, cv=4), expected)


def test_global_random_generators_are_left_alone(small, sequences, own_pool):
    import tensorflow as tf

    def states():
        drawn = tf.random.get_global_generator().state.numpy()
        return joblib.hash((np.random.get_state(), random.getstate(), drawn))  # noqa: NPY002

    X, y = sequences
    before = states()
    small(dropout=0.3, random_state=None).fit(X, y).predict(X)
    assert states() != before
    before = states()
    own_pool.clear()
    model = small(dropout=0.3).fit(X, y)
    model.predict(X)
    model.attention_weights(X)
    assert states() == before


@pytest.mark.usefixtures("own_pool")
def test_later_draws_from_tensorflow_are_the_same_with_a_fit_before_them(small, sequences):
    import tensorflow as tf

    tf.random.set_seed(0)
    expected = tf.random.uniform((3,)).numpy()
    tf.random.set_seed(0)
    small(dropout=0.3).fit(*sequences).predict(sequences[0])
    same(tf.random.uniform((3,)).numpy(), expected)


@pytest.mark.parametrize(
    "code",
    [
        "import skattn; dir(skattn)",
        "from skattn import LSTMAttentionRegressor as R; from sklearn.base import clone; "
        "m = clone(R('dot')).set_params(units=2); m.get_params(); repr(m)",
        "import pickle; pickle.load(open(sys.argv[1], 'rb')).parameters_",
    ],
    ids=["import", "construct and clone", "unpickle"],
)
def test_tensorflow_is_not_loaded(small, sequences, tmp_path, code):
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps(small().fit(*sequences)))
    code = f"import sys; {code}; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    subprocess.run([sys.executable, "-c", code, path], check=True)
