"""Models on disk: one safetensors file that holds numbers and JSON, and nothing to execute."""

import os
from pathlib import Path

from safetensors import SafetensorError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .atomic_write import write_whole
from .checks import ModelFileError
from .description import CLASSES
from .file_format import content_of, read_file


def save(estimator, path):
    """Save a fitted estimator to one file that is safe to load.

    The file is in the safetensors format: parameters and statistics as arrays, and
    everything else as JSON. It is written whole or not at all: a new file takes the place
    of an old one when it is on the disk and has been read again. A process that is killed
    may leave the new one beside. Requests of metadata (`set_fit_request`) are not saved.

    Parameters
    ----------
    estimator : LSTMAttentionRegressor or LSTMAttentionClassifier
        Fitted. Of a Pipeline, pass the last step; of a search, what is in
        ``best_estimator_``; of a `TransformedTargetRegressor`, its ``regressor_``, which
        predicts the transformed target. To save the whole of these use skops or, for
        files that nobody else can change, pickle.
    path : str or path-like
        Where to write. The usual ending is ``.safetensors``.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is none of these, or a parameter is not data: a callable attention, callbacks, a
        RandomState. Labels are data where they are text, numbers or booleans.
    ValueError
        If the file could not be loaded again, since parameters were changed to values
        that `fit` refuses, or names of features are very long.
    OSError
        If the file cannot be written; an older one stays.

    See Also
    --------
    load : Reads the file.

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
    if type(estimator) not in CLASSES.values():
        raise TypeError(
            f"save takes a fitted {' or '.join(CLASSES)}. Got {type(estimator).__name__}. "
            f"{_advice(estimator)}"
        )
    check_is_fitted(estimator)
    write_whole(os.fsdecode(path), content_of(estimator), _check_loads)


def load(path):
    """Load an estimator that `save` has written.

    Nothing in the file is executed or imported. Names, types and shapes are checked before
    an array is made, and a checksum shows damage.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    estimator : LSTMAttentionRegressor or LSTMAttentionClassifier
        As it was saved, ready to predict or to train further.

    Raises
    ------
    ModelFileError
        If the file is not a saved model, is damaged, or has a format that this version
        does not know.
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
    FileNotFoundError: 'no-such-file.safetensors' is not a file, or does not exist.
    """
    path = Path(os.fsdecode(path))
    if not path.is_file():
        raise FileNotFoundError(f"{str(path)!r} is not a file, or does not exist.")
    try:
        return read_file(path)
    except (SafetensorError, ValueError, RecursionError) as error:
        raise ModelFileError(
            f"{str(path)!r} cannot be loaded as a model of skattn: {_reason(error)}. Was it "
            "written by skattn.save, and copied whole?"
        ) from error


def _advice(estimator, place="estimator"):
    """Return what to save of a Pipeline, a search or a transformed target, as one types it."""
    if type(estimator) in CLASSES.values():
        return f"Save what it has fitted: save({place}, path). Use skops.io for all of it."
    if isinstance(estimator, Pipeline):
        return _advice(estimator[-1], f"{place}[{estimator.steps[-1][0]!r}]")
    for name in ("best_estimator_", "regressor_"):
        if hasattr(estimator, name):
            return _advice(getattr(estimator, name), f"{place}.{name}")
    return "Use skops.io for other estimators."


def _check_loads(path):
    """Refuse a file that `load` would refuse."""
    try:
        read_file(path)
    except (SafetensorError, ValueError) as error:
        raise ValueError(
            f"This model cannot be saved, as it could not be loaded again: {_reason(error)}. "
            "Were its parameters changed after the fit, or are names of its features long?"
        ) from error


def _reason(error):
    return str(error).rstrip(".")
