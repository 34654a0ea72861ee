"""The pool that lends compiled programs, each to one fit or prediction at a time."""

import os
import threading
from contextlib import contextmanager

from .program import Program
from .threads import settle_threads


class ProgramPool:
    """Idle programs, at most `capacity` of them, the longest unused dropped first.

    Parameters
    ----------
    capacity : int
        Greatest number of idle programs.
    """

    def __init__(self, capacity):
        self.capacity = capacity
        self._idle = []
        self._lock = threading.Lock()
        self._process = None

    @contextmanager
    def borrow(self, spec):
        """Lend a program of `spec` to one borrower; make it if none is idle.

        Raises
        ------
        RuntimeError
            In a process that was forked after a program had been lent.
        """
        self._check_process()  # before the lock, which another thread may have held at the fork
        kind = spec, settle_threads()
        program = self._take(kind) or Program(*kind)
        try:
            yield program
        finally:
            self._give_back(program)

    def clear(self):
        """Drop all idle programs; those on loan come back as usual."""
        with self._lock:
            self._idle.clear()

    def idle(self):
        """Return the idle programs, the longest unused first."""
        with self._lock:
            return list(self._idle)

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

    def _take(self, kind):
        with self._lock:
            for position in reversed(range(len(self._idle))):
                program = self._idle[position]
                if (program.spec, program.n_parts) == kind:
                    return self._idle.pop(position)
        return None

    def _give_back(self, program):
        with self._lock:
            self._idle.append(program)
            del self._idle[: -self.capacity]


#: The programs of this process.
pool = ProgramPool(capacity=32)


def clear_programs():
    """Drop every idle compiled program.

    Fitted estimators are not affected: their next prediction compiles again. TensorFlow
    keeps about 10 MiB of each program for as long as the process lives, as it does of
    every function that it compiles.

    Examples
    --------
    >>> import skattn
    >>> skattn.clear_programs()
    """
    pool.clear()
