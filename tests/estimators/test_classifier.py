"""The classifier: what labels mean, what probabilities and weights do, and where it goes."""

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import (
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline

from skattn import (
    LSTMAttentionClassifier,
    SequenceScaler,
    TimeWindows,
    TrainingDivergedError,
    load,
    save,
)
from skattn._training.settings import _from_data
from skattn.datasets import make_symbol_recall

same = np.testing.assert_array_equal


@pytest.fixture
def small():
    """Return a factory of small, quick, seeded classifiers, which train on all samples."""

    def make(attention="additive", **params):
        defaults = {"units": 4, "epochs": 2, "random_state": 0}
        defaults |= {"early_stopping": False, "n_members": 1}
        return LSTMAttentionClassifier(attention, **{**defaults, **params})

    return make


@pytest.fixture(name="X")
def sequences_of_two_features():
    return np.random.default_rng(0).normal(size=(40, 6, 2))


@pytest.fixture
def codes(X):
    """Three classes by the first feature of step 2."""
    return np.digitize(X[:, 2, 0], [-0.5, 0.5])


# Labels


LABELS = {
    "text": np.array(["cold", "mild", "warm"]),
    "objects": np.array(["cold", "mild", "warm"], dtype=object),
    "integers": np.array([-3, 0, 12]),
    "small integers": np.array([1, 2, 3], dtype="uint8"),
    "whole floats": np.array([0.0, 1.0, 5.0]),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS.keys())
@pytest.mark.parametrize("container", [np.asarray, list, pd.Series], ids=lambda c: c.__name__)
def test_labels_come_back_as_they_are(small, X, codes, labels, container):
    model = small().fit(X, container(labels[codes]))
    same(model.classes_, labels)
    assert model.n_classes_ == 3
    assert set(model.predict(X)) <= set(labels)
    same(model.predict_proba(X), small().fit(X, codes).predict_proba(X))


def test_booleans_and_categories_are_labels(small, X, codes):
    first = codes == 0
    model = small().fit(X, first)
    assert model.classes_.tolist() == [False, True]
    assert model.predict(X).dtype == bool
    categories = pd.Categorical(np.where(first, "yes", "no"))
    assert small().fit(X, categories).classes_.tolist() == ["no", "yes"]


def test_nullable_types_of_pandas_keep_their_values(small, X, codes):
    """In float64 2**53 and 2**53 + 1 are one number."""
    labels = pd.Series(2**53 + codes, dtype="Int64")
    assert small().fit(X, labels).classes_.tolist() == [2**53, 2**53 + 1, 2**53 + 2]
    assert small().fit(X, pd.Series(codes > 0, dtype="boolean")).predict(X).dtype == bool
    labels[0] = pd.NA
    weights = np.arange(40) > 0
    assert small().fit(X, labels, sample_weight=weights).n_classes_ == 3


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="numpy 2 has this type of text")
def test_text_of_any_length_is_text(small, X, codes):
    labels = np.where(codes > 0, "yes", "no")
    text = labels.astype(np.dtypes.StringDType())
    assert small().fit(X, text).classes_.tolist() == ["no", "yes"]


def test_probabilities_add_to_one_and_the_greatest_is_predicted(small, X, codes):
    model = small(n_members=2).fit(X, codes)
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (40, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    same(model.predict(X), probabilities.argmax(axis=1))
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), probabilities)
    assert model.score(X, codes) == accuracy_score(codes, model.predict(X))


def test_probabilities_are_the_mean_of_those_of_the_networks(small, X, codes):
    model = small(n_members=3).fit(X, codes)
    alone = []
    for member in range(3):
        one = pickle.loads(pickle.dumps(model))
        one.parameters_ = {name: values[member] for name, values in model.parameters_.items()}
        one.n_members_ = 1
        alone.append(one.predict_proba(X))
    np.testing.assert_allclose(model.predict_proba(X), np.mean(alone, axis=0), rtol=1e-6)


