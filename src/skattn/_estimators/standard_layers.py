"""A network in Keras' own layers and operations, which every converter and server knows."""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from .. import layers
from ..layers._attention import attention_weights, scaled_products, weighted_sum


def in_standard_layers(model):
    """Return a model that predicts the same without a layer of skattn.

    Layers and models of the caller's own, in an attention that is a callable, stay as they are;
    only a functional model is taken apart.

    Parameters
    ----------
    model : keras.Model
        A functional model; it shares its weights with the one that is returned, but for those
        of LSTM, attention and gain.

    Returns
    -------
    model : keras.Model
    """
    stand_ins: dict[keras.Layer, Callable] = {}  # one for each layer, however often it is called

    def call(layer, *args, **kwargs):
        if layer not in stand_ins:
            stand_ins[layer] = _stand_in(layer)
        return stand_ins[layer](*args, **kwargs)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


def _stand_in(layer):
    """Return what is called on symbolic tensors in the place of a layer."""
    if isinstance(layer, keras.Function):
        return in_standard_layers(layer)
    if isinstance(layer, keras.layers.Bidirectional) and type(layer.forward_layer) is layers.LSTM:
        return _bidirectional(layer)
    return STANDARD[type(layer)](layer) if type(layer) in STANDARD else layer


def _its_operations(layer):
    """Record the operations of a layer without weights in place of the layer."""
    return layer.call


def _present_steps(layer):
    """Split sequences by a condition of their own shape.

    Where shapes differ, the converter to ONNX multiplies with 0, and 0 · NaN is NaN.
    """

    def split(sequences):
        n_features = sequences.shape[-1]
        absent = ops.isnan(ops.take(sequences, np.zeros(n_features, "int32"), axis=-1))
        return ops.where(absent, 0.0, sequences), ops.logical_not(absent[:, :, 0])

    return split


def _lstm(layer):
    return _with_weights_of(layer, keras.layers.LSTM.from_config(layer.get_config()))


def _bidirectional(layer):
    lstm = keras.layers.LSTM.from_config(layer.forward_layer.get_config())
    both = keras.layers.Bidirectional(lstm, merge_mode=layer.merge_mode, name=layer.name)
    return _with_weights_of(layer, both)


def _with_weights_of(layer, recurrent):
    kernel, *_ = layer.get_weights()
    recurrent.build((None, None, len(kernel)))
    recurrent.set_weights(layer.get_weights())
    return recurrent


def _dropout(layer):
    return keras.layers.Dropout(float(layer.rate), name=layer.name)


def _relative_steps(layer):
    gain = layer.gain.numpy()

    def relative(values, mask):
        last = layers.LastSteps().call(values, mask)
        steps = ops.where(ops.expand_dims(mask, -1), (values - last) * gain, 0.0)
        return steps, last[:, 0]

    return relative


def _dense(name, kernel, bias=None):
    dense = keras.layers.Dense(kernel.shape[-1], use_bias=bias is not None, name=name)
    dense.build((None, kernel.shape[0]))
    dense.set_weights([kernel] if bias is None else [kernel, bias])
    return dense


def _general_attention(layer):
    look = _dense(f"{layer.name}_query", layer.kernel)

    def attend(query, states, mask=None):
        return _attend(scaled_products(look(query), states), states, mask)

    return attend


def _additive_attention(layer):
    look = _dense(f"{layer.name}_query", layer.query_kernel, layer.bias)
    find = _dense(f"{layer.name}_states", layer.states_kernel)
    score = _dense(f"{layer.name}_scores", layer.scores_kernel)

    def attend(query, states, mask=None):
        hidden = ops.tanh(find(states) + ops.expand_dims(look(query), 1))
        return _attend(ops.squeeze(score(hidden), -1), states, mask)

    return attend


def _attend(scores, states, mask):
    weights = attention_weights(scores, mask)
    return weighted_sum(weights, states), weights


#: Layer of skattn → function ``layer -> callable`` that makes what is called in its place.
STANDARD: dict[type, Callable] = {
    layers.AdditiveAttention: _additive_attention,
    layers.DotAttention: _its_operations,
    layers.Dropout: _dropout,
    layers.GeneralAttention: _general_attention,
    layers.LSTM: _lstm,
    layers.LastSteps: _its_operations,
    layers.LeftAlign: _its_operations,
    layers.MeanAttention: _its_operations,
    layers.NormalizedSteps: _its_operations,
    layers.PresentSteps: _present_steps,
    layers.RelativeSteps: _relative_steps,
    layers.Segments: _its_operations,
    layers.SelfAttention: _its_operations,
}
