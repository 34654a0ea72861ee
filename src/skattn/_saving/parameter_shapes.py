"""Names and shapes of the parameters of a network, without building it."""

from .._programs.spec import convolutions, parts_of_segments


def parameter_shapes(spec):
    """Return the shape of each parameter of a `NetworkSpec`, by name, in Keras' order.

    The networks themselves are built by `skattn._programs.network`; a test holds both equal.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    if spec.relative:
        shapes["relative_steps/gain"] = (spec.n_features,)
    n_in, found = _convolutions(spec)
    shapes |= found
    for depth in range(1, spec.n_layers + 1):
        names = [f"lstm_{depth}"]
        if spec.bidirectional:
            names = [f"bidirectional_{depth}/{way}_lstm_{depth}" for way in ("forward", "backward")]
        for name in names:
            shapes |= _lstm(name, n_in, spec.units)
        n_in = spec.units * len(names)
    width, attention = _attention(spec, n_in)
    shapes |= attention
    if spec.attention is not None and spec.head_input == "concat":
        width *= 2
    level = spec.n_features if spec.relative else 0
    width += level
    for depth, units in enumerate(spec.dense_units, start=1):
        shapes |= {f"dense_{depth}/kernel": (width, units), f"dense_{depth}/bias": (units,)}
        width = units
    shapes |= {"output/kernel": (width, spec.n_outputs), "output/bias": (spec.n_outputs,)}
    if spec.linear_steps:
        n_read = spec.linear_steps * spec.n_features + level
        shapes["linear/kernel"] = (n_read, spec.n_outputs)
    return shapes


def _convolutions(spec):
    """Return what the first LSTM reads of a step, and the parameters of the convolutions."""
    n_steps = spec.segment_length // parts_of_segments(spec)
    n_in = spec.n_features * (n_steps + 2 * spec.instance_norm)
    shapes: dict[str, tuple[int, ...]] = {}
    for name, size, filters in convolutions(spec):
        shapes |= {f"{name}/kernel": (size, n_in, filters), f"{name}/bias": (filters,)}
        shapes |= {f"{name}_norm/gamma": (filters,), f"{name}_norm/beta": (filters,)}
        n_in = filters
    return n_in, shapes


def _lstm(name, n_in, units):
    return {
        f"{name}/lstm_cell/kernel": (n_in, 4 * units),
        f"{name}/lstm_cell/recurrent_kernel": (units, 4 * units),
        f"{name}/lstm_cell/bias": (4 * units,),
    }


def _additive(width):
    return {
        "attention/states_kernel": (width, width),
        "attention/query_kernel": (width, width),
        "attention/bias": (width,),
        "attention/scores_kernel": (width, 1),
    }


def _attention(spec, width):
    """Return the width of the context, and the parameters of the attention."""
    if spec.attention == "hierarchical":
        half = max(1, spec.units // 2)
        return half, _lstm("summary_lstm", width, half) | _additive(half)
    if spec.attention == "general":
        return width, {"attention/kernel": (width, width)}
    return width, _additive(width) if spec.attention == "additive" else {}
