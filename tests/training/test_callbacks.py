"""Callbacks are the user's own objects, which hear one training as Keras tells it."""

import io
import pickle
import queue
import threading

import keras
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skattn import LSTMAttentionRegressor, TrainingDivergedError

CONSTANT = {"learning_rate": 0.04, "learning_rate_schedule": "constant"}


class Spy(keras.callbacks.Callback):
    """Keeps what it hears, and the first weight of the model that it sees."""

    def __init__(self):
        super().__init__()
        self.heard, self.weights = [], []

    def on_train_begin(self, logs=None):
        self.heard.append(("begin", dict(logs)))

    def on_epoch_begin(self, epoch, logs=None):
        self.heard.append((epoch, dict(logs)))

    def on_epoch_end(self, epoch, logs=None):
        self.heard.append((epoch, dict(logs)))
        self.weights.append(self.model.get_weights()[0])

    def on_train_end(self, logs=None):
        self.heard.append(("end", dict(logs)))


def curves(model):
    """Return what a callback hears of each epoch."""
    found = {"loss": model.loss_curve_, "learning_rate": model.learning_rate_curve_}
    if model.validation_loss_curve_ is not None:
        found["val_loss"] = model.validation_loss_curve_
    return [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]


# The objects themselves


@pytest.mark.parametrize("n_members", [1, 3])
def test_the_object_that_was_passed_hears_each_epoch_once(small, sequences, n_members):
    """As Keras tells it: logs at the end of epochs and of training alone."""
    X, y = sequences
    spy = Spy()
    model = small(n_members=n_members, epochs=2, callbacks=[spy])
    model.fit(X, y, X_val=X, y_val=y + 1)
    first, last = curves(model)
    assert spy.heard == [("begin", {}), (0, {}), (0, first), (1, {}), (1, last), ("end", last)]
    assert spy.params == {"epochs": 2, "steps": 2, "verbose": 0}
    assert model.callbacks[0] is spy


