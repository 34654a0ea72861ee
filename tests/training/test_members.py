"""Several networks in one regressor: side by side, their mean, their spread."""

import pickle

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import trim_mean
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline

from skattn import (
    ModelFileError,
    SequenceScaler,
    compare_attentions,
    load,
    save,
    sequence_importance,
)
from skattn._training.members import middle, middle_mean, stack_arrays, unstack_arrays


def member(model, number):
    """Return a copy of a fitted model that holds one of its networks alone."""
    alone = clone(model).set_params(n_members=1)
    vars(alone).update({n: v for n, v in vars(model).items() if n not in model.get_params()})
    alone.parameters_ = {name: value[number] for name, value in model.parameters_.items()}
    alone.n_members_ = 1
    if model.optimizer_state_ is not None:
        state = model.optimizer_state_.items()
        alone.optimizer_state_ = {name: value[number] for name, value in state}
    return alone


# Their numbers


def test_stacks_come_apart_as_they_were():
    rng = np.random.default_rng(0)
    for n_members in (1, 2, 3):
        networks = [
            {"a": rng.normal(size=(2, 3)), "b": rng.normal(size=4), "c": rng.normal(size=())[()]}
            for _ in range(n_members)
        ]
        assert repr(unstack_arrays(stack_arrays(networks), n_members)) == repr(networks)


def test_parameters_are_stacked_and_the_members_differ(sequences, small):
    one, three = small().fit(*sequences), small(n_members=np.int64(3)).fit(*sequences)
    assert three.n_members_ == 3
    assert type(three.n_members_) is int
    for name, value in one.parameters_.items():
        assert three.parameters_[name].shape == (3, *value.shape)
        assert value.dtype == three.parameters_[name].dtype == "float32"
    kernels = three.parameters_["lstm_1/lstm_cell/kernel"]
    assert len({kernel.tobytes() for kernel in kernels}) == 3


@pytest.mark.parametrize(
    "params",
    [{}, {"dropout": 0.3}, {"early_stopping": True, "standardize": False, "linear_path": False}],
)
@pytest.mark.parametrize("seed", [0, "RandomState"])
def test_the_first_member_is_the_only_one_bit_for_bit(sequences, small, params, seed):
    X, _ = sequences
    one, three = (
        small(n_members=n, random_state=np.random.RandomState(0) if seed else seed, **params)
        for n in (1, 3)
    )
    one.fit(*sequences)
    three.fit(*sequences)
    assert_array_equal(member(three, 0).predict(X), one.predict(X))
    again = clone(three).set_params(random_state=0).fit(*sequences)
    assert_array_equal(again.predict(X), three.predict(X))


# Predictions and attention


@pytest.mark.parametrize("params", [{}, {"target_feature": 1}, {"standardize": False}])
@pytest.mark.parametrize("shape", [(40,), (40, 1), (40, 2)])
def test_predictions_are_mean_and_spread_of_the_members(sequences, small, params, shape):
    X, y = sequences
    y = np.c_[y, 10 - y][:, : shape[-1]] if len(shape) == 2 else y
    model = small(n_members=3, learning_rate=0.05, **params).fit(X, y)
    alone = np.stack([member(model, number).predict(X) for number in range(3)])
    mean, spread = model.predict(X, return_spread=True)
    assert mean.shape == spread.shape == shape
    assert_array_equal(model.predict(X), mean)
    assert_allclose(mean, alone.mean(axis=0), rtol=1e-12)
    assert_allclose(spread, alone.std(axis=0), rtol=1e-9)
    assert (spread > 0).all()


def test_a_fifth_of_the_members_at_either_end_is_left_out():
    """So one of five that fails changes nothing; of fewer than five all count."""
    rng = np.random.default_rng(0)
    for n_members, n_left_out in ((1, 0), (2, 0), (4, 0), (5, 1), (9, 1), (10, 2)):
        predictions = rng.normal(size=(n_members, 7, 2))
        assert_allclose(middle_mean(predictions), trim_mean(predictions, 0.2, axis=0), rtol=1e-12)
        assert middle(n_members) == slice(n_left_out, n_members - n_left_out)
    four, failed = rng.normal(size=(4, 7, 2)), np.full((7, 2), 1e9)
    one, other = (middle_mean(np.stack([*four, sign * failed])) for sign in (1, 2))
    assert_array_equal(one, other)


