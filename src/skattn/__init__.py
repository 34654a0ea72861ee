"""skattn: can an LSTM benefit from temporal attention? Estimators for scikit-learn to find out.

Public names are loaded when they are first used, and TensorFlow when something is
first fitted or predicted.
"""

import importlib
from importlib.metadata import version

__version__ = version("skattn")

_MODULE_OF = {
    "AttentionDisplay": "_displays.attention",
    "ComparisonDisplay": "_displays.comparison",
    "FaithfulnessDisplay": "_displays.faithfulness",
    "ImportanceDisplay": "_displays.importance",
    "LSTMAttentionClassifier": "_estimators.classifier",
    "LSTMAttentionRegressor": "_estimators.regressor",
    "LossCurveDisplay": "_displays.loss_curve",
    "ModelFileError": "_saving.checks",
    "SequenceScaler": "_preprocessing.sequence_scaler",
    "TimeWindows": "_preprocessing.time_windows",
    "TrainingDivergedError": "_training.run",
    "Windows": "_inputs.windows",
    "attention_faithfulness": "_insight.faithfulness",
    "attention_weights": "_insight.attention_weights",
    "build_network": "_programs.build_network",
    "clear_programs": "_programs.pool",
    "compare_attentions": "_insight.comparison",
    "datasets": "datasets",
    "layers": "layers",
    "load": "_saving.save_load",
    "save": "_saving.save_load",
    "sequence_importance": "_insight.importance",
    "set_num_threads": "_programs.threads",
    "sliding_windows": "_preprocessing.sliding_windows",
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
