"""The attention layers against a few lines of numpy, and by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from skattn import layers
from skattn.layers._attention import QueryAttention, attention_weights

RNG = np.random.default_rng(0)
STATES = RNG.normal(size=(3, 5, 4)).astype("float32")
QUERY = RNG.normal(size=(3, 4)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]], dtype=bool)


def softmax(scores, mask):
    weights = np.where(mask, np.exp(scores - scores.max(axis=-1, keepdims=True)), 0.0)
    return weights / weights.sum(axis=-1, keepdims=True)


def mean_scores(query, states, layer):
    return np.zeros(states.shape[:2])


def dot_scores(query, states, layer):
    return np.einsum("nd,ntd->nt", query, states) / np.sqrt(states.shape[2])


def general_scores(query, states, layer):
    (kernel,) = layer.get_weights()
    return np.einsum("nq,qd,ntd->nt", query, kernel, states) / np.sqrt(states.shape[2])


def additive_scores(query, states, layer):
    W1, W2, b, v = layer.get_weights()
    return (np.tanh(states @ W1 + (query @ W2)[:, np.newaxis] + b) @ v)[:, :, 0]


SCORES = {
    layers.MeanAttention: mean_scores,
    layers.DotAttention: dot_scores,
    layers.GeneralAttention: general_scores,
    layers.AdditiveAttention: additive_scores,
}
every_attention = pytest.mark.parametrize("cls", SCORES, ids=lambda cls: cls.__name__)


def built(cls, query=QUERY, **params):
    """Return a layer with random weights (also where its own would be zeros)."""
    layer = cls(**params)
    layer(query, STATES)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def test_products_are_scaled_in_the_precision_of_the_layer():
    states = RNG.normal(size=(2, 5, 3))
    _, weights = layers.DotAttention(dtype="float64")(states[:, -1], states)
    expected = softmax(dot_scores(states[:, -1], states, None), np.ones((2, 5), dtype=bool))
    np.testing.assert_allclose(weights, expected, rtol=1e-14)


@every_attention
@pytest.mark.parametrize("masked", [True, False])
def test_layer_equals_numpy(cls, masked):
    layer = built(cls)
    mask = MASK if masked else np.ones_like(MASK)
    context, weights = layer(QUERY, STATES, mask=MASK if masked else None)
    expected = softmax(SCORES[cls](QUERY, STATES, layer), mask)
    np.testing.assert_allclose(weights, expected, atol=1e-6)
    np.testing.assert_allclose(context, np.einsum("nt,ntd->nd", expected, STATES), atol=1e-6)


@pytest.mark.parametrize("cls", [layers.GeneralAttention, layers.AdditiveAttention])
def test_query_may_be_of_another_width(cls):
    query = QUERY[:, :3]
    layer = built(cls, query)
    _, weights = layer(query, STATES)
    expected = softmax(SCORES[cls](query, STATES, layer), np.ones_like(MASK))
    np.testing.assert_allclose(weights, expected, atol=1e-6)


@pytest.mark.parametrize("masked", [True, False])
def test_self_attention_equals_numpy(masked):
    outputs, weights = layers.SelfAttention()(STATES, mask=MASK if masked else None)
    scores = np.einsum("nsd,ntd->nst", STATES, STATES) / np.sqrt(4)
    mask = MASK if masked else np.ones_like(MASK)
    expected = softmax(scores, mask[:, np.newaxis])
    np.testing.assert_allclose(weights, expected, atol=1e-6)
    np.testing.assert_allclose(outputs, expected @ STATES, atol=1e-6)


def test_dot_attention_by_hand():
    """Scores 0 and √2 · ln 3 / √2 = ln 3 give the weights 1/4 and 3/4."""
    states = np.array([[[1.0, 0.0], [0.0, 1.0]]], dtype="float32")
    query = np.array([[0.0, np.sqrt(2.0) * np.log(3.0)]], dtype="float32")
    context, weights = layers.DotAttention()(query, states)
    np.testing.assert_allclose(weights, [[0.25, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(context, [[0.25, 0.75]], rtol=1e-6)


def test_general_attention_by_hand():
    """W turns the query (ln 3 · √2, 0) into (0, ln 3 · √2)."""
    states = np.array([[[4.0, 0.0], [0.0, 1.0]]], dtype="float32")
    query = np.array([[np.sqrt(2.0) * np.log(3.0), 0.0]], dtype="float32")
    layer = layers.GeneralAttention()
    layer(query, states)
    layer.set_weights([np.array([[0.0, 1.0], [0.0, 0.0]])])
    context, weights = layer(query, states)
    np.testing.assert_allclose(weights, [[0.25, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(context, [[1.0, 0.75]], rtol=1e-6)


def test_additive_attention_by_hand():
    """With W₁ = W₂ = 1, b = 0: tanh(½ - ½) = 0 and tanh(∞) = 1, times v = ln 3."""
    states = np.array([[[-0.5], [50.0]]], dtype="float32")
    query = np.array([[0.5]], dtype="float32")
    layer = layers.AdditiveAttention()
    layer(query, states)
    layer.set_weights([np.ones((1, 1)), np.ones((1, 1)), np.zeros(1), np.log([[3.0]])])
    _, weights = layer(query, states)
    np.testing.assert_allclose(weights, [[0.25, 0.75]], rtol=1e-6)


def test_self_attention_by_hand():
    """Each unit step scores itself √2 · ln 3 / √2 and the other 0."""
    side = np.sqrt(np.sqrt(2.0) * np.log(3.0))
    states = np.array([[[side, 0.0], [0.0, side]]], dtype="float32")
    outputs, weights = layers.SelfAttention()(states)
    np.testing.assert_allclose(weights, [[[0.75, 0.25], [0.25, 0.75]]], rtol=1e-6)
    np.testing.assert_allclose(outputs, side * weights, rtol=1e-6)


@every_attention
def test_weights_sum_to_one_and_are_zero_on_masked_steps(cls):
    weights = built(cls)(QUERY, 30 * STATES, mask=MASK)[1].numpy()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-6)
    assert (weights[~MASK] == 0.0).all()
    assert (weights >= 0.0).all()


def test_self_weights_sum_to_one_and_are_zero_on_masked_steps():
    weights = layers.SelfAttention()(STATES, mask=MASK)[1].numpy()
    np.testing.assert_allclose(weights.sum(axis=2), 1.0, rtol=1e-6)
    assert (weights.swapaxes(1, 2)[~MASK] == 0.0).all()


@every_attention
def test_masked_steps_change_nothing(cls):
    layer = built(cls)
    other = np.where(MASK[:, :, np.newaxis], STATES, 1e3).astype("float32")
    context, weights = layer(QUERY, STATES, mask=MASK)
    other_context, other_weights = layer(QUERY, other, mask=MASK)
    np.testing.assert_array_equal(weights, other_weights)
    np.testing.assert_array_equal(context, other_context)


@every_attention
def test_weights_follow_the_steps_when_these_are_permuted(cls):
    layer = built(cls)
    order = [3, 0, 4, 1, 2]
    context, weights = layer(QUERY, STATES)
    permuted_context, permuted = layer(QUERY, STATES[:, order])
    np.testing.assert_allclose(permuted, weights.numpy()[:, order], atol=1e-6)
    np.testing.assert_allclose(permuted_context, context, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_lowest_score_is_finite_in_every_type(dtype):
    scores = tf.constant([[-5e4, 3.0]], dtype)
    np.testing.assert_array_equal(attention_weights(scores, [[True, False]]), [[1.0, 0.0]])


@every_attention
def test_saved_layer_gives_the_same(cls, tmp_path):
    query, states = keras.Input((4,)), keras.Input((None, 4))
    params = {"units": 7} if cls is layers.AdditiveAttention else {}
    model = keras.Model([query, states], built(cls, **params)(query, states))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for saved, original in zip(loaded([QUERY, STATES]), model([QUERY, STATES]), strict=True):
        np.testing.assert_array_equal(saved, original)


def test_saved_self_attention_gives_the_same(tmp_path):
    states = keras.Input((None, 4))
    model = keras.Model(states, layers.SelfAttention()(states))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for saved, original in zip(loaded(STATES), model(STATES), strict=True):
        np.testing.assert_array_equal(saved, original)


@pytest.mark.parametrize(("units", "width"), [(None, 4), (7, 7)])
def test_additive_units(units, width):
    layer = built(layers.AdditiveAttention, units=units)
    shapes = [w.shape for w in layer.get_weights()]
    assert shapes == [(4, width), (4, width), (width,), (width, 1)]
    assert layer.get_config()["units"] == units


def test_base_class_refuses():
    with pytest.raises(TypeError, match=r"QueryAttention is a base class.*Use DotAttention"):
        QueryAttention()(QUERY, STATES)


def test_mask_ends_at_the_context_and_goes_through_self_attention():
    assert layers.DotAttention().compute_mask(QUERY, STATES) is None
    assert layers.SelfAttention().compute_mask(STATES, MASK) == (MASK, None)


@every_attention
def test_one_step_has_the_whole_weight(cls):
    np.testing.assert_array_equal(built(cls)(QUERY, STATES[:, :1])[1], np.ones((3, 1)))