@pytest.mark.parametrize("return_spread", [True, np.True_, 1])
def test_the_spread_of_one_is_refused(sequences, small, return_spread):
    model = small().fit(*sequences)
    with pytest.raises(ValueError, match=r"return_spread=True .* Got one: n_members_ = 1"):
        model.predict(sequences[0], return_spread=return_spread)
    model.set_params(n_members=3)  # what was fitted counts
    with pytest.raises(ValueError, match="return_spread=True"):
        model.predict(sequences[0], return_spread=return_spread)


@pytest.mark.parametrize("attention", ["additive", "mean", "hierarchical"])
@pytest.mark.slow
def test_attention_is_the_mean_of_the_members(sequences, small, attention):
    X = sequences[0].copy()
    X[::2, 1:3] = np.nan
    model = small(attention, n_members=3, learning_rate=0.1).fit(X, sequences[1])
    for level in ("steps", "self", "summary") if attention == "hierarchical" else ("steps",):
        weights = model.attention_weights(X, level=level)
        alone = [member(model, n).attention_weights(X, level=level) for n in range(3)]
        assert_allclose(weights, np.mean(alone, axis=0), rtol=1e-6)
        assert weights.dtype == "float32"
    steps = model.attention_weights(X)
    assert_allclose(steps.sum(axis=1), 1, rtol=1e-5)
    assert_array_equal(steps[np.isnan(X[:, :, 0])], 0)
    with pytest.raises(ValueError, match="no level 'other'"):
        model.attention_weights(X, level="other")


def test_a_pipeline_passes_the_spread_on(sequences, small):
    X, y = sequences
    pipeline = make_pipeline(SequenceScaler(), small(n_members=2)).fit(X, y)
    mean, spread = pipeline.predict(X, return_spread=True)
    assert_array_equal(mean, pipeline.predict(X))
    assert mean.shape == spread.shape == y.shape


# Going on


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(("n_members", "later"), [(1, 2), (3, 2), (2, "auto")])
def test_a_fit_that_goes_on_keeps_its_networks(sequences, small, method, n_members, later):
    X, y = sequences
    model, twin = (small(n_members=n_members, warm_start=True).fit(X, y) for _ in range(2))
    getattr(model.set_params(n_members=later), method)(X, y)
    getattr(twin, method)(X, y)
    assert model.n_members_ == n_members
    assert_array_equal(model.predict(X), twin.predict(X))
    model.set_params(warm_start=False).fit(X, y)
    assert model.n_members_ == (1 if later == "auto" else later)


@pytest.mark.parametrize("params", [{"n_members": 0}, {"n_members": 1.5}, {"n_members": None}])
def test_no_number_of_members_is_refused(sequences, small, params):
    with pytest.raises(ValueError, match="n_members"):
        small(**params).fit(*sequences)


