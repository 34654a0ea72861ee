"""Keras layers of skattn's networks, for use in any Keras model."""

from ._attention import (
    AdditiveAttention,
    DotAttention,
    GeneralAttention,
    MeanAttention,
    SelfAttention,
)
from ._lstm import LSTM
from ._steps import Dropout, LeftAlign, PresentSteps, Segments

__all__ = [
    "LSTM",
    "AdditiveAttention",
    "DotAttention",
    "Dropout",
    "GeneralAttention",
    "LeftAlign",
    "MeanAttention",
    "PresentSteps",
    "Segments",
    "SelfAttention",
]
