"""The specification that decides a compiled program, and the names that it may use.

No Keras is imported here, so an estimator can be constructed, cloned and
unpickled without loading TensorFlow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral

#: Names of the losses; `skattn._programs.program.LOSSES` has their formulas.
REGRESSION_LOSSES = ("squared_error", "absolute_error", "huber", "quantile")
LOSS_NAMES = (*REGRESSION_LOSSES, "log_loss")

#: Names of the optimizers; `skattn._programs.optimizer.OPTIMIZERS` has their classes.
OPTIMIZER_NAMES = ("adamw", "sgd")

#: Names of the head's inputs; `skattn._programs.network.HEAD_INPUTS` has their formulas.
HEAD_INPUT_NAMES = ("concat", "context")

#: Steps that the first convolution, and each further one, sees at once.
KERNEL_SIZES = 7, 5

#: Greatest number of parts of a segment that convolutions read one by one.
MOST_PARTS = 4

#: Fields of a spec that are integers; numpy's become Python's.
COUNTS = ("n_features", "n_outputs", "units", "n_layers", "segment_length", "linear_steps")


@dataclass(frozen=True)
class Preset:
    """Defaults of an attention, where the user gives no value."""

    bidirectional: bool = False
    dense_units: tuple[int, ...] = ()


#: The attentions by name; `skattn._programs.network.NETWORKS` has their builders.
ATTENTIONS = {
    None: Preset(),
    "mean": Preset(),
    "dot": Preset(),
    "general": Preset(),
    "additive": Preset(),
    "hierarchical": Preset(bidirectional=True, dense_units=(128,)),
}


@dataclass(frozen=True)
class NetworkSpec:
    """Everything that changes the compiled graph, and nothing else.

    Two fits with equal specs run the same compiled program. What flows through
    the program as a tensor is absent on purpose: seeds, learning rate, weight
    decay, dropout rate, quantile, batch size, epochs and the length of the data.

    Parameters
    ----------
    n_features : int
        Features per time step.
    n_outputs : int
        Numbers predicted for each sequence; of classes their logits.
    attention : str, callable or None
        A key of `skattn._programs.network.NETWORKS`, or a builder with their signature.
    head_input : {"concat", "context"}
        Whether the head reads [query; context] or the context alone.
    units : int
        Units of each LSTM, per direction.
    n_layers : int
        Number of stacked LSTMs.
    bidirectional : bool
        Whether each LSTM reads the sequence in both directions.
    conv_filters : tuple of int
        Filters of the convolutions before the first LSTM.
    dense_units : tuple of int
        Units of the relu layers between attention and output.
    segment_length : int
        Number of consecutive time steps that the LSTM reads as one.
    relative : bool
        Whether steps enter relative to the last one, and the last one goes to the head.
    instance_norm : bool
        Whether steps enter in units of their own sequence, with its mean and deviation beside.
    linear_steps : int
        Number of last steps that a linear path reads beside the network; 0 for no path.
    has_dropout : bool
        Whether the graph contains dropout, whose rate flows.
    loss : str
        One of `LOSS_NAMES`.
    optimizer : str
        One of `OPTIMIZER_NAMES`.
    """

    n_features: int
    n_outputs: int
    attention: str | Callable | None
    head_input: str
    units: int
    n_layers: int
    bidirectional: bool
    conv_filters: tuple[int, ...]
    dense_units: tuple[int, ...]
    segment_length: int
    relative: bool
    instance_norm: bool
    linear_steps: int
    has_dropout: bool
    loss: str
    optimizer: str


def make_spec(
    *, attention, bidirectional, conv_filters, dense_units, instance_norm, dropout, **rest
):
    """Make a `NetworkSpec` from parameters as users give them.

    The attention's preset is applied: the hierarchical network reads in both
    directions, and ``dense_units=None`` means the network's own dense layers.
    """
    _check_attention(attention)
    if rest["head_input"] not in HEAD_INPUT_NAMES:
        raise ValueError(
            f"head_input must be one of {HEAD_INPUT_NAMES}. Got head_input={rest['head_input']!r}."
        )
    own = Preset() if callable(attention) else ATTENTIONS[attention]
    dense_units = own.dense_units if dense_units is None else tuple(dense_units)
    rest |= {name: int(rest[name]) for name in COUNTS}
    return NetworkSpec(
        attention=attention,
        bidirectional=bool(bidirectional or own.bidirectional),
        conv_filters=_widths("conv_filters", conv_filters, "convolution"),
        dense_units=_widths("dense_units", dense_units, "dense layer"),
        instance_norm=bool(instance_norm),
        has_dropout=bool(dropout > 0),
        **rest,
    )


def _check_attention(attention):
    if not callable(attention) and attention not in ATTENTIONS:
        raise ValueError(
            f"attention must be one of {list(ATTENTIONS)}, or a function that builds one. "
            f"Got attention={attention!r}."
        )
    try:
        hash(attention)
    except TypeError as error:
        raise TypeError(
            f"attention must be hashable, for fits to find its compiled program. Got "
            f"attention={attention!r}: {error}. Use a function, or @dataclass(frozen=True)."
        ) from error


def parts_of_segments(spec):
    """Return the number of parts of a segment that convolutions read one by one; 1 without any."""
    most = MOST_PARTS if spec.conv_filters else 1
    return max(n for n in range(1, most + 1) if spec.segment_length % n == 0)


def convolutions(spec):
    """Return name, width of the kernel and filters of each convolution of a spec."""
    sizes = [KERNEL_SIZES[min(i, 1)] for i in range(len(spec.conv_filters))]
    names = [f"convolution_{depth}" for depth, _ in enumerate(sizes, start=1)]
    return list(zip(names, sizes, spec.conv_filters, strict=True))


def _widths(name, given, layer):
    """Return the widths of a row of layers as a tuple of integers, after a check."""
    if not all(isinstance(n, Integral) and int(n) > 0 for n in given):
        raise ValueError(
            f"{name} must be a sequence of positive integers, one for each layer. "
            f"Got {name}={tuple(given)!r}. For no {layer} pass ()."
        )
    return tuple(map(int, given))
