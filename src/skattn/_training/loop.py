"""Training: epochs, learning rates, early stopping and callbacks around a `Program`.

It moves numbers only. What is compiled is the program's; what is kept of the
outcome is the estimator's.
"""

import copy
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import numpy as np
from tqdm.auto import tqdm

from .settings import SCHEDULES


class TrainingDivergedError(FloatingPointError):
    """Training reached a loss or a parameter that is not finite."""


@dataclass
class Outcome:
    """What a training leaves: parameters, optimizer state, curves, the epoch kept."""

    parameters: dict
    optimizer_state: list | None = None
    history: dict = field(default_factory=dict)
    best_epoch: int = 0  # within this training, counted from 1


def train(program, rows, recipe, random_state, start=None, given=None):
    """Train a borrowed program once.

    Parameters
    ----------
    program : Program
        Borrowed for the length of the call.
    rows : TrainingRows
        The data.
    recipe : Recipe
        How to train.
    random_state : numpy.random.RandomState
        Source of initial parameters, row orders and dropout seeds.
    start : Outcome, default=None
        Parameters and optimizer state to go on from; None for a fresh draw.
    given : dict of str to array, default=None
        Parameters that are known and so replace what is drawn.

    Returns
    -------
    outcome : Outcome
        Parameters of the best epoch with early stopping, else of the last.

    Raises
    ------
    TrainingDivergedError
        If a loss or a parameter is not finite.
    """
    recipe = recipe.settled(rows)
    data = program.tensors(rows.X, rows.y)
    validation = _validation_batches(rows, program.rows_at_once(rows.X.n_timesteps))
    rows = replace(rows, X=None, y=None)  # the program has a copy
    drawn = {} if start else program.draw_parameters(random_state) | (given or {})
    program.load(start.parameters if start else drawn)
    program.start(
        optimizer_state=start.optimizer_state if start else None,
        dropout=recipe.dropout,
        seed=random_state.randint(2**31),
    )
    return _Training(program, rows, data, validation, recipe, random_state).run()


def generators_of(random_state, n_members):
    """Return a generator for each member: the first goes on with the one that is given."""
    seeds = copy.deepcopy(random_state).randint(2**31, size=n_members - 1)
    return [random_state, *map(np.random.RandomState, seeds)]


