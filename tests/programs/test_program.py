"""Compiled programs: traced once, shared by all, pure, equal to plain Keras."""

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

import skattn
from conftest import program_of, sequences_of, spaced, spec_of, windows_on
from skattn._programs.flows import Batches, Settings
from skattn._programs.pool import ProgramPool
from skattn._programs.program import LOSSES, Program, _padded
from skattn._programs.spec import REGRESSION_LOSSES
from skattn._training.settings import NO_CLIPNORM

DECAY, QUANTILE = 0.01, 0.3


def drawn_for(program, seed=0):
    """Return drawn parameters, also of the output, which begins at 0 and so hides the network."""
    rng, drawn = np.random.default_rng(seed), program.draw_parameters(np.random.RandomState(seed))
    for name in ("output/kernel", "output/bias"):
        drawn[name] = rng.uniform(-0.5, 0.5, drawn[name].shape).astype("float32")
    return drawn


@pytest.fixture(scope="module")
def program():
    return program_of(spec_of("general", n_layers=2, bidirectional=True, units=5))


@pytest.fixture(scope="module")
def mean():
    """Return the program that most tests of training steps share."""
    return program_of(spec_of("mean"))


def random_samples(n_samples=6, n_outputs=1, seed=0):
    rng = np.random.default_rng(seed)
    shapes = (n_samples, 5, 2), (n_samples, n_outputs)
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


def one_batch(
    program, state, X, y, weights=None, rate=0.01, clipnorm=NO_CLIPNORM, n_steps=1, momentum=0.0
):
    """Train on all samples as one batch, `n_steps` times; return what an epoch returns."""
    n_samples = len(X)
    weights = np.full(n_samples, 1 / n_samples) if weights is None else weights
    samples = np.tile(np.arange(n_samples, dtype="int32"), (n_steps, 1))
    weights = np.tile(weights, (n_steps, 1)).astype("float32")
    batches = Batches(samples, weights, np.full(n_steps, 1 / n_steps, "float32"))
    validation = Batches(samples[:1], weights[:1], np.ones(1, "float32"))
    rates = np.full(n_steps, rate, "float32")
    settings = Settings(*map(np.float32, (DECAY, clipnorm, QUANTILE, momentum)))
    data = program.tensors(sequences_of(X.astype("float32")), y.astype("float32"))
    return program.train_epoch(state, data, batches, validation, rates, settings)


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


# Traces


def n_traces(pool, name):
    return [program.n_traces[name] for program in pool.programs()]


def test_folds_of_uneven_size_share_one_trace(small, sequences, own_pool):
    X, y = sequences
    model = small(batch_size=8)
    cross_val_score(model, X[:37], y[:37], cv=KFold(5))
    model.fit(X[:, :4], y).predict(X[:3, :2])
    assert n_traces(own_pool, "train_epoch") == n_traces(own_pool, "predict") == [1]


def test_searching_over_numbers_traces_once(small, sequences, own_pool):
    grid = [
        {"learning_rate": [1e-3], "learning_rate_schedule": ["constant", "cosine"]},
        {"batch_size": [5, 64], "early_stopping": [True, False]},
        {"dropout": [0.1, 0.4], "random_state": [1]},
        {"epochs": [1, 3], "clipnorm": [None, 0.5]},
        {"weight_decay": [None, 0.1], "quantile": [0.1]},
        {"ema_momentum": [0.0, 0.9], "n_members": [1, 2]},
    ]
    model = small(dropout=0.2, epochs=1, loss="quantile")
    GridSearchCV(model, grid, cv=KFold(2), error_score="raise").fit(*sequences)
    assert n_traces(own_pool, "train_epoch") == n_traces(own_pool, "predict") == [1]


def test_each_spec_has_its_program(small, sequences, own_pool):
    for attention in ("mean", "dot", "mean", "dot"):
        small(attention, epochs=1).fit(*sequences)
    assert [p.spec.attention for p in own_pool.programs()] == ["mean", "dot"]
    assert n_traces(own_pool, "train_epoch") == [1, 1]


# The pool


