"""scikit-learn's checks once more, with sequences: each under its own name, with `_3d`.

scikit-learn generates its checks for tables only. Those that say nothing about X are
left out here, and so are DataFrames, which have no third dimension. Both estimators pass
each; checks of regressors or classifiers alone stand at the end.
"""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from skattn import LSTMAttentionClassifier, LSTMAttentionRegressor

KINDS = {"regressor": LSTMAttentionRegressor, "classifier": LSTMAttentionClassifier}
FIRST, OTHERS = [None, "additive"], ["mean", "dot", "general", "hierarchical"]


class NotAnArray:
    """Something that only knows how to become an array."""

    def __init__(self, data):
        self.data = np.asarray(data)

    def __array__(self, dtype=None, copy=None):
        return self.data


def cases(kinds, others=()):
    """Return each kind of estimator with attention and without, and with the others."""
    return [
        pytest.param((kind, attention), id=f"{kind}-{attention}", marks=marks)
        for attentions, marks in ((FIRST, ()), (others, pytest.mark.every_attention))
        for kind in kinds
        for attention in attentions
    ]


@pytest.fixture(params=cases(KINDS))
def model(request):
    """A small, quick, seeded estimator, which trains on all samples."""
    kind, attention = request.param
    params = {"units": 4, "epochs": 2, "random_state": 0, "early_stopping": False, "n_members": 1}
    return KINDS[kind](attention, **params)


def of(kinds, others=()):
    """Run a test with these estimators alone."""
    return pytest.mark.parametrize("model", cases(kinds, others), indirect=True)


#: A check of what attention may change takes all six, others one attention and none.
each_attention = of(KINDS, OTHERS)
regressors, each_regressor = of(["regressor"]), of(["regressor"], OTHERS)
classifiers, each_classifier = of(["classifier"]), of(["classifier"], OTHERS)


@pytest.fixture(name="X")
def only_sequences(sequences):
    return sequences[0]


@pytest.fixture(name="y")
def targets_or_labels(model, sequences):
    """The first feature of step 2; for a classifier three classes of it."""
    y = sequences[1]
    return np.digitize(y, [-0.5, 0.5]) if is_classifier(model) else y


def methods_of(model):
    """Return the methods that take X alone, as far as the estimator has them."""
    names = ("predict", "predict_proba", "predict_log_proba", "attention_weights")
    return [getattr(model, name) for name in names if hasattr(model, name)]


def memmapped(data, folder):
    joblib.dump(data, folder / "data.joblib")
    return joblib.load(folder / "data.joblib", mmap_mode="r")


def numbers(model, X):
    """Return predictions, of a classifier its probabilities."""
    return (model.predict_proba if is_classifier(model) else model.predict)(X)


def assert_fits_alike(model, given, reference):
    """Compare the fits of two triples X, y and weights, which may be left out."""
    expected = numbers(clone(model).fit(*reference), reference[0])
    np.testing.assert_array_equal(numbers(model.fit(*given), given[0]), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32"])
def test_check_estimators_dtypes_3d(model, X, dtype):
    X = (3 * X.astype("float32")).astype(dtype)
    y = np.array([1, 2] * 20)
    assert_fits_alike(model, (X, y), (X.astype("float64"), y.astype("float64")))


@pytest.mark.parametrize("method", ["fit", "partial_fit", "score"])
def test_check_fit_score_takes_y_3d(model, X, y, method):
    by_position = getattr(clone(model).fit(X, y), method)(X, y)
    by_name = getattr(clone(model).fit(X, y), method)(X=X, y=y)
    if method == "score":
        assert by_position == by_name
    else:
        np.testing.assert_array_equal(numbers(by_position, X), numbers(by_name, X))


def test_check_estimators_fit_returns_self_3d(model, X, y):
    assert model.fit(X, y) is model
    assert model.partial_fit(X, y) is model


def test_check_complex_data_3d(model, X, y):
    for complex_X, complex_y in ((X + 1j, y), (X, y + 1j)):
        with pytest.raises(ValueError, match=r"Complex data not supported|Unknown label type"):
            model.fit(complex_X, complex_y)


def test_check_dtype_object_3d(model, X, y):
    objects = X.astype(object)
    y = y.astype(str) if is_classifier(model) else y  # labels that are objects are text
    assert_fits_alike(model, (objects, y.astype(object)), (X, y))
    objects[0, 0, 0] = {"foo": "bar"}
    with pytest.raises(TypeError, match=r"argument must be .* string.* number"):
        model.fit(objects, y)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((0, 6, 2), r"0 sample\(s\)"),
        ((12, 0, 2), "at least one time step and one feature"),
        ((12, 6, 0), "at least one time step and one feature"),
    ],
)
def test_check_estimators_empty_data_messages_3d(model, shape, message):
    with pytest.raises(ValueError, match=message):
        model.fit(np.empty(shape), np.zeros(shape[0]))


