"""Training that diverges: an error that says so, and nothing of it is left behind."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal

from skattn import LSTMAttentionRegressor, TrainingDivergedError
from skattn._programs.program import Program

EPOCHS = 3
REMEDIES = ["Use a smaller learning_rate (now", "clipnorm (now", "standardize=True", "outliers in"]
LEFT = "The estimator is left as it was before."


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


@pytest.fixture
def poison(monkeypatch):
    """Return what sets a parameter to a value after epochs of a fit, counted over its networks.

    Networks train one after the other meanwhile, so that the epochs have an order.
    """

    def begin(value, *epochs, place=0):
        train_epoch, counted = Program.train_epoch, iter(range(1, 1000))

        def poisoned(program, *arguments):
            state, *losses = train_epoch(program, *arguments)
            if next(counted) in epochs:
                spoiled = state.average.numpy()
                spoiled[place] = value
                state = state._replace(average=tf.constant(spoiled), moved=tf.constant(spoiled))
            return state, *losses

        monkeypatch.setattr(Program, "train_epoch", poisoned)
        monkeypatch.setattr("skattn._training.loop.n_threads", lambda n_runs: 1)

    return begin


def make(**params):
    defaults = {"units": 3, "epochs": EPOCHS, "random_state": 0, "batch_size": 4}
    return LSTMAttentionRegressor(**{"n_members": 1, "early_stopping": False} | defaults | params)


def samples():
    X = np.random.default_rng(0).normal(size=(12, 4, 2))
    return X, X[:, 1, 0].copy()


def with_outliers():
    X, y = samples()
    X[::5] = np.random.default_rng(1).choice([-3e38, 3e38], size=X[::5].shape)
    return X, y


def with_huge_targets():
    X, y = samples()
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
def test_a_spoiled_parameter_shows_in_the_loss_of_the_next_epoch(poison, value, epoch):
    poison(value, epoch, place=-1)
    assert diverges(make(), samples()).startswith(f"Training diverged in epoch {epoch + 1}: loss=")


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(("place", "name"), [(0, "lstm_1/lstm_cell/kernel"), (-1, "output/bias")])
def test_a_parameter_spoiled_after_the_last_epoch_is_named(poison, value, place, name):
    poison(value, EPOCHS, place=place)
    message = diverges(make(), samples())
    assert message.startswith(f"Training diverged in epoch {EPOCHS}: parameter '{name}' is not fin")


def test_early_stopping_keeps_the_best_epoch_when_the_last_is_spoiled(poison):
    X, y = samples()
    params = {"early_stopping": True, "learning_rate": 0.1, "linear_path": False}
    plain = make(**params).fit(X, y, X_val=X, y_val=-y)
    assert plain.best_iter_ < EPOCHS
    poison(np.nan, EPOCHS)
    poisoned = make(**params).fit(X, y, X_val=X, y_val=-y)
    assert_array_equal(assert_finite_bits(poisoned, X), plain.predict(X))


@pytest.mark.filterwarnings("ignore:y_val lies where no training sample does")
def test_early_stopping_sees_the_validation_loss_diverge():
    X, y = samples()
    message = diverges(make(early_stopping=True), (X, y), X_val=X, y_val=1e30 * y)
    assert "epoch 1: loss=" in message
    assert "validation loss=inf is not finite" in message


# Learning rates


@pytest.mark.parametrize("value", [1e30, np.inf, np.nan])
@pytest.mark.parametrize("epoch", [0, 2])
def test_a_learning_rate_of_a_callback_diverges_with_an_error(value, epoch):
    message = diverges(make(callbacks=[Rate(value, epoch)], clipnorm=None), samples())
    assert int(message.split("in epoch ")[1].split(":")[0]) >= epoch


@pytest.mark.parametrize("value", [1e30, np.inf, np.nan])
@pytest.mark.slow
def test_a_learning_rate_that_spoils_the_last_step_is_seen(value):
    """One batch in an epoch: its loss is taken before the step that diverges."""
    X, y = samples()
    model = make(callbacks=[Rate(value, EPOCHS)], batch_size=12, optimizer="sgd", clipnorm=None)
    message = message_or_finite(model, X, y)
    if value == 1e30:
        assert message is None or f"in epoch {EPOCHS}: " in message
    else:
        assert f"diverged in epoch {EPOCHS}: parameter '" in message


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_huge_learning_rate_diverges_or_stays_finite(optimizer):
    X, y = samples()
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

FAILURES = {
    "learning rate NaN": ({"callbacks": [Rate(np.nan, 1)]}, samples),
    "learning rate infinite": ({"callbacks": [Rate(np.inf, 2)]}, samples),
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
    X, y = samples()
    params = {"warm_start": warm_start, **params}
    model = make(**params | {"callbacks": None}).fit(X, y)
    before, curve = model.predict(X), list(model.loss_curve_)
    model.set_params(**params)
    diverges(model, data())
    assert_array_equal(model.predict(X), before)
    assert model.loss_curve_ == curve


@each_failure
@pytest.mark.parametrize("network", [{}, {"dropout": 0.5}], ids=["plain", "dropout"])
def test_later_fits_of_the_same_program_are_as_ever(network, params, data):
    X, y = samples()
    before = make(**network).fit(X, y)
    diverges(make(**network | params), data())
    after = make(**network).fit(X, y)
    assert_array_equal(after.predict(X), before.predict(X))
    assert after.loss_curve_ == before.loss_curve_


def test_a_warm_start_goes_on_after_a_divergence_as_if_there_had_been_none():
    X, y = samples()
    plain = make(warm_start=True).fit(X, y).fit(X, y)
    model = make(warm_start=True).fit(X, y)
    diverges(model.set_params(callbacks=[Rate(np.nan, 2)]), (X, y))
    model.set_params(callbacks=None).fit(X, y)
    assert_array_equal(model.predict(X), plain.predict(X))


def test_a_partial_fit_that_diverges_changes_nothing():
    X, y = samples()
    model = make().partial_fit(X, y)
    before = model.predict(X)
    with pytest.raises(TrainingDivergedError, match="in epoch 1: "):
        model.set_params(callbacks=[Rate(np.nan, 1)]).partial_fit(X, y)
    assert_array_equal(model.predict(X), before)
    after = model.set_params(callbacks=None).partial_fit(X, y).predict(X)
    assert_array_equal(after, make().partial_fit(X, y).partial_fit(X, y).predict(X))


# One of several

LEFT_OUT = r"1 of 3 networks diverged and are left out. Training diverged in epoch"


def network(model, number):
    """Return the parameters of one network of several."""
    return {name: value[number] for name, value in model.parameters_.items()}


def assert_same(one, other):
    for name, value in one.items():
        assert_array_equal(value, other[name], err_msg=name)


# On one thread, three networks train an epoch each in turn: call 2 is the second's first epoch.
@pytest.mark.parametrize(("call", "left"), [(1, [1, 2]), (2, [0, 2]), (3, [0, 1]), (8, [0, 2])])
def test_a_network_that_diverges_is_left_out_and_the_others_are_as_ever(poison, call, left):
    X, y = samples()
    whole = make(n_members=3).fit(X, y)
    poison(np.nan, call)
    with pytest.warns(UserWarning, match=LEFT_OUT):
        model = make(n_members=3).fit(X, y)
    assert model.n_members_ == 2
    assert (model.n_iter_, model.best_iter_) == (EPOCHS, EPOCHS)
    for number, original in enumerate(left):
        assert_same(network(model, number), network(whole, original))
    assert np.isfinite(model.predict(X, return_spread=True)).all()
    assert np.isfinite([model.loss_curve_, model.learning_rate_curve_]).all()


def test_curves_are_those_of_the_networks_that_are_kept(poison):
    """Call 2 spoils the second network, so that they are of the first one alone."""
    X, y = samples()
    alone = make().fit(X, y)
    poison(np.nan, 2)
    with pytest.warns(UserWarning, match="1 of 2 networks diverged"):
        model = make(n_members=2).fit(X, y)
    assert model.loss_curve_ == alone.loss_curve_
    assert model.learning_rate_curve_ == alone.learning_rate_curve_
    assert model.best_loss_ == alone.best_loss_
    assert {name: value.shape for name, value in model.parameters_.items()} == {
        name: value.shape for name, value in alone.parameters_.items()
    }


def test_where_none_is_left_it_is_an_error(poison):
    poison(np.nan, 1, 2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        message = diverges(make(n_members=3), samples())
    assert message.startswith("Training diverged in epoch 2: loss=nan")


@pytest.mark.parametrize("n_members", [3, "auto"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_going_on_is_going_on_with_the_networks_that_were_left(poison, method, n_members):
    X, y = samples()
    poison(np.nan, 1)
    with pytest.warns(UserWarning, match=LEFT_OUT):
        model = make(n_members=3, warm_start=True).fit(X, y)
    before = [network(model, number) for number in range(2)]
    model.set_params(n_members=n_members)
    getattr(model, method)(X, y)
    assert model.n_members_ == 2
    assert model.n_iter_ == EPOCHS + (EPOCHS if method == "fit" else 1)
    for number, was in enumerate(before):
        kernel = "lstm_1/lstm_cell/kernel"
        moved = np.abs(network(model, number)[kernel] - was[kernel]).max()
        assert 0 < moved < 0.1
