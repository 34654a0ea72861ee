"""Epochs, learning rates, early stopping, callbacks."""

import keras
import numpy as np
import pytest

from conftest import sequences_of
from skattn import TrainingDivergedError
from skattn._training.loop import _training_batches, _validation_batches
from skattn._training.samples import TrainingRows

PLAIN = {"standardize": False, "early_stopping": False}


def opposed(sequences):
    """Return training rows and validation rows that contradict them."""
    X, y = sequences
    return (X, 2 + y), {"X_val": X[:10], "y_val": -2 - y[:10]}


# Batches


def training_rows(weights, n_train):
    n_rows = len(weights)
    return TrainingRows(
        sequences_of(np.zeros((n_rows, 3, 1))), np.zeros((n_rows, 1)), weights, n_train
    )


@pytest.mark.parametrize("batch_size", [1, 4, 10, 17, 100])
def test_batches_cover_each_training_row_once(batch_size):
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.5, 2.0, size=20)
    rows = training_rows(weights, n_train=17)
    batches, batch_weights, shares = _training_batches(rows, batch_size, np.random.RandomState(0))
    filled = batch_weights > 0
    assert batches.shape == (-(-17 // batch_size), min(17, batch_size))
    assert sorted(batches[filled]) == list(range(17))
    totals = np.zeros(17)
    np.add.at(totals, batches[filled], (shares[:, np.newaxis] * batch_weights)[filled])
    np.testing.assert_allclose(totals, weights[:17] / weights[:17].sum(), rtol=1e-5)


def test_equal_weights_make_each_batch_a_mean():
    rows = training_rows(np.full(10, 7.0), n_train=10)
    _, weights, shares = _training_batches(rows, 4, np.random.RandomState(0))
    np.testing.assert_allclose(weights, [[1 / 4] * 4, [1 / 4] * 4, [1 / 2, 1 / 2, 0, 0]])
    np.testing.assert_allclose(shares, [0.4, 0.4, 0.2], rtol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_validation_batches_cover_the_last_rows_once(batch_size):
    weights = np.arange(1.0, 11.0)
    rows = training_rows(weights, n_train=7)
    batches, batch_weights = _validation_batches(rows, batch_size)
    assert batches[batch_weights > 0].tolist() == [7, 8, 9]
    np.testing.assert_allclose(batch_weights[batch_weights > 0], np.array([8, 9, 10]) / 27)


def test_order_of_rows_is_drawn_anew_each_epoch():
    rows = training_rows(np.ones(30), n_train=30)
    random_state = np.random.RandomState(0)
    first, second = (_training_batches(rows, 8, random_state)[0] for _ in range(2))
    assert not np.array_equal(first, second)


# Losses and learning rates


@pytest.mark.parametrize("batch_size", [7, 40, 64])
def test_loss_is_the_weighted_mean_over_rows(small, sequences, batch_size):
    X, y = sequences
    weights = np.random.default_rng(1).uniform(0.5, 2.0, size=40)
    model = small(**PLAIN, epochs=1, learning_rate=1e-12, batch_size=batch_size)
    model.fit(X, y, weights)
    expected = np.average((y - model.predict(X)) ** 2, weights=weights)
    np.testing.assert_allclose(model.loss_curve_, [expected], rtol=1e-5)


def test_loss_of_standardized_targets_is_in_their_units(small, sequences):
    X, y = sequences
    y = 100 + 50 * y
    model = small(epochs=1, learning_rate=1e-12).fit(X, y)
    expected = np.mean((y - model.predict(X)) ** 2) / y.var()
    np.testing.assert_allclose(model.loss_curve_, [expected], rtol=1e-4)


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [("constant", [1, 1, 1, 1]), ("cosine", [1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2])],
)
def test_learning_rate_follows_its_schedule(small, sequences, schedule, factors):
    model = small(epochs=4, learning_rate=0.01, learning_rate_schedule=schedule)
    model.fit(*sequences)
    expected = 0.01 * np.array(factors)
    np.testing.assert_allclose(model.history_["learning_rate"], expected, rtol=1e-6)


def test_curves_have_an_entry_for_each_epoch(small, sequences):
    model = small(epochs=3).fit(*sequences)
    assert len(model.loss_curve_) == model.n_iter_ == model.best_iter_ == 3
    assert model.best_loss_ == model.loss_curve_[-1]
    assert model.validation_loss_curve_ is None


# Early stopping


def test_early_stopping_keeps_the_best_epoch(small, sequences):
    X, y = sequences
    X_val, y_val = X[:10], -y[:10]
    params = {"standardize": False, "learning_rate": 0.03, "learning_rate_schedule": "constant"}
    model = small(**params, epochs=20, early_stopping=True, n_iter_no_change=20)
    model.fit(X, y, X_val=X_val, y_val=y_val)
    curve = model.validation_loss_curve_
    assert model.best_loss_ == min(curve) == curve[model.best_iter_ - 1]
    assert 1 <= model.best_iter_ < model.n_iter_ == 20
    error = np.mean((model.predict(X_val) - y_val) ** 2)
    np.testing.assert_allclose(error, model.best_loss_, rtol=1e-5)


def test_last_rows_are_held_out(small, sequences):
    X, y = sequences
    model = small(standardize=False, early_stopping=True, validation_fraction=0.2, epochs=3)
    model.fit(X, y)
    errors = (model.predict(X) - y) ** 2
    np.testing.assert_allclose(model.best_loss_, errors[-8:].mean(), rtol=1e-5)


def test_validation_loss_is_weighted(small, sequences):
    X, y = sequences
    weights = np.arange(1.0, 11.0)
    model = small(standardize=False, epochs=2)
    model.fit(X, y, X_val=X[:10], y_val=y[:10] + 1, sample_weight_val=weights)
    errors = (model.predict(X[:10]) - y[:10] - 1) ** 2
    np.testing.assert_allclose(model.best_loss_, np.average(errors, weights=weights), rtol=1e-5)


@pytest.mark.parametrize("patience", [1, 3])
def test_training_stops_after_epochs_without_improvement(small, sequences, patience):
    rows, validation = opposed(sequences)
    model = small(epochs=30, standardize=False, learning_rate=0.03, early_stopping=True)
    model.set_params(n_iter_no_change=patience).fit(*rows, **validation)
    assert model.n_iter_ == model.best_iter_ + patience < 30


def test_gains_up_to_tol_are_no_improvement(small, sequences):
    model = small(epochs=30, early_stopping=True, n_iter_no_change=2, tol=1e9).fit(*sequences)
    assert (model.best_iter_, model.n_iter_) == (1, 3)


# Callbacks


def test_callbacks_see_each_epoch_with_its_logs(small, sequences):
    X, y = sequences
    calls = []
    spy = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: calls.append("begin"),
        on_epoch_begin=lambda epoch, logs: calls.append(epoch),
        on_epoch_end=lambda epoch, logs: calls.append(dict(logs)),
        on_train_end=lambda logs: calls.append("end"),
    )
    model = small(epochs=2, callbacks=[spy]).fit(X, y, X_val=X, y_val=y)
    logs = [{name: curve[epoch] for name, curve in model.history_.items()} for epoch in (0, 1)]
    assert calls == ["begin", 0, logs[0], 1, logs[1], "end"]


def test_early_stopping_callback_stops_each_fit_alike(small, sequences):
    stop = keras.callbacks.EarlyStopping(monitor="loss", min_delta=1e9, patience=3)
    model = small(epochs=10, callbacks=[stop])
    assert [model.fit(*sequences).n_iter_ for _ in range(3)] == [4, 4, 4]
    assert not hasattr(stop, "wait") or stop.wait == 0
    assert stop.stopped_epoch == 0
    assert small(epochs=6).fit(*sequences).n_iter_ == 6


def test_early_stopping_callback_restores_the_best_weights(small, sequences):
    (X, y), validation = opposed(sequences)
    stop = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    model = small(**PLAIN, epochs=20, learning_rate=0.03, callbacks=[stop])
    model.fit(X, y, **validation)
    errors = (model.predict(validation["X_val"]) - validation["y_val"]) ** 2
    assert model.n_iter_ < 20
    np.testing.assert_allclose(errors.mean(), min(model.validation_loss_curve_), rtol=1e-5)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (lambda epoch: 0.1 / (epoch + 1), [0.1, 0.05, 0.1 / 3]),
        (lambda epoch: 0.1 * epoch, [0.0, 0.1, 0.2]),
        (lambda epoch, rate: rate, [0.04, 0.04, 0.04]),
        (lambda epoch, rate: rate / 2, [0.02, 0.01, 0.005]),
    ],
    ids=["absolute", "warm-up", "unchanged", "halved"],
)
def test_learning_rate_scheduler_sets_the_rate_as_in_keras(small, sequences, schedule, expected):
    """In Keras the rate that the schedule is given is the one it set before."""
    params = {"epochs": 3, "learning_rate": 0.04, "learning_rate_schedule": "constant"}
    scheduler = keras.callbacks.LearningRateScheduler(schedule)
    model = small(**params, callbacks=[scheduler]).fit(*sequences)
    np.testing.assert_allclose(model.history_["learning_rate"], expected, rtol=1e-5)

    network = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    network.compile(keras.optimizers.SGD(0.04), "mse")
    history = network.fit(*sequences, epochs=3, callbacks=[scheduler], verbose=0).history
    np.testing.assert_allclose(history["learning_rate"], expected, rtol=1e-5)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_reducing_on_plateau_halves_the_rate_of_the_epochs_after(small, sequences, schedule):
    reduce = keras.callbacks.ReduceLROnPlateau(
        monitor="loss", factor=0.5, patience=1, min_delta=1e9, min_lr=0
    )
    params = {"epochs": 4, "learning_rate": 0.04, "learning_rate_schedule": schedule}
    model = small(**params, callbacks=[reduce])
    plain = np.array(small(**params).fit(*sequences).history_["learning_rate"])
    for _ in range(2):
        rates = model.fit(*sequences).history_["learning_rate"]
        np.testing.assert_allclose(rates, plain * [1, 1, 1 / 2, 1 / 4], rtol=1e-5)


