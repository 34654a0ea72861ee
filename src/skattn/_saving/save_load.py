"""Models on disk: one safetensors file that holds numbers and JSON, and nothing to execute."""

import os
import secrets
import shutil
import stat
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from safetensors import SafetensorError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._estimators.regressor import LSTMAttentionRegressor
from .description import ModelFileError
from .file_format import MAX_HEADER, content_of, damage_named, header_size, read_content


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
    content = content_of(estimator)
    if header_size(content) > MAX_HEADER:
        raise ValueError(
            f"The description of the model takes {header_size(content)} bytes, more than the "
            f"{MAX_HEADER} that load reads. Are the names of its features very long?"
        )
    try:
        read_content(BytesIO(content), len(content))
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
    with open(path, "rb", opener=_open_at_once) as file, damage_named(path):
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ModelFileError("it is not a regular file")
        return read_content(file, status.st_size)


def _open_at_once(path, flags):
    """Open without waiting for a writer, where path is a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


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
