"""What is "auto": settled here, once, from the parameters and the data."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from .._programs.spec import NetworkSpec, make_spec

#: Learning-rate schedule name → factor at a share of the training in [0, 1).
#: The cosine is that of I. Loshchilov, F. Hutter, "SGDR", ICLR 2017, without restarts.
SCHEDULES: dict[str, Callable] = {
    "constant": np.ones_like,
    "cosine": lambda progress: 0.5 * (1.0 + np.cos(np.pi * progress)),
}

#: With epochs="auto": about how many steps, and between how many epochs.
AUTO_STEPS, FEWEST_EPOCHS, MOST_EPOCHS = 10_000, 5, 100

#: Decoupled weight decay of adamw: Keras' default; and with "auto", which is a prior whose
#: weight against the data falls with their number, this over the rows but at most that.
KERAS_DECAY, DECAY_OF_ONE_SAMPLE, MOST_DECAY = 0.004, 5000.0, 0.5


@dataclass(frozen=True)
class Recipe:
    """The numbers that steer a training; none of them changes the compiled program."""

    epochs: int | str
    batch_size: int
    learning_rate: float
    learning_rate_schedule: str = "constant"
    weight_decay: float | str | None = None
    clipnorm: float | None = None
    ema_momentum: float = 0.0
    quantile: float = 0.5
    dropout: float = 0.0
    early_stopping: bool = False
    n_iter_no_change: int = 1
    tol: float = 0.0
    callbacks: list | tuple | None = None
    verbose: int = 0

    def settled(self, rows):
        """Return the recipe with what is "auto" settled for some `TrainingRows`."""
        epochs, decay = self.epochs, self.weight_decay
        if epochs == "auto":
            n_batches = -(-rows.n_train // self.batch_size)
            epochs = int(np.clip(AUTO_STEPS // n_batches, FEWEST_EPOCHS, MOST_EPOCHS))
        if decay == "auto":
            decay = min(MOST_DECAY, DECAY_OF_ONE_SAMPLE / rows.n_train)
        return replace(self, epochs=epochs, weight_decay=KERAS_DECAY if decay is None else decay)


#: With segment_length="auto", and a target_feature, about so many segments are read.
AUTO_SEGMENTS = 16


def make_recipe(estimator, **changes):
    """Make the `Recipe` of an estimator's parameters, some of them changed."""
    names = {field.name for field in fields(Recipe)}
    params = {**estimator.get_params(deep=False), **changes}
    return Recipe(**{name: value for name, value in params.items() if name in names})


def spec_of(trial, X, goes_on):
    """Return the spec of a trial's parameters; what is "auto" follows from the data."""
    names = {field.name for field in fields(NetworkSpec)}
    params = trial.get_params(deep=False)
    settled = _settled(trial, X, goes_on)
    linear_steps = settled.pop("linear_steps")
    params |= {name: value for name, value in settled.items() if params[name] == "auto"}
    return make_spec(
        n_features=X.n_features,
        n_outputs=trial.n_outputs_,
        relative=bool(params["relative_inputs"]),
        linear_steps=linear_steps if params["linear_path"] else 0,
        **{name: value for name, value in params.items() if name in names},
    )


def _settled(trial, X, goes_on):
    """Return what "auto" means: it is settled in the first fit, and then stays."""
    if goes_on:
        spec = trial.spec_
        return {
            "relative_inputs": spec.relative,
            "linear_path": spec.linear_steps > 0,
            "segment_length": spec.segment_length,
            "linear_steps": spec.linear_steps or X.n_timesteps,
        }
    continues = trial.target_features_ is not None
    return {
        "relative_inputs": continues,
        "linear_path": continues,
        "segment_length": max(1, X.n_timesteps // AUTO_SEGMENTS) if continues else 1,
        "linear_steps": X.n_timesteps,
    }


#: With early_stopping="auto", fits on fewer different rows than this train on every row.
ROWS_FOR_EARLY_STOPPING = 50

#: Of fewer rows than this a tenth is too few to stop by. What is "auto" is then so many members
#: which hold out as many blocks, so that each row stops one of them and trains the others.
FEW_ROWS, AUTO_MEMBERS = 500, 5

#: With validation_fraction="auto", the share of the rows held out where they are not few.
AUTO_FRACTION = 0.1


def count_members(trial, goes_on):
    """Return how many networks to train; with "auto" one, or as many as before."""
    if trial.n_members != "auto":
        return int(trial.n_members)
    return trial.n_members_ if goes_on else 1