def test_the_pool_drops_the_longest_unused():
    pool = ProgramPool(capacity=2)
    specs = [spec_of("mean", units=units) for units in (1, 2, 3)]
    for used in (specs[0], specs[1], specs[0], specs[2]):
        pool.get(used)
    assert [p.spec for p in pool.programs()] == [specs[0], specs[2]]


def test_threads_get_one_program_which_is_traced_once():
    """Both ask at the same time, for the program and then for its first prediction."""
    pool, both, X = (
        ProgramPool(capacity=4),
        Barrier(2, timeout=60),
        sequences_of(np.ones((3, 4, 2))),
    )

    def work(_):
        both.wait()
        program = pool.get(spec_of("mean"))
        both.wait()
        return program, program.predict([drawn_for(program)], X.on(X.table.astype("float32")))

    with ThreadPoolExecutor(2) as threads:
        (program, one), (same_program, other) = threads.map(work, range(2))
    assert program is same_program
    assert program.n_traces["predict"] == 1
    np.testing.assert_array_equal(one, other)


def test_clearing_drops_the_programs_and_no_fitted_estimator(small, sequences, own_pool):
    model = small("mean").fit(*sequences)
    expected = model.predict(sequences[0])
    (program,) = own_pool.programs()
    skattn.clear_programs()
    assert own_pool.programs() == []
    np.testing.assert_array_equal(model.predict(sequences[0]), expected)
    assert own_pool.programs() != [program]


# Predictions


@pytest.mark.parametrize("attention", [None, "general", "hierarchical"])
def test_a_sample_depends_on_the_samples_beside_it_by_rounding_at_most(attention):
    program = program_of(spec_of(attention, units=7))
    networks = [drawn_for(program)]
    X = np.random.default_rng(0).normal(size=(40, 6, 2)).astype("float32")
    X[::3, 4:] = np.nan
    whole = program.predict(networks, sequences_of(X))
    assert len(np.unique(whole)) == 40
    for n_samples in (*range(1, 18), 31, 33, 40):
        alone = program.predict(networks, sequences_of(X[-n_samples:]))
        np.testing.assert_allclose(alone, whole[:, -n_samples:], rtol=1e-6, atol=1e-7)


def test_networks_are_predicted_side_by_side_as_each_alone(program):
    networks, X = [drawn_for(program, seed) for seed in range(3)], sequences_of(random_samples()[0])
    together, levels = program.predict(networks, X), program.attend(networks, X)
    assert together.shape == (3, 6, 1)
    assert {name: level.shape for name, level in levels.items()} == {"steps": (3, 6, 5)}
    for number, network in enumerate(networks):
        np.testing.assert_array_equal(program.predict([network], X)[0], together[number])
        np.testing.assert_array_equal(
            program.attend([network], X)["steps"][0], levels["steps"][number]
        )
    assert len(np.unique(together)) == 18


def test_large_inputs_are_predicted_in_chunks(monkeypatch, program):
    X = sequences_of(np.random.default_rng(0).normal(size=(50, 6, 2)).astype("float32"))
    networks = [drawn_for(program)]
    whole = program.predict(networks, X)
    assert len(np.unique(whole)) == 50
    monkeypatch.setattr("skattn._programs.program.CHUNK_BYTES", 1)
    assert program.samples_at_once(6) == 16
    np.testing.assert_allclose(program.predict(networks, X), whole, rtol=1e-6, atol=1e-7)


def test_a_gpu_predicts_more_samples_at_once_and_a_hidden_one_does_not_count(monkeypatch, program):
    on_cpu, visible = program.samples_at_once(500), ["GPU:0"]
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: ["GPU:0"])
    monkeypatch.setattr("tensorflow.config.get_visible_devices", lambda kind: visible)
    assert program.samples_at_once(500) > 8 * on_cpu
    visible.clear()
    assert program.samples_at_once(500) == on_cpu


def test_parameters_of_another_shape_are_refused(program):
    """A transposed kernel has as many values, and would be read as another one."""
    drawn, X = drawn_for(program), sequences_of(np.zeros((3, 6, 2), "float32"))
    turned = drawn | {"output/kernel": drawn["output/kernel"].T}
    for use in (lambda: program.predict([drawn, turned], X), lambda: program.start(turned)):
        with pytest.raises(
            ValueError, match=r"'output/kernel' must have shape \(20, 1\).*\(1, 20\)"
        ):
            use()


