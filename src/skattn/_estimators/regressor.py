"""The regressor: it stores parameters, keeps the numbers of a fit, and hands out results."""

from copy import copy
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from .._inputs.checks import check_sequences
from .._inputs.targets import check_targets
from .._programs.spec import REGRESSION_LOSSES
from .._sklearn import Interval, StrOptions, fit_context
from .._training.members import middle_mean
from .._training.numbers import Numbers
from .._training.predict import predict_members
from .._training.target_feature import changes_from, check_target_feature
from .base import LSTMAttentionEstimator
from .parameters import CONSTRAINTS, documented


@documented
class LSTMAttentionRegressor(MultiOutputMixin, RegressorMixin, LSTMAttentionEstimator):
    """LSTM with temporal attention, for regression on sequences.

    An LSTM [3]_ reads each sequence; attention looks back over all its steps, guided by
    the last state; a head maps both to the prediction. By default five such networks are
    averaged, and a ridge regression is stacked with them, wherever samples can be held out.
    Fits of equal shape share one compiled program, so that grid searches are fast.

    Read more in the user guide.

    Parameters
    ----------
    {attention}
    {head_input}
    {units}
    {n_layers}
    {bidirectional}
    {conv_filters}
    {dense_units}
    {dropout}

    segment_length : int or "auto", default="auto"
        Number of consecutive steps that the LSTM reads as one. Attention weights are still given
        per step. "auto" is 1 and, with a `target_feature`, about one sixteenth of the steps.

    {instance_norm}
    {n_timesteps}

    target_feature : int, str or list of these, default=None
        Number or name of the feature that y continues, as the next values of a series do: y is
        then predicted as a change from that feature's last present value. Features have names
        where X is a list of DataFrames, or `Windows` of a DataFrame. A list gives one for each
        output, and repeats where there are more outputs. y has to be in the units of that feature:
        leave scaling to `standardize`. None where y continues none.

    relative_inputs : bool or "auto", default="auto"
        Whether steps enter relative to the last present step, feature by feature, and that last
        step goes straight to the head [4]_. "auto" does so with a `target_feature`.

    linear_path : bool or "auto", default="auto"
        How a linear map of all steps adds to the prediction. True: in the network, trained with it
        [5]_. False: not at all. "auto": in the network with a `target_feature`; and a ridge
        regression is stacked with the networks, as w · line + (1 - w) · networks, with w in [0, 1]
        chosen on held-out samples, which trained neither [7]_ [8]_. With the quantile loss, or
        where no samples are held out, nothing is stacked.

    standardize : bool, default=True
        Whether each feature of X, and y, is standardized with the mean and standard deviation of
        the training samples.

    loss : {"squared_error", "absolute_error", "huber", "quantile"}, \
            default="squared_error"
        The loss, averaged over outputs, in units of (standardized) y. The huber loss becomes
        linear at an error of 1.

    quantile : float, default=0.5
        The quantile to predict, in (0, 1). Used only when ``loss="quantile"``.

    {optimizer}
    {learning_rate}
    {learning_rate_schedule}

    weight_decay : float, "auto" or None, default="auto"
        Decoupled weight decay of matrices, not of biases; None for none. "auto" is 0 and, with a
        `target_feature`, 5000 / n_samples but at most 0.5, where equal samples count once. Used
        only when ``optimizer="adamw"``.

    {clipnorm}
    {ema_momentum}

    epochs : int or "auto", default="auto"
        Greatest number of passes over the training samples. "auto" is 100, and fewer where these
        are more than 5,000 batches, but at least 2.

    {batch_size}

    early_stopping : bool or "auto", default="auto"
        Whether to hold out validation samples, to stop when their loss has not improved for
        `n_iter_no_change` epochs, and to keep the parameters of the best epoch. "auto" does so
        where 50 distinct samples or more are left for both, or when `X_val` is given.

    validation_fraction : float or "auto", default="auto"
        Share of the samples held out for early stopping: the *last* samples, never shuffled in;
        further networks hold out the blocks before. "auto" is 0.2. Windows that share rows of
        their table with held-out ones are left out of training.

    {n_iter_no_change}
    {tol}

    n_members : int or "auto", default="auto"
        Number of networks, trained side by side from different draws, whose predictions and
        attention weights are averaged [6]_. Of five or more, the fifth at either end is left out
        of each prediction (a trimmed mean), so that a poor draw does little harm. With early
        stopping each network holds out a block of its own, so that all samples train. "auto" is 5
        with early stopping, else 1. A fit that goes on from an earlier one keeps its networks.

    {callbacks}
    {warm_start}
    {random_state}
    {verbose}

    Attributes
    ----------
    {n_features_in_}
    {n_features_per_step_}
    {feature_names_in_}
    {n_timesteps_in_}

    n_outputs_ : int
        Number of outputs.

    {spec_}
    {line_}
    {network_share_}

    residual_variance_ : ndarray of shape (n_outputs,) or None
        Mean squared error of the prediction on held-out samples, which did not train what
        predicts them, in squared units of y. It is too small where an earlier call trained on
        these samples, as `partial_fit` may have. None where the last call held out none, with the
        quantile loss, and where `warm_start` keeps a line that `linear_path` no longer asks for.

    target_features_ : ndarray of shape (n_outputs,) or None
        Number of the feature that each output continues.

    {n_members_}
    {parameters_}

    feature_statistics_, target_statistics_ : Statistics
        Mean and scale of each feature and each output.

    loss_curve_ : list of float
        Training loss of each epoch, in units of (standardized) y; mean over networks that train.

    {validation_loss_curve_}
    {learning_rate_curve_}
    {n_iter_}
    {best_iter_}
    {best_loss_}

    See Also
    --------
    build_network : The networks as plain Keras models.

    References
    ----------
    {references}
    .. [4] A. Zeng, M. Chen, L. Zhang, Q. Xu, "Are transformers effective for time
       series forecasting?", AAAI 2023.

    Examples
    --------
    The sum of the two values that a second feature marks, out of eight:

    >>> import numpy as np
    >>> from skattn import LSTMAttentionRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = np.stack([rng.uniform(size=(600, 8)), np.zeros((600, 8))], axis=2)
    >>> for marks in X[:, :, 1]:
    ...     marks[rng.choice(8, size=2, replace=False)] = 1
    >>> y = (X[:, :, 0] * X[:, :, 1]).sum(axis=1)
    >>> model = LSTMAttentionRegressor(units=16, epochs=30, random_state=0)
    >>> bool(model.fit(X[:500], y[:500]).score(X[500:], y[500:]) > 0.9)
    True
    >>> model.attention_weights(X[500:]).shape
    (100, 8)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS | {
        "target_feature": [Integral, str, "array-like", None],
        "relative_inputs": ["boolean", StrOptions({"auto"})],
        "loss": [StrOptions(set(REGRESSION_LOSSES))],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(
        self,
        attention="additive",
        *,
        head_input="concat",
        units=64,
        n_layers=1,
        bidirectional=False,
        conv_filters="auto",
        dense_units=None,
        dropout=0.0,
        segment_length="auto",
        instance_norm="auto",
        n_timesteps=None,
        target_feature=None,
        relative_inputs="auto",
        linear_path="auto",
        standardize=True,
        loss="squared_error",
        quantile=0.5,
        optimizer="adamw",
        learning_rate=3e-3,
        learning_rate_schedule="cosine",
        weight_decay="auto",
        clipnorm=1.0,
        ema_momentum=0.99,
        epochs="auto",
        batch_size=32,
        early_stopping="auto",
        validation_fraction="auto",
        n_iter_no_change="auto",
        tol=0.0,
        n_members="auto",
        callbacks=None,
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.attention = attention
        self.head_input = head_input
        self.units = units
        self.n_layers = n_layers
        self.bidirectional = bidirectional
        self.conv_filters = conv_filters
        self.dense_units = dense_units
        self.dropout = dropout
        self.segment_length = segment_length
        self.instance_norm = instance_norm
        self.n_timesteps = n_timesteps
        self.target_feature = target_feature
        self.relative_inputs = relative_inputs
        self.linear_path = linear_path
        self.standardize = standardize
        self.loss = loss
        self.quantile = quantile
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.ema_momentum = ema_momentum
        self.epochs = epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.n_members = n_members
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the network to sequences.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences of shape (n_samples, n_timesteps, n_features), or (n_samples, n_columns) as
            `n_timesteps` says, or a list of arrays (n_timesteps, n_features) of unequal length. A
            step whose features are all NaN is absent: it is skipped, wherever it stands.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; a horizon of several steps is several outputs.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples. Samples of weight 0 are left out.
        X_val, y_val, sample_weight_val : array-like, default=None
            Validation samples for all networks; `validation_fraction` then holds out none.

        Returns
        -------
        self : LSTMAttentionRegressor
            The fitted estimator. A fit that fails leaves it as it was.

        Raises
        ------
        ValueError
            If X, y, a weight or a parameter is not as described.
        TrainingDivergedError
            If a loss or a parameter of every network is no longer finite. Where some networks
            hold, the others are left out with a warning.
        """
        return self._fit(copy(self), X, y, sample_weight, X_val, y_val, sample_weight_val)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch on these samples, going on from where the last call ended.

        The first call draws the parameters and takes the statistics for scaling. The
        learning rate is constant, no samples are held out. After `fit`, the optimizer
        starts afresh unless ``warm_start=True``.

        Parameters
        ----------
        X, y, sample_weight : array-like
            As in `fit`.

        Returns
        -------
        self : LSTMAttentionRegressor
            The fitted estimator. A call that fails leaves it as it was.
        """
        return self._partial_fit(copy(self), X, y, sample_weight)

    def predict(self, X, return_std=False, return_spread=False):
        """Predict the targets of sequences.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences as in `fit`. The number of steps of a 3-D X may differ.
        return_std : bool, default=False
            Whether to return the predictive standard deviation as well: how far y may lie from the
            prediction. Its square is `residual_variance_`, plus the variance of the networks'
            predictions for this sequence [1]_.
        return_spread : bool, default=False
            Whether to return the spread alone as well: how far the networks disagree.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions in float64, with as many dimensions as y had in fit; the mean of the
            members, as `n_members` says.
        std : ndarray of the shape of y
            Predictive standard deviation, in units of y. Only with ``return_std=True``.
        spread : ndarray of the shape of y
            Standard deviation of the members' predictions, in units of y. Only with
            ``return_spread=True``.

        Raises
        ------
        ValueError
            If both are asked for; if ``return_std=True`` and there is no `residual_variance_`; if
            ``return_spread=True`` and there is a single network.

        References
        ----------
        .. [1] B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and scalable predictive
           uncertainty estimation using deep ensembles", NeurIPS 2017.
        """
        check_is_fitted(self)
        self._check_deviations(return_std, return_spread)
        predictions = predict_members(Numbers.of(self), check_sequences(self, X, reset=False))
        if self._y_ndim == 1:
            predictions = predictions[:, :, 0]
        mean = middle_mean(predictions)
        if not (return_std or return_spread):
            return mean
        residual = self.residual_variance_ if return_std else 0.0
        return mean, np.sqrt(predictions.var(axis=0) + residual)

    def to_keras(self, *, return_std=False, return_attention=False):
        """Return the fitted networks as a Keras model, scaling and line included.

        It consists of Keras' own layers and operations, which converters know and which load
        without skattn. Where `attention` is a callable, its own layers are needed as well.

        Parameters
        ----------
        return_std : bool, default=False
            Whether the model returns the predictive standard deviation, as `predict` has it.
        return_attention : bool, default=False
            Whether the model returns the attention weights, one for each step.

        Returns
        -------
        model : keras.Model
            Maps X as `predict` takes it, with absent steps as NaN anywhere, to predictions of
            shape (n_samples, n_outputs); with more than that to a list, in the order of the
            parameters. It computes in float32 throughout, which costs digits where a feature's
            mean is large against its spread.

        Raises
        ------
        ValueError
            If ``return_std=True`` and there is no `residual_variance_`, or if
            ``return_attention=True`` and the attention has no weights.
        """
        check_is_fitted(self)
        self._check_deviations(return_std, return_spread=False)
        return self._exported(return_std=return_std, return_attention=return_attention)

    def _check_deviations(self, return_std, return_spread):
        """Refuse deviations that the last call to fit or partial_fit cannot give."""
        if return_std and return_spread:
            raise ValueError(
                "return_std=True and return_spread=True were passed. At most one of them can be "
                "returned: call predict once for each."
            )
        if return_spread and self.n_members_ == 1:
            raise ValueError(
                "return_spread=True gives the spread of several networks. Got one: n_members_ = 1. "
                "Fit with n_members=5, say."
            )
        if return_std and self.residual_variance_ is None:
            raise ValueError(
                "return_std=True needs the errors of means on samples that did not train. The last "
                f"call of fit or partial_fit, with loss={self.spec_.loss!r}, left none. Call fit "
                "with 50 distinct samples or more and early_stopping='auto', or with X_val and "
                "y_val; with another loss than 'quantile'; and, where warm_start=True goes on from "
                "an earlier fit, with linear_path as before."
            )

    def _check_targets(self, y, kept, *, reset):
        """Check y; return targets of shape (n_samples, n_outputs)."""
        y, n_dims = check_targets(y, kept, self, is_table=self._X_ndim == 2)
        if reset:
            self.n_outputs_, self._y_ndim = y.shape[1], n_dims
        elif y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {y.shape[1]} outputs, but {type(self).__name__} is expecting "
                f"{self.n_outputs_}. Pass y with as many outputs as in the first fit."
            )
        return y

    def _continued(self, samples):
        names = getattr(self, "feature_names_in_", None) if self._X_ndim == 3 else None
        n_features, n_outputs = samples.X.n_features, self.n_outputs_
        return check_target_feature(self.target_feature, names, n_features, n_outputs)

    def _settled(self, samples, continued, begins):
        """Return samples whose targets are changes from the feature that they continue."""
        return samples if continued is None else changes_from(samples, continued, warn=begins)
