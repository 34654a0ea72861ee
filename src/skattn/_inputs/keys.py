"""64-bit keys of rows and of sequences, which depend on nothing but their values.

Equal samples have equal keys, whatever stands beside them, on every machine and in every
version: the order of the keys is the order in which samples train. `pandas.util.hash_array`
promises no such thing between its versions, and takes no rows of several values.

The key of a sequence is a polynomial of the keys of its rows in an odd number, modulo 2**64. So a
step at either end is taken off by one multiplication.
"""

import numpy as np

#: Values that one pass over many rows holds at once.
BLOCK = 2**17

#: The number of the polynomials, and its inverse.
ODD = 0x9E3779B97F4A7C15
INVERSE = pow(ODD, -1, 2**64)


def row_keys(values):
    """Return a key for each row of a table (n_rows, n_columns), never 0 for a row of numbers."""
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


def slice_keys(keys, starts, lengths):
    """Return the key of each slice of a table, from the keys of its rows.

    Sums over slices are differences of running sums, shifted back to where the slice starts.
    """
    powers = np.cumprod(np.full(len(keys), ODD, dtype="uint64"))
    inverses = np.cumprod(np.full(len(keys), INVERSE, dtype="uint64"))
    sums = np.concatenate([np.zeros(1, "uint64"), np.cumsum(powers * keys)])
    return (sums[starts + lengths] - sums[starts]) * inverses[starts]


def end_keys(keys):
    """Yield for each shift the keys of what two sequences share if one is the other, shifted.

    Parameters
    ----------
    keys : uint64 array of shape (n_samples, n_timesteps)
        Keys of the steps.

    Yields
    ------
    shift : int
        From 0 to n_timesteps - 1.
    ends : uint64 array of shape (n_samples,)
        Keys of all steps but the first `shift`.
    begins : uint64 array of shape (n_samples,)
        Keys of all steps but the last `shift`.
    """
    n_timesteps = keys.shape[1]
    powers = np.cumprod(np.array([1, *[ODD] * (n_timesteps - 1)], dtype="uint64"))
    ends = begins = keys @ powers
    yield 0, ends, begins
    for shift in range(1, n_timesteps):
        ends = (ends - keys[:, shift - 1]) * np.uint64(INVERSE)
        begins = begins - keys[:, -shift] * powers[-shift]
        yield shift, ends, begins
