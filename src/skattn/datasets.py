"""Generated tasks whose true answer is known: on which steps y depends, and the best error."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from ._sklearn import POSITIVE_INTEGER, Interval, validate_params

__all__ = [
    "make_adding",
    "make_echo",
    "make_fading_memory",
    "make_selective_recall",
    "make_symbol_recall",
]

_CONSTRAINTS = {
    "n_samples": [POSITIVE_INTEGER],
    "n_timesteps": [Interval(Integral, 2, None, closed="left")],
    "noise": [Interval(Real, 0, None, closed="left")],
    "random_state": ["random_state"],
    "return_steps": ["boolean"],
}


@validate_params(_CONSTRAINTS, prefer_skip_nested_validation=True)
def make_adding(
    n_samples=1000, n_timesteps=50, *, noise=0.0, random_state=None, return_steps=False
):
    """Make the adding problem: the sum of two marked values among many.

    Feature 0 is uniform on [0, 1]. Feature 1 is 1 at two steps, one in each half of the
    sequence, and 0 elsewhere. y is the sum of the two marked values [1]_.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of sequences.
    n_timesteps : int, default=50
        Number of steps of each, at least 2.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise in y.
    random_state : int, RandomState instance or None, default=None
        Source of the random numbers.
    return_steps : bool, default=False
        Whether to return the steps on which y depends.

    Returns
    -------
    X : ndarray of shape (n_samples, n_timesteps, 2)
        Values and marks.
    y : ndarray of shape (n_samples,)
        Targets. Mean squared error: at best ``noise ** 2``; predicting the mean, which
        is 1, ``1 / 6 + noise ** 2``.
    steps : ndarray of shape (n_samples, 2)
        The marked steps; only with ``return_steps=True``.

    References
    ----------
    .. [1] S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural
       Computation 9(8), 1997, section 5.4.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn.datasets import make_adding
    >>> X, y, steps = make_adding(5, 8, random_state=0, return_steps=True)
    >>> X.shape, steps.shape
    ((5, 8, 2), (5, 2))
    >>> bool(np.isclose(y[0], X[0, steps[0], 0].sum()))
    True
    """
    rng = check_random_state(random_state)
    half = n_timesteps // 2
    steps = np.column_stack(
        [rng.randint(half, size=n_samples), rng.randint(half, n_timesteps, size=n_samples)]
    )
    values = rng.uniform(size=(n_samples, n_timesteps))
    X = np.stack([values, _marks(steps, n_timesteps)], axis=2)
    y = np.take_along_axis(values, steps, axis=1).sum(axis=1)
    return _task(X, y, steps, noise, rng, return_steps)


@validate_params(_CONSTRAINTS, prefer_skip_nested_validation=True)
def make_selective_recall(
    n_samples=1000, n_timesteps=50, *, noise=0.0, random_state=None, return_steps=False
):
    """Make selective recall: the value at one flagged step among look-alikes.

    Feature 0 is standard normal at every step. Feature 1 is 1 at one step, which may be
    any, and 0 elsewhere. y is the value at the flagged step.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of sequences.
    n_timesteps : int, default=50
        Number of steps of each, at least 2.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise in y.
    random_state : int, RandomState instance or None, default=None
        Source of the random numbers.
    return_steps : bool, default=False
        Whether to return the steps on which y depends.

    Returns
    -------
    X : ndarray of shape (n_samples, n_timesteps, 2)
        Values and flags.
    y : ndarray of shape (n_samples,)
        Targets. Mean squared error: at best ``noise ** 2``; predicting the mean, which
        is 0, ``1 + noise ** 2``.
    steps : ndarray of shape (n_samples, 1)
        The flagged steps; only with ``return_steps=True``.

    Examples
    --------
    >>> from skattn.datasets import make_selective_recall
    >>> X, y, steps = make_selective_recall(5, 8, random_state=0, return_steps=True)
    >>> bool(y[0] == X[0, steps[0, 0], 0])
    True
    """
    rng = check_random_state(random_state)
    values = rng.standard_normal((n_samples, n_timesteps))
    steps = rng.randint(n_timesteps, size=(n_samples, 1))
    X = np.stack([values, _marks(steps, n_timesteps)], axis=2)
    y = np.take_along_axis(values, steps, axis=1)[:, 0]
    return _task(X, y, steps, noise, rng, return_steps)


@validate_params(
    _CONSTRAINTS | {"lag": [Interval(Integral, 0, None, closed="left")]},
    prefer_skip_nested_validation=True,
)
def make_echo(
    n_samples=1000, n_timesteps=50, *, lag=30, noise=0.0, random_state=None, return_steps=False
):
    """Make an echo: the value that a series had at a known lag.

    Feature 0 is standard normal at every step. Feature 1 is a clock that runs from -1 at
    the first step to 1 at the last. y is the value `lag` steps before the last.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of sequences.
    n_timesteps : int, default=50
        Number of steps of each, at least 2.
    lag : int, default=30
        Steps from the one that y repeats to the last, less than `n_timesteps`.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise in y.
    random_state : int, RandomState instance or None, default=None
        Source of the random numbers.
    return_steps : bool, default=False
        Whether to return the steps on which y depends.

    Returns
    -------
    X : ndarray of shape (n_samples, n_timesteps, 2)
        Values and clock.
    y : ndarray of shape (n_samples,)
        Targets. Mean squared error: at best ``noise ** 2``; predicting the mean, which
        is 0, ``1 + noise ** 2``.
    steps : ndarray of shape (n_samples, 1)
        ``n_timesteps - 1 - lag`` for each; only with ``return_steps=True``.

    Examples
    --------
    >>> from skattn.datasets import make_echo
    >>> X, y = make_echo(5, 8, lag=3, random_state=0)
    >>> bool((y == X[:, 4, 0]).all())
    True
    """
    if lag >= n_timesteps:
        raise ValueError(
            f"lag={lag} reaches back before the first of n_timesteps={n_timesteps} steps. "
            "Use a shorter lag or longer sequences."
        )
    rng = check_random_state(random_state)
    values = rng.standard_normal((n_samples, n_timesteps))
    clock = np.broadcast_to(np.linspace(-1, 1, n_timesteps), values.shape)
    steps = np.full((n_samples, 1), n_timesteps - 1 - lag)
    X = np.stack([values, clock], axis=2)
    return _task(X, values[:, steps[0, 0]], steps, noise, rng, return_steps)


@validate_params(
    _CONSTRAINTS | {"decay": [Interval(Real, 0, 1, closed="both")]},
    prefer_skip_nested_validation=True,
)
def make_fading_memory(
    n_samples=1000, n_timesteps=50, *, decay=0.7, noise=0.5, random_state=None, return_steps=False
):
    """Make a fading memory: the control, on which attention cannot help.

    Both features are standard normal at every step; y does not depend on feature 1. y is
    the exponentially weighted sum of feature 0, so that each step counts `decay` times as
    much as the next. One unit with a constant forget gate computes it: the last state
    has all that can be known, and there is nothing to look back for.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of sequences.
    n_timesteps : int, default=50
        Number of steps of each, at least 2.
    decay : float, default=0.7
        Weight of a step in relation to the next, in [0, 1]. At 0, y is the last value.
    noise : float, default=0.5
        Standard deviation of the Gaussian noise in y.
    random_state : int, RandomState instance or None, default=None
        Source of the random numbers.
    return_steps : bool, default=False
        Whether to return the step that counts most.

    Returns
    -------
    X : ndarray of shape (n_samples, n_timesteps, 2)
        The values, and values without meaning.
    y : ndarray of shape (n_samples,)
        Targets. The sum is scaled to a variance of 1. Mean squared error: at best
        ``noise ** 2``; predicting the mean, which is 0, ``1 + noise ** 2``.
    steps : ndarray of shape (n_samples, 1)
        The last step; only with ``return_steps=True``.

    Examples
    --------
    >>> from skattn.datasets import make_fading_memory
    >>> X, y = make_fading_memory(5, 8, decay=0, noise=0, random_state=0)
    >>> bool((y == X[:, -1, 0]).all())
    True
    """
    rng = check_random_state(random_state)
    X = rng.standard_normal((n_samples, n_timesteps, 2))
    weights = np.power(float(decay), np.arange(n_timesteps)[::-1])
    y = X[:, :, 0] @ (weights / np.linalg.norm(weights))
    steps = np.full((n_samples, 1), n_timesteps - 1)
    return _task(X, y, steps, noise, rng, return_steps)


@validate_params(
    _CONSTRAINTS | {"n_classes": [Interval(Integral, 2, None, closed="left")]},
    prefer_skip_nested_validation=True,
)
def make_symbol_recall(
    n_samples=1000,
    n_timesteps=50,
    *,
    n_classes=3,
    noise=0.0,
    random_state=None,
    return_steps=False,
):
    """Make symbol recall: which symbol stands at one flagged step among look-alikes.

    Features 0 to ``n_classes - 1`` are the indicators of a symbol, drawn anew at every step; the
    last feature is 1 at one step, which may be any, and 0 elsewhere. y is the symbol at the flagged
    step.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of sequences.
    n_timesteps : int, default=50
        Number of steps of each, at least 2.
    n_classes : int, default=3
        Number of symbols, at least 2.
    noise : float, default=0.0
        Share of the labels, at most 1, that are drawn anew from all symbols.
    random_state : int, RandomState instance or None, default=None
        Source of the random numbers.
    return_steps : bool, default=False
        Whether to return the steps on which y depends.

    Returns
    -------
    X : ndarray of shape (n_samples, n_timesteps, n_classes + 1)
        Symbols and flags.
    y : ndarray of shape (n_samples,)
        Labels from 0. Expected accuracy: at best ``1 - noise * (1 - 1 / n_classes)``; by guessing
        ``1 / n_classes``.
    steps : ndarray of shape (n_samples, 1)
        The flagged steps; only with ``return_steps=True``.

    Examples
    --------
    >>> from skattn.datasets import make_symbol_recall
    >>> X, y, steps = make_symbol_recall(5, 8, random_state=0, return_steps=True)
    >>> bool(X[0, steps[0, 0], y[0]] == 1)
    True
    """
    if noise > 1:
        raise ValueError(f"noise is a share of the labels, at most 1. Got noise={noise}.")
    rng = check_random_state(random_state)
    symbols = rng.randint(n_classes, size=(n_samples, n_timesteps))
    steps = rng.randint(n_timesteps, size=(n_samples, 1))
    indicators = np.eye(n_classes)[symbols]
    X = np.concatenate([indicators, _marks(steps, n_timesteps)[:, :, np.newaxis]], axis=2)
    y = np.take_along_axis(symbols, steps, axis=1)[:, 0]
    anew = rng.uniform(size=n_samples) < noise
    y = np.where(anew, rng.randint(n_classes, size=n_samples), y)
    return (X, y, steps) if return_steps else (X, y)


def _marks(steps, n_timesteps):
    """Return an array (n_samples, n_timesteps) with 1 at the given steps."""
    marks = np.zeros((len(steps), n_timesteps))
    np.put_along_axis(marks, steps, 1.0, axis=1)
    return marks


def _task(X, y, steps, noise, rng, return_steps):
    y = y + noise * rng.standard_normal(len(y))
    return (X, y, steps) if return_steps else (X, y)
