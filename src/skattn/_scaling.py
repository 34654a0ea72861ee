"""Standardization of sequences, with absent steps left out."""

from dataclasses import dataclass

import numpy as np

#: Values that one pass over a large array converts to float64 at once.
_BLOCK = 2**20


@dataclass(frozen=True)
class Statistics:
    """Mean and scale of each feature, as float64 arrays of shape (n_features,)."""

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, X, weights):
        """Take the weighted statistics of X (n_samples, n_timesteps, n_features).

        NaN is left out. The scale of a constant feature is 1.
        """
        lowest = np.nanmin(X, axis=(0, 1)).astype("float64")
        highest = np.nanmax(X, axis=(0, 1)).astype("float64")
        constant = lowest == highest
        centre = np.where(constant, lowest, _weighted_mean(X, weights)).astype("float64")
        # Squares of deviations relative to the largest one neither over- nor underflow.
        largest = np.maximum(highest - centre, centre - lowest)
        largest[constant] = 1.0
        spread = _weighted_mean(X, weights, lambda block: ((block - centre) / largest) ** 2)
        return cls(centre, np.where(constant, 1.0, largest * np.sqrt(spread)))

    @classmethod
    def neutral(cls, n_features):
        """Return the statistics that change nothing."""
        return cls(np.zeros(n_features), np.ones(n_features))

    def apply(self, X):
        """Return (X - mean) / scale as a new float32 array; subtracted in float64.

        Raises
        ------
        ValueError
            If float32 cannot hold a scaled value.
        """
        scaled = np.empty(X.shape, dtype="float32")
        with np.errstate(over="ignore"):
            for rows in _blocks(X):
                scaled[rows] = (X[rows].astype("float64") - self.mean) / self.scale
        if np.isinf(scaled).any():
            sample, _, feature = np.argwhere(np.isinf(scaled))[0]
            raise ValueError(
                f"A value of sample {sample}, feature {feature}, lies too far from the training "
                f"rows: their mean is {self.mean[feature]:g} and their spread "
                f"{self.scale[feature]:g}. Remove it, or fit on rows with such values."
            )
        return scaled

    def undo(self, scaled):
        """Return scaled * scale + mean as float64."""
        return scaled.astype("float64") * self.scale + self.mean


def _weighted_mean(X, weights, function=lambda block: block):
    """Return the mean of function(X) over samples and present steps, per feature."""
    total, count = np.zeros(X.shape[2]), np.zeros(X.shape[2])
    for rows in _blocks(X):
        values = function(X[rows].astype("float64"))
        present = ~np.isnan(values)
        total += np.einsum("i,itj->j", weights[rows], np.where(present, values, 0.0))
        count += np.einsum("i,itj->j", weights[rows], present)
    return total / count


def _blocks(X):
    rows = max(1, _BLOCK // max(1, X[0].size))
    return [slice(begin, begin + rows) for begin in range(0, len(X), rows)]
