"""The training of one network, epoch by epoch."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._programs.flows import Batches, Data, Settings
from .samples import Samples, distinct
from .settings import (
    AUTO_PATIENCE,
    NO_CLIPNORM,
    PLATEAU_PATIENCE,
    SCHEDULES,
    TURNED,
    recipe_of,
)


class TrainingDivergedError(FloatingPointError):
    """Training reached a loss or a parameter that is not finite."""


@dataclass(frozen=True)
class Common:
    """What the networks of one fit share.

    Attributes
    ----------
    program : Program
        The compiled network.
    data : Data
        The samples, scaled, as `Program.tensors` gives them.
    samples : Samples
        The same samples, unscaled.
    keys : uint64 array of shape (n_samples, 2)
        Their keys, as `keys_of` gives them.
    params : dict
        Parameters of the estimator.
    continues : bool
        Whether y continues a feature.
    """

    program: Any
    data: Data
    samples: Samples
    keys: np.ndarray
    params: dict
    continues: bool


class Run:
    """The training of one network under way.

    Parameters
    ----------
    common : Common
        Shared with the other networks.
    part : Part
        The samples that train it, and those that stop it.
    random_state : numpy.random.RandomState
        Source of initial parameters, of the order of the samples, and of dropout.
    given : dict of str to array
        Parameters that are not drawn.
    state : dict or None
        The optimizer's state to go on from; None for a fresh start.
    """

    def __init__(self, common, part, random_state, given, state):
        params, samples, program = common.params, common.samples, common.program
        first, weights = distinct(samples.take(part.train), common.keys[part.train])
        early_stopping = bool(params["early_stopping"]) and len(part.validation) > 0
        self.common = common
        self.part = part
        self.recipe = recipe_of(
            params, len(first), continues=common.continues, early_stopping=early_stopping
        )
        self.random_state = random_state
        self.error = None
        self.logs = []  # of each epoch: its losses and its learning rate by name
        self.n_epochs = 0
        self.best_epoch = 0  # counted from 1
        self.best_loss = np.inf
        if state is None:
            given = program.draw_parameters(random_state) | given
        seed = random_state.randint(2**31)
        self._state = self._kept = program.start(given, state, self.recipe.dropout, seed)
        self._train = part.train[first], weights
        at_once = program.samples_at_once(samples.X.n_timesteps)
        weights = (samples.weights * samples.factors)[part.validation]
        self._validation = validation_batches(part.validation, weights, at_once)

    @property
    def n_batches(self):
        """Number of batches of an epoch."""
        return -(-len(self._train[0]) // self.recipe.batch_size)

    @property
    def finished(self):
        """Whether all epochs are run, patience has ended, or training has diverged."""
        stale = self.n_epochs - self.best_epoch
        ended = self.n_epochs >= self.recipe.epochs or stale >= self._patience()
        return ended or self.error is not None

    def _patience(self):
        """Return the number of epochs without improvement to wait for."""
        if self.recipe.n_iter_no_change != "auto":
            return self.recipe.n_iter_no_change
        losses = [logs["loss"] for logs in self.logs]
        has_turned = losses and losses[-1] < TURNED * losses[self.best_epoch - 1]
        return AUTO_PATIENCE if has_turned else PLATEAU_PATIENCE

    def learning_rates(self):
        """Return the scheduled learning rate of each step of the next epoch."""
        progress = (self.n_epochs + np.arange(self.n_batches) / self.n_batches) / self.recipe.epochs
        return self.recipe.learning_rate * SCHEDULES[self.recipe.learning_rate_schedule](progress)

    def run_epoch(self, rate_factor=1.0):
        """Train for an epoch, and keep its logs, or the error where training diverges."""
        rates = (rate_factor * self.learning_rates()).astype("float32")
        batches = training_batches(*self._train, self.recipe.batch_size, self.random_state)
        self._state, loss, validation_loss = self.common.program.train_epoch(
            self._state, self.common.data, batches, self._validation, rates, self._settings()
        )
        self.n_epochs += 1
        if not np.isfinite((loss, validation_loss)).all():
            self._diverge(f"loss={loss}, validation loss={validation_loss}")
            return
        validates = len(self._validation.samples) > 0
        self._keep_best(loss, validation_loss if validates else None)
        logs = {"loss": loss, "learning_rate": float(rates[0])}
        self.logs.append(logs | ({"val_loss": validation_loss} if validates else {}))

    def parameters(self):
        """Return the parameters as they are now."""
        return self.common.program.parameters(self._state)

    def close(self):
        """Return the parameters of the best epoch (else of the last), and the optimizer's state."""
        if self.recipe.early_stopping:
            kept = self._kept.average
            self._state = self._kept._replace(
                n_steps=self._state.n_steps, slots=self._state.slots, moved=kept
            )
        parameters = self.parameters()
        for name, value in parameters.items():
            if not np.isfinite(value).all():
                self._diverge(f"parameter {name!r}")
        return parameters, self.common.program.optimizer_state(self._state)

    def _settings(self):
        recipe = self.recipe
        clipnorm = NO_CLIPNORM if recipe.clipnorm is None else recipe.clipnorm
        numbers = (recipe.weight_decay, clipnorm, recipe.quantile, recipe.ema_momentum)
        return Settings(*map(np.float32, numbers))

    def _keep_best(self, loss, validation_loss):
        if not self.recipe.early_stopping:
            self.best_epoch = self.n_epochs
            self.best_loss = loss if validation_loss is None else validation_loss
        elif validation_loss < self.best_loss - self.recipe.tol:
            self.best_epoch, self.best_loss = self.n_epochs, validation_loss
            self._kept = self._state

    def _diverge(self, what):
        self.error = self.error or TrainingDivergedError(
            f"Training diverged in epoch {self.n_epochs}: {what} is not finite. Use a smaller "
            f"learning_rate (now {self.recipe.learning_rate:g}) or clipnorm (now "
            f"{self.recipe.clipnorm}), standardize=True, or look for outliers in X and y. The "
            "estimator is left as it was before."
        )


