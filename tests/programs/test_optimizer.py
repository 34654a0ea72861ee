"""One vector for many arrays: its optimizer steps as Keras' own steps each of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skattn._programs.optimizer import OPTIMIZERS, Layout, VectorOptimizer, clip, join

SHAPES = [(3, 4), (4,), (2, 1, 3), (1,), ()]
EACH = pytest.mark.parametrize("name", OPTIMIZERS)


def values(seed=0):
    rng = np.random.default_rng(seed)
    return [np.float32(rng.normal(size=shape)) for shape in SHAPES]


def optimizer(name):
    return VectorOptimizer(name, [keras.Variable(value) for value in values()])


def step(stepped, gradients, rate=0.1, decay=0.0, clipnorm=np.inf):
    stepped.step(tf.constant(join(gradients)), *map(np.float32, (rate, decay, clipnorm)))


def moved(stepped):
    return stepped.state()[-len(SHAPES) :]


def assert_same(found, expected, **tolerance):
    for one, other in zip(found, expected, strict=True):
        assert one.shape == np.shape(other)
        assert_allclose(one, other, **tolerance)


@EACH
def test_steps_and_state_are_those_of_keras_on_a_list_of_variables(name):
    ours, variables = optimizer(name), [keras.Variable(value) for value in values()]
    plain = OPTIMIZERS[name]()
    plain.build(variables)
    for seed in range(1, 5):
        step(ours, values(seed), rate=0.1 / seed)
        plain.learning_rate.assign(0.1 / seed)
        plain.apply([tf.constant(gradient) for gradient in values(seed)], variables)
    expected = [variable.numpy() for variable in (*plain.variables, *variables)]
    assert_same(ours.state(), expected, rtol=1e-5, atol=1e-6)


@EACH
def test_going_on_from_the_state_is_going_on(name):
    ends = []
    for interrupted in (False, True):
        going = optimizer(name)
        step(going, values(1))
        if interrupted:
            state, going = going.state(), optimizer(name)
            step(going, values(7))  # someone else
            going.start(state)
        step(going, values(2))
        ends.append(going.state())
    for one, other in zip(*ends, strict=True):
        assert_array_equal(one, other)


@EACH
def test_a_fresh_start_forgets_all_and_moves_from_the_variables(name):
    used = optimizer(name)
    fresh = used.state()
    step(used, values(1))
    used.start()
    assert used.keras.iterations == 0
    for one, other in zip(used.state()[2:], fresh[2:], strict=True):  # the rate is set by steps
        assert_array_equal(one, other)


@EACH
def test_a_state_without_what_is_moved_goes_on_from_the_variables(name):
    used = optimizer(name)
    step(used, values(1))
    state = used.state()
    used.start(state[: -len(SHAPES)])
    assert_same(used.state(), [*state[: -len(SHAPES)], *values()])


def test_restart_takes_values_and_else_those_of_the_variables():
    used = optimizer("sgd")
    used.restart(values(5))
    assert_same(moved(used), values(5))
    used.restart()
    assert_same(moved(used), values())


@EACH
def test_restart_changes_nothing_but_what_is_moved(name):
    used = optimizer(name)
    step(used, values(1))
    before = used.state()
    used.restart(values(5))
    assert_same(used.state(), [*before[: -len(SHAPES)], *values(5)])


@EACH
def test_adamw_alone_decays_and_matrices_alone(name):
    decayed, plain = optimizer(name), optimizer(name)
    step(decayed, values(1), rate=0.1, decay=0.5)
    step(plain, values(1), rate=0.1, decay=0.0)
    for one, other, start in zip(moved(decayed), moved(plain), values(), strict=True):
        share = 0.1 * 0.5 if name == "adamw" and start.ndim > 1 else 0.0
        assert_allclose(one, other - share * start, rtol=1e-5, atol=1e-6)


def test_decay_is_that_of_keras_adamw_over_many_steps():
    ours, variables = optimizer("adamw"), [keras.Variable(value) for value in values()]
    plain = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    plain.exclude_from_weight_decay(var_list=[v for v in variables if v.ndim < 2])
    plain.build(variables)
    for seed in range(1, 5):
        step(ours, values(seed), rate=0.1, decay=0.5)
        plain.apply([tf.constant(gradient) for gradient in values(seed)], variables)
    expected = [variable.numpy() for variable in (*plain.variables, *variables)]
    assert_same(ours.state(), expected, rtol=1e-5, atol=1e-6)


def test_without_a_gradient_matrices_shrink_by_the_decay_alone():
    still = optimizer("adamw")
    for rate in (0.1, 0.2):
        step(still, [np.zeros(shape) for shape in SHAPES], rate, decay=0.5)
    expected = [value * (0.95 * 0.9 if value.ndim > 1 else 1) for value in values()]
    assert_same(moved(still), expected, rtol=1e-6)


def test_vectors_are_cut_as_they_were_joined():
    layout = Layout([keras.Variable(value) for value in values()])
    vector = join(values(3))
    assert vector.dtype == "float32"
    assert_same(layout.cut(vector), values(3))
    assert_same(layout.split(tf.constant(vector)), values(3))


def test_the_vector_is_that_of_the_variables_now_and_gives_back_their_types():
    types = ["float32", "float16"]
    variables = [keras.Variable(np.ones((2, 3)), dtype=dtype) for dtype in types]
    made = VectorOptimizer("sgd", variables)
    variables[1].assign(np.arange(6.0).reshape(2, 3))
    pieces = made.layout.split(made.vector())
    assert [piece.dtype.name for piece in pieces] == types
    assert_same(pieces, [np.ones((2, 3)), np.arange(6.0).reshape(2, 3)])
    assert_array_equal(made.moved, np.ones(12))  # which follows when it is restarted


# Clipping


@EACH
@pytest.mark.parametrize("overflown", [np.nan, -np.inf, 1e30])
def test_an_array_whose_gradient_overflows_rests_while_others_step(name, overflown):
    stepped, plain = optimizer(name), optimizer(name)
    gradients = values(1)
    step(plain, gradients)
    gradients[0][1, 2] = overflown
    step(stepped, gradients)
    assert_array_equal(moved(stepped)[0], values()[0])
    for one, other in zip(moved(stepped)[1:], moved(plain)[1:], strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("gradient", "expected"),
    [
        ([3, 4], [0.6, 0.8]),
        ([0.3, 0.4], [0.3, 0.4]),
        ([0, 0], [0, 0]),
        ([np.nan, 1], [0, 0]),
        ([-np.inf, 0], [0, 0]),
        ([1e30, 0], [0, 0]),
    ],
)
def test_the_norm_of_each_array_is_at_most_clipnorm(gradient, expected):
    beside = [0.5]
    found = clip(tf.constant(join([gradient, beside])), [2, 1], clipnorm=1.0)
    assert_allclose(found, [*expected, *beside], rtol=1e-6)


NUMBERS = st.floats(-(2.0**100), 2.0**100, width=32) | st.sampled_from([np.inf, np.nan])


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(NUMBERS, min_size=1), min_size=1, max_size=4),
    st.floats(0.125, 8, width=32) | st.just(np.inf),
)
def test_each_array_is_scaled_by_its_own_norm_or_rests(arrays, clipnorm):
    found = clip(tf.constant(join(arrays)), [len(a) for a in arrays], np.float32(clipnorm))
    expected = []
    for array in arrays:
        array = np.array(array, "float32")
        with np.errstate(all="ignore"):
            norm = np.sqrt(np.sum(array * array, dtype="float32"))
        if np.isfinite(norm):
            expected.append(array * min(1.0, clipnorm / max(norm, 1e-30)))
        else:
            expected.append(np.zeros_like(array))
    assert_allclose(found, np.concatenate(expected), rtol=1e-4, atol=1e-30)
