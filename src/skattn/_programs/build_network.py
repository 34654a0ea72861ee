"""The networks as plain Keras models."""

import keras

from .network import assemble, dropout_layers
from .spec import make_spec


def build_network(
    n_features=None,
    n_outputs=1,
    *,
    attention="additive",
    head_input="concat",
    units=64,
    n_layers=1,
    bidirectional=False,
    conv_filters=(),
    dense_units=None,
    segment_length=1,
    instance_norm=False,
    dropout=0.0,
    meta=None,
):
    """Build one of skattn's networks as a plain, uncompiled Keras model.

    It serves Keras users directly, and SciKeras as the ``model`` of a
    ``KerasRegressor``: ``KerasRegressor(model=build_network, units=32, loss="mse")``.

    Parameters
    ----------
    n_features : int, default=None
        Features per time step; required unless `meta` is given.
    n_outputs : int, default=1
        Numbers predicted for each sequence.
    attention, head_input, units, n_layers, bidirectional
        As in `skattn.LSTMAttentionRegressor`.
    conv_filters : sequence of int, default=()
        As there, without "auto".
    dense_units, segment_length
        As there.
    instance_norm : bool, default=False
        As there.
    dropout : float, default=0.0
        As there.
    meta : dict, default=None
        SciKeras' description of the data (which passes it by itself); gives
        `n_features` and `n_outputs`.

    Returns
    -------
    network : keras.Model
        Maps sequences (n_samples, n_timesteps, n_features), absent steps on the right
        as NaN, to predictions (n_samples, n_outputs).

    Raises
    ------
    ValueError
        If the number of features is not known, SciKeras' X is not 3-D, or a name or a
        rate is not as described.

    Examples
    --------
    >>> from skattn import build_network
    >>> network = build_network(n_features=3, attention="general", units=8)
    >>> network.output_shape
    (None, 1)
    """
    if meta is not None:
        n_features, n_outputs = _shape_from_scikeras(meta)
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be in [0, 1). Got dropout={dropout!r}.")
    if n_features is None:
        raise ValueError(
            "build_network needs the number of features per time step. Got n_features=None. "
            "Pass n_features=X.shape[2]."
        )
    spec = make_spec(
        n_features=n_features,
        n_outputs=n_outputs,
        attention=attention,
        head_input=head_input,
        units=units,
        n_layers=n_layers,
        bidirectional=bidirectional,
        conv_filters=conv_filters,
        dense_units=dense_units,
        segment_length=segment_length,
        instance_norm=instance_norm,
        dropout=dropout,
        relative=False,
        linear_steps=0,
        loss="squared_error",
        optimizer="adamw",
    )
    network = assemble(spec)
    for layer in dropout_layers(network):
        layer.rate.assign(dropout)
    return keras.Model(network.input, network.output["prediction"], name=network.name)


def _shape_from_scikeras(meta):
    """Read the number of features and outputs from SciKeras' description of the data."""
    shape = meta["X_shape_"]
    if len(shape) != 3:
        raise ValueError(
            "build_network expects X of shape (n_samples, n_timesteps, n_features). "
            f"Got shape {tuple(shape)}. Reshape X before fitting the KerasRegressor."
        )
    return shape[2], meta["n_outputs_"]
