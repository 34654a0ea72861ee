"""The bytes of a model file: header, metadata, arrays, checksum."""

import hashlib
import json
import math
import struct
from contextlib import contextmanager

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from .description import (
    ModelFileError,
    describe,
    expected_tensors,
    fill,
    parse,
    tensors_of,
    upgrade,
)

#: What a file says it is, and the version of its format.
FORMAT, VERSION = "skattn", "2"

#: Longest header, in bytes, that is written and read; names of features take most of it.
MAX_HEADER = 2**22

#: safetensors' names of the types that occur.
TYPES = {"float32": "F32", "float64": "F64", "int64": "I64"}


def content_of(estimator):
    """Return a model as the bytes of a file; equal models give equal bytes."""
    tensors, description = tensors_of(estimator), json.dumps(describe(estimator))
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "estimator": description,
        "sha256": _digest(tensors, description),
    }
    content = to_bytes(tensors, metadata)  # its metadata are in no particular order
    size = header_size(content)
    header = json.dumps(json.loads(content[8 : 8 + size]), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + content[8 + size :]


def read_content(file, size):
    """Read a model from a file of a known size; check all of it before an array is made."""
    begin = file.read(8)
    if len(begin) < 8:
        raise ModelFileError(f"it has {size} bytes")
    n_bytes = header_size(begin)
    if n_bytes > min(size - 8, MAX_HEADER):
        raise ModelFileError(f"its header claims {n_bytes} bytes")
    begin += file.read(n_bytes)
    try:
        header = json.loads(begin[8:])
    except ValueError as error:
        raise ModelFileError(f"its header is damaged ({error})") from error
    text, digest, version = _read_metadata(header)
    description = json.loads(text) if version == VERSION else upgrade(json.loads(text))
    estimator, spec = parse(description)
    expected = expected_tensors(description, spec)
    _check_tensors(header, expected, size - 8 - n_bytes)
    tensors = from_bytes(begin + file.read(size - len(begin)))
    if digest != _digest(tensors, text):
        raise ModelFileError("its checksum does not fit")
    return fill(estimator, description, spec, tensors)


@contextmanager
def damage_named(path):
    """Turn whatever is wrong with the content of a file into one kind of error."""
    try:
        yield
    except (SafetensorError, ValueError, RecursionError) as error:
        reason = str(error).rstrip(".")
        raise ModelFileError(
            f"{str(path)!r} cannot be loaded as a model of skattn: {reason}. Was it written by "
            "skattn.save, and copied whole?"
        ) from error


def header_size(begin):
    """Return the length of the header that a file's first eight bytes tell."""
    return struct.unpack("<Q", begin[:8])[0]


def _read_metadata(header):
    """Return the description, as text, the checksum, and the version of the format."""
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise ModelFileError("it does not say that it is one")
    if metadata.get("version") not in ("1", VERSION):
        raise ModelFileError(
            f"its format has version {metadata.get('version')!r}, and this version of skattn reads "
            f"{VERSION!r}; a newer one may read it"
        )
    if set(metadata) != {"format", "version", "estimator", "sha256"}:
        raise ModelFileError("its metadata are not those of a model")
    if not isinstance(metadata["estimator"], str):
        raise ModelFileError("its description is no text")
    return metadata["estimator"], metadata["sha256"], metadata["version"]


def _check_tensors(header, expected, n_bytes):
    """Compare names, types, shapes and the room for them with what is expected."""
    found = {name: tensor for name, tensor in header.items() if name != "__metadata__"}
    if set(found) != set(expected):
        raise ModelFileError("its arrays are not those of its network")
    n_expected = 0
    for name, (kind, shape) in expected.items():
        tensor = found[name] if isinstance(found[name], dict) else {}
        if tensor.get("dtype") != TYPES[kind] or tensor.get("shape") != list(shape):
            raise ModelFileError(
                f"{name!r} has type {tensor.get('dtype')} and shape {tensor.get('shape')}, "
                f"expected {TYPES[kind]} and {list(shape)}"
            )
        n_expected += math.prod(shape) * np.dtype(kind).itemsize
    if n_expected != n_bytes:
        raise ModelFileError(f"its arrays take {n_expected} bytes, and it has {n_bytes} for them")


def _digest(tensors, description):
    """Return a checksum of everything that the file says."""
    digest = hashlib.sha256(description.encode())
    for name in sorted(tensors):
        value = np.asarray(tensors[name], order="C")
        digest.update(f"{name} {value.dtype.str} {value.shape}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
