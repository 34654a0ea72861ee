"""The numbers of a fit as data for JSON and named arrays, and back, with every check.

`Numbers` itself says what there is. Its single numbers and its spec become data, and so does a
field that is None. Every other field becomes an array of its name; a dict of arrays, or
statistics, become arrays named ``<field>/<name>``. A line has both data and arrays.
"""

from dataclasses import fields
from math import isfinite, prod
from types import UnionType

import numpy as np

from .._programs.spec import NetworkSpec
from .._training.line import Columns, Line
from .._training.numbers import Numbers
from .._training.scaling import Statistics
from .checks import is_positive_integer, need
from .network_spec import parse_spec, spec_as_data
from .parameter_shapes import parameter_shapes

#: Type of a single number → whether a value is one.
SINGLE = {int: is_positive_integer, float: lambda value: type(value) is float and isfinite(value)}

#: Optimizer → number of vectors that it keeps beside the parameters.
N_SLOTS = {"adamw": 2, "sgd": 1}

#: Parameters that training does not move.
NOT_TRAINED = ("relative_steps/gain",)


def split(numbers):
    """Return the data and the arrays, both by name, of the `Numbers` of a fit."""
    data, nested = {}, {}
    for field in fields(Numbers):
        value = getattr(numbers, field.name)
        if field.type is NetworkSpec:
            data[field.name] = spec_as_data(value)
        elif value is None or field.type in SINGLE:
            data[field.name] = value
        elif isinstance(value, Line):
            data[field.name], nested[field.name] = _split_line(value)
        else:
            nested[field.name] = vars(value) if field.type is Statistics else value
    return data, {name: np.asarray(value, order="C") for name, value in _flat(nested).items()}


def parse_data(data):
    """Check the data of `split`; return them, with the spec in place of its data."""
    names = [field.name for field in fields(Numbers)]
    need(isinstance(data, dict) and set(data) <= set(names), "its numbers are damaged")
    data = data | {"spec": parse_spec(data.get("spec"))}
    for field in fields(Numbers):
        value = data.get(field.name)
        if field.type in SINGLE:
            need(SINGLE[field.type](value), f"{field.name}={value!r} is not valid")
        elif field.name == "line" and value is not None:
            _check_line(value)
        elif field.name in data and field.type is not NetworkSpec:
            may_be_none = isinstance(field.type, UnionType)
            need(value is None and may_be_none, f"{field.name}={value!r} is not valid")
    need(data["best_iter"] <= data["n_iter"], "best_iter is greater than n_iter")
    need(0 <= data["network_share"] <= 1, f"network_share={data['network_share']!r} is no share")
    return data


def expected_arrays(data):
    """Return type, as safetensors names it, and shape of each array of checked data, by name."""
    spec, curve = data["spec"], ("F64", (data["n_iter"],))
    members = (data["n_members"],) if data["n_members"] > 1 else ()
    shapes = parameter_shapes(spec)
    nested = {
        "parameters": {name: ("F32", (*members, *shape)) for name, shape in shapes.items()},
        "optimizer_state": _optimizer(spec.optimizer, shapes, members),
        "residual_variance": ("F64", (spec.n_outputs,)),
        "feature_statistics": dict.fromkeys(("mean", "scale"), ("F64", (spec.n_features,))),
        "target_statistics": dict.fromkeys(("mean", "scale"), ("F64", (spec.n_outputs,))),
        "target_features": ("I64", (spec.n_outputs,)),
        "loss_curve": curve,
        "learning_rate_curve": curve,
        "validation_loss_curve": curve,
    }
    if data["line"]:
        nested["line"] = _line_arrays(spec, data["line"]["n_steps"])
    return _flat({n: value for n, value in nested.items() if n == "line" or n not in data})


def join(data, arrays):
    """Return the `Numbers` of checked data and of arrays that are as expected.

    Raises
    ------
    ModelFileError
        If a value has to be finite, positive or the number of a feature, and is not.
    """
    for name, array in arrays.items():
        without_validation = name == "validation_loss_curve"  # NaN in epochs
        need(without_validation or np.isfinite(array).all(), f"{name!r} is not finite")
        need(not name.endswith("/scale") or (array > 0).all(), f"{name!r} is not positive")
    variance = arrays.get("residual_variance", np.zeros(0))
    need((variance >= 0).all(), "its residual_variance is negative")
    features = arrays.get("target_features", np.zeros(0))
    inside = (features >= 0) & (features < data["spec"].n_features)
    need(inside.all(), "its target_features are not features of its steps")
    made = {f.name: _made(f, arrays) for f in fields(Numbers) if f.name not in data}
    if data["line"]:
        made["line"] = _join_line(data["line"], arrays)
    return Numbers(**data | made)


def _split_line(line):
    """Return the data and the arrays of a line."""
    data = {"n_steps": line.columns.n_steps, "alpha": line.alpha}
    arrays = {"kernel": line.kernel, "intercept": line.intercept}
    gain = line.columns.gain
    return data, arrays if gain is None else arrays | {"gain": gain}


def _check_line(data):
    need(isinstance(data, dict) and set(data) == {"n_steps", "alpha"}, "its line is damaged")
    need(SINGLE[int](data["n_steps"]), "the steps of its line are not positive")
    need(SINGLE[float](data["alpha"]), "the penalty of its line is not finite")


def _line_arrays(spec, n_steps):
    """Return type and shape of each array of a line."""
    n_columns = spec.n_features * (n_steps + spec.relative)
    arrays = {
        "kernel": ("F64", (n_columns, spec.n_outputs)),
        "intercept": ("F64", (spec.n_outputs,)),
    }
    return arrays | ({"gain": ("F32", (spec.n_features,))} if spec.relative else {})


def _join_line(data, arrays):
    columns = Columns(data["n_steps"], arrays.get("line/gain"))
    return Line(columns, arrays["line/kernel"], arrays["line/intercept"], data["alpha"])


def _optimizer(name, shapes, members):
    n_trained = sum(prod(shape) for n, shape in shapes.items() if n not in NOT_TRAINED)
    return {
        "n_steps": ("I64", members),
        "moved": ("F32", (*members, n_trained)),
        "slots": ("F32", (*members, N_SLOTS[name], n_trained)),
    }


def _made(field, arrays):
    """Return the value of a field that is made of arrays."""
    if field.name in arrays:
        array = arrays[field.name]
        return array.tolist() if field.name.endswith("_curve") else array
    prefix = f"{field.name}/"
    parts = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
    return Statistics(**parts) if field.type is Statistics else parts


def _flat(nested):
    """Return values by ``<name>``, and those in a dict by ``<name>/<key>``."""
    flat: dict = {}
    for name, value in nested.items():
        inner = isinstance(value, dict)
        flat |= {f"{name}/{key}": part for key, part in value.items()} if inner else {name: value}
    return flat
