"""A user's own attention: same seed, same bits, whatever its layers draw."""

import random

import keras
import numpy as np
import pytest
from keras import ops
from numpy.testing import assert_array_equal

from skattn import clear_programs


def with_dropout(query, states, mask, spec):
    states = keras.layers.Dropout(0.5, name="own_dropout")(states)
    return query, ops.mean(states, axis=1), ops.cast(mask, "float32") / 6


def with_random_bias(query, states, mask, spec):
    context = keras.layers.Dense(3, bias_initializer="random_normal", name="own_dense")(query)
    return query, context, ops.cast(mask, "float32") / 6


def with_equal_names(query, states, mask, spec):
    for _ in range(2):
        query = _Twins(name="twins")(query)
    return query, query, None


class _Twins(keras.layers.Layer):
    def build(self, shape):
        self.one = self.add_weight(name="same", shape=(shape[-1],))
        self.other = self.add_weight(name="same", shape=(shape[-1],))

    def call(self, x):
        return x * self.one + self.other


@pytest.mark.parametrize("attention", [with_dropout, with_random_bias])
def test_same_seed_gives_the_same_bits(sequences, small, attention):
    X, y = sequences
    fitted = []
    for other_draws in (1, 2):
        random.seed(other_draws)
        clear_programs()
        fitted += [small(attention).fit(X, y).predict(X), small(attention).fit(X, y).predict(X)]
    for predicted in fitted[1:]:
        assert_array_equal(predicted, fitted[0])


def test_equal_names_are_refused(sequences, small):
    with pytest.raises(ValueError, match="name"):
        small(with_equal_names).fit(*sequences)


def test_what_is_not_a_triple_is_refused(sequences, small):
    with pytest.raises(ValueError, match=r"\(query, context, weights\)"):
        small(lambda query, states, mask, spec: query).fit(*sequences)


def test_global_policy_does_not_reach_the_network(sequences, small):
    X, y = sequences
    before = small().fit(X, y).predict(X)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        clear_programs()
        assert_array_equal(small().fit(X, y).predict(X), before)
    finally:
        keras.config.set_dtype_policy(policy)
        clear_programs()


def test_frozen_layers_of_a_callback_do_not_stay_frozen(sequences, small):
    class Freeze(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.get_layer("lstm_1").trainable = False

    X, y = sequences
    expected = small(units=5).fit(X, y).predict(X)
    clear_programs()
    small(units=5, callbacks=[Freeze]).fit(X, y)
    assert_array_equal(small(units=5).fit(X, y).predict(X), expected)


def test_dropout_layers_draw_apart(small):
    from skattn._programs.pool import pool

    X = np.ones((8, 6, 2), dtype="float32")
    small(n_layers=3, dropout=0.5).fit(X, np.arange(8.0))
    spec = next(p.spec for p in pool.idle() if p.spec.n_layers == 3)
    with pool.borrow(spec) as program:
        program.start(dropout=0.5, seed=0)
        first, second = (program.network.get_layer(f"network_dropout_{i}") for i in (1, 2))
        inputs = np.ones((200, 4), dtype="float32")
        masks = [
            np.array([layer(inputs, training=True) for _ in range(4)]) for layer in (first, second)
        ]
    for a in masks[0]:
        assert not any(np.array_equal(a, b) for b in masks[1])
