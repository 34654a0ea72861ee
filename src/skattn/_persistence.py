"""Models on disk: one safetensors file that holds numbers and JSON, and nothing to execute."""

import hashlib
import json
import os
import secrets
import shutil
import struct
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ._model_file import ModelFileError, describe, expected_tensors, fill, parse, tensors_of
from ._regressor import LSTMAttentionRegressor

#: What a file says it is, and the version of its format.
FORMAT, VERSION = "skattn", "1"

#: Longest header, in bytes, that is written and read; names of features take most of it.
MAX_HEADER = 2**22

#: safetensors' names of the types that occur.
TYPES = {"F32": "float32", "F64": "float64", "I32": "int32", "I64": "int64"}


def save(estimator, path):
    """Save a fitted regressor to one file that is safe to load.

    The file is in the safetensors format [1]_: parameters and statistics as arrays, and
    everything else as JSON. It is written whole or not at all: to a file beside it, which
    takes its place when it is safely on the disk. What stood there before stays until then; a
    process that is killed may leave the file beside.

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
    tensors, description = tensors_of(estimator), json.dumps(describe(estimator))
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "estimator": description,
        "sha256": _digest(tensors, description),
    }
    content = to_bytes(tensors, metadata)
    if _header_size(content) > MAX_HEADER:
        raise ValueError(
            f"The description of the model takes {_header_size(content)} bytes, more than the "
            f"{MAX_HEADER} that load reads. Are the names of its features very long?"
        )
    _write(Path(os.path.realpath(path)), content)


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
    with _damage_named(path):
        _check_header(path)
        with safe_open(path, framework="numpy") as file:
            text, digest = _read_metadata(file.metadata() or {})
            description = json.loads(text)
            estimator, spec = parse(description)
            expected = expected_tensors(description, spec)
            _check_tensors(file, expected)
            tensors = {name: file.get_tensor(name) for name in expected}
        if digest != _digest(tensors, text):
            raise ModelFileError("its checksum does not fit")
        return fill(estimator, description, spec, tensors)


@contextmanager
def _damage_named(path):
    """Turn whatever is wrong with the content of a file into one kind of error."""
    try:
        yield
    except (SafetensorError, ValueError, RecursionError) as error:
        raise ModelFileError(
            f"{os.fspath(path)!r} cannot be loaded as a model of skattn: {error}. Was it "
            "written by skattn.save, and copied whole?"
        ) from error


def _header_size(begin):
    """Return the length of the header that a file's first eight bytes tell."""
    return struct.unpack("<Q", begin[:8])[0]


def _check_header(path):
    """Refuse a header that is longer than the file, or than any that is written."""
    with open(path, "rb") as file:
        begin, size = file.read(8), os.fstat(file.fileno()).st_size
    if len(begin) < 8:
        raise ModelFileError(f"it has {size} bytes")
    if _header_size(begin) > min(size - 8, MAX_HEADER):
        raise ModelFileError(f"its header claims {_header_size(begin)} bytes")


def _read_metadata(metadata):
    """Return the description, as text, and the checksum."""
    if metadata.get("format") != FORMAT:
        raise ModelFileError("it does not say that it is one")
    if metadata.get("version") != VERSION:
        raise ModelFileError(
            f"its format has version {metadata.get('version')!r}, and this version of skattn reads "
            f"{VERSION!r}; a newer one may read it"
        )
    if set(metadata) != {"format", "version", "estimator", "sha256"}:
        raise ModelFileError("its metadata are not those of a model")
    return metadata["estimator"], metadata["sha256"]


def _check_tensors(file, expected):
    """Compare names, types and shapes with what is expected, before any array is made."""
    if set(file.keys()) != set(expected):
        raise ModelFileError("its arrays are not those of its network")
    for name, (kind, shape) in expected.items():
        found = file.get_slice(name)
        found_kind = TYPES.get(found.get_dtype(), found.get_dtype())
        if found_kind != kind or tuple(found.get_shape()) != shape:
            raise ModelFileError(
                f"{name!r} has type {found_kind} and shape {tuple(found.get_shape())}, expected "
                f"{kind} and {shape}"
            )


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
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(beside, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            shutil.copymode(path, beside)
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
