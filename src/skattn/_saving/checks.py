"""The error for a file that is no model, and the checks that raise it."""


class ModelFileError(ValueError):
    """A file that is no model of this package, is damaged, or has an unknown version."""


def need(condition, otherwise):
    """Raise a `ModelFileError` with a text unless a condition holds."""
    if not condition:
        raise ModelFileError(otherwise)


def has_keys(value, keys):
    """Return whether a value is a dict of exactly these keys."""
    return isinstance(value, dict) and set(value) == set(keys)


def is_positive_integer(value):
    """Return whether a value is an integer from 1; True is none."""
    return type(value) is int and value > 0
