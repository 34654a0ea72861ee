"""A network's spec as data, and back, with every check."""

from dataclasses import fields

from .._programs import spec as known
from .checks import has_keys, is_positive_integer, need
from .json_values import as_data, from_data

#: Field of a spec → what it may be, where that is a name.
CHOICES = {
    "attention": tuple(known.ATTENTIONS),
    "head_input": known.HEAD_INPUT_NAMES,
    "loss": known.LOSS_NAMES,
    "optimizer": known.OPTIMIZER_NAMES,
}

#: More layers than this are taken for damage.
MAX_LAYERS = 1000


def spec_as_data(spec):
    """Return the fields of a spec by name, as JSON holds them."""
    return {name: as_data(name, value) for name, value in vars(spec).items()}


def parse_spec(data):
    """Return the `NetworkSpec` that `spec_as_data` has made data of, after every check."""
    names = [field.name for field in fields(known.NetworkSpec)]
    need(has_keys(data, names), "its spec is damaged")
    values = {name: from_data(data[name]) for name in names}
    for name, value in values.items():
        need(_is_valid(name, value), f"{name}={value!r} is not valid in its spec")
    n_layers = values["n_layers"] + len(values["conv_filters"]) + len(values["dense_units"])
    need(n_layers <= MAX_LAYERS, f"it has {n_layers} layers, more than {MAX_LAYERS}")
    return known.NetworkSpec(**values)


def _is_valid(name, value):
    if name in CHOICES:
        return value in CHOICES[name]
    if name in ("conv_filters", "dense_units"):
        return isinstance(value, tuple) and all(map(is_positive_integer, value))
    if name == "linear_steps":
        return type(value) is int and value >= 0
    return is_positive_integer(value) if name in known.COUNTS else isinstance(value, bool)
