"""Saved and loaded models against the ones that were saved; files whole or untouched."""

import os
import pickle
import subprocess
import sys
from dataclasses import is_dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from skattn import LSTMAttentionRegressor, SequenceScaler, load, save
from skattn._programs.spec import OPTIMIZER_NAMES

POSIX = pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")

X = np.random.default_rng(0).normal([3, -1], [1, 5], size=(12, 4, 2))
Y = X[:, 1, 0] - X[:, 2, 1]


def make(**params):
    defaults = {"units": 2, "epochs": 2, "batch_size": 6, "random_state": 0}
    defaults |= {"n_members": 1, "early_stopping": False}
    return LSTMAttentionRegressor(**{**defaults, **params})


def fitted(**params):
    return make(**params).fit(X, Y)


def saved_and_loaded(model, folder):
    save(model, folder / "model.safetensors")
    return load(folder / "model.safetensors")


def assert_same(found, expected):
    """Compare values and types, and go into whatever holds others."""
    if isinstance(expected, np.generic):  # of an optimizer's counters, both forms occur
        found, expected = np.asarray(found), np.asarray(expected)
    assert type(found) is type(expected)
    if is_dataclass(expected):
        found, expected = vars(found), vars(expected)
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name in expected:
            assert_same(found[name], expected[name])
    elif isinstance(expected, (list, tuple)):
        for item, other in zip(found, expected, strict=True):
            assert_same(item, other)
    else:
        assert getattr(found, "dtype", None) == getattr(expected, "dtype", None)
        assert_array_equal(found, expected)  # NaN is equal to NaN here


def assert_same_model(found, expected):
    assert_same(vars(found), vars(expected))
    assert list(found.parameters_) == list(expected.parameters_)


