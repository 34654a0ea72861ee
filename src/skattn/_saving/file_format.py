"""The bytes of a model file: metadata, arrays, checksum."""

import hashlib
import json

from safetensors import safe_open
from safetensors.numpy import save as to_bytes

from .checks import ModelFileError, has_keys, need
from .data_and_arrays import expected_arrays, join
from .description import describe, parse

#: What a file says it is, and the version of its format.
FORMAT, VERSION = "skattn", "1"

#: Longest header, in bytes, that is read; names of features take most of it.
MAX_HEADER = 2**22


def content_of(estimator):
    """Return a fitted estimator as the bytes of a file."""
    description, arrays = describe(estimator)
    text = json.dumps(description)
    metadata = {"format": FORMAT, "version": VERSION, "estimator": text}
    return to_bytes(arrays, metadata | {"sha256": digest(arrays, text)})


def read_file(path):
    """Return the estimator in a file; all but its values is checked before an array is made.

    Raises
    ------
    ModelFileError, SafetensorError, ValueError, RecursionError
        If the file is not as `content_of` makes it.
    """
    with open(path, "rb") as file:
        n_bytes = int.from_bytes(file.read(8), "little")
    need(n_bytes <= MAX_HEADER, f"its header claims {n_bytes} bytes, the limit is {MAX_HEADER}")
    with safe_open(path, framework="numpy") as file:
        text, checksum = _read_metadata(file.metadata())
        estimator, data = parse(json.loads(text))
        expected = expected_arrays(data)
        _check_arrays(file, expected)
        arrays = {name: file.get_tensor(name) for name in expected}
    need(checksum == digest(arrays, text), "its checksum does not fit")
    vars(estimator).update(join(data, arrays).as_attributes())
    return estimator


def digest(arrays, text):
    """Return a checksum of a description, as text, and of its arrays."""
    total = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        total.update(f"{name} {array.dtype.str} {array.shape}".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def _read_metadata(metadata):
    """Return the description, as text, and the checksum."""
    need(metadata and metadata.get("format") == FORMAT, "it does not say that it is one")
    if metadata.get("version") != VERSION:
        raise ModelFileError(
            f"its format has version {metadata.get('version')!r}, and this version of skattn reads "
            f"{VERSION!r}; a newer one may read it"
        )
    keys = ("format", "version", "estimator", "sha256")
    need(has_keys(metadata, keys), "its metadata are not those of a model")
    return metadata["estimator"], metadata["sha256"]


def _check_arrays(file, expected):
    """Compare names, types and shapes with what is expected."""
    need(set(file.keys()) == set(expected), "its arrays are not those of its network")
    for name, (kind, shape) in expected.items():
        array = file.get_slice(name)
        found = array.get_dtype(), array.get_shape()
        need(
            found == (kind, list(shape)),
            f"{name!r} has type {found[0]} and shape {found[1]}, expected {kind} and {list(shape)}",
        )
