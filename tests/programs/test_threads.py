"""Threads of a fit: a batch in parts trains as one does, and nothing is set behind one's back."""

import os
import subprocess
import sys
from functools import cache

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import skattn
from conftest import program_of, sequences_of, spec_of
from skattn._programs import pool
from skattn._programs.flows import Batches, Settings
from skattn._programs.threads import VARIABLE, settle_threads
from skattn._training.settings import NO_CLIPNORM

pytestmark = pytest.mark.slow


def batches_of(samples, weights):
    shares = np.full(len(samples), 1 / max(1, len(samples)), "float32")
    return Batches(samples, weights.astype("float32"), shares)


@cache
def trained(n_parts, batch_size, attention="additive", dropout=0.0):
    """Train two epochs on 12 sequences of unequal length and weight; return all numbers."""
    rng = np.random.default_rng(0)
    X, y = (rng.normal(size=shape).astype("float32") for shape in ((12, 5, 2), (12, 1)))
    X[::3, 3:] = np.nan
    program = program_of(spec_of(attention, dropout=dropout, optimizer="sgd"), n_parts)
    state = program.start(program.draw_parameters(np.random.RandomState(0)), dropout=dropout)
    samples = np.arange(12, dtype="int32").reshape(-1, batch_size)
    batches = batches_of(samples, rng.uniform(0.5, 1.5, samples.shape) / batch_size)
    data, rates = program.tensors(sequences_of(X), y), np.full(len(samples), 0.1, "float32")
    settings, losses = Settings(*map(np.float32, (0.0, 1.0, 0.5, 0.9))), []
    for _ in range(2):
        state, *of_epoch = program.train_epoch(state, data, batches, batches, rates, settings)
        losses.append(of_epoch)
    return np.array(losses), program.parameters(state)


def one_step(program, n_samples, weight=None, rate=0.1, dropout=0.0, equal=False):
    """Take a step of plain SGD on a batch of drawn samples; return parameters around it."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n_samples, 3, 2)).astype("float32"), np.ones((n_samples, 1), "float32")
    samples = np.arange(n_samples, dtype="int32")[np.newaxis] * (not equal)
    weights = np.full((1, n_samples), weight or 1 / n_samples)
    before = program.draw_parameters(np.random.RandomState(0))
    state = program.start(before, dropout=dropout)
    data, plain = program.tensors(sequences_of(X), y), (0.0, NO_CLIPNORM, 0.5, 0.0)
    batches, none = batches_of(samples, weights), batches_of(samples[:0], weights[:0])
    rates, settings = np.full(1, rate, "float32"), Settings(*map(np.float32, plain))
    state, *_ = program.train_epoch(state, data, batches, none, rates, settings)
    return before, program.parameters(state)


def assert_alike(found, expected):
    assert_allclose(found[0], expected[0], rtol=1e-4)
    for name, value in expected[1].items():
        assert_allclose(found[1][name], value, rtol=1e-4, atol=1e-6, err_msg=name)


# Parts


@pytest.mark.parametrize("n_parts", [2, 3])
@pytest.mark.parametrize("batch_size", [1, 2, 4, 12])
def test_parts_of_a_batch_train_as_the_batch_does(n_parts, batch_size):
    assert_alike(trained(n_parts, batch_size), trained(1, batch_size))


class AddsLoss(keras.layers.Dense):
    """Add half the squares of its kernel to the loss, by a call of `add_loss`."""

    def call(self, inputs):
        self.add_loss(0.5 * keras.ops.sum(keras.ops.square(self.kernel)))
        return super().call(inputs)


def attend_equally(layer, query, states, mask):
    weights = keras.ops.softmax(keras.ops.where(mask, 0.0, -1e9), axis=1)
    return query, keras.ops.einsum("nt,ntd->nd", weights, layer(states)), weights


def regularized(query, states, mask, spec):
    """Attend equally; half the squares of a kernel are a penalty, by Keras' own regularizer."""
    regularizer = keras.regularizers.L2(0.5)
    layer = keras.layers.Dense(4, kernel_regularizer=regularizer, name="own")
    return attend_equally(layer, query, states, mask)


def penalized(query, states, mask, spec):
    """Attend equally; half the squares of a kernel are a penalty, by `add_loss`."""
    return attend_equally(AddsLoss(4, name="own"), query, states, mask)


PENALTIES = pytest.mark.parametrize("attention", [regularized, penalized])


@PENALTIES
def test_with_a_penalty_too(attention):
    assert_alike(trained(2, 4, attention), trained(1, 4, attention))


@PENALTIES
@pytest.mark.parametrize("n_parts", [1, 2, 3])
@pytest.mark.parametrize("total", [1.0, 2.0])
def test_the_penalty_counts_once_for_a_batch(attention, n_parts, total):
    """As the output begins at zero, the penalty alone moves its kernel: by 1.9 · rate · kernel."""
    n_samples = 5
    program = program_of(spec_of(attention, optimizer="sgd"), n_parts)
    before, after = one_step(program, n_samples, weight=total / n_samples)
    assert_allclose(after["own/kernel"], (1 - 1.9 * 0.1) * before["own/kernel"], rtol=1e-5)


