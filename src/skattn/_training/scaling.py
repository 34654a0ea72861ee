"""Standardization of the rows of a table."""

from dataclasses import dataclass

import numpy as np

#: A feature is constant if its values differ by no more units in the last place than this.
#: A quotient of two measured columns that is meant to be constant differs by a few.
_ROUNDING = 16

#: Number of values of a large array that are converted to float64 at once.
_BLOCK = 2**17


@dataclass(frozen=True)
class Statistics:
    """Mean and scale of each feature, as float64 arrays of shape (n_features,)."""

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, table, weights):
        """Take the weighted statistics of a table (n_rows, n_features).

        Weights are positive. The scale of a feature that is constant but for rounding is 1.
        """
        lowest, highest = _range(table)
        with np.errstate(over="ignore"):
            constant = highest - lowest <= _rounding(lowest, highest, table.dtype)
        centre = np.where(constant, lowest, _weighted_mean(table, weights))
        # Squares of deviations relative to the largest one neither over- nor underflow.
        largest = np.maximum(highest - centre, centre - lowest)
        largest[constant] = 1.0
        spread = _weighted_mean(table, weights, lambda rows: ((rows - centre) / largest) ** 2)
        scale = largest * np.sqrt(spread)
        scale = np.where(scale > 0, scale, largest)  # it underflows for the smallest numbers
        return cls(centre, np.where(constant, 1.0, scale))

    @classmethod
    def neutral(cls, n_features):
        """Return the statistics that change nothing."""
        return cls(np.zeros(n_features), np.ones(n_features))

    def apply(self, table):
        """Return (table - mean) / scale as a new float32 array; subtracted in float64.

        Raises
        ------
        ValueError
            If float32 cannot hold a scaled value.
        """
        scaled = np.empty(table.shape, dtype="float32")
        with np.errstate(over="ignore"):
            for rows in _blocks(table):
                scaled[rows] = (table[rows].astype("float64") - self.mean) / self.scale
        if np.isinf(scaled).any():
            row, feature = np.argwhere(np.isinf(scaled))[0]
            raise ValueError(
                f"The value {table[row, feature]:g} of feature {feature} lies too far from the "
                f"training rows: their mean is {self.mean[feature]:g} and their spread "
                f"{self.scale[feature]:g}. Remove it, or fit on rows with such values."
            )
        return scaled

    def undo(self, scaled):
        """Return scaled * scale + mean as float64."""
        return scaled.astype("float64") * self.scale + self.mean


def rounding(table):
    """Return by how much the values of each feature of a table may differ by rounding alone."""
    lowest, highest = _range(table)
    return _rounding(lowest, highest, table.dtype)


def _rounding(lowest, highest, dtype):
    eps = np.finfo(dtype).eps if dtype.kind == "f" else 0.0
    return _ROUNDING * eps * np.maximum(np.abs(lowest), np.abs(highest))


def _range(table):
    """Return the lowest and the highest value of each feature, as float64."""
    return np.array([table.min(axis=0), table.max(axis=0)], dtype="float64")


def _weighted_mean(table, weights, function=lambda rows: rows):
    """Return the weighted mean of function(rows), for each feature."""
    total = np.zeros(table.shape[1])
    for rows in _blocks(table):
        total += weights[rows] @ function(table[rows].astype("float64"))
    return total / weights.sum()


def _blocks(table):
    rows = max(1, _BLOCK // max(1, table.shape[1]))
    return [slice(begin, begin + rows) for begin in range(0, len(table), rows)]
