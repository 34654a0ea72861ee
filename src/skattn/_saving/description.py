"""A fitted regressor as a description (JSON) and tensors, and back, with every check."""

from dataclasses import asdict, fields
from math import isfinite

import numpy as np

from .._estimators.regressor import LSTMAttentionRegressor
from .._programs.spec import ATTENTIONS, HEAD_INPUTS, LOSSES, OPTIMIZERS, NetworkSpec
from .._sklearn import check_params
from .._training.scaling import Statistics
from .parameter_shapes import parameter_shapes

#: Fitted attributes that are single numbers; integers are positive.
NUMBERS = {
    "n_features_in_": int,
    "n_timesteps_in_": int,
    "n_outputs_": int,
    "n_members_": int,
    "_X_ndim": int,
    "_y_ndim": int,
    "n_iter_": int,
    "best_iter_": int,
    "best_loss_": float,
}

#: Fields of a spec that are not positive integers, and what they may be.
CHOICES = {
    "attention": tuple(ATTENTIONS),
    "head_input": HEAD_INPUTS,
    "bidirectional": (False, True),
    "relative": (False, True),
    "dropout": (False, True),
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
}

#: Parts of a description.
PARTS = {
    "params",
    "spec",
    "numbers",
    "feature_names",
    "target_features",
    "has_validation",
    "optimizer",
}

STATISTICS = {"feature_statistics_": "n_features", "target_statistics_": "n_outputs"}
CURVES = ("loss", "val_loss", "learning_rate")

#: Optimizer → arrays that it keeps for each parameter.
SLOTS = {"adam": 2, "adamw": 2, "rmsprop": 1, "sgd": 1}

#: Parameters that training does not move, and for which optimizers keep nothing.
NOT_TRAINED = {"relative_steps/gain"}

#: What version 1 of the format did not know, as it was then.
BEFORE_VERSION_2: dict[str, dict] = {
    "params": {
        "target_feature": None,
        "relative_inputs": False,
        "linear_path": False,
        "ema_momentum": 0.0,
        "n_members": 1,
    },
    "spec": {"relative": False, "linear_steps": 0},
    "numbers": {"n_members_": 1},
}

#: More layers than this are taken for damage.
MAX_LAYERS = 1000


class ModelFileError(ValueError):
    """A file that is no model of this package, is damaged, or has an unknown version."""


def describe(estimator):
    """Return all of a fitted estimator but its arrays, as what JSON can hold."""
    spec = asdict(estimator.spec_)
    if callable(spec["attention"]):
        raise TypeError(_cannot_be_saved("attention", spec["attention"]))
    names = getattr(estimator, "feature_names_in_", None)
    continued = estimator.target_features_
    state = estimator._optimizer_state
    return {
        "params": {
            name: _as_data(name, value) for name, value in estimator.get_params(deep=False).items()
        },
        "spec": {**spec, "dense_units": list(spec["dense_units"])},
        "numbers": {name: kind(getattr(estimator, name)) for name, kind in NUMBERS.items()},
        "feature_names": None if names is None else [str(name) for name in names],
        "target_features": None if continued is None else continued.tolist(),
        "has_validation": estimator.validation_loss_curve_ is not None,
        "optimizer": None if state is None else [[str(a.dtype), list(a.shape)] for a in state],
    }


def tensors_of(estimator):
    """Return the arrays of a fitted estimator by name."""
    tensors = {f"parameters/{name}": value for name, value in estimator.parameters_.items()}
    for name in STATISTICS:
        statistics = getattr(estimator, name)
        tensors |= {f"{name}/mean": statistics.mean, f"{name}/scale": statistics.scale}
    for name in CURVES:
        tensors[f"history/{name}"] = np.array(estimator.history_[name], dtype="float64")
    for place, value in enumerate(estimator._optimizer_state or ()):
        tensors[f"optimizer/{place}"] = np.asarray(value)
    return {name: np.asarray(value, order="C") for name, value in tensors.items()}


