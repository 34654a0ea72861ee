"""How many threads one fit uses: a setting of the process, never made behind its back."""

import os
from contextlib import suppress
from numbers import Integral

#: Environment variable that holds the setting, so that processes started later have it too.
VARIABLE = "SKATTN_NUM_THREADS"


def set_num_threads(n):
    """Let one fit run on `n` threads, with every single operation on one thread.

    Networks of this size are too small for TensorFlow to share one operation between
    cores: by default it tries, and loses time by it. With ``set_num_threads(1)`` a fit
    keeps to one core, which is fastest where fits run side by side, as in a search with
    ``n_jobs``. With ``set_num_threads(2)`` each batch is cut into two parts that run side
    by side, which is fastest for one fit at a time; parts of fewer than about 16 rows do
    not pay. Without a call TensorFlow's own settings hold.

    Call it once, before the first fit: TensorFlow fixes the threads of an operation when
    it starts. The setting holds for all TensorFlow work of the process and, as the
    environment variable ``SKATTN_NUM_THREADS`` (which can be set instead), for processes
    started later, such as the workers of joblib and Dask. A number other than before
    changes results by rounding, and by the draws of dropout.

    Parameters
    ----------
    n : int
        Number of threads, at least 1.

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
    """Settle the threads of TensorFlow; return into how many parts a batch is cut.

    Where the environment variable is set, it holds. Else each operation gets one thread, since
    networks of this size lose time by more, unless TensorFlow has started or the user has set it.
    """
    value = os.environ.get(VARIABLE)
    if value is None:
        _prefer_one_thread()
        return 1
    n = _checked(int(value) if value.strip().isdecimal() else value, VARIABLE)
    _start_tensorflow_with_one_thread()
    return n


def _prefer_one_thread():
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
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
    except RuntimeError as error:
        raise RuntimeError(
            "TensorFlow has started, with other threads than one for each operation. Call "
            f"set_num_threads before the first fit, or set {VARIABLE} before Python starts."
        ) from error
