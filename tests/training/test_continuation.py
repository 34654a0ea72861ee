"""Targets that continue a feature, steps relative to the last one, and the linear path."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skattn import TimeWindows, load, save, sliding_windows
from skattn.layers import LastSteps, RelativeSteps

NAN = np.nan
UNTRAINED = {"learning_rate": 1e-30, "weight_decay": 0.0, "epochs": 1}

#: What numbers no feature of two.
NUMBERS = [2, -3, 2**70, [0, 1], [], np.array([], int), [[0]]]
OTHERS = [[0.0], ["a"], [None], True, 0.0, "0", {}]


@pytest.fixture
def walks():
    """60 windows of 6 steps of two random walks, some steps absent; y is the next value of 0."""
    rng = np.random.default_rng(0)
    X = np.cumsum(rng.normal(size=(60, 7, 2)), axis=1) + rng.normal(0, 3, size=(60, 1, 2))
    X, y = X[:, :-1].copy(), X[:, -1, 0].copy()
    X[::4, :2] = X[1::4, 4:] = X[2::4, 3] = NAN
    return X, y


def last_by_loop(X):
    return np.array([[row for row in sample if not np.isnan(row).any()][-1] for sample in X])


def ragged(X):
    return [sample[~np.isnan(sample).any(axis=1)] for sample in X]


# What y continues


@pytest.mark.parametrize("form", [np.asarray, ragged], ids=["padded", "list"])
@pytest.mark.parametrize("number", [0, 1, -1, -2, np.int64(1), [1], np.array([-1], "int32")])
def test_an_untrained_model_adds_the_mean_change_to_the_last_present_value(
    small, walks, number, form
):
    X, y = walks
    last = last_by_loop(X)[:, int(np.ravel(number)[0])]
    model = small(target_feature=number, **UNTRAINED).fit(form(X), y)
    assert_allclose(model.predict(form(X)), last + np.mean(y - last), rtol=1e-12)
    assert_array_equal(model.target_features_, [int(np.ravel(number)[0]) % 2])


def test_several_outputs_repeat_the_features_in_their_order(small, walks):
    X, y = walks
    last, Y = last_by_loop(X), np.c_[y, y + 1, y + 2, y - 1]
    for numbers, expected in [(0, [0, 0, 0, 0]), ([1, -2], [1, 0, 1, 0]), ([0, 0, 1, 0],) * 2]:
        model = small(target_feature=numbers, **UNTRAINED).fit(X, Y)
        continued = last[:, expected]
        assert_allclose(model.predict(X), continued + (Y - continued).mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("n_timesteps", [None, 3, 1])
@pytest.mark.slow
def test_columns_are_read_as_steps(small, walks, n_timesteps):
    X = np.nan_to_num(walks[0][:, :, 0])
    steps = X.reshape(60, n_timesteps or 6, -1)
    model = small(target_feature=0, n_timesteps=n_timesteps, **UNTRAINED).fit(X, walks[1])
    last = steps[:, -1, 0]
    assert_allclose(model.predict(X), last + np.mean(walks[1] - last), rtol=1e-12)
    assert_allclose(model.to_keras()(X)[:, 0], model.predict(X), rtol=1e-5, atol=1e-5)


def test_adding_a_constant_to_the_feature_and_y_shifts_predictions_by_it(small, walks):
    X, y = (np.round(values * 1024) / 1024 for values in walks)  # so that the sums are exact
    model = small(target_feature=0, batch_size=60, epochs=5).fit(X, y)
    moved = X + np.array([4096.0, 0.0])
    shifted = clone(model).fit(moved, y + 4096.0)
    assert_allclose(shifted.predict(moved) - 4096, model.predict(X), atol=1e-4)


# With one batch the order of samples, which their values decide, does not matter.
@pytest.mark.parametrize("factor", [2.0**100, 2.0**-600])
def test_units_do_not_matter(small, walks, factor):
    X, y = walks
    model = small(target_feature=0, batch_size=60).fit(X, y)
    other = clone(model).fit(X * factor, y * factor)
    assert_allclose(other.predict(X * factor) / factor, model.predict(X), atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_on_a_random_walk_it_is_hardly_worse_than_the_last_value(small, seed):
    walk = 50 + np.cumsum(np.random.default_rng(seed).normal(size=700))
    X, y = sliding_windows(walk, walk, length=8)
    model = small(target_feature=0, epochs=10).fit(X[:500], y[:500])
    errors, steps = model.predict(X[500:]) - y[500:], y[500:] - X[500:, -1, 0]
    assert np.mean(errors**2) < 1.1 * np.mean(steps**2)


def test_windows_of_groups_and_time_windows_continue_each_its_own_series(small):
    walks = np.cumsum(np.random.default_rng(0).normal(size=(90, 2)), axis=0)
    table = pd.DataFrame({"a": walks[:, 0], "b": walks[:, 1], "g": np.repeat([0, 1, 2], 30)})
    X, y = sliding_windows(table, table["b"], length=5, group_by="g")
    assert X.shape == (75, 5, 2)
    model, last = small(target_feature=1, **UNTRAINED).fit(X, y), np.asarray(X)[:, -1, 1]
    assert_allclose(model.predict(X), last + np.mean(y - last), rtol=1e-9)
    pipeline = make_pipeline(TimeWindows(5), small(target_feature=1, **UNTRAINED))
    pipeline.fit(walks[:-1], walks[1:, 1])
    assert_allclose(pipeline.predict(walks), walks[:, 1] + np.diff(walks[:, 1]).mean(), rtol=1e-9)


@pytest.mark.parametrize("number", NUMBERS + OTHERS, ids=repr)
def test_what_is_no_feature_is_refused_and_leaves_no_trace(small, walks, number):
    X, y = walks
    model = small(target_feature=0).fit(X, y)
    before = dict(vars(model.set_params(target_feature=number)))
    with pytest.raises(ValueError, match="target_feature"):
        model.fit(X, y)
    assert vars(model) == before


@pytest.mark.parametrize("kind", ["int8", "uint64"])
def test_small_integers_number_many_features(small, kind):
    X = np.random.default_rng(0).normal(size=(10, 2, 300))
    model = small(target_feature=np.array([100], kind), **UNTRAINED).fit(X, X[:, 0, 0])
    assert_array_equal(model.target_features_, [100])


# Units


def test_scaled_x_and_unscaled_y_are_told(small, walks):
    X, y = walks
    table = 1000 + 50 * np.nan_to_num(X[:, :, 0])
    y = 1000 + 50 * y
    pipeline = make_pipeline(StandardScaler(), small(target_feature=0))
    with pytest.warns(UserWarning, match="Output 0 of y moves .* times as much as the feature"):
        pipeline.fit(table, y)
    small(target_feature=0).fit(table, y)  # a warning would be an error


@pytest.mark.parametrize("n_samples", [1, 2, 5, 13, 40])
def test_noise_and_constants_tell_nothing_about_units(small, n_samples):
    model = small(target_feature=0, **UNTRAINED)
    model.fit(np.full((n_samples, 2, 1), 0.1), np.full(n_samples, 1000.1))
    for seed in range(10):
        noise = np.random.default_rng(seed).normal(size=(n_samples, 3, 1))
        model.fit(noise[:, :2], noise[:, 2, 0])


# As a scikit-learn estimator


def test_searched_scored_cloned_pickled_and_saved(small, walks, tmp_path):
    X, y = walks
    search = GridSearchCV(small(), {"target_feature": [None, 0]}, cv=TimeSeriesSplit(2)).fit(X, y)
    assert search.best_params_ == {"target_feature": 0}
    model = search.best_estimator_
    assert np.isfinite(cross_val_score(model, X, y, cv=KFold(2))).all()
    save(model, tmp_path / "model")
    twins = clone(model).fit(X, y), pickle.loads(pickle.dumps(model)), load(tmp_path / "model")
    for twin in twins:
        assert_array_equal(twin.predict(X), model.predict(X))
        assert twin.partial_fit(X, y).target_features_.tolist() == [0]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "params",
    [{"target_feature": [1, 0]}, {"relative_inputs": True}, {"linear_path": True}],
    ids=str,
)
@pytest.mark.slow
def test_exports_predict_the_same(small, walks, tmp_path, params):
    X, Y = walks[0], np.c_[walks[1], walks[1]]
    model = small(learning_rate=0.05, segment_length=2, **params).fit(X, Y)
    exported, whole = model.to_keras(), np.nan_to_num(X)  # SciKeras takes no NaN
    assert_allclose(exported(X), model.predict(X), rtol=1e-4, atol=1e-4)
    assert_allclose(model.to_scikeras().predict(whole), model.predict(whole), rtol=1e-4, atol=1e-4)
    exported.save(tmp_path / "model.keras")
    assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(X), exported(X))


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_going_on_with_another_target_feature_is_an_error(small, walks, method):
    X, y = walks
    for first, later in [(0, None), (0, 1), (None, 0)]:
        model, twin = [small(target_feature=first, warm_start=True).fit(X, y) for _ in range(2)]
        before = model.predict(X)
        with pytest.raises(ValueError, match="changed since the last fit: target_feature from"):
            getattr(model.set_params(target_feature=later), method)(X[:, 1:], y)
        assert_array_equal(model.predict(X), before)
        getattr(twin, method)(X[:, 1:], y)
        assert twin.spec_ == model.spec_


def test_weights_equal_repetition_bit_for_bit(small, walks):
    X, y = walks
    times = np.random.default_rng(0).integers(0, 4, size=60)
    model = small(target_feature=0, batch_size=7, early_stopping=False)
    weighted = clone(model).fit(X, y, sample_weight=times)
    repeated = clone(model).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    assert_array_equal(weighted.predict(X), repeated.predict(X))


def test_validation_losses_and_attention_are_those_of_the_whole_prediction(small, walks):
    X, y = walks
    model = small(target_feature=0).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    errors = (model.predict(X[40:]) - y[40:]) / model.target_statistics_.scale
    assert_allclose(model.best_loss_, np.mean(errors**2), rtol=1e-5)
    weights = model.attention_weights(X)
    assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    assert_array_equal(weights[np.isnan(X[:, :, 0])], 0)


# The paths of the network


@pytest.mark.parametrize("relative", [False, "auto", np.True_])
@pytest.mark.parametrize("linear", [True, "auto", np.False_])
@pytest.mark.parametrize("number", [None, 0])
def test_auto_follows_from_the_target_feature(small, walks, relative, linear, number):
    params = {"relative_inputs": relative, "linear_path": linear, "target_feature": number}
    spec = small(epochs=1, **params).fit(*walks).spec_
    expected = [bool(number == 0 if isinstance(path, str) else path) for path in (relative, linear)]
    assert [spec.relative, spec.linear_steps == 6] == expected


@pytest.mark.parametrize(("n_steps", "length"), [(1, 1), (31, 1), (32, 2), (100, 6)])
@pytest.mark.slow
def test_auto_segments(small, n_steps, length):
    X = np.random.default_rng(0).normal(size=(4, n_steps, 1))
    assert small(epochs=1).fit(X, X[:, 0, 0]).spec_.segment_length == 1
    model = small(epochs=1, target_feature=0).fit(X, X[:, -1, 0])
    assert model.spec_.segment_length == length
    assert model.attention_weights(X).shape == (4, n_steps)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("relative", [True, False])
def test_the_linear_path_is_a_matrix_of_the_last_steps(small, walks, relative, standardize):
    X, y = walks
    params = {"relative_inputs": relative, "linear_path": True, "standardize": standardize}
    model = small(**params).fit(X, y)
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=model.parameters_["linear/kernel"].shape).astype("float32")
    zeros = {
        name: np.zeros_like(model.parameters_[name]) for name in ("output/kernel", "output/bias")
    }
    model.parameters_ = {**model.parameters_, **zeros, "linear/kernel": kernel}
    gain = model.parameters_.get("relative_steps/gain", np.ones(2))
    features, targets = model.feature_statistics_, model.target_statistics_
    for given_X in (X, X[:, 3:], np.concatenate([X, X], axis=1)):  # as long, shorter, longer
        for sample, predicted in zip(ragged(given_X), model.predict(given_X), strict=True):
            scaled = (sample - features.mean) / features.scale
            steps = (scaled - scaled[-1]) * gain if relative else scaled
            read = np.concatenate([np.zeros((6, 2)), steps])[-6:].ravel()
            read = np.append(read, scaled[-1]) if relative else read
            assert_allclose(predicted, targets.undo(read @ kernel[:, 0])[0], rtol=1e-4, atol=1e-4)


def test_the_gain_brings_relative_steps_to_one(small, walks):
    X, y = walks
    X = np.concatenate([X * [1, 1000], np.where(np.isnan(X[:, :, :2]), NAN, 7.0)], axis=2)
    X[:30, :, 3] += 1e9  # moves hardly, and differs from sequence to sequence
    X[:, 5, 3] += 1e-3
    gain = small(relative_inputs=True).fit(X, y).parameters_["relative_steps/gain"]
    moves = np.concatenate([sample[:-1] - sample[-1] for sample in ragged(X)])
    scale = np.concatenate(ragged(X)).std(axis=0)
    expected = scale[:2] / np.sqrt(np.mean(moves[:, :2] ** 2, axis=0))
    assert_allclose(gain, [*expected, 1.0, 1e5], rtol=1e-6)


# Layers

lengths = st.lists(st.integers(0, 5), min_size=1, max_size=4)


@settings(deadline=None, max_examples=40)
@given(lengths, st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_layers_equal_loops(n_present, length, seed):
    mask = np.arange(5) < np.array(n_present)[:, np.newaxis]
    values = np.random.default_rng(seed).normal(size=(*mask.shape, 2)).astype("float32")
    values[~mask] = 0
    gain = np.array([2.0, 0.5], "float32")
    layer = RelativeSteps()
    layer.build(values.shape)
    layer.gain.assign(gain)
    relative, level = layer(values, mask)
    last = LastSteps(length)(values, mask)
    for row, n in enumerate(n_present):
        present = list(values[row, :n])
        assert_array_equal(last[row], ([np.zeros(2, "float32")] * length + present)[-length:])
        end = present[-1] if n else np.zeros(2, "float32")
        assert_array_equal(level[row], end)
        expected = [(step - end) * gain for step in present] + [np.zeros(2)] * (5 - n)
        assert_array_equal(relative[row], expected)