def test_the_loss_is_the_log_loss(small, X, codes):
    model = small(ema_momentum=0.0, learning_rate=1e-7, epochs=1).fit(X, codes)
    assert model.loss_curve_[0] == pytest.approx(np.log(3), rel=1e-3)  # it begins with no opinion
    stopped = small(early_stopping=True, epochs=3, linear_path=False)
    stopped.fit(X, codes, X_val=X, y_val=codes)
    expected = log_loss(codes, stopped.predict_proba(X))
    assert stopped.best_loss_ == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda y: np.zeros_like(y),
            "needs samples of at least 2 classes. Got 1 class: .0.",
        ),
        (lambda y: np.eye(3)[y], r"MultiOutputClassifier"),
        (lambda y: np.column_stack([y, y]), r"MultiOutputClassifier"),
        (lambda y: y + 0.5, "Unknown label type: continuous"),
        (lambda y: np.where(y == 0, np.nan, y), "NaN or None: .* labels are missing"),
        (lambda y: [None, *y[1:]], "1 labels are missing, the first at sample 0"),
        (lambda y: [np.nan, *y[1:].astype(str)], "1 labels are missing, the first at sample 0"),
        (lambda y: ["a", *y[1:].tolist()], "objects in y must be text. Got objects of type int"),
        (lambda y: y.astype(object), "objects in y must be text. Got objects of type int"),
        (lambda y: None, "requires y to be passed, but the target y is None"),
        (lambda y: y[:-1], r"inconsistent numbers of samples: \[40, 39\]"),
    ],
)
def test_labels_that_are_none_are_errors(small, X, codes, change, message):
    with pytest.raises(ValueError, match=message):
        small().fit(X, change(codes))


def test_one_class_is_left_where_the_others_weigh_nothing(small, X, codes):
    with pytest.raises(ValueError, match="at least 2 classes"):
        small().fit(X, codes, sample_weight=(codes == 1).astype(float))


def test_a_failed_fit_leaves_the_classes_as_they_were(small, X, codes):
    model = small().fit(X, codes)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="at least 2 classes"):
        model.fit(X, np.full(40, "a"))
    same(model.predict_proba(X), before)


def test_unknown_labels_in_validation_are_an_error(small, X, codes):
    with pytest.raises(ValueError, match=r"In X_val, y_val: y contains labels .* \[7\]"):
        small().fit(X, codes, X_val=X, y_val=np.where(codes == 1, 7, codes))


def test_a_rare_class_in_validation_is_no_other_unit(small):
    X = np.random.default_rng(0).normal(size=(700, 4, 1))
    y, rare = np.arange(100) % 2, np.arange(600) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small(epochs=1).fit(X[:100], y, X_val=X[100:], y_val=rare)


def test_an_unfitted_classifier_says_so(small, X):
    for method in ("predict", "predict_proba", "predict_log_proba", "attention_weights"):
        with pytest.raises(NotFittedError):
            getattr(small(), method)(X)


# Weights


def test_a_weight_of_two_is_a_sample_that_stands_twice(small, X, codes):
    weighted = small(epochs=3).fit(X, codes, sample_weight=np.where(codes == 1, 2.0, 1.0))
    twice = np.flatnonzero(codes == 1)
    doubled = small(epochs=3).fit(
        np.concatenate([X, X[twice]]), np.concatenate([codes, codes[twice]])
    )
    same(weighted.predict_proba(X), doubled.predict_proba(X))


def test_class_weights_multiply_the_weights_of_samples(small, X, codes):
    by_class = small(class_weight={1: 3.0}).fit(X, codes)
    by_sample = small().fit(X, codes, sample_weight=np.where(codes == 1, 3.0, 1.0))
    same(by_class.predict_proba(X), by_sample.predict_proba(X))
    assert not np.array_equal(by_class.predict_proba(X), small().fit(X, codes).predict_proba(X))


def test_class_weights_come_after_equal_samples_are_merged(small, X, codes):
    """0.1 is no sum of halves: 3 · 0.1 and 0.1 + 0.1 + 0.1 differ in their last bit."""
    thrice = np.repeat(np.arange(40), np.where(codes == 1, 3, 1))
    weights = {0: 1.0, 1: 0.1, 2: 1.0}
    repeated = small(class_weight=weights).fit(X[thrice], codes[thrice])
    weighted = small(class_weight=weights).fit(X, codes, sample_weight=np.where(codes == 1, 3, 1))
    same(repeated.predict_proba(X), weighted.predict_proba(X))


def test_balanced_counts_weights(small, X, codes):
    weights = np.random.default_rng(1).integers(1, 4, size=40).astype(float)
    sums = np.bincount(codes, weights)
    by_hand = {label: weights.sum() / (3 * sums[label]) for label in range(3)}
    balanced = small(class_weight="balanced").fit(X, codes, sample_weight=weights)
    given = small(class_weight=by_hand).fit(X, codes, sample_weight=weights)
    np.testing.assert_allclose(balanced.predict_proba(X), given.predict_proba(X), rtol=1e-5)


