"""Programs: networks, and their compiled training and prediction.

In comes a `NetworkSpec`, which decides the graph; out goes its `Program` from a bounded pool.
Numbers flow through a program as tensors. Neither scikit-learn nor estimators are known here.
"""

from .start import load_tensorflow


def program_of(spec):
    """Return the program of a spec. TensorFlow is loaded here, where it is not."""
    load_tensorflow()
    from .pool import pool

    return pool.get(spec)


def listeners_of(callbacks, spec, **options):
    """Return the callbacks of a training as `Listeners`."""
    from .callbacks import Listeners

    return Listeners(callbacks, spec, **options)