# One step of training


def overlapping_windows():
    """Return 12 float32 windows of every second row; rows 3 and 4 of their table are absent."""
    layout = spaced(n_samples=12, n_timesteps=5, dilation=2)
    table = np.random.default_rng(0).normal(size=(layout.n_rows, 2)).astype("float32")
    table[3:5] = np.nan
    return windows_on(table, layout)


def test_programs_gather_the_sequences_that_numpy_gathers(program):
    X = sequences_of(overlapping_windows())
    samples = np.array([7, 1, 1, 0, 3])
    data = program.tensors(X, np.zeros((12, 1), "float32"))
    np.testing.assert_array_equal(_padded(data, samples), X.padded(samples))


def test_overlapping_windows_train_as_their_copies_do(mean):
    X, y, trained = overlapping_windows(), np.random.default_rng(1).normal(size=(12, 1)), []
    for windows in (X, X.copy()):
        state, *losses = one_batch(mean, mean.start(drawn_for(mean)), windows, y, n_steps=3)
        trained.append((losses, mean.parameters(state)))
    assert trained[0][0] == trained[1][0]
    assert_same(trained[0][1], trained[1][1])


def adamw_of_matrices():
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=DECAY)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [
        ("sgd", lambda: keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)),
        ("adamw", adamw_of_matrices),
    ],
)
def test_training_steps_are_those_of_plain_keras(name, optimizer):
    X, y = random_samples()
    program = program_of(spec_of("dot", optimizer=name))
    drawn = drawn_for(program)
    state, *_ = one_batch(program, program.start(drawn), X, y, n_steps=3)

    inputs = keras.Input((None, 2))
    states = keras.layers.LSTM(4, return_sequences=True)(inputs)
    query = states[:, -1]
    scores = keras.ops.einsum("nd,ntd->nt", query, states) / 2.0
    context = keras.ops.einsum("nt,ntd->nd", keras.ops.softmax(scores), states)
    head = keras.layers.Dense(1)(keras.ops.concatenate([query, context], axis=-1))
    plain = keras.Model(inputs, head)
    plain.set_weights(list(drawn.values()))
    plain.compile(loss="mse", optimizer=optimizer(), jit_compile=False)
    for _ in range(3):
        plain.train_on_batch(X, y)

    trained = program.parameters(state).values()
    for path, ours, theirs in zip(drawn, trained, plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5, err_msg=path)
        assert not np.allclose(ours, drawn[path], atol=1e-3)


def test_an_epoch_is_a_pure_function():
    """Neither another training of the same program nor a second call leaves a trace."""
    program = program_of(spec_of("mean", dropout=0.5, n_layers=2))
    (X, y), drawn = random_samples(), drawn_for(program)
    state = program.start(drawn, dropout=0.5, seed=3)

    def trained(state):
        state, *losses = one_batch(program, state, X, y, n_steps=3, momentum=0.9)
        return losses, program.parameters(state), program.optimizer_state(state)

    first = trained(state)
    one_batch(program, program.start(drawn_for(program, 5), dropout=0.1), X, y)
    for second in (trained(state), trained(program.start(drawn, dropout=0.5, seed=3))):
        assert second[0] == first[0]
        assert_same(second[1], first[1])
        assert_same(second[2], first[2])
    assert_same(program.parameters(state), drawn)
    other_seed = trained(program.start(drawn, dropout=0.5, seed=4))
    assert other_seed[0] != first[0]


def test_going_on_from_the_optimizers_state_is_going_on(mean):
    (X, y), drawn = random_samples(), drawn_for(mean)
    whole = parts = mean.start(drawn)
    for _ in range(3):
        whole, *_ = one_batch(mean, whole, X, y, n_steps=2, momentum=0.9)
        parts, *_ = one_batch(mean, parts, X, y, n_steps=2, momentum=0.9)
        parts = mean.start(mean.parameters(parts), mean.optimizer_state(parts))
    assert_same(mean.parameters(parts), mean.parameters(whole))
    assert_same(mean.optimizer_state(parts), mean.optimizer_state(whole))
    assert mean.optimizer_state(whole)["n_steps"] == 6


