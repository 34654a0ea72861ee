"""Labels in a file: every kind comes back, and nothing else is made of them."""

import numpy as np
import pytest

from skattn._saving.checks import ModelFileError
from skattn._saving.json_values import labels_as_data, parse_labels

KINDS = {
    "text": np.array(["a", "b"]),
    "objects": np.array(["a", "b"], dtype=object),
    "booleans": np.array([False, True]),
    "bytes": np.array([1, 200], dtype="uint8"),
    "integers": np.array([-5, 7]),
    "floats": np.array([0.5, 1.0], dtype="float32"),
}


@pytest.mark.parametrize("labels", KINDS.values(), ids=KINDS.keys())
def test_labels_come_back_with_their_type(labels):
    parsed = parse_labels(labels_as_data(labels), 2)
    assert parsed.dtype == labels.dtype
    assert parsed.tolist() == labels.tolist()


@pytest.mark.parametrize(
    "labels", [np.array([b"a", b"b"]), np.array([(1, 2), None], dtype=object), np.array([1, 1j])]
)
def test_what_json_cannot_hold_is_an_error_that_says_what_to_do(labels):
    with pytest.raises(TypeError, match=r"fit with y\.astype\(str\)"):
        labels_as_data(labels)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "its labels are damaged"),
        ({"type": "<i8"}, "its labels are damaged"),
        ({"type": "<i8", "values": [0, 1], "more": 1}, "its labels are damaged"),
        ({"type": "V8", "values": [0, 1]}, "is not known"),
        ({"type": "M8[ns]", "values": [0, 1]}, "is not known"),
        ({"type": 8, "values": [0, 1]}, "is not known"),
        ({"type": "<i8", "values": [0]}, "labels of its classes are missing"),
        ({"type": "<i8", "values": "01"}, "labels of its classes are missing"),
        ({"type": "<i8", "values": [0, True]}, "not all of type"),
        ({"type": "<f8", "values": [0.0, 1]}, "not all of type"),
        ({"type": "O", "values": ["a", 1]}, "not all of type"),
        ({"type": "<f8", "values": [0.0, float("nan")]}, "a label is not finite"),
        ({"type": "<i8", "values": [1, 0]}, "not sorted, or not distinct"),
        ({"type": "<i8", "values": [1, 1]}, "not sorted, or not distinct"),
        ({"type": "|u1", "values": [0, 256]}, "do not fit into the type"),
        ({"type": "<U1", "values": ["a", "bc"]}, "do not fit into the type"),
    ],
)
def test_damage_is_refused(data, reason):
    with pytest.raises(ModelFileError, match=reason):
        parse_labels(data, 2)