def test_a_class_weight_of_no_class_is_an_error(small, X, codes):
    labels = np.array(["a", "b", "c"])[codes]
    with pytest.raises(
        ValueError, match=r"names \['z'\], which are no classes, and not \['b', 'c'\]. The classes"
    ):
        small(class_weight={"a": 1.0, "z": 2.0}).fit(X, labels)


def test_a_fold_may_lack_a_class_that_has_a_weight(small, X, codes):
    weights, rest = {0: 9.0, 1: 1.0, 2: 2.0}, codes > 0
    with_all = small(class_weight=weights).fit(X[rest], codes[rest])
    own = small(class_weight={1: 1.0, 2: 2.0}).fit(X[rest], codes[rest])
    np.testing.assert_array_equal(with_all.predict_proba(X), own.predict_proba(X))


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf, None])
def test_class_weights_that_are_no_weights_are_errors(small, X, codes, weight):
    with pytest.raises(ValueError, match=r"must be zero or positive, and finite\. Got"):
        small(class_weight={0: weight}).fit(X, codes)


def test_a_class_weight_of_zero_leaves_samples_out(small, X, codes):
    by_class = small(class_weight={0: 0.0}).fit(X, codes)
    assert by_class.n_classes_ == 3
    rest = small(warm_start=True).partial_fit(X[codes > 0], codes[codes > 0], classes=[0, 1, 2])
    assert by_class.loss_curve_[0] == pytest.approx(rest.loss_curve_[0], rel=1e-6)
    with pytest.raises(ValueError, match="zero for the class of each training sample"):
        small(class_weight=dict.fromkeys(range(3), 0)).fit(X, codes)
    with pytest.raises(ValueError, match="zero for the class of each validation sample"):
        small(class_weight={0: 0}).fit(X, codes, X_val=X[codes == 0], y_val=codes[codes == 0])


# Held-out samples


def test_files_sorted_by_class_hold_out_a_share_of_each(small):
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b", "c"], [30, 20, 10])
    X = (
        rng.normal(size=(60, 4, 1))
        + np.array([0, 5, 10])[np.unique(y, return_inverse=True)[1]][:, np.newaxis, np.newaxis]
    )
    model = small(early_stopping="auto", n_members="auto", epochs=60, learning_rate=0.03).fit(X, y)
    assert model.n_members_ == 5
    assert model.score(X, y) == 1


def test_windows_of_a_table_warn_where_a_class_is_missing_from_a_block(small):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(120, 2)))
    late = np.where(np.arange(120) < 100, "early", "late")
    model = make_pipeline(TimeWindows(length=3), small(early_stopping=True))
    with pytest.warns(UserWarning, match=r"classes \['late'\] are missing from a block"):
        model.fit(table, late)


# Training that goes on


def test_partial_fit_needs_the_classes_once(small, X, codes):
    model = small()
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, codes)
    model.partial_fit(X[codes == 0], codes[codes == 0], classes=[0, 1, 2])
    model.partial_fit(X, codes).partial_fit(X, codes, classes={2, 1, 0})
    assert model.n_iter_ == 3
    with pytest.raises(ValueError, match=r"classes=\[0, 1\] are not those of the first call"):
        model.partial_fit(X, codes, classes=[0, 1])
    with pytest.raises(ValueError, match=r"not among the classes: \[9\]"):
        model.partial_fit(X, np.full(40, 9))


def test_partial_fit_cannot_balance(small, X, codes):
    with pytest.raises(ValueError, match="how often each class will come"):
        small(class_weight="balanced").partial_fit(X, codes, classes=[0, 1, 2])


@pytest.mark.parametrize("classes", [[], [1], [0, 1, None], [0, "a"], "01"])
def test_classes_that_are_none_are_errors(small, X, codes, classes):
    with pytest.raises(ValueError, match=r"at least 2|missing|must be text|1d array"):
        small().partial_fit(X, codes, classes=classes)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_warm_start_keeps_the_classes(small, X, codes, early_stopping):
    model = small(warm_start=True, early_stopping=early_stopping).fit(X, codes)
    model.fit(X[codes < 2], codes[codes < 2])
    assert model.classes_.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match=r"not among the classes: \['a'\]"):
        model.fit(X, np.full(40, "a", dtype=object))
    assert clone(model).fit(X[codes < 2], codes[codes < 2]).n_classes_ == 2


