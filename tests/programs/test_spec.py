"""The specification: equal specs share a program, and only what changes the graph counts."""

import pickle
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
from keras.layers import Dense

from conftest import spec_of
from skattn._programs.network import HEAD_INPUTS, NETWORKS
from skattn._programs.optimizer import OPTIMIZERS
from skattn._programs.program import LOSSES
from skattn._programs.spec import (
    ATTENTIONS,
    HEAD_INPUT_NAMES,
    LOSS_NAMES,
    OPTIMIZER_NAMES,
    NetworkSpec,
)


def own_attention(query, states, mask, spec):
    return query, Dense(2)(query), None


OTHER = [
    {"n_features": 3},
    {"n_outputs": 2},
    {"attention": "dot"},
    {"attention": None},
    {"attention": own_attention},
    {"head_input": "context"},
    {"units": 8},
    {"n_layers": 2},
    {"bidirectional": True},
    {"dense_units": (4,)},
    {"conv_filters": (4,)},
    {"instance_norm": True},
    {"segment_length": 2},
    {"relative": True},
    {"linear_steps": 6},
    {"dropout": 0.5},
    {"loss": "huber"},
    {"optimizer": "sgd"},
]


@pytest.mark.parametrize("params", [{}, *OTHER])
def test_equal_parameters_make_equal_specs(params):
    one, other = spec_of(**params), spec_of(**params)
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize("params", OTHER)
def test_each_field_tells_specs_apart(params):
    assert spec_of(**params) != spec_of()


def test_every_field_is_told_apart_above():
    names = {name for params in OTHER for name in params} - {"dropout"} | {"has_dropout"}
    assert names == {field.name for field in fields(NetworkSpec)}


@pytest.mark.parametrize("params", [{}, *OTHER])
def test_specs_are_picklable(params):
    spec = spec_of(**params)
    copy = pickle.loads(pickle.dumps(spec))
    assert copy == spec
    assert hash(copy) == hash(spec)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"dropout": 0.1}, {"dropout": 0.9}),
        ({"dense_units": [8, 4]}, {"dense_units": (8, 4)}),
        ({"dense_units": np.array([8, 4])}, {"dense_units": (8, 4)}),
        ({"dense_units": None}, {"dense_units": ()}),
        ({"conv_filters": [np.int8(8)]}, {"conv_filters": (8,)}),
        ({"bidirectional": np.True_}, {"bidirectional": True}),
        ({"units": np.int64(8)}, {"units": 8}),
        ({"segment_length": np.int8(3)}, {"segment_length": 3}),
    ],
    ids=str,
)
def test_the_same_graph_is_the_same_spec(one, other):
    assert spec_of(**one) == spec_of(**other)
    assert hash(spec_of(**one)) == hash(spec_of(**other))


FLOWS = {"random_state", "seed", "learning_rate", "learning_rate_schedule", "weight_decay"} | {
    "clipnorm", "quantile", "epochs", "batch_size", "n_timesteps", "standardize", "callbacks"
} | {"ema_momentum", "n_members", "target_feature"}  # fmt: skip


def test_what_flows_is_no_field():
    assert FLOWS.isdisjoint(field.name for field in fields(NetworkSpec))


def test_fits_that_differ_in_what_flows_have_one_spec(sequences, small):
    X, y = sequences
    one = small(dropout=0.1, learning_rate=1e-3, batch_size=8).fit(X, y)
    other = small(dropout=0.2, learning_rate=1e-2, random_state=3, clipnorm=None).fit(X[:, :4], y)
    assert one.spec_ == other.spec_


def test_a_spec_has_no_defaults():
    with pytest.raises(TypeError, match="missing 16 required"):
        NetworkSpec()


@pytest.mark.parametrize(("rate", "has_dropout"), [(0.0, False), (0, False), (1e-9, True)])
def test_whether_there_is_dropout_is_in_the_spec_and_not_how_much(rate, has_dropout):
    assert spec_of(dropout=rate).has_dropout is has_dropout


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"attention": "none"}, r"one of .*'additive'.*, or a function.*Got attention='none'"),
        ({"head_input": "query"}, r"\('concat', 'context'\). Got head_input='query'"),
        ({"conv_filters": (4, 0)}, r"Got conv_filters=\(4, 0\). For no convolution pass \(\)"),
        ({"dense_units": (4, 0)}, r"positive integers, one for each layer. Got .*pass \(\)"),
    ],
)
def test_what_is_no_network_is_refused_by_name(wrong, text):
    with pytest.raises(ValueError, match=text):
        spec_of(**wrong)


def test_specs_are_frozen():
    with pytest.raises(FrozenInstanceError):
        spec_of().units = 3


def test_hierarchical_brings_both_directions_and_a_dense_layer():
    assert spec_of("hierarchical").bidirectional is True
    assert spec_of("hierarchical").dense_units == (128,)
    assert spec_of("hierarchical", dense_units=()).dense_units == ()
    assert spec_of("hierarchical", dense_units=(7, 3)).dense_units == (7, 3)


@pytest.mark.parametrize(
    "attention", [*sorted({*ATTENTIONS} - {"hierarchical"}, key=str), own_attention]
)
def test_other_attentions_bring_nothing_along(attention):
    assert spec_of(attention).bidirectional is False
    assert spec_of(attention).dense_units == ()
    assert spec_of(attention, bidirectional=True).bidirectional is True


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (ATTENTIONS, NETWORKS),
        (HEAD_INPUT_NAMES, HEAD_INPUTS),
        (LOSS_NAMES, LOSSES),
        (OPTIMIZER_NAMES, OPTIMIZERS),
    ],
)
def test_names_are_the_keys_of_the_tables(names, table):
    assert set(names) == set(table)