class _Training:
    """One training under way."""

    def __init__(self, program, rows, data, validation, recipe, random_state):
        self.program = program
        self.recipe = recipe
        self.random_state = random_state
        self.rows = rows
        self.data = data
        self.validation = validation
        self.history: dict[str, list[float]] = {"loss": [], "val_loss": [], "learning_rate": []}
        self.outcome = Outcome(parameters={}, history=self.history)
        self.callbacks = _fresh(recipe.callbacks, program.network, recipe)
        self.rate_factor = 1.0  # moved by callbacks alone
        self.best_loss = np.inf

    def run(self):
        """Run the epochs; return the outcome."""
        self._ask(self.callbacks.on_train_begin, self.recipe.learning_rate)
        for epoch in self._epochs():
            self._run_epoch(epoch)
            if self._finished(epoch):
                break
        self.callbacks.on_train_end(self._last_logs())
        return self._close()

    def _epochs(self):
        """Count the epochs, with a progress bar where that is wanted."""
        if not self.recipe.verbose:
            yield from range(self.recipe.epochs)
            return
        with tqdm(total=self.recipe.epochs, unit="epoch") as bar:
            for epoch in range(self.recipe.epochs):
                bar.update()
                yield epoch
                bar.set_postfix(self._last_logs())

    def _run_epoch(self, epoch):
        batches = _training_batches(self.rows, self.recipe.batch_size, self.random_state)
        scheduled = self._learning_rates(epoch, n_batches=len(batches[0]))
        self._ask(self.callbacks.on_epoch_begin, scheduled[0], epoch)
        rates = self.rate_factor * scheduled
        loss, validation_loss = self.program.train_epoch(
            self.data, batches, self.validation, rates.astype("float32"), self._settings()
        )
        self._record(epoch, loss, validation_loss, float(rates[0]))
        self._ask(self.callbacks.on_epoch_end, scheduled[0], epoch)

    def _learning_rates(self, epoch, n_batches):
        progress = (epoch + np.arange(n_batches) / n_batches) / self.recipe.epochs
        return self.recipe.learning_rate * SCHEDULES[self.recipe.learning_rate_schedule](progress)

    def _ask(self, hook, scheduled, *epoch):
        """Call a hook; where it moves the learning rate, all later ones move with it."""
        self.program.learning_rate = self.rate_factor * scheduled
        before = self.program.learning_rate
        with self.program.followed() if self.recipe.callbacks else nullcontext():
            hook(*epoch, self._last_logs())
        if self.program.learning_rate != before:
            self.rate_factor = self.program.learning_rate / scheduled

    def _settings(self):
        recipe = self.recipe
        clipnorm = np.inf if recipe.clipnorm is None else recipe.clipnorm
        numbers = (recipe.weight_decay, clipnorm, recipe.quantile, recipe.ema_momentum)
        return tuple(map(np.float32, numbers))

    def _record(self, epoch, loss, validation_loss, rate):
        """Check the losses, write them down, keep the best epoch's parameters."""
        losses = (loss, validation_loss)
        if not np.isfinite(losses).all():
            what = f"loss={loss}, validation loss={validation_loss}"
            raise _diverged(what, epoch + 1, self.recipe)
        self.history["loss"].append(loss)
        self.history["learning_rate"].append(rate)
        if self.rows.n_validation:
            self.history["val_loss"].append(validation_loss)
        if not self.recipe.early_stopping:
            self.outcome.best_epoch = epoch + 1
        elif validation_loss < self.best_loss - self.recipe.tol:
            self.best_loss = validation_loss
            self.outcome.best_epoch = epoch + 1
            self.outcome.parameters = self.program.parameters()

    def _last_logs(self):
        return {name: values[-1] for name, values in self.history.items() if values}

    def _finished(self, epoch):
        stale = epoch + 1 - self.outcome.best_epoch
        return self.program.network.stop_training or stale >= self.recipe.n_iter_no_change

    def _close(self):
        if not self.recipe.early_stopping:
            self.outcome.parameters = self.program.parameters()
        if self.recipe.early_stopping or self.recipe.callbacks:  # may keep others than the last
            self.program.load(self.outcome.parameters)
            self.program.restart_average()
        for name, value in self.outcome.parameters.items():
            if not np.isfinite(value).all():
                raise _diverged(f"parameter {name!r}", len(self.history["loss"]), self.recipe)
        self.outcome.optimizer_state = self.program.optimizer_state()
        return self.outcome


def _fresh(callbacks, network, recipe):
    """Make this training's own copies of the callbacks (classes are called)."""
    from keras.callbacks import CallbackList

    network.stop_training = False
    made = [c() if isinstance(c, type) else copy.deepcopy(c) for c in callbacks or ()]
    return CallbackList(made, model=network, epochs=recipe.epochs, verbose=recipe.verbose)


def _training_batches(rows, batch_size, random_state):
    """Shuffle the training rows into batches; the last is filled up with weight 0."""
    order = random_state.permutation(rows.n_train)
    weights = rows.weights[: rows.n_train]
    batches, filled = _in_batches(order, min(batch_size, rows.n_train))
    n_rows = filled.sum(axis=1, keepdims=True)
    batch_weights = filled * weights[batches] / (weights.mean() * n_rows)
    shares = n_rows[:, 0] / rows.n_train
    return batches, batch_weights.astype("float32"), shares.astype("float32")


def _validation_batches(rows, batch_size):
    """Put the validation rows into batches whose weights add to one over all of them."""
    order = np.arange(rows.n_train, len(rows.weights))
    batches, filled = _in_batches(order, max(1, min(batch_size, rows.n_validation)))
    weights = filled * rows.weights[batches]
    return batches, (weights / (weights.sum() or 1.0)).astype("float32")


def _in_batches(order, batch_size):
    """Cut row numbers into batches of equal size; return them and where they are filled."""
    n_batches = -(-len(order) // batch_size)
    batches = np.zeros((n_batches, batch_size), dtype="int32")
    batches.flat[: len(order)] = order
    filled = np.arange(batches.size).reshape(batches.shape) < len(order)
    return batches, filled


def _diverged(what, epoch, recipe):
    return TrainingDivergedError(
        f"Training diverged in epoch {epoch}: {what} is not finite. Use a smaller learning_rate "
        f"(now {recipe.learning_rate:g}) or clipnorm (now {recipe.clipnorm}), standardize=True, "
        "or look for outliers in X and y. The estimator is left as it was before."
    )