# What it finds


@pytest.fixture(scope="module")
def recall():
    X, y, steps = make_symbol_recall(700, 12, n_classes=3, random_state=0, return_steps=True)
    model = LSTMAttentionClassifier(units=12, epochs=40, n_members=1, random_state=0)
    return model.fit(X[:500], y[:500]), X[500:], y[500:], steps[500:]


def test_it_finds_the_flagged_step(recall):
    model, X, y, steps = recall
    assert model.score(X, y) > 0.95
    weights = model.attention_weights(X)
    assert np.take_along_axis(weights, steps, axis=1).mean() > 4 / 12  # by chance 1 / 12


@pytest.mark.parametrize(("n_timesteps", "filters"), [(49, ()), (50, (64, 64))])
def test_long_sequences_are_read_through_convolutions(small, codes, n_timesteps, filters):
    X = np.random.default_rng(0).normal(size=(40, n_timesteps, 1))
    model = small(epochs=1, warm_start=True).fit(X, codes)
    assert model.spec_.conv_filters == filters
    assert model.fit(X[:, :20], codes).spec_.conv_filters == filters  # it goes on as it began


@pytest.mark.parametrize(("n_timesteps", "length"), [(199, 1), (399, 3), (799, 4), (800, 8)])
def test_segments_fall_into_parts_of_equal_length(n_timesteps, length):
    settled = _from_data(n_timesteps, "log_loss", continues=False)
    assert settled["segment_length"] == length


def test_shapes_are_found_wherever_they_stand():
    """A wave up and down, or down and up, anywhere in noise: no step decides alone."""
    rng = np.random.default_rng(0)
    X, y = 0.3 * rng.normal(size=(400, 60, 1)), np.arange(400) % 2
    wave = np.repeat([1.0, -1.0], 4)
    for row, label in zip(X, y, strict=True):
        begin = rng.integers(52)
        row[begin : begin + 8, 0] += wave if label else -wave
    model = LSTMAttentionClassifier(
        units=8, conv_filters=(8,), epochs=30, n_members=1, random_state=0
    )
    assert model.fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.95


def test_training_ends_where_the_log_loss_hardly_falls():
    """Classes far apart: the log loss would fall for all 400 epochs."""
    codes = np.arange(40) % 3
    X = np.random.default_rng(0).normal(size=(40, 3, 1)) + 8.0 * codes[:, None, None]
    model = LSTMAttentionClassifier(n_members=1, random_state=0).fit(X, codes)
    assert model.n_iter_ < 400
    assert model.validation_loss_curve_[-1] < 0.01


def test_what_a_line_explains_is_left_to_the_line():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1200, 5, 2))
    logits = X.reshape(1200, -1) @ rng.normal(size=10)
    y = rng.uniform(size=1200) < 1 / (1 + np.exp(-logits))
    model = LSTMAttentionClassifier(units=4, epochs=5, random_state=0).fit(X[:200], y[:200])
    assert model.network_share_ < 0.5
    line = LogisticRegression().fit(X[:200].reshape(200, -1), y[:200])
    known = log_loss(y[200:], line.predict_proba(X[200:].reshape(1000, -1)))
    assert log_loss(y[200:], model.predict_proba(X[200:])) < 1.1 * known