def test_callback_classes_are_called(small, sequences):
    made = []

    class Counter(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.n_epochs = 0
            made.append(self)

        def on_epoch_end(self, epoch, logs=None):
            self.n_epochs += 1

    model = small(epochs=3, callbacks=[Counter])
    model.fit(*sequences)
    model.fit(*sequences)
    assert [counter.n_epochs for counter in made] == [3, 3]


def test_callbacks_that_only_watch_change_nothing(small, sequences):
    X, y = sequences
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    watched = small(epochs=3, callbacks=[watch]).fit(X, y)
    np.testing.assert_array_equal(watched.predict(X), small(epochs=3).fit(X, y).predict(X))


# Progress and divergence


def test_progress_bar_is_shown_on_stderr(small, sequences, capsys):
    small(epochs=2, verbose=1).fit(*sequences)
    out, err = capsys.readouterr()
    assert out == ""
    assert "2/2" in err
    assert "loss=" in err


def test_nothing_is_printed_unless_asked(small, sequences, capsys):
    small(epochs=2, verbose=0).fit(*sequences).predict(sequences[0])
    assert capsys.readouterr() == ("", "")


def test_divergence_names_the_epoch_and_leaves_the_estimator(small, sequences):
    X, y = sequences
    params = {"optimizer": "sgd", "learning_rate": 1e30, "clipnorm": None, "standardize": False}
    model = small(epochs=1, **PLAIN).fit(X, y)
    before = model.predict(X)
    model.set_params(**params, epochs=10)
    with pytest.raises(TrainingDivergedError, match=r"diverged in epoch \d+:.*now 1e\+30"):
        model.fit(X, y)
    np.testing.assert_array_equal(model.predict(X), before)


def test_diverged_epoch_is_counted_from_one(small, sequences):
    X, _ = sequences
    model = small(standardize=False, epochs=3)
    with pytest.raises(TrainingDivergedError, match="in epoch 1: loss="):
        model.fit(X, np.full(40, 1e30))


def test_learning_rate_of_train_begin_counts(sequences, small):
    class Warmup(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.base = float(self.model.optimizer.learning_rate)

        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = self.base * min(1, (epoch + 1) / 3)

    X, y = sequences
    params = {"learning_rate": 0.03, "learning_rate_schedule": "constant", "epochs": 4}
    rates = small(callbacks=[Warmup], **params).fit(X, y).history_["learning_rate"]
    np.testing.assert_allclose(rates, [0.01, 0.02, 0.03, 0.03], rtol=1e-6)


def test_small_steady_gains_add_up_to_one_that_counts(sequences, small):
    X, y = sequences
    params = {"epochs": 30, "early_stopping": True, "n_iter_no_change": 30, "learning_rate": 1e-3}
    losses = small(tol=0.0, **params).fit(X, y).validation_loss_curve_
    tol = 0.4 * (losses[0] - min(losses))
    model = small(tol=tol, **params).fit(X, y)
    counted = losses[0]
    for loss in losses:
        counted = loss if loss < counted - tol else counted
    assert counted < losses[0]
    assert max(-np.diff(losses)) < tol
    assert model.best_loss_ == pytest.approx(counted)


def test_partial_fit_keeps_what_callbacks_do_to_the_parameters(sequences, small):
    class Zero(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            for weight in self.model.weights:
                weight.assign(0.0 * weight)

    model = small(callbacks=[Zero]).partial_fit(*sequences)
    assert all((value == 0).all() for value in model.parameters_.values())


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin", "on_epoch_end"])
def test_training_goes_on_from_the_parameters_that_callbacks_set(sequences, small, hook):
    class SetOnce(keras.callbacks.Callback):
        done = False

        def set_once(self, *_):
            for weight in () if self.done else self.model.trainable_variables:
                weight.assign(0.0 * weight + 0.125)
            self.done = True

    setattr(SetOnce, hook, SetOnce.set_once)
    model = small(callbacks=[SetOnce], epochs=3, learning_rate=1e-12, weight_decay=0.0)
    for name, value in model.fit(*sequences).parameters_.items():
        np.testing.assert_allclose(value, 0.125, rtol=1e-6, err_msg=name)