def test_check_pipeline_consistency_3d(model, X, y):
    assert make_pipeline(clone(model)).fit(X, y).score(X, y) == model.fit(X, y).score(X, y)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_check_estimators_nan_inf_3d(model, X, y, value):
    bad = X.copy()
    bad[0, 0, 0] = value
    calls = [*methods_of(model.fit(X, y)), lambda X: model.score(X, y)]
    calls += [lambda X: model.fit(X, y), lambda X: model.partial_fit(X, y)]
    for call in calls:
        with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
            call(bad)


def test_check_estimators_overwrite_params_3d(model, X, y):
    before = joblib.hash(model.get_params())
    assert joblib.hash(model.fit(X, y).get_params()) == before


def test_check_dont_overwrite_parameters_3d(model, X, y):
    before = dict(vars(model))
    after = vars(model.fit(X, y))
    public = {name: value for name, value in after.items() if name.strip("_") == name}
    assert public.keys() == before.keys()
    assert all(public[name] is before[name] for name in before)


@pytest.mark.parametrize("container", [sparse.coo_array, lambda X: sparse.csr_array(X[:, 0])])
def test_check_estimator_sparse_tag_3d(model, X, y, container):
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        model.fit(container(X), y)


@each_attention
def test_check_estimators_pickle_3d(model, X, y, tmp_path):
    X = X.copy()
    X[::3, -2:] = np.nan
    model.fit(X, y)
    for copy in (pickle.loads(pickle.dumps(model)), memmapped(model, tmp_path)):
        for method, copied in zip(methods_of(model), methods_of(copy), strict=True):
            np.testing.assert_array_equal(copied(X), method(X))


def test_check_f_contiguous_array_estimator_3d(model, X, y):
    for other in (np.asfortranarray(X), np.repeat(X, 2, axis=2)[:, :, ::2]):
        assert_fits_alike(model, (other, y), (X, y))


def test_check_sample_weights_pandas_series_3d(model, X, y):
    weights = np.arange(40)
    assert_fits_alike(model, (X, pd.Series(y), pd.Series(weights)), (X, y, weights))


def test_check_sample_weights_not_an_array_3d(model, X, y):
    weights = np.arange(40)
    given = NotAnArray(X), NotAnArray(y), NotAnArray(weights)
    assert_fits_alike(model, given, (X, y, weights))


def test_check_sample_weights_list_3d(model, X, y):
    assert_fits_alike(model, (X, y, [3] * 40), (X, y, np.full(40, 3.0)))


def test_check_all_zero_sample_weights_error_3d(model, X, y):
    with pytest.raises(ValueError, match=r"weight.*zero"):
        model.fit(X, y, sample_weight=np.zeros(40))


@pytest.mark.parametrize("shape", [(80,), (40, 2), (40, 6)])
def test_check_sample_weights_shape_3d(model, X, y, shape):
    with pytest.raises(ValueError, match=r"sample_weight|Sample weights"):
        model.fit(X, y, sample_weight=np.ones(shape))


def test_check_sample_weights_not_overwritten_3d(model, X, y):
    given = X, y, np.arange(40.0)
    before = joblib.hash(given)
    model.fit(*given).predict(X)
    assert joblib.hash(given) == before


@each_attention
def test_check_sample_weight_equivalence_on_dense_data_3d(model, X, y):
    weights = np.random.default_rng(42).integers(5, size=40)
    order = np.random.default_rng(0).permutation(40)
    repeated = clone(model).fit(X.repeat(weights, axis=0), y.repeat(weights))
    weighted = model.fit(X[order], y[order], sample_weight=weights[order])
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X))


def test_check_dict_unchanged_3d(model, X, y):
    before = joblib.hash(vars(model.fit(X, y)))
    for method in methods_of(model):
        method(X)
        assert joblib.hash(vars(model)) == before


@each_attention
def test_check_fit_idempotent_3d(model, X, y):
    first = model.fit(X[:30], y[:30]).predict(X[30:])
    np.testing.assert_array_equal(model.fit(X[:30], y[:30]).predict(X[30:]), first)