def test_each_part_drops_units_of_its_own():
    """Two parts of equal rows, with equal draws, would take the step of one of them."""
    steps = []
    for dropout in (0.0, 0.5):
        for n_parts in (1, 2):
            program = program_of(spec_of(None, dropout=dropout, optimizer="sgd"), n_parts)
            before, after = one_step(program, 16 * n_parts, dropout=dropout, equal=True)
            steps.append(after["output/kernel"] - before["output/kernel"])
    assert np.isfinite(steps).all()
    assert_allclose(steps[1], steps[0], rtol=1e-5)
    assert not np.allclose(steps[3], steps[2], rtol=1e-2)


def test_parts_with_dropout_draw_the_same_again():
    once, again = (trained.__wrapped__(2, 4, dropout=0.5) for _ in range(2))
    assert np.isfinite(once[0]).all()
    assert_array_equal(again[0], once[0])
    for name, value in once[1].items():
        assert_array_equal(again[1][name], value)


@pytest.fixture
def cut(monkeypatch):
    """Return what sets into how many parts later fits cut their batches."""
    return lambda n: monkeypatch.setattr(pool, "settle_threads", lambda: n)


# 36 samples train: those missing in the last batch, and in the last part, weigh nothing.
@pytest.mark.parametrize("batch_size", [1, 5, 32])
def test_a_fit_in_parts_is_the_fit(batch_size, cut, small, sequences):
    X, y = sequences
    X[::3, 4:] = np.nan
    params = {"optimizer": "sgd", "learning_rate": 0.01, "batch_size": batch_size}
    params |= {"early_stopping": True, "validation_fraction": 0.1}
    fits = []
    for n_parts in (1, 2, 3):
        cut(n_parts)
        model = small(**params).fit(X, y, sample_weight=np.linspace(0.5, 1.5, 40))
        curves = model.loss_curve_, model.validation_loss_curve_
        fits.append((np.array(curves), model.parameters_))
    for fit in fits[1:]:
        assert_alike(fit, fits[0])


def test_the_pool_keeps_a_program_for_each_number_of_parts(cut):
    own, got = pool.ProgramPool(capacity=4), []
    for n_parts in (1, 3, 1, 3):
        cut(n_parts)
        got.append(own.get(spec_of()))
    assert [program.n_parts for program in got] == [1, 3, 1, 3]
    assert got[2] is got[0]
    assert got[3] is got[1]


# The setting


def test_without_a_setting_a_batch_is_one_part(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert settle_threads() == 1


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


def in_a_new_process(code, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


FIT = """
import os, sys, joblib, numpy as np, skattn
from skattn import LSTMAttentionRegressor
X = np.random.default_rng(0).normal(size=(40, 6, 2))
y = X[:, 2, 0]
model = LSTMAttentionRegressor(units=4, epochs=2, random_state=0, n_members=1)

def found():
    model.fit(X, y)
    import tensorflow as tf
    from skattn._programs.pool import pool
    n_threads = tf.config.threading.get_intra_op_parallelism_threads()
    return n_threads, pool.programs()[-1].n_parts, os.environ["SKATTN_NUM_THREADS"]
"""


def test_set_before_the_first_fit_it_holds_here_and_in_workers(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    code = """
skattn.set_num_threads(np.int64(2))
print(*found())
print(*joblib.Parallel(2)(joblib.delayed(found)() for _ in range(1))[0])
skattn.set_num_threads(1)
print(*found())
"""
    printed = in_a_new_process(FIT + code)
    assert printed == ["1", "2", "2", *["1", "2", "2"], *["1", "1", "1"]]


def test_the_variable_alone_holds_and_results_are_the_same_to_rounding(
    monkeypatch, tmp_path, small, sequences
):
    X, y = sequences
    monkeypatch.delenv(VARIABLE, raising=False)
    code = """
predictions = []
for n in (3, 1):
    if n == 1:
        skattn.set_num_threads(n)
    print(*found())
    predictions.append(model.predict(X))
np.save(sys.argv[1], predictions)
"""
    path = tmp_path / "predictions.npy"
    printed = in_a_new_process(FIT + code, path, **{VARIABLE: "3"})
    assert printed == ["1", "3", "3", "1", "1", "1"]
    expected = small().fit(X, y).predict(X)
    for predictions in np.load(path):
        assert_allclose(predictions, expected, rtol=1e-4, atol=1e-5)


def test_after_tensorflow_has_started_it_is_an_error_and_nothing_is_set(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    code = """
model.fit(X, y)
for action in (lambda: skattn.set_num_threads(1), lambda: model.fit(X, y)):
    try:
        action()
    except RuntimeError as error:
        print("before the first fit, or set SKATTN_NUM_THREADS before" in str(error))
    print(os.environ.get("SKATTN_NUM_THREADS"))
    os.environ["SKATTN_NUM_THREADS"] = "2"
try:
    skattn.set_num_threads(1)
except RuntimeError:
    print(os.environ["SKATTN_NUM_THREADS"])
del os.environ["SKATTN_NUM_THREADS"]
print(len(model.fit(X, y).predict(X)))
"""
    assert in_a_new_process(FIT + code) == ["True", "None", "True", "2", "2", "40"]
