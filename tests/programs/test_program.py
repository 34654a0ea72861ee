"""Compiled programs: traced once, lent to one, equal to plain Keras."""

import random
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from conftest import sequences_of, spaced
from skattn import clear_programs
from skattn._programs.pool import ProgramPool, pool
from skattn._programs.program import LOSSES, Program, _padded
from skattn._programs.spec import make_spec
from skattn._training.settings import KERAS_DECAY


def spec(attention="additive", **params):
    defaults = {"n_features": 2, "units": 4, "bidirectional": False}
    defaults |= {"dense_units": None, "dropout": 0.0}
    return make_spec(attention=attention, **{**defaults, **params})


def drawn_for(borrowed, seed=0):
    """Return drawn parameters, also of the output, which begins at 0 and so hides the network."""
    rng, drawn = np.random.default_rng(seed), borrowed.draw_parameters(np.random.RandomState(seed))
    for name in ("output/kernel", "output/bias"):
        drawn[name] = rng.uniform(-0.5, 0.5, drawn[name].shape).astype("float32")
    return drawn


@pytest.fixture(scope="module")
def program():
    made = Program(spec(attention="general", n_layers=2, bidirectional=True, units=5))
    made.load(drawn_for(made))
    return made


def n_traces(name):
    return [program.n_traces[name] for program in pool.idle()]


# Traces


def test_folds_of_uneven_size_share_one_trace(small, sequences):
    clear_programs()
    X, y = sequences
    model = small(batch_size=8)
    cross_val_score(model, X[:37], y[:37], cv=KFold(5))
    model.fit(X[:, :4], y).predict(X[:3, :2])
    assert n_traces("train_epoch") == n_traces("predict") == [1]


@pytest.mark.slow
def test_searching_over_numbers_traces_once(small, sequences):
    clear_programs()
    grid = [
        {"learning_rate": [1e-3, 1e-2], "learning_rate_schedule": ["constant", "cosine"]},
        {"batch_size": [5, 64], "early_stopping": [True, False]},
        {"dropout": [0.1, 0.4], "random_state": [1, 2]},
        {"epochs": [1, 3], "clipnorm": [None, 0.5]},
        {"weight_decay": [None, 0.1], "quantile": [0.1, 0.9]},
        {"ema_momentum": [0.0, 0.9], "n_members": [1, 2]},
    ]
    model = small(dropout=0.2, optimizer="adamw", loss="quantile")
    GridSearchCV(model, grid, cv=KFold(3), error_score="raise").fit(*sequences)
    assert n_traces("train_epoch") == n_traces("predict") == [1]


def test_each_spec_has_its_program(small, sequences):
    clear_programs()
    for attention in ("mean", "dot", "mean", "dot"):
        small(attention, epochs=1).fit(*sequences)
    assert [p.spec.attention for p in pool.idle()] == ["mean", "dot"]
    assert n_traces("train_epoch") == [1, 1]


# The pool


def test_pool_drops_the_longest_unused():
    small_pool = ProgramPool(capacity=2)
    specs = [spec("mean", units=units) for units in (1, 2, 3)]
    for used in (specs[0], specs[1], specs[0], specs[2]):
        with small_pool.borrow(used):
            pass
    assert [p.spec for p in small_pool.idle()] == [specs[0], specs[2]]


def test_program_is_lent_to_one_borrower_at_a_time():
    lending = ProgramPool(capacity=4)
    with lending.borrow(spec("mean")) as first, lending.borrow(spec("mean")) as second:
        assert first is not second
        assert lending.idle() == []
    with lending.borrow(spec("mean")) as again:
        assert again in (first, second)


def test_threads_get_programs_of_their_own():
    lending, both_have_one, seen = ProgramPool(capacity=4), threading.Barrier(2, timeout=60), []

    def work():
        with lending.borrow(spec("mean")) as borrowed:
            seen.append(borrowed)
            both_have_one.wait()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen[0] is not seen[1]
    assert set(map(id, lending.idle())) == set(map(id, seen))


def test_program_comes_back_after_an_error():
    lending = ProgramPool(capacity=1)
    with pytest.raises(ZeroDivisionError), lending.borrow(spec("mean")) as borrowed:
        _ = 1 / 0
    assert lending.idle() == [borrowed]


