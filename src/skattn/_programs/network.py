"""The networks: one LSTM encoder, six attentions, one head.

`NETWORKS` maps each attention's name to its builder. A user's own attention is a
callable with the same signature.
"""

import random
from contextlib import contextmanager

import keras
from keras import ops

from .. import layers
from ..layers._attention import weighted_sum
from .spec import convolutions, parts_of_segments

#: The type of every layer, whatever Keras' global policy says.
DTYPE = "float32"


def _no_attention(query, states, mask, spec):
    """Pass the last state on: the plain LSTM."""
    return query, None, None


def _mean(query, states, mask, spec):
    """Mean pooling over the present steps: the control."""
    return query, *layers.MeanAttention(name="attention", dtype=DTYPE)(query, states, mask=mask)


def _dot(query, states, mask, spec):
    """Luong's dot score."""
    return query, *layers.DotAttention(name="attention", dtype=DTYPE)(query, states, mask=mask)


def _general(query, states, mask, spec):
    """Luong's general score."""
    return query, *layers.GeneralAttention(name="attention", dtype=DTYPE)(query, states, mask=mask)


def _additive(query, states, mask, spec):
    """Bahdanau's additive score."""
    return query, *layers.AdditiveAttention(name="attention", dtype=DTYPE)(query, states, mask=mask)