def in_a_new_process(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def model():
    return fitted()


@pytest.fixture
def path(tmp_path, model):
    """Return a file with a model in it, alone in its folder."""
    save(model, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


# Round trips


@pytest.mark.slow
@pytest.mark.parametrize("attention", ["additive", "hierarchical"])
def test_a_loaded_model_is_the_saved_one_bit_for_bit(tmp_path, attention):
    model = fitted(attention=attention)
    loaded = saved_and_loaded(model, tmp_path)
    assert_same_model(loaded, model)
    assert_array_equal(loaded.predict(X), model.predict(X))
    assert_array_equal(loaded.attention_weights(X), model.attention_weights(X))


@pytest.mark.slow
def test_a_network_with_all_options_is_loaded_as_it_was(tmp_path):
    options = {"n_layers": 2, "bidirectional": True, "dense_units": (3, 2), "dropout": 0.1}
    options |= {"loss": "quantile", "quantile": 0.9, "n_members": 2, "target_feature": [-1]}
    model = fitted(**options, segment_length=3, optimizer="adamw", warm_start=True)
    assert model.spec_.relative
    assert model.spec_.linear_steps == 4
    loaded = saved_and_loaded(model, tmp_path)
    assert_same_model(loaded, model)
    assert_array_equal(loaded.predict(X), model.predict(X))


def test_the_curves_are_kept_with_and_without_validation_rows(tmp_path, model):
    validated = fitted(early_stopping=True)
    assert len(validated.validation_loss_curve_) == 2
    assert_same_model(saved_and_loaded(validated, tmp_path), validated)
    validated.partial_fit(X, Y)
    assert np.isnan(validated.validation_loss_curve_).tolist() == [False, False, True]
    assert_same_model(saved_and_loaded(validated, tmp_path), validated)
    assert saved_and_loaded(model, tmp_path).validation_loss_curve_ is None


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZER_NAMES)
def test_warm_started_training_goes_on_as_if_nothing_had_been_saved(tmp_path, optimizer):
    model = fitted(optimizer=optimizer, warm_start=True)
    loaded = saved_and_loaded(model, tmp_path)
    assert_same_model(loaded.fit(X, Y), model.fit(X, Y))


@pytest.mark.parametrize("begin", ["fit", "partial_fit"])
def test_partial_fit_goes_on_as_if_nothing_had_been_saved(tmp_path, begin):
    model = getattr(make(), begin)(X, Y)
    loaded = saved_and_loaded(model, tmp_path)
    for _ in range(2):
        assert_same_model(loaded.partial_fit(X, Y), model.partial_fit(X, Y))


def test_columns_keep_their_names_and_their_reading_as_steps(tmp_path):
    table = pd.DataFrame(X.reshape(12, 8), columns=[*"abcdefg", "größe 時"])
    model = make(n_timesteps=4).fit(table, Y)
    loaded = saved_and_loaded(model, tmp_path)
    assert_same_model(loaded, model)
    assert loaded.feature_names_in_.tolist() == [*table]
    assert_array_equal(loaded.predict(table), model.predict(table))
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(table.rename(columns={"a": "z"}))


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_predictions_keep_the_dimensions_of_y(tmp_path, n_outputs):
    model = make().fit(X, np.column_stack([Y, -Y])[:, :n_outputs])
    predicted = saved_and_loaded(model, tmp_path).predict(X)
    assert predicted.shape == (12, n_outputs)
    assert_array_equal(predicted, model.predict(X))


def test_statistics_are_neutral_without_standardization(tmp_path):
    loaded = saved_and_loaded(fitted(standardize=False), tmp_path)
    assert loaded.feature_statistics_.mean.tolist() == [0, 0]
    assert loaded.target_statistics_.scale.tolist() == [1]


def test_numbers_of_numpy_become_numbers_of_python(tmp_path):
    model = fitted(
        epochs=np.int64(1), learning_rate=np.float32(0.5), bidirectional=np.True_, tol=np.float64(0)
    )
    params = saved_and_loaded(model, tmp_path).get_params()
    assert params == model.get_params()
    for name, kind in {"epochs": int, "learning_rate": float, "bidirectional": bool}.items():
        assert type(params[name]) is kind


def test_sizes_may_be_numbers_of_numpy(tmp_path, model):
    sizes = {"units": np.int64(2), "n_layers": np.int64(1), "segment_length": np.int64(1)}
    loaded = saved_and_loaded(fitted(**sizes), tmp_path)
    assert_same(loaded.spec_, model.spec_)
    assert_array_equal(loaded.predict(X), model.predict(X))
    of_columns = make(n_timesteps=np.int64(4)).fit(X.reshape(12, 8), Y)
    loaded = saved_and_loaded(of_columns, tmp_path)
    assert (type(loaded.n_timesteps_in_), loaded.n_timesteps_in_) == (int, 4)
    assert_array_equal(loaded.predict(X.reshape(12, 8)), model.predict(X))


@pytest.mark.parametrize("dense_units", [(3,), [3], (), None])
def test_tuples_stay_tuples_and_lists_stay_lists(tmp_path, dense_units):
    loaded = saved_and_loaded(fitted(dense_units=dense_units, epochs=1), tmp_path)
    assert loaded.dense_units == dense_units
    assert type(loaded.dense_units) is type(dense_units)
    assert loaded.spec_.dense_units == tuple(dense_units or ())


def test_parameters_that_were_set_after_the_fit_are_kept_and_change_no_prediction(tmp_path, model):
    changed = pickle.loads(pickle.dumps(model)).set_params(units=7, attention="dot", epochs=9)
    loaded = saved_and_loaded(changed, tmp_path)
    assert_same_model(loaded, changed)
    assert (loaded.units, loaded.spec_.units) == (7, 2)
    assert_array_equal(loaded.predict(X), model.predict(X))


def test_the_last_step_of_a_pipeline_is_saved_and_put_back(tmp_path):
    pipeline = make_pipeline(SequenceScaler(), make()).fit(X, Y)
    before = pipeline.predict(X)
    pipeline.steps[-1] = (pipeline.steps[-1][0], saved_and_loaded(pipeline[-1], tmp_path))
    assert_array_equal(pipeline.predict(X), before)


def test_a_loaded_model_can_be_cloned_pickled_and_saved_again(tmp_path, model):
    loaded = saved_and_loaded(model, tmp_path)
    assert clone(loaded).get_params() == model.get_params()
    assert not hasattr(clone(loaded), "parameters_")
    assert_same_model(pickle.loads(pickle.dumps(loaded)), model)
    assert_same_model(saved_and_loaded(loaded, tmp_path), model)


@pytest.mark.slow
def test_loading_does_not_import_keras(path):
    code = "import sys, skattn; skattn.load(sys.argv[1]); print(*sys.modules)"
    modules = set(in_a_new_process(code, path).split())
    assert "skattn._saving.save_load" in modules
    assert modules.isdisjoint({"keras", "tensorflow", "scikeras"})


# What cannot be saved


class Heir(LSTMAttentionRegressor):
    """An estimator that load would not give back."""


def attend(query, states, mask, spec):
    from keras import layers

    context = layers.GlobalAveragePooling1D()(states)
    weights = layers.Softmax()(layers.Lambda(lambda s: s[:, :, 0])(states))
    return query, context, weights


def refusal(estimator, folder):
    """Return the text with which an estimator is refused; nothing is written."""
    with pytest.raises(TypeError) as caught:
        save(estimator, folder / "model.safetensors")
    assert os.listdir(folder) == []
    return str(caught.value)


TAKES = "save takes a fitted LSTMAttentionClassifier or LSTMAttentionRegressor. "


@pytest.mark.parametrize(
    ("estimator", "name"),
    [(Ridge(), "Ridge"), (Heir(), "Heir"), (LSTMAttentionRegressor, "type"), (None, "NoneType")],
    ids=["ridge", "subclass", "class", "none"],
)
def test_only_the_regressor_itself_can_be_saved(tmp_path, estimator, name):
    assert refusal(estimator, tmp_path) == (
        f"{TAKES}Got {name}. Use skops.io for other estimators."
    )


def test_of_what_holds_no_regressor_there_is_nothing_to_save(tmp_path):
    pipeline = make_pipeline(SequenceScaler(), Ridge())
    assert "Got Pipeline. Use skops.io for other estimators." in refusal(pipeline, tmp_path)


def test_the_error_for_what_holds_a_regressor_says_what_to_type(tmp_path):
    pipeline = make_pipeline(SequenceScaler(), make(epochs=1))
    search = GridSearchCV(pipeline, {"lstmattentionregressor__units": [2]}, cv=2)
    of_target = TransformedTargetRegressor(make(epochs=1))
    step = "['lstmattentionregressor']"
    for estimator, place in [
        (pipeline, step),
        (search, f".best_estimator_{step}"),
        (of_target, ".regressor_"),
        (Pipeline([("inner", clone(pipeline))]), f"['inner']{step}"),
    ]:
        text = refusal(estimator.fit(X, Y), tmp_path)
        assert text == (
            f"{TAKES}Got {type(estimator).__name__}. Save "
            f"what it has fitted: save(estimator{place}, path). Use skops.io for all of it."
        )
        held = eval(f"estimator{place}")  # as one types it
        assert_same_model(saved_and_loaded(held, tmp_path), held)
        (tmp_path / "model.safetensors").unlink()


def test_a_regressor_must_be_fitted_to_be_saved(tmp_path):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        save(make(), tmp_path / "model.safetensors")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("attention", attend),
        ("callbacks", [object()]),
        ("random_state", np.random.RandomState(0)),
        ("tol", 1j),
    ],
)
def test_parameters_that_are_not_data_cannot_be_saved(path, model, name, value):
    before, changed = path.read_bytes(), pickle.loads(pickle.dumps(model))
    with pytest.raises(TypeError) as caught:
        save(changed.set_params(**{name: value}), path)
    assert str(caught.value).startswith(f"{name}=")
    assert "is not data, and a model file holds nothing else. Use set_params" in str(caught.value)
    assert (os.listdir(path.parent), path.read_bytes()) == ([path.name], before)