def test_clear_programs_empties_the_pool():
    with pool.borrow(spec("mean")):
        pass
    assert pool.idle()
    clear_programs()
    assert pool.idle() == []


# Predictions


@pytest.mark.parametrize("attention", [None, "general", "hierarchical"])
def test_row_does_not_depend_on_the_rows_beside_it(attention):
    borrowed = Program(spec(attention, units=7))
    parameters = drawn_for(borrowed)
    X = np.random.default_rng(0).normal(size=(40, 6, 2)).astype("float32")
    X[::3, 4:] = np.nan
    whole = borrowed.predict(parameters, sequences_of(X))
    assert len(np.unique(whole)) == 40
    for n_rows in range(1, 41):
        alone = borrowed.predict(parameters, sequences_of(X[-n_rows:]))
        np.testing.assert_array_equal(alone, whole[-n_rows:])


def test_large_inputs_are_predicted_in_chunks(monkeypatch, program):
    X = sequences_of(np.random.default_rng(0).normal(size=(50, 6, 2)).astype("float32"))
    whole = program.predict(program.parameters(), X)
    assert len(np.unique(whole)) == 50
    monkeypatch.setattr("skattn._programs.program.CHUNK_BYTES", 1)
    assert program.rows_at_once(6) == 16
    np.testing.assert_array_equal(program.predict(program.parameters(), X), whole)


def test_parameters_of_another_shape_are_refused(program):
    """A transposed kernel has as many values, and would be read as another one."""
    X = sequences_of(np.zeros((3, 6, 2), "float32"))
    turned = program.parameters() | {"output/kernel": program.parameters()["output/kernel"].T}
    with pytest.raises(ValueError, match=r"'output/kernel' must have shape \(20, 1\).*\(1, 20\)"):
        program.predict(turned, X)


# One step of training


def overlapping_windows():
    """Return 12 float32 windows of every second row; rows 3 and 4 of their table are absent."""
    layout = spaced(n_samples=12, n_timesteps=5, dilation=2)
    table = np.random.default_rng(0).normal(size=(layout.n_rows, 2)).astype("float32")
    table[3:5] = np.nan
    return layout.windows_of(table)


def test_programs_gather_the_sequences_that_numpy_gathers(program):
    X = sequences_of(overlapping_windows())
    rows = np.array([7, 1, 1, 0, 3])
    *tensors, _ = program.tensors(X, np.zeros((12, 1), "float32"))
    gathered = _padded(tensors, rows)
    np.testing.assert_array_equal(gathered, X.padded(rows))


def test_overlapping_windows_train_as_their_copies_do():
    X, y = overlapping_windows(), np.random.default_rng(1).normal(size=(12, 1))
    borrowed = Program(spec("mean"))
    trained = []
    for windows in (X, X.copy()):
        borrowed.load(drawn_for(borrowed))
        borrowed.start()
        trained.append((one_batch(borrowed, windows, y, n_steps=3), borrowed.parameters()))
    assert trained[0][0] == trained[1][0]
    for name, value in trained[0][1].items():
        np.testing.assert_array_equal(value, trained[1][1][name])


def adamw_of_matrices():
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=KERAS_DECAY)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
    "adam": lambda: keras.optimizers.Adam(0.01),
    "adamw": adamw_of_matrices,
    "rmsprop": lambda: keras.optimizers.RMSprop(0.01),
}


