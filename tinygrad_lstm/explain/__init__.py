"""Explanations of a run, and checks of its gradients, in the words of the author of the graph."""

from .derive import bptt_equations
from .flow import GradientFlow, gradient_flow
from .gradcheck import Gradcheck, gradcheck
from .ledger import Ledger, ledger
from .recording import Contribution, RecordedStep, Recording, Summary, record
from .truncation import Truncation, cut, truncation

__all__ = [
    "Contribution",
    "Gradcheck",
    "GradientFlow",
    "Ledger",
    "RecordedStep",
    "Recording",
    "Summary",
    "Truncation",
    "bptt_equations",
    "cut",
    "gradcheck",
    "gradient_flow",
    "ledger",
    "record",
    "truncation",
]
