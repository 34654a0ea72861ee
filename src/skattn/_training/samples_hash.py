"""A 64-bit key for each sample, which depends on nothing but its values.

Equal samples have equal keys, whatever stands beside them, on every machine and in every
version: the order of the keys is the order in which samples train. `pandas.util.hash_array`
promises no such thing between its versions, and takes no rows of several values.
"""

import numpy as np

from .._inputs.sequences import BLOCK


def keys_of(samples):
    """Return the key of each sample, of its steps and its targets."""
    return samples.X.keys(mixed(samples.X.table)) ^ mixed(samples.y)


def mixed(values):
    """Mix the values of each row of a table (n_rows, n_values) into 64 bits."""
    n_values = values.shape[1]
    factors = np.random.RandomState(1).randint(2**62, size=n_values, dtype="uint64") * 2 + 1
    keys = np.empty(len(values), dtype="uint64")
    size = max(1, BLOCK // n_values)
    for begin in range(0, len(values), size):
        block = values[begin : begin + size].astype("float64")
        bits = ~(block + 0.0).view("uint64")  # one bit pattern for zero, and not 0
        bits ^= bits >> np.uint64(29)
        bits *= factors
        bits ^= bits >> np.uint64(32)
        keys[begin : begin + size] = (bits * factors).sum(axis=1)
    return keys
