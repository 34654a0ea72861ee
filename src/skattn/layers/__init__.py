"""Keras layers of skattn's networks, for use in any Keras model.

In come tensors of sequences and masks; out go tensors. Nothing else of skattn is known here.
"""

from ._attention import (
    AdditiveAttention,
    DotAttention,
    GeneralAttention,
    MeanAttention,
    SelfAttention,
)
from ._dropout import Dropout
from ._lstm import LSTM
from ._steps import (
    LastSteps,
    LeftAlign,
    NormalizedSteps,
    PresentSteps,
    RelativeSteps,
    Segments,
)

__all__ = [
    "LSTM",
    "AdditiveAttention",
    "DotAttention",
    "Dropout",
    "GeneralAttention",
    "LastSteps",
    "LeftAlign",
    "MeanAttention",
    "NormalizedSteps",
    "PresentSteps",
    "RelativeSteps",
    "Segments",
    "SelfAttention",
]
