"""The loop over epochs: networks side by side, one curve, one set of callbacks."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from joblib import cpu_count
from joblib.parallel import get_active_backend
from tqdm.auto import tqdm

from .._programs import listeners_of

#: What callbacks hear, and curves keep, of each epoch.
LOGS = ("loss", "val_loss", "learning_rate")


def train_side_by_side(runs, callbacks=None, verbose=0):
    """Train networks side by side, an epoch of each at a time.

    Parameters
    ----------
    runs : list of Run
        The networks.
    callbacks : list, default=None
        Keras callbacks. They hear means over the networks that train, and stop all of them.
    verbose : int, default=0
        Whether to show a progress bar.

    Returns
    -------
    curves : dict of str to list of float
        The losses and the learning rate of each epoch, means over the networks that trained.

    Raises
    ------
    TrainingDivergedError
        If no network holds.
    """
    loop = _Loop(runs, verbose)
    if not callbacks:
        return loop.run()
    loop.listeners = listeners_of(
        callbacks,
        runs[0].common.program.spec,
        epochs=max(run.recipe.epochs for run in runs),
        n_batches=runs[0].n_batches,
        verbose=verbose,
    )
    try:
        return loop.run()
    finally:
        loop.listeners.close()


def n_threads(n_runs):
    """Return the number of threads: one a core, but one inside a job that joblib runs."""
    backend, _ = get_active_backend()
    inside = getattr(backend, "nesting_level", None)
    return 1 if inside else max(1, min(n_runs, cpu_count()))


class _Loop:
    """The epochs of several runs, and the callbacks around them."""

    def __init__(self, runs, verbose):
        self.runs = runs
        self.verbose = verbose
        self.listeners = None
        self.rate_factor = 1.0  # moved by callbacks alone
        self.curves = {name: [] for name in LOGS}

    def run(self):
        """Run the epochs; return the curves."""
        self._tell("on_train_begin", self.runs[0].recipe.learning_rate)
        with ThreadPoolExecutor(n_threads(len(self.runs))) as threads:
            for epoch in self._epochs():
                self._run_epoch(epoch, threads)
                if self.listeners and self.listeners.stop:
                    break
        self._tell("on_train_end", self.runs[0].recipe.learning_rate, self._last_logs())
        return self.curves

    def _epochs(self):
        """Count the epochs while a network trains, with a progress bar where that is wanted."""
        most = max(run.recipe.epochs for run in self.runs)
        with tqdm(total=most, unit="epoch", disable=not self.verbose) as bar:
            for epoch in range(most):
                if all(run.finished for run in self.runs):
                    return
                bar.update()
                yield epoch
                bar.set_postfix(self._last_logs())

    def _run_epoch(self, epoch, threads):
        training = [run for run in self.runs if not run.finished]
        scheduled = float(training[0].learning_rates()[0])
        self._tell("on_epoch_begin", scheduled, epoch)
        logs = list(threads.map(lambda run: run.run_epoch(self.rate_factor), training))
        if all(run.error is not None for run in self.runs):
            raise self.runs[0].error
        for name in LOGS:
            values = [log[name] for log in logs if name in log]
            if values:
                self.curves[name].append(float(np.mean(values)))
        self._tell("on_epoch_end", scheduled, epoch, self._last_logs())

    def _last_logs(self):
        return {name: curve[-1] for name, curve in self.curves.items() if curve}

    def _tell(self, hook, scheduled, *arguments):
        """Call a hook; where it moves the learning rate, all later ones move with it."""
        if self.listeners:
            rate = self.rate_factor * scheduled
            left = self.listeners.tell(hook, self.runs[0].parameters(), rate, *arguments)
            if left != rate:
                self.rate_factor = left / scheduled
