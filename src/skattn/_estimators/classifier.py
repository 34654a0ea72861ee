"""The classifier: the regressor's network, with a head that gives each class a logit."""

from copy import copy
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from .._inputs.checks import check_sequences
from .._inputs.labels import as_labels, check_labels, classes_of, codes_of
from .._sklearn import StrOptions, fit_context
from .._training.class_weights import factors_by_class
from .._training.numbers import Numbers
from .._training.predict import predict_probabilities
from .base import LSTMAttentionEstimator
from .parameters import CONSTRAINTS, documented


@documented
class LSTMAttentionClassifier(ClassifierMixin, LSTMAttentionEstimator):
    """LSTM with temporal attention, for classification of sequences.

    An LSTM [3]_ reads each sequence, a long one through two convolutions; attention looks back over
    all its steps, guided by the last state; a head maps both to a logit for each class. By default
    the probabilities of five such networks are averaged, and a linear classifier is stacked with
    them, wherever samples can be held out. Fits of equal shape share one compiled program.

    Read more in the user guide, "Classes".

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
        per step, those of a segment in equal shares. "auto" is one hundredth of the steps, at
        least 1, from 4 on a multiple of 4: the LSTM reads 100 to 200 segments of a long sequence.

    {instance_norm}
    {n_timesteps}

    linear_path : bool or "auto", default="auto"
        How a linear map of all steps adds to the logits. True: in the network, trained with it
        [5]_. False: not at all. "auto": a logistic regression is stacked with the networks, in
        logits, as w · line + (1 - w) · networks, with w in [0, 1] chosen by the log loss of
        held-out samples, which trained neither [7]_ [8]_. Where no samples are held out, nothing
        is stacked.

    standardize : bool, default=True
        Whether each feature of X is standardized with the mean and standard deviation of the
        training samples.

    loss : {"log_loss"}, default="log_loss"
        The loss: the negative logarithm of the probability of the true class.

    class_weight : dict, "balanced" or None, default=None
        Factors of the weights of samples, by class. They multiply the summed weights of equal
        samples. "balanced" gives the classes equal sums of weights, as
        ``n / (n_classes * n_own)``, where n is the sum of all weights and n_own that of the own
        class. A class that a dict does not name has a factor of 1. 0 leaves its samples out.
        A dict may name classes that are missing, as some are in a fold, where it names all others.

    {optimizer}
    {learning_rate}
    {learning_rate_schedule}

    weight_decay : float, "auto" or None, default="auto"
        Decoupled weight decay of matrices, not of biases; None for none. "auto" is 0. Used only
        when ``optimizer="adamw"``.

    {clipnorm}
    {ema_momentum}

    epochs : int or "auto", default="auto"
        Greatest number of passes over the training samples. "auto" is 400 with early
        stopping and 100 without, and fewer where these are more than 5,000 batches, but at least 2.

    {batch_size}

    early_stopping : bool or "auto", default="auto"
        Whether to hold out validation samples, to stop when their loss has not improved for
        `n_iter_no_change` epochs, and to keep the parameters of the best epoch. "auto" does so
        where 20 distinct samples or more are left for both, or when `X_val` is given.

    validation_fraction : float or "auto", default="auto"
        Share of the samples held out for early stopping: the *last* samples of each class, never
        shuffled in; further networks hold out the blocks before. "auto" is 0.2. The only sample of
        a class trains every network. Windows that share rows of their table are held out in one
        block, whatever their classes, and those that share rows with it are left out of training.

    {n_iter_no_change}
    {tol}

    n_members : int or "auto", default="auto"
        Number of networks, trained side by side from different draws, whose probabilities and
        attention weights are averaged [6]_. With early stopping each network holds out a block of
        its own, so that all samples train. "auto" is 5 with early stopping, else 1. A fit that
        goes on from an earlier one keeps its networks.

    {callbacks}
    {warm_start}
    {random_state}
    {verbose}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels of the classes, sorted.

    n_classes_ : int
        Number of classes.

    {n_features_in_}
    {n_features_per_step_}
    {feature_names_in_}
    {n_timesteps_in_}
    {spec_}
    {line_}
    {network_share_}
    {n_members_}
    {parameters_}

    feature_statistics_ : Statistics
        Mean and scale of each feature.

    loss_curve_ : list of float
        Training loss of each epoch; mean over networks that train.

    {validation_loss_curve_}
    {learning_rate_curve_}
    {n_iter_}
    {best_iter_}
    {best_loss_}

    See Also
    --------
    LSTMAttentionRegressor : The same network for numbers.

    References
    ----------
    {references}

    Examples
    --------
    Which of three symbols stands at the flagged step, out of eight:

    >>> from skattn import LSTMAttentionClassifier
    >>> from skattn.datasets import make_symbol_recall
    >>> X, y = make_symbol_recall(600, 8, n_classes=3, random_state=0)
    >>> model = LSTMAttentionClassifier(units=16, epochs=30, random_state=0)
    >>> bool(model.fit(X[:500], y[:500]).score(X[500:], y[500:]) > 0.9)
    True
    >>> model.predict_proba(X[500:]).shape
    (100, 3)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS | {
        "loss": [StrOptions({"log_loss"})],
        "class_weight": [dict, StrOptions({"balanced"}), None],
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
        linear_path="auto",
        standardize=True,
        loss="log_loss",
        class_weight=None,
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
        tol=1e-3,
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
        self.linear_path = linear_path
        self.standardize = standardize
        self.loss = loss
        self.class_weight = class_weight
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
        y : array-like of shape (n_samples,)
            Labels of two classes or more: text, numbers, booleans.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples. Samples of weight 0 are left out.
        X_val, y_val, sample_weight_val : array-like, default=None
            Validation samples for all networks; `validation_fraction` then holds out none.

        Returns
        -------
        self : LSTMAttentionClassifier
            The fitted estimator. A fit that fails leaves it as it was.

        Raises
        ------
        ValueError
            If X, y, a weight or a parameter is not as described, or there is one class alone.
        TrainingDivergedError
            If a loss or a parameter of every network is no longer finite. Where some networks
            hold, the others are left out with a warning.
        """
        trial = copy(self)
        if not self.warm_start:
            trial._forget_classes()
        return self._fit(trial, X, y, sample_weight, X_val, y_val, sample_weight_val)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch on these samples, going on from where the last call ended.

        The first call draws the parameters and takes the statistics for scaling. The
        learning rate is constant, no samples are held out. After `fit`, the optimizer
        starts afresh unless ``warm_start=True``.

        Parameters
        ----------
        X, y : array-like
            As in `fit`. Samples of one class alone will do.
        classes : array-like of shape (n_classes,), default=None
            All labels that there are. The first call needs them; later ones may repeat them.
        sample_weight : array-like of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        self : LSTMAttentionClassifier
            The fitted estimator. A call that fails leaves it as it was.

        Raises
        ------
        ValueError
            If the classes are not known or others than before, or `class_weight` is "balanced",
            which needs all samples.
        """
        if isinstance(self.class_weight, str):
            raise ValueError(
                "partial_fit does not know how often each class will come, which "
                f"class_weight={self.class_weight!r} is about. Pass a dict of weights: "
                "sklearn.utils.class_weight.compute_class_weight makes them of labels."
            )
        trial = copy(self)
        trial._take_classes(classes)
        return self._partial_fit(trial, X, y, sample_weight)

    def predict_log_proba(self, X):
        """Predict the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences as in `fit`. The number of steps of a 3-D X may differ.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        check_is_fitted(self)
        return predict_probabilities(Numbers.of(self), check_sequences(self, X, reset=False))

    def predict_proba(self, X):
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences as in `fit`. The number of steps of a 3-D X may differ.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`. Those of a sample sum to one.
        """
        return np.exp(self.predict_log_proba(X))

    def predict(self, X):
        """Predict the classes of sequences: the most probable ones.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences as in `fit`. The number of steps of a 3-D X may differ.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels.
        """
        codes = self.predict_log_proba(X).argmax(axis=1)
        return self.classes_[codes]

    def _check_targets(self, y, kept, *, reset):
        """Check labels; return 1 in the column of each sample's class, (n_samples, n_classes)."""
        labels = check_labels(y, kept, self, is_table=self._X_ndim == 2)
        if not hasattr(self, "classes_"):
            self.classes_ = classes_of(labels, self)
            self.n_classes_ = len(self.classes_)
        return np.eye(self.n_classes_)[codes_of(labels, self.classes_)]

    def _forget_classes(self):
        if hasattr(self, "classes_"):
            del self.classes_

    def _take_classes(self, classes):
        """Take the classes of the first `partial_fit`; refuse others later."""
        is_first = not hasattr(self, "parameters_")
        if classes is None:
            if is_first:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            return
        classes = classes_of(as_labels(classes, "classes"), self)
        if is_first:
            self.classes_, self.n_classes_ = classes, len(classes)
        elif not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"classes={classes.tolist()} are not those of the first call: "
                f"{self.classes_.tolist()}. Leave them out, or fit a clone."
            )

    def _params(self):
        own: dict[str, Any] = {"relative_inputs": False, "quantile": 0.5, "classes": self.classes_}
        params = own | super()._params()
        if isinstance(self.class_weight, dict):
            params["class_weight"] = factors_by_class(self.class_weight, self.classes_)
        return params
