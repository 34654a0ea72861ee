"""skattn: can an LSTM benefit from temporal attention? A scikit-learn regressor to find out.

Public names are loaded when they are first used, and TensorFlow when something is
first fitted or predicted.
"""

import importlib
from importlib.metadata import version

__version__ = version("skattn")

_MODULE_OF = {
    "LSTMAttentionRegressor": "_regressor",
    "SequenceScaler": "_sequence_scaler",
    "TimeWindows": "_windows",
    "TrainingDivergedError": "_training",
    "build_network": "_network",
    "clear_programs": "_program",
    "layers": "layers",
    "sliding_windows": "_sliding",
}

__all__ = ["__version__", *_MODULE_OF]


def __getattr__(name):
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'skattn' has no attribute {name!r}")
    module = importlib.import_module(f".{_MODULE_OF[name]}", __name__)
    return module if name == "layers" else getattr(module, name)


def __dir__():
    return sorted(__all__)
