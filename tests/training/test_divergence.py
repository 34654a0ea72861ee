"""Training that diverges: an error that says so, and nothing of it is left behind."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skattn import LSTMAttentionRegressor, TrainingDivergedError, clear_programs

EPOCHS = 3
REMEDIES = ["Use a smaller learning_rate (now", "clipnorm (now", "standardize=True", "outliers in"]
LEFT = "The estimator is left as it was before."


class Poison(keras.callbacks.Callback):
    """Sets one parameter to a value at the end of an epoch, counted from 1."""

    def __init__(self, value, epoch, weight=0):
        super().__init__()
        self.value, self.epoch, self.weight = value, epoch, weight

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.epoch:
            weight = self.model.weights[self.weight]
            weight.assign(np.full(weight.shape, self.value, dtype="float32"))


class Rate(keras.callbacks.Callback):
    """Sets the learning rate at the begin of training or of an epoch, counted from 1."""

    def __init__(self, value, epoch):
        super().__init__()
        self.value, self.epoch = value, epoch

    def on_train_begin(self, logs=None):
        if self.epoch == 0:
            self.model.optimizer.learning_rate = self.value

    def on_epoch_begin(self, epoch, logs=None):
        if epoch + 1 == self.epoch:
            self.model.optimizer.learning_rate = self.value


def make(**params):
    defaults = {"units": 3, "epochs": EPOCHS, "random_state": 0, "batch_size": 4}
    return LSTMAttentionRegressor(**defaults | params)


def rows():
    X = np.random.default_rng(0).normal(size=(12, 4, 2))
    return X, X[:, 1, 0].copy()


def with_outliers():
    X, y = rows()
    X[::5] = np.random.default_rng(1).choice([-3e38, 3e38], size=X[::5].shape)
    return X, y


def with_huge_targets():
    X, y = rows()
    return X, 1e38 * y


def assert_finite_bits(model, X):
    prediction = model.predict(X)
    assert np.isfinite(prediction).all()
    assert np.isfinite(model.attention_weights(X)).all()
    assert all(np.isfinite(value).all() for value in model.parameters_.values())
    return prediction


def diverges(model, data, X_val=None, y_val=None):
    """Fit; return the message of the error, which names the epoch and the remedies."""
    with pytest.raises(TrainingDivergedError) as caught:
        model.fit(*data, X_val=X_val, y_val=y_val)
    message = str(caught.value)
    assert [text for text in (*REMEDIES, LEFT) if text not in message] == []
    return message


def message_or_finite(model, X, y):
    """Fit; return the message of the divergence, or None and the prediction is finite."""
    try:
        model.fit(X, y)
    except TrainingDivergedError as error:
        assert not hasattr(model, "parameters_")
        return str(error)
    assert_finite_bits(model, X)
    return None


# Parameters that are no numbers


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("epoch", [1, 2])
def test_a_spoiled_parameter_shows_in_the_loss_of_the_next_epoch(value, epoch):
    message = diverges(make(callbacks=[Poison(value, epoch, weight=-1)]), rows())
    assert message.startswith(f"Training diverged in epoch {epoch + 1}: loss=")


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("weight", [0, 1, 2, -2, -1])
def test_a_parameter_spoiled_after_the_last_epoch_is_named(value, weight):
    message = diverges(make(callbacks=[Poison(value, EPOCHS, weight)]), rows())
    assert message.startswith(f"Training diverged in epoch {EPOCHS}: parameter '")
    assert "' is not finite." in message


@pytest.mark.parametrize("seed", range(6))
def test_any_parameter_spoiled_after_any_epoch_diverges(seed):
    rng = np.random.default_rng(seed)
    value, epoch = rng.choice([np.nan, np.inf, -np.inf]), int(rng.integers(1, EPOCHS + 1))
    diverges(make(callbacks=[Poison(value, epoch, int(rng.integers(5)))]), rows())


def test_early_stopping_keeps_the_best_epoch_when_the_last_is_spoiled():
    X, y = rows()
    poisoned = make(early_stopping=True, callbacks=[Poison(np.nan, EPOCHS)]).fit(X, y)
    plain = make(early_stopping=True).fit(X, y)
    assert_array_equal(assert_finite_bits(poisoned, X), plain.predict(X))


def test_early_stopping_sees_the_validation_loss_diverge():
    X, y = rows()
    message = diverges(make(early_stopping=True), (X, y), X_val=X, y_val=1e30 * y)
    assert "epoch 1: loss=" in message
    assert "validation loss=inf is not finite" in message


# Learning rates


@pytest.mark.parametrize("value", [1e30, np.inf, np.nan])
@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_a_learning_rate_of_a_callback_diverges_with_an_error(value, epoch):
    message = diverges(make(callbacks=[Rate(value, epoch)], clipnorm=None), rows())
    assert int(message.split("in epoch ")[1].split(":")[0]) >= epoch


@pytest.mark.parametrize("value", [1e30, np.inf, np.nan])
def test_a_learning_rate_that_spoils_the_last_step_is_seen(value):
    """One batch in an epoch: its loss is taken before the step that diverges."""
    X, y = rows()
    model = make(callbacks=[Rate(value, EPOCHS)], batch_size=12, optimizer="sgd", clipnorm=None)
    message = message_or_finite(model, X, y)
    if value == 1e30:
        assert message is None or f"in epoch {EPOCHS}: " in message
    else:
        assert f"diverged in epoch {EPOCHS}: parameter '" in message


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_a_huge_learning_rate_diverges_or_stays_finite(optimizer):
    X, y = rows()
    model = make(optimizer=optimizer, learning_rate=1e20, clipnorm=None)
    message = message_or_finite(model, X, y)
    assert message is None or "now 1e+20) or clipnorm (now None)" in message


# Data


def test_outliers_without_standardization_diverge_or_stay_finite():
    message = message_or_finite(make(standardize=False), *with_outliers())
    assert message is None or "look for outliers in X and y" in message


def test_huge_targets_without_standardization_diverge_in_the_first_epoch():
    message = diverges(make(standardize=False), with_huge_targets())
    assert message.startswith("Training diverged in epoch 1: loss=inf")


def test_huge_targets_with_standardization_do_not_diverge():
    X, y = with_huge_targets()
    prediction = assert_finite_bits(make().fit(X, y), X)
    assert np.abs(prediction).max() < 2 * np.abs(y).max()


# Nothing is left behind

#: Each has a program of its own.
NETWORKS = [{}, {"dropout": 0.5, "optimizer": "rmsprop"}]

FAILURES = {
    "NaN in a parameter": ({"callbacks": [Poison(np.nan, 2)]}, rows),
    "infinity in a parameter": ({"callbacks": [Poison(np.inf, 1, weight=-1)]}, rows),
    "NaN in the last epoch": ({"callbacks": [Poison(np.nan, EPOCHS)]}, rows),
    "learning rate NaN": ({"callbacks": [Rate(np.nan, 1)]}, rows),
    "learning rate infinite": ({"callbacks": [Rate(np.inf, 2)]}, rows),
    "huge targets": ({"standardize": False}, with_huge_targets),
}


def each_failure(function):
    return pytest.mark.parametrize(("params", "data"), FAILURES.values(), ids=FAILURES)(function)


@each_failure
def test_an_unfitted_estimator_stays_unfitted(params, data):
    model = make(**params)
    before = dict(vars(model))
    diverges(model, data())
    assert vars(model) == before


@each_failure
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_fitted_estimator_keeps_predicting_the_same_bits(params, data, warm_start):
    X, y = rows()
    params = {"warm_start": warm_start, **params}
    model = make(**params | {"callbacks": None}).fit(X, y)
    before, curve = model.predict(X), list(model.loss_curve_)
    model.set_params(**params)
    diverges(model, data())
    assert_array_equal(model.predict(X), before)
    assert model.loss_curve_ == curve


@pytest.fixture(scope="module")
def clean():
    """Return predictions and losses of fits in which nothing had run in their program."""
    clear_programs()
    fits = [make(**network).fit(*rows()) for network in NETWORKS]
    return [(fit.predict(rows()[0]), fit.loss_curve_) for fit in fits]


@each_failure
@pytest.mark.parametrize("number", range(2), ids=["plain", "dropout"])
def test_the_program_comes_back_clean(clean, params, data, number):
    prediction, curve = clean[number]
    diverges(make(**NETWORKS[number] | params), data())
    model = make(**NETWORKS[number]).fit(*rows())
    assert_array_equal(model.predict(rows()[0]), prediction)
    assert model.loss_curve_ == curve


def test_a_warm_start_goes_on_after_a_divergence_as_if_there_had_been_none():
    X, y = rows()
    plain = make(warm_start=True).fit(X, y).fit(X, y)
    model = make(warm_start=True).fit(X, y)
    diverges(model.set_params(callbacks=[Poison(np.nan, 2)]), (X, y))
    model.set_params(callbacks=None).fit(X, y)
    assert_array_equal(model.predict(X), plain.predict(X))


def test_a_partial_fit_that_diverges_changes_nothing():
    X, y = rows()
    model = make().partial_fit(X, y)
    before = model.predict(X)
    with pytest.raises(TrainingDivergedError, match="in epoch 1: parameter"):
        model.set_params(callbacks=[Poison(np.nan, 1)]).partial_fit(X, y)
    assert_array_equal(model.predict(X), before)
    after = model.set_params(callbacks=None).partial_fit(X, y).predict(X)
    assert_array_equal(after, make().partial_fit(X, y).partial_fit(X, y).predict(X))
