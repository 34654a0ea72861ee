"""TensorFlow is loaded here, where a fit, prediction or export comes first; notices are hidden."""

import os
import re
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
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
    it becomes 3: fatal errors alone are written.
    """
    with _LOCK:
        if "tensorflow" in sys.modules or "TF_CPP_MIN_LOG_LEVEL" in os.environ:
            return
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        with without_notices():
            import tensorflow  # noqa: F401


@contextmanager
def without_notices():
    """Pass on all but notices of what is written to the process's standard error in the block.

    Where there is no standard error, or no folder for a temporary file, nothing is hidden. What
    standard error does not take is lost, as it would have been before. So is what is held when the
    process dies within the block.
    """
    with ExitStack() as opened:
        held = None
        with suppress(OSError):
            shown = opened.enter_context(os.fdopen(os.dup(2), "wb", buffering=0))
            held = opened.enter_context(tempfile.TemporaryFile())
        if held is None:
            yield
            return
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(shown.fileno(), 2)
            held.seek(0)
            with suppress(OSError):
                shown.writelines(line for line in held if not NOTICE.match(line))
