"""See backpropagation through time: LSTM cells as graphs, unrolled, drawn, stepped and trained."""

import importlib
from typing import TYPE_CHECKING, Any

from . import cells
from .backend import backend, has_gpu
from .blas import blas_facts, blas_threads
from .errors import (
    ArgumentError,
    BackendError,
    DtypeError,
    GradientError,
    GraphError,
    RangeError,
    RenderError,
    ShapeError,
    TextError,
    TinygradError,
)
from .graph import Graph
from .layers import Diagonal, Dropout, Embedding, Linear
from .op import Op
from .ops import *  # noqa: F403
from .ops.functions import *  # noqa: F403
from .registry import CELLS, cell
from .settings import default_dtype, evaluating, no_grad, seed
from .steps import Step
from .tensor import OPS, Input, Parameter, Tensor
from .unroll import stack, through_time, unroll, zero_state

if TYPE_CHECKING:
    from .explain import (
        Gradcheck,
        GradientFlow,
        Jacobians,
        Ledger,
        Paths,
        Recording,
        Saliency,
        ThreeWays,
        Truncation,
        Verdict,
        bptt_equations,
        bptt_source,
        cut,
        doctor,
        gradcheck,
        gradient_flow,
        jacobians,
        ledger,
        paths,
        record,
        saliency,
        set_forget_bias,
        three_ways,
        truncation,
    )
    from .plan import Plan, compile
    from .show import Drawing, Equations, draw, equations

__version__ = "0.1.0"


_LATER = {
    "plan": ("Plan", "compile"),
    "show": ("Drawing", "Equations", "draw", "equations"),
    "explain": (
        "Gradcheck",
        "GradientFlow",
        "Jacobians",
        "Ledger",
        "Paths",
        "Recording",
        "Saliency",
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
    ),
}


def __getattr__(name: str) -> Any:
    """What reads graphs for people is imported when first used."""
    for module, names in _LATER.items():
        if name in names:
            return getattr(importlib.import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