# One batch holds all samples, so their order does not tell the fits apart.
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_each_member_goes_on_as_it_would_alone(sequences, small, optimizer):
    X, y = sequences
    params = {"optimizer": optimizer, "batch_size": 40, "n_members": 2, "warm_start": True}
    model = small(epochs=3, learning_rate=0.02, **params).fit(X, y)
    alone = [member(model, number).fit(X, y) for number in range(2)]
    model.fit(X, y)
    assert model.n_iter_ == 6
    for number in range(2):
        expected = alone[number].predict(X)
        assert_allclose(member(model, number).predict(X), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("params", [{}, {"optimizer": "sgd"}])
@pytest.mark.parametrize("n_members", [1, 3])
def test_saved_members_predict_and_go_on_bit_for_bit(sequences, small, tmp_path, n_members, params):
    X, y = sequences
    model = small(n_members=n_members, batch_size=8, **params).partial_fit(X, y).partial_fit(X, y)
    save(model, tmp_path / "model")
    others = [load(tmp_path / "model"), pickle.loads(pickle.dumps(model))]
    model.partial_fit(X, y)
    for other in others:
        assert_array_equal(other.partial_fit(X, y).predict(X), model.predict(X))
        assert other.n_members_ == n_members


def test_the_spread_survives_a_file(sequences, small, tmp_path):
    model = small("general", n_members=3).fit(*sequences)
    save(model, tmp_path / "model")
    loaded = load(tmp_path / "model")
    for one, other in zip(
        loaded.predict(sequences[0], return_spread=True),
        model.predict(sequences[0], return_spread=True),
        strict=True,
    ):
        assert_array_equal(one, other)


@pytest.mark.parametrize("claimed", [1, 2, 4])
def test_files_with_members_missing_or_left_over_are_refused(sequences, small, tmp_path, claimed):
    model = small(n_members=3).fit(*sequences)
    model.n_members_ = claimed
    with pytest.raises(ValueError, match="cannot be saved"):
        save(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_file_whose_text_claims_another_number_is_refused(sequences, small, tmp_path):
    path = tmp_path / "model"
    save(small(n_members=3).fit(*sequences), path)
    content = path.read_bytes()
    damaged = content.replace(b'\\"n_members\\": 3', b'\\"n_members\\": 2')
    assert damaged != content
    path.write_bytes(damaged)
    with pytest.raises(ModelFileError, match="expected F32"):
        load(path)


# Elsewhere


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "params", [{"target_feature": 0, "n_members": 2}, {"dropout": 0.3, "n_members": 5}]
)
@pytest.mark.slow
def test_exports_predict_the_mean(sequences, small, tmp_path, params):
    X, y = sequences[0], np.c_[sequences[1], sequences[1] ** 2]
    model = small(learning_rate=0.05, **params).fit(X, y)
    exported = model.to_keras()
    assert_allclose(exported(X), model.predict(X), rtol=1e-4, atol=1e-5)
    assert_allclose(model.to_scikeras().predict(X), model.predict(X), rtol=1e-4, atol=1e-5)
    exported.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_array_equal(loaded(X), exported(X))


def test_searching_over_members_traces_once(sequences, small, own_pool):
    grid = {"n_members": [1, 2, 3], "ema_momentum": [0.0, 0.9], "weight_decay": ["auto", None]}
    GridSearchCV(small(epochs=1), grid, cv=KFold(2), error_score="raise").fit(*sequences)
    assert [program.n_traces["train_epoch"] for program in own_pool.programs()] == [1]
    assert [program.n_traces["predict"] for program in own_pool.programs()] == [1]


def test_insight_works_with_members(sequences, small):
    X, y = sequences
    model = small(n_members=2, epochs=3)
    compared = compare_attentions(model, X, y, attentions=[None, "additive"], cv=KFold(2))
    assert sorted(compared.scores["attention"].astype(str).unique()) == ["additive", "none"]
    importance = sequence_importance(model.fit(X, y), X, y, n_repeats=2, random_state=0)
    assert np.isfinite(importance.importances_mean).all()
    assert importance.baseline == model.score(X, y)


# Side by side


@pytest.fixture
def on(monkeypatch):
    """Return what sets on how many threads the networks of later fits train."""

    def set_threads(n):
        monkeypatch.setattr("skattn._training.loop.n_threads", lambda n_runs: min(n, n_runs))

    return set_threads


@pytest.mark.parametrize(
    "params", [{"dropout": 0.3}, {"early_stopping": True, "n_iter_no_change": 1, "epochs": 9}]
)
def test_networks_side_by_side_are_those_one_after_the_other_bit_for_bit(
    sequences, small, on, params
):
    X, y = sequences
    fits = []
    for n in (1, 2, 3):
        on(n)
        fits.append(small(n_members=3, learning_rate=0.1, **params).fit(X, y))
    for other in fits[1:]:
        assert other.loss_curve_ == fits[0].loss_curve_
        assert other.validation_loss_curve_ == fits[0].validation_loss_curve_
        for name, value in fits[0].parameters_.items():
            assert_array_equal(other.parameters_[name], value)


def test_each_network_trains_as_the_only_one_of_its_seed(sequences, small):
    X, y = sequences
    three = small(n_members=3, dropout=0.2).fit(X, y)
    for number, seed in enumerate(np.random.RandomState(0).randint(2**31, size=2), start=1):
        alone = small(random_state=np.random.RandomState(seed), dropout=0.2).fit(X, y)
        assert_array_equal(member(three, number).predict(X), alone.predict(X))


def test_curves_are_means_over_the_networks(sequences, small):
    X, y = sequences
    seed = np.random.RandomState(0).randint(2**31, size=1)[0]
    two = small(n_members=2).fit(X, y, X_val=X, y_val=-y)
    alone = [small(), small(random_state=np.random.RandomState(seed))]
    for model in alone:
        model.fit(X, y, X_val=X, y_val=-y)
    for name in ("loss_curve_", "validation_loss_curve_", "learning_rate_curve_", "best_loss_"):
        expected = np.mean([getattr(model, name) for model in alone], axis=0)
        assert_allclose(getattr(two, name), expected, rtol=1e-12)


def test_networks_stop_each_at_its_own_time(sequences, small):
    """The curves go on with those that train; best_iter_ is the mean of the best epochs."""
    X, _ = sequences
    y = X[:, 2, 0].copy()
    y[20:30] *= -1  # which stop the second network
    params = {"epochs": 9, "early_stopping": True, "n_iter_no_change": 2, "learning_rate": 0.05}
    params |= {"validation_fraction": 0.25, "standardize": False}
    params |= {"linear_path": False}
    two = small(n_members=2, **params).fit(X, y)
    seed = np.random.RandomState(0).randint(2**31, size=1)[0]
    first = small(**params).fit(X, y)
    others = np.r_[0:20, 30:40]
    second = small(random_state=np.random.RandomState(seed), **params)
    second.fit(X[others], y[others], X_val=X[20:30], y_val=y[20:30])
    shorter, longer = sorted((first, second), key=lambda model: model.n_iter_)
    assert shorter.n_iter_ < longer.n_iter_ == two.n_iter_
    assert (
        two.validation_loss_curve_[shorter.n_iter_ :]
        == longer.validation_loss_curve_[shorter.n_iter_ :]
    )
    assert two.best_iter_ == round((first.best_iter_ + second.best_iter_) / 2)
    assert type(two.best_iter_) is int
    assert_allclose(two.best_loss_, (first.best_loss_ + second.best_loss_) / 2)


def test_a_fit_that_fails_leaves_no_trace(sequences, small):
    X, y = sequences

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    model = small(n_members=2).fit(X, y)
    before, prediction = dict(vars(model.set_params(callbacks=[Interrupt]))), model.predict(X)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert vars(model) == before
    assert_array_equal(model.predict(X), prediction)


# Samples that networks hold out


def test_a_later_network_is_one_stopped_by_an_earlier_block(sequences, small):
    X, y = sequences
    params = {"standardize": False, "early_stopping": True, "validation_fraction": 0.25}
    params["linear_path"] = False
    two = small(n_members=2, **params, epochs=4).fit(X, y)
    seed = np.random.RandomState(0).randint(2**31, size=1)[0]
    alone = small(**params, epochs=4, random_state=np.random.RandomState(seed))
    others = np.r_[0:20, 30:40]
    alone.fit(X[others], y[others], X_val=X[20:30], y_val=y[20:30])
    assert_array_equal(member(two, 1).predict(X), alone.predict(X))


def test_statistics_are_of_all_samples_that_train_a_network(small):
    """One feature moves in the last fifth alone, which only the first member holds out."""
    X = np.random.default_rng(0).normal(size=(60, 4, 2))
    X[:48, :, 1] = 0
    X[48:, :, 1] *= 1e6
    one, five = (small(n_members=n, early_stopping=True).fit(X, X[:, 0, 0]) for n in (1, 5))
    assert one.feature_statistics_.scale[1] == 1
    assert_allclose(five.feature_statistics_.scale, X.std(axis=(0, 1)), rtol=1e-9)


def test_members_without_a_finite_prediction_are_told_by_the_sample(small):
    X = np.random.default_rng(0).normal(size=(40, 4, 1))
    model = small(n_members=5).fit(X, X[:, 0, 0])
    model.parameters_["output/kernel"][2] = np.inf
    with pytest.raises(FloatingPointError, match=r"sample 0 is not finite \(40 such samples\)"):
        model.predict(X)


def test_what_auto_meant_stays(small):
    X = np.random.default_rng(0).normal(size=(60, 4, 1))
    y = X[:, 0, 0]
    model = small(n_members="auto", early_stopping="auto", warm_start=True).fit(X, y)
    assert model.n_members_ == 5
    kernels = model.parameters_["lstm_1/lstm_cell/kernel"]
    model.partial_fit(X[:9], y[:9]).fit(X[:9], y[:9])
    assert model.n_members_ == 5
    assert (model.parameters_["lstm_1/lstm_cell/kernel"] != kernels).any(axis=(1, 2)).all()
    assert small(n_members="auto", early_stopping="auto").partial_fit(X, y).n_members_ == 1


def test_auto_is_in_a_model_file(small, tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 4, 1))
    model = small(n_members="auto", early_stopping="auto").fit(X, X[:, 0, 0])
    save(model, tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors")
    assert (again.n_members, again.n_members_, again.validation_fraction) == ("auto", 5, "auto")
    assert_array_equal(again.predict(X), model.predict(X))
