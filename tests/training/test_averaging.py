"""The running average of the parameters, weight decay, epochs, and where training starts."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skattn import LSTMAttentionRegressor
from skattn._training import settings
from skattn._training.settings import recipe_of

UNTRAINED = {"learning_rate": 1e-30, "weight_decay": 0.0, "epochs": 1}


def parameters(model):
    return {name: value.astype("float64") for name, value in model.parameters_.items()}


def recipe(n_train, *, continues=True, **params):
    """Return what the parameters of an estimator mean for a number of distinct samples."""
    params = LSTMAttentionRegressor(**params).get_params()
    return recipe_of(params, n_train, continues=continues, early_stopping=False)


# The average


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("momentum", [0.3, 0.9, 0.99])
def test_the_average_is_that_of_a_plain_recursion(sequences, small, optimizer, momentum):
    X, y = sequences
    plain = small(optimizer=optimizer, batch_size=40, learning_rate=0.05, ema_momentum=0)
    averaged = clone(plain).set_params(ema_momentum=momentum)
    expected = None
    for t in range(1, 9):  # one step each
        now = parameters(plain.partial_fit(X, y))
        kept = min(momentum, (t - 1) / (t + 9))
        expected = expected or now
        expected = {n: kept * expected[n] + (1 - kept) * now[n] for n in now}
        averaged.partial_fit(X, y)
        for name, value in averaged.parameters_.items():
            assert_allclose(value, expected[name], rtol=1e-5, atol=1e-6)


def test_steps_of_all_batches_and_epochs_count(sequences, small):
    X, y = sequences
    params = {"batch_size": 40, "learning_rate_schedule": "constant", "epochs": 6}
    long = small(ema_momentum=0.9, **params).fit(X, y)
    short = small(ema_momentum=0.9, batch_size=40)
    for _ in range(6):
        short.partial_fit(X, y)
    assert_allclose(short.predict(X), long.predict(X), rtol=1e-4, atol=1e-5)


def test_without_momentum_one_step_of_sgd_is_that_by_hand(sequences, small):
    X, y = sequences
    params = {"optimizer": "sgd", "attention": None, "standardize": False, "clipnorm": None}
    params |= {"batch_size": 40, "learning_rate": 0.1}
    for momentum in (0.0, 0.99):  # the first step is all that the average knows
        model = small(ema_momentum=momentum, **params).partial_fit(X, 5 + y)
        # The prediction starts at 0, and Nesterov's first step is 1.9 gradients long.
        expected = 1.9 * 0.1 * 2 * np.mean(5 + y)
        assert_allclose(model.parameters_["output/bias"], [expected], rtol=1e-6)


def test_the_average_is_what_is_validated_kept_and_predicts(sequences, small):
    X, y = sequences
    params = {"epochs": 6, "learning_rate": 0.1, "linear_path": False}
    plain, averaged = (small(ema_momentum=m, **params) for m in (0, 0.9))
    for model in (plain, averaged):
        model.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
        errors = (model.predict(X[30:]) - y[30:]) / model.target_statistics_.scale
        assert_allclose(model.validation_loss_curve_[-1], np.mean(errors**2), rtol=1e-5)
    assert_allclose(averaged.loss_curve_, plain.loss_curve_, rtol=1e-6)  # taken while training
    assert averaged.validation_loss_curve_[-1] != plain.validation_loss_curve_[-1]


def test_the_average_of_a_long_training_lags(sequences, small):
    X, y = sequences
    params = {"epochs": 30, "batch_size": 8, "learning_rate": 0.05}
    first = parameters(small(**{**params, **UNTRAINED}).fit(X, y))["lstm_1/lstm_cell/kernel"]
    ways = [
        np.linalg.norm(parameters(model.fit(X, y))["lstm_1/lstm_cell/kernel"] - first)
        for model in (
            small(ema_momentum=m, learning_rate_schedule="constant", weight_decay=0, **params)
            for m in (0.0, 0.99)
        )
    ]
    assert 0 < ways[1] < ways[0]


# As early stopping keeps the parameters of the best epoch, training goes on from these.
def test_warm_start_goes_on_from_the_parameters_that_were_kept(sequences, small):
    X, _ = sequences
    y = np.random.default_rng(1).normal(size=40)  # noise: the best epoch is an early one
    params = {"warm_start": True, "early_stopping": True, "ema_momentum": 0}
    model = small(epochs=30, learning_rate=0.1, learning_rate_schedule="constant", **params)
    model.fit(X, y)
    assert model.best_iter_ < model.n_iter_
    before = model.predict(X)
    model.set_params(early_stopping=False, **UNTRAINED).fit(X, y)
    assert_allclose(model.predict(X), before, atol=1e-6)


# Weight decay


@pytest.mark.parametrize(
    ("n_train", "expected"), [(1, 0.5), (10_000, 0.5), (20_000, 0.25), (50_000, 0.1)]
)
def test_auto_decay_is_a_prior_whose_share_falls_with_the_samples(n_train, expected):
    assert recipe(n_train).weight_decay == expected
    assert recipe(n_train, continues=False).weight_decay == 0
    assert recipe(n_train, weight_decay=0.3).weight_decay == 0.3
    assert recipe(n_train, weight_decay=None).weight_decay == 0


def test_auto_decay_trains_as_the_number(sequences, small, monkeypatch):
    def predicted(decay, target_feature=0):
        model = small(weight_decay=decay, target_feature=target_feature)
        return model.fit(*sequences).predict(sequences[0])

    assert_array_equal(predicted("auto"), predicted(0.5))
    assert not np.array_equal(predicted("auto"), predicted(0.4))
    monkeypatch.setattr(settings, "DECAY_OF_ONE_SAMPLE", 8.0)
    assert_array_equal(predicted("auto"), predicted(0.2))
    assert_array_equal(predicted("auto", None), predicted(0.0, None))  # nothing to continue


# Equal samples are merged, so a sample counts as one for the prior, however often it stands there.
@pytest.mark.parametrize("times", [[2] * 40, [1, 2] * 20])
def test_with_auto_decay_weights_equal_repetition(sequences, small, monkeypatch, times):
    X, y = sequences
    monkeypatch.setattr(settings, "DECAY_OF_ONE_SAMPLE", 10.0)
    weighted = small(learning_rate=0.05, target_feature=0).fit(X, y, sample_weight=times)
    repeated = small(learning_rate=0.05, target_feature=0, early_stopping=False)
    repeated.fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    assert_array_equal(weighted.predict(X), repeated.predict(X))


@pytest.mark.parametrize("params", [{}, {"target_feature": 0}, {"attention": "hierarchical"}])
def test_matrices_decay_and_nothing_else(sequences, small, params):
    X, y = sequences
    params = {"batch_size": 40, "learning_rate": 0.01, **params}
    drawn = parameters(small(**{**params, **UNTRAINED}).fit(X, y))
    free = parameters(small(weight_decay=0.0, **params).partial_fit(X, y))
    decayed = parameters(small(weight_decay=0.5, **params).partial_fit(X, y))
    for name, value in drawn.items():
        expected = -0.01 * 0.5 * value if value.ndim > 1 else np.zeros_like(value)
        assert_allclose(decayed[name] - free[name], expected, atol=1e-6)
    assert any(name.endswith("bias") and value.any() for name, value in drawn.items())


# Epochs


@pytest.mark.parametrize(
    ("n_train", "epochs"),
    [(1, 100), (1600, 100), (1601, 98), (16_000, 10), (80_000, 2), (10**6, 2)],
)
def test_auto_epochs(n_train, epochs):
    """Of 32 samples a batch: 5,000 batches, within 2 and 100 epochs."""
    assert recipe(n_train).epochs == epochs
    assert recipe(n_train, epochs=3).epochs == 3
    assert recipe(n_train, batch_size=10**9).epochs == 100


def test_auto_epochs_of_a_fit(sequences, small, monkeypatch):
    X, y = sequences
    assert small(epochs="auto", batch_size=40).fit(X, y).n_iter_ == 100
    monkeypatch.setattr(settings, "AUTO_STEPS", 40)
    model = small(epochs="auto", batch_size=8, early_stopping=False, verbose=0).fit(X, y)
    assert model.n_iter_ == 8
    assert model.partial_fit(X, y).n_iter_ == 9
    explicit = small(epochs=8, batch_size=8).fit(X, y)
    assert explicit.loss_curve_ == model.loss_curve_[:8]
    assert small(epochs="auto", batch_size=1).fit(X, y).n_iter_ == 2
    repeated = small(epochs="auto", batch_size=8, early_stopping=False)
    assert repeated.fit(np.concatenate([X, X]), np.concatenate([y, y])).n_iter_ == 8


@pytest.mark.parametrize("params", [{"epochs": "all"}, {"epochs": 0}, {"ema_momentum": 1.0}])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_other_values_are_refused(sequences, small, params, method):
    model = small(**params)
    with pytest.raises(ValueError, match=f"'{next(iter(params))}' parameter"):
        getattr(model, method)(*sequences)


# Where training starts


@pytest.mark.parametrize("attention", [None, "additive", "hierarchical"])
@pytest.mark.parametrize("params", [{}, {"linear_path": True}, {"dense_units": (1,)}], ids=str)
@pytest.mark.slow
def test_an_untrained_model_predicts_the_mean(sequences, small, attention, params):
    X, y = sequences
    model = small(attention, **{**UNTRAINED, **params}).fit(X, y)
    assert_allclose(model.predict(X), np.full(40, y.mean()), rtol=1e-6)


@pytest.mark.parametrize("params", [{"linear_path": True}, {"attention": None, "units": 1}])
def test_so_does_one_whose_kernel_is_one_number(sequences, small, params):
    X, y = sequences[0][:, :1, :1], sequences[1]
    model = small(**params, **UNTRAINED).fit(X, y)
    assert_allclose(model.predict(X), np.full(40, y.mean()), rtol=1e-6)


def test_the_rest_of_an_untrained_model_is_drawn(sequences, small):
    drawn = [small(random_state=seed, **UNTRAINED).fit(*sequences).parameters_ for seed in (0, 1)]
    for name in ("lstm_1/lstm_cell/kernel", "lstm_1/lstm_cell/recurrent_kernel"):
        assert not np.array_equal(drawn[0][name], drawn[1][name])
