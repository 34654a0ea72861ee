"""skattn: can an LSTM benefit from temporal attention? A scikit-learn regressor to find out.

Public names are loaded when they are first used, and TensorFlow when something is
first fitted or predicted.
"""

import importlib
from importlib.metadata import version

__version__ = version("skattn")

_MODULE_OF = {
    "AttentionDisplay": "_displays._attention",
    "ComparisonDisplay": "_displays._comparison",
    "FaithfulnessDisplay": "_displays._faithfulness",
    "ImportanceDisplay": "_displays._importance",
    "LSTMAttentionRegressor": "_regressor",
    "ModelFileError": "_model_file",
    "SequenceScaler": "_sequence_scaler",
    "TimeWindows": "_windows",
    "TrainingDisplay": "_displays._training",
    "TrainingDivergedError": "_training",
    "attention_faithfulness": "_faithfulness",
    "attention_weights": "_inspection",
    "build_network": "_network",
    "clear_programs": "_pool",
    "compare_attentions": "_comparison",
    "datasets": "datasets",
    "layers": "layers",
    "load": "_persistence",
    "save": "_persistence",
    "sequence_importance": "_importance",
    "set_num_threads": "_threads",
    "sliding_windows": "_sliding",
}
_MODULES = {name for name, module in _MODULE_OF.items() if name == module}

__all__ = ["__version__", *_MODULE_OF]


def __getattr__(name):
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'skattn' has no attribute {name!r}")
    module = importlib.import_module(f".{_MODULE_OF[name]}", __name__)
    return module if name in _MODULES else getattr(module, name)


def __dir__():
    return sorted(__all__)
