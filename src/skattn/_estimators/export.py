"""A fitted estimator as a Keras model or a SciKeras regressor."""

import keras
import numpy as np
from keras import ops

from .. import layers
from .._programs.network import assemble, dropout_layers, seeds_apart, weights_of
from .._training.members import middle, unstack_arrays


def keras_model(estimator):
    """Return the fitted network with scaling before and after it."""
    spec = estimator.spec_
    features, targets = estimator.feature_statistics_, estimator.target_statistics_
    if estimator._X_ndim == 3:
        inputs = keras.Input((None, spec.n_features), name="X")
        sequences = inputs
    else:
        inputs = keras.Input((estimator.n_features_in_,), name="X")
        sequences = keras.layers.Reshape((estimator.n_timesteps_in_, spec.n_features))(inputs)
    sequences = layers.LeftAlign(name="left_align")(sequences)
    scale, offset = 1 / features.scale, -features.mean / features.scale
    scaled = keras.layers.Rescaling(scale.tolist(), offset.tolist(), name="scale_X")(sequences)
    prediction = _mean([network(scaled)["prediction"] for network in _networks(estimator)])
    outputs = keras.layers.Rescaling(
        targets.scale.tolist(), targets.mean.tolist(), name="unscale_y"
    )(prediction)
    if estimator.target_features_ is not None:
        values, mask = layers.PresentSteps(name="present_steps")(sequences)
        last = layers.LastSteps(name="last_step")(values, mask)[:, 0]
        continued = ops.take(last, estimator.target_features_, axis=1)
        outputs = keras.layers.Add(name="continue_features")([outputs, continued])
    return keras.Model(inputs, outputs, name="lstm_attention_regressor")


def _networks(estimator):
    """Return the fitted network of each member."""
    networks = []
    members = unstack_arrays(estimator.parameters_, estimator.n_members_)
    for number, parameters in enumerate(members, start=1):
        with seeds_apart():
            network = assemble(estimator.spec_)
        if len(members) > 1:
            network.name = f"{network.name}_{number}"
        for layer in dropout_layers(network):
            layer.rate.assign(estimator.dropout)
        for weight, value in zip(weights_of(network), parameters.values(), strict=True):
            weight.assign(value)
        networks.append(network)
    return networks


def _mean(predictions):
    if len(predictions) == 1:
        return predictions[0]
    in_order = ops.sort(ops.stack(predictions, axis=1), axis=1)
    return ops.mean(in_order[:, middle(len(predictions))], axis=1)


def scikeras_regressor(estimator):
    """Return a fitted `scikeras.wrappers.KerasRegressor` around the Keras model."""
    from scikeras.wrappers import KerasRegressor

    model = keras_model(estimator)
    model.compile(optimizer=keras.optimizers.Adam(), loss="mean_squared_error")
    shape = (2, *(n or estimator.n_timesteps_in_ for n in model.input_shape[1:]))
    y_shape = (2,) if estimator._y_ndim == 1 else (2, estimator.n_outputs_)
    y = np.arange(np.prod(y_shape)).reshape(y_shape) / 3
    regressor = KerasRegressor(model, verbose=0)
    regressor.initialize(np.zeros(shape), y)
    return regressor
