"""Parameters as values that JSON can hold, and back."""

import re
from itertools import pairwise

import numpy as np

from .checks import has_keys, need


def as_data(name, value):
    """Return a parameter as numbers, text, None and lists of these; tuples and dicts are marked.

    Raises
    ------
    TypeError
        If it is no such value.
    """
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        items = [as_data(name, item) for item in value]
        return {"tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, dict):
        return {"dict": [as_data(name, list(pair)) for pair in value.items()]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        f"{name}={value!r} is not data, and a model file holds nothing else. Use set_params to "
        "give it a value that is (a number, text or None), or pickle the estimator."
    )


def from_data(value):
    """Return the parameter that `as_data` has made a value of."""
    if isinstance(value, list):
        return [from_data(item) for item in value]
    if not isinstance(value, dict):
        return value
    need(set(value) in ({"tuple"}, {"dict"}), "a tuple or a dict is damaged")
    ((kind, items),) = value.items()
    need(isinstance(items, list), "a tuple or a dict is damaged")
    return tuple(map(from_data, items)) if kind == "tuple" else dict(map(_pair, items))


def _pair(data):
    """Return the key and the value that a list of both holds."""
    need(isinstance(data, list) and len(data) == 2, "an item of a dict is damaged")
    need(not isinstance(data[0], (list, dict)), "a key of a dict is neither text nor a number")
    return data[0], from_data(data[1])


#: Type of labels → the type of each in JSON. "O" holds text of any length.
LABELS = {"b": bool, "i": int, "u": int, "f": float, "U": str, "O": str}


def labels_as_data(labels):
    """Return the sorted labels of classes, and their type, as JSON holds them.

    Raises
    ------
    TypeError
        If a label is neither text nor a number nor a boolean.
    """
    values = labels.tolist()
    if any(type(value) is not LABELS.get(labels.dtype.kind) for value in values):
        raise TypeError(
            f"The labels {values} are not data that a model file can hold: text, numbers or "
            "booleans, all of one type. Use pickle, or fit with y.astype(str)."
        )
    return {"type": labels.dtype.str, "values": values}


def parse_labels(data, n_classes):
    """Return the labels that `labels_as_data` has made data of, after every check."""
    need(has_keys(data, ("type", "values")), "its labels are damaged")
    kind, values = data["type"], data["values"]
    known = isinstance(kind, str) and re.fullmatch(r"[<>|=]?([biuf][1248]|U\d{1,6}|O)", kind)
    need(known, f"the type {kind!r} of its labels is not known")
    need(isinstance(values, list) and len(values) == n_classes, "labels of its classes are missing")
    own = LABELS[np.dtype(kind).kind]
    need(all(type(value) is own for value in values), f"its labels are not all of type {kind}")
    need(own is not float or np.isfinite(values).all(), "a label is not finite")
    need(all(a < b for a, b in pairwise(values)), "its labels are not sorted, or not distinct")
    try:
        labels = np.array(values, dtype=kind)
    except OverflowError:
        labels = np.array([])
    need(labels.tolist() == values, f"its labels do not fit into the type {kind}")
    return labels