@pytest.mark.parametrize(
    ("name", "value"),
    [("units", -1), ("optimizer", "lion"), ("tol", float("nan")), ("quantile", 2)],
)
def test_parameters_that_fit_would_refuse_are_refused_and_the_old_file_stays(
    path, model, name, value
):
    before, changed = path.read_bytes(), pickle.loads(pickle.dumps(model))
    text = f"'{name}' parameter of LSTMAttentionRegressor must be"
    with pytest.raises(ValueError, match=text):
        save(changed.set_params(**{name: value}), path)
    assert (os.listdir(path.parent), path.read_bytes()) == ([path.name], before)


@pytest.mark.slow
def test_a_network_with_an_attention_of_ones_own_cannot_be_saved(tmp_path):
    model = fitted(attention=attend, epochs=1).set_params(attention="dot")
    with pytest.raises(TypeError, match=r"^attention=<function attend .* is not data"):
        save(model, tmp_path / "model.safetensors")


def test_names_too_long_for_load_are_refused_by_save(tmp_path, model):
    changed = pickle.loads(pickle.dumps(model))
    changed.feature_names_in_ = np.array(["a" * 2**22, "b"], dtype=object)
    with pytest.raises(ValueError, match=r"the limit is 4194304.*features long\?"):
        save(changed, tmp_path / "model.safetensors")
    assert os.listdir(tmp_path) == []


# Paths


def test_paths_are_text_or_path_relative_or_not_with_any_name(tmp_path, model, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["model", "größe 時.safetensors", " -x", ".hidden"]
    for name in names:
        save(model, name)
        assert_same_model(load(Path(name)), model)
        save(model, tmp_path / name)
        assert_same_model(load(str(tmp_path / name)), model)
    assert sorted(os.listdir(tmp_path)) == sorted(names)


@POSIX
def test_a_link_to_nothing_is_followed(tmp_path, model):
    (tmp_path / "link").symlink_to("target")
    save(model, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert_same_model(load(tmp_path / "target"), model)


@POSIX
def test_a_link_stays_a_link_and_the_file_that_it_names_is_replaced(tmp_path, model):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(Path("far") / "target")
    save(model, link)
    assert link.is_symlink()
    assert target.read_bytes() == link.read_bytes() != b"old"
    assert_same_model(load(link), model)
    assert (sorted(os.listdir(tmp_path)), os.listdir(tmp_path / "far")) == (
        ["far", "link"],
        ["target"],
    )