def parse(description):
    """Check a description; return an unfitted estimator and its spec.

    Raises
    ------
    ModelFileError
        If anything in it is not as `describe` makes it.
    """
    _need(isinstance(description, dict) and set(description) == PARTS, "parts are missing")
    estimator = _parse_params(description["params"])
    spec = _parse_spec(description["spec"])
    _check_numbers(description["numbers"], spec)
    names = description["feature_names"]
    if names is not None:
        _need(_is_list_of(names, str), "its names of features are no list of text")
        _need(len(names) == description["numbers"]["n_features_in_"], "names are missing")
    _need(isinstance(description["has_validation"], bool), "has_validation is not a bool")
    continued = description["target_features"]
    _need(
        continued is None
        or (
            _is_list_of(continued, int)
            and len(continued) == spec.n_outputs
            and all(0 <= feature < spec.n_features for feature in continued)
        ),
        "its target_features are not those of its outputs",
    )
    return estimator, spec


def upgrade(description):
    """Return a description of version 1 of the format as one of today."""
    _need(isinstance(description, dict), "parts are missing")
    upgraded = {**description, "target_features": None}
    for part, known in BEFORE_VERSION_2.items():
        _need(isinstance(description.get(part), dict), "parts are missing")
        upgraded[part] = {**description[part], **known}
    return upgraded


def expected_tensors(description, spec):
    """Return the type and shape of every tensor that belongs to a checked description."""
    n_members, n_iter = (description["numbers"][name] for name in ("n_members_", "n_iter_"))
    axis = (n_members,) if n_members > 1 else ()
    shapes = {name: (*axis, *shape) for name, shape in parameter_shapes(spec).items()}
    expected = {f"parameters/{name}": ("float32", shape) for name, shape in shapes.items()}
    for name, number in STATISTICS.items():
        shape = (getattr(spec, number),)
        expected |= {f"{name}/mean": ("float64", shape), f"{name}/scale": ("float64", shape)}
    for curve in CURVES:
        length = n_iter if curve != "val_loss" or description["has_validation"] else 0
        expected[f"history/{curve}"] = ("float64", (length,))
    return expected | _expected_optimizer(description["optimizer"], shapes, axis, spec.optimizer)


def fill(estimator, description, spec, tensors):
    """Give a parsed estimator its fitted attributes.

    Raises
    ------
    ModelFileError
        If a number that has to be finite is not.
    """
    for name, value in tensors.items():
        _need(name == "history/val_loss" or np.isfinite(value).all(), f"{name!r} is not finite")
    for name in STATISTICS:
        statistics = Statistics(tensors[f"{name}/mean"], tensors[f"{name}/scale"])
        _need((statistics.scale > 0).all(), f"the scale of {name!r} is not positive")
        setattr(estimator, name, statistics)
    for name, value in description["numbers"].items():
        setattr(estimator, name, value)
    if description["feature_names"] is not None:
        estimator.feature_names_in_ = np.array(description["feature_names"], dtype=object)
    continued = description["target_features"]
    estimator.target_features_ = None if continued is None else np.array(continued)
    estimator.spec_ = spec
    estimator.parameters_ = {name: tensors[f"parameters/{name}"] for name in parameter_shapes(spec)}
    state = description["optimizer"]
    estimator._optimizer_state = (
        None
        if state is None
        else [tensors[f"optimizer/{place}"][()] for place in range(len(state))]
    )
    estimator.history_ = {name: tensors[f"history/{name}"].tolist() for name in CURVES}
    estimator.loss_curve_ = estimator.history_["loss"]
    estimator.validation_loss_curve_ = estimator.history_["val_loss"] or None
    return estimator


