"""Networks and their compiled programs.

In comes a `NetworkSpec`, which decides the graph; out goes a `Program` of it, lent from a
bounded pool, through which numbers flow. `borrow` is the door at which TensorFlow is loaded.
Nothing in here knows scikit-learn or estimators.
"""


def borrow(spec):
    """Borrow a program; TensorFlow is loaded here, at the first fit or prediction."""
    from .pool import pool

    return pool.borrow(spec)
