"""Explanations of a run, and checks of its gradients, in the words of the author of the graph."""

from .gradcheck import Gradcheck, gradcheck
from .recording import Contribution, RecordedStep, Recording, Summary, record

__all__ = [
    "Contribution",
    "Gradcheck",
    "RecordedStep",
    "Recording",
    "Summary",
    "gradcheck",
    "record",
]
