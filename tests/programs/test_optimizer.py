"""Optimizers as formulas on one vector: their steps are those of Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from conftest import program_of, spec_of
from skattn._programs.flows import Settings
from skattn._programs.optimizer import OPTIMIZERS, clip
from skattn._programs.packing import Packing
from skattn._training.settings import NO_CLIPNORM

SHAPES = [(3, 4), (4,), (2, 1, 3), (1,), ()]
KERAS = {
    "adamw": lambda rate: keras.optimizers.Adam(rate),
    "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
}
SLOTS = {"adamw": ("_momentum", "_velocity"), "sgd": ("_momentum",)}
EACH = pytest.mark.parametrize("name", OPTIMIZERS)


def values(seed=0, shapes=SHAPES):
    rng = np.random.default_rng(seed)
    return [np.float32(rng.normal(size=shape)) for shape in shapes]


def packing_of(arrays):
    return Packing([keras.Variable(array) for array in arrays])


def joined(arrays):
    return np.concatenate([np.ravel(array) for array in arrays]).astype("float32")


# The formulas


@EACH
def test_steps_and_slots_are_those_of_keras_on_a_list_of_variables(name):
    """Over eight steps, at another learning rate each; slot by slot, in Keras' order."""
    optimizer, variables = OPTIMIZERS[name], [keras.Variable(value) for value in values()]
    plain = KERAS[name](0.1)
    plain.build(variables)
    vector = tf.constant(joined(values()))
    slots = (tf.zeros_like(vector),) * optimizer.n_slots
    for step in range(1, 9):
        rate, gradients = np.float32(0.1 / step), values(step)
        vector, slots = optimizer.move(vector, slots, joined(gradients), step, rate)
        plain.learning_rate.assign(rate)
        plain.apply([tf.constant(gradient) for gradient in gradients], variables)
        assert_allclose(vector, joined(variables), rtol=1e-5, atol=1e-6)
        for slot, kind in zip(slots, SLOTS[name], strict=True):
            expected = [v for v in plain.variables if v.path.endswith(kind)]
            assert_allclose(slot, joined(expected), rtol=1e-5, atol=1e-7)


def test_the_first_step_of_adam_is_the_learning_rate_whatever_the_gradient():
    """Mean and square are corrected to the gradient itself, so that their ratio is its sign."""
    gradient = np.float32([3.0, -0.002, 50.0])
    zeros = (tf.zeros(3), tf.zeros(3))
    moved, _ = OPTIMIZERS["adamw"].move(tf.zeros(3), zeros, gradient, 1, np.float32(0.1))
    assert_allclose(moved, [-0.1, 0.1, -0.1], rtol=2e-3)


def test_two_steps_of_nesterov_by_hand():
    """v₁ = -0.1, p₁ = 0.9·v₁ - 0.1 = -0.19; v₂ = 0.9·v₁ - 0.2 = -0.29, p₂ = p₁ + 0.9·v₂ - 0.2."""
    move, rate = OPTIMIZERS["sgd"].move, np.float32(0.1)
    first, slots = move(tf.zeros(1), (tf.zeros(1),), np.float32([1]), 1, rate)
    second, (velocity,) = move(first, slots, np.float32([2]), 2, rate)
    assert_allclose([first[0], velocity[0], second[0]], [-0.19, -0.29, -0.651], rtol=1e-5)


# The step of a program: clip, decay, move, average


def stepped(name, decay, gradient, momentum=0.0, n_steps=2):
    """Take steps of a program; return the state, where it began, and what belongs to matrices."""
    program = program_of(spec_of("dot", optimizer=name))
    drawn = program.draw_parameters(np.random.RandomState(0))
    state = program.start({path: value + 0.5 for path, value in drawn.items()})
    before = state.moved.numpy()
    gradient = np.full_like(before, gradient)
    numbers = Settings(*map(np.float32, (decay, NO_CLIPNORM, 0.5, momentum)))
    for _ in range(n_steps):
        state = program._step(state, tf.constant(gradient), np.float32(0.1), numbers)
    matrices = [np.full(value.size, value.ndim > 1) for value in drawn.values()]
    return state, before, np.concatenate(matrices)