def that_hold(runs):
    """Return the networks that hold; warn of those that diverged, and raise if all have."""
    kept = [run for run in runs if run.error is None]
    if not kept:
        raise runs[0].error
    if len(kept) < len(runs):
        error = next(run.error for run in runs if run.error is not None)
        warnings.warn(
            f"{len(runs) - len(kept)} of {len(runs)} networks diverged and are left out. "
            f"{str(error).removesuffix(' The estimator is left as it was before.')}",
            UserWarning,
            stacklevel=2,
        )
    return kept


def training_batches(samples, weights, batch_size, random_state):
    """Shuffle the training samples into batches; the last is filled up with weight 0."""
    order = random_state.permutation(len(samples))
    places, filled = _in_batches(order, min(batch_size, len(order)))
    n_filled = filled.sum(axis=1, keepdims=True)
    in_batch = filled * weights[places] / (weights.mean() * n_filled)
    shares = n_filled[:, 0] / len(order)
    numbers = samples[places].astype("int32")
    return Batches(numbers, in_batch.astype("float32"), shares.astype("float32"))


def validation_batches(samples, weights, batch_size):
    """Put the validation samples into batches whose weights add to one over all of them."""
    places, filled = _in_batches(np.arange(len(samples)), max(1, min(batch_size, len(samples))))
    if not len(samples):
        return Batches(places, places.astype("float32"), np.zeros(0, "float32"))
    in_batch = filled * weights[places]
    in_batch = (in_batch / in_batch.sum()).astype("float32")
    return Batches(samples[places].astype("int32"), in_batch, np.ones(len(places), "float32"))


def _in_batches(order, batch_size):
    """Cut places into batches of equal size; return them and where they are filled."""
    n_batches = -(-len(order) // batch_size)
    batches = np.zeros((n_batches, batch_size), dtype="int32")
    batches.flat[: len(order)] = order
    filled = np.arange(batches.size).reshape(batches.shape) < len(order)
    return batches, filled
