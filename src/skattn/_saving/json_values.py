"""Parameters as values that JSON can hold, and back."""

import numpy as np

from .checks import need


def as_data(name, value):
    """Return a parameter as numbers, text, None and lists of these; a tuple is marked as one.

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
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        f"{name}={value!r} is not data, and a model file holds nothing else. Use set_params to "
        "give it a value that is (a number, text or None), or pickle the estimator."
    )


def from_data(value):
    """Return the parameter that `as_data` has made a value of."""
    if isinstance(value, dict):
        need(set(value) == {"tuple"} and isinstance(value["tuple"], list), "a tuple is damaged")
        return tuple(from_data(item) for item in value["tuple"])
    return [from_data(item) for item in value] if isinstance(value, list) else value
