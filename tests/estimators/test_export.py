"""A fitted regressor as a Keras model and as a SciKeras regressor."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from skattn import LSTMAttentionClassifier, layers
from skattn._programs.spec import ATTENTIONS

pytestmark = pytest.mark.slow


def with_absent_steps(X):
    """Return a copy without some steps on the left, in the middle and on the right."""
    X = 3.0 * X + 10.0
    X[::4, 0] = X[1::4, 2:4] = X[2::4, 5:] = np.nan
    return X


def assert_predicts_as(model, fitted, X):
    predicted = np.asarray(model(X.astype("float32"), training=False))
    expected = fitted.predict(X)
    assert predicted.shape == (len(X), fitted.n_outputs_)
    np.testing.assert_allclose(predicted.reshape(expected.shape), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_keras_model_predicts_the_same(small, sequences, tmp_path, attention):
    X, y = sequences
    X, y = with_absent_steps(X), 100 + 50 * y
    fitted = small(attention, epochs=3, dropout=0.2).fit(X, y)
    model = fitted.to_keras()
    assert_predicts_as(model, fitted, X)
    np.testing.assert_allclose(model.predict(X, verbose=0)[:, 0], fitted.predict(X), rtol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(X), model(X))


@pytest.mark.parametrize(
    "params",
    [
        {"segment_length": 3},
        {"conv_filters": (4, 3), "segment_length": 2, "instance_norm": True},
        {"n_layers": 2, "bidirectional": True, "dropout": 0.3},
        {"standardize": False},
        {"relative_inputs": True, "linear_path": True},
        {"target_feature": 0, "segment_length": 2},
        {"n_members": 2},
        {"head_input": "context", "dense_units": (5,)},
    ],
    ids=lambda params: next(iter(params)),
)
def test_keras_model_of_other_networks_predicts_the_same(small, sequences, params):
    X, y = with_absent_steps(sequences[0]), sequences[1]
    fitted = small(**params).fit(X, y)
    assert_predicts_as(fitted.to_keras(), fitted, X)


@pytest.mark.parametrize("n_timesteps", [None, 3])
def test_keras_model_takes_two_dimensional_input(small, sequences, tmp_path, n_timesteps):
    X, y = sequences[0][:, :, 0].copy(), sequences[1]
    X[::3, :2] = X[1::3, 4:] = np.nan
    fitted = small(n_timesteps=n_timesteps).fit(X, y)
    model = fitted.to_keras()
    assert model.input_shape == (None, 6)
    assert_predicts_as(model, fitted, X)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(X), model(X))


@pytest.mark.parametrize("n_timesteps", [1, 2])
def test_keras_model_takes_one_column_or_one_step(small, sequences, n_timesteps):
    X, y = sequences[0][:, 0, :n_timesteps], sequences[1]
    fitted = small(n_timesteps=n_timesteps).fit(X, y)
    assert_predicts_as(fitted.to_keras(), fitted, X)


def test_keras_model_takes_two_dimensional_input_of_one_step(small, sequences):
    X, y = sequences[0][:, :, 0], sequences[1]
    fitted = small(n_timesteps=1).fit(X, y)
    assert fitted.to_keras().input_shape == (None, 6)
    assert_predicts_as(fitted.to_keras(), fitted, X)


def test_keras_model_predicts_several_outputs_and_other_lengths(small, sequences):
    X, y = sequences
    fitted = small().fit(X, np.c_[y, 100 - y, 7 * y])
    model = fitted.to_keras()
    assert model.output_shape == (None, 3)
    for n_steps in (2, 6):
        assert_predicts_as(model, fitted, X[:, :n_steps])
    assert_predicts_as(model, fitted, np.concatenate([X, X], axis=1))


def test_keras_model_is_a_copy(small, sequences):
    X, y = sequences
    fitted = small().fit(X, y)
    before, model = fitted.predict(X), fitted.to_keras()
    model.compile(loss="mse", optimizer="sgd")
    model.fit(X, y + 5, epochs=1, verbose=0)
    np.testing.assert_array_equal(fitted.predict(X), before)
    assert not np.allclose(model(X)[:, 0], before)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("n_outputs", [None, 1, 2], ids=["1-D", "one column", "two columns"])
@pytest.mark.parametrize("n_dims", [3, 2])
def test_scikeras_regressor_predicts_the_same(small, sequences, n_dims, n_outputs):
    X, y = sequences
    X = X if n_dims == 3 else X[:, :, 0]
    y = y if n_outputs is None else np.c_[y, 10 - y][:, :n_outputs]
    fitted = small().fit(X, y)
    regressor = fitted.to_scikeras()
    expected = fitted.predict(X)
    assert expected.shape == y.shape
    predicted = regressor.predict(X)
    np.testing.assert_allclose(predicted.reshape(expected.shape), expected, rtol=1e-5, atol=1e-5)
    assert predicted.shape == y.shape


@pytest.mark.filterwarnings("ignore")
def test_scikeras_regressor_can_be_scored_and_trained_further(small, sequences):
    X, y = sequences
    fitted = small().fit(X, y)
    regressor = fitted.to_scikeras()
    np.testing.assert_allclose(regressor.score(X, y), fitted.score(X, y), rtol=1e-4, atol=1e-4)
    before = regressor.predict(X)
    regressor.partial_fit(X, y)
    assert not np.array_equal(regressor.predict(X), before)


# Keras' own layers, and what converters make of them


def onnx_outputs(model, X, path):
    """Return what onnxruntime makes of an exported model."""
    import onnxruntime

    model.export(path, format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(path)
    (name,) = (each.name for each in session.get_inputs())
    return session.run(None, {name: X.astype("float32")})


CONVERTED = {
    "None": {"attention": None, "linear_path": "auto", "early_stopping": True},
    "mean": {"attention": "mean", "target_feature": 0},
    "dot": {"attention": "dot", "linear_path": True},
    "general": {"attention": "general", "n_layers": 2},
    "additive": {"attention": "additive", "n_members": 2, "segment_length": 3},
    "hierarchical": {"attention": "hierarchical"},
    "shapes": {
        "attention": "additive",
        "conv_filters": (4, 3),
        "segment_length": 2,
        "instance_norm": True,
    },
}


@pytest.mark.filterwarnings("ignore")  # of tf2onnx's own code
@pytest.mark.parametrize("params", CONVERTED.values(), ids=CONVERTED)
def test_onnx_runtime_predicts_the_same(small, sequences, tmp_path, params):
    X = np.concatenate([with_absent_steps(sequences[0]), sequences[0]])
    y = np.concatenate([sequences[1], 2 - sequences[1]])
    fitted = small(**params).fit(X, y)
    attends = fitted.attention is not None
    found = onnx_outputs(fitted.to_keras(return_attention=attends), X, tmp_path / "model.onnx")
    np.testing.assert_allclose(found[0][:, 0], fitted.predict(X), atol=1e-4 * y.std())
    if attends:
        np.testing.assert_allclose(found[1], fitted.attention_weights(X), atol=1e-5)


@pytest.mark.filterwarnings("ignore")  # of tf2onnx's own code
def test_onnx_runtime_gives_the_probabilities_of_classes(sequences, tmp_path):
    X = with_absent_steps(sequences[0])
    params = {"units": 4, "epochs": 2, "n_members": 2, "random_state": 0}
    fitted = LSTMAttentionClassifier("dot", **params).fit(X, np.arange(40) % 3)
    (probabilities,) = onnx_outputs(fitted.to_keras(), X, tmp_path / "model.onnx")
    np.testing.assert_allclose(probabilities, fitted.predict_proba(X), atol=1e-5)


def test_a_saved_model_serves_the_same(small, sequences, tmp_path):
    X, y = with_absent_steps(sequences[0]).astype("float32"), sequences[1]
    fitted = small(n_members=2, target_feature=0).fit(X, y)
    fitted.to_keras().export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    np.testing.assert_allclose(served.serve(X)[:, 0], fitted.predict(X), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_no_layer_is_skattns(small, sequences, attention):
    fitted = small(attention, target_feature=0).fit(with_absent_steps(sequences[0]), sequences[1])
    model = fitted.to_keras()
    kinds = {type(layer).__module__.partition(".")[0] for layer in model._flatten_layers()}
    assert kinds == {"keras"}


def test_a_process_without_skattn_predicts_the_same(small, sequences, tmp_path):
    X = with_absent_steps(sequences[0])
    fitted = small("hierarchical", n_members=2).fit(X, sequences[1])
    fitted.to_keras().save(tmp_path / "model.keras")
    np.save(tmp_path / "X.npy", X.astype("float32"))
    code = (
        "import sys; sys.modules['skattn'] = None\n"
        "import keras, numpy as np\n"
        "model = keras.models.load_model('model.keras')\n"
        "np.save('y.npy', model(np.load('X.npy')))\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    found = np.load(tmp_path / "y.npy")[:, 0]
    np.testing.assert_allclose(found, fitted.predict(X), rtol=1e-5, atol=1e-5)


def test_deviation_and_attention_are_further_outputs(small, sequences):
    X, y = with_absent_steps(sequences[0]), sequences[1]
    fitted = small(n_members=3, early_stopping=True, linear_path="auto").fit(X, np.c_[y, 5 - y])
    mean, std, weights = fitted.to_keras(return_std=True, return_attention=True)(X)
    expected = fitted.predict(X, return_std=True)
    np.testing.assert_allclose(mean, expected[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(std, expected[1], rtol=1e-4)
    np.testing.assert_allclose(weights, fitted.attention_weights(X), atol=1e-5)


@pytest.mark.parametrize("unit", [1e-25, 1e25])
def test_the_deviation_holds_in_units_whose_square_float32_does_not(small, sequences, unit):
    X, y = sequences
    fitted = small(n_members=2, early_stopping=True).fit(X, unit * y)
    mean, std = fitted.to_keras(return_std=True)(X)
    expected = fitted.predict(X, return_std=True)
    np.testing.assert_allclose(mean[:, 0], expected[0], rtol=1e-5, atol=1e-6 * unit)
    np.testing.assert_allclose(std[:, 0], expected[1], rtol=1e-5)


def test_the_format_of_images_does_not_reach_a_model(small, sequences):
    fitted = small(target_feature=0, early_stopping=True, linear_path="auto").fit(*sequences)
    keras.config.set_image_data_format("channels_first")
    try:
        assert_predicts_as(fitted.to_keras(), fitted, sequences[0])
    finally:
        keras.config.set_image_data_format("channels_last")


# Attentions that are callables


@keras.saving.register_keras_serializable(package="tests")
class Scores(keras.Model):
    """A model of a user's own, without a graph."""

    def build(self, shape):
        self.dense = keras.layers.Dense(1, name="scores_dense")
        self.dense.build(shape)

    def call(self, states):
        return self.dense(states)


