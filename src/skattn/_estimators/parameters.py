"""The parameters that the estimators share: their constraints, and their texts."""

import inspect
import re
from numbers import Real
from typing import Any

from .._inputs.sequences import FLOAT32_MAX
from .._programs.spec import ATTENTIONS, HEAD_INPUT_NAMES, OPTIMIZER_NAMES
from .._sklearn import POSITIVE_INTEGER, Interval, StrOptions
from .._training.settings import SCHEDULES

CONSTRAINTS: dict[str, list[Any]] = {
    "attention": [StrOptions({name for name in ATTENTIONS if name}), callable, None],
    "head_input": [StrOptions(set(HEAD_INPUT_NAMES))],
    "units": [POSITIVE_INTEGER],
    "n_layers": [POSITIVE_INTEGER],
    "bidirectional": ["boolean"],
    "instance_norm": ["boolean", StrOptions({"auto"})],
    "conv_filters": ["array-like", StrOptions({"auto"})],
    "dense_units": ["array-like", None],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "segment_length": [POSITIVE_INTEGER, StrOptions({"auto"})],
    "n_timesteps": [POSITIVE_INTEGER, None],
    "linear_path": ["boolean", StrOptions({"auto"})],
    "standardize": ["boolean"],
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

#: Texts of parameters and attributes that mean the same in each estimator.
TEXTS = """
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
      with ``def``, or with a frozen dataclass: each clone of a `functools.partial`, or of
      another object that equals none but itself, is compiled anew.

head_input : {"concat", "context"}, default="concat"
    What the head reads: query and context [q; c], or the context c alone. Used only when
    `attention` is not None.

units : int, default=64
    Units of the LSTM, per direction.

n_layers : int, default=1
    Number of stacked LSTMs.

bidirectional : bool, default=False
    Whether each LSTM also reads from the end. The hierarchical network does so always.

conv_filters : sequence of int or "auto", default="auto"
    Filters of convolutions before the LSTM [9]_, one number for each layer, each normalized over
    its filters [11]_ and followed by relu; () for none. The first sees a step with its three
    neighbours on both sides, each further one with two, so that the LSTM reads shapes in place of
    values. Attention then weighs steps together with their neighbours. With `segment_length` they
    see the parts of a segment, up to four of equal length, and the LSTM reads the greatest value
    of each filter in a segment. "auto" is (64, 64) for classes of sequences of 50 steps or more,
    else ().

dense_units : sequence of int, default=None
    Units of relu layers between attention and output. None means none, and (128,) for the
    hierarchical network.

dropout : float, default=0.0
    Share of the head's inputs, and of those of the second and further LSTMs, set to zero in
    training; in [0, 1).

instance_norm : bool or "auto", default="auto"
    Whether the LSTM (or the first convolution) reads each feature in units of its own sequence,
    (x - mean) / deviation [10]_. Mean and log deviation enter beside, as features that do not
    change from step to step, so that scales which lie decades apart can be told from shapes.
    "auto" is True for classes of sequences of 50 steps or more, else False.

n_timesteps : int, default=None
    Used only when X is 2-D: the number of steps in each row, whose columns hold all features
    of the first step first. None means one feature per step. Columns feature by feature are
    brought into order by ``X.reshape(len(X), n_features, n_timesteps).transpose(0, 2, 1)``.

optimizer : {"adamw", "sgd"}, default="adamw"
    The optimizer, with Keras' defaults; "sgd" has Nesterov momentum 0.9.

learning_rate : float, default=3e-3
    The (highest) learning rate.

learning_rate_schedule : {"constant", "cosine"}, default="cosine"
    How the learning rate moves over `epochs`: not at all, or along half a cosine to 0.

clipnorm : float, default=1.0
    Greatest norm of each parameter's gradient; larger ones are scaled down. None for no limit.

ema_momentum : float, default=0.99
    Momentum, in [0, 1), of the running average of the parameters over the optimizer's steps.
    The average is validated, kept, and predicts. 0 for the parameters themselves.

batch_size : int, default=32
    Number of samples in a batch.

n_iter_no_change : int or "auto", default="auto"
    Epochs to wait for an improvement, with early stopping. "auto" is 15 where the training
    loss halved since the best epoch (validation has turned), else 50 (a plateau).

tol : float, default=0.0 (regressor), 0.001 (classifier)
    Smallest decrease of the validation loss that counts as an improvement. Where classes can
    be told apart, a log loss falls without end; hence 0.001 there.

callbacks : list, default=None
    Keras callbacks (instances or classes), called at the begin and end of training and of each
    epoch. They may read, stop the training and move the learning rate. With several networks
    they hear one curve, the mean; their `model` is the first network, and None after the fit.

warm_start : bool, default=False
    Whether `fit` goes on from the parameters, the statistics and, if that was warm-started as
    well, the optimizer's state of the last fit. `standardize` and `n_timesteps` stay as they
    were then. Another network, or another feature to continue, is an error.

random_state : int, RandomState instance or None, default=None
    Source of initial parameters, of the order of samples, and of dropout. The same int gives
    the same model, bit for bit, on the same machine; on a GPU only after
    ``tf.config.experimental.enable_op_determinism()``.

verbose : int, default=0
    Whether to show a progress bar.

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

spec_ : NetworkSpec
    The specification that decides the compiled program.

line_ : Line or None
    The line in the prediction: a ridge regression, of classes a logistic regression; None where
    it has no share.

network_share_ : float
    Share of the networks in the prediction, in [0, 1]. Where it is below 0.1, attention hardly
    counts, and `attention_weights` warns.

n_members_ : int
    Number of networks.

parameters_ : dict of str to ndarray
    The network's parameters by name; those of several members stacked along a leading axis.

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
"""

#: Papers that these texts, and those of the estimators, refer to.
REFERENCES = """
.. [1] D. Bahdanau, K. Cho, Y. Bengio, "Neural machine translation by jointly
   learning to align and translate", ICLR 2015.
.. [2] M.-T. Luong, H. Pham, C. D. Manning, "Effective approaches to
   attention-based neural machine translation", EMNLP 2015.
.. [3] S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural
   Computation 9(8), 1997.
.. [5] G. Lai, W.-C. Chang, Y. Yang, H. Liu, "Modeling long- and short-term temporal
   patterns with deep neural networks", SIGIR 2018.
.. [6] B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and scalable predictive
   uncertainty estimation using deep ensembles", NeurIPS 2017.
.. [7] D. H. Wolpert, "Stacked generalization", Neural Networks 5(2), 1992.
.. [8] L. Breiman, "Stacked regressions", Machine Learning 24, 1996.
.. [9] F. J. Ordóñez, D. Roggen, "Deep convolutional and LSTM recurrent neural networks for
   multimodal wearable activity recognition", Sensors 16(1), 2016.
.. [10] T. Kim et al., "Reversible instance normalization for accurate time-series forecasting
   against distribution shift", ICLR 2022.
.. [11] J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", 2016, arXiv:1607.06450.
"""

_SHARED = {text.split(" ", 1)[0]: text for text in re.split(r"\n\n(?=\w+ : )", TEXTS.strip())}
_SHARED["references"] = REFERENCES.strip()


def documented(cls):
    """Put the texts of shared parameters and attributes in the place of ``{name}`` lines."""
    lines = inspect.cleandoc(cls.__doc__ or "").splitlines()
    names = [re.fullmatch(r"\{(\w+)\}", line) for line in lines]
    cls.__doc__ = "\n".join(
        _SHARED[name[1]] if name else line for name, line in zip(names, lines, strict=True)
    )
    return cls
