"""TensorFlow is loaded here, at the first fit or prediction, and keeps its notices to itself."""

import os
import re
import sys
import tempfile
from contextlib import contextmanager
from threading import Lock

#: What TensorFlow and its libraries write while they load, whatever their level: notices.
NOTICE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog"
    rb"|[IW]\d{4} [\d:.]+ +\d+ \w+\.cc:\d+\]"
    rb"|To enable the following instructions"
)

_LOCK = Lock()


def load_tensorflow():
    """Load TensorFlow where it is not loaded; hide its notices unless the user has set a level.

    The user's setting is the environment variable ``TF_CPP_MIN_LOG_LEVEL``. Where it is not set,
    it becomes 3, for errors alone.
    """
    with _LOCK:
        if "tensorflow" in sys.modules or "TF_CPP_MIN_LOG_LEVEL" in os.environ:
            return
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        with without_notices():
            import tensorflow  # noqa: F401


@contextmanager
def without_notices():
    """Pass on all but notices of what is written to the process's standard error in the block."""
    try:
        shown = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(shown, 2)
            held.seek(0)
            with os.fdopen(shown, "wb") as passed_on:
                passed_on.writelines(line for line in held if not NOTICE.match(line))
