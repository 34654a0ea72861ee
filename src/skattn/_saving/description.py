"""A fitted estimator as a description (JSON) and arrays, and back, with every check."""

import numpy as np

from .._estimators.classifier import LSTMAttentionClassifier
from .._estimators.regressor import LSTMAttentionRegressor
from .._sklearn import check_params
from .._training.numbers import Numbers
from .checks import has_keys, is_positive_integer, need
from .data_and_arrays import parse_data, split
from .json_values import as_data, from_data, labels_as_data, parse_labels

#: Name in a file → class of the estimator. Nothing is imported by a name in a file.
CLASSES = {each.__name__: each for each in (LSTMAttentionClassifier, LSTMAttentionRegressor)}

#: Fitted attributes of every estimator beside its `Numbers`: positive integers.
SHAPE = ("n_features_in_", "n_features_per_step_", "n_timesteps_in_", "_X_ndim")

#: Those of the estimators, by class.
ATTRIBUTES = {
    "LSTMAttentionClassifier": (*SHAPE, "n_classes_"),
    "LSTMAttentionRegressor": (*SHAPE, "n_outputs_", "_y_ndim"),
}

PARTS = ("class", "params", "attributes", "feature_names", "labels", "numbers")


def describe(estimator):
    """Return the description and the arrays of a fitted estimator."""
    params = estimator.get_params(deep=False)
    names = getattr(estimator, "feature_names_in_", None)
    labels = getattr(estimator, "classes_", None)
    attributes = ATTRIBUTES[type(estimator).__name__]
    numbers, arrays = split(Numbers.of(estimator))
    description = {
        "class": type(estimator).__name__,
        "params": {name: as_data(name, value) for name, value in params.items()},
        "attributes": {name: int(getattr(estimator, name)) for name in attributes},
        "feature_names": None if names is None else [str(name) for name in names],
        "labels": None if labels is None else labels_as_data(labels),
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
    _check_attributes(name, attributes, data["spec"])
    vars(estimator).update(attributes)
    if name == "LSTMAttentionClassifier":
        estimator.classes_ = parse_labels(description["labels"], attributes["n_classes_"])
    else:
        need(description["labels"] is None, "it has labels, and is no classifier")
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


def _check_attributes(class_name, attributes, spec):
    need(has_keys(attributes, ATTRIBUTES[class_name]), "its attributes are missing or unknown")
    for name, value in attributes.items():
        need(is_positive_integer(value), f"{name}={value!r} is not valid")
    need(
        attributes["n_features_in_"] == spec.n_features * attributes["n_timesteps_in_"]
        and attributes["n_features_per_step_"] == spec.n_features
        and attributes["_X_ndim"] in (2, 3)
        and _fits_targets(attributes, spec),
        "its attributes contradict each other or its spec",
    )


def _fits_targets(attributes, spec):
    """Return whether what is known of y fits the outputs of the network, and its loss."""
    if "n_classes_" in attributes:
        return attributes["n_classes_"] == spec.n_outputs > 1 and spec.loss == "log_loss"
    n_dims = attributes["_y_ndim"]
    return (
        attributes["n_outputs_"] == spec.n_outputs
        and (n_dims == 2 or n_dims == spec.n_outputs == 1)
        and spec.loss != "log_loss"
    )