def attend(scores, states, mask):
    weights = ops.softmax(ops.where(mask, ops.squeeze(scores, -1), -1e9), axis=-1)
    return ops.sum(states * ops.expand_dims(weights, -1), axis=1), weights


def by_a_sequential_model(query, states, mask, spec):
    dense = [keras.layers.Dense(n, name=f"own_{n}") for n in (3, 1)]
    return query, *attend(keras.Sequential(dense, name="own")(states), states, mask)


def by_a_model_without_a_graph(query, states, mask, spec):
    return query, *attend(Scores(name="own")(states), states, mask)


def by_states_that_begin_at_the_query(query, states, mask, spec):
    lstm = layers.LSTM(query.shape[-1], return_sequences=True, name="second")
    read = lstm(states, mask=mask, initial_state=[query, query])
    return query, *layers.DotAttention(name="look")(query=query, states=read, mask=mask)


def by_looking_twice(query, states, mask, spec):
    look = layers.AdditiveAttention(name="look")
    return query, *look(look(query, states, mask=mask)[0], states, mask=mask)


def without_weights(query, states, mask, spec):
    return query, query, None


@pytest.mark.parametrize(
    "attention",
    [
        by_a_sequential_model,
        by_a_model_without_a_graph,
        by_states_that_begin_at_the_query,
        by_looking_twice,
    ],
)
def test_attentions_of_a_users_own_predict_the_same(small, sequences, tmp_path, attention):
    X, y = with_absent_steps(sequences[0]), sequences[1]
    fitted = small(attention, n_members=2).fit(X, y)
    model = fitted.to_keras(return_attention=True)
    model.save(tmp_path / "model.keras")
    for each in (model, keras.models.load_model(tmp_path / "model.keras")):
        predicted, weights = each(X)
        np.testing.assert_allclose(predicted[:, 0], fitted.predict(X), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(weights, fitted.attention_weights(X), atol=1e-5)


def test_a_layer_that_is_called_twice_keeps_one_set_of_weights(small, sequences):
    model = small(by_looking_twice).fit(*sequences).to_keras()
    assert sum(weight.path == "look_query/kernel" for weight in model.weights) == 1


def test_outputs_that_a_fit_does_not_have_are_refused(small, sequences):
    with pytest.raises(ValueError, match=r"without_weights .* has none"):
        small(without_weights).fit(*sequences).to_keras(return_attention=True)
    with pytest.raises(ValueError, match="attention=None has none"):
        small(None).fit(*sequences).to_keras(return_attention=True)
    with pytest.raises(ValueError, match="return_std=True needs"):
        small().fit(*sequences).to_keras(return_std=True)
