"""A stand-in for the LSTM that fits in milliseconds: a random recurrent network under a ridge.

It has the regressor's `attention` and `random_state`, differs by its seed as networks do, and so
shows on thousands of data sets how a test of attention behaves.
"""

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import RidgeCV
from sklearn.utils import check_random_state


class Reservoir(RegressorMixin, BaseEstimator):
    """Ridge regression on states of a random recurrent network.

    It reads the last state (attention=None), and beside it the mean of the states ("mean") or a
    mean weighted by random softmax weights ("additive").
    """

    def __init__(self, attention="additive", *, units=12, random_state=None):
        self.attention = attention
        self.units = units
        self.random_state = random_state

    def fit(self, X, y):
        """Draw the network and fit the ridge."""
        rng = check_random_state(self.random_state)
        self.input_ = rng.normal(size=(X.shape[2], self.units)) / np.sqrt(X.shape[2])
        recurrent = rng.normal(size=(self.units, self.units))
        self.recurrent_ = 0.9 * recurrent / np.abs(np.linalg.eigvals(recurrent)).max()
        self.looks_ = rng.normal(size=(self.units, 4))
        self.ridge_ = RidgeCV(np.logspace(-2, 3, 6)).fit(self._features(X), y)
        return self

    def predict(self, X):
        """Predict the targets."""
        return self.ridge_.predict(self._features(X))

    def _features(self, X):
        state, states = np.zeros((len(X), self.units)), []
        for step in range(X.shape[1]):
            state = np.tanh(X[:, step] @ self.input_ + state @ self.recurrent_)
            states.append(state)
        states = np.stack(states, axis=1)
        if self.attention is None:
            return state
        if self.attention == "mean":
            return np.hstack([state, states.mean(axis=1)])
        weights = np.exp(states @ self.looks_)
        weights /= weights.sum(axis=1, keepdims=True)
        return np.hstack([state, *np.einsum("ntu,ntk->knu", states, weights)])
