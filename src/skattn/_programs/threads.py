"""Threads of TensorFlow: one for each operation, unless the user has set another number."""

import os
from contextlib import suppress
from numbers import Integral

from .start import load_tensorflow

#: Environment variable that holds the setting, so that processes started later have it too.
VARIABLE = "SKATTN_NUM_THREADS"


def set_num_threads(n):
    """Cut each training batch into `n` parts that run side by side, each operation on one thread.

    Most fits need no call. The networks of a fit train side by side, and each operation has
    one thread, unless TensorFlow has started before with more or the user has set a number.
    Networks of this size are too small to share one operation between cores. A call pays for a
    single network (``n_members=1``) that is fitted alone, with `n` the number of cores. Parts
    of fewer than about 16 samples do not pay. ``set_num_threads(1)`` cuts no batch, and makes
    sure that each operation has one thread.

    Call it once, before the first fit: TensorFlow fixes the threads of an operation when
    it starts. The setting holds for all TensorFlow work of the process. The environment
    variable ``SKATTN_NUM_THREADS`` hands it to processes that start later, such as the workers
    of joblib and Dask; it can be set instead of a call. Another number of parts changes results
    by rounding, and by the draws of dropout.

    Parameters
    ----------
    n : int
        Number of parts, at least 1.

    Raises
    ------
    ValueError
        If n is not a positive integer.
    RuntimeError
        If TensorFlow has started with other threads.

    Examples
    --------
    >>> import skattn
    >>> skattn.set_num_threads(1)  # doctest: +SKIP
    """
    n = _checked(n)
    _start_tensorflow_with_one_thread()
    os.environ[VARIABLE] = str(n)


def settle_threads():
    """Load TensorFlow and settle its threads; return the number of parts of a batch.

    The environment variable decides where it is set. Else each operation gets one thread, unless
    TensorFlow has started or the user has set a number.
    """
    value = os.environ.get(VARIABLE)
    if value is None:
        _prefer_one_thread()
        return 1
    n = _checked(int(value) if value.strip().isdecimal() else value, VARIABLE)
    _start_tensorflow_with_one_thread()
    return n


def _prefer_one_thread():
    load_tensorflow()
    import tensorflow as tf

    threading = tf.config.threading
    is_set = threading.get_intra_op_parallelism_threads() or "TF_NUM_INTRAOP_THREADS" in os.environ
    with suppress(RuntimeError):  # TensorFlow has started, with the threads that it has
        if not is_set:
            threading.set_intra_op_parallelism_threads(1)


def _checked(n, name="n"):
    if isinstance(n, bool) or not isinstance(n, Integral) or n < 1:
        raise ValueError(f"{name} must be a number of threads, an integer from 1. Got {n!r}.")
    return int(n)


def _start_tensorflow_with_one_thread():
    load_tensorflow()
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
    except RuntimeError as error:
        raise RuntimeError(
            "TensorFlow has started, with other threads than one for each operation. Call "
            f"set_num_threads before the first fit, or set {VARIABLE} before Python starts."
        ) from error