def test_the_optimizers_state_holds_the_parameters_that_move():
    """Without momentum the network's parameters are those, and else a mean of them."""
    program = program_of(spec_of("mean"))
    (X, y), drawn, ends = random_samples(), drawn_for(program), []
    for momentum in (0.0, 0.9):
        state, *_ = one_batch(program, program.start(drawn), X, y, n_steps=3, momentum=momentum)
        vector = np.concatenate([v.ravel() for v in program.parameters(state).values()])
        ends.append((vector, program.optimizer_state(state)))
    (moved, plain), (average, averaged) = ends
    np.testing.assert_array_equal(plain["moved"], moved)
    np.testing.assert_array_equal(averaged["moved"], moved)  # averaging moves nothing else
    np.testing.assert_array_equal(averaged["slots"], plain["slots"])
    assert plain["slots"].shape == (2, len(moved))
    assert np.abs(average - moved).min() < np.abs(average - moved).max()


def test_samples_of_weight_zero_do_not_train(mean):
    (X, y), trained = random_samples(), []
    for last in (0.0, 100.0):
        X[-1], y[-1] = last, last
        weights = np.array([0.2, 0.2, 0.2, 0.2, 0.2, 0.0])
        state, *_ = one_batch(mean, mean.start(drawn_for(mean)), X, y, weights)
        trained.append(mean.parameters(state))
    assert_same(*trained)


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
    y, p = tf.constant([[1.0], [0.0], [2.0]]), tf.constant([[0.5], [3.0], [0.0]])
    np.testing.assert_allclose(LOSSES[loss](y, p, QUANTILE), expected, rtol=1e-6)


def test_a_log_loss_by_hand():
    """Logits 0 and log 3 are probabilities 1/4 and 3/4."""
    y, p = tf.constant([[1.0, 0.0], [0.0, 1.0]]), tf.constant([[0.0, np.log(3.0)]] * 2)
    expected = np.log([4, 4 / 3])
    np.testing.assert_allclose(LOSSES["log_loss"](y, p, QUANTILE), expected, rtol=1e-6)


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_reported_losses_are_the_weighted_mean_over_samples_and_outputs(loss):
    """Both that of training and that of validation, where nothing moves."""
    X, y = random_samples(4, n_outputs=3)
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    program = program_of(spec_of("mean", loss=loss, n_outputs=3))
    drawn = drawn_for(program)
    errors = y - program.predict([drawn], sequences_of(X))[0]
    formula = {
        "squared_error": errors**2,
        "absolute_error": np.abs(errors),
        "huber": np.where(np.abs(errors) < 1, errors**2 / 2, np.abs(errors) - 0.5),
        "quantile": np.where(errors > 0, 0.3 * errors, -0.7 * errors),
    }[loss]
    _, *reported = one_batch(program, program.start(drawn), X, y, weights, rate=0.0)
    np.testing.assert_allclose(reported, [weights @ formula.mean(axis=1)] * 2, rtol=1e-5)


# Clipping


def test_a_step_of_sgd_is_bounded_by_clipnorm():
    """A first Nesterov step is (1 + 0.9) · learning rate · gradient."""
    X, y = np.ones((4, 5, 2)), np.full((4, 1), 1e4)
    program = program_of(spec_of("mean", optimizer="sgd"))
    drawn = drawn_for(program)
    state, *_ = one_batch(program, program.start(drawn), X, y, rate=0.1, clipnorm=0.5)
    for name, value in program.parameters(state).items():
        step = np.linalg.norm(value - drawn[name])
        np.testing.assert_allclose(step, 1.9 * 0.1 * 0.5, rtol=1e-3, err_msg=name)


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


def test_parameters_come_back_as_they_were_given(program):
    drawn = program.draw_parameters(np.random.RandomState(5))
    assert_same(program.parameters(program.start(drawn)), drawn)


def test_global_generators_are_untouched(small, sequences, own_pool):
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
    small(dropout=0.2).fit(*sequences)
    assert next(disturbed) == expected