def one_batch(
    borrowed, X, y, weights=None, learning_rate=0.01, clipnorm=np.inf, n_steps=1, momentum=0.0
):
    """Train on all rows as one batch, `n_steps` times; return the losses."""
    n_rows = len(X)
    weights = np.full(n_rows, 1 / n_rows) if weights is None else weights
    rows = np.tile(np.arange(n_rows, dtype="int32"), (n_steps, 1))
    batches = rows, np.tile(weights, (n_steps, 1)).astype("float32")
    shares = np.full(n_steps, 1 / n_steps, "float32")
    validation = rows[:1], batches[1][:1]
    rates = np.full(n_steps, learning_rate, "float32")
    settings = tuple(map(np.float32, (KERAS_DECAY, clipnorm, 0.3, momentum)))
    data = borrowed.tensors(sequences_of(X.astype("float32")), y.astype("float32"))
    return borrowed.train_epoch(data, (*batches, shares), validation, rates, settings)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_steps_are_those_of_plain_keras(optimizer):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 5, 2)).astype("float32"), rng.normal(size=(6, 1)).astype("float32")
    borrowed = Program(spec("dot", optimizer=optimizer))
    drawn = drawn_for(borrowed)
    borrowed.load(drawn)
    borrowed.start()
    one_batch(borrowed, X, y, n_steps=3)

    inputs = keras.Input((None, 2))
    states = keras.layers.LSTM(4, return_sequences=True)(inputs)
    query = states[:, -1]
    scores = keras.ops.einsum("nd,ntd->nt", query, states) / 2.0
    context = keras.ops.einsum("nt,ntd->nd", keras.ops.softmax(scores), states)
    head = keras.layers.Dense(1)(keras.ops.concatenate([query, context], axis=-1))
    plain = keras.Model(inputs, head)
    plain.set_weights(list(drawn.values()))
    plain.compile(loss="mse", optimizer=OPTIMIZERS[optimizer](), jit_compile=False)
    for _ in range(3):
        plain.train_on_batch(X, y)

    for name, ours, theirs in zip(
        drawn, borrowed.parameters().values(), plain.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5, err_msg=name)
        assert not np.allclose(ours, drawn[name], atol=1e-3)


def test_start_forgets_the_last_fit():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 5, 2)), rng.normal(size=(6, 1))
    borrowed = Program(spec("mean", dropout=0.5, n_layers=2))
    drawn = drawn_for(borrowed)

    def fit():
        borrowed.load(drawn)
        borrowed.start(dropout=0.5, seed=3)
        one_batch(borrowed, X, y, n_steps=3, momentum=0.9)
        return borrowed.parameters(), borrowed.optimizer_state()

    (first, slots), (second, other_slots) = fit(), fit()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    for slot, other in zip(slots, other_slots, strict=True):
        np.testing.assert_array_equal(slot, other)


