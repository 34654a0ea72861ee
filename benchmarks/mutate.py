"""Changed model files: bytes at random, and the inside changed with everything around put right."""

import json
import struct

import numpy as np
from safetensors import deserialize
from safetensors.numpy import save as to_bytes

from skattn._saving.file_format import digest

#: Values that stand for rubbish, wherever JSON allows a value.
RUBBISH = [
    None, True, False, 0, -1, 1, 2, 10**9, 2**63, 10**400, 0.5, -1.5, 1e308, float("nan"),
    "", "additive", "__import__('os').system('true')", "../../etc/passwd", "a" * 10_000,
    [], [0], [[]], [1] * 1000, {}, {"tuple": [1]}, {"tuple": 3}, {"__reduce__": "os.system"},
]  # fmt: skip


def mutate(content, rng):
    """Return a changed copy of a model file."""
    kinds = [flip, flip_header, cut, grow, swap, change_length, change_description, change_tensors]
    return kinds[rng.integers(len(kinds))](content, rng)


def flip(content, rng):
    """Change one to eight bytes anywhere."""
    return _flipped(content, rng, 0, len(content))


def flip_header(content, rng):
    """Change one to eight bytes of the header."""
    return _flipped(content, rng, 0, 8 + _header_size(content))


def cut(content, rng):
    """Leave out the end, or a part."""
    begin, end = np.sort(rng.integers(len(content) + 1, size=2))
    return content[:begin] if rng.random() < 0.5 else content[:begin] + content[end:]


def grow(content, rng):
    """Put bytes in."""
    place = rng.integers(len(content) + 1)
    return content[:place] + rng.bytes(rng.integers(1, 100)) + content[place:]


def swap(content, rng):
    """Exchange two parts."""
    a, b, c = np.sort(rng.integers(len(content) + 1, size=3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def change_length(content, rng):
    """Claim another length of the header."""
    length = int(rng.choice([0, 1, 2**20, 2**31, 2**63 - 1, 10**15, rng.integers(1, 10**4)]))
    return struct.pack("<Q", length) + content[8:]


def change_description(content, rng):
    """Put rubbish for a value of the description; lengths and checksum fit."""
    tensors, metadata = _parts(content)
    description = json.loads(metadata["estimator"])
    target, key = _place(description, rng)
    if rng.random() < 0.1 and isinstance(target, dict):
        del target[key]
    else:
        target[key] = RUBBISH[rng.integers(len(RUBBISH))]
    return _whole(tensors, metadata, json.dumps(description))


def change_tensors(content, rng):
    """Give an array another shape, type, name or rubbish as values; lengths and checksum fit."""
    tensors, metadata = _parts(content)
    name = sorted(tensors)[rng.integers(len(tensors))]
    value = tensors.pop(name)
    changed = [
        lambda: {name: value.astype("float64" if value.dtype != "float64" else "float32")},
        lambda: {name: value[np.newaxis]},
        lambda: {name: np.concatenate([np.atleast_1d(value)] * 2)},
        lambda: {f"../{name}": value},
        lambda: {name: np.full(value.shape, np.nan, "float32")},
        lambda: {name: np.full_like(value, -1)},
        dict,
    ]
    tensors |= changed[rng.integers(len(changed))]()
    return _whole(tensors, metadata, metadata["estimator"])


def _flipped(content, rng, begin, end):
    changed = bytearray(content)
    for place in rng.integers(begin, end, size=rng.integers(1, 9)):
        changed[place] = rng.integers(256)
    return bytes(changed)


def _header_size(content):
    return struct.unpack("<Q", content[:8])[0]


def _parts(content):
    """Take a good file apart: its arrays and its metadata."""
    header = json.loads(content[8 : 8 + _header_size(content)])
    kinds = {"F32": "float32", "F64": "float64", "I32": "int32", "I64": "int64"}
    tensors = {
        name: np.frombuffer(bytes(tensor["data"]), kinds[tensor["dtype"]]).reshape(tensor["shape"])
        for name, tensor in deserialize(content)
    }
    return tensors, header["__metadata__"]


def _whole(tensors, metadata, description):
    """Put a file together again, with a checksum that fits."""
    tensors = {name: np.asarray(value, order="C") for name, value in tensors.items()}
    metadata = metadata | {"estimator": description, "sha256": digest(tensors, description)}
    return to_bytes(tensors, metadata)


def _place(description, rng):
    """Choose a value of a description: return what holds it, and its key there."""
    places = []

    def walk(holder):
        keys = holder if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            places.append((holder, key))
            if isinstance(holder[key], (dict, list)):
                walk(holder[key])

    walk(description)
    return places[rng.integers(len(places))]
