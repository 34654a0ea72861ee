"""The estimator: it stores parameters, keeps the numbers of a fit, and hands out results."""

import warnings
from copy import copy
from numbers import Integral, Real
from typing import Any, ClassVar

from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._inputs.checks import check_sequences
from .._inputs.sequences import FLOAT32_MAX
from .._inputs.targets import check_validation_rows
from .._programs.spec import ATTENTIONS, HEAD_INPUT_NAMES, LOSS_NAMES, OPTIMIZER_NAMES
from .._sklearn import POSITIVE_INTEGER, Interval, StrOptions, fit_context
from .._training.fit import fit_networks
from .._training.members import middle_mean
from .._training.numbers import Numbers
from .._training.plausible import warn_of_validation
from .._training.predict import attend, predict_members
from .._training.samples import check_samples
from .._training.settings import SCHEDULES
from .._training.target_feature import changes_from, check_target_feature

#: Below this share of the networks, what they attend to hardly counts.
LEAST_SHARE = 0.1


def _attends(estimator):
    attention = estimator.spec_.attention if hasattr(estimator, "spec_") else estimator.attention
    if attention is None:
        raise AttributeError(
            "attention=None has no attention weights. "
            f"Use one of {[name for name in ATTENTIONS if name]}, or a callable."
        )
    return True


class LSTMAttentionRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """LSTM with temporal attention, for regression on sequences.

    An LSTM [3]_ reads each sequence; attention looks back over all its steps, guided by
    the last state; a head maps both to the prediction. By default five such networks are
    averaged, and a ridge regression is stacked with them, wherever samples can be held out.
    Fits of equal shape share one compiled program, so that grid searches are fast.

    Read more in docs/regressor.md.

    Parameters
    ----------
    attention : {"mean", "dot", "general", "additive", "hierarchical"}, callable or None, \
            default="additive"
        How the steps are weighted, with H = (h_1 … h_T) the LSTM's outputs, q = h_T its last state
        and d its width:

        - None: not at all; the head reads q.
        - "mean": equally (mean pooling), the control of every comparison.
        - "dot": by q·h_t / √d [2]_.
        - "general": by q W h_t / √d [2]_.
        - "additive": by vᵀ tanh(W₁h_t + W₂q + b) [1]_.
        - "hierarchical": a bidirectional LSTM, self-attention over all steps, an LSTM
          of ``units // 2``, additive attention over that, and a dense layer of 128.
        - a function ``(query, states, mask, spec) -> (query, context, weights)`` that
          builds the user's own attention from new Keras layers: query (n, d), states
          (n, n_timesteps, d), mask (n, n_timesteps), context (n, any width), weights
          (n, n_timesteps). Its matrices are drawn Glorot-uniform at each fit, whatever
          their initializer; vectors and constants start as it made them. Bind options
          with ``def``: each clone of a `functools.partial` or of another object is
          compiled anew.

    head_input : {"concat", "context"}, default="concat"
        What the head reads: query and context [q; c], or the context c alone. Used only when
        `attention` is not None.

    units : int, default=64
        Units of the LSTM, per direction.

    n_layers : int, default=1
        Number of stacked LSTMs.

    bidirectional : bool, default=False
        Whether each LSTM also reads from the end. The hierarchical network does so always.

    dense_units : sequence of int, default=None
        Units of relu layers between attention and output. None means none, and (128,) for the
        hierarchical network.

    dropout : float, default=0.0
        Share of the head's inputs, and of those of the second and further LSTMs, set to zero in
        training; in [0, 1).

    segment_length : int or "auto", default="auto"
        Number of consecutive steps that the LSTM reads as one. Attention weights are still given
        per step. "auto" is 1 and, with a `target_feature`, about one sixteenth of the steps.

    n_timesteps : int, default=None
        Used only when X is 2-D: the number of steps in each row, whose columns hold all features
        of the first step first. None means one feature per step. Columns feature by feature are
        brought into order by ``X.reshape(len(X), n_features, n_timesteps).transpose(0, 2, 1)``.

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

    optimizer : {"adamw", "sgd"}, default="adamw"
        The optimizer, with Keras' defaults; "sgd" has Nesterov momentum 0.9.

    learning_rate : float, default=3e-3
        The (highest) learning rate.

    learning_rate_schedule : {"constant", "cosine"}, default="cosine"
        How the learning rate moves over `epochs`: not at all, or along half a cosine to 0.

    weight_decay : float, "auto" or None, default="auto"
        Decoupled weight decay of matrices, not of biases; None for none. "auto" is 0 and, with a
        `target_feature`, 5000 / n_samples but at most 0.5, where equal samples count once. Used
        only when ``optimizer="adamw"``.

    clipnorm : float, default=1.0
        Greatest norm of each parameter's gradient; larger ones are scaled down. None for no limit.

    ema_momentum : float, default=0.99
        Momentum, in [0, 1), of the running average of the parameters over the optimizer's steps.
        The average is validated, kept, and predicts. 0 for the parameters themselves.

    epochs : int or "auto", default="auto"
        Greatest number of passes over the training samples. "auto" is 100, and fewer where these
        are more than 5,000 batches, but at least 2.

    batch_size : int, default=32
        Number of samples in a batch.

    early_stopping : bool or "auto", default="auto"
        Whether to hold out validation samples, to stop when their loss has not improved for
        `n_iter_no_change` epochs, and to keep the parameters of the best epoch. "auto" does so
        where 50 distinct samples or more are left for both, or when `X_val` is given.

    validation_fraction : float or "auto", default="auto"
        Share of the samples held out for early stopping: the *last* samples, never shuffled in;
        further networks hold out the blocks before. "auto" is 0.2. Windows that share rows of
        their table with held-out ones are left out of training.

    n_iter_no_change : int or "auto", default="auto"
        Epochs to wait for an improvement, with early stopping. "auto" is 15 where the training
        loss halved since the best epoch (validation has turned), else 50 (a plateau).

    tol : float, default=0.0
        Smallest decrease of the validation loss that counts as an improvement.

    n_members : int or "auto", default="auto"
        Number of networks, trained side by side from different draws, whose predictions and
        attention weights are averaged [6]_. Of five or more, the fifth at either end is left out
        of each prediction (a trimmed mean), so that a poor draw does little harm. With early
        stopping each network holds out a block of its own, so that all samples train. "auto" is 5
        with early stopping, else 1. A fit that goes on from an earlier one keeps its networks.

    callbacks : list, default=None
        Keras callbacks (instances or classes), called at the begin and end of training and of each
        epoch. They may read, stop the training and move the learning rate. With several networks
        they hear one curve, the mean; their `model` is the first network, and None after the fit.

    warm_start : bool, default=False
        Whether `fit` goes on from the parameters, the statistics and, if that was warm-started as
        well, the optimizer's state of the last fit. `standardize` and `n_timesteps` stay as they
        were then.

    random_state : int, RandomState instance or None, default=None
        Source of initial parameters, of the order of samples, and of dropout. The same int gives
        the same model, bit for bit, on the same machine.

    verbose : int, default=0
        Whether to show a progress bar.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns of X in two dimensions, `n_timesteps_in_` times `n_features_per_step_`.
        After a fit on X of three, `predict` takes that form, too: first step first.

    n_features_per_step_ : int
        Number of features of a step.

    feature_names_in_ : ndarray of str
        Names of the columns, where X was a DataFrame; names of the features of a step, where it
        was a list of DataFrames, or `Windows` that have names.

    n_timesteps_in_ : int
        Number of steps of the X seen in fit (of the longest sequence).

    n_outputs_ : int
        Number of outputs.

    spec_ : NetworkSpec
        The specification that decides the compiled program.

    line_ : Line or None
        The ridge regression in the prediction; None where it has no share.

    network_share_ : float
        Share of the networks in the prediction, in [0, 1]. Where it is below 0.1, attention hardly
        counts, and `attention_weights` warns.

    target_features_ : ndarray of shape (n_outputs,) or None
        Number of the feature that each output continues.

    n_members_ : int
        Number of networks.

    parameters_ : dict of str to ndarray
        The network's parameters by name; those of several members stacked along a leading axis.

    feature_statistics_, target_statistics_ : Statistics
        Mean and scale of each feature and each output.

    loss_curve_ : list of float
        Training loss of each epoch, in units of (standardized) y; mean over networks that train.

    validation_loss_curve_ : list of float or None
        Validation loss of each epoch, as `loss_curve_`; NaN in epochs of `partial_fit`. None
        without validation samples.

    learning_rate_curve_ : list of float
        Learning rate at the beginning of each epoch.

    n_iter_ : int
        Number of epochs run.

    best_iter_ : int
        The epoch, counted from 1, whose parameters are kept; of several networks the mean,
        rounded.

    best_loss_ : float
        Loss of that epoch, on validation samples where there are any; of several networks the
        mean.

    See Also
    --------
    build_network : The networks as plain Keras models.

    References
    ----------
    .. [1] D. Bahdanau, K. Cho, Y. Bengio, "Neural machine translation by jointly
       learning to align and translate", ICLR 2015.
    .. [2] M.-T. Luong, H. Pham, C. D. Manning, "Effective approaches to
       attention-based neural machine translation", EMNLP 2015.
    .. [3] S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural
       Computation 9(8), 1997.
    .. [4] A. Zeng, M. Chen, L. Zhang, Q. Xu, "Are transformers effective for time
       series forecasting?", AAAI 2023.
    .. [5] G. Lai, W.-C. Chang, Y. Yang, H. Liu, "Modeling long- and short-term temporal
       patterns with deep neural networks", SIGIR 2018.
    .. [6] B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and scalable predictive
       uncertainty estimation using deep ensembles", NeurIPS 2017.
    .. [7] D. H. Wolpert, "Stacked generalization", Neural Networks 5(2), 1992.
    .. [8] L. Breiman, "Stacked regressions", Machine Learning 24, 1996.

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

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "attention": [StrOptions({name for name in ATTENTIONS if name}), callable, None],
        "head_input": [StrOptions(set(HEAD_INPUT_NAMES))],
        "units": [POSITIVE_INTEGER],
        "n_layers": [POSITIVE_INTEGER],
        "bidirectional": ["boolean"],
        "dense_units": ["array-like", None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "segment_length": [POSITIVE_INTEGER, StrOptions({"auto"})],
        "n_timesteps": [POSITIVE_INTEGER, None],
        "target_feature": [Integral, str, "array-like", None],
        "relative_inputs": ["boolean", StrOptions({"auto"})],
        "linear_path": ["boolean", StrOptions({"auto"})],
        "standardize": ["boolean"],
        "loss": [StrOptions(set(LOSS_NAMES))],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "optimizer": [StrOptions(set(OPTIMIZER_NAMES))],
        "learning_rate": [Interval(Real, 0, FLOAT32_MAX, closed="right")],
        "learning_rate_schedule": [StrOptions(set(SCHEDULES))],
        "weight_decay": [
            Interval(Real, 0, FLOAT32_MAX, closed="both"),
            StrOptions({"auto"}),
            None,
        ],
        "clipnorm": [Interval(Real, 0, FLOAT32_MAX, closed="right"), None],
        "ema_momentum": [Interval(Real, 0, 1, closed="left")],
        "epochs": [POSITIVE_INTEGER, StrOptions({"auto"})],
        "batch_size": [POSITIVE_INTEGER],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), StrOptions({"auto"})],
        "n_iter_no_change": [POSITIVE_INTEGER, StrOptions({"auto"})],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_members": [POSITIVE_INTEGER, StrOptions({"auto"})],
        "callbacks": [list, tuple, None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        attention="additive",
        *,
        head_input="concat",
        units=64,
        n_layers=1,
        bidirectional=False,
        dense_units=None,
        dropout=0.0,
        segment_length="auto",
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
        self.dense_units = dense_units
        self.dropout = dropout
        self.segment_length = segment_length
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
        check_validation_rows(X_val, y_val, sample_weight_val)
        earlier = Numbers.of(self) if self.warm_start and hasattr(self, "parameters_") else None
        trial = copy(self)
        samples, continued = trial._take(X, y, sample_weight, earlier)
        validation = None
        if X_val is not None:
            validation = trial._take_validation(X_val, y_val, sample_weight_val, continued)
            warn_of_validation(validation, samples)
        params = self.get_params(deep=False)
        numbers = fit_networks(
            params, samples, validation, continued, earlier=earlier, keep_state=self.warm_start
        )
        return self._become(trial, numbers)

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
        earlier = Numbers.of(self) if hasattr(self, "parameters_") else None
        trial = copy(self)
        samples, continued = trial._take(X, y, sample_weight, earlier)
        one_epoch = {"epochs": 1, "learning_rate_schedule": "constant", "early_stopping": False}
        params = self.get_params(deep=False) | one_epoch
        numbers = fit_networks(params, samples, None, continued, earlier=earlier, keep_state=True)
        return self._become(trial, numbers)

    def predict(self, X, return_spread=False):
        """Predict the targets of sequences.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences as in `fit`. The number of steps of a 3-D X may differ.
        return_spread : bool, default=False
            Whether to return the spread of the members' predictions as well: how far the networks
            disagree, which is not how far y may lie from them.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions in float64, with as many dimensions as y had in fit; the mean of the
            members, as `n_members` says.
        spread : ndarray of the shape of y
            Standard deviation of the members' predictions. Only with ``return_spread=True``.

        Raises
        ------
        ValueError
            If ``return_spread=True`` and there is a single network.
        """
        check_is_fitted(self)
        if return_spread and self.n_members_ == 1:
            raise ValueError(
                "return_spread=True gives the spread of several networks. Got one: n_members_ = 1. "
                "Fit with n_members=5, say."
            )
        predictions = predict_members(Numbers.of(self), check_sequences(self, X, reset=False))
        if self._y_ndim == 1:
            predictions = predictions[:, :, 0]
        mean = middle_mean(predictions)
        return (mean, predictions.std(axis=0)) if return_spread else mean

    @available_if(_attends)
    def attention_weights(self, X, level="steps"):
        """Return how much weight each step of each sequence has in the context.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences as in `fit`.
        level : str, default="steps"
            "steps" for the weight of each input step. The hierarchical network also has "self",
            the weights of its self-attention, and "summary", those of the attention above it; its
            "steps" are the product of both. A callable attention may have levels of its own.

        Returns
        -------
        weights : float32 ndarray of shape (n_samples, n_timesteps)
            Those of a sample sum to one; absent steps have exactly 0. For level "self" the shape
            is (n_samples, n_timesteps, n_timesteps): entry s of the second axis has the weights
            with which step s looks at each step, and is 0 if that step is absent.

        Raises
        ------
        AttributeError
            If ``attention=None``.
        ValueError
            If the network has no such level.
        """
        check_is_fitted(self)
        if self.network_share_ < LEAST_SHARE:
            warnings.warn(
                f"The networks have a share of {self.network_share_:.2g} in the prediction, and "
                "a line the rest: what they attend to hardly counts. With linear_path=False the "
                "networks predict alone.",
                UserWarning,
                stacklevel=2,
            )
        sequences = check_sequences(self, X, reset=False)
        levels = attend(Numbers.of(self), sequences)
        if level not in levels:
            raise ValueError(
                f"attention={self.spec_.attention!r} has no level {level!r}. "
                f"Its levels are {sorted(levels)}."
            )
        weights = levels[level]
        for axis in range(1, weights.ndim):
            weights = sequences.put_back(weights, axis)
        return weights

    def to_keras(self):
        """Return the fitted network as a Keras model, scaling included.

        Returns
        -------
        model : keras.Model
            Maps X as `predict` takes it, an array of (n_samples, n_timesteps, n_features) or
            (n_samples, n_columns) with absent steps as NaN anywhere, to predictions of shape
            (n_samples, n_outputs). It can be saved as ``.keras``; loading needs
            ``import skattn.layers``. It computes in float32 throughout, which costs digits where a
            feature's mean is large against its spread.
        """
        check_is_fitted(self)
        from .export import keras_model

        return keras_model(self)

    def to_scikeras(self):
        """Return the fitted network as a SciKeras regressor.

        Returns
        -------
        regressor : scikeras.wrappers.KerasRegressor
            Fitted: predicts what this estimator predicts. To train it further, give it a loss and
            an optimizer. Importing SciKeras replaces Keras' pickling for the whole process.
        """
        check_is_fitted(self)
        from .export import scikeras_regressor

        return scikeras_regressor(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags

    def _take(self, X, y, sample_weight, earlier):
        """Check samples; return them, and the number of the feature that each output continues.

        Takes what scikit-learn asks of X and y where no fit goes on. Targets that continue a
        feature become changes from its last value.
        """
        samples, n_dims = check_samples(self, X, y, sample_weight, reset=earlier is None)
        if earlier is None:
            self.n_outputs_, self._y_ndim = samples.y.shape[1], n_dims
            names = getattr(self, "feature_names_in_", None) if self._X_ndim == 3 else None
            continued = check_target_feature(
                self.target_feature, names, samples.X.n_features, self.n_outputs_
            )
        else:
            continued = earlier.target_features
            self._check_n_outputs(samples.y)
        return changes_from(samples, continued, warn=earlier is None), continued

    def _take_validation(self, X_val, y_val, sample_weight_val, continued):
        """Check validation samples; their errors say that they are about these."""
        try:
            samples, _ = check_samples(
                self, X_val, y_val, sample_weight_val, reset=False, input_name="X_val"
            )
            self._check_n_outputs(samples.y)
        except ValueError as error:
            raise ValueError(f"In X_val, y_val: {error}") from error
        return changes_from(samples, continued)

    def _check_n_outputs(self, y):
        if y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {y.shape[1]} outputs, but {type(self).__name__} is expecting "
                f"{self.n_outputs_}. Pass y with as many outputs as in the first fit."
            )

    def _become(self, trial, numbers):
        """Take over what a trial has reached, in one assignment."""
        self.__dict__ = vars(trial) | numbers.as_attributes()
        return self
