"""What a fit produces: the third part of "spec, program, numbers"."""

from dataclasses import dataclass, fields

import numpy as np

from .._programs.spec import NetworkSpec
from .line import Line
from .scaling import Statistics


@dataclass(frozen=True)
class Numbers:
    """Everything that a fit produces, and all that predictions, files and exports need.

    An estimator keeps each field as a fitted attribute, whose name ends in an underscore.

    Attributes
    ----------
    spec : NetworkSpec
        What decides the compiled program.
    parameters : dict of str to array
        The parameters of the network by name; those of several networks along a first axis.
    optimizer_state : dict of str to array or None
        The state from which the optimizer can go on, along the same axis; None where it is
        not kept.
    line : Line or None
        The line stacked with the networks; None where it has no share.
    network_share : float
        Share of the networks in the prediction, in [0, 1]; that of the line is the rest.
    residual_variance : array of shape (n_outputs,) or None
        Mean squared error of each output on held-out samples, in squared units of y; None where
        no samples were held out in the last call, with the quantile loss, and of classes.
    feature_statistics, target_statistics : Statistics
        Mean and scale of each feature, and of each output.
    target_features : int array of shape (n_outputs,) or None
        Number of the feature that each output continues.
    n_members : int
        Number of networks.
    n_iter : int
        Number of epochs run.
    best_iter : int
        The epoch, counted from 1, whose parameters are kept; the rounded mean over the
        networks.
    best_loss : float
        Loss of the epoch that is kept, mean over the networks.
    loss_curve, learning_rate_curve : list of float
        Training loss and learning rate of each epoch, mean over the networks that train.
    validation_loss_curve : list of float or None
        Validation loss of each epoch, NaN in epochs without; None without validation samples.
    """

    spec: NetworkSpec
    parameters: dict[str, np.ndarray]
    optimizer_state: dict[str, np.ndarray] | None
    line: Line | None
    network_share: float
    residual_variance: np.ndarray | None
    feature_statistics: Statistics
    target_statistics: Statistics
    target_features: np.ndarray | None
    n_members: int
    n_iter: int
    best_iter: int
    best_loss: float
    loss_curve: list[float]
    learning_rate_curve: list[float]
    validation_loss_curve: list[float] | None

    @classmethod
    def of(cls, estimator):
        """Return the numbers that a fitted estimator keeps."""
        return cls(**{f.name: getattr(estimator, f"{f.name}_") for f in fields(cls)})

    def as_attributes(self):
        """Return the fitted attributes of an estimator by name."""
        return {f"{field.name}_": getattr(self, field.name) for field in fields(self)}