def test_a_stacked_prediction_is_made_in_logits():
    """log p = w · line + (1 - w) · log p of the networks, up to what makes it add to one."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3, 1))
    y = X[:, :, 0].sum(axis=1) + 0.3 * rng.normal(size=100) > 0
    model = LSTMAttentionClassifier(units=4, epochs=3, random_state=0).fit(X, y)
    share = model.network_share_
    assert 0 <= share < 1
    networks = pickle.loads(pickle.dumps(model))
    networks.line_, networks.network_share_ = None, 1.0
    scaled = (X - model.feature_statistics_.mean) / model.feature_statistics_.scale
    of_line = scaled.reshape(100, -1) @ model.line_.kernel + model.line_.intercept
    logits = share * networks.predict_log_proba(X) + (1 - share) * of_line
    np.testing.assert_allclose(model.predict_proba(X), softmax(logits, axis=1), rtol=1e-4)


# Where it goes


def test_the_same_seed_gives_the_same_bits_in_threads_and_pickled(small, X, codes):
    expected = small(dropout=0.2).fit(X, codes).predict_proba(X)
    with ThreadPoolExecutor(2) as threads:
        fits = [threads.submit(small(dropout=0.2).fit, X, codes) for _ in range(2)]
    for fit in fits:
        same(pickle.loads(pickle.dumps(fit.result())).predict_proba(X), expected)


@pytest.mark.slow
def test_processes_find_the_probabilities_of_one(small, X, codes):
    options = {"cv": 2, "method": "predict_proba"}
    expected = cross_val_predict(small(), X, codes, **options)
    with joblib.parallel_config("loky", n_jobs=2):
        same(cross_val_predict(small(), X, codes, **options), expected)


def test_training_that_diverges_leaves_the_classifier_as_it_was(small, X, codes):
    model = small().fit(X, codes)
    before = model.predict_proba(X)
    with pytest.raises(TrainingDivergedError, match="is not finite"):
        model.set_params(learning_rate=1e38, clipnorm=None).fit(X, codes)
    same(model.predict_proba(X), before)


def test_a_search_compiles_one_program_for_each_spec(small, X, codes, own_pool):
    grid = {"learning_rate": [1e-3, 1e-2], "class_weight": [None, "balanced"]}
    search = GridSearchCV(small(), grid, cv=3, scoring="neg_log_loss", error_score="raise")
    search.fit(X, codes)
    (program,) = own_pool.programs()
    assert program.n_traces == {"train_epoch": 1, "predict": 1, "attend": 0}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS.keys())
def test_a_saved_classifier_is_loaded_as_it_was(tmp_path, small, X, codes, labels):
    model = small(class_weight={labels.tolist()[0]: 2.0}).fit(X, labels[codes])
    save(model, tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    same(loaded.predict_proba(X), model.predict_proba(X))
    same(loaded.classes_, labels)
    assert loaded.classes_.dtype == labels.dtype
    assert loaded.class_weight == model.class_weight


@pytest.mark.slow
def test_keras_and_scikeras_predict_the_same(small, X, codes):
    labels = np.array(["cold", "mild", "warm"])[codes]
    model = small(n_members=2).fit(X, labels)
    exported = model.to_keras()
    np.testing.assert_allclose(exported.predict(X, verbose=0), model.predict_proba(X), atol=1e-5)
    wrapped = model.to_scikeras()
    same(wrapped.predict(X), model.predict(X))


@pytest.mark.slow
def test_a_stacked_classifier_is_exported_with_its_line():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3, 1))
    model = LSTMAttentionClassifier(units=4, epochs=3, random_state=0).fit(X, X.sum((1, 2)) > 0)
    assert model.line_ is not None
    exported = model.to_keras().predict(X, verbose=0)
    np.testing.assert_allclose(exported, model.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: CalibratedClassifierCV(model, cv=2),
        lambda model: TunedThresholdClassifierCV(model, cv=2),
        lambda model: VotingClassifier([("a", model), ("b", clone(model))], voting="soft"),
        lambda model: StackingClassifier([("a", model)], LogisticRegression(), cv=2),
        lambda model: make_pipeline(SequenceScaler(), model),
    ],
    ids=["calibrated", "threshold", "voting", "stacking", "pipeline"],
)
def test_scikit_learns_classifiers_take_it_on_sequences(small, X, codes, wrap):
    y = (codes > 0).astype(int)
    wrapped = wrap(small()).fit(X, y)
    assert wrapped.predict_proba(X).shape == (40, 2)
    assert 0 <= wrapped.score(X, y) <= 1


def test_sequences_of_unequal_length_and_absent_steps_are_classified(small, X, codes):
    ragged = [x[: 3 + i % 4] for i, x in enumerate(X)]
    model = small().fit(ragged, codes)
    padded = X.copy()
    for i, x in enumerate(padded):
        x[3 + i % 4 :] = np.nan
    same(model.predict_proba(ragged), model.predict_proba(padded))


def test_folds_of_a_cross_validation_are_stratified(small, X, codes):
    order = np.argsort(codes, kind="stable")
    scores = cross_val_score(small(epochs=1), X[order], codes[order], cv=3, error_score="raise")
    assert np.isfinite(scores).all()
