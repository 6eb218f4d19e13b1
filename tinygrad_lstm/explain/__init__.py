"""Explanations of a run, and checks of its gradients, in the words of the author of the graph."""

from .comparison import Gradcheck
from .derive import bptt_equations
from .diagnosis import Verdict, doctor
from .flow import GradientFlow, gradient_flow
from .gates import set_forget_bias
from .gradcheck import gradcheck
from .jacobians import Jacobians, jacobians
from .ledger import Ledger, ledger
from .paths import Paths, paths
from .recording import Contribution, RecordedStep, Recording, Summary, record
from .saliency import Saliency, saliency
from .source import bptt_source
from .three_ways import ThreeWays, three_ways
from .truncation import Truncation, cut, truncation

__all__ = [
    "Contribution",
    "Gradcheck",
    "GradientFlow",
    "Jacobians",
    "Ledger",
    "Paths",
    "RecordedStep",
    "Recording",
    "Saliency",
    "Summary",
    "ThreeWays",
    "Truncation",
    "Verdict",
    "bptt_equations",
    "bptt_source",
    "cut",
    "doctor",
    "gradcheck",
    "gradient_flow",
    "jacobians",
    "ledger",
    "paths",
    "record",
    "saliency",
    "set_forget_bias",
    "three_ways",
    "truncation",
]