def test_check_fit_check_is_fitted_3d(model, X, y):
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    check_is_fitted(model.fit(X, y))


def test_check_n_features_in_3d(model, X, y):
    assert not hasattr(model, "n_features_in_")
    model.fit(X, y)
    assert (model.n_timesteps_in_, model.n_features_per_step_) == X.shape[1:]
    assert model.n_features_in_ == X[0].size
    assert model.predict(np.zeros((1, model.n_features_in_))).shape == (1,)


def test_check_n_features_in_after_fitting_3d(model, X, y):
    calls = [*methods_of(model.fit(X, y)), lambda X: model.score(X, y)]
    calls += [lambda X: model.partial_fit(X, y)]
    for call in calls:
        with pytest.raises(ValueError, match=r"X has 1 features .* is expecting 2 features"):
            call(X[:, :, [1]])


@each_attention
def test_check_methods_sample_order_invariance_3d(model, X, y):
    order = np.random.default_rng(0).permutation(40)
    for method in methods_of(model.fit(X, y)):
        np.testing.assert_allclose(method(X[order]), method(X)[order], atol=1e-9)


@each_attention
def test_check_methods_subset_invariance_3d(model, X, y):
    for method in methods_of(model.fit(X, y)):
        one_by_one = np.concatenate([method(X[[row]]) for row in range(40)])
        np.testing.assert_allclose(one_by_one, method(X), atol=1e-7)


@pytest.mark.parametrize("shape", [(20,), (20, 6, 2, 1)])
def test_check_fit1d_3d(model, shape):
    with pytest.raises(ValueError, match="Reshape your data"):
        model.fit(np.ones(shape), np.ones(20))


@pytest.mark.parametrize("shape", [(12,), (6, 2), (1, 6, 2, 1)])
def test_check_fit2d_predict1d_3d(model, X, y, shape):
    for method in methods_of(model.fit(X, y)):
        with pytest.raises(ValueError, match="Reshape your data"):
            method(np.ones(shape))


def test_check_readonly_memmap_input_3d(model, X, y, tmp_path):
    given = memmapped((X, y), tmp_path)
    assert not given[0].flags.writeable
    assert_fits_alike(model, given, (X, y))


def test_check_requires_y_none_3d(model, X):
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        model.fit(X, None)


def test_check_estimators_partial_fit_n_features_3d(model, X, y):
    first = {"classes": np.unique(y)} if is_classifier(model) else {}
    model.partial_fit(X, y, **first)
    with pytest.raises(ValueError, match="is expecting 2 features"):
        model.partial_fit(X[:, :, :-1], y)
    model.partial_fit(X[:, :-1], y)


def test_check_estimators_unfitted_3d(model, X, y):
    calls = [*methods_of(model), lambda X: model.score(X, y)]
    calls += [lambda X: model.to_keras(), lambda X: model.to_scikeras()]
    for call in calls:
        with pytest.raises(NotFittedError):
            call(X)


def test_check_dataframe_column_names_consistency_3d(model, X, y):
    model.fit(pd.DataFrame(X[:, :, 0]).rename(columns=str), y)
    assert list(model.feature_names_in_) == list("012345")
    assert not hasattr(model.fit(X, y), "feature_names_in_")


def test_check_array_api_input_3d(model, X, y):
    expected = clone(model).fit(X, y).predict(X)
    with config_context(array_api_dispatch=True):
        np.testing.assert_array_equal(model.fit(X, y).predict(X), expected)


@pytest.mark.parametrize("wrap", [NotAnArray, np.ndarray.tolist, list])
def test_check_data_not_an_array_3d(model, X, y, wrap):
    """As check_regressor_data_not_an_array, check_classifier_data_not_an_array."""
    assert_fits_alike(model, (wrap(X), wrap(y)), (X, y))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_check_supervised_y_no_nan_3d(model, X, value):
    with pytest.raises(ValueError, match=r"Input y contains (NaN|infinity)"):
        model.fit(X, np.full(40, value))


@pytest.mark.parametrize("shape", [(40, 6, 1), (40, 1, 2), (40, 1, 1)])
def test_check_fit2d_1feature_3d(model, y, shape):
    X = np.random.default_rng(0).normal(size=shape)
    assert model.fit(X, y).predict(X).shape == (40,)
    assert model.n_features_per_step_ == shape[2]


