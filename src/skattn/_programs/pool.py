"""The programs of this process, for fits and predictions to share."""

import os
import threading

from .program import Program
from .threads import settle_threads


class ProgramPool:
    """Compiled programs, at most `capacity` of them, the longest unused dropped first.

    Parameters
    ----------
    capacity : int
        Greatest number of programs.
    """

    def __init__(self, capacity):
        self.capacity = capacity
        self._programs = {}
        self._lock = threading.Lock()
        self._process = None

    def get(self, spec):
        """Return the program of a spec; make it where there is none.

        Raises
        ------
        RuntimeError
            In a process that was forked after a program had been used.
        """
        self._check_process()  # before the lock, which another thread may have held at the fork
        kind = spec, settle_threads()
        with self._lock:
            program = self._programs.pop(kind, None) or Program(*kind)
            self._programs[kind] = program  # the last one used
            for unused in list(self._programs)[: -self.capacity]:
                del self._programs[unused]
        return program

    def clear(self):
        """Drop all programs; fits that are under way keep theirs."""
        with self._lock:
            self._programs.clear()

    def programs(self):
        """Return the programs, the longest unused first."""
        with self._lock:
            return list(self._programs.values())

    def _check_process(self):
        """Refuse to work after a fork: TensorFlow's threads are not there, and it would hang."""
        self._process = self._process or os.getpid()
        if self._process != os.getpid():
            raise RuntimeError(
                f"This process ({os.getpid()}) was forked from one ({self._process}) in which "
                "skattn had already run TensorFlow, which does not survive a fork. Use joblib's "
                'default backend "loky" or "threading" instead of "multiprocessing", or '
                'multiprocessing with the start method "spawn".'
            )


#: The programs of this process.
pool = ProgramPool(capacity=32)


def clear_programs():
    """Drop every compiled program.

    Fitted estimators are not affected: their next prediction compiles again. TensorFlow
    keeps about 10 MiB of each program for as long as the process lives, as it does of
    every function that it compiles.

    Examples
    --------
    >>> import skattn
    >>> skattn.clear_programs()
    """
    pool.clear()
