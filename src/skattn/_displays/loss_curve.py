"""The picture of loss curves."""

import numpy as np
from sklearn.base import is_regressor

from .._insight.last_step import unwrap
from .axes import FIRST, SECOND, THIRD, axes_of, whole_numbers


class LossCurveDisplay:
    """Loss curves, with the epoch whose parameters were kept.

    Parameters
    ----------
    loss_curve : list of float
        Training loss of each epoch.
    validation_loss_curve : list of float, default=None
        Validation loss of each epoch.
    best_iter : int, default=None
        The epoch, counted from 1, whose parameters were kept.
    loss : str, default="loss"
        Name of the loss.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    line_, validation_line_ : matplotlib lines
        The curves; None for the second without validation rows.
    best_line_ : matplotlib line
        Marks the best epoch; None where that is unknown.

    Examples
    --------
    >>> from skattn import LossCurveDisplay
    >>> display = LossCurveDisplay([0.9, 0.3, 0.2], [0.8, 0.4, 0.5], best_iter=2).plot()
    >>> display.line_.get_xdata().tolist()
    [1, 2, 3]
    """

    def __init__(self, loss_curve, validation_loss_curve=None, *, best_iter=None, loss="loss"):
        self.loss_curve = loss_curve
        self.validation_loss_curve = validation_loss_curve
        self.best_iter = best_iter
        self.loss = loss

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, line_kw=None):
        """Draw the training of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor or classifier of skattn, or a `Pipeline` or search around one.
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.
        line_kw : dict, default=None
            As in `plot`.

        Returns
        -------
        display : LossCurveDisplay
            The drawn display.
        """
        _, regressor, _ = unwrap(estimator)
        if not hasattr(regressor, "loss_curve_"):
            raise AttributeError(
                f"{type(regressor).__name__} has no loss curve. The last step must be "
                "an LSTMAttentionRegressor or -Classifier."
            )
        display = cls(
            regressor.loss_curve_,
            regressor.validation_loss_curve_,
            best_iter=regressor.best_iter_,
            loss=regressor.spec_.loss.replace("_", " ")
            + (" of standardized y" if regressor.standardize and is_regressor(regressor) else ""),
        )
        return display.plot(ax=ax, line_kw=line_kw)

    def plot(self, *, ax=None, line_kw=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.
        line_kw : dict, default=None
            Keywords for matplotlib's `plot` of both curves.

        Returns
        -------
        self : LossCurveDisplay
            The display, with the artists as attributes.
        """
        self.ax_ = ax = axes_of(ax)
        self.figure_ = ax.figure
        epochs = np.arange(1, len(self.loss_curve) + 1)
        marker = "o" if len(epochs) == 1 else None  # a line of one point is not seen
        style = {"color": FIRST, "marker": marker, "label": "training", **(line_kw or {})}
        (self.line_,) = ax.plot(epochs, self.loss_curve, **style)
        self.validation_line_ = self.best_line_ = None
        if self.validation_loss_curve is not None:
            style |= {"color": SECOND, "linestyle": "--", "label": "validation", **(line_kw or {})}
            (self.validation_line_,) = ax.plot(epochs, self.validation_loss_curve, **style)
        if self.best_iter is not None:
            self.best_line_ = ax.axvline(
                self.best_iter, color=THIRD, linestyle=":", label=f"kept: epoch {self.best_iter}"
            )
        if min(self.loss_curve) > 0:
            ax.set_yscale("log")
        ax.set(xlabel="epoch", ylabel=self.loss, title="Training")
        whole_numbers(ax.xaxis)
        ax.legend()
        return self
