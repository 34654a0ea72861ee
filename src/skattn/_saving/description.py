"""A fitted estimator as a description (JSON) and arrays, and back, with every check."""

import numpy as np

from .._estimators.regressor import LSTMAttentionRegressor
from .._sklearn import check_params
from .._training.numbers import Numbers
from .checks import has_keys, is_positive_integer, need
from .data_and_arrays import parse_data, split
from .json_values import as_data, from_data

#: Name in a file → class of the estimator. Nothing is imported by a name in a file.
CLASSES = {"LSTMAttentionRegressor": LSTMAttentionRegressor}

#: Fitted attributes of an estimator beside its `Numbers`: positive integers.
ATTRIBUTES = (
    "n_features_in_",
    "n_features_per_step_",
    "n_timesteps_in_",
    "n_outputs_",
    "_X_ndim",
    "_y_ndim",
)

PARTS = ("class", "params", "attributes", "feature_names", "numbers")


def describe(estimator):
    """Return the description and the arrays of a fitted estimator."""
    params = estimator.get_params(deep=False)
    names = getattr(estimator, "feature_names_in_", None)
    numbers, arrays = split(Numbers.of(estimator))
    description = {
        "class": type(estimator).__name__,
        "params": {name: as_data(name, value) for name, value in params.items()},
        "attributes": {name: int(getattr(estimator, name)) for name in ATTRIBUTES},
        "feature_names": None if names is None else [str(name) for name in names],
        "numbers": numbers,
    }
    return description, arrays


def parse(description):
    """Check a description; return an estimator without numbers, and their data.

    Raises
    ------
    ModelFileError
        If anything in it is not as `describe` makes it.
    """
    need(has_keys(description, PARTS), "parts of its description are missing or unknown")
    name = description["class"]
    need(name in tuple(CLASSES), f"its class {name!r} is unknown")
    estimator = _parse_params(CLASSES[name], description["params"])
    data = parse_data(description["numbers"])
    attributes = description["attributes"]
    _check_attributes(attributes, data["spec"])
    vars(estimator).update(attributes)
    names = description["feature_names"]
    if names is not None:
        need(isinstance(names, list), "its names of features are no list")
        need(all(type(name) is str for name in names), "a name of a feature is no text")
        named = "n_features_in_" if attributes["_X_ndim"] == 2 else "n_features_per_step_"
        need(len(names) == attributes[named], "names of its features are missing")
        estimator.feature_names_in_ = np.array(names, dtype=object)
    return estimator, data


def _parse_params(cls, params):
    known = cls().get_params(deep=False)
    need(has_keys(params, known), "its parameters are not known")
    estimator = cls(**{name: from_data(value) for name, value in params.items()})
    check_params(estimator)
    return estimator


def _check_attributes(attributes, spec):
    need(has_keys(attributes, ATTRIBUTES), "its attributes are missing or unknown")
    for name, value in attributes.items():
        need(is_positive_integer(value), f"{name}={value!r} is not valid")
    need(
        attributes["n_features_in_"] == spec.n_features * attributes["n_timesteps_in_"]
        and attributes["n_features_per_step_"] == spec.n_features
        and attributes["n_outputs_"] == spec.n_outputs
        and attributes["_X_ndim"] in (2, 3)
        and (attributes["_y_ndim"] == 2 or attributes["_y_ndim"] == spec.n_outputs == 1),
        "its attributes contradict each other or its spec",
    )
