"""Threads of a fit: a batch in parts trains as one does, and nothing is set behind one's back."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

import skattn
from conftest import sequences_of
from skattn._pool import ProgramPool
from skattn._program import Program
from skattn._spec import make_spec
from skattn._threads import VARIABLE

ONE_EPOCH = (0.0, 1.0, 0.5, 0.9)  # weight decay, clipnorm, quantile, momentum


def spec(attention="additive", **params):
    defaults = {"bidirectional": False, "dense_units": None, "dropout": 0.0, "optimizer": "sgd"}
    return make_spec(attention=attention, n_features=2, units=4, **{**defaults, **params})


def trained(n_parts, batch_size, attention="additive", **params):
    """Train two epochs on 12 sequences of unequal length and weight; return all numbers."""
    rng = np.random.default_rng(0)
    X, y = (rng.normal(size=shape).astype("float32") for shape in ((12, 5, 2), (12, 1)))
    X[::3, 3:] = np.nan
    program = Program(spec(attention, **params), n_parts)
    program.load(program.draw_parameters(np.random.RandomState(0)))
    program.start(dropout=0.4)
    rows = np.arange(12, dtype="int32").reshape(-1, batch_size)
    weights = rng.uniform(0.5, 1.5, rows.shape).astype("float32") / batch_size
    shares = np.full(len(rows), 1 / len(rows), "float32")
    data, rates = program.tensors(sequences_of(X), y), np.full(len(rows), 0.1, "float32")
    settings = tuple(map(np.float32, ONE_EPOCH))
    losses = [
        program.train_epoch(data, (rows, weights, shares), (rows, weights), rates, settings)
        for _ in range(2)
    ]
    return np.array(losses), program.parameters()


def assert_alike(found, expected):
    assert_allclose(found[0], expected[0], rtol=1e-4)
    for name, value in expected[1].items():
        assert_allclose(found[1][name], value, rtol=1e-4, atol=1e-6, err_msg=name)


# Parts


@pytest.mark.parametrize("n_parts", [2, 3])
@pytest.mark.parametrize("batch_size", [1, 2, 4, 12])
def test_parts_of_a_batch_train_as_the_batch_does(n_parts, batch_size):
    assert_alike(trained(n_parts, batch_size), trained(1, batch_size))


def costly(query, states, mask, spec):
    """Attend equally; its layer adds the squares of its weights to the loss."""
    penalized = keras.layers.Dense(4, kernel_regularizer=keras.regularizers.L2(0.5), name="own")
    scores = keras.ops.where(mask, 0.0, -1e9)
    weights = keras.ops.softmax(scores, axis=1)
    return query, keras.ops.einsum("nt,ntd->nd", weights, penalized(states)), weights


def test_the_penalty_of_a_layer_counts_once_for_a_batch():
    whole = trained(1, 4, costly)
    assert_alike(trained(2, 4, costly), whole)


def test_each_part_drops_units_of_its_own():
    """The same draw for both parts would drop the same units of equal rows."""
    X, y = np.ones((8, 3, 2), "float32"), np.ones((8, 1), "float32")
    program = Program(spec(None, dropout=0.5), n_parts=2)
    program.load(program.draw_parameters(np.random.RandomState(0)))
    program.start(dropout=0.5)
    seeds = [v for v in program.network.variables if "seed" in v.path]
    before = [seed.numpy() for seed in seeds]
    rows = np.arange(8, dtype="int32")[np.newaxis]
    weights = np.full((1, 8), 1 / 8, "float32")
    one = np.ones(1, "float32")
    program.train_epoch(
        program.tensors(sequences_of(X), y), (rows, weights, one), (rows[:0], weights[:0]),
        0.01 * one, tuple(map(np.float32, ONE_EPOCH)),
    )  # fmt: skip
    moved = [after.numpy() - old for after, old in zip(seeds, before, strict=True)]
    assert [0, 2] in [list(steps) for steps in moved]  # a draw for each of two parts


def test_the_pool_lends_by_number_of_parts(monkeypatch):
    pool, lent = ProgramPool(capacity=4), []
    for n_parts in (1, 3, 1, 3):
        monkeypatch.setattr("skattn._pool.settle_threads", lambda n=n_parts: n)
        with pool.borrow(spec()) as program:
            lent.append(program)
    assert [program.n_parts for program in lent] == [1, 3, 1, 3]
    assert lent[2] is lent[0]
    assert lent[3] is lent[1]


# The setting


@pytest.mark.parametrize("n", [0, -1, True, 1.5, "2", None])
def test_numbers_that_are_none_are_refused(n, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(ValueError, match=r"n must be a number of threads.*Got"):
        skattn.set_num_threads(n)
    assert VARIABLE not in os.environ


@pytest.mark.parametrize("text", ["two", "", "0", "1.5"])
def test_a_bad_variable_is_named_by_the_fit(text, monkeypatch, small, sequences):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ValueError, match=f"{VARIABLE} must be a number of threads"):
        small().fit(*sequences)


def in_a_new_process(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


FIT = """
import os, numpy as np, skattn
from skattn import LSTMAttentionRegressor
X = np.random.default_rng(0).normal(size=(40, 6, 2))
model = LSTMAttentionRegressor(units=4, epochs=2, random_state=0)
"""


@pytest.mark.slow
def test_set_before_the_first_fit_it_holds_here_and_in_workers():
    found = in_a_new_process(
        "if __name__ == '__main__':"
        + (
            FIT
            + """
from sklearn.model_selection import cross_val_predict
skattn.set_num_threads(np.int64(2))
model.fit(X, X[:, 2, 0])
import tensorflow as tf
from skattn._pool import pool
print(tf.config.threading.get_intra_op_parallelism_threads(), pool.idle()[0].n_parts)
print(os.environ["SKATTN_NUM_THREADS"])
given = model, X, X[:, 2, 0]
print(np.array_equal(*(cross_val_predict(*given, cv=2, n_jobs=n) for n in (1, 2))))
skattn.set_num_threads(1)
model.fit(X, X[:, 2, 0])
print(pool.idle()[-1].n_parts)
"""
        ).replace("\n", "\n    ")
    )
    assert found == ["1", "2", "2", "True", "1"]


@pytest.mark.slow
def test_after_tensorflow_has_started_it_is_an_error_and_nothing_is_set(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    found = in_a_new_process(
        FIT
        + """
model.fit(X, X[:, 2, 0])
try:
    skattn.set_num_threads(1)
except RuntimeError as error:
    print("before" in str(error), "SKATTN_NUM_THREADS" in os.environ)
"""
    )
    assert found == ["True", "False"]