def _as_data(name, value):
    """Return a parameter as what JSON can hold; a tuple is marked as one."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        items = [_as_data(name, item) for item in value]
        return {"tuple": items} if isinstance(value, tuple) else items
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(_cannot_be_saved(name, value))


def _cannot_be_saved(name, value):
    return (
        f"{name}={value!r} is not data, and a model file holds nothing else. Use set_params to "
        "give it a value that is (a number, text or None), or pickle the estimator."
    )


def _from_data(value):
    if isinstance(value, dict):
        _need(set(value) == {"tuple"} and isinstance(value["tuple"], list), "a tuple is damaged")
        return tuple(_from_data(item) for item in value["tuple"])
    return [_from_data(item) for item in value] if isinstance(value, list) else value


def _parse_params(params):
    known = LSTMAttentionRegressor().get_params(deep=False)
    _need(isinstance(params, dict) and set(params) == set(known), "its parameters are not known")
    estimator = LSTMAttentionRegressor(**{n: _from_data(value) for n, value in params.items()})
    check_params(estimator)
    return estimator


def _parse_spec(described):
    names = [field.name for field in fields(NetworkSpec)]
    _need(isinstance(described, dict) and set(described) == set(names), "its spec is damaged")
    values = {**described, "dense_units": described["dense_units"]}
    _need(_is_list_of(values["dense_units"], int), "dense_units are no list of integers")
    values["dense_units"] = tuple(values["dense_units"])
    _need(all(units > 0 for units in values["dense_units"]), "dense_units are not positive")
    for name in set(names) - {"dense_units"}:
        if name in CHOICES:
            _need(_is_one_of(values[name], CHOICES[name]), f"{name}={values[name]!r} is unknown")
        else:
            none = name == "linear_steps" and _is_one_of(values[name], (0,))
            valid = none or _is_positive_integer(values[name])
            _need(valid, f"{name}={values[name]!r} is not positive")
    _need(values["n_layers"] + len(values["dense_units"]) <= MAX_LAYERS, "it has too many layers")
    return NetworkSpec(**values)


def _check_numbers(numbers, spec):
    _need(isinstance(numbers, dict) and set(numbers) == set(NUMBERS), "numbers are missing")
    for name, kind in NUMBERS.items():
        value = numbers[name]
        valid = _is_positive_integer(value) if kind is int else _is_finite_float(value)
        _need(valid, f"{name}={value!r} is not valid")
    steps = numbers["n_timesteps_in_"] if numbers["_X_ndim"] == 2 else 1
    _need(
        numbers["_X_ndim"] in (2, 3)
        and numbers["_y_ndim"] in (1, 2)
        and numbers["n_features_in_"] == spec.n_features * steps
        and numbers["n_outputs_"] == spec.n_outputs
        and (numbers["_y_ndim"] == 2 or spec.n_outputs == 1)
        and numbers["best_iter_"] <= numbers["n_iter_"],
        "its numbers contradict each other",
    )


def _expected_optimizer(state, shapes, axis, optimizer):
    if state is None:
        return {}
    _need(isinstance(state, list), "its optimizer is damaged")
    expected = {}
    for place, entry in enumerate(state):
        _need(isinstance(entry, list) and len(entry) == 2, "its optimizer is damaged")
        kind, shape = entry
        _need(_is_one_of(kind, ("float32", "int64")), "its optimizer has unknown types")
        _need(_is_list_of(shape, int), "its optimizer is damaged")
        expected[f"optimizer/{place}"] = (kind, tuple(shape))
    # Their order is Keras' own.
    trained = [shape for name, shape in shapes.items() if name not in NOT_TRAINED]
    slots = [("float32", shape) for shape in trained]
    counters = [("int64", axis), ("float32", axis)]
    fitting = [  # version 1 did not have the parameters that the optimizer moves
        sorted(counters + slots * copies) for copies in (SLOTS[optimizer], SLOTS[optimizer] + 1)
    ]
    _need(sorted(expected.values()) in fitting, "its optimizer does not fit")
    return expected


def _need(condition, otherwise):
    if not condition:
        raise ModelFileError(otherwise)


def _is_list_of(value, kind):
    return isinstance(value, list) and all(type(item) is kind for item in value)


def _is_one_of(value, choices):
    """Tell whether a value is a choice, and of its type: 1 is not True."""
    return any(type(value) is type(choice) and value == choice for choice in choices)


def _is_positive_integer(value):
    return type(value) is int and value > 0


def _is_finite_float(value):
    return type(value) is float and isfinite(value)
