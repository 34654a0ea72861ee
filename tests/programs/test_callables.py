"""A user's own attention: same seed, same bits, whatever its layers draw."""

import random
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from keras import ops
from numpy.testing import assert_array_equal
from sklearn.base import clone

from conftest import program_of, spec_of
from skattn._programs import pool


def with_dropout(query, states, mask, spec):
    states = keras.layers.Dropout(0.5, name="own_dropout")(states)
    return query, ops.mean(states, axis=1), ops.cast(mask, "float32") / 6


def with_random_bias(query, states, mask, spec):
    context = keras.layers.Dense(3, bias_initializer="random_normal", name="own_dense")(query)
    return query, context, ops.cast(mask, "float32") / 6


def with_equal_names(query, states, mask, spec):
    query = _Twins(name="twins")(query)
    return query, query, None


class _Twins(keras.layers.Layer):
    def build(self, shape):
        self.one = self.add_weight(name="same", shape=(shape[-1],))
        self.other = self.add_weight(name="same", shape=(shape[-1],))

    def call(self, x):
        return x * self.one + self.other


@pytest.mark.parametrize("attention", [with_dropout, with_random_bias])
def test_same_seed_gives_the_same_bits(sequences, small, attention, monkeypatch):
    X, y = sequences
    fitted = []
    for other_draws in (1, 2):
        random.seed(other_draws)
        monkeypatch.setattr(pool, "pool", pool.ProgramPool(capacity=1))
        fitted += [small(attention).fit(X, y).predict(X), small(attention).fit(X, y).predict(X)]
    for predicted in fitted[1:]:
        assert_array_equal(predicted, fitted[0])


def test_equal_names_are_refused(sequences, small):
    with pytest.raises(ValueError, match=r"equal names.*Give each of its layers a name of its own"):
        small(with_equal_names).fit(*sequences)


def test_what_is_not_a_triple_is_refused(sequences, small):
    with pytest.raises(ValueError, match=r"\(query, context, weights\)"):
        small(lambda query, states, mask, spec: query).fit(*sequences)


def test_without_weights_no_level_is_there(sequences, small):
    X, y = sequences
    model = small(lambda query, states, mask, spec: (query, query, None)).fit(X, y)
    with pytest.raises(ValueError, match=r"has no level 'steps'\. Its levels are \[\]\."):
        model.attention_weights(X)


@dataclass
class WithOptions:
    """An attention with options, which no pool of programs can find again."""

    width: int = 3

    def __call__(self, query, states, mask, spec):
        return query, keras.layers.Dense(self.width, name="own")(query), None


@dataclass(frozen=True)
class Frozen:
    """One that can be found."""

    width: int = 3
    __call__ = WithOptions.__call__


def test_what_has_no_hash_is_refused(sequences, small):
    match = r"must be hashable.*WithOptions\(width=3\).*dataclass\(frozen=True\)"
    with pytest.raises(TypeError, match=match):
        small(WithOptions()).fit(*sequences)


def test_clones_of_a_frozen_dataclass_share_a_program(sequences, small, own_pool):
    model = small(Frozen(width=2)).fit(*sequences)
    clone(model).fit(*sequences)
    assert len(own_pool.programs()) == 1


def test_dropout_layers_draw_apart():
    """Each layer that draws has a seed of its own, which flows."""
    program = program_of(spec_of(n_layers=3, dropout=0.5))
    state = program.start(program.draw_parameters(np.random.RandomState(0)), dropout=0.5, seed=7)
    others = [value.numpy() for value in state.others]
    assert [value for value in others if value.ndim == 0] == [0.5] * 3
    seeds = [value.tolist() for value in others if value.ndim]
    assert seeds == [[7 + number, 0] for number in range(len(seeds))]
    assert len(seeds) >= 3