@EACH
def test_without_a_gradient_matrices_of_adamw_shrink_and_nothing_else_moves(name):
    state, before, matrices = stepped(name, decay=0.5, gradient=0.0)
    shrunk = matrices & (name == "adamw")
    assert_allclose(state.moved, before * np.where(shrunk, 0.95**2, 1.0), rtol=1e-6)
    assert matrices.any()
    assert not matrices.all()


def test_decay_is_that_of_keras_adamw_over_many_steps():
    program = program_of(spec_of("dot"))
    drawn = program.draw_parameters(np.random.RandomState(0))
    variables = [keras.Variable(value) for value in drawn.values()]
    plain = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    plain.exclude_from_weight_decay(var_list=[v for v in variables if v.ndim < 2])
    plain.build(variables)
    state, numbers = program.start(drawn), Settings(*map(np.float32, (0.5, NO_CLIPNORM, 0.5, 0)))
    for seed in range(1, 5):
        gradients = values(seed, [v.shape for v in drawn.values()])
        state = program._step(state, tf.constant(joined(gradients)), np.float32(0.1), numbers)
        plain.apply([tf.constant(gradient) for gradient in gradients], variables)
    assert_allclose(state.moved, joined(variables), rtol=1e-4, atol=1e-5)


def test_the_average_of_a_step_is_that_by_hand():
    """Of n steps it keeps min(momentum, (n - 1) / (n + 9)): 0, then 1/11."""
    state, before, _ = stepped("sgd", decay=0.0, gradient=1.0, momentum=0.9)
    first, second = before - 0.19, before - 0.19 - 0.9 * 0.19 - 0.1
    assert_allclose(state.moved, second, rtol=1e-5, atol=1e-6)
    assert_allclose(state.average, first / 11 + 10 * second / 11, rtol=1e-5, atol=1e-6)


# Packing


def test_arrays_are_unpacked_as_they_were_packed():
    packing = packing_of(values())
    vector = packing.pack(values(3))
    assert vector.dtype == "float32"
    assert_array_equal(vector, joined(values(3)))
    for unpacked in (packing.unpack_arrays(vector), packing.unpack(tf.constant(vector))):
        for found, expected in zip(unpacked, values(3), strict=True):
            assert found.shape == expected.shape
            assert_array_equal(found, expected)


def test_tensors_are_unpacked_in_the_types_of_their_variables():
    types = ["float32", "float16"]
    packing = Packing([keras.Variable(np.ones((2, 3)), dtype=dtype) for dtype in types])
    pieces = packing.unpack(tf.constant(np.arange(12, dtype="float32")))
    assert [piece.dtype.name for piece in pieces] == types
    assert_array_equal(pieces[1], np.arange(6.0, 12.0).reshape(2, 3))


def test_nothing_is_packed_into_nothing():
    packing = Packing([])
    assert packing.pack([]).shape == (0,)


@pytest.mark.parametrize("wrong", [np.ones((4, 3)), np.ones(12), np.ones((3, 4, 1))], ids=np.shape)
def test_an_array_of_another_shape_is_refused(wrong):
    packing = packing_of(values())
    with pytest.raises(ValueError, match=r"must have shape \(3, 4\). Got .* fit anew"):
        packing.pack([wrong, *values()[1:]])


# Clipping


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
    found = clip(tf.constant(joined([gradient, beside])), [2, 1], clipnorm=1.0)
    assert_allclose(found, [*expected, *beside], rtol=1e-6)


NUMBERS = st.floats(-(2.0**100), 2.0**100, width=32) | st.sampled_from([np.inf, np.nan])


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(NUMBERS, min_size=1), min_size=1, max_size=4),
    st.floats(0.125, 8, width=32) | st.just(NO_CLIPNORM),
)
def test_each_array_is_scaled_by_its_own_norm_or_rests(arrays, clipnorm):
    found = clip(tf.constant(joined(arrays)), [len(a) for a in arrays], np.float32(clipnorm))
    expected = []
    for array in arrays:
        array = np.array(array, "float32")
        with np.errstate(all="ignore"):
            norm = np.sqrt(np.sum(array * array, dtype="float32"))
        if np.isfinite(norm):
            expected.append(array * min(1.0, float(clipnorm) / max(float(norm), 1e-30)))
        else:
            expected.append(np.zeros_like(array))
    assert_allclose(found, np.concatenate(expected), rtol=1e-4, atol=1e-30)
