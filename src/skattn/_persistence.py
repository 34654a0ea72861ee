"""Models on disk: one safetensors file that holds numbers and JSON, and nothing to execute."""

import hashlib
import json
import math
import os
import secrets
import shutil
import stat
import struct
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ._model_file import (
    ModelFileError,
    describe,
    expected_tensors,
    fill,
    parse,
    tensors_of,
    upgrade,
)
from ._regressor import LSTMAttentionRegressor

#: What a file says it is, and the version of its format.
FORMAT, VERSION = "skattn", "2"

#: Longest header, in bytes, that is written and read; names of features take most of it.
MAX_HEADER = 2**22

#: safetensors' names of the types that occur.
TYPES = {"float32": "F32", "float64": "F64", "int64": "I64"}


def save(estimator, path):
    """Save a fitted regressor to one file that is safe to load.

    The file is in the safetensors format [1]_: parameters and statistics as arrays, and
    everything else as JSON. It is written whole or not at all: to a file beside it, which
    takes its place when it is safely on the disk. What stood there before stays until then; a
    process that is killed may leave the file beside. Requests of metadata
    (`set_fit_request`) are no part of it.

    Parameters
    ----------
    estimator : LSTMAttentionRegressor
        Fitted; of a `Pipeline`, its last step. For a whole pipeline use skops or, for
        files that only you have had, pickle.
    path : str or path-like
        Where to write; the ending ``.safetensors`` is customary.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is no `LSTMAttentionRegressor`, or a parameter is not data: a callable
        attention, callbacks, a RandomState.
    ValueError
        If the model could not be loaded again, since its parameters were changed to what
        `fit` would refuse.
    OSError
        If the file cannot be written; an older one stays.

    See Also
    --------
    load : Reads the file.

    References
    ----------
    .. [1] https://huggingface.co/docs/safetensors

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skattn import LSTMAttentionRegressor, load, save
    >>> from skattn.datasets import make_echo
    >>> X, y = make_echo(20, 4, lag=2, random_state=0)
    >>> model = LSTMAttentionRegressor(units=4, epochs=1, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, Path(folder) / "model.safetensors")
    ...     loaded = load(Path(folder) / "model.safetensors")
    >>> bool((loaded.predict(X) == model.predict(X)).all())
    True
    """
    if type(estimator) is not LSTMAttentionRegressor:
        hint = " Save its last step, estimator[-1]." if isinstance(estimator, Pipeline) else ""
        raise TypeError(
            f"save takes an LSTMAttentionRegressor. Got {type(estimator).__name__}.{hint} Use "
            "skops.io for other estimators."
        )
    check_is_fitted(estimator)
    content = _content_of(estimator)
    if _header_size(content) > MAX_HEADER:
        raise ValueError(
            f"The description of the model takes {_header_size(content)} bytes, more than the "
            f"{MAX_HEADER} that load reads. Are the names of its features very long?"
        )
    try:
        _read(BytesIO(content), len(content))
    except (ValueError, SafetensorError) as error:
        reason = str(error).rstrip(".")
        raise ValueError(
            f"This model cannot be saved, as it could not be loaded again: {reason}. Were its "
            "parameters changed after the fit?"
        ) from error
    _write(Path(os.path.realpath(os.fsdecode(path))), content)


def load(path):
    """Load a regressor that `save` has written.

    Nothing in the file is executed or imported. Sizes, shapes, types and names are checked
    before an array is made, and a checksum tells damage.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    estimator : LSTMAttentionRegressor
        As it was saved, ready to predict or to train further.

    Raises
    ------
    ModelFileError
        If the file is not a saved model, is damaged, or was written in a format that
        this version does not know.
    OSError
        If there is no such file, or it cannot be read.

    See Also
    --------
    save : Writes the file.

    Examples
    --------
    >>> from skattn import load
    >>> load("no-such-file.safetensors")
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] No such file or directory: 'no-such-file.safetensors'
    """
    path = Path(os.fsdecode(path))
    with open(path, "rb", opener=_open_at_once) as file, _damage_named(path):
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ModelFileError("it is not a regular file")
        return _read(file, status.st_size)


def _open_at_once(path, flags):
    """Open without waiting for a writer, where path is a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _content_of(estimator):
    """Return a model as the bytes of a file; equal models give equal bytes."""
    tensors, description = tensors_of(estimator), json.dumps(describe(estimator))
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "estimator": description,
        "sha256": _digest(tensors, description),
    }
    content = to_bytes(tensors, metadata)  # its metadata are in no particular order
    size = _header_size(content)
    header = json.dumps(json.loads(content[8 : 8 + size]), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + content[8 + size :]


def _read(file, size):
    """Read a model from a file of a known size; check all of it before an array is made."""
    begin = file.read(8)
    if len(begin) < 8:
        raise ModelFileError(f"it has {size} bytes")
    header_size = _header_size(begin)
    if header_size > min(size - 8, MAX_HEADER):
        raise ModelFileError(f"its header claims {header_size} bytes")
    begin += file.read(header_size)
    try:
        header = json.loads(begin[8:])
    except ValueError as error:
        raise ModelFileError(f"its header is damaged ({error})") from error
    text, digest, version = _read_metadata(header)
    description = json.loads(text) if version == VERSION else upgrade(json.loads(text))
    estimator, spec = parse(description)
    expected = expected_tensors(description, spec)
    _check_tensors(header, expected, size - 8 - header_size)
    tensors = from_bytes(begin + file.read(size - len(begin)))
    if digest != _digest(tensors, text):
        raise ModelFileError("its checksum does not fit")
    return fill(estimator, description, spec, tensors)


@contextmanager
def _damage_named(path):
    """Turn whatever is wrong with the content of a file into one kind of error."""
    try:
        yield
    except (SafetensorError, ValueError, RecursionError) as error:
        reason = str(error).rstrip(".")
        raise ModelFileError(
            f"{str(path)!r} cannot be loaded as a model of skattn: {reason}. Was it written by "
            "skattn.save, and copied whole?"
        ) from error


def _header_size(begin):
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


def _write(path, content):
    """Write a file whole or not at all, also if the process or the machine stops."""
    if path.exists() and not path.is_file():
        raise OSError(f"{str(path)!r} is not a regular file. Save to a path of its own.")
    beside = path.with_name(f".skattn-{secrets.token_hex(8)}.tmp")
    try:
        with open(beside, "xb") as file:
            with suppress(FileNotFoundError):
                shutil.copymode(path, beside)  # before anything that others must not read
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder):
    """Bring the new name to the disk, where the system can do so."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
