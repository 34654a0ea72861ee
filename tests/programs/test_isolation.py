"""Programs are nobody's neighbour: global settings neither reach them nor are changed by them."""

import subprocess
import sys
from contextlib import ExitStack, contextmanager, nullcontext

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal

from skattn import load, save
from skattn._programs import pool

pytestmark = pytest.mark.slow


@contextmanager
def setting(read, write, value):
    before = read()
    write(value)
    try:
        yield
    finally:
        write(before)


def floatx(value):
    return setting(keras.config.floatx, keras.config.set_floatx, value)


def policy(value):
    return setting(keras.config.dtype_policy, keras.config.set_dtype_policy, value)


def epsilon(value):
    return setting(keras.config.epsilon, keras.config.set_epsilon, value)


def image_format(value):
    read, write = keras.config.image_data_format, keras.config.set_image_data_format
    return setting(read, write, value)


def eagerly(value):
    read, write = tf.config.functions_run_eagerly, tf.config.run_functions_eagerly
    return setting(read, write, value)


@contextmanager
def all_of(*managers):
    with ExitStack() as stack:
        for manager in managers:
            stack.enter_context(manager)
        yield


#: Few, as each compiles a program.
NEIGHBOURS = {
    "scopes": lambda: all_of(
        keras.name_scope("outer"), tf.name_scope("outer"), tf.device("/CPU:0"), tf.GradientTape()
    ),
    "float16": lambda: all_of(policy("mixed_float16"), floatx("float16")),
    "float64": lambda: all_of(floatx("float64"), policy("float64"), epsilon(0.01), eagerly(True)),
    "images": lambda: image_format("channels_first"),
}


class HalvesRate(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 0.5 * float(self.model.optimizer.learning_rate)


def numbers_of(fitted):
    """Return all numbers of a fit, and what it predicts, by name."""
    model, X = fitted
    found = {"prediction": model.predict(X), "attention": model.attention_weights(X)}
    return found | model.parameters_ | {"rates": np.array(model.learning_rate_curve_)}


@pytest.fixture
def fit(small, sequences):
    """Return what fits a network with layers of every kind that scopes and types may reach."""
    X, y = sequences
    X[::3, 4:] = np.nan
    params = {"dropout": 0.3, "target_feature": 0, "segment_length": 2, "dense_units": (3,)}
    params |= {"conv_filters": (2,), "instance_norm": True}
    return lambda callbacks=None: (small(callbacks=callbacks, **params).fit(X, y), X)


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.dtype, name
        assert_array_equal(found[name], value, err_msg=name)


@pytest.fixture(scope="module")
def alone():
    return {}


@pytest.mark.parametrize("neighbour", NEIGHBOURS.values(), ids=NEIGHBOURS)
def test_a_fit_beside_others_is_the_fit_alone(fit, alone, neighbour, monkeypatch, tmp_path):
    """Compiled inside, with a callback too, saved there, and used again afterwards."""
    if not alone:
        alone |= {"plain": numbers_of(fit()), "listening": numbers_of(fit([HalvesRate()]))}
    monkeypatch.setattr(pool, "pool", pool.ProgramPool(capacity=4))
    with neighbour():
        model, X = fit()
        assert_same(numbers_of((model, X)), alone["plain"])
        if keras.config.floatx() != "float16":  # in which callbacks would see the learning rate
            assert_same(numbers_of(fit([HalvesRate()])), alone["listening"])
        save(model, tmp_path / "model")
    assert_same(numbers_of((load(tmp_path / "model"), X)), alone["plain"])
    assert_same(numbers_of(fit()), alone["plain"])


@pytest.mark.usefixtures("own_pool")
def test_what_is_set_globally_stays_set(fit):
    with floatx("float64"), policy("mixed_float16"), keras.name_scope("outer"):
        fit([HalvesRate()])
        assert keras.config.floatx() == "float64"
        assert keras.config.dtype_policy().name == "mixed_float16"
        layer = keras.layers.Dense(1)
        layer.build((None, 1))
        assert layer.kernel.path.startswith("outer/")


def own(query, states, mask, spec):
    """Attend with layers that say nothing about their types."""
    states = keras.layers.Dense(3, name="own_dense")(keras.layers.Dropout(0.2)(states))
    weights = keras.ops.cast(mask, states.dtype)
    weights /= keras.ops.sum(weights, axis=1, keepdims=True)
    return query, keras.ops.einsum("nt,ntd->nd", weights, states), weights


def test_nor_do_they_reach_the_layers_of_a_users_own_attention(small, sequences, monkeypatch):
    models = []
    for scope in (NEIGHBOURS["float16"], nullcontext):
        monkeypatch.setattr(pool, "pool", pool.ProgramPool(capacity=1))
        with scope():
            models.append(small(own).fit(*sequences))
    assert_same(*(model.parameters_ for model in models))
    assert_array_equal(*(model.predict(sequences[0]) for model in models))


@pytest.mark.parametrize("neighbour", NEIGHBOURS)
def test_exports_are_what_they_are_alone(small, sequences, neighbour):
    X, y = sequences
    model = small(n_members=2).fit(X, y)
    predictions = []
    for scope in (NEIGHBOURS[neighbour], nullcontext):
        with scope():
            exported = model.to_keras()
        predictions.append(np.array(exported(X.astype("float32"))))
    assert predictions[0].dtype == predictions[1].dtype == "float32"
    assert_array_equal(*predictions)


CHECKED = """
import numpy as np, tensorflow as tf
from skattn import LSTMAttentionRegressor
X = np.random.default_rng(0).normal(size=(60, 6, 2))
y = X[:, 2, 0].copy()
unequal = [sequence[: 3 + number % 4] for number, sequence in enumerate(X)]
tf.debugging.enable_check_numerics()
try:
    for data in (X, unequal):
        model = LSTMAttentionRegressor(units=4, epochs=2, dropout=0.2,
            early_stopping=True, n_members=2, random_state=0, target_feature=0).fit(data, y)
        print(np.isfinite(model.predict(data)).all())
        print(np.isfinite(model.attention_weights(data)).all())
finally:
    tf.debugging.disable_check_numerics()
print(bool((model.fit(unequal, y).predict(unequal) == model.predict(unequal)).all()))
"""


def test_check_numerics_finds_nothing_where_nothing_is_missing():
    """In a process of its own, as TensorFlow keeps some of it."""
    command = [sys.executable, "-W", "ignore", "-c", CHECKED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True"] * 5, done.stderr[-2000:]
