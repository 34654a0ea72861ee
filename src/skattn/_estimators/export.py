"""A fitted estimator as a Keras model or a SciKeras estimator."""

import keras
import numpy as np
from keras import ops

from .. import layers
from .._programs.network import DTYPE, assemble, dropout_layers, weights_of
from .._programs.program import apart
from .._training.members import middle, unstack_arrays
from .._training.numbers import Numbers
from .standard_layers import in_standard_layers


def keras_model(estimator, return_std=False, return_attention=False):
    """Return the fitted networks with scaling before and after them, in float32 throughout.

    The model has one output, or a list: the prediction, the standard deviation and the attention
    weights, as far as they are asked for. It consists of Keras' own layers and operations.
    """
    return apart(_build, estimator, return_std, return_attention)


def _build(estimator, return_std, return_attention):
    numbers = Numbers.of(estimator)
    inputs, sequences = _inputs(estimator, numbers.spec.n_features)
    aligned = layers.LeftAlign(name="left_align")(sequences)
    features = numbers.feature_statistics
    scaled = _rescaled(aligned, 1 / features.scale, -features.mean / features.scale)
    each = [network(scaled) for network in _networks(numbers, estimator.dropout)]
    if return_attention and "steps" not in each[0]:
        raise ValueError(
            "return_attention=True needs the attention weights of the steps, and "
            f"attention={numbers.spec.attention!r} has none. Leave return_attention at False, or "
            "fit with another attention."
        )
    predictions = [outputs["prediction"] for outputs in each]
    is_classifier = numbers.spec.loss == "log_loss"
    finish = _probabilities if is_classifier else _in_units_of_y
    outputs = [finish(predictions, scaled, aligned, numbers)]
    if return_std:
        outputs.append(_std(predictions, numbers))
    if return_attention:
        outputs.append(_attention([outputs["steps"] for outputs in each], sequences))
    name = "lstm_attention_classifier" if is_classifier else "lstm_attention_regressor"
    model = keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0], name=name)
    model = in_standard_layers(model)
    shape = (1, *(n or estimator.n_timesteps_in_ for n in model.input_shape[1:]))
    model(np.zeros(shape, DTYPE))  # Keras exports no model that was never called
    return model


def _in_units_of_y(predictions, scaled, sequences, numbers):
    """Return the mean prediction with its line, unscaled, after the last value it continues."""
    prediction = _with_line(_mean(predictions), scaled, numbers)
    targets = numbers.target_statistics
    outputs = _rescaled(prediction, targets.scale, targets.mean)
    if numbers.target_features is None:
        return outputs
    values, mask = layers.PresentSteps(name="present_steps")(sequences)
    last = layers.LastSteps(name="last_step")(values, mask)[:, 0]
    continued = ops.take(last, numbers.target_features, axis=1)
    return keras.layers.Add(name="continue_features")([outputs, continued])


def _probabilities(predictions, scaled, sequences, numbers):
    """Return the probabilities of the classes, from the networks' mean and the line."""
    logits = _with_line(_log_mean_probability(predictions), scaled, numbers)
    return keras.layers.Softmax(name="probabilities")(logits)


def _std(predictions, numbers):
    """Return the predictive standard deviation, as `predict` has it.

    Variances are added in scaled units: float32 does not hold the square of every unit of y.
    """
    scale = numbers.target_statistics.scale
    spread = ops.var(ops.stack(predictions, axis=1), axis=1)
    variance = _rescaled(spread, numbers.network_share**2, numbers.residual_variance / scale**2)
    return _rescaled(ops.sqrt(variance), scale)


def _attention(weights, sequences):
    """Return the mean attention weights, each at the place of its step; 0 at absent ones."""
    mean = ops.mean(ops.stack(weights, axis=1), axis=1)
    present = ops.logical_not(ops.isnan(sequences[:, :, 0]))
    place = ops.cumsum(ops.cast(present, "int32"), axis=1) - 1
    found = ops.take_along_axis(mean, ops.maximum(place, 0), axis=1)
    return ops.where(present, found, 0.0)


def _rescaled(values, scale, offset=0.0):
    """Return values · scale + offset in float32, column by column.

    `keras.layers.Rescaling` takes columns for something else after
    ``keras.config.set_image_data_format("channels_first")``.
    """
    return values * np.asarray(scale, DTYPE) + np.asarray(offset, DTYPE)


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


def _with_line(prediction, sequences, numbers):
    """Stack the line, where there is one, with the networks' prediction, in scaled units."""
    line, share = numbers.line, numbers.network_share
    if line is None:
        return prediction
    values, mask = layers.PresentSteps(name="line_present_steps")(sequences)
    level, gain = None, line.columns.gain
    if gain is not None:
        relative = layers.RelativeSteps(name="line_relative_steps")
        values, level = relative(values, mask)
        relative.gain.assign(gain)
    steps = layers.LastSteps(line.columns.n_steps, name="line_steps")(values, mask)
    columns = keras.layers.Flatten("channels_last", name="line_columns")(steps)
    if level is not None:
        columns = ops.concatenate([columns, level], axis=-1)
    dense = keras.layers.Dense(len(line.intercept), name="line")
    of_line = dense(columns)
    dense.set_weights([(1 - share) * line.kernel, (1 - share) * line.intercept])
    return keras.layers.Add(name="stacked")([_rescaled(prediction, share), of_line])


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
