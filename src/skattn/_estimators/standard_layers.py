"""A network in Keras' own layers and operations, which every converter and server knows."""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from .. import layers
from ..layers._attention import attention_weights, scaled_products, weighted_sum


def in_standard_layers(model):
    """Return a model that predicts the same without a layer of skattn.

    Layers of the caller's own, in an attention that is a callable, stay as they are.

    Parameters
    ----------
    model : keras.Model
        A functional model; it shares its weights with the one that is returned, but for those
        of LSTM, attention and gain.

    Returns
    -------
    model : keras.Model
    """
    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=_call)


def _call(layer, *args, **kwargs):
    """Call a layer, or what stands for it, on symbolic tensors."""
    if isinstance(layer, keras.Model):
        return in_standard_layers(layer)(*args, **kwargs)
    if isinstance(layer, keras.layers.Bidirectional) and type(layer.forward_layer) is layers.LSTM:
        return _bidirectional(layer, *args, **kwargs)
    return STANDARD.get(type(layer), _as_it_is)(layer, *args, **kwargs)


def _as_it_is(layer, *args, **kwargs):
    return layer(*args, **kwargs)


def _its_operations(layer, *args, **kwargs):
    """Record the operations of a layer without weights in place of the layer."""
    return layer.call(*args, **kwargs)


def _present_steps(layer, sequences):
    """Split sequences by a condition of their own shape.

    Where shapes differ, the converter to ONNX multiplies with 0, and 0 · NaN is NaN.
    """
    n_features = sequences.shape[-1]
    absent = ops.isnan(ops.take(sequences, np.zeros(n_features, "int32"), axis=-1))
    return ops.where(absent, 0.0, sequences), ops.logical_not(absent[:, :, 0])


def _lstm(layer, sequences, mask=None, training=None):
    lstm = keras.layers.LSTM.from_config(layer.get_config())
    outputs = lstm(sequences, mask=mask, training=training)
    lstm.set_weights(layer.get_weights())
    return outputs


def _bidirectional(layer, sequences, mask=None, training=None):
    lstm = keras.layers.LSTM.from_config(layer.forward_layer.get_config())
    both = keras.layers.Bidirectional(lstm, merge_mode=layer.merge_mode, name=layer.name)
    outputs = both(sequences, mask=mask, training=training)
    both.set_weights(layer.get_weights())
    return outputs


def _dropout(layer, inputs, training=None):
    return keras.layers.Dropout(float(layer.rate), name=layer.name)(inputs, training=training)


def _relative_steps(layer, values, mask):
    last = layers.LastSteps().call(values, mask)
    gain = keras.layers.Rescaling(layer.gain.numpy().tolist(), name=f"{layer.name}_gain")
    relative = ops.where(ops.expand_dims(mask, -1), gain(values - last), 0.0)
    return relative, last[:, 0]


def _dense(name, inputs, kernel, bias=None):
    dense = keras.layers.Dense(kernel.shape[-1], use_bias=bias is not None, name=name)
    outputs = dense(inputs)
    dense.set_weights([kernel] if bias is None else [kernel, bias])
    return outputs


def _general_attention(layer, query, states, mask=None):
    looked_for = _dense(f"{layer.name}_query", query, layer.kernel)
    return _attend(scaled_products(looked_for, states), states, mask)


def _additive_attention(layer, query, states, mask=None):
    looked_for = _dense(f"{layer.name}_query", query, layer.query_kernel, layer.bias)
    found = _dense(f"{layer.name}_states", states, layer.states_kernel)
    hidden = ops.tanh(found + ops.expand_dims(looked_for, 1))
    scores = _dense(f"{layer.name}_scores", hidden, layer.scores_kernel)
    return _attend(ops.squeeze(scores, -1), states, mask)


def _attend(scores, states, mask):
    weights = attention_weights(scores, mask)
    return weighted_sum(weights, states), weights


#: Layer of skattn → function ``(layer, *inputs) -> outputs`` that stands for it.
STANDARD: dict[type, Callable] = {
    layers.AdditiveAttention: _additive_attention,
    layers.DotAttention: _its_operations,
    layers.Dropout: _dropout,
    layers.GeneralAttention: _general_attention,
    layers.LSTM: _lstm,
    layers.LastSteps: _its_operations,
    layers.LeftAlign: _its_operations,
    layers.MeanAttention: _its_operations,
    layers.PresentSteps: _present_steps,
    layers.RelativeSteps: _relative_steps,
    layers.Segments: _its_operations,
    layers.SelfAttention: _its_operations,
}
