"""A fitted estimator as a Keras model or a SciKeras estimator."""

import keras
import numpy as np
from keras import ops

from .. import layers
from .._programs.network import DTYPE, assemble, dropout_layers, weights_of
from .._programs.program import apart
from .._training.members import middle, unstack_arrays
from .._training.numbers import Numbers


def keras_model(estimator):
    """Return the fitted networks with scaling before and after them, in float32 throughout."""
    return apart(_assemble, estimator)


def _assemble(estimator):
    numbers = Numbers.of(estimator)
    features, targets = numbers.feature_statistics, numbers.target_statistics
    inputs, sequences = _inputs(estimator, numbers.spec.n_features)
    sequences = layers.LeftAlign(name="left_align")(sequences)
    scale, offset = 1 / features.scale, -features.mean / features.scale
    scaled = keras.layers.Rescaling(scale.tolist(), offset.tolist(), name="scale_X")(sequences)
    networks = _networks(numbers, estimator.dropout)
    is_classifier = numbers.spec.loss == "log_loss"
    mean = _log_mean_probability if is_classifier else _mean
    prediction = mean([network(scaled)["prediction"] for network in networks])
    if numbers.line is not None:
        prediction = _with_line(prediction, scaled, numbers.line, numbers.network_share)
    if is_classifier:
        probabilities = keras.layers.Softmax(name="probabilities")(prediction)
        return keras.Model(inputs, probabilities, name="lstm_attention_classifier")
    outputs = keras.layers.Rescaling(
        targets.scale.tolist(), targets.mean.tolist(), name="unscale_y"
    )(prediction)
    if numbers.target_features is not None:
        values, mask = layers.PresentSteps(name="present_steps")(sequences)
        last = layers.LastSteps(name="last_step")(values, mask)[:, 0]
        continued = ops.take(last, numbers.target_features, axis=1)
        outputs = keras.layers.Add(name="continue_features")([outputs, continued])
    return keras.Model(inputs, outputs, name="lstm_attention_regressor")


def _inputs(estimator, n_features):
    """Return the model's input, as X was in fit, and sequences of three dimensions."""
    if estimator._X_ndim == 3:
        inputs = keras.Input((None, n_features), name="X", dtype=DTYPE)
        return inputs, inputs
    n_timesteps = estimator.n_timesteps_in_
    inputs = keras.Input((n_timesteps * n_features,), name="X", dtype=DTYPE)
    return inputs, keras.layers.Reshape((n_timesteps, n_features))(inputs)


def _networks(numbers, dropout):
    """Return the fitted network of each member."""
    networks = []
    members = unstack_arrays(numbers.parameters, numbers.n_members)
    for number, parameters in enumerate(members, start=1):
        network = assemble(numbers.spec)
        if len(members) > 1:
            network.name = f"{network.name}_{number}"
        for layer in dropout_layers(network):
            layer.rate.assign(dropout)
        for weight, value in zip(weights_of(network), parameters.values(), strict=True):
            weight.assign(value)
        networks.append(network)
    return networks


def _mean(predictions):
    if len(predictions) == 1:
        return predictions[0]
    in_order = ops.sort(ops.stack(predictions, axis=1), axis=1)
    return ops.mean(in_order[:, middle(len(predictions))], axis=1)


def _log_mean_probability(logits):
    """Return the logarithms of the networks' mean probabilities; the mean is the softmax of it."""
    each = ops.log_softmax(ops.stack(logits, axis=1), axis=-1)
    return ops.logsumexp(each, axis=1)


def _with_line(prediction, sequences, line, share):
    """Stack the line with the networks' prediction, in scaled units."""
    values, mask = layers.PresentSteps(name="line_present_steps")(sequences)
    level, gain = None, line.columns.gain
    if gain is not None:
        relative = layers.RelativeSteps(name="line_relative_steps")
        values, level = relative(values, mask)
        relative.gain.assign(gain)
    steps = layers.LastSteps(line.columns.n_steps, name="line_steps")(values, mask)
    columns = keras.layers.Flatten(name="line_columns")(steps)
    if level is not None:
        columns = ops.concatenate([columns, level], axis=-1)
    dense = keras.layers.Dense(len(line.intercept), name="line")
    of_line = dense(columns)
    dense.set_weights([(1 - share) * line.kernel, (1 - share) * line.intercept])
    of_networks = keras.layers.Rescaling(share, name="network_share")(prediction)
    return keras.layers.Add(name="stacked")([of_networks, of_line])


def scikeras_estimator(estimator):
    """Return a fitted SciKeras estimator around the Keras model."""
    from scikeras.wrappers import KerasClassifier, KerasRegressor

    model = keras_model(estimator)
    if hasattr(estimator, "classes_"):
        y, loss, wrapper = estimator.classes_, "sparse_categorical_crossentropy", KerasClassifier
    else:
        y_shape = (2,) if estimator._y_ndim == 1 else (2, estimator.n_outputs_)
        y = np.arange(np.prod(y_shape)).reshape(y_shape) / 3  # whole numbers pass for classes there
        loss, wrapper = "mean_squared_error", KerasRegressor
    model.compile(optimizer=keras.optimizers.Adam(), loss=loss)
    shape = (len(y), *(n or estimator.n_timesteps_in_ for n in model.input_shape[1:]))
    wrapped = wrapper(model, verbose=0)
    wrapped.initialize(np.zeros(shape), y)
    return wrapped
