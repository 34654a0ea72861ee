"""What the estimators share: training on checked samples, attention weights, exports."""

import warnings

from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._inputs.checks import check_sequences
from .._inputs.targets import check_validation_rows
from .._programs.spec import ATTENTIONS
from .._programs.threads import settle_threads
from .._training.fit import fit_networks
from .._training.numbers import Numbers
from .._training.plausible import warn_of_validation
from .._training.predict import attend
from .._training.samples import check_samples

#: Below this share of the networks, what they attend to hardly counts.
LEAST_SHARE = 0.1

#: What `partial_fit` does, whatever the parameters say.
ONE_EPOCH = {"epochs": 1, "learning_rate_schedule": "constant", "early_stopping": False}


def _attends(estimator):
    attention = estimator.spec_.attention if hasattr(estimator, "spec_") else estimator.attention
    if attention is None:
        raise AttributeError(
            "attention=None has no attention weights. "
            f"Use one of {[name for name in ATTENTIONS if name]}, or a callable."
        )
    return True


class LSTMAttentionEstimator(BaseEstimator):
    """Base of the estimators: an LSTM with temporal attention, whatever its head predicts.

    A subclass says in `_check_targets` what y must be, in `_continued` which features it
    continues, and in `_params` what steers the training.
    """

    def _fit(self, trial, X, y, sample_weight, X_val, y_val, sample_weight_val):
        """Fit as `fit` describes it, on a trial, whose state is taken over in the end."""
        check_validation_rows(X_val, y_val, sample_weight_val)
        earlier = self._numbers() if self.warm_start else None
        samples, continued = trial._take(X, y, sample_weight, earlier)
        validation = None
        if X_val is not None:
            validation = trial._take_validation(X_val, y_val, sample_weight_val, continued)
            warn_of_validation(validation, samples, labelled=is_classifier(self))
        numbers = fit_networks(
            trial._params(),
            samples,
            validation,
            continued,
            earlier=earlier,
            keep_state=self.warm_start,
        )
        return self._become(trial, numbers)

    def _partial_fit(self, trial, X, y, sample_weight):
        """Train for one epoch as `partial_fit` describes it, on a trial."""
        earlier = self._numbers()
        samples, continued = trial._take(X, y, sample_weight, earlier)
        params = trial._params() | ONE_EPOCH
        numbers = fit_networks(params, samples, None, continued, earlier=earlier, keep_state=True)
        return self._become(trial, numbers)

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

    def to_keras(self, *, return_attention=False):
        """Return the fitted networks as a Keras model, scaling and line included.

        It consists of Keras' own layers and operations, which converters know and which load
        without skattn. Where `attention` is a callable, its own layers are needed as well.

        Parameters
        ----------
        return_attention : bool, default=False
            Whether the model returns the attention weights as well, one for each step.

        Returns
        -------
        model : keras.Model
            Maps X as `predict` takes it, an array of (n_samples, n_timesteps, n_features) or
            (n_samples, n_columns) with absent steps as NaN anywhere, to predictions of shape
            (n_samples, n_outputs) or the probabilities of the classes, (n_samples, n_classes);
            with attention weights to a list of both. It computes in float32 throughout, which
            costs digits where a feature's mean is large against its spread.

        Raises
        ------
        ValueError
            If ``return_attention=True`` and the attention has no weights.
        """
        return self._exported(return_attention=return_attention)

    def _exported(self, **outputs):
        """Return the Keras model with these outputs."""
        check_is_fitted(self)
        settle_threads()
        from .export import keras_model

        return keras_model(self, **outputs)

    def to_scikeras(self):
        """Return the fitted network as a SciKeras estimator.

        Returns
        -------
        estimator : scikeras.wrappers.KerasRegressor or scikeras.wrappers.KerasClassifier
            Fitted: predicts what this estimator predicts, from X without absent steps, since
            SciKeras refuses NaN. To train it further, give it a loss and an optimizer. Importing
            SciKeras replaces Keras' pickling for the whole process.
        """
        check_is_fitted(self)
        settle_threads()
        from .export import scikeras_estimator

        return scikeras_estimator(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags

    def _params(self):
        """Return the parameters of the training."""
        return self.get_params(deep=False)

    def _numbers(self):
        """Return the numbers of an earlier fit; None before the first."""
        return Numbers.of(self) if hasattr(self, "parameters_") else None

    def _take(self, X, y, sample_weight, earlier):
        """Check samples; return them, and the number of the feature that each output continues.

        Takes what scikit-learn asks of X and y where no fit goes on.
        """
        begins = earlier is None
        samples = check_samples(self, X, y, sample_weight, reset=begins)
        continued = self._continued(samples)
        return self._settled(samples, continued, begins), continued

    def _take_validation(self, X_val, y_val, sample_weight_val, continued):
        """Check validation samples; their errors say that they are about these."""
        try:
            samples = check_samples(
                self, X_val, y_val, sample_weight_val, reset=False, input_name="X_val"
            )
        except ValueError as error:
            raise ValueError(f"In X_val, y_val: {error}") from error
        return self._settled(samples, continued, begins=False)

    def _continued(self, samples):
        """Return the number of the feature that each output continues: None, for no feature."""

    def _settled(self, samples, continued, begins):
        """Return checked samples as they train."""
        return samples

    def _become(self, trial, numbers):
        """Take over what a trial has reached, in one assignment."""
        self.__dict__ = vars(trial) | numbers.as_attributes()
        return self