def test_classes_are_made_anew_for_each_fit(small, sequences):
    made = []

    class Counter(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.n_epochs = 0
            made.append(self)

        def on_epoch_end(self, epoch, logs=None):
            self.n_epochs += 1

    model = small(epochs=3, callbacks=(Counter,))
    model.fit(*sequences).fit(*sequences)
    assert [counter.n_epochs for counter in made] == [3, 3]


@pytest.mark.parametrize("n_members", [1, 2])
def test_callbacks_that_only_watch_change_nothing(small, sequences, n_members):
    """Networks in step, an epoch of each at a time, are those that train freely."""
    X, y = sequences
    params = {"n_members": n_members, "epochs": 3, "dropout": 0.2}
    watched = small(**params, callbacks=[Spy()]).fit(X, y)
    plain = small(**params).fit(X, y)
    assert watched.loss_curve_ == plain.loss_curve_
    assert_array_equal(watched.predict(X), plain.predict(X))


def test_the_model_has_the_parameters_of_the_first_network(small, sequences):
    spy = Spy()
    model = small(n_members=2, epochs=3, ema_momentum=0.9, callbacks=[spy]).fit(*sequences)
    name = next(iter(model.parameters_))
    assert_array_equal(spy.weights[-1], model.parameters_[name][0])
    assert not np.array_equal(spy.weights[0], spy.weights[1])


class Holder(keras.callbacks.Callback):
    """Holds what can neither be copied nor pickled."""

    def __init__(self, held):
        super().__init__()
        self.held, self.losses = held, []

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(logs["loss"])


@pytest.mark.parametrize(
    "held", [threading.Lock(), queue.Queue(), io.StringIO(), iter([])], ids=type
)
def test_what_cannot_be_copied_is_called_as_well(small, sequences, held, tmp_path):
    with open(tmp_path / "log", "w") as stream:
        for callback in (Holder(held), Holder(stream)):
            model = small(callbacks=[callback]).fit(*sequences)
            assert callback.losses == model.loss_curve_


class PrunedError(Exception):
    """What a pruner raises."""


class Pruner(keras.callbacks.Callback):
    """Reports to a study of its own, and ends a trial whose loss is not among the best."""

    def __init__(self, study, by_error):
        super().__init__()
        self.study, self.by_error = study, by_error

    def on_epoch_end(self, epoch, logs=None):
        self.study.append(logs["val_loss"])
        if epoch == 1:
            if self.by_error:
                raise PrunedError(f"after epoch {epoch}")
            self.model.stop_training = True


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_pruner_that_raises_ends_the_fit_and_leaves_the_estimator(small, sequences, n_members):
    X, y = sequences
    pruner = Pruner([], by_error=True)
    model = small(n_members=n_members, epochs=9, callbacks=[pruner])
    before = dict(vars(model))
    with pytest.raises(PrunedError, match="after epoch 1"):
        model.fit(X, y, X_val=X, y_val=y)
    assert len(pruner.study) == 2
    assert pruner.model is None
    assert vars(model) == before


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_pruner_that_stops_ends_all_networks(small, sequences, n_members):
    X, y = sequences
    study = []
    params = {"n_members": n_members, **CONSTANT}
    model = small(**params, epochs=9, callbacks=[Pruner(study, by_error=False)])
    model.fit(X, y, X_val=X, y_val=y)
    shorter = small(**params, epochs=2).fit(X, y, X_val=X, y_val=y)
    assert model.n_iter_ == 2
    assert study == model.validation_loss_curve_ == shorter.validation_loss_curve_
    assert_array_equal(model.predict(X), shorter.predict(X))


def test_stopping_before_the_first_epoch_stops_after_it_as_in_keras(small, sequences):
    class Never(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.stop_training = True

    assert small(epochs=5, callbacks=[Never]).fit(*sequences).n_iter_ == 1


# Afterwards


def fails(model, X, y):
    with pytest.raises(TrainingDivergedError):
        model.set_params(learning_rate=1e30, clipnorm=None, optimizer="sgd").fit(X, y)


@pytest.mark.parametrize(
    "run", [LSTMAttentionRegressor.fit, LSTMAttentionRegressor.partial_fit, fails]
)
def test_no_network_stays_with_them(small, sequences, run):
    """So that clone and pickle of the estimator drag none along."""
    callbacks = [keras.callbacks.EarlyStopping(monitor="loss"), keras.callbacks.History(), Spy()]
    model = small(callbacks=callbacks)
    run(model, *sequences)
    assert [callback.model for callback in callbacks] == [None] * 3
    copied = pickle.loads(pickle.dumps(clone(model)))
    assert [type(callback) for callback in copied.callbacks] == [*map(type, callbacks)]
    assert copied.callbacks[2].heard == callbacks[2].heard != []


# Keras' own


def test_history_has_the_curves(small, sequences):
    history = keras.callbacks.History()
    model = small(n_members=2, epochs=3, callbacks=[history]).fit(*sequences)
    assert history.epoch == [0, 1, 2]
    assert history.history == {
        "loss": model.loss_curve_,
        "learning_rate": model.learning_rate_curve_,
    }


def test_early_stopping_waits_and_stops(small, sequences):
    stop = keras.callbacks.EarlyStopping(monitor="loss", min_delta=1e9, patience=3)
    model = small(n_members=2, epochs=10, callbacks=[stop])
    assert [model.fit(*sequences).n_iter_ for _ in range(2)] == [4, 4]
    assert (stop.wait, stop.stopped_epoch) == (3, 3)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("n_members", [1, 2])
def test_reducing_on_plateau_halves_the_rate_of_the_epochs_after(
    small, sequences, schedule, n_members
):
    reduce = keras.callbacks.ReduceLROnPlateau(
        monitor="loss", factor=0.5, patience=1, min_delta=1e9, min_lr=0
    )
    params = {"epochs": 4, "learning_rate": 0.04, "learning_rate_schedule": schedule}
    model = small(n_members=n_members, **params, callbacks=[reduce])
    plain = np.array(small(**params).fit(*sequences).learning_rate_curve_)
    for _ in range(2):
        rates = model.fit(*sequences).learning_rate_curve_
        assert_allclose(rates, plain * [1, 1, 1 / 2, 1 / 4], rtol=1e-5)


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
@pytest.mark.slow
def test_learning_rate_scheduler_sets_the_rate_as_in_keras(small, sequences, schedule, expected):
    """In Keras the rate that the schedule is given is the one it set before."""
    scheduler = keras.callbacks.LearningRateScheduler(schedule)
    model = small(epochs=3, **CONSTANT, callbacks=[scheduler]).fit(*sequences)
    assert_allclose(model.learning_rate_curve_, expected, rtol=1e-5)

    network = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    network.compile(keras.optimizers.SGD(0.04), "mse")
    history = network.fit(*sequences, epochs=3, callbacks=[scheduler], verbose=0).history
    assert_allclose(history["learning_rate"], expected, rtol=1e-5)


def test_the_learning_rate_of_train_begin_counts(sequences, small):
    class Warmup(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.base = float(self.model.optimizer.learning_rate)

        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = self.base * min(1, (epoch + 1) / 3)

    params = {"learning_rate": 0.03, "learning_rate_schedule": "constant", "epochs": 4}
    rates = small(callbacks=[Warmup], **params).fit(*sequences).learning_rate_curve_
    assert_allclose(rates, [0.01, 0.02, 0.03, 0.03], rtol=1e-6)


def test_csv_logger_writes_the_curves(small, sequences, tmp_path):
    X, y = sequences
    logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    model = small(n_members=2, epochs=3, callbacks=[logger]).fit(X, y, X_val=X, y_val=y)
    table = pd.read_csv(tmp_path / "log.csv", index_col="epoch")
    assert table.index.tolist() == [0, 1, 2]
    assert_allclose(table["val_loss"], model.validation_loss_curve_, rtol=1e-12)
    assert_allclose(table["loss"], model.loss_curve_, rtol=1e-12)


def test_model_checkpoint_writes_the_network_of_each_epoch(small, sequences, tmp_path):
    """In standardized units: scaled X in, scaled y out."""
    X, y = sequences
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}-{loss:.3f}.keras")
    model = small(epochs=2, ema_momentum=0.0, callbacks=[checkpoint]).fit(X, y)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"{n}-{loss:.3f}.keras" for n, loss in enumerate(model.loss_curve_, start=1)]
    network = keras.saving.load_model(tmp_path / names[-1])
    features, targets = model.feature_statistics_, model.target_statistics_
    scaled = ((X - features.mean) / features.scale).astype("float32")
    predicted = targets.undo(np.array(network(scaled)["prediction"]))
    assert_allclose(predicted[:, 0], model.predict(X), rtol=1e-4, atol=1e-5)


def test_progbar_logger_prints_each_epoch(small, sequences, capsys):
    small(epochs=2, verbose=1, callbacks=[keras.callbacks.ProgbarLogger()]).fit(*sequences)
    printed = capsys.readouterr().out
    assert "Epoch 1/2" in printed
    assert "Epoch 2/2" in printed
    assert printed.count("- loss: ") == 2


def test_bars_of_tqdm_count_epochs(small, sequences, capsys):
    from tqdm.keras import TqdmCallback

    model = small(n_members=2, epochs=3, callbacks=[TqdmCallback(verbose=0)]).fit(*sequences)
    shown = capsys.readouterr().err
    assert "3/3" in shown
    assert f"loss={model.loss_curve_[-1]:.3g}" in shown


# What they may not do


@pytest.mark.parametrize(
    "hook", ["on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_end"]
)
def test_a_callback_that_changes_a_weight_is_refused(small, sequences, hook):
    def spoil(self, *_):
        self.model.weights[-1].assign(np.ones(1))

    spoiler = type("Spoiler", (keras.callbacks.Callback,), {hook: spoil})()
    model = small(callbacks=[spoiler])
    with pytest.raises(
        ValueError, match=rf"changed the weight 'output/bias' in {hook}.*early_stop"
    ):
        model.fit(*sequences)
    assert spoiler.model is None
    assert not hasattr(model, "parameters_")


def test_restoring_the_best_weights_is_refused_and_early_stopping_named(small, sequences):
    X, y = sequences
    stop = keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)
    model = small(epochs=20, learning_rate=0.1, callbacks=[stop])
    with pytest.raises(
        ValueError, match=r"use early_stopping=True, in the place of EarlyStopping\("
    ):
        model.fit(X, y, X_val=X, y_val=-y)


def test_a_callback_that_freezes_layers_changes_no_later_fit(sequences, small):
    class Freeze(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.get_layer("lstm_1").trainable = False

    X, y = sequences
    expected = small().fit(X, y).predict(X)
    small(callbacks=[Freeze]).fit(X, y)
    assert_array_equal(small().fit(X, y).predict(X), expected)
