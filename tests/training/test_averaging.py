"""The running average of the parameters, weight decay, epochs, and where training starts."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skattn import _training
from skattn._inputs.sequences import Sequences
from skattn._programs.program import Program
from skattn._programs.spec import make_spec
from skattn._training.samples import TrainingRows
from skattn._training.settings import Recipe

UNTRAINED = {"learning_rate": 1e-30, "weight_decay": 0.0, "epochs": 1}


def parameters(model):
    return {name: value.astype("float64") for name, value in model.parameters_.items()}


def recipe(**changes):
    return Recipe(**{"epochs": "auto", "batch_size": 10, "learning_rate": 0.01, **changes})


def rows_of_weights(weights, n_train):
    return TrainingRows(X=None, y=None, weights=np.asarray(weights, float), n_train=n_train)


# The average


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "rmsprop", "sgd"])
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


def test_without_momentum_the_parameters_are_the_optimizers_own():
    program, data, batches, validation = a_program()
    program.load(program.draw_parameters(np.random.RandomState(0)))
    program.start()
    settings = tuple(map(np.float32, (0.1, 1.0, 0.5, 0.0)))
    program.train_epoch(data, batches, validation, np.full(3, 0.1, "float32"), settings)
    moved = program.optimizer_state()[-len(program.network.trainable_variables) :]
    for variable, value in zip(program.network.trainable_variables, moved, strict=True):
        assert_array_equal(variable.numpy(), value)


def a_program():
    """Return a program with three batches of two sequences, and nothing to validate."""
    program = Program(
        make_spec(
            attention="dot",
            bidirectional=False,
            dense_units=None,
            dropout=0.0,
            n_features=1,
            units=3,
            optimizer="adamw",
        )
    )
    table = np.random.default_rng(0).normal(size=(24, 1)).astype("float32")
    X = Sequences(table, np.arange(0, 24, 4), np.full(6, 4), 4)
    data = program.tensors(X, table[3::4])
    batches = np.arange(6, dtype="int32").reshape(3, 2), np.full((3, 2), 0.5, "float32")
    none = np.zeros((0, 1), "int32"), np.zeros((0, 1), "float32")
    return program, data, (*batches, np.full(3, 1 / 3, "float32")), none


def test_going_on_from_the_state_is_going_on():
    program, data, batches, validation = a_program()
    drawn = program.draw_parameters(np.random.RandomState(0))
    settings = tuple(map(np.float32, (0.1, 1.0, 0.5, 0.99)))
    rates, ends = np.full(3, 0.05, "float32"), []
    for interrupted in (False, True):
        program.load(drawn)
        program.start()
        for _ in range(4):
            program.train_epoch(data, batches, validation, rates, settings)
            if interrupted:
                kept, state = program.parameters(), program.optimizer_state()
                program.load(drawn)
                program.start()
                program.train_epoch(data, batches, validation, rates, settings)  # someone else
                program.load(kept)
                program.start(optimizer_state=state)
        ends.append([*program.parameters().values(), *program.optimizer_state()])
    for one, other in zip(*ends, strict=True):
        assert_array_equal(one, other)


def test_the_average_is_what_is_validated_kept_and_predicts(sequences, small):
    X, y = sequences
    params = {"epochs": 6, "learning_rate": 0.1, "early_stopping": False}
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
    ("weights", "n_train", "expected"),
    [
        (np.ones(100), 100, 0.5),
        (np.ones(10_000), 10_000, 0.5),
        (np.ones(20_000), 20_000, 0.25),
        (np.ones(60_000), 50_000, 0.1),  # validation rows do not count
        (np.full(20, 1000.0), 20, 0.5),  # rows count, however much they weigh
    ],
)
def test_auto_decay_is_a_prior(weights, n_train, expected):
    settled = recipe(weight_decay="auto").settled(rows_of_weights(weights, n_train))
    assert settled.weight_decay == expected
    given = recipe(weight_decay=0.3).settled(rows_of_weights(weights, n_train))
    assert given.weight_decay == 0.3
    assert recipe().settled(rows_of_weights(weights, n_train)).weight_decay == 0.004


def test_auto_decay_trains_as_the_number(sequences, small, monkeypatch):
    def predicted(decay, target_feature=0):
        model = small(weight_decay=decay, target_feature=target_feature)
        return model.fit(*sequences).predict(sequences[0])

    assert_array_equal(predicted("auto"), predicted(0.5))
    assert not np.array_equal(predicted("auto"), predicted(0.4))
    monkeypatch.setattr(_training, "DECAY_OF_ONE_SAMPLE", 8.0)
    assert_array_equal(predicted("auto"), predicted(0.2))
    assert_array_equal(predicted("auto", None), predicted(0.0, None))  # nothing to continue


# Equal rows are merged, so a row counts as one for the prior, however often it stands there.
@pytest.mark.parametrize("times", [[2] * 40, [1, 2] * 20])
def test_with_auto_decay_weights_equal_repetition(sequences, small, monkeypatch, times):
    X, y = sequences
    monkeypatch.setattr(_training, "DECAY_OF_ONE_SAMPLE", 10.0)
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
    ("n_rows", "epochs"),
    [(1, 100), (1000, 100), (1001, 99), (5000, 20), (20_000, 5), (10**6, 5)],
)
def test_auto_epochs(n_rows, epochs):
    rows = rows_of_weights(np.ones(n_rows + 7), n_train=n_rows)
    assert recipe().settled(rows).epochs == epochs
    assert recipe(epochs=3).settled(rows).epochs == 3
    assert replace(recipe(), batch_size=10**9).settled(rows).epochs == 100


def test_auto_epochs_of_a_fit(sequences, small, monkeypatch):
    X, y = sequences
    assert small(epochs="auto").fit(X, y).n_iter_ == 100
    monkeypatch.setattr(_training, "AUTO_STEPS", 40)
    model = small(epochs="auto", batch_size=8, early_stopping=False, verbose=0).fit(X, y)
    assert model.n_iter_ == 8
    assert model.partial_fit(X, y).n_iter_ == 9
    explicit = small(epochs=8, batch_size=8).fit(X, y)
    assert explicit.loss_curve_ == model.loss_curve_[:8]
    assert small(epochs="auto", batch_size=1).fit(X, y).n_iter_ == 5
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