# Regressors alone


@each_regressor
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_check_regressors_train_3d(model, X, tmp_path, dtype):
    X = X.astype(dtype)
    X, y = memmapped((X, X[:, -1].sum(axis=1)), tmp_path)
    model.set_params(units=8, epochs=40, learning_rate=3e-2, batch_size=8)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, y[:-1])
    model.fit(X.tolist(), y.tolist())
    assert model.predict(X).shape == y.shape
    assert model.score(X, y) > 0.5


@regressors
def test_check_regressors_int_3d(model, X):
    y = np.arange(40) % 3
    assert_fits_alike(model, (X, y), (X, y.astype(float)))


@regressors
def test_check_regressor_multioutput_3d(model, X):
    y = X[:, :, 0]
    prediction = model.fit(X, y).predict(X)
    assert prediction.dtype == "float64"
    assert prediction.shape == y.shape == (40, 6)


@regressors
def test_check_regressors_no_decision_function_3d(model, X, y):
    model.fit(X, y)
    for name in ("decision_function", "predict_proba", "predict_log_proba"):
        assert not hasattr(model, name)


@regressors
def test_check_supervised_y_2d_3d(model, X, y):
    expected = clone(model).fit(X, y).predict(X)
    column = model.fit(X, y[:, np.newaxis]).predict(X)
    np.testing.assert_array_equal(column, expected[:, np.newaxis])


@regressors
def test_check_fit2d_1sample_3d(model, X, y):
    assert model.fit(X[:1], y[:1]).predict(X[:1]).shape == (1,)
    with pytest.raises(ValueError, match="n_samples = 1"):
        model.set_params(early_stopping=True).fit(X[:1], y[:1])


# Classifiers alone


@each_classifier
@pytest.mark.parametrize("labels", [(0, 1), ("a", "b", "c")], ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_check_classifiers_train_3d(model, X, tmp_path, labels, dtype):
    X = X.astype(dtype)
    thirds = np.linspace(0, 1, len(labels) + 1)[1:-1]
    y = np.array(labels)[np.digitize(X[:, -1, 0], np.quantile(X[:, -1, 0], thirds))]
    X, y = memmapped((X, y), tmp_path)
    model.set_params(units=8, epochs=60, learning_rate=3e-2, batch_size=8)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, y[:-1])
    model.fit(X.tolist(), y.tolist())
    np.testing.assert_array_equal(model.classes_, labels)
    assert accuracy_score(y, model.predict(X)) > 0.83
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (40, len(labels))
    np.testing.assert_array_equal(probabilities.argmax(axis=1), np.searchsorted(labels, y))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(probabilities), atol=1e-9)


@classifiers
@pytest.mark.parametrize("labels", [("one", "two"), (True, False), (-1, 1), (2.0, 4.0)], ids=str)
def test_check_classifiers_classes_3d(model, X, labels):
    y = np.array(labels)[(X[:, 2, 0] > 0).astype(int)]
    model.fit(X, y)
    np.testing.assert_array_equal(model.classes_, np.unique(y))
    assert model.predict(X).dtype == y.dtype
    assert set(model.predict(X)) <= set(y)


@classifiers
def test_check_classifiers_one_label_3d(model, X):
    with pytest.raises(ValueError, match="class"):
        model.fit(X, np.ones(40))


@classifiers
def test_check_classifiers_one_label_sample_weights_3d(model, X, y):
    with pytest.raises(ValueError, match="class"):
        model.fit(X, y, sample_weight=(y == 1).astype(float))


@classifiers
def test_check_classifiers_regression_target_3d(model, X):
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        model.fit(X, X[:, 2, 0])


@classifiers
@pytest.mark.parametrize("n_classes", [2, 3])
def test_check_class_weight_classifiers_3d(model, n_classes):
    """Of classes that X says nothing about, the one with nearly all weight is predicted."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4, 1)), np.arange(60) % n_classes
    weights = {label: 1000.0 if label == 0 else 1e-4 for label in range(n_classes)}
    model.set_params(class_weight=weights, epochs=40, learning_rate=3e-2)
    assert (model.fit(X, y).predict(X) == 0).mean() > 0.87


@classifiers
def test_check_supervised_y_2d_of_classes_3d(model, X, y):
    expected = clone(model).fit(X, y).predict(X)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        model.fit(X, y[:, np.newaxis])
    np.testing.assert_array_equal(model.predict(X), expected)