def test_state_of_the_optimizer_ends_with_the_parameters_that_it_moves():
    """Without momentum the network's parameters are those, and no average of them."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 5, 2)), rng.normal(size=(6, 1))
    borrowed = Program(spec("mean"))
    drawn = drawn_for(borrowed)
    states = []
    for momentum in (0.0, 0.9):
        borrowed.load(drawn)
        borrowed.start()
        one_batch(borrowed, X, y, n_steps=3, momentum=momentum)
        states.append((list(borrowed.parameters().values()), borrowed.optimizer_state()))
    (moved, plain_state), (averaged, state) = states
    assert len(state) == 2 + 3 * len(moved)  # Adam's two counters and two slots
    for ours, plain, value, mean in zip(
        state[-len(moved) :], plain_state[-len(moved) :], moved, averaged, strict=True
    ):
        np.testing.assert_array_equal(plain, value)
        np.testing.assert_array_equal(ours, value)  # averaging moves nothing else
        assert not np.array_equal(mean, value)


def test_rows_of_weight_zero_do_not_train():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 5, 2)), rng.normal(size=(6, 1))
    borrowed = Program(spec("mean"))
    trained = []
    for last in (0.0, 100.0):
        borrowed.load(drawn_for(borrowed))
        borrowed.start()
        X[-1], y[-1] = last, last
        one_batch(borrowed, X, y, weights=np.array([0.2, 0.2, 0.2, 0.2, 0.2, 0.0]))
        trained.append(borrowed.parameters())
    for name in trained[0]:
        np.testing.assert_array_equal(trained[0][name], trained[1][name])


# Losses


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("squared_error", [0.25, 9.0, 4.0]),
        ("absolute_error", [0.5, 3.0, 2.0]),
        ("huber", [0.125, 2.5, 1.5]),
        ("quantile", [0.15, 2.1, 0.6]),
    ],
)
def test_losses_by_hand(loss, expected):
    """Errors y - p of 0.5, -3 and 2, with the quantile 0.3."""
    y, p = tf.constant([1.0, 0.0, 2.0]), tf.constant([0.5, 3.0, 0.0])
    np.testing.assert_allclose(LOSSES[loss](y, p, 0.3), expected, rtol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_reported_loss_is_the_weighted_mean_over_rows_and_outputs(loss):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(4, 5, 2)).astype("float32"), rng.normal(size=(4, 3)).astype("float32")
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    borrowed = Program(spec("mean", loss=loss, n_outputs=3))
    parameters = drawn_for(borrowed)
    borrowed.load(parameters)
    borrowed.start()
    errors = y - borrowed.predict(parameters, sequences_of(X))
    formula = {
        "squared_error": errors**2,
        "absolute_error": np.abs(errors),
        "huber": np.where(np.abs(errors) < 1, errors**2 / 2, np.abs(errors) - 0.5),
        "quantile": np.where(errors > 0, 0.3 * errors, -0.7 * errors),
    }[loss]
    reported = one_batch(borrowed, X, y, weights, learning_rate=0.0)
    np.testing.assert_allclose(reported, weights @ formula.mean(axis=1), rtol=1e-5)


# Clipping


def test_step_of_sgd_is_bounded_by_clipnorm():
    """A first Nesterov step is (1 + 0.9) · learning rate · gradient."""
    X, y = np.ones((4, 5, 2)), np.full((4, 1), 1e4)
    borrowed = Program(spec("mean", optimizer="sgd"))
    drawn = drawn_for(borrowed)
    borrowed.load(drawn)
    borrowed.start()
    one_batch(borrowed, X, y, learning_rate=0.1, clipnorm=0.5)
    for name, value in borrowed.parameters().items():
        np.testing.assert_allclose(
            np.linalg.norm(value - drawn[name]), 1.9 * 0.1 * 0.5, rtol=1e-3, err_msg=name
        )


# Initial parameters


def test_recurrent_kernels_are_drawn_orthogonal(program):
    drawn = program.draw_parameters(np.random.RandomState(0))
    kernels = [value for name, value in drawn.items() if name.endswith("recurrent_kernel")]
    assert len(kernels) == 4
    for kernel in kernels:
        np.testing.assert_allclose(kernel @ kernel.T, np.eye(5), atol=1e-5)


def test_the_output_begins_at_zero_so_that_a_first_prediction_is_the_mean(program):
    drawn = program.draw_parameters(np.random.RandomState(0))
    assert not drawn["output/kernel"].any()
    assert not drawn["output/bias"].any()


def test_other_matrices_are_drawn_within_glorots_bounds(program):
    drawn = program.draw_parameters(np.random.RandomState(0))
    del drawn["output/kernel"]
    for name, value in drawn.items():
        if value.ndim == 2 and not name.endswith("recurrent_kernel"):
            limit = np.sqrt(6 / sum(value.shape))
            assert 0.7 * limit < np.abs(value).max() <= limit, name


def test_only_the_forget_gate_has_a_bias_of_one(program):
    for name, value in program.draw_parameters(np.random.RandomState(0)).items():
        if value.ndim == 1:
            expected = np.repeat([0, 1, 0, 0], 5) if "lstm" in name else np.zeros(1)
            np.testing.assert_array_equal(value, expected)


def test_draw_depends_on_the_seed_alone(program):
    twin = Program(program.spec)
    first, second, other = (
        p.draw_parameters(np.random.RandomState(seed))
        for p, seed in ((program, 0), (twin, 0), (program, 1))
    )
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])
        fixed = value.ndim == 1 or name == "output/kernel"
        assert fixed or not np.array_equal(value, other[name])


def test_parameters_load_and_come_back(program):
    drawn = program.draw_parameters(np.random.RandomState(5))
    program.load(drawn)
    for name, value in program.parameters().items():
        np.testing.assert_array_equal(value, drawn[name])


def test_global_generators_are_untouched(small, sequences):
    def draws():
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        tf.random.set_seed(1)
        yield
        yield random.random(), np.random.random(), float(tf.random.uniform(()))  # noqa: NPY002

    undisturbed, disturbed = draws(), draws()
    next(undisturbed)
    expected = next(undisturbed)
    next(disturbed)
    clear_programs()
    small(dropout=0.2).fit(*sequences)
    assert next(disturbed) == expected
