"""What "auto" means: settled here, once, from the parameters and the data.

=====================  =====================================  ===================================
parameter              from                                   to
=====================  =====================================  ===================================
relative_inputs        `target_feature`                       True where there is one, else False
linear_path            `target_feature`                       trained in the network with one
                       held-out samples, loss                 a line stacked beside the networks
segment_length         `target_feature`, number of steps T,   max(1, T // 16) with one, else 1;
                       loss                                   max(1, T // 100) for classes, from 4
                                                              on its lower multiple of 4
conv_filters           number of steps T, loss                (64, 64) for classes from T = 50 on,
                                                              else ()
instance_norm          number of steps T, loss                True for classes from T = 50 on
epochs                 number of batches B of an epoch,       5,000 // B, within 2 and 100; within
                       loss, early_stopping                   2 and 400 for classes, if it may stop
weight_decay           `target_feature`, distinct samples n   min(0.5, 5000 / n) with one, else 0
early_stopping         distinct samples, loss                 True from 50 on, of classes from 20
                                                              on, or with `X_val`
n_members              whether training stops early           5 where it does, else 1
validation_fraction    nothing                                1 / 5
n_iter_no_change       training loss since the best epoch     15 where it fell by half, else 50
=====================  =====================================  ===================================

A fit that goes on from an earlier one keeps its spec and its number of networks.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from .._programs.spec import MOST_PARTS, NetworkSpec, make_spec

#: Learning-rate schedule name → factor at a share of the training in [0, 1).
#: The cosine is that of I. Loshchilov, F. Hutter, "SGDR", ICLR 2017, without restarts.
SCHEDULES: dict[str, Callable] = {
    "constant": np.ones_like,
    "cosine": lambda progress: 0.5 * (1.0 + np.cos(np.pi * progress)),
}

#: Number of segments aimed at with segment_length="auto": with a target_feature, and for classes.
AUTO_SEGMENTS, SEGMENTS_OF_CLASSES = 16, 100

#: Filters with conv_filters="auto" for classes, and the number of steps from which they are there,
#: and sequences normalized: a class of longer ones is a matter of shapes, of shorter ones of steps.
AUTO_FILTERS, STEPS_OF_SHAPES = (64, 64), 50

#: Fields of a spec that may be "auto".
KEPT = ("segment_length", "conv_filters", "instance_norm")

#: Number of steps aimed at with epochs="auto", and the bounds of the epochs. Labelled sequences are
#: often few, so that an epoch is a step or two: where classes stop early, more epochs are allowed.
AUTO_STEPS, FEWEST_EPOCHS, MOST_EPOCHS, MOST_EPOCHS_OF_CLASSES = 5_000, 2, 100, 400

#: With weight_decay="auto" and a target_feature: min(MOST_DECAY, DECAY_OF_ONE_SAMPLE / n_train).
DECAY_OF_ONE_SAMPLE, MOST_DECAY = 5000.0, 0.5

#: Number of distinct samples from which early_stopping="auto" holds some out; of classes, whose
#: blocks are stratified, fewer will do.
SAMPLES_FOR_EARLY_STOPPING, SAMPLES_OF_CLASSES = 50, 20

#: Number of networks with n_members="auto" where training stops early, and the share of the
#: samples that each holds out with validation_fraction="auto". So each sample stops one of
#: them, and trains the others, whatever the number of samples.
AUTO_MEMBERS, AUTO_FRACTION = 5, 0.2

#: With n_iter_no_change="auto": validation has turned where the training loss is below this share
#: of its value in the best epoch. Epochs to wait where it has turned, and where not (a plateau).
TURNED, AUTO_PATIENCE, PLATEAU_PATIENCE = 0.5, 15, 50

#: Stands for no limit of the gradient's norm.
NO_CLIPNORM = float(np.finfo("float32").max)


@dataclass(frozen=True)
class Recipe:
    """The numbers that steer the training of a network; none changes the compiled program."""

    epochs: int
    batch_size: int
    learning_rate: float
    learning_rate_schedule: str
    weight_decay: float
    clipnorm: float | None
    ema_momentum: float
    quantile: float
    dropout: float
    early_stopping: bool
    n_iter_no_change: int | str
    tol: float


def recipe_of(params, n_train, *, continues, early_stopping):
    """Return the `Recipe` of a network that trains on a number of distinct samples.

    Parameters
    ----------
    params : dict
        Parameters of the estimator.
    n_train : int
        Number of distinct samples that train the network.
    continues : bool
        Whether y continues a feature.
    early_stopping : bool
        Whether the network holds samples out to stop by.
    """
    values = {field.name: params[field.name] for field in fields(Recipe)}
    if params["epochs"] == "auto":
        n_batches = -(-n_train // params["batch_size"])
        of_classes = params["loss"] == "log_loss" and early_stopping
        most = MOST_EPOCHS_OF_CLASSES if of_classes else MOST_EPOCHS
        values["epochs"] = int(np.clip(AUTO_STEPS // n_batches, FEWEST_EPOCHS, most))
    if params["weight_decay"] == "auto":
        decay = min(MOST_DECAY, DECAY_OF_ONE_SAMPLE / n_train)
        values["weight_decay"] = decay if continues else 0.0
    values["weight_decay"] = values["weight_decay"] or 0.0
    return Recipe(**{**values, "early_stopping": early_stopping})


def spec_of(params, samples, *, continues, earlier):
    """Return the spec of the network.

    Parameters
    ----------
    params : dict
        Parameters of the estimator.
    samples : Samples
        The samples that train.
    continues : bool
        Whether y continues a feature.
    earlier : NetworkSpec or None
        The spec of an earlier fit to go on from, which keeps what "auto" was settled to.
    """
    X = samples.X
    auto = _as_before(earlier) if earlier else _from_data(X.n_timesteps, params["loss"], continues)
    params = params | {name: value for name, value in auto.items() if _is_auto(params[name])}
    n_linear = (earlier and earlier.linear_steps) or X.n_timesteps
    names = {field.name for field in fields(NetworkSpec)}
    return make_spec(
        n_features=X.n_features,
        n_outputs=samples.y.shape[1],
        relative=bool(params["relative_inputs"]),
        linear_steps=n_linear if params["linear_path"] else 0,
        dropout=params["dropout"],
        **{name: value for name, value in params.items() if name in names},
    )


def _is_auto(value):
    return isinstance(value, str) and value == "auto"


def _as_before(earlier):
    """Return what "auto" was settled to in an earlier fit."""
    kept = {name: getattr(earlier, name) for name in KEPT}
    return kept | {"relative_inputs": earlier.relative, "linear_path": earlier.linear_steps > 0}


def _from_data(n_timesteps, loss, continues):
    """Settle what "auto" means for the network of a first fit."""
    segment_length = max(1, n_timesteps // AUTO_SEGMENTS) if continues else 1
    shapes = False
    if loss == "log_loss":
        shapes = n_timesteps >= STEPS_OF_SHAPES
        segment_length = max(1, n_timesteps // SEGMENTS_OF_CLASSES)
        if segment_length > MOST_PARTS:
            segment_length -= segment_length % MOST_PARTS
    return {
        "relative_inputs": continues,
        "linear_path": continues,
        "segment_length": segment_length,
        "conv_filters": AUTO_FILTERS if shapes else (),
        "instance_norm": shapes,
    }
