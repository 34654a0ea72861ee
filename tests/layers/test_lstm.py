"""`skattn.layers.LSTM` against `keras.layers.LSTM`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from skattn.layers import LSTM

LENGTHS = [7, 4, 1, 5]

directions = pytest.mark.parametrize(
    "direction",
    [{}, {"go_backwards": True}, {"bidirectional": True}],
    ids=["forwards", "backwards", "bidirectional"],
)


@pytest.fixture(name="X")
def _sequences():
    return np.random.default_rng(0).normal(size=(4, 7, 3)).astype("float32")


@pytest.fixture
def mask():
    return np.arange(7) < np.array(LENGTHS)[:, np.newaxis]


def twins(X, bidirectional=False, **params):
    """Return skattn's and Keras' layer with the same random weights."""
    params = {"return_sequences": True, "return_state": True, **params}
    made = [LSTM(5, **params), keras.layers.LSTM(5, **params)]
    if bidirectional:
        made = [keras.layers.Bidirectional(layer) for layer in made]
    for layer in made:
        layer(X)
    rng = np.random.default_rng(1)
    weights = [rng.normal(scale=0.5, size=w.shape) for w in made[0].get_weights()]
    for layer in made:
        layer.set_weights(weights)
    return made


def run(layer, X, cut=lambda sequences: sequences, **call):
    """Return the outputs, and the gradients of a curved loss, of a layer on X.

    `cut` takes what counts from the sequence of outputs.
    """
    X = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(X)
        outputs = layer(X, **call)
        outputs = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
        outputs[0] = cut(outputs[0])
        loss = sum(
            tf.reduce_mean(tf.sin((1.0 + position) * output))
            for position, output in enumerate(outputs)
        )
    gradients = tape.gradient(loss, [X, *(w.value for w in layer.trainable_variables)])
    return outputs, gradients


def assert_same(ours, theirs):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


def assert_twins_agree(X, cut=lambda sequences: sequences, call=None, **params):
    fused, reference = twins(X, **params)
    outputs, gradients = run(fused, X, cut, **(call or {}))
    expected_outputs, expected_gradients = run(reference, X, cut, **(call or {}))
    assert_same(outputs, expected_outputs)
    assert_same(gradients, expected_gradients)
    assert any(np.abs(g).max() > 0.01 for g in gradients)


@pytest.mark.parametrize("return_state", [True, False])
@pytest.mark.parametrize("return_sequences", [True, False])
@directions
def test_outputs_states_and_gradients_are_those_of_keras(
    X, direction, return_sequences, return_state
):
    assert_twins_agree(
        X,
        **direction,
        return_sequences=return_sequences,
        return_state=return_state,
    )


@directions
def test_masked_sequences_agree_on_present_steps_and_states(X, mask, direction):
    present = mask[:, ::-1] if "go_backwards" in direction else mask
    assert_twins_agree(
        X,
        cut=lambda sequences: tf.boolean_mask(sequences, present),
        call={"mask": tf.constant(mask)},
        **direction,
    )


def test_masked_last_output_is_that_of_keras(X, mask):
    assert_twins_agree(X, call={"mask": tf.constant(mask)}, return_sequences=False)


def test_masked_sequence_equals_the_short_sequence(X, mask):
    layer, _ = twins(X)
    outputs, hidden, cell = layer(X, mask=tf.constant(mask))
    for row, length in enumerate(LENGTHS):
        alone = layer(X[row : row + 1, :length])
        np.testing.assert_allclose(outputs[row, :length], alone[0][0], atol=1e-6)
        np.testing.assert_allclose(hidden[row], alone[1][0], atol=1e-6)
        np.testing.assert_allclose(cell[row], alone[2][0], atol=1e-6)


def test_outputs_at_absent_steps_are_zero(X, mask):
    layer, _ = twins(X)
    assert not np.any(layer(X, mask=tf.constant(mask))[0].numpy()[~mask])


@pytest.mark.parametrize("masked", [True, False])
def test_initial_state_is_used_as_keras_uses_it(X, mask, masked):
    rng = np.random.default_rng(2)
    state = [tf.constant(rng.normal(size=(4, 5)), "float32") for _ in range(2)]
    assert_twins_agree(
        X,
        cut=lambda sequences: tf.boolean_mask(sequences, mask) if masked else sequences,
        call={"initial_state": state, "mask": tf.constant(mask) if masked else None},
    )


def test_one_step_by_hand():
    """With zero kernels c = σ(b_i) tanh(b_c) and h = σ(b_o) tanh(c)."""
    layer = LSTM(1, return_state=True)
    layer(np.ones((1, 1, 2), dtype="float32"))
    i, f, c, o = 0.3, -0.2, 0.7, 1.1
    layer.set_weights([np.zeros((2, 4)), np.zeros((1, 4)), np.array([i, f, c, o])])
    _, hidden, cell = layer(np.ones((1, 1, 2), dtype="float32"))
    expected_cell = np.tanh(c) / (1 + np.exp(-i))
    np.testing.assert_allclose(cell, [[expected_cell]], rtol=1e-6)
    np.testing.assert_allclose(hidden, [[np.tanh(expected_cell) / (1 + np.exp(-o))]], rtol=1e-6)


@pytest.mark.parametrize(
    "params",
    [
        {"activation": "relu"},
        {"recurrent_activation": "hard_sigmoid"},
        {"use_bias": False},
        {"unroll": True},
        {"dropout": 0.5},
        {"recurrent_dropout": 0.5},
        {"dtype": "float64"},
    ],
    ids=lambda params: next(iter(params)),
)
def test_other_arguments_run_as_in_keras(X, params):
    X = X.astype(params.get("dtype", "float32"))
    assert_twins_agree(X, **params)


@pytest.mark.parametrize(("visible", "fused"), [(["GPU:0"], False), ([], True)])
def test_the_kernel_runs_where_no_gpu_is_visible(X, monkeypatch, visible, fused):
    """A GPU of the machine that the user has hidden does not count."""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0"])
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: visible)
    layer, _ = twins(X)
    graph = tf.function(layer).get_concrete_function(tf.constant(X)).graph
    assert ("BlockLSTMV2" in {operation.type for operation in graph.get_operations()}) == fused


def test_dropout_inside_the_layer_drops_in_training(X):
    layer, _ = twins(X, dropout=0.5)
    assert not np.allclose(layer(X, training=True)[0], layer(X, training=False)[0])


@pytest.mark.parametrize(
    "row",
    [
        [0, 1, 1, 1, 1, 1, 1],
        [1, 1, 0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ],
    ids=["left", "middle", "empty"],
)
@pytest.mark.parametrize("in_graph", [True, False])
def test_a_mask_that_is_not_right_padded_is_refused(X, mask, row, in_graph):
    layer, _ = twins(X)
    mask[1] = row
    call = tf.function(layer) if in_graph else layer
    with pytest.raises(tf.errors.InvalidArgumentError, match="present steps followed by absent"):
        call(tf.constant(X), mask=tf.constant(mask))


def test_one_trace_serves_every_length_and_number_of_rows(X):
    layer, _ = twins(X)
    traces = []

    signature = [tf.TensorSpec((None, None, 3)), tf.TensorSpec((None, None), "bool")]

    @tf.function(input_signature=signature)
    def run_layer(sequences, mask):
        traces.append(1)
        return layer(sequences, mask=mask)

    for n_rows, n_steps in [(4, 7), (2, 3), (1, 1)]:
        part = X[:n_rows, :n_steps]
        outputs = run_layer(part, np.ones(part.shape[:2], bool))
        np.testing.assert_allclose(outputs[0], layer(part)[0], atol=1e-6)
    assert len(traces) == 1


def test_config_round_trip():
    layer = LSTM(5, return_sequences=True, go_backwards=True, unit_forget_bias=False, name="x")
    again = LSTM.from_config(layer.get_config())
    assert type(again) is LSTM
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("bidirectional", [True, False])
def test_saved_model_predicts_the_same(X, tmp_path, bidirectional):
    layer = LSTM(5)
    inputs = keras.Input((None, 3))
    outputs = (keras.layers.Bidirectional(layer) if bidirectional else layer)(inputs)
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    inner = loaded.layers[-1].forward_layer if bidirectional else loaded.layers[-1]
    assert type(inner) is LSTM
    np.testing.assert_array_equal(loaded(X), model(X))
    np.testing.assert_array_equal(loaded(X[:, :2]), model(X[:, :2]))
