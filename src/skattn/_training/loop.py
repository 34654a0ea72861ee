"""The loop over epochs: networks side by side, one curve, one set of callbacks."""

from collections import deque
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from threading import Event

import numpy as np
from joblib import cpu_count
from joblib.parallel import get_active_backend
from tqdm.auto import tqdm

from .._programs import listeners_of
from .._programs.threads import settle_threads

#: Names of the logs of an epoch, which callbacks hear and curves keep.
LOGS = ("loss", "val_loss", "learning_rate")


def train_side_by_side(runs, callbacks=None, verbose=0):
    """Train networks side by side.

    Parameters
    ----------
    runs : list of Run
        The networks.
    callbacks : list, default=None
        Keras callbacks. They hear means over the networks that train, and stop all of them.
    verbose : int, default=0
        Whether to show a progress bar, one for all networks.

    Raises
    ------
    TrainingDivergedError
        If no network holds.
    """
    most = max(run.recipe.epochs for run in runs)
    total = sum(run.recipe.epochs for run in runs)
    with (
        tqdm(total=total, unit="epoch", disable=not verbose) as bar,
        ThreadPoolExecutor(n_threads(len(runs))) as threads,
    ):
        if not callbacks:
            _train_freely(runs, threads, bar)
            return
        listeners = listeners_of(
            callbacks,
            runs[0].common.program.spec,
            epochs=most,
            n_batches=runs[0].n_batches,
            verbose=verbose,
        )
        try:
            _InStep(runs, threads, bar, listeners).train()
        finally:
            listeners.close()


def curves_of(runs):
    """Return the mean of each log over the networks that trained, an entry for each epoch."""
    epochs = [_mean_logs(runs, epoch) for epoch in range(_n_epochs(runs))]
    return {name: [logs[name] for logs in epochs if name in logs] for name in LOGS}


def _n_epochs(runs):
    return max(len(run.logs) for run in runs)


def _mean_logs(runs, epoch):
    """Return the means over the networks that trained in an epoch, by name."""
    logs = [run.logs[epoch] for run in runs if epoch < len(run.logs)]
    return {name: float(np.mean([log[name] for log in logs])) for name in LOGS if name in logs[0]}


def n_threads(n_runs):
    """Return the number of networks that train at the same time.

    One for each core; but one inside a job that joblib runs, and where `set_num_threads` gives
    each network several threads of its own.
    """
    backend, _ = get_active_backend()
    inside = getattr(backend, "nesting_level", None)
    return 1 if inside or settle_threads() > 1 else max(1, min(n_runs, cpu_count()))


def _train_freely(runs, threads, bar):
    """Let each thread train an epoch of the network that has waited longest, until all end.

    After an interrupt, or an error in one thread, no thread begins another epoch.
    """
    waiting, stopped = deque(runs), Event()

    def work():
        while waiting and not stopped.is_set():
            try:
                run = waiting.popleft()
            except IndexError:  # another thread took the last one
                return
            run.run_epoch()
            bar.update()
            if not run.finished:
                waiting.append(run)

    working = [threads.submit(work) for _ in range(n_threads(len(runs)))]
    try:
        wait(working, return_when=FIRST_EXCEPTION)
    finally:
        stopped.set()
    for done in working:
        done.result()


class _InStep:
    """Networks that train in step, an epoch of each at a time, so that callbacks hear a curve."""

    def __init__(self, runs, threads, bar, listeners):
        self.runs = runs
        self.threads = threads
        self.bar = bar
        self.listeners = listeners
        self.rate_factor = 1.0  # moved by callbacks alone

    def train(self):
        """Run the epochs."""
        recipe = self.runs[0].recipe
        self._tell("on_train_begin", recipe.learning_rate)
        for epoch in range(max(run.recipe.epochs for run in self.runs)):
            training = [run for run in self.runs if not run.finished]
            if training:
                self._run_epoch(epoch, training)
            if not training or self.listeners.stop:
                break
        self._tell("on_train_end", recipe.learning_rate, self._last_logs())

    def _run_epoch(self, epoch, training):
        scheduled = float(training[0].learning_rates()[0])
        self._tell("on_epoch_begin", scheduled, epoch)
        list(self.threads.map(lambda run: run.run_epoch(self.rate_factor), training))
        self.bar.update(len(training))
        if all(run.error is not None for run in self.runs):
            raise self.runs[0].error
        self._tell("on_epoch_end", scheduled, epoch, self._last_logs())

    def _last_logs(self):
        n_epochs = _n_epochs(self.runs)
        return _mean_logs(self.runs, n_epochs - 1) if n_epochs else {}

    def _tell(self, hook, scheduled, *arguments):
        """Call a hook; where it moves the learning rate, all later ones move with it."""
        rate = self.rate_factor * scheduled
        left = self.listeners.tell(hook, self.runs[0].parameters(), rate, *arguments)
        if left != rate:
            self.rate_factor = left / scheduled