def _hierarchical(query, states, mask, spec):
    """Self-attention, a second LSTM of half the width, then additive attention."""
    summaries, self_weights = layers.SelfAttention(name="self_attention", dtype=DTYPE)(
        states, mask=mask
    )
    states, query, _ = layers.LSTM(
        max(1, spec.units // 2),
        return_sequences=True,
        return_state=True,
        name="summary_lstm",
        dtype=DTYPE,
    )(summaries, mask=mask)
    query, context, summary_weights = _additive(query, states, mask, spec)
    effective = weighted_sum(summary_weights, self_weights)
    present = ops.expand_dims(ops.cast(mask, self_weights.dtype), -1)
    levels = {"steps": effective, "self": self_weights * present, "summary": summary_weights}
    return query, context, levels


#: Attention name → builder ``(query, states, mask, spec) -> (query, context, weights)``.
#:
#: ``query`` has shape (n_samples, d), ``states`` (n_samples, n_timesteps, d) and
#: ``mask`` (n_samples, n_timesteps), True at present steps. ``context`` has shape
#: (n_samples, any width); ``weights`` is a tensor (n_samples, n_timesteps), or a
#: dict whose key "steps" holds that tensor and whose other keys name the levels
#: below it, each (n_samples, n_timesteps) or (n_samples, n_timesteps, n_timesteps).
#: ``context`` and ``weights`` are None where there is no attention.
NETWORKS = {
    None: _no_attention,
    "mean": _mean,
    "dot": _dot,
    "general": _general,
    "additive": _additive,
    "hierarchical": _hierarchical,
}

#: What the head reads, from the query and the context.
HEAD_INPUTS = {
    "concat": lambda query, context: ops.concatenate([query, context], axis=-1),
    "context": lambda query, context: context,
}


def assemble(spec):
    """Build the network of a `NetworkSpec`.

    Parameters
    ----------
    spec : NetworkSpec
        Spec of the network.

    Returns
    -------
    network : keras.Model
        Maps sequences (n_samples, n_timesteps, n_features), right-padded with NaN, to
        a dict: "prediction" of shape (n_samples, n_outputs) and, where there is
        attention, "steps" of shape (n_samples, n_timesteps) and each further level.
    """
    sequences = keras.Input((None, spec.n_features), name="sequences", dtype=DTYPE)
    values, mask = layers.PresentSteps(name="present_steps", dtype=DTYPE)(sequences)
    level = linear = membership = own_levels = None
    if spec.relative:
        values, level = layers.RelativeSteps(name="relative_steps", dtype=DTYPE)(values, mask)
    if spec.linear_steps:
        linear = _linear_path(values, mask, level, spec)
    if spec.instance_norm:
        values, own_levels = layers.NormalizedSteps(name="normalized_steps", dtype=DTYPE)(
            values, mask
        )
    if spec.segment_length > 1:
        values, mask, membership = layers.Segments(
            spec.segment_length, name="segments", dtype=DTYPE
        )(values, mask)
    states, query = _encode(_convolve(values, own_levels, mask, spec), mask, spec)
    build = spec.attention if callable(spec.attention) else NETWORKS[spec.attention]
    built = build(query, states, mask, spec)
    if not isinstance(built, tuple) or len(built) != 3:
        raise ValueError(
            f"attention={spec.attention!r} must return a tuple (query, context, weights). "
            f"Got {built!r}."
        )
    query, context, weights = built
    prediction = _head(query, context, level, spec)
    if linear is not None:
        prediction = keras.layers.Add(name="with_linear_path", dtype=DTYPE)([prediction, linear])
    outputs = {**_per_step(weights, membership), "prediction": prediction}
    return keras.Model(sequences, outputs, name="lstm_attention")


def _with_levels(values, levels, mask):
    """Give each present step the levels of its sequence as further features."""
    present = ops.expand_dims(ops.cast(mask, DTYPE), -1)
    return ops.concatenate([values, present * ops.expand_dims(levels, 1)], axis=-1)


def _convolve(values, levels, mask, spec):
    """Read the parts of segments with their neighbours; return the maxima over each segment.

    Absent parts are 0, as beyond the ends. Without convolutions a segment is one part.
    """
    n_parts = parts_of_segments(spec)
    if n_parts > 1:
        values = _reshaped(values, (-1, values.shape[-1] // n_parts), name="parts")
        mask = ops.repeat(mask, n_parts, axis=1)
    if levels is not None:
        values = _with_levels(values, levels, mask)
    present = ops.expand_dims(ops.cast(mask, DTYPE), -1)
    for name, size, filters in convolutions(spec):
        values = keras.layers.Conv1D(
            filters, size, padding="same", data_format="channels_last", name=name, dtype=DTYPE
        )(values)
        values = keras.layers.LayerNormalization(name=f"{name}_norm", dtype=DTYPE)(values)
        values = present * ops.relu(values)
    if n_parts > 1:
        shape = (-1, n_parts, values.shape[-1])
        values = ops.max(_reshaped(values, shape, name="filters_of_parts"), axis=2)
    return values


def _reshaped(values, shape, name):
    return keras.layers.Reshape(shape, name=name, dtype=DTYPE)(values)


def _encode(values, mask, spec):
    """Run the stacked LSTMs; return the states of every step and the last state."""
    query = None
    for depth in range(1, spec.n_layers + 1):
        if depth > 1:
            values = _dropout(values, spec, name=f"network_dropout_{depth - 1}")
        name = f"lstm_{depth}"
        lstm = layers.LSTM(
            spec.units, return_sequences=True, return_state=True, name=name, dtype=DTYPE
        )
        if spec.bidirectional:
            lstm = keras.layers.Bidirectional(lstm, name=f"bidirectional_{depth}", dtype=DTYPE)
            values, forward, _, backward, _ = lstm(values, mask=mask)
            query = ops.concatenate([forward, backward], axis=-1)
        else:
            values, query, _ = lstm(values, mask=mask)
        values = ops.copy(values)  # without Keras' implicit mask: masks are passed openly
    return values, query


def _linear_path(values, mask, level, spec):
    """Map the last steps, and their level, straight to the prediction: LSTNet's linear part."""
    steps = layers.LastSteps(spec.linear_steps, name="linear_steps", dtype=DTYPE)(values, mask)
    inputs = keras.layers.Flatten("channels_last", name="linear_inputs", dtype=DTYPE)(steps)
    if level is not None:
        inputs = ops.concatenate([inputs, level], axis=-1)
    return keras.layers.Dense(
        spec.n_outputs, use_bias=False, kernel_initializer="zeros", name="linear", dtype=DTYPE
    )(inputs)


def _head(query, context, level, spec):
    """Map the query, the context and the level, where there is one, to the prediction."""
    features = query if context is None else HEAD_INPUTS[spec.head_input](query, context)
    if level is not None:
        features = ops.concatenate([features, level], axis=-1)
    features = _dropout(features, spec, name="network_dropout_head")
    for depth, units in enumerate(spec.dense_units, start=1):
        features = keras.layers.Dense(units, activation="relu", name=f"dense_{depth}", dtype=DTYPE)(
            features
        )
    return keras.layers.Dense(
        spec.n_outputs, kernel_initializer="zeros", name="output", dtype=DTYPE
    )(features)


def _dropout(inputs, spec, name):
    return layers.Dropout(name=name, dtype=DTYPE)(inputs) if spec.has_dropout else inputs


def _per_step(weights, membership):
    """Name the levels of the weights and give each one column per time step."""
    if weights is None:
        return {}
    levels = weights if isinstance(weights, dict) else {"steps": weights}
    if membership is None:
        return levels
    return {name: _spread(level, membership) for name, level in levels.items()}


def _spread(weights, membership):
    """Share the weight of each segment equally between its present steps."""
    n_steps = ops.sum(membership, axis=1, keepdims=True)
    shares = ops.swapaxes(membership / ops.maximum(n_steps, 1.0), 1, 2)
    if len(weights.shape) == 2:
        return weighted_sum(weights, shares)
    return ops.matmul(membership, ops.matmul(weights, shares))


def dropout_layers(network):
    """Return the layers whose dropout rate flows; a user's own attention keeps its rates."""
    return [layer for layer in network.layers if layer.name.startswith("network_dropout")]


def weights_of(network):
    """Return the weights of a network: all but the dropout rates, in Keras' order."""
    rates = {id(layer.rate) for layer in dropout_layers(network)}
    return [weight for weight in network.weights if id(weight) not in rates]


@contextmanager
def seeds_apart():
    """Let Keras draw its default seeds from a known state, and put the global state back.

    Keras takes them from Python's global generator, which belongs to the user.
    """
    state = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(state)
